//! Arrays of numbers in NumPy archives, for whoever brings or takes them: no data set.

use std::io::Write;
use std::path::Path;

use rawzip::{CompressionMethod, ZipArchiveWriter};

use super::limit::Limit;
use super::npz::Archive;
use super::values::Values;
use super::{DataConfig, Dataset};
use crate::error::{Error, Result};

/// Arrays of a NumPy archive, each with its shape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arrays {
    all: Vec<(String, Vec<usize>, Vec<f32>)>,
    names: Vec<String>,
    path: String,
}

impl Arrays {
    /// Reads those of these names that the archive has, rounded to 32 bits.
    ///
    /// # Errors
    /// [`Error::Input`] naming file and array.
    pub fn read(path: &Path, wanted: &[&str]) -> Result<Arrays> {
        let limit = Limit::of(&DataConfig::default())?;
        let archive = Archive::open(path, &limit)?;
        let names = archive.names();
        let mut all = Vec::new();
        for name in wanted.iter().filter(|name| names.iter().any(|known| known == *name)) {
            let array = archive.array(name)?;
            limit.take_values(array.len(), path.display())?;
            let values = array.values()?.map(|value| value as f32).collect();
            all.push(((*name).to_owned(), array.shape, values));
        }
        Ok(Arrays { all, names, path: path.display().to_string() })
    }

    /// The array of this name; none where there is none.
    pub fn get(&self, name: &str) -> Option<(&[usize], &[f32])> {
        let found = self.all.iter().find(|(known, ..)| known == name);
        found.map(|(_, shape, values)| (shape.as_slice(), values.as_slice()))
    }

    /// The array of this name.
    ///
    /// # Errors
    /// [`Error::Input`] with the names that there are.
    pub fn need(&self, name: &str) -> Result<(&[usize], &[f32])> {
        let missing = || format!("{}: no array `{name}`; the file has {}", self.path, self.names.join(", "));
        self.get(name).ok_or_else(|| Error::input(missing()))
    }
}

impl Dataset {
    /// Records [n, …] as a source has them, scaled as these data are; columns of a table are not encoded.
    pub fn scaled(&self, x: Vec<f32>) -> Vec<f32> {
        self.normalization.apply(Values::Single(x), self.width())
    }
}

/// An array to be written.
pub enum Column {
    /// Numbers and their shape.
    Floats(Vec<usize>, Vec<f32>),
    /// Whole numbers, a row each.
    Integers(Vec<i64>),
    /// Texts, a row each.
    Texts(Vec<String>),
}

/// The bytes of a NumPy archive (`numpy.load`), the same for the same arrays.
///
/// # Errors
/// None that are the caller's: writing to memory does not fail.
pub fn npz(columns: &[(&str, Column)]) -> Result<Vec<u8>> {
    let broken = |e: rawzip::Error| Error::internal(format!("a NumPy archive: {e}"));
    let mut zip = ZipArchiveWriter::new(Vec::new());
    for (name, column) in columns {
        let name = format!("{name}.npy");
        let (mut entry, config) =
            zip.new_file(name.as_str()).compression_method(CompressionMethod::STORE).start().map_err(broken)?;
        let mut writer = config.wrap(&mut entry);
        writer.write_all(&column.npy()).map_err(|e| Error::internal(format!("a NumPy archive: {e}")))?;
        let (_, descriptor) = writer.finish().map_err(broken)?;
        entry.finish(descriptor).map_err(broken)?;
    }
    zip.finish().map_err(broken)
}

impl Column {
    /// As a `.npy` file of version 1 (NumPy enhancement proposal 1).
    fn npy(&self) -> Vec<u8> {
        let (dtype, shape, bytes): (String, Vec<usize>, Vec<u8>) = match self {
            Column::Floats(shape, values) => ("<f4".into(), shape.clone(), bytes_of(values, |v| v.to_le_bytes())),
            Column::Integers(values) => ("<i8".into(), vec![values.len()], bytes_of(values, |v| v.to_le_bytes())),
            Column::Texts(texts) => {
                let width = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
                let mut bytes = Vec::with_capacity(4 * width * texts.len());
                for text in texts {
                    let padded = text.chars().map(u32::from).chain(std::iter::repeat(0)).take(width);
                    padded.for_each(|code| bytes.extend_from_slice(&code.to_le_bytes()));
                }
                (format!("<U{width}"), vec![texts.len()], bytes)
            }
        };
        let dims: String = shape.iter().map(|dim| format!("{dim}, ")).collect();
        let mut header = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({dims}), }}");
        // Magic, version and length are ten bytes; numbers begin at a multiple of 64.
        let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
        header += &" ".repeat(length - header.len() - 1);
        header.push('\n');
        [b"\x93NUMPY\x01\x00", &(length as u16).to_le_bytes()[..], header.as_bytes(), &bytes].concat()
    }
}

fn bytes_of<T, const N: usize>(values: &[T], bytes: impl Fn(&T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(bytes).collect()
}
