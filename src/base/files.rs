//! Writing files so that a reader sees the old content or the new one, never a part.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Writes `bytes` to a temporary file beside `path`, flushes it to disk and renames it over `path`. After an error the
/// old content of `path` is untouched and the temporary file is gone.
///
/// # Errors
/// `Io` with the path, when the folder is absent or closed to us or the disk is full.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = temporary_name(path)?;
    let written = write_and_sync(&temporary, bytes)
        .map_err(Error::io("write", path))
        .and_then(|()| fs::rename(&temporary, path).map_err(Error::io("write", path)));
    if written.is_err() {
        // The first error is the one worth reading; nothing is left to do about a second.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_and_sync(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The process id keeps two runs that write the same path from sharing a temporary file.
fn temporary_name(path: &Path) -> Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| Error::input(format!("cannot write {}: it names no file; give a file name", path.display())))?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.tmp", std::process::id()));
    Ok(path.with_file_name(hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_the_whole_file_and_leaves_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        write_atomic(&path, b"a long first version").unwrap();
        write_atomic(&path, b"short").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"short");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_the_old_content_and_no_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        // A folder in the place of the file: the rename must fail after the temporary file was written.
        let path = dir.path().join("taken");
        fs::create_dir_all(path.join("inside")).unwrap();
        let error = write_atomic(&path, b"x").unwrap_err();
        assert!(error.to_string().contains("taken"), "{error}");
        assert!(path.join("inside").is_dir());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(write_atomic(&dir.path().join("no/such/a.txt"), b"x").unwrap_err().exit_code(), 2);
        assert_eq!(write_atomic(Path::new("/"), b"x").unwrap_err().exit_code(), 2);
    }
}
