//! Tables of cells, whatever file they are from: columns by name become features, classes and names of records.

mod encode;
mod labels;
mod names;
mod records;
mod targets;

use ::csv::StringRecord;

use super::Column;
use crate::base::did_you_mean;
use crate::error::{Error, Result};

pub(crate) use labels::class_names;
pub(crate) use records::records;

/// More categories than this in a column, or classes in a label, is taken for free text.
pub(crate) const MOST_CATEGORIES: usize = 1024;

/// A file's cells.
pub(crate) struct Table {
    pub path: String,
    pub names: Vec<String>,
    pub rows: Vec<StringRecord>,
    /// Line of each row in the file, from 1; empty where the file has no lines.
    pub lines: Vec<u64>,
}

impl Table {
    /// Where a row stands, for messages: its line or, in a file without lines, its number from 0, which is its id.
    pub fn place(&self, row: usize) -> String {
        self.lines.get(row).map_or_else(|| format!("row {row}"), |line| format!("line {line}"))
    }
}

/// The first name that is there twice.
pub(crate) fn repeated(names: &[String]) -> Option<&String> {
    names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)).map(|(_, name)| name)
}

/// The position of a column.
pub(crate) fn find(column: &Column, table: &Table, key: &str) -> Result<usize> {
    let width = table.names.len();
    match column {
        Column::Name(name) => table.names.iter().position(|known| known == name).ok_or_else(|| {
            let near = did_you_mean(name, table.names.iter().map(String::as_str));
            let all = table.names.join(", ");
            Error::input(format!("data.{key}: {} has no column `{name}`{near}; it has {all}", table.path))
        }),
        Column::Index(index) => {
            let at = if *index < 0 { *index + width as i64 } else { *index };
            usize::try_from(at).ok().filter(|&at| at < width).ok_or_else(|| {
                Error::input(format!(
                    "data.{key}: {} has no column {index}; it has {width}, 0 to {}",
                    table.path,
                    width - 1
                ))
            })
        }
    }
}
