//! CSV tables with numeric and categorical columns and missing values.

use std::path::Path;

use ::csv::{ErrorKind, Position, ReaderBuilder, StringRecord, Trim};

use super::csv_encode::{Encoder, Table, find};
use super::csv_names::Names;
use super::identity::{Identity, Key};
use super::limit::Limit;
use super::parts::{Classes, Raw};
use super::source::{Bytes, Lines, Source, stem};
use super::{Column, ColumnKind, DataConfig, DatasetRow, Loader, Normalize, Parts, Portion, split};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "csv",
    summary: "a table, plain or gzip: numeric columns (missing: training mean), categorical ones (one-hot, categories \
        of \
              the training rows, missing is one of them), a label column; `standard` leaves one-hot columns at 0 and 1",
    citation: "Y. Shafranovich: RFC 4180, 2005 (the format)",
    licence: "of the files",
    keys: &[
        "path",
        "max_bytes",
        "test_path",
        "label",
        "id",
        "subject",
        "columns",
        "header",
        "delimiter",
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
        Some(test_path) => {
            let test = read(&source.join(test_path), config, config.test_skip_rows, &source.limit)?;
            same_columns(&table, &test)?;
            Some(test)
        }
        None => None,
    };
    let label = match &config.label {
        Some(label) => find(label, &table, "label")?,
        None => return Err(Error::input("data.label: the loader `csv` needs this key, a column's name or position")),
    };
    let names = Names::of(config, &table)?;
    let kinds = kinds(config, &table, label, &names)?;
    let (class_names, y) = labels(&table, config, label)?;
    let who = names.identities(&table, Portion::Train)?;
    let keys: Vec<Key> = table.rows.iter().zip(&who).map(|(row, who)| key(row, who)).collect();
    let plan = split::plan(&keys, config, test.is_some(), false, &table.path)?;
    // Categories, means and which columns there are come from the training rows only.
    let encoder = match source.fit.kept() {
        Some(fitted) => Encoder::kept(&table, &fitted.columns, config)?,
        None => {
            let learns = |row: &u32| source.fit.learns(&who[*row as usize]);
            let rows: Vec<u32> = plan.train.iter().copied().filter(learns).collect();
            Encoder::fit(&table, &rows, &kinds, config)?
        }
    };
    let part = |rows: &[u32]| -> Result<Raw> {
        let at = |row: &u32| *row as usize;
        let y = rows.iter().map(|row| y[at(row)]).collect();
        Ok(Raw { x: encoder.encode(&table, rows)?, y, who: rows.iter().map(|row| who[at(row)].clone()).collect() })
    };
    let (train, validation) = (part(&plan.train)?, part(&plan.validation)?);
    let test = match &test {
        None => part(&plan.test)?,
        Some(test) => {
            let y = test_labels(test, config, label, &class_names)?;
            let rows: Vec<u32> = (0..y.len() as u32).collect();
            Raw { x: encoder.encode(test, &rows)?, y, who: names.identities(test, Portion::Test)? }
        }
    };
    let (fixed, columns) = (encoder.fixed(), encoder.columns(&table));
    let table_names = table.names;
    let parts = Parts::new(stem(&path), table.path, vec![fixed.len()], class_names, train);
    let (naming, subject) = (names.naming(&table_names), names.subject_name(&table_names));
    Ok(Parts {
        classes: Classes::Found,
        validation: Some(validation),
        test: Some(test),
        fixed,
        columns,
        naming,
        subject,
        notes: encoder.notes,
        ..parts
    })
}

/// What a row is drawn by: its name or, without one, its cells.
fn key(row: &StringRecord, who: &Identity) -> Key {
    let cells = row.iter().flat_map(|cell| cell.bytes().map(u64::from).chain([u64::from(u8::MAX)]));
    Key::named(who).unwrap_or_else(|| Key::of(cells))
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
    let reader = ReaderBuilder::new().has_headers(false).delimiter(delimiter).trim(Trim::All).from_reader(body);
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
    match names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        Some((_, twice)) => Err(Error::input(format!("{path}: two columns are named `{twice}`; give data.columns"))),
        None => Ok(names),
    }
}

/// Whether what should be a heading holds numbers alone, or numbers and texts that stand in their columns below it too.
fn is_record(first: &StringRecord, below: &[StringRecord]) -> bool {
    let number = |cell: &str| cell.parse::<f64>().is_ok();
    let again = |at: usize, cell: &str| below.iter().any(|row| &row[at] == cell);
    first.iter().any(number) && first.iter().enumerate().all(|(at, cell)| number(cell) || again(at, cell))
}

fn same_columns(table: &Table, test: &Table) -> Result<()> {
    if table.names == test.names {
        return Ok(());
    }
    let at = table.names.iter().zip(&test.names).position(|(a, b)| a != b);
    Err(Error::input(match at {
        Some(at) => format!(
            "{}: column {at} is `{}`, but in {} it is `{}`",
            test.path, test.names[at], table.path, table.names[at]
        ),
        None => {
            format!("{}: has {} columns, but {} has {}", test.path, test.names.len(), table.path, table.names.len())
        }
    }))
}

/// What was said about each column; the label is dropped from the features.
fn kinds(config: &DataConfig, table: &Table, label: usize, names: &Names) -> Result<Vec<Option<ColumnKind>>> {
    let mut kinds = vec![None; table.names.len()];
    for (name, kind) in config.schema.iter().flatten() {
        kinds[find(&Column::Name(name.clone()), table, "schema")?] = Some(*kind);
    }
    for column in config.drop.iter().flatten() {
        kinds[find(column, table, "drop")?] = Some(ColumnKind::Drop);
    }
    if let Some(kind) = kinds[label] {
        return Err(Error::input(format!("data.label: the label column `{}` is also {kind:?}", table.names[label])));
    }
    for column in [Some(label), names.id, names.subject].into_iter().flatten() {
        kinds[column] = Some(ColumnKind::Drop);
    }
    Ok(kinds)
}

/// The label of each row as text, cleaned.
fn label_texts<'a>(table: &'a Table, config: &'a DataConfig, label: usize) -> Result<Vec<&'a str>> {
    let strip = config.label_strip.as_deref().unwrap_or_default();
    let missing = config.missing.as_deref().unwrap_or_default();
    let texts = table.rows.iter().zip(&table.lines).map(|(row, line)| match &row[label] {
        text if missing.iter().any(|marker| marker == text) => {
            let name = &table.names[label];
            Err(Error::input(format!("{} line {line}: the label `{name}` is missing; remove the row", table.path)))
        }
        text => Ok(text.trim_end_matches(|c| strip.contains(c))),
    });
    texts.collect()
}

/// The distinct texts: numbers in order of size, else words in alphabetical order.
pub(crate) fn class_names<'a>(texts: &[&'a str]) -> Vec<&'a str> {
    let mut names = texts.to_vec();
    names.sort_unstable();
    names.dedup();
    if names.iter().all(|name| name.parse::<i64>().is_ok()) {
        names.sort_by_key(|name| name.parse::<i64>().unwrap_or_default());
    }
    names
}

/// Class names and the class of each row.
fn labels(table: &Table, config: &DataConfig, label: usize) -> Result<(Vec<String>, Vec<u32>)> {
    let texts = label_texts(table, config, label)?;
    let names = class_names(&texts);
    if names.len() > super::csv_encode::MOST_CATEGORIES {
        return Err(Error::input(format!(
            "{}: the label `{}` has {} different values; expected at most {} classes",
            table.path,
            table.names[label],
            names.len(),
            super::csv_encode::MOST_CATEGORIES
        )));
    }
    let class = |text: &&str| names.iter().position(|name| name == text).unwrap_or_default() as u32;
    let y = texts.iter().map(class).collect();
    Ok((names.into_iter().map(str::to_owned).collect(), y))
}

fn test_labels(test: &Table, config: &DataConfig, label: usize, class_names: &[String]) -> Result<Vec<u32>> {
    let texts = label_texts(test, config, label)?;
    let classes = texts.iter().zip(&test.lines).map(|(text, line)| {
        class_names.iter().position(|name| name == text).map(|at| at as u32).ok_or_else(|| {
            let known = class_names.join(", ");
            Error::input(format!(
                "{} line {line}: the class `{text}` is not in the training file, which has {known} (see \
                    data.label_strip)",
                test.path
            ))
        })
    });
    classes.collect()
}
