//! The Wisconsin diagnostic breast cancer table that comes with the program.

use super::embedded::parse;
use super::source::Source;
use super::{DatasetRow, Loader, Normalize, Parts};
use crate::error::Result;

static FILE: &str = include_str!("../../assets/data/breast_cancer/breast_cancer.csv");

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "breast_cancer",
    summary: "569 tumours, [30] real features, malignant or benign; embedded",
    citation: "W. Wolberg, O. Mangasarian, N. Street, W. Street: Breast Cancer Wisconsin (Diagnostic), UCI, 1993, \
               doi 10.24432/C5DW2B",
    licence: "CC BY 4.0",
    keys: &["normalize", "test_fraction", "validation_fraction", "split_seed", "limit", "plant"],
    normalize: Normalize::Standard,
    load: Loader::Records(load),
};

fn load(_: &Source) -> Result<Parts> {
    let (name, origin) = ("breast_cancer".to_owned(), "breast_cancer (embedded)".to_owned());
    // The first line counts rows and columns and names the classes.
    let records = parse(FILE.lines().skip(1), 30)?;
    Ok(Parts::new(name, origin, vec![30], vec!["malignant".to_owned(), "benign".to_owned()], records))
}
