//! The configuration of a training as it goes into a pack: paths from one folder, no request, and no seed where the
//! seed is what the guarantee rests on.

use std::path::{Component, Path, PathBuf};

use crate::error::Result;
use crate::run::config::Config;

/// The file, and whether it names any.
///
/// # Errors
/// A path that is not UTF-8.
pub(super) fn portable(config: &Config, secret_seed: bool) -> Result<(String, bool)> {
    let mut config = Config { forget: None, ..config.clone() };
    if secret_seed {
        config.seed = 0;
    }
    if let Some(ensemble) = &mut config.ensemble {
        ensemble.without = Vec::new();
    }
    if let Some(deltas) = &mut config.train.deltas {
        // The request that says whom steps are kept for names them.
        deltas.request = None;
    }
    let root = common(&config.paths().map(|path| path.clone()).collect::<Vec<_>>());
    let mut any = false;
    config.paths().for_each(|path| {
        any = true;
        *path = path.strip_prefix(&root).map_or_else(|_| path.clone(), Path::to_owned);
    });
    Ok((config.to_toml()?, any))
}

/// The deepest folder that all paths are below.
fn common(paths: &[PathBuf]) -> PathBuf {
    let folder = |path: &PathBuf| path.parent().map_or_else(PathBuf::new, Path::to_owned);
    let Some(first) = paths.first().map(folder) else { return PathBuf::new() };
    let mut shared: Vec<Component> = first.components().collect();
    for path in &paths[1..] {
        let other = folder(path);
        let same = shared.iter().zip(other.components()).take_while(|(a, b)| **a == *b).count();
        shared.truncate(same);
    }
    shared.iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::config::Loaded;

    #[test]
    fn paths_are_from_the_folder_that_all_are_in_and_requests_stay_out() {
        let paths = ["/a/b/c/x.csv", "/a/b/y.csv", "/a/b/d/e/z"].map(PathBuf::from);
        assert_eq!(common(&paths), Path::new("/a/b"));
        assert_eq!((common(&paths[..1]), common(&[])), (PathBuf::from("/a/b/c"), PathBuf::new()));
        let text = "seed = 9\n[data]\nloader = \"csv\"\npath = \"/srv/jane/data/customers.csv\"\nlabel = \"y\"\n\
            [model]\nzoo = \"logistic\"\n[forget]\nrequest = \"/srv/jane/r.jsonl\"\n";
        let config = Loaded::parse(text, "a.toml", Path::new(""), &[], None).unwrap().config;
        let (open, files) = portable(&config, false).unwrap();
        assert!(files && !open.contains("jane") && open.contains("\"customers.csv\"") && open.contains("seed = 9"));
        let (secret, _) = portable(&config, true).unwrap();
        assert!(secret.contains("seed = 0\n"), "{secret}");
    }
}
