//! An open NumPy archive: its arrays, checked against what their headers promise.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use npyz::npz::NpzArchive;
use npyz::{DType, Deserialize, NpyFile, NpyHeader, Order, TypeChar};

use crate::data::source::DEFLATE_LIMIT;
use crate::error::{Error, Result};

/// Headers are about 128 bytes; NumPy itself refuses more than 10 000.
const LONGEST_HEADER: usize = 10_000;

pub(crate) struct Archive {
    zip: NpzArchive<BufReader<File>>,
    pub path: String,
    /// No member can unpack to more than this.
    most: u64,
}

pub(crate) struct Array {
    pub shape: Vec<usize>,
    header: NpyHeader,
    bytes: Vec<u8>,
    /// `file: array`, for messages.
    pub origin: String,
}

impl Archive {
    pub fn open(path: &Path) -> Result<Archive> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        let zip = NpzArchive::new(BufReader::new(file)).map_err(|e| {
            Error::input(format!("{}: not a NumPy archive, or truncated: {e}; expected a zip of .npy", path.display()))
        })?;
        Ok(Archive { zip, path: path.display().to_string(), most: length.saturating_mul(DEFLATE_LIMIT) })
    }

    /// Names of all arrays.
    pub fn names(&self) -> Vec<String> {
        self.zip.array_names().map(str::to_owned).collect()
    }

    /// # Errors
    /// [`Error::Input`] where the array is absent, truncated, or not what its header says.
    pub fn array(&mut self, name: &str) -> Result<Array> {
        let origin = format!("{}: array `{name}`", self.path);
        let fail = |why: String| Error::input(format!("{origin}: {why}"));
        let mut member = self
            .zip
            .zip_archive()
            .by_name(&format!("{name}.npy"))
            .map_err(|e| fail(format!("cannot be opened: {e}")))?;
        if member.size() > self.most {
            return Err(fail(format!("promises {} bytes, more than the file can hold; it is corrupt", member.size())));
        }
        let mut bytes = Vec::new();
        // A lying size cannot make this grow past what the file really unpacks to.
        member.read_to_end(&mut bytes).map_err(|e| fail(format!("is truncated or corrupt: {e}")))?;
        drop(member);
        let start = check_header(&bytes).map_err(&fail)?;
        let header = NpyHeader::from_reader(&bytes[..start]).map_err(|e| {
            // The parser draws a picture of the place over several lines.
            let why = e.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            fail(format!("has a bad header: {why}"))
        })?;
        let size = header.dtype().num_bytes().unwrap_or(0) as u64;
        let shape: Vec<usize> = header.shape().iter().map(|&dim| dim as usize).collect();
        let (expected, found) = (header.len().saturating_mul(size), (bytes.len() - start) as u64);
        if expected != found {
            return Err(fail(format!("its header says {shape:?}, {expected} bytes, but {found} follow")));
        }
        let flat = header.shape().iter().filter(|&&dim| dim != 1).count() < 2;
        if header.order() == Order::Fortran && !flat {
            return Err(fail("is in Fortran order; save it again with np.ascontiguousarray".to_owned()));
        }
        bytes.drain(..start);
        Ok(Array { shape, header, bytes, origin })
    }
}

/// Where the data begin. Refuses what would make the header parser work, or multiply, without bound.
fn check_header(bytes: &[u8]) -> Result<usize, String> {
    let length = match bytes {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => 10 + usize::from(u16::from_le_bytes([*a, *b])),
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d, ..] => {
            12usize.saturating_add(u32::from_le_bytes([*a, *b, *c, *d]) as usize)
        }
        _ => return Err("does not begin like an .npy file of version 1 to 3".to_owned()),
    };
    if length > LONGEST_HEADER || length > bytes.len() {
        return Err(format!("its header should take {length} bytes; the array has {} in all", bytes.len()));
    }
    let text = String::from_utf8_lossy(&bytes[..length]);
    if text.matches(['(', '[', '{']).count() > 2 {
        return Err("holds structured records; expected plain numbers".to_owned());
    }
    let shape = text.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(shape, _)| shape);
    let dims = shape.split(',').map(str::trim).filter(|dim| !dim.is_empty()).map(str::parse::<u64>);
    // Zeros are left out, so that none of the parser's partial products can overflow either.
    match dims.filter(|dim| *dim != Ok(0)).try_fold(1u64, |product, dim| product.checked_mul(dim.ok()?)) {
        Some(_) => Ok(length),
        None => Err(format!("the shape ({shape}) is impossible")),
    }
}

impl Array {
    pub fn is_byte(&self) -> bool {
        matches!(self.header.dtype(), DType::Plain(t) if t.type_char() == TypeChar::Uint && t.size_field() == 1)
    }

    /// The strings of an array of fixed-width unicode (`<U7`), or nothing for an array of another type.
    pub fn texts(&self) -> Option<Vec<String>> {
        let width = match self.header.dtype() {
            DType::Plain(t) if t.type_char() == TypeChar::UnicodeStr && t.to_string().starts_with('<') => {
                t.size_field()
            }
            _ => return None,
        };
        let text = |bytes: &[u8]| {
            let codes = bytes.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]]));
            codes.take_while(|code| *code != 0).map(|code| char::from_u32(code).unwrap_or('\u{fffd}')).collect()
        };
        (width > 0).then(|| self.bytes.chunks_exact(4 * width as usize).map(text).collect())
    }

    pub fn fail<T>(&self, why: &str) -> Result<T> {
        Err(Error::input(format!("{}: has shape {:?}; {why}", self.origin, self.shape)))
    }

    /// The values in the order they are stored.
    pub fn values(&self) -> Result<Box<dyn Iterator<Item = f64> + '_>> {
        type Values<'a> = Box<dyn Iterator<Item = f64> + 'a>;
        fn read<'a, T>(array: &'a Array, to: fn(T) -> f64) -> io::Result<Values<'a>>
        where
            T: Deserialize + 'a,
            <T as Deserialize>::TypeReader: 'a,
        {
            let file = NpyFile::with_header(array.header.clone(), &array.bytes[..]);
            let reader = file.data::<T>().map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
            // The length was checked against the header, so every read succeeds.
            Ok(Box::new(reader.map_while(io::Result::ok).map(to)))
        }
        let dtype = self.header.dtype();
        let kind = match &dtype {
            DType::Plain(t) => (t.type_char(), t.size_field()),
            _ => return self.fail("holds structured records; expected plain numbers"),
        };
        let values = match kind {
            (TypeChar::Uint, 1) => Ok(Box::new(self.bytes.iter().map(|&byte| f64::from(byte))) as Box<_>),
            (TypeChar::Bool, _) => read::<bool>(self, |v| f64::from(u8::from(v))),
            (TypeChar::Uint, 2) => read::<u16>(self, f64::from),
            (TypeChar::Uint, 4) => read::<u32>(self, f64::from),
            (TypeChar::Uint, _) => read::<u64>(self, |v| v as f64),
            (TypeChar::Int, 1) => read::<i8>(self, f64::from),
            (TypeChar::Int, 2) => read::<i16>(self, f64::from),
            (TypeChar::Int, 4) => read::<i32>(self, f64::from),
            (TypeChar::Int, _) => read::<i64>(self, |v| v as f64),
            (TypeChar::Float, 4) => read::<f32>(self, f64::from),
            (TypeChar::Float, 8) => read::<f64>(self, |v| v),
            _ => {
                return self
                    .fail(&format!("its type is {}; expected whole numbers or 32- or 64-bit floats", dtype.descr()));
            }
        };
        values.map_err(|e| Error::input(format!("{}: cannot be read: {e}", self.origin)))
    }
}
