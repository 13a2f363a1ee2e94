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
        Archive::open_as(path, limit, "a NumPy archive", "a zip of .npy")
    }

    /// A zip that is to be `what` and to hold `members`, for messages.
    pub fn open_as(path: &Path, limit: &'a Limit, what: &str, members: &str) -> Result<Archive<'a>> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        let (zip, members) = directory(file).map_err(|e| {
            Error::input(format!("{}: not {what}, or truncated: {e}; expected {members}", path.display()))
        })?;
        let (path, most) = (path.display().to_string(), length.saturating_mul(DEFLATE_LIMIT));
        Ok(Archive { zip, members, path, most, limit })
    }

    /// Names of all arrays, in the order of the file.
    pub fn names(&self) -> Vec<String> {
        self.members.iter().filter_map(|member| member.name.strip_suffix(".npy")).map(str::to_owned).collect()
    }

    /// Names of all files, in the order of the archive.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.name.as_str())
    }

    /// The bytes of a file that is stored as it is, `length` of them where that is known: nothing is unpacked, so that
    /// what is read is never more than the archive is long.
    ///
    /// # Errors
    /// [`Error::Input`] where it is absent, compressed, encrypted, of another length or corrupt.
    pub fn stored(&self, name: &str, length: Option<u64>) -> Result<Vec<u8>> {
        let (member, size) = self.member(name, length)?;
        self.limit.take(size, &self.path, "its numbers")?;
        self.read(member, size).map_err(|why| Error::input(format!("{}: file `{name}` {why}", self.path)))
    }

    /// Whether [`Archive::stored`] would read it, without a look at its bytes.
    ///
    /// # Errors
    /// As [`Archive::stored`].
    pub fn check_stored(&self, name: &str, length: u64) -> Result<()> {
        self.member(name, Some(length)).map(drop)
    }

    fn member(&self, name: &str, length: Option<u64>) -> Result<(&Member, u64)> {
        let fail = |why: &str| Error::input(format!("{}: file `{name}` {why}", self.path));
        let member = self.members.iter().rfind(|member| member.name == name);
        let member = member.ok_or_else(|| fail("is not in the archive"))?;
        if member.encrypted || member.method != CompressionMethod::STORE {
            return Err(fail("is compressed or encrypted; torch.save stores it as it is"));
        }
        let size = member.place.uncompressed_size_hint();
        if let Some(length) = length.filter(|length| *length != size) {
            return Err(fail(&format!("has {size} bytes, and {length} are to be read of it")));
        }
        if size > self.most / DEFLATE_LIMIT {
            return Err(fail(&format!("promises {size} bytes, more than the archive has")));
        }
        Ok((member, size))
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
