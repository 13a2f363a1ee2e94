//! IDX files (MNIST and its kin), plain or gzip.

use std::path::{Path, PathBuf};

use super::limit::Limit;
use super::numbers;
use super::parts::{Classes, Raw};
use super::source::{Bytes, Source, folder, numbered};
use super::values::Values;
use super::{DatasetRow, Loader, Normalize, Parts};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "idx",
    summary: "IDX files, plain or gzip, of bytes, whole numbers of 16 or 32 bits or floats: pictures [n, h, w] or \
              [n, c, h, w], or tables [n, f], with a label file [n], or QMNIST's [n, 8], whose first column it is",
    citation: "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document recognition, \
               Proc. IEEE 86(11), 1998",
    licence: "of the files",
    keys: &[
        "path",
        "max_bytes",
        "train_images",
        "train_labels",
        "test_images",
        "test_labels",
        "normalize",
        "test_fraction",
        "validation_fraction",
        "split_seed",
        "plant",
        "limit",
    ],
    normalize: Normalize::Unit,
    load: Loader::Records(load),
};

fn load(source: &Source) -> Result<Parts> {
    let config = source.config;
    let need =
        |key: &str, name: &Option<PathBuf>| source.need(key, &name.as_ref().map(|name| config.beside_path(name)));
    let images = need("train_images", &config.train_images)?;
    let labels = need("train_labels", &config.train_labels)?;
    let (shape, train, bytes) = read_pair(&images, &labels, &source.limit)?;
    let test = match (&config.test_images, &config.test_labels) {
        (None, None) => None,
        _ => {
            let test_images = need("test_images", &config.test_images)?;
            let (test_shape, test, _) =
                read_pair(&test_images, &need("test_labels", &config.test_labels)?, &source.limit)?;
            if test_shape != shape {
                return Err(Error::input(format!(
                    "{}: records have shape {test_shape:?}, but those of {} have {shape:?}",
                    test_images.display(),
                    images.display()
                )));
            }
            Some(test)
        }
    };
    let class_names = numbered(train.y.iter().chain(test.iter().flat_map(|test| &test.y)));
    let parts = Parts::new(folder(&images), images.display().to_string(), shape, class_names, train);
    Ok(Parts { classes: Classes::Numbered, test, full_scale: bytes.then_some(255.0), ..parts })
}

/// Records and their labels, with the shape of one record, and whether their values are bytes.
fn read_pair(images: &Path, labels: &Path, limit: &Limit) -> Result<(Vec<usize>, Raw, bool)> {
    let (records, classes) = (Idx::read(images, limit)?, Idx::read(labels, limit)?);
    let shape = match records.dims[..] {
        [_, features] => vec![features],
        [_, height, width] => vec![1, height, width],
        [_, channels, height, width] => vec![channels, height, width],
        _ => return records.wrong("2 to 4 of them, the first counting records (is this the label file?)"),
    };
    if records.dims[0] != classes.dims[0] {
        return Err(Error::input(format!(
            "{} holds {} records, but {} holds {} labels; the two must be of one set",
            images.display(),
            records.dims[0],
            labels.display(),
            classes.dims[0]
        )));
    }
    let raw = Raw { x: records.records(), y: classes.classes()?, ..Raw::default() };
    Ok((shape, raw, records.element == BYTE))
}

/// Kind and size of an element.
type Element = (char, usize);

const BYTE: Element = ('u', 1);

/// Types of elements by their code.
const ELEMENTS: [(u8, Element); 6] =
    [(0x08, BYTE), (0x09, ('i', 1)), (0x0b, ('i', 2)), (0x0c, ('i', 4)), (0x0d, ('f', 4)), (0x0e, ('f', 8))];

/// One IDX file.
struct Idx<'a> {
    path: &'a Path,
    dims: Vec<usize>,
    element: Element,
    bytes: Vec<u8>,
}

impl Idx<'_> {
    fn read<'a>(path: &'a Path, limit: &Limit) -> Result<Idx<'a>> {
        let mut bytes = Bytes::open(path, limit)?;
        let magic = bytes.exactly(4, "the IDX magic number")?;
        let rank = usize::from(magic[3]);
        if magic[..2] != [0, 0] || rank == 0 {
            let found = u32::from_be_bytes([magic[0], magic[1], magic[2], magic[3]]);
            return Err(Error::input(format!(
                "{}: begins with {found:#010x}, so it is not an IDX file; expected 0x00000803 (images) or 0x00000801 \
                 (labels)",
                path.display()
            )));
        }
        let Some((_, element)) = ELEMENTS.iter().find(|(code, _)| *code == magic[2]) else {
            return Err(Error::input(format!(
                "{}: the IDX element type at offset 2 is {:#04x}; expected 0x08 (unsigned byte), 0x09 (signed byte), \
                 0x0b or 0x0c (16 or 32 bits), 0x0d or 0x0e (floats of 32 or 64 bits)",
                path.display(),
                magic[2]
            )));
        };
        let header = bytes.exactly(4 * rank as u64, "the IDX dimensions")?;
        let dims: Vec<usize> =
            header.chunks_exact(4).map(|d| u32::from_be_bytes([d[0], d[1], d[2], d[3]]) as usize).collect();
        // Saturating: whatever overflows is more than any file holds, and `could_hold` says so.
        let count = dims.iter().fold(1u64, |product, &dim| product.saturating_mul(dim as u64));
        let size = count.saturating_mul(element.1 as u64);
        let what = format!("an array of {dims:?} elements of {} bytes", element.1);
        bytes.could_hold(size, &what)?;
        limit.take(count.saturating_mul(if single(*element) { 4 } else { 8 }), path.display(), "its records")?;
        let content = bytes.exactly(size, &what)?;
        bytes.finish()?;
        Ok(Idx { path, dims, element: *element, bytes: content })
    }

    fn wrong<T>(&self, expected: &str) -> Result<T> {
        let (path, dims) = (self.path.display(), &self.dims);
        Err(Error::input(format!("{path}: has dimensions {dims:?}; expected {expected}")))
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        // Every type of the list is one that is read.
        numbers::each(self.element, true, &self.bytes).into_iter().flatten()
    }

    fn records(&self) -> Values {
        match single(self.element) {
            true => Values::Single(self.values().map(|value| value as f32).collect()),
            false => Values::Double(self.values().collect()),
        }
    }

    /// The class of each record: the values or, of QMNIST's rows of eight numbers, the first of each.
    fn classes(&self) -> Result<Vec<u32>> {
        let step = match (&self.dims[..], self.element) {
            ([_], _) => 1,
            ([_, 8], ('i', 4)) => 8,
            _ => return self.wrong("one, counting labels (is this the image file?), or QMNIST's [n, 8] of 32 bits"),
        };
        let class = |(at, value): (usize, f64)| match value {
            v if v >= 0.0 && v < f64::from(u16::MAX) && v.fract() == 0.0 => Ok(v as u32),
            v => Err(Error::input(format!(
                "{}: label {at} is {v}; expected a whole number from 0 to {}",
                self.path.display(),
                u16::MAX - 1
            ))),
        };
        self.values().step_by(step).enumerate().map(class).collect()
    }
}

/// Whether 32 bits hold every value of a type.
fn single((kind, size): Element) -> bool {
    size <= 2 || (kind, size) == ('f', 4)
}
