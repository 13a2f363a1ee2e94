//! A folder that requests are dropped into: a file that can be taken is moved to `done`, one that cannot to `refused`,
//! with the reason beside it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::add::{Added, add, read_delivery};
use super::project::Project;
use crate::base::write_atomic;
use crate::error::{Error, Result};

/// A file that was looked at.
#[derive(Debug, Serialize)]
pub struct Taken {
    /// Where it is now.
    pub file: PathBuf,
    /// What became of its requests; none where it was refused.
    pub added: Option<Added>,
    /// The file that says why it was refused.
    pub refused: Option<PathBuf>,
}

/// Takes every file of the folder that nobody has written to for `quiet` seconds. A file that was taken when the
/// process was killed is taken again, which changes nothing.
///
/// # Errors
/// The folder cannot be read or written to; what adding fails with and is not the file's fault.
pub fn sweep_in(project: &Project, folder: &Path, quiet: u64, actor: &str) -> Result<Vec<Taken>> {
    let entries = fs::read_dir(folder).map_err(Error::io("read", folder))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| is_request(path)).collect();
    files.sort();
    let mut all = Vec::new();
    for path in files.into_iter().filter(|path| is_quiet(path, quiet)) {
        all.push(take(project, folder, &path, actor)?);
    }
    Ok(all)
}

/// A file of requests that is not hidden, as files are that are still being written.
fn is_request(path: &Path) -> bool {
    let hidden = path.file_name().and_then(|name| name.to_str()).is_none_or(|name| name.starts_with('.'));
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    !hidden && path.is_file() && ["jsonl", "csv"].contains(&ending.as_str())
}

fn is_quiet(path: &Path, quiet: u64) -> bool {
    let written = fs::metadata(path).and_then(|data| data.modified()).ok();
    // A clock that went back tells nothing: then it is taken.
    written.and_then(|at| at.elapsed().ok()).is_none_or(|since| since.as_secs() >= quiet)
}

fn take(project: &Project, folder: &Path, path: &Path, actor: &str) -> Result<Taken> {
    let name = path.file_name().map(PathBuf::from).unwrap_or_default();
    let text = read_delivery(fs::File::open(path).map_err(Error::io("open", path))?, &name);
    match text.and_then(|text| add(project, &text, &name, actor)) {
        Ok(added) => Ok(Taken { file: moved(path, &folder.join("done"))?, added: Some(added), refused: None }),
        Err(e @ Error::Input(_)) => {
            let to = moved(path, &folder.join("refused"))?;
            let why = with(&to, ".why.txt");
            write_atomic(&why, format!("{e}\n").as_bytes())?;
            Ok(Taken { file: to, added: None, refused: Some(why) })
        }
        Err(e) => Err(e),
    }
}

fn with(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    PathBuf::from(name)
}

/// Moves a file into a folder, under a name that is free there.
fn moved(path: &Path, to: &Path) -> Result<PathBuf> {
    fs::create_dir_all(to).map_err(Error::io("create", to))?;
    let name = to.join(path.file_name().unwrap_or_default());
    let free =
        (0..).map(|n| if n == 0 { name.clone() } else { with(&name, &format!(".{n}")) }).find(|path| !path.exists());
    let free = free.unwrap_or(name);
    fs::rename(path, &free).map_err(Error::io("move", path))?;
    Ok(free)
}
