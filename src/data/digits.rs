//! The 8 × 8 handwritten digits that come with the program.

use std::io::Read;

use super::embedded::parse;
use super::source::Source;
use super::{DatasetRow, Loader, Normalize, Parts};
use crate::error::{Error, Result};

static FILE: &[u8] = include_bytes!("../../assets/data/digits/digits.csv.gz");

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "digits",
    summary: "1797 handwritten digits, [1, 8, 8], values 0 to 16, 10 classes; embedded; `unit` divides by 16",
    citation: "E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI, 1998, doi 10.24432/C50P49",
    licence: "CC BY 4.0",
    keys: &["normalize", "test_fraction", "validation_fraction", "split_seed", "limit", "plant"],
    normalize: Normalize::Unit,
    load: Loader::Records(load),
};

fn load(_: &Source) -> Result<Parts> {
    let mut text = String::new();
    let unpacked = flate2::read::GzDecoder::new(FILE).read_to_string(&mut text);
    unpacked.map_err(|e| Error::internal(format!("the embedded digits do not unpack: {e}")))?;
    let (origin, classes) = ("digits (embedded)".to_owned(), (0..10).map(|digit| digit.to_string()).collect());
    let parts = Parts::new("digits".to_owned(), origin, vec![1, 8, 8], classes, parse(text.lines(), 64)?);
    Ok(Parts { full_scale: Some(16.0), ..parts })
}
