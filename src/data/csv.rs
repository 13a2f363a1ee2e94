//! CSV tables with numeric and categorical columns and missing values.

use std::path::Path;

use ::csv::{ErrorKind, Position, ReaderBuilder, StringRecord, Trim};

use super::limit::Limit;
use super::source::{Bytes, Lines, Source};
use super::table::{Table, records, repeated};
use super::{DataConfig, DatasetRow, Loader, Normalize, Parts};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "csv",
    summary: "a table, plain or gzip: numeric columns (missing: training mean), categorical ones (one-hot, categories \
              of the training rows, missing is one of them), a label column; `standard` leaves one-hot columns at 0 \
              and 1",
    citation: "Y. Shafranovich: RFC 4180, 2005 (the format)",
    licence: "of the files",
    keys: &[
        "path",
        "max_bytes",
        "test_path",
        "label",
        "targets",
        "standardize_targets",
        "id",
        "subject",
        "columns",
        "header",
        "delimiter",
        "quotes",
        "schema",
        "drop",
        "decimal",
        "thousands",
        "missing",
        "missing_indicator",
        "skip_rows",
        "test_skip_rows",
        "label_strip",
        "normalize",
        "test_fraction",
        "validation_fraction",
        "split_seed",
        "plant",
        "limit",
    ],
    normalize: Normalize::Standard,
    load: Loader::Records(load),
};

fn load(source: &Source) -> Result<Parts> {
    let config = source.config;
    let path = source.need("path", &config.path)?;
    let table = read(&path, config, config.skip_rows, &source.limit)?;
    let test = match &config.test_path {
        Some(test) => Some(read(&source.join(test), config, config.test_skip_rows, &source.limit)?),
        None => None,
    };
    records(source, config, &path, table, test)
}

/// Reads a file into rows of trimmed cells, all of one length.
pub(crate) fn read(path: &Path, config: &DataConfig, skip: Option<usize>, limit: &Limit) -> Result<Table> {
    let shown = path.display().to_string();
    let text = String::from_utf8(Bytes::open(path, limit)?.rows()?).map_err(|e| {
        Error::input(format!("{shown}: not UTF-8 text at offset {}; save it as UTF-8", e.utf8_error().valid_up_to()))
    })?;
    parse(shown, text.strip_prefix('\u{feff}').unwrap_or(&text), config, skip, limit)
}

/// Rows of a text; `shown` is its name in messages.
pub(crate) fn parse(
    shown: String,
    text: &str,
    config: &DataConfig,
    skip: Option<usize>,
    limit: &Limit,
) -> Result<Table> {
    let start: usize = text.split_inclusive('\n').take(skip.unwrap_or(0)).map(str::len).sum();
    let delimiter = match config.delimiter.as_deref().map(str::as_bytes) {
        Some([byte]) => *byte,
        other => {
            let other = String::from_utf8_lossy(other.unwrap_or_default()).into_owned();
            return Err(Error::input(format!("data.delimiter: `{other}`; expected one ASCII character")));
        }
    };
    // Skipped lines are cut off here; `Lines` still counts them.
    let body = &text.as_bytes()[start..];
    let reader = ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter)
        .quoting(config.quotes != Some(false))
        .trim(Trim::All)
        .from_reader(body);
    let mut places = Lines::new(text);
    let mut line = |position: Option<&Position>| places.of(position.map_or(0, Position::byte) + start as u64);
    let (mut rows, mut lines) = (vec![], vec![]);
    for row in reader.into_records() {
        let row = row.map_err(|e| malformed(&shown, line(e.position()), &e))?;
        lines.push(line(row.position()));
        limit.take(held(&row), &shown, "its rows")?;
        rows.push(row);
    }
    let names = names(&shown, config, &mut rows, &mut lines)?;
    Ok(Table { path: shown, names, rows, lines })
}

/// Bytes that a row of cells takes, with the ends of its cells and the allocations.
pub(crate) fn held(row: &StringRecord) -> u64 {
    (row.as_slice().len() + 8 * row.len() + 128) as u64
}

fn malformed(path: &str, line: u64, error: &::csv::Error) -> Error {
    match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            unequal(path, line, *len as usize, *expected_len as usize)
        }
        _ => Error::input(format!("{path} line {line}: malformed CSV: {error}")),
    }
}

pub(crate) fn unequal(path: &str, line: u64, found: usize, expected: usize) -> Error {
    Error::input(format!("{path} line {line}: has {found} cells; the lines before it have {expected}"))
}

/// Names of the columns: from the header line (which is taken out), from `columns`, or their positions.
pub(crate) fn names(
    path: &str,
    config: &DataConfig,
    rows: &mut Vec<StringRecord>,
    lines: &mut Vec<u64>,
) -> Result<Vec<String>> {
    let Some(width) = rows.first().map(StringRecord::len) else {
        return Err(Error::input(format!("{path}: holds no rows")));
    };
    let mut names: Vec<String> = (0..width).map(|at| at.to_string()).collect();
    if config.header == Some(true) {
        let line = lines.remove(0);
        let [first, below @ ..] = &rows[..] else { return Err(Error::input(format!("{path}: holds no rows"))) };
        if is_record(first, below) {
            let cell = first.iter().next().unwrap_or_default();
            let key = if config.node_header.is_some() { "node_header" } else { "header" };
            return Err(Error::input(format!(
                "{path} line {line}: `{cell}` … is a record and no heading; give data.{key} = false (data.columns \
                 names the columns; a heading of numbers is passed over with data.skip_rows)"
            )));
        }
        names = rows.remove(0).iter().map(str::to_owned).collect();
        if rows.is_empty() {
            return Err(Error::input(format!("{path}: holds no rows below its header")));
        }
    }
    if let Some(given) = &config.columns {
        if given.len() != width {
            return Err(Error::input(format!("data.columns: names {} columns, but {path} has {width}", given.len())));
        }
        names.clone_from(given);
    }
    match repeated(&names) {
        Some(twice) => Err(Error::input(format!("{path}: two columns are named `{twice}`; give data.columns"))),
        None => Ok(names),
    }
}

/// Whether what should be a heading holds numbers alone, or numbers and texts that stand in their columns below it too.
fn is_record(first: &StringRecord, below: &[StringRecord]) -> bool {
    let number = |cell: &str| cell.parse::<f64>().is_ok();
    let again = |at: usize, cell: &str| below.iter().any(|row| &row[at] == cell);
    first.iter().any(number) && first.iter().enumerate().all(|(at, cell)| number(cell) || again(at, cell))
}
