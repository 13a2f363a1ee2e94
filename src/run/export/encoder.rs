//! How cells of a table become the network's input, as one JSON; `contrib/python/unfit/encode.py` applies it.

use serde::Serialize;

use crate::data::{ColumnFit, Label, Normalization, TargetFit};
use crate::error::{Error, Result};
use crate::run::folder::Opened;

/// All that was fitted on a table, and how the table is read.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Encoder {
    /// Form of this document.
    schema: &'static str,
    /// Version of the program.
    version: &'static str,
    /// SHA-256 of the weights that take such records.
    model_sha256: String,
    /// How a file of the table is read.
    table: Reading,
    /// Columns in the order of their features; others are none.
    columns: Vec<Columns>,
    /// Scaling, last: x' = (x - offset) / scale in f64, then rounded to f32; `row` divides a record by its sum instead.
    normalization: Normalization,
    /// The column of the class, or those of the targets, by name or position.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<Label>,
    /// Characters that are stripped from the end of a label.
    label_strip: String,
    /// The classes, or the targets, in the order of the network's outputs.
    class_names: Vec<String>,
    /// What is predicted where that is no class, and how it was scaled: t' = (t - offset) / scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    targets: Option<TargetFit>,
}

/// How a file of the table is read. Blanks around cells count for nothing.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
struct Reading {
    /// Names of all columns, where no line of the file has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<String>>,
    /// Whether the first line names the columns; without it and without `columns` they are called `0`, `1`, ….
    header: bool,
    /// Between two cells.
    delimiter: String,
    /// Cells that stand for a missing value.
    missing: Vec<String>,
    /// What stands before the decimals of a number.
    decimal: String,
    /// What stands between groups of three digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    thousands: Option<String>,
}

/// A column and its features.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
struct Columns {
    #[serde(flatten)]
    fit: ColumnFit,
    /// `[first, end]` of its features from 0, `end` not among them.
    features: [usize; 2],
}

/// The document of a run.
///
/// # Errors
/// Data that are no table.
pub(super) fn document(run: &Opened) -> Result<Encoder> {
    let (config, fitted) = (&run.config.data, &run.info.data.fitted);
    if fitted.columns.is_empty() || run.data.graph.is_some() {
        return Err(Error::input(format!(
            "--encoder: the data `{}` of {} are no table, so there are no columns to encode; a model card (--card) has \
             their scaling",
            run.info.data.name,
            run.folder.path.display()
        )));
    }
    let mut end = 0;
    let columns = fitted.columns.iter().map(|fit| {
        end += fit.encoding.width();
        Columns { fit: fit.clone(), features: [end - fit.encoding.width(), end] }
    });
    let text = |key: &Option<String>, otherwise: &str| key.clone().unwrap_or_else(|| otherwise.to_owned());
    Ok(Encoder {
        schema: "unlearn.encoder/1",
        version: env!("CARGO_PKG_VERSION"),
        model_sha256: run.model_sha256().to_owned(),
        table: Reading {
            columns: config.columns.clone(),
            header: config.header.unwrap_or(true),
            delimiter: text(&config.delimiter, ","),
            missing: config.missing.clone().unwrap_or_default(),
            decimal: text(&config.decimal, "."),
            thousands: config.thousands.clone(),
        },
        columns: columns.collect(),
        normalization: fitted.normalization.clone(),
        label: config.label.clone(),
        label_strip: text(&config.label_strip, ""),
        class_names: fitted.class_names.clone(),
        targets: fitted.targets.clone(),
    })
}
