//! One writer for each output folder: a locked file that says who writes. The system drops the lock with its process,
//! so that none goes stale; the file of a killed writer stays and says what was begun.

use std::cell::Cell;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Name of the locked file.
pub const LOCK: &str = ".unlearn.lock";

/// What a process does in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The command's word.
    pub command: String,
    /// Of the process.
    pub pid: u32,
    /// Digest of everything that its result depends on: another one is another command line. Empty until it begins to
    /// write.
    pub digest: String,
    /// What it found begun by a killed process, until it begins itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left: Option<Box<Task>>,
}

/// The right to write to a folder, until it is dropped.
#[derive(Debug)]
pub struct Hold {
    folder: PathBuf,
    file: File,
    /// Folders that were absent, the outermost first.
    made: Vec<PathBuf>,
    command: String,
    /// What a killed process had begun.
    left: Option<Task>,
    begun: Cell<bool>,
}

impl Hold {
    /// Makes the folder if it is absent and locks it for a command.
    ///
    /// # Errors
    /// Another process writes there; the folder cannot be made or written to.
    pub fn take(folder: &Path, command: &str) -> Result<Hold> {
        loop {
            let made = make(folder)?;
            let taken = lock(folder).inspect_err(|_| unmake(&made))?;
            // `None`: its last holder removed the file, or the folder, in between.
            let Some((file, left)) = taken else {
                unmake(&made);
                continue;
            };
            let (folder, command, begun) = (folder.to_owned(), command.to_owned(), Cell::new(false));
            let hold = Hold { folder, file, made, command, left, begun };
            hold.write(&Task { left: hold.left.clone().map(Box::new), ..hold.task("") })?;
            return Ok(hold);
        }
    }

    /// What a killed process had begun here; nothing if the last one ended by itself.
    pub fn left(&self) -> Option<&Task> {
        self.left.as_ref()
    }

    /// Writes down what is begun, for whoever comes after a kill.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn begin(&self, digest: &str) -> Result<()> {
        self.begun.set(true);
        self.write(&self.task(digest))
    }

    /// Nothing is left to do of what was begun here.
    pub fn settle(self) {
        self.begun.set(true);
    }

    fn task(&self, digest: &str) -> Task {
        Task { command: self.command.clone(), pid: std::process::id(), digest: digest.to_owned(), left: None }
    }

    fn write(&self, task: &Task) -> Result<()> {
        let text = serde_json::to_string(task).map_err(|e| Error::internal(format!("{LOCK}: {e}")))?;
        let mut file = &self.file;
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
        written.map_err(Error::io("write", &self.folder.join(LOCK)))
    }
}

/// The command that had begun in a folder and did not end, where it left a word.
pub fn begun_by(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join(LOCK)).ok()?;
    let task: Task = serde_json::from_str(&text).ok()?;
    Some(task.left.map_or(task.command, |left| left.command))
}

impl Drop for Hold {
    /// The file goes, unless it tells of work that was broken off and that nobody has taken over; so does a folder that
    /// was made for nothing.
    fn drop(&mut self) {
        match &self.left {
            // What cannot be written or removed says no more than who was here.
            _ if std::thread::panicking() => {}
            Some(left) if !self.begun.get() => self.write(left).unwrap_or_default(),
            _ => fs::remove_file(self.folder.join(LOCK)).unwrap_or_default(),
        }
        unmake(&self.made);
    }
}

/// Makes a folder and those above it; returns those that were absent.
fn make(folder: &Path) -> Result<Vec<PathBuf>> {
    let absent = folder.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists());
    let mut made: Vec<PathBuf> = absent.map(Path::to_owned).collect();
    made.reverse();
    fs::create_dir_all(folder).map_err(Error::io("create", folder)).inspect_err(|_| unmake(&made))?;
    Ok(made)
}

/// Removes folders as far as nothing is in them.
fn unmake(made: &[PathBuf]) {
    for folder in made.iter().rev() {
        // Not empty, or gone already: either way there is nothing to take back.
        fs::remove_dir(folder).ok();
    }
}

/// Opens and locks the folder's file; `None` if it is no longer the folder's once it is locked.
fn lock(folder: &Path) -> Result<Option<(File, Option<Task>)>> {
    let path = folder.join(LOCK);
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = match opened {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io("write to", folder)(e)),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(taken(folder, &mut file)),
        // A file system without locks: two writers are then kept apart by nothing, as everywhere on it.
        Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Unsupported => {}
        Err(TryLockError::Error(e)) => return Err(Error::io("lock", &path)(e)),
    }
    Ok(same(&file, &path).then(|| {
        let left = begun(&mut file);
        (file, left)
    }))
}

fn read(file: &mut File) -> Option<Task> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// What the last holder of the file had begun, if it did not end by itself.
fn begun(file: &mut File) -> Option<Task> {
    let last = read(file)?;
    if last.digest.is_empty() { last.left.map(|left| *left) } else { Some(last) }
}

fn taken(folder: &Path, file: &mut File) -> Error {
    let who = match read(file) {
        Some(task) => format!("process {} (`unlearn {}`)", task.pid, task.command),
        None => "another process".to_owned(),
    };
    Error::input(format!(
        "--out {} is being written to by {who}; wait until that ends, or use another folder",
        folder.display()
    ))
}

#[cfg(unix)]
fn same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |m: fs::Metadata| (m.dev(), m.ino());
    matches!((file.metadata().map(identity), fs::metadata(path).map(identity)), (Ok(a), Ok(b)) if a == b)
}

/// A file that is open is not removed elsewhere.
#[cfg(not(unix))]
fn same(_file: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_writer_and_nothing_is_left_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b/c");
        let first = Hold::take(&folder, "train").unwrap();
        let refused = Hold::take(&folder, "forget").unwrap_err();
        assert_eq!(refused.exit_code(), 2);
        let (pid, text) = (std::process::id().to_string(), refused.to_string());
        assert!(text.contains(&pid) && text.contains("unlearn train"), "{text}");
        drop(first);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "folders that were made for nothing");
        // What was written stays, and so do its folders.
        let again = Hold::take(&folder, "train").unwrap();
        fs::write(folder.join("kept"), b"").unwrap();
        drop(again);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_writer_began_is_known_until_somebody_takes_it_over() {
        let dir = tempfile::tempdir().unwrap();
        // As a killed process leaves it: the file, and no lock.
        let begun = Task { command: "forget".into(), pid: 1, digest: "d".into(), left: None };
        fs::write(dir.path().join(LOCK), serde_json::to_string(&begun).unwrap()).unwrap();
        assert_eq!(Hold::take(dir.path(), "train").unwrap().left(), Some(&begun));
        let next = Hold::take(dir.path(), "forget").unwrap();
        assert_eq!(next.left(), Some(&begun), "it was dropped by somebody who had not begun");
        // Killed in its turn, before it began.
        let file = fs::read(dir.path().join(LOCK)).unwrap();
        drop(next);
        fs::write(dir.path().join(LOCK), file).unwrap();
        let last = Hold::take(dir.path(), "forget").unwrap();
        assert_eq!(last.left(), Some(&begun));
        last.begin("d").unwrap();
        drop(last);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
