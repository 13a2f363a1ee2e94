//! IDX files (MNIST and its kin), plain or gzip.

use std::path::{Path, PathBuf};

use super::limit::Limit;
use super::parts::{Classes, Raw};
use super::source::{Bytes, Source, folder, numbered};
use super::{DatasetRow, Loader, Normalize, Parts, Samples};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "idx",
    summary: "IDX files of bytes, plain or gzip: pictures [n, h, w] or [n, c, h, w], or tables [n, f], with a label \
        file",
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
    let (shape, train) = read_pair(&images, &labels, &source.limit)?;
    let test = match (&config.test_images, &config.test_labels) {
        (None, None) => None,
        _ => {
            let test_images = need("test_images", &config.test_images)?;
            let (test_shape, test) =
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
    Ok(Parts { classes: Classes::Numbered, test: test.map(Raw::from), full_scale: Some(255.0), ..parts })
}

/// Records and their labels, with the shape of one record.
fn read_pair(images: &Path, labels: &Path, limit: &Limit) -> Result<(Vec<usize>, Samples)> {
    let (dims, pixels) = read(images, limit)?;
    let (label_dims, classes) = read(labels, limit)?;
    let wrong = |path: &Path, dims: &[usize], expected: &str| {
        Err(Error::input(format!("{}: has dimensions {dims:?}; expected {expected}", path.display())))
    };
    let shape = match dims[..] {
        [_, features] => vec![features],
        [_, height, width] => vec![1, height, width],
        [_, channels, height, width] => vec![channels, height, width],
        _ => return wrong(images, &dims, "2 to 4 of them, the first counting records (is this the label file?)"),
    };
    if label_dims.len() != 1 {
        return wrong(labels, &label_dims, "one, counting labels (is this the image file?)");
    }
    if dims[0] != label_dims[0] {
        return Err(Error::input(format!(
            "{} holds {} records, but {} holds {} labels; the two must be of one set",
            images.display(),
            dims[0],
            labels.display(),
            label_dims[0]
        )));
    }
    let samples =
        Samples { x: pixels.into_iter().map(f32::from).collect(), y: classes.into_iter().map(u32::from).collect() };
    Ok((shape, samples))
}

/// Dimensions and values of one IDX file of unsigned bytes.
fn read(path: &Path, limit: &Limit) -> Result<(Vec<usize>, Vec<u8>)> {
    let mut bytes = Bytes::open(path, limit)?;
    let magic = bytes.exactly(4, "the IDX magic number")?;
    let (element, rank) = (magic[2], usize::from(magic[3]));
    if magic[..2] != [0, 0] || rank == 0 {
        let found = u32::from_be_bytes([magic[0], magic[1], magic[2], magic[3]]);
        return Err(Error::input(format!(
            "{}: begins with {found:#010x}, so it is not an IDX file; expected 0x00000803 (images) or 0x00000801 \
                (labels)",
            path.display()
        )));
    }
    if element != 0x08 {
        return Err(Error::input(format!(
            "{}: the IDX element type at offset 2 is {element:#04x}; only 0x08 (unsigned byte) is read",
            path.display()
        )));
    }
    let header = bytes.exactly(4 * rank as u64, "the IDX dimensions")?;
    let dims: Vec<usize> =
        header.chunks_exact(4).map(|d| u32::from_be_bytes([d[0], d[1], d[2], d[3]]) as usize).collect();
    // Saturating: whatever overflows is more than any file holds, and `exactly` says so.
    let count = dims.iter().fold(1u64, |product, &dim| product.saturating_mul(dim as u64));
    let what = format!("an array of {dims:?} bytes");
    bytes.could_hold(count, &what)?;
    limit.take(count.saturating_mul(4), path.display(), "its records")?;
    let values = bytes.exactly(count, &what)?;
    bytes.finish()?;
    Ok((dims, values))
}
