//! CIFAR-10 in its binary form, plain or gzip.

use std::path::PathBuf;

use super::parts::Raw;
use super::source::{Bytes, Source};
use super::{DatasetRow, Loader, Normalize, Parts, Samples};
use crate::error::{Error, Result};

const PIXELS: usize = 3 * 32 * 32;
const RECORD: usize = 1 + PIXELS;
const CLASSES: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "cifar",
    summary: "CIFAR-10 binary batches, plain or gzip: records of a label byte and 3 × 32 × 32 pixels",
    citation: "A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images, University of Toronto, 2009",
    licence: "of the files",
    keys: &[
        "train_files",
        "test_files",
        "max_bytes",
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
    let files = source.config.train_files.as_deref().unwrap_or_default();
    let Some(first) = files.first() else {
        return Err(Error::input("data.train_files: the loader `cifar` needs this key, a list of at least one file"));
    };
    let (name, origin) = ("cifar10".to_owned(), source.join(first).display().to_string());
    let classes = CLASSES.map(str::to_owned).to_vec();
    let parts = Parts::new(name, origin, vec![3, 32, 32], classes, read(source, files)?);
    let test = source.config.test_files.as_deref().map(|files| read(source, files)).transpose()?;
    Ok(Parts { test: test.map(Raw::from), full_scale: Some(255.0), ..parts })
}

fn read(source: &Source, files: &[PathBuf]) -> Result<Samples> {
    let mut samples = Samples::default();
    for file in files {
        let path = source.join(file);
        let bytes = Bytes::open(&path, &source.limit)?.rest()?;
        source.limit.take_values(bytes.len(), path.display())?;
        if bytes.is_empty() || bytes.len() % RECORD != 0 {
            return Err(Error::input(format!(
                "{}: holds {} bytes, which is not a number of whole records of {RECORD} ({} whole ones, then {} \
                    bytes); it \
                 is truncated or not a CIFAR-10 binary",
                path.display(),
                bytes.len(),
                bytes.len() / RECORD,
                bytes.len() % RECORD
            )));
        }
        for (at, record) in bytes.chunks_exact(RECORD).enumerate() {
            if usize::from(record[0]) >= CLASSES.len() {
                return Err(Error::input(format!(
                    "{}: record {at} (offset {}) has label {}; expected 0 to 9",
                    path.display(),
                    at * RECORD,
                    record[0]
                )));
            }
            samples.y.push(u32::from(record[0]));
            samples.x.extend(record[1..].iter().map(|&pixel| f32::from(pixel)));
        }
    }
    Ok(samples)
}
