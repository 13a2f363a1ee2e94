//! What loaders share: where their files are, and reading bytes without trusting what a header promises.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::limit::Limit;
use super::{DataConfig, FitOn};
use crate::error::{Error, Result};

/// Deflate cannot expand by more (zlib's technical details: 1032:1), so a file's length bounds its content.
pub(crate) const DEFLATE_LIMIT: u64 = 1032;

/// So much is read of what follows behind the end.
const TAIL: u64 = 1 << 24;

/// A resolved configuration and the folder its paths are relative to.
pub(crate) struct Source<'a> {
    pub config: &'a DataConfig,
    pub base_dir: &'a Path,
    /// What is to be fitted on.
    pub fit: FitOn<'a>,
    pub limit: Limit,
}

impl Source<'_> {
    pub fn join(&self, path: &Path) -> PathBuf {
        self.base_dir.join(path)
    }

    /// The path of a key that the loader cannot do without.
    pub fn need(&self, key: &str, path: &Option<PathBuf>) -> Result<PathBuf> {
        match path {
            Some(path) => Ok(self.join(path)),
            None => Err(Error::input(format!("data.{key}: the loader `{}` needs this key", self.config.loader))),
        }
    }
}

/// A name for a data set that comes from `path`: its stem up to the first dot.
pub(crate) fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// The name of the folder that holds `path`, for formats whose files are all called alike; its own stem without one.
pub(crate) fn folder(path: &Path) -> String {
    path.parent().map(stem).filter(|name| !name.is_empty()).unwrap_or_else(|| stem(path))
}

/// Class names `0`, `1`, … up to the largest label.
pub(crate) fn numbered<'a>(labels: impl IntoIterator<Item = &'a u32>) -> Vec<String> {
    let classes = labels.into_iter().map(|&label| label as usize + 1).max().unwrap_or(0);
    (0..classes).map(|class| class.to_string()).collect()
}

/// Line numbers of ascending byte offsets in a text.
pub(crate) struct Lines<'a> {
    text: &'a [u8],
    counted: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a str) -> Self {
        Lines { text: text.as_bytes(), counted: 0, line: 1 }
    }

    /// The line, from 1, of the record that the CSV reader began to look for at `offset`: it passes over empty lines
    /// first, which its own line number does not count.
    pub fn of(&mut self, offset: u64) -> u64 {
        let start = (offset as usize).clamp(self.counted, self.text.len());
        let empty = self.text[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = &self.text[self.counted..start + empty];
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.counted = start + empty;
        self.line
    }
}

/// An open file, unpacked on the way where it begins like gzip.
pub(crate) struct Bytes<'a> {
    reader: Box<dyn Read>,
    path: PathBuf,
    /// No more can come out of this file, whatever its header says.
    most: u64,
    position: u64,
    limit: &'a Limit,
}

impl<'a> Bytes<'a> {
    pub fn open(path: &Path, limit: &'a Limit) -> Result<Bytes<'a>> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let about = file.metadata().map_err(Error::io("read", path))?;
        if about.is_dir() {
            return Err(Error::input(format!("{}: is a folder; expected a file", path.display())));
        }
        let mut buffered = BufReader::with_capacity(1 << 16, file);
        let gzip = buffered.fill_buf().map_err(Error::io("read", path))?.starts_with(&[0x1f, 0x8b]);
        let (reader, most): (Box<dyn Read>, u64) = match gzip {
            true => (Box::new(MultiGzDecoder::new(buffered)), about.len().saturating_mul(DEFLATE_LIMIT)),
            false => (Box::new(buffered), about.len()),
        };
        Ok(Bytes { reader, path: path.to_owned(), most, position: 0, limit })
    }

    /// Exactly `count` bytes; `what` names them in the message when the file ends early.
    ///
    /// Memory grows as bytes arrive, so a header that promises terabytes costs nothing.
    pub fn exactly(&mut self, count: u64, what: &str) -> Result<Vec<u8>> {
        self.could_hold(count, what)?;
        self.limit.take(count, self.path.display(), what)?;
        let mut bytes = Vec::new();
        self.reader.by_ref().take(count).read_to_end(&mut bytes).map_err(|e| self.failed(&e))?;
        if (bytes.len() as u64) < count {
            return Err(Error::input(format!(
                "{}: truncated: {what} should take {count} bytes from offset {}, but only {} follow",
                self.path.display(),
                self.position,
                bytes.len()
            )));
        }
        self.position += count;
        Ok(bytes)
    }

    /// Refuses a header that promises more than a file of this length can hold.
    pub fn could_hold(&self, count: u64, what: &str) -> Result<()> {
        if self.position.saturating_add(count) > self.most {
            return Err(Error::input(format!(
                "{}: {what} should take {count} bytes from offset {}, but the file can hold at most {}; it is \
                 truncated or its header is wrong",
                self.path.display(),
                self.position,
                self.most
            )));
        }
        Ok(())
    }

    /// All that is left.
    pub fn rest(&mut self) -> Result<Vec<u8>> {
        self.within(self.limit.left(), "its content")
    }

    /// All that is left of a text whose rows are kept one by one, which takes three times as much again at the least.
    pub fn rows(&mut self) -> Result<Vec<u8>> {
        self.within(self.limit.left() / 4, "its text with the rows made of it")
    }

    fn within(&mut self, most: u64, what: &str) -> Result<Vec<u8>> {
        let (mut bytes, left) = (Vec::new(), self.limit.left());
        self.reader.by_ref().take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| self.failed(&e))?;
        if bytes.len() as u64 > most {
            return Err(self.limit.passed(format_args!("more than {left} bytes"), self.path.display(), what));
        }
        self.limit.take(bytes.len() as u64, self.path.display(), "its content")?;
        self.position += bytes.len() as u64;
        Ok(bytes)
    }

    /// Checks that nothing follows (which also makes gzip compare its checksum).
    pub fn finish(mut self) -> Result<()> {
        // Corrupt gzip often unpacks to too much before its checksum fails; that is then the better message.
        // A bomb is not unpacked to its end, though.
        let mut tail = self.reader.by_ref().take(TAIL);
        match std::io::copy(&mut tail, &mut std::io::sink()).map_err(|e| self.failed(&e))? {
            0 => Ok(()),
            TAIL => Err(Error::input(format!(
                "{}: {TAIL} or more bytes follow at offset {}, where the header says the data end",
                self.path.display(),
                self.position
            ))),
            more => Err(Error::input(format!(
                "{}: {more} more bytes follow at offset {}, where the header says the data end",
                self.path.display(),
                self.position
            ))),
        }
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        Error::input(format!(
            "{}: cannot be read past offset {}: {error}; the file is truncated or corrupt",
            self.path.display(),
            self.position
        ))
    }
}
