//! The file that only grows. A line is on the disk before anybody acts on it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::check::{Start, Verdict, check};
use super::entry::{Entry, Head};
use super::keys::{Keys, PublicKey};
use crate::base::{sync_folder, utc_now};
use crate::error::{Error, Result};

/// Name of the file in a project.
pub const LEDGER: &str = "ledger.jsonl";
/// What the first entry is.
pub const OPENED: &str = "ledger.opened";
/// The layout of entries that this program writes.
pub const LAYOUT: u64 = 1;
/// How long a writer waits for another, which writes a few lines and goes.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 0 } else { 20 });

/// A chain that this process alone may write to, until it is dropped.
#[derive(Debug)]
pub struct Chain {
    path: PathBuf,
    file: File,
    length: u64,
    entries: Vec<Entry>,
    keys: Keys,
    cut: u64,
}

/// What a file holds.
#[derive(Debug)]
pub struct Read {
    /// Its whole lines.
    pub entries: Vec<Entry>,
    /// Bytes of a last line that was never finished.
    pub torn: u64,
}

impl Chain {
    /// Begins a chain. Its first entry holds the public key and what `body` says, which is an object.
    ///
    /// # Errors
    /// The file is there already, or cannot be written.
    pub fn create(path: &Path, keys: &Keys, body: Value) -> Result<Chain> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path);
        let file = file.map_err(Error::io("create", path))?;
        wait_for(&file, path)?;
        let mut chain = Chain { path: path.to_owned(), file, length: 0, entries: vec![], keys: keys.clone(), cut: 0 };
        let mut first = json!({"layout": LAYOUT, "public_key": keys.public().hex()});
        if let (Some(first), Value::Object(body)) = (first.as_object_mut(), body) {
            first.extend(body);
        }
        chain.append(OPENED, first).inspect_err(|_| fs::remove_file(path).unwrap_or_default())?;
        sync_folder(path)?;
        Ok(chain)
    }

    /// Opens a chain to write to it. A last line that a killed writer did not finish is cut off: nobody acted on it.
    ///
    /// # Errors
    /// There is none, another process writes to it and does not end, a line is no entry or does not follow the one
    /// before it, its last entry is not signed by this key, or it was written by a newer version.
    pub fn open(path: &Path, keys: &Keys) -> Result<Chain> {
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(Error::io("open", path))?;
        wait_for(&file, path)?;
        let bytes = fs::read(path).map_err(Error::io("read", path))?;
        let Read { entries, torn } = parse(&bytes, path)?;
        let length = bytes.len() as u64 - torn;
        if torn > 0 {
            file.set_len(length).and_then(|()| file.sync_all()).map_err(Error::io("cut the last line of", path))?;
        }
        let last = entries.last().ok_or_else(|| empty(path))?;
        if !last.signed_by(&[keys.public()]) {
            return Err(Error::input(format!(
                "entry {} of {} is not signed by the key of this project ({}); run `unlearn ledger verify`",
                last.seq,
                path.display(),
                &keys.public().fingerprint()[..16]
            )));
        }
        Ok(Chain { path: path.to_owned(), file, length, entries, keys: keys.clone(), cut: torn })
    }

    /// Writes one entry and waits until it is on the disk.
    ///
    /// # Errors
    /// It cannot be written; the file is then as it was.
    pub fn append(&mut self, kind: &str, body: Value) -> Result<&Entry> {
        self.append_all([(kind.to_owned(), body)])?;
        self.entries.last().ok_or_else(|| empty(&self.path))
    }

    /// Writes entries that belong together and waits until all are on the disk. A kill may leave the first of them.
    ///
    /// # Errors
    /// As [`Chain::append`].
    pub fn append_all(&mut self, items: impl IntoIterator<Item = (String, Value)>) -> Result<&[Entry]> {
        let before = self.entries.len();
        let at = utc_now();
        let (mut text, mut made) = (Vec::new(), Vec::new());
        let mut head = self.head();
        for (kind, body) in items {
            let entry = Entry::sign(&self.keys, head.as_ref(), at.clone(), &kind, body)?;
            text.extend(entry.line()?);
            text.push(b'\n');
            head = Some(entry.head());
            made.push(entry);
        }
        if let Err(e) = self.write(&text) {
            // Should this fail too, the next writer cuts off what is not whole.
            self.file.set_len(self.length).and_then(|()| self.file.sync_all()).unwrap_or_default();
            return Err(Error::io("write to", &self.path)(e));
        }
        self.length += text.len() as u64;
        self.entries.extend(made);
        Ok(&self.entries[before..])
    }

    fn write(&mut self, text: &[u8]) -> std::io::Result<()> {
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(text)?;
        self.file.sync_all()
    }

    /// All entries, the first first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The last entry's number and hash.
    pub fn head(&self) -> Option<Head> {
        self.entries.last().map(Entry::head)
    }

    /// Bytes of an unfinished line that were cut off when it was opened.
    pub fn cut(&self) -> u64 {
        self.cut
    }

    /// Checks the whole file anew, as it lies on the disk.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn verify(&self, trusted: &[PublicKey]) -> Result<Verdict> {
        let bytes = fs::read(&self.path).map_err(Error::io("read", &self.path))?;
        Ok(check(&bytes, trusted, &Start::Whole))
    }
}

/// Reads a chain without the right to write to it.
///
/// # Errors
/// There is none, a line is no entry or does not follow the one before it, or it was written by a newer version.
pub fn read(path: &Path) -> Result<Read> {
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    parse(&bytes, path)
}

fn empty(path: &Path) -> Error {
    Error::input(format!("{} has no entry; put it back from where you keep a copy", path.display()))
}

/// Entries whose numbers and hashes follow each other; signatures are left to [`check`].
fn parse(bytes: &[u8], path: &Path) -> Result<Read> {
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let fault = |line: usize, what: &str| {
        let path = path.display();
        Error::input(format!(
            "line {line} of {path} {what}; run `unlearn ledger verify` to see all that is wrong with it"
        ))
    };
    let mut entries: Vec<Entry> = Vec::new();
    for (at, line) in bytes[..whole].split_inclusive(|b| *b == b'\n').enumerate() {
        let entry: Entry = serde_json::from_slice(line).map_err(|e| fault(at + 1, &format!("is no entry ({e})")))?;
        let follows = entries.last().map_or((1, super::entry::NONE), |last| (last.seq + 1, &last.hash));
        if (entry.seq, entry.prev.as_str()) != follows {
            return Err(fault(at + 1, "does not follow the line before it"));
        }
        entries.push(entry);
    }
    let layout = entries.first().map_or(LAYOUT, |first| first.body["layout"].as_u64().unwrap_or(LAYOUT));
    if layout > LAYOUT {
        let path = path.display();
        return Err(Error::input(format!(
            "{path} was written by a newer version of unlearn (layout {layout}); use that"
        )));
    }
    Ok(Read { entries, torn: (bytes.len() - whole) as u64 })
}

/// Locks the file, after whoever holds it has gone.
fn wait_for(file: &File, path: &Path) -> Result<()> {
    let begin = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if begin.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(10))
            }
            Err(TryLockError::WouldBlock) => {
                let path = path.display();
                return Err(Error::input(format!("another process writes to {path}; try again when it has ended")));
            }
            // A file system without locks: two writers are then kept apart by nothing, as everywhere on it.
            Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Unsupported => return Ok(()),
            Err(TryLockError::Error(e)) => return Err(Error::io("lock", path)(e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place {
        dir: tempfile::TempDir,
        keys: Keys,
    }

    impl Place {
        fn new() -> Place {
            let dir = tempfile::tempdir().unwrap();
            let keys = Keys::create(&dir.path().join("keys")).unwrap();
            Place { dir, keys }
        }

        fn path(&self) -> PathBuf {
            self.dir.path().join(LEDGER)
        }
    }

    #[test]
    fn entries_are_found_again_and_a_first_one_says_whose_they_are() {
        let place = Place::new();
        let mut chain = Chain::create(&place.path(), &place.keys, json!({"project": "p"})).unwrap();
        chain.append("request.received", json!({"request": "ab"})).unwrap();
        let made = chain.entries().to_vec();
        drop(chain);
        let chain = Chain::open(&place.path(), &place.keys).unwrap();
        assert_eq!(chain.entries(), made);
        assert_eq!(chain.head(), Some(made[1].head()));
        assert_eq!(made[0].body["public_key"], place.keys.public().hex());
        assert_eq!(read(&place.path()).unwrap().entries, made);
        assert_eq!(made[1].head().to_string().parse::<Head>().unwrap(), made[1].head());
        let verdict = chain.verify(&[place.keys.public()]).unwrap();
        assert_eq!((verdict.faults, verdict.entries), (vec![], 2));
        assert!(Chain::create(&place.path(), &place.keys, json!({})).is_err());
    }

    #[test]
    fn a_line_that_was_torn_anywhere_is_cut_off_and_nothing_else_is_lost() {
        let place = Place::new();
        let mut chain = Chain::create(&place.path(), &place.keys, json!({})).unwrap();
        chain.append("a.b", json!({"n": 1})).unwrap();
        let whole = fs::read(place.path()).unwrap();
        chain.append("a.b", json!({"n": 2})).unwrap();
        drop(chain);
        let longer = fs::read(place.path()).unwrap();
        for length in whole.len() + 1..longer.len() {
            fs::write(place.path(), &longer[..length]).unwrap();
            assert_eq!(read(&place.path()).unwrap().torn, (length - whole.len()) as u64);
            let mut chain = Chain::open(&place.path(), &place.keys).unwrap();
            assert_eq!((chain.entries().len(), chain.cut()), (2, (length - whole.len()) as u64));
            assert_eq!(fs::read(place.path()).unwrap(), whole);
            assert_eq!(chain.append("a.b", json!({"n": 3})).unwrap().seq, 3);
            assert!(chain.verify(&[]).unwrap().faults.is_empty());
        }
    }

    #[test]
    fn another_key_a_newer_layout_and_a_second_writer_are_told() {
        let (place, other) = (Place::new(), Place::new());
        let chain = Chain::create(&place.path(), &place.keys, json!({})).unwrap();
        let error = Chain::open(&place.path(), &other.keys);
        drop(chain);
        assert!(error.unwrap_err().to_string().contains("another process"));
        let error = Chain::open(&place.path(), &other.keys).unwrap_err();
        assert!(error.to_string().contains("not signed by the key"), "{error}");
        drop(Chain::create(&other.path(), &other.keys, json!({"layout": 9})).unwrap());
        let error = Chain::open(&other.path(), &other.keys).unwrap_err();
        assert!(error.to_string().contains("newer version"), "{error}");
        fs::write(other.path(), "").unwrap();
        assert!(Chain::open(&other.path(), &other.keys).unwrap_err().to_string().contains("no entry"));
    }
}
