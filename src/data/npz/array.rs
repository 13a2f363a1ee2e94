//! One `.npy` array: what its header promises, checked against the bytes that follow it, and its values.

use super::header::Header;
use crate::error::{Error, Result};

pub(crate) struct Array {
    pub shape: Vec<usize>,
    /// The type as NumPy writes it: byte order, kind and size, such as `<f4`.
    dtype: String,
    kind: char,
    /// Bytes of a value, or characters of a text.
    size: usize,
    bytes: Vec<u8>,
    /// `file: array`, for messages.
    pub origin: String,
}

impl Array {
    /// An array from its `.npy` file, or what is wrong with that.
    pub fn parse(mut bytes: Vec<u8>, origin: &str) -> Result<Array, String> {
        let (header, start) = Header::read(&bytes)?;
        let mut kind_and_size = header.dtype.trim_start_matches(['<', '>', '|', '=']).chars();
        let kind = kind_and_size.next().unwrap_or_default();
        // Dates have a unit behind the size: `<M8[ns]`.
        let digits = kind_and_size.as_str().split('[').next().unwrap_or_default();
        let size: usize = match digits.parse() {
            Ok(size) => size,
            Err(_) => return Err(not_numbers(&header.dtype)),
        };
        let stride = (size as u64).saturating_mul(if kind == 'U' { 4 } else { 1 });
        let expected = header.shape.iter().product::<u64>().saturating_mul(stride);
        let found = (bytes.len() - start) as u64;
        let shape: Vec<usize> = header.shape.iter().map(|&dim| dim as usize).collect();
        if expected != found {
            return Err(format!("its header says {shape:?}, {expected} bytes, but {found} follow"));
        }
        let flat = shape.iter().filter(|&&dim| dim != 1).count() < 2;
        if header.fortran_order && !flat {
            return Err("is in Fortran order; save it again with np.ascontiguousarray".to_owned());
        }
        bytes.drain(..start);
        Ok(Array { shape, dtype: header.dtype, kind, size, bytes, origin: origin.to_owned() })
    }

    pub fn is_byte(&self) -> bool {
        (self.kind, self.size) == ('u', 1)
    }

    /// Whether 32 bits hold every value of its type.
    pub fn is_single(&self) -> bool {
        self.size <= 2 || (self.kind, self.size) == ('f', 4)
    }

    /// The strings of an array of fixed-width unicode (`<U7`), or nothing for an array of another type.
    pub fn texts(&self) -> Option<Vec<String>> {
        let text = |bytes: &[u8]| {
            let codes = bytes.as_chunks().0.iter().map(|&code| u32::from_le_bytes(code));
            codes.take_while(|code| *code != 0).map(|code| char::from_u32(code).unwrap_or('\u{fffd}')).collect()
        };
        let texts = self.dtype.starts_with("<U") && self.size > 0;
        texts.then(|| self.bytes.chunks_exact(4 * self.size).map(text).collect())
    }

    pub fn fail<T>(&self, why: &str) -> Result<T> {
        Err(Error::input(format!("{}: has shape {:?}; {why}", self.origin, self.shape)))
    }

    /// The values in the order they are stored.
    pub fn values(&self) -> Result<Box<dyn Iterator<Item = f64> + '_>> {
        Ok(match (self.kind, self.size) {
            ('b', 1) => self.each(|[byte]| f64::from(u8::from(byte != 0))),
            ('u', 1) => self.each(|[byte]| f64::from(byte)),
            ('u', 2) => self.each(|bytes| f64::from(u16::from_le_bytes(bytes))),
            ('u', 4) => self.each(|bytes| f64::from(u32::from_le_bytes(bytes))),
            ('u', 8) => self.each(|bytes| u64::from_le_bytes(bytes) as f64),
            ('i', 1) => self.each(|bytes| f64::from(i8::from_le_bytes(bytes))),
            ('i', 2) => self.each(|bytes| f64::from(i16::from_le_bytes(bytes))),
            ('i', 4) => self.each(|bytes| f64::from(i32::from_le_bytes(bytes))),
            ('i', 8) => self.each(|bytes| i64::from_le_bytes(bytes) as f64),
            ('f', 4) => self.each(|bytes| f64::from(f32::from_le_bytes(bytes))),
            ('f', 8) => self.each(f64::from_le_bytes),
            _ => return self.fail(&not_numbers(&self.dtype)),
        })
    }

    /// Values of `N` bytes through `decode`, which gets them in little-endian order.
    fn each<const N: usize>(&self, decode: fn([u8; N]) -> f64) -> Box<dyn Iterator<Item = f64> + '_> {
        let big = self.dtype.starts_with('>');
        let value = move |&(mut bytes): &[u8; N]| {
            if big {
                bytes.reverse();
            }
            decode(bytes)
        };
        Box::new(self.bytes.as_chunks().0.iter().map(value))
    }
}

fn not_numbers(dtype: &str) -> String {
    format!("its type is '{dtype}'; expected whole numbers or 32- or 64-bit floats")
}
