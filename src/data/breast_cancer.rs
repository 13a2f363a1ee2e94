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
    keys: &["normalize", "test_fraction", "validation_fraction", "split_seed", "limit"],
    normalize: Normalize::Standard,
    load: Loader::Records(load),
};

fn load(_: &Source) -> Result<Parts> {
    Ok(Parts {
        name: "breast_cancer".to_owned(),
        origin: "breast_cancer (embedded)".to_owned(),
        shape: vec![30],
        class_names: vec!["malignant".to_owned(), "benign".to_owned()],
        // The first line counts rows and columns and names the classes.
        train: parse(FILE.lines().skip(1), 30)?,
        validation: None,
        test: None,
        full_scale: None,
        fixed: vec![],
        notes: vec![],
    })
}
