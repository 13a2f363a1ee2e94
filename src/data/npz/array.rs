//! One `.npy` array: what its header promises, checked against the bytes that follow it, and its values.

use super::header::Header;
use crate::data::numbers;
use crate::error::{Error, Result};

pub(crate) struct Array {
    pub shape: Vec<usize>,
    /// The type as NumPy writes it: byte order, kind and size, such as `<f4`.
    dtype: String,
    kind: char,
    /// Bytes of a value, or characters of a text.
    size: usize,
    /// In C order.
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
        bytes.drain(..start);
        if let Some(turned) = header.fortran_order.then(|| numbers::c_order(&bytes, &shape, stride as usize)).flatten()
        {
            bytes = turned;
        }
        Ok(Array { shape, dtype: header.dtype, kind, size, bytes, origin: origin.to_owned() })
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    pub fn is_byte(&self) -> bool {
        (self.kind, self.size) == ('u', 1)
    }

    /// Whether 32 bits hold every value of its type.
    pub fn is_single(&self) -> bool {
        self.size <= 2 || (self.kind, self.size) == ('f', 4)
    }

    /// The strings of an array of fixed width, unicode (`<U7`) or bytes (`|S7`), or nothing for an array of another
    /// type.
    pub fn texts(&self) -> Option<Vec<String>> {
        let big = self.dtype.starts_with('>');
        let unicode = |bytes: &[u8]| {
            let code = |&code: &[u8; 4]| if big { u32::from_be_bytes(code) } else { u32::from_le_bytes(code) };
            let codes = bytes.as_chunks().0.iter().map(code).take_while(|code| *code != 0);
            codes.map(|code| char::from_u32(code).unwrap_or('\u{fffd}')).collect()
        };
        let plain = |bytes: &[u8]| {
            let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            String::from_utf8_lossy(&bytes[..end]).into_owned()
        };
        if self.bytes.is_empty() || !matches!(self.kind, 'U' | 'S') {
            return None;
        }
        Some(match self.kind {
            'U' => self.bytes.chunks_exact(4 * self.size).map(unicode).collect(),
            _ => self.bytes.chunks_exact(self.size).map(plain).collect(),
        })
    }

    pub fn fail<T>(&self, why: &str) -> Result<T> {
        Err(Error::input(format!("{}: has shape {:?}; {why}", self.origin, self.shape)))
    }

    /// The values in C order.
    pub fn values(&self) -> Result<Box<dyn Iterator<Item = f64> + '_>> {
        match numbers::each((self.kind, self.size), self.dtype.starts_with('>'), &self.bytes) {
            Some(values) => Ok(values),
            None => self.fail(&not_numbers(&self.dtype)),
        }
    }
}

fn not_numbers(dtype: &str) -> String {
    format!("its type is '{dtype}'; expected {}, or texts of a fixed width (dtype=str) for labels", numbers::READ)
}
