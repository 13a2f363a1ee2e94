//! An open NumPy archive: a zip of `.npy` files, stored (`np.savez`) or deflated (`np.savez_compressed`).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, FileReader, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipArchiveEntryWayfinder};

use super::array::Array;
use crate::data::source::DEFLATE_LIMIT;
use crate::error::{Error, Result};

pub(crate) struct Archive {
    zip: ZipArchive<FileReader>,
    members: Vec<Member>,
    pub path: String,
    /// No member can unpack to more than this.
    most: u64,
}

/// One file of the archive, as its central directory has it.
struct Member {
    name: String,
    place: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
    encrypted: bool,
}

impl Archive {
    pub fn open(path: &Path) -> Result<Archive> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        let (zip, members) = directory(file).map_err(|e| {
            Error::input(format!("{}: not a NumPy archive, or truncated: {e}; expected a zip of .npy", path.display()))
        })?;
        let (path, most) = (path.display().to_string(), length.saturating_mul(DEFLATE_LIMIT));
        Ok(Archive { zip, members, path, most })
    }

    /// Names of all arrays, in the order of the file.
    pub fn names(&self) -> Vec<String> {
        self.members.iter().filter_map(|member| member.name.strip_suffix(".npy")).map(str::to_owned).collect()
    }

    /// # Errors
    /// [`Error::Input`] where the array is absent, truncated, or not what its header says.
    pub fn array(&self, name: &str) -> Result<Array> {
        let origin = format!("{}: array `{name}`", self.path);
        let array = self.unpack(name).and_then(|bytes| Array::parse(bytes, &origin));
        array.map_err(|why| Error::input(format!("{origin}: {why}")))
    }

    /// The bytes of the `.npy` file. Where a name occurs twice the last one counts, as in Python's `zipfile`.
    fn unpack(&self, name: &str) -> Result<Vec<u8>, String> {
        let wanted = format!("{name}.npy");
        let member = self.members.iter().rfind(|member| member.name == wanted);
        let member = member.ok_or("cannot be opened: the archive has no such file")?;
        if member.encrypted {
            return Err("cannot be opened: it is encrypted".to_owned());
        }
        let entry = self.zip.get_entry(member.place).map_err(|e| format!("cannot be opened: {e}"))?;
        let size = member.place.uncompressed_size_hint();
        if size > self.most {
            return Err(format!("promises {size} bytes, more than the file can hold; it is corrupt"));
        }
        // Length and checksum are compared on the way. A lying size cannot make this grow past what the file really
        // unpacks to.
        let mut bytes = Vec::new();
        let read = match member.method {
            CompressionMethod::STORE => entry.verifying_reader(entry.reader()).read_to_end(&mut bytes),
            CompressionMethod::DEFLATE => {
                entry.verifying_reader(DeflateDecoder::new(entry.reader())).read_to_end(&mut bytes)
            }
            other => return Err(format!("cannot be opened: it is compressed by method {other}; expected deflate")),
        };
        read.map_err(|e| format!("is truncated or corrupt: {e}"))?;
        Ok(bytes)
    }
}

fn directory(file: File) -> Result<(ZipArchive<FileReader>, Vec<Member>), rawzip::Error> {
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let zip = ZipArchive::from_file(file, &mut buffer)?;
    let mut members = vec![];
    let mut entries = zip.entries(&mut buffer);
    while let Some(entry) = entries.next_entry()? {
        members.push(Member {
            name: String::from_utf8_lossy(entry.file_path().as_bytes()).into_owned(),
            place: entry.wayfinder(),
            method: entry.compression_method(),
            encrypted: entry.flags().is_encrypted(),
        });
    }
    Ok((zip, members))
}
