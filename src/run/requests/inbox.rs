//! What open requests say, ids and all: the one place of a project that knows them in clear, besides the runs that
//! forgot them. A file for each delivery; what a request said goes with its end.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::{sweep_folder, sync_folder, write_atomic};
use crate::data::Request;
use crate::error::{Error, Result};

/// Folder of the deliveries.
pub(super) const INBOX: &str = "inbox";

/// What a request says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Body {
    /// Pseudonym of its id.
    pub request: String,
    /// Its parts, of one kind each.
    pub parts: Vec<Request>,
}

/// Files of the deliveries, in their order.
fn files(project: &Path) -> Result<Vec<PathBuf>> {
    let folder = project.join(INBOX);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("read", &folder)(e)),
    };
    let mut all: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    all.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    all.sort();
    Ok(all)
}

fn read(path: &Path) -> Result<Vec<Body>> {
    let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
    let line = |(at, line): (usize, &str)| {
        let body: Body =
            serde_json::from_str(line).map_err(|e| Error::input(format!("{} line {}: {e}", path.display(), at + 1)))?;
        Ok(body.named())
    };
    text.lines().enumerate().map(line).collect()
}

fn write(path: &Path, bodies: &[Body]) -> Result<()> {
    let mut text = String::new();
    for body in bodies {
        text += &serde_json::to_string(body).map_err(|e| Error::internal(format!("a request: {e}")))?;
        text.push('\n');
    }
    write_atomic(path, text.as_bytes())
}

impl Body {
    /// Messages name a request by its pseudonym, not by what may be a person's name.
    fn named(mut self) -> Body {
        let origin = origin(&self.request);
        self.parts.iter_mut().for_each(|part| part.origin.clone_from(&origin));
        self
    }
}

/// What messages call a request.
pub(super) fn origin(request: &str) -> String {
    format!("request {}", &request[..12.min(request.len())])
}

/// An error as it may be kept in a log. What is wrong with a line of a request names whom it means, and sometimes
/// others by whom it may be meant; which request it is stays.
pub(super) fn hush(error: Error) -> Error {
    let Error::Input(text) = &error else { return error };
    let short = |rest: &str| rest.bytes().take(12).filter(u8::is_ascii_hexdigit).count() == 12;
    let own = text.strip_prefix("request ").filter(|rest| short(rest)).and_then(|_| text.find(": "));
    // Of a batch's file: which line says which of the plan's requests.
    let of_file = || text.find(".jsonl line ").and_then(|at| Some(at + text[at..].find(": ")?));
    match own.or_else(of_file) {
        None => error,
        Some(at) => Error::input(format!(
            "{}: what it names cannot be forgotten as it stands; `unlearn requests plan --ids` says why",
            &text[..at]
        )),
    }
}

/// What all open requests say, by pseudonym.
pub(super) fn load(project: &Path) -> Result<BTreeMap<String, Body>> {
    let mut all = BTreeMap::new();
    for path in files(project)? {
        all.extend(read(&path)?.into_iter().map(|body| (body.request.clone(), body)));
    }
    Ok(all)
}

/// Keeps a delivery: it is on the disk when this returns.
pub(super) fn put(project: &Path, bodies: Vec<Body>) -> Result<Vec<Body>> {
    let folder = project.join(INBOX);
    fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    let last = files(project)?.pop();
    let number = last.and_then(|path| path.file_stem()?.to_str()?.parse::<u64>().ok()).unwrap_or(0);
    let path = folder.join(format!("{:06}.jsonl", number + 1));
    write(&path, &bodies)?;
    sync_folder(&path)?;
    Ok(bodies.into_iter().map(Body::named).collect())
}

/// Drops what is not to stay, and what a killed process had half written.
pub(super) fn keep(project: &Path, stays: &dyn Fn(&str) -> Result<bool>) -> Result<()> {
    sweep_folder(&project.join(INBOX));
    for path in files(project)? {
        let (mut left, mut gone) = (Vec::new(), 0);
        for body in read(&path)? {
            match stays(&body.request)? {
                true => left.push(body),
                false => gone += 1,
            }
        }
        match (gone, left.is_empty()) {
            (0, false) => {}
            (_, true) => fs::remove_file(&path).map_err(Error::io("remove", &path))?,
            (_, false) => write(&path, &left)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Id, Kind};

    fn body(request: &str) -> Body {
        let part = Request::new(Kind::Sample, vec![Id::Name(format!("{request}@example.org"))], "");
        Body { request: request.to_owned(), parts: vec![part] }.named()
    }

    #[test]
    fn errors_about_a_line_say_which_and_not_what() {
        let said = |text: &str| hush(Error::input(text)).to_string();
        let name = "unknown record `Anna-7`; did you mean `Anne-7`?";
        for origin in [origin(&"0a".repeat(32)), "p/batches/0001/request.jsonl line 3".to_owned()] {
            let text = said(&format!("{origin}: {name}"));
            assert!(text.starts_with(&origin) && !text.contains("Ann"), "{text}");
        }
        for other in ["request ab is short: and stays", "no adapter: none was found", "line 3: as it is"] {
            assert_eq!(said(other), other);
        }
        assert_eq!(hush(Error::CheckFailed("request".into())).exit_code(), 4);
    }

    #[test]
    fn what_ended_goes_and_the_rest_stays() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), vec![body("a"), body("b")]).unwrap();
        put(dir.path(), vec![body("c")]).unwrap();
        let all = load(dir.path()).unwrap();
        assert_eq!(all.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(all["b"], body("b"));
        keep(dir.path(), &|request| Ok(request == "b")).unwrap();
        assert_eq!(load(dir.path()).unwrap().keys().collect::<Vec<_>>(), ["b"]);
        assert_eq!(files(dir.path()).unwrap().len(), 1);
        put(dir.path(), vec![body("d")]).unwrap();
        assert_eq!(load(dir.path()).unwrap().len(), 2);
    }
}
