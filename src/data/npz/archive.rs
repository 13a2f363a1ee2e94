//! An open NumPy archive: a zip of `.npy` files, stored (`np.savez`) or deflated (`np.savez_compressed`).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, FileReader, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipArchiveEntryWayfinder};

use super::array::Array;
use crate::data::limit::Limit;
use crate::data::source::DEFLATE_LIMIT;
use crate::error::{Error, Result};

pub(crate) struct Archive<'a> {
    zip: ZipArchive<FileReader>,
    members: Vec<Member>,
    pub path: String,
    /// No member can unpack to more than this.
    most: u64,
    pub limit: &'a Limit,
}

/// One file of the archive, as its central directory has it.
struct Member {
    name: String,
    place: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
    encrypted: bool,
}

impl<'a> Archive<'a> {
    pub fn open(path: &Path, limit: &'a Limit) -> Result<Archive<'a>> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        let (zip, members) = directory(file).map_err(|e| {
            Error::input(format!("{}: not a NumPy archive, or truncated: {e}; expected a zip of .npy", path.display()))
        })?;
        let (path, most) = (path.display().to_string(), length.saturating_mul(DEFLATE_LIMIT));
        Ok(Archive { zip, members, path, most, limit })
    }

    /// Names of all arrays, in the order of the file.
    pub fn names(&self) -> Vec<String> {
        self.members.iter().filter_map(|member| member.name.strip_suffix(".npy")).map(str::to_owned).collect()
    }

    /// # Errors
    /// [`Error::Input`] where the array is absent, truncated, or not what its header says.
    pub fn array(&self, name: &str) -> Result<Array> {
        let origin = format!("{}: array `{name}`", self.path);
        let array = self.unpack(name, &origin)?.and_then(|bytes| Array::parse(bytes, &origin));
        array.map_err(|why| Error::input(format!("{origin}: {why}")))
    }

    /// The bytes of the `.npy` file. Where a name occurs twice the last one counts, as in Python's `zipfile`.
    ///
    /// # Errors
    /// It is more than may be taken; what else is wrong is the inner error, without its place.
    fn unpack(&self, name: &str, origin: &str) -> Result<Result<Vec<u8>, String>> {
        let wanted = format!("{name}.npy");
        let Some(member) = self.members.iter().rfind(|member| member.name == wanted) else {
            return Ok(Err("cannot be opened: the archive has no such file".to_owned()));
        };
        if member.encrypted {
            return Ok(Err("cannot be opened: it is encrypted".to_owned()));
        }
        let size = member.place.uncompressed_size_hint();
        if size > self.most {
            return Ok(Err(format!("promises {size} bytes, more than the file can hold; it is corrupt")));
        }
        self.limit.take(size, origin, "its values")?;
        Ok(self.read(member, size))
    }

    /// Length and checksum are compared on the way, and no more is read than the size that was promised.
    fn read(&self, member: &Member, size: u64) -> Result<Vec<u8>, String> {
        let entry = self.zip.get_entry(member.place).map_err(|e| format!("cannot be opened: {e}"))?;
        let mut bytes = Vec::new();
        let most = size.saturating_add(1);
        let read = match member.method {
            CompressionMethod::STORE => entry.verifying_reader(entry.reader()).take(most).read_to_end(&mut bytes),
            CompressionMethod::DEFLATE => {
                let unpacked = DeflateDecoder::new(entry.reader());
                entry.verifying_reader(unpacked).take(most).read_to_end(&mut bytes)
            }
            other => return Err(format!("cannot be opened: it is compressed by method {other}; expected deflate")),
        };
        match read {
            Ok(read) if read as u64 == size => Ok(bytes),
            Ok(read) => {
                Err(format!("is truncated or corrupt: it unpacks to {read} bytes or more in the place of {size}"))
            }
            Err(e) => Err(format!("is truncated or corrupt: {e}")),
        }
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
