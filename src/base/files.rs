//! Writing files so that a reader sees the old content or the new one, never a part.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::digest::sha256;
use crate::error::{Error, Result};

/// Bytes that most file systems allow a name.
const LONGEST_NAME: usize = 255;
/// Bytes that a temporary's name has beside the file's: dots, a process id, a count, `tmp`.
const AROUND: usize = 32;

/// Writes `bytes` to a temporary file beside `path`, flushes it to disk and renames it over `path`. After an error the
/// old content of `path` is untouched and the temporary file is gone. A link is followed; what is no file (a pipe, a
/// terminal, `/dev/null`) is written to as it stands.
///
/// # Errors
/// `Io` with the path, when the folder is absent or closed to us or the disk is full.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let fail = || Error::io("write", path);
    if stream(path) {
        return OpenOptions::new().write(true).open(path).and_then(|mut f| f.write_all(bytes)).map_err(fail());
    }
    let target = if path.is_symlink() { fs::canonicalize(path).ok() } else { None };
    let target = target.as_deref().unwrap_or(path);
    let (temporary, mut file) = temporary(target)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, target));
    written.map_err(fail()).inspect_err(|_| {
        // The first error is the one worth reading; nothing is left to do about a second.
        let _ = fs::remove_file(&temporary);
    })
}

/// Whether there is something at `path` that takes bytes but is no file: a pipe, a terminal, `/dev/null`.
pub fn stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir())
}

/// Tries that a file of this name can be written: better now than after the work. Nothing is left behind.
///
/// # Errors
/// As [`write_atomic`]; a folder of this name.
pub fn try_writing(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(Error::input(format!("cannot write {}: it is a folder; give a file name", path.display())));
    }
    if let Err(e) = fs::symlink_metadata(path)
        && e.kind() != ErrorKind::NotFound
    {
        return Err(Error::io("write", path)(e));
    }
    let (temporary, _) = temporary(path)?;
    fs::remove_file(&temporary).map_err(Error::io("write", path))
}

/// Removes the temporaries of this one file that killed writers have left; those of a living writer are locked.
pub fn sweep(path: &Path) {
    let Some(name) = path.file_name() else { return };
    sweep_where(folder_of(path), |entry| is_temporary(entry, name));
}

/// As [`sweep`], of every file in a folder: what was never written again would stay.
pub fn sweep_folder(folder: &Path) {
    sweep_where(folder, |entry| {
        let middle = entry.as_encoded_bytes().strip_prefix(b".").and_then(|rest| rest.strip_suffix(b".tmp"));
        let mut parts = middle.into_iter().flat_map(|middle| middle.rsplitn(3, |b| *b == b'.'));
        [parts.next(), parts.next()].iter().all(|part| part.is_some_and(number)) && parts.next().is_some()
    });
}

fn sweep_where(folder: &Path, wanted: impl Fn(&OsStr) -> bool) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| wanted(&entry.file_name())) {
        let unused = |file: File| file.try_lock().is_ok();
        if entry.file_type().is_ok_and(|t| t.is_file()) && File::open(entry.path()).is_ok_and(unused) {
            // Gone already, or not ours to remove.
            fs::remove_file(entry.path()).ok();
        }
    }
}

/// Waits until the names in the folder of a file are on the disk too: what a rename promises survives a loss of power
/// only then.
///
/// # Errors
/// The folder cannot be opened.
pub fn sync_folder(path: &Path) -> Result<()> {
    // Elsewhere folders are no files.
    #[cfg(unix)]
    File::open(folder_of(path)).and_then(|folder| folder.sync_all()).map_err(Error::io("write", folder_of(path)))?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// The folder that a file is in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new, locked file beside `path`. The process id keeps two processes that write the same path apart, the count two
/// threads; a file that is there is never opened.
fn temporary(path: &Path) -> Result<(PathBuf, File)> {
    let name = path
        .file_name()
        .ok_or_else(|| Error::input(format!("cannot write {}: it names no file; give a file name", path.display())))?;
    let mut count = 0u32;
    loop {
        let mut hidden = hidden(name);
        hidden.push(format!("{}.{count}.tmp", std::process::id()));
        let temporary = path.with_file_name(hidden);
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) => {
                // Where locks are unknown, left-overs stay.
                file.try_lock().ok();
                return Ok((temporary, file));
            }
            Err(e) if e.kind() == ErrorKind::AlreadyExists && count < 1000 => count += 1,
            Err(e) => return Err(Error::io("write", path)(e)),
        }
    }
}

/// What the temporaries of a file begin with: its name, or a digest where that leaves no room.
fn hidden(name: &OsStr) -> OsString {
    let bytes = name.as_encoded_bytes();
    let mut hidden = OsString::from(".");
    match bytes.len() > LONGEST_NAME - AROUND {
        true => hidden.push(sha256(bytes)),
        false => hidden.push(name),
    }
    hidden.push(".");
    hidden
}

/// Whether `entry` is a temporary of the file `name`: `.name.PID.N.tmp`, as [`temporary`] writes it.
fn is_temporary(entry: &OsStr, name: &OsStr) -> bool {
    let own = hidden(name);
    let rest = entry.as_encoded_bytes().strip_prefix(own.as_encoded_bytes());
    let Some(numbers) = rest.and_then(|rest| rest.strip_suffix(b".tmp")) else { return false };
    numbers.split(|b| *b == b'.').all(number)
}

fn number(part: &[u8]) -> bool {
    !part.is_empty() && part.iter().all(u8::is_ascii_digit)
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

    #[test]
    fn long_names_are_written_and_a_name_that_is_too_long_is_refused_beforehand() {
        let dir = tempfile::tempdir().unwrap();
        for letters in [200, 223, 224, 255] {
            let path = dir.path().join("x".repeat(letters));
            try_writing(&path).unwrap();
            write_atomic(&path, b"x").unwrap();
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
        assert_eq!(try_writing(&dir.path().join("x".repeat(256))).unwrap_err().exit_code(), 2);
        assert!(try_writing(dir.path()).unwrap_err().to_string().contains("is a folder"));
        assert_eq!(try_writing(&dir.path().join("no/such")).unwrap_err().exit_code(), 2);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
    }

    #[test]
    fn only_left_overs_of_the_file_itself_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let stay = [".notes.tmp", ".a.txt.7x.tmp", ".a.txt..tmp", ".a.tmp", "a.txt", ".b.txt.7.0.tmp", ".a.txt.tmp"];
        let go = [".a.txt.7.tmp", ".a.txt.7.12.tmp"];
        stay.iter().chain(&go).for_each(|name| fs::write(dir.path().join(name), b"x").unwrap());
        let (writing, held) = temporary(&dir.path().join("a.txt")).unwrap();
        sweep(&dir.path().join("a.txt"));
        assert!(writing.exists(), "a living writer's file is gone");
        drop(held);
        sweep(&dir.path().join("a.txt"));
        let mut left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        let mut want: Vec<OsString> = stay.iter().map(OsString::from).collect();
        left.sort();
        want.sort();
        assert_eq!(left, want);
        sweep_folder(dir.path());
        assert!(!dir.path().join(".b.txt.7.0.tmp").exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), stay.len() - 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_and_a_stream_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, b"old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_atomic(&link, b"new").unwrap();
        assert!(link.is_symlink() && fs::read(&file).unwrap() == b"new");
        // A link to a stream, so that a mistake costs nobody the stream.
        let null = dir.path().join("null");
        std::os::unix::fs::symlink("/dev/null", &null).unwrap();
        write_atomic(&null, b"x").unwrap();
        assert!(null.is_symlink() && stream(&null));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }
}
