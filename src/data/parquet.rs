//! Parquet files. Cells become the texts that a CSV of the same table has, so that both load as the same records.
//!
//! The crate trusts what a file says of its own sizes; [`footer`] and [`pages`] look at them first.

mod cells;
mod footer;
mod pages;
mod thrift;

use std::path::Path;

use bytes::Bytes;
use csv::StringRecord;
use parquet::column::reader::get_column_reader;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use super::csv::held;
use super::limit::Limit;
use super::source::{self, Source};
use super::table::{Table, find, records, repeated};
use super::{DataConfig, DatasetRow, Loader, Normalize, Parts};
use crate::error::{Error, Result};
use cells::{Column, Texts};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "parquet",
    summary: "a table of numbers, decimals, texts, dates and booleans, with or without dictionaries; packed by snappy, \
              gzip, zstd or not at all; read as `csv` reads the same cells: nulls and NaN are missing, texts, dates and \
              booleans become categories, texts that are all numbers do not; columns of times, bytes or nested values \
              must be in `drop`",
    citation: "Apache Parquet (the format)",
    licence: "of the files",
    keys: &[
        "path",
        "max_bytes",
        "test_path",
        "label",
        "id",
        "subject",
        "schema",
        "drop",
        "missing",
        "missing_indicator",
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

/// Rows that are read at once.
const BATCH: u64 = 1024;

fn load(source: &Source) -> Result<Parts> {
    let path = source.need("path", &source.config.path)?;
    let table = read(&path, source.config, &source.limit)?;
    let test = match &source.config.test_path {
        Some(test) => Some(read(&source.join(test), source.config, &source.limit)?),
        None => None,
    };
    // A null is missing whatever texts are.
    let mut config = source.config.clone();
    let missing = config.missing.get_or_insert_default();
    if !missing.iter().any(String::is_empty) {
        missing.push(String::new());
    }
    records(source, &config, &path, table, test)
}

fn read(path: &Path, config: &DataConfig, limit: &Limit) -> Result<Table> {
    let shown = path.display().to_string();
    let file = Bytes::from(source::Bytes::open(path, limit)?.rest()?);
    limit.room((footer::check(&file, &shown)? as u64).saturating_mul(64), &shown, "its footer")?;
    let parse = || ParquetMetaDataReader::new().parse_and_finish(&file).map_err(|e| e.to_string());
    let about = guarded(parse).map_err(|why| Error::input(format!("{shown}: its footer is broken: {why}")))?;
    let (mut table, columns) = columns(&about, config, shown)?;
    for (at, group) in about.row_groups().iter().enumerate() {
        rows(&mut table, &file, group, &columns, limit, at)?;
    }
    match table.rows.is_empty() {
        true => Err(Error::input(format!("{}: holds no rows", table.path))),
        false => Ok(table),
    }
}

/// What the crate says, or that it gave up on bytes that contradict each other.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err("what it says of itself does not fit together".to_owned()))
}

/// A table without rows, and its columns. One that cannot be read may be there where it is dropped; it then has empty
/// cells.
fn columns(about: &ParquetMetaData, config: &DataConfig, path: String) -> Result<(Table, Vec<Column>)> {
    let schema = about.file_metadata().schema_descr();
    let names: Vec<String> = schema.root_schema().get_fields().iter().map(|field| field.name().to_owned()).collect();
    if let Some(name) = repeated(&names) {
        return Err(Error::input(format!("{path}: two columns are named `{name}`; give them names of their own")));
    }
    let table = Table { path, names, rows: vec![], lines: vec![] };
    let drop = config.drop.iter().flatten().map(|column| find(column, &table, "drop"));
    let mut dropped = drop.collect::<Result<Vec<usize>>>()?;
    for (name, kind) in config.schema.iter().flatten() {
        if *kind == super::ColumnKind::Drop {
            dropped.push(find(&super::Column::Name(name.clone()), &table, "schema")?);
        }
    }
    let mut columns: Vec<Column> = vec![];
    for (leaf, descriptor) in schema.columns().iter().enumerate() {
        let at = schema.get_column_root_idx(leaf);
        match Column::of(descriptor, leaf, at) {
            Ok(column) => columns.push(column),
            Err(_) if dropped.contains(&at) => {}
            Err(why) => {
                let (path, name) = (&table.path, &table.names[at]);
                return Err(Error::input(format!("{path}: the column `{name}` {why}; leave it out with data.drop")));
            }
        }
    }
    Ok((table, columns))
}

/// Adds the rows of a group.
fn rows(
    table: &mut Table,
    file: &Bytes,
    group: &RowGroupMetaData,
    columns: &[Column],
    limit: &Limit,
    at: usize,
) -> Result<()> {
    let (path, width) = (table.path.clone(), table.names.len());
    let names = table.names.clone();
    let fail = |column: &Column, why: String| {
        Error::input(format!("{path}: row group {at}, column `{}`: {why}", names[column.place]))
    };
    let count = u64::try_from(group.num_rows()).unwrap_or(u64::MAX);
    let (mut pages, mut readers) = (0u64, vec![]);
    for column in columns {
        let chunk = group.column(column.leaf);
        let held = pages::check(file, chunk, column, count).map_err(|why| fail(column, why))?;
        limit.take(held, &path, "its pages")?;
        pages = pages.saturating_add(held);
    }
    // No row is smaller than an empty one.
    limit.room(count.saturating_mul(8 * width as u64 + 128), &path, "its rows")?;
    for column in columns {
        let chunk = group.column(column.leaf);
        let open = || {
            let pages = SerializedPageReader::new(file.clone().into(), chunk, count as usize, None);
            let pages = pages.map_err(|e| e.to_string())?;
            Ok(get_column_reader(column.descriptor.clone(), Box::new(pages)))
        };
        readers.push((column, guarded(open).map_err(|why| fail(column, why))?, Texts::default()));
    }
    // A value may be as long as its page, and a page may repeat it in every row.
    let batch = (limit.left() / 4 / pages.max(1)).clamp(1, BATCH);
    let mut done = 0;
    while done < count {
        let more = batch.min(count - done) as usize;
        for (column, reader, texts) in &mut readers {
            guarded(|| texts.read(column, reader, more)).map_err(|why| fail(column, why))?;
        }
        for row in 0..more {
            let mut record = StringRecord::new();
            let mut cells = readers.iter().peekable();
            for place in 0..width {
                let cell = cells.next_if(|(column, ..)| column.place == place);
                record.push_field(cell.map_or("", |(_, _, texts)| texts.get(row)));
            }
            limit.take(held(&record), &path, "its rows")?;
            table.rows.push(record);
        }
        done += more as u64;
    }
    limit.give_back(pages);
    Ok(())
}
