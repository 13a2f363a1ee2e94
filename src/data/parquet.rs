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
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use super::csv::held;
use super::limit::Limit;
use super::source::{self, Source};
use super::table::{Table, find, records, repeated};
use super::{ColumnKind, DataConfig, DatasetRow, Loader, Normalize, Parts};
use crate::error::{Error, Result};
use cells::{Column, Texts};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "parquet",
    summary: "a table of numbers, decimals, texts, dates and booleans, with or without dictionaries; packed by snappy, \
              gzip, zstd or not at all; read as `csv` reads the same cells: nulls and NaN are missing, texts, dates \
              and booleans become categories, texts that are all numbers do not; columns of times, bytes or nested \
              values must be in `drop`",
    citation: "Apache Parquet (the format)",
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
        "schema",
        "drop",
        "missing",
        "missing_indicator",
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
    for (at, about) in about.row_groups().iter().enumerate() {
        let rows = u64::try_from(about.num_rows()).unwrap_or(u64::MAX);
        Group { file: &file, about, at, rows }.read(&mut table, &columns, limit)?;
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
        if *kind == ColumnKind::Drop {
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

/// A column whose values are being read, and the last of them.
struct Reading<'a> {
    column: &'a Column,
    reader: ColumnReader,
    texts: Texts,
}

/// A row group of a file.
struct Group<'a> {
    file: &'a Bytes,
    about: &'a RowGroupMetaData,
    at: usize,
    rows: u64,
}

impl Group<'_> {
    fn fail(&self, table: &Table, column: &Column, why: &str) -> Error {
        let (path, at, name) = (&table.path, self.at, &table.names[column.place]);
        Error::input(format!("{path}: row group {at}, column `{name}`: {why}"))
    }

    /// Its columns, ready to be read, and the bytes that are taken for their pages.
    fn open<'a>(&self, table: &Table, columns: &'a [Column], limit: &Limit) -> Result<(Vec<Reading<'a>>, u64)> {
        let (mut readings, mut pages) = (vec![], 0);
        for column in columns {
            let held = pages::check(self.file, self.about.column(column.leaf), column, self.rows)
                .map_err(|why| self.fail(table, column, &why))?;
            limit.take(held, &table.path, "its pages")?;
            pages += held;
        }
        // No row is smaller than an empty one.
        let least = self.rows.saturating_mul(8 * table.names.len() as u64 + 128);
        limit.room(least, &table.path, "its rows")?;
        for column in columns {
            let chunk = self.about.column(column.leaf);
            let open = || {
                let pages = SerializedPageReader::new(self.file.clone().into(), chunk, self.rows as usize, None);
                let pages = Box::new(pages.map_err(|e| e.to_string())?);
                Ok(get_column_reader(column.descriptor.clone(), pages))
            };
            let reader = guarded(open).map_err(|why| self.fail(table, column, &why))?;
            readings.push(Reading { column, reader, texts: Texts::default() });
        }
        Ok((readings, pages))
    }

    /// Adds its rows to the table.
    fn read(&self, table: &mut Table, columns: &[Column], limit: &Limit) -> Result<()> {
        let (mut readings, pages) = self.open(table, columns, limit)?;
        // A value may be as long as its page, and a page may repeat it in every row.
        let batch = (limit.left() / 4 / pages.max(1)).clamp(1, BATCH);
        let mut done = 0;
        while done < self.rows {
            let more = batch.min(self.rows - done) as usize;
            for Reading { column, reader, texts } in &mut readings {
                guarded(|| texts.read(column, reader, more)).map_err(|why| self.fail(table, column, &why))?;
            }
            for row in 0..more {
                let mut record = StringRecord::new();
                let mut cells = readings.iter().peekable();
                for place in 0..table.names.len() {
                    let cell = cells.next_if(|reading| reading.column.place == place);
                    record.push_field(cell.map_or("", |reading| reading.texts.get(row)));
                }
                limit.take(held(&record), &table.path, "its rows")?;
                table.rows.push(record);
            }
            done += more as u64;
        }
        limit.give_back(pages);
        Ok(())
    }
}
