//! The files of a pack, in a folder or in a zip, read without trust: nothing is unpacked to the disk, nothing outside
//! of the pack is looked at, and no more is read of a file than it may have.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, FileReader, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipArchiveEntryWayfinder};

use crate::error::{Error, Result};

/// A pack has few files: certificate, page, settings, weights of each network, and so on.
const MOST_FILES: usize = 20_000;
/// What is stored packed tighter than this is no file of a pack: weights are stored as they are.
const TIGHTEST: u64 = 200;
/// Files up to this size may be packed as tightly as they can.
const SMALL: u64 = 1 << 20;

/// An open pack.
pub enum Contents {
    /// A folder, and the paths of its files in it.
    Folder(PathBuf, BTreeMap<String, u64>),
    /// A zip.
    Zip(Box<Packed>),
}

/// A zip, with the files that its directory names.
pub struct Packed {
    path: PathBuf,
    zip: ZipArchive<FileReader>,
    files: BTreeMap<String, Place>,
}

struct Place {
    at: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
    size: u64,
}

impl Contents {
    /// Looks at what there is.
    ///
    /// # Errors
    /// [`Error::Input`] where it is no folder and no zip, or has something that no pack has: a link, a path that leaves
    /// it, two files of one name, a file that unpacks to far more than it is.
    pub fn open(path: &Path) -> Result<Contents> {
        let about = fs::metadata(path).map_err(Error::io("open", path))?;
        if about.is_dir() {
            let mut files = BTreeMap::new();
            walk(path, path, &mut files)?;
            return Ok(Contents::Folder(path.to_owned(), files));
        }
        Ok(Contents::Zip(Box::new(Packed::open(path)?)))
    }

    /// Whether a path is a pack, by its certificate; one that cannot be read is none.
    pub fn is_pack(path: &Path) -> bool {
        path.join(super::CERTIFICATE).exists() || path.is_file() && starts_as_zip(path)
    }

    /// Names of the files and their sizes, in the order of their names.
    pub fn files(&self) -> Vec<(&str, u64)> {
        match self {
            Contents::Folder(_, files) => files.iter().map(|(name, size)| (name.as_str(), *size)).collect(),
            Contents::Zip(zip) => zip.files.iter().map(|(name, place)| (name.as_str(), place.size)).collect(),
        }
    }

    /// Whether there is such a file.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Contents::Folder(_, files) => files.contains_key(name),
            Contents::Zip(zip) => zip.files.contains_key(name),
        }
    }

    /// The bytes of a file of no more than `most`; none where there is no such file.
    ///
    /// # Errors
    /// It is longer, truncated or corrupt.
    pub fn bytes(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
        match self {
            Contents::Folder(folder, files) => {
                let Some(size) = files.get(name) else { return Ok(None) };
                let path = folder.join(name);
                within(&path, *size, most)?;
                let mut bytes = Vec::new();
                let file = File::open(&path).map_err(Error::io("open", &path))?;
                file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(Error::io("read", &path))?;
                within(&path, bytes.len() as u64, most)?;
                Ok(Some(bytes))
            }
            Contents::Zip(zip) => zip.bytes(name, most),
        }
    }
}

fn within(path: &Path, size: u64, most: u64) -> Result<()> {
    match size <= most {
        true => Ok(()),
        false => Err(Error::input(format!(
            "{} has {size} bytes, and a file of this name has {most} at most in this pack: it was changed",
            path.display()
        ))),
    }
}

fn starts_as_zip(path: &Path) -> bool {
    let mut head = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && (head == *b"PK\x03\x04" || head == *b"PK\x05\x06")
}

/// Every file below a folder. A link is refused: what it names is not the pack's.
fn walk(root: &Path, folder: &Path, files: &mut BTreeMap<String, u64>) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let about = fs::symlink_metadata(&path).map_err(Error::io("read", &path))?;
        if about.is_dir() {
            walk(root, &path, files)?;
            continue;
        }
        if !about.is_file() {
            return Err(Error::input(format!(
                "{} is a link or no file, and a pack has files alone: nothing that lies elsewhere is read; remove it",
                path.display()
            )));
        }
        let inside = path.strip_prefix(root).unwrap_or(&path);
        let parts: Option<Vec<&str>> = inside.components().map(|part| part.as_os_str().to_str()).collect();
        let Some(parts) = parts else {
            return Err(Error::input(format!("{}: the name is not UTF-8, and no file of a pack is", path.display())));
        };
        files.insert(parts.join("/"), about.len());
        too_many(root, files.len())?;
    }
    Ok(())
}

fn too_many(path: &Path, files: usize) -> Result<()> {
    match files > MOST_FILES {
        true => Err(Error::input(format!("{} has more than {MOST_FILES} files: it is no pack", path.display()))),
        false => Ok(()),
    }
}

impl Packed {
    fn open(path: &Path) -> Result<Packed> {
        let fail = |why: String| Error::input(format!("{}: {why}", path.display()));
        let broken = |e: rawzip::Error| {
            fail(format!("neither a folder nor a whole zip, so no pack: {e}; take it again from where it came"))
        };
        let file = File::open(path).map_err(Error::io("open", path))?;
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let zip = ZipArchive::from_file(file, &mut buffer).map_err(broken)?;
        let (mut files, mut ranges) = (BTreeMap::new(), Vec::new());
        let mut entries = zip.entries(&mut buffer);
        while let Some(entry) = entries.next_entry().map_err(broken)? {
            let raw = String::from_utf8(entry.file_path().as_bytes().to_vec());
            let name = raw.map_err(|_| fail("the zip has a name that is not UTF-8: it is no pack".into()))?;
            if !stays_inside(&name) {
                return Err(fail(format!(
                    "the zip has a file `{}`, whose path leaves the pack; nothing was unpacked",
                    name.escape_default()
                )));
            }
            if entry.is_dir() {
                continue;
            }
            if entry.mode().is_symlink() {
                return Err(fail(format!("`{name}` of the zip is a link, and a pack has files alone")));
            }
            if entry.flags().is_encrypted() {
                return Err(fail(format!("`{name}` of the zip is encrypted, and no file of a pack is")));
            }
            let (size, packed) = (entry.uncompressed_size_hint(), entry.compressed_size_hint());
            if size > SMALL && size / packed.max(1) > TIGHTEST {
                return Err(fail(format!(
                    "`{name}` of the zip would unpack from {packed} to {size} bytes, as no file of a pack does; \
                     nothing was unpacked"
                )));
            }
            let place = Place { at: entry.wayfinder(), method: entry.compression_method(), size };
            if files.insert(name.clone(), place).is_some() {
                return Err(fail(format!("the zip has two files `{name}`")));
            }
            ranges.push((entry.wayfinder(), name));
            too_many(path, files.len())?;
        }
        let mut taken: Vec<(u64, u64, String)> = Vec::new();
        for (at, name) in ranges {
            let (from, to) = zip.get_entry(at).map_err(broken)?.compressed_data_range();
            taken.push((from, to, name));
        }
        taken.sort();
        if let Some(pair) = taken.windows(2).find(|pair| pair[0].1 > pair[1].0) {
            let (a, b) = (&pair[0].2, &pair[1].2);
            return Err(fail(format!("`{a}` and `{b}` of the zip lie over each other: it is no pack")));
        }
        Ok(Packed { path: path.to_owned(), zip, files })
    }

    fn bytes(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
        let Some(place) = self.files.get(name) else { return Ok(None) };
        let fail = |why: String| Error::input(format!("{}: `{name}` {why}", self.path.display()));
        within(&self.path.join(name), place.size, most)?;
        let entry = self.zip.get_entry(place.at).map_err(|e| fail(format!("cannot be read: {e}")))?;
        let (mut bytes, limit) = (Vec::new(), place.size.saturating_add(1));
        let read = match place.method {
            CompressionMethod::STORE => entry.verifying_reader(entry.reader()).take(limit).read_to_end(&mut bytes),
            CompressionMethod::DEFLATE => {
                let unpacked = DeflateDecoder::new(entry.reader());
                entry.verifying_reader(unpacked).take(limit).read_to_end(&mut bytes)
            }
            other => return Err(fail(format!("is compressed by method {other}; expected deflate"))),
        };
        match read {
            Ok(read) if read as u64 == place.size => Ok(Some(bytes)),
            Ok(_) => {
                Err(fail(format!("is truncated, or unpacks to more than the {} bytes that it promises", place.size)))
            }
            Err(e) => Err(fail(format!("is truncated or corrupt: {e}"))),
        }
    }
}

/// Whether a name in a zip is a plain path below the pack.
fn stays_inside(name: &str) -> bool {
    let plain = |c: char| !c.is_control() && c != '\\' && c != ':';
    let path = Path::new(name);
    let below = path.components().all(|part| matches!(part, Component::Normal(_)));
    !name.is_empty()
        && !name.starts_with('/')
        && name.chars().all(plain)
        && below
        && !name.split('/').any(|p| p == "..")
}
