//! What the rows of a table say that is to be predicted: a class, or the numbers of some columns.

use super::labels::{labels, test_labels};
use super::{Table, find};
use crate::data::decimal::Notation;
use crate::data::{DataConfig, TargetKind};
use crate::error::{Error, Result};

/// The columns that are predicted, by position.
///
/// # Errors
/// No such key, no such column, several columns of one class, a column twice.
pub(super) fn columns(config: &DataConfig, table: &Table) -> Result<Vec<usize>> {
    let Some(label) = &config.label else {
        let loader = &config.loader;
        let need = "needs this key, a column's name or position";
        return Err(Error::input(format!("data.label: the loader `{loader}` {need}")));
    };
    if config.target_kind() == TargetKind::Class {
        return Ok(vec![find(label.class()?, table, "label")?]);
    }
    let at = label.columns().iter().map(|column| find(column, table, "label")).collect::<Result<Vec<usize>>>()?;
    if at.is_empty() {
        return Err(Error::input("data.label names no column; at least one is needed to be predicted"));
    }
    match at.iter().enumerate().find(|(i, column)| at[..*i].contains(column)) {
        Some((_, column)) => {
            Err(Error::input(format!("data.label names the column `{}` twice; name each once", table.names[*column])))
        }
        None => Ok(at),
    }
}

/// What is to be predicted of each row.
pub(super) struct Goals {
    /// Names of the classes, or of the targets.
    pub names: Vec<String>,
    /// The class of each row, 0 where rows have targets.
    pub y: Vec<u32>,
    /// [rows, names] where rows have targets.
    pub targets: Vec<f64>,
}

impl Goals {
    /// Of the training table.
    pub fn of(table: &Table, config: &DataConfig, columns: &[usize]) -> Result<Goals> {
        match (config.target_kind(), columns) {
            (TargetKind::Class, [label, ..]) => {
                let (names, y) = labels(table, config, *label)?;
                Ok(Goals { names, y, targets: vec![] })
            }
            (kind, _) => {
                let names = columns.iter().map(|column| table.names[*column].clone()).collect();
                let targets = numbers(table, config, kind, columns)?;
                Ok(Goals { names, y: vec![0; table.rows.len()], targets })
            }
        }
    }

    /// Of a test table, by the names of the training table's classes.
    pub fn of_test(&self, test: &Table, config: &DataConfig, columns: &[usize]) -> Result<Goals> {
        match (config.target_kind(), columns) {
            (TargetKind::Class, [label, ..]) => {
                let y = test_labels(test, config, *label, &self.names)?;
                Ok(Goals { names: vec![], y, targets: vec![] })
            }
            _ => Goals::of(test, config, columns),
        }
    }

    /// The class of a row, and its targets.
    pub fn row(&self, row: usize) -> (u32, &[f64]) {
        let width = self.targets.len().checked_div(self.y.len()).unwrap_or(0);
        (self.y[row], &self.targets[row * width..][..width])
    }
}

/// The numbers of some columns, row-major.
fn numbers(table: &Table, config: &DataConfig, kind: TargetKind, columns: &[usize]) -> Result<Vec<f64>> {
    let (notation, missing) = (Notation::of(config)?, config.missing.as_deref().unwrap_or_default());
    let mut all = Vec::with_capacity(table.rows.len() * columns.len());
    for (at, row) in table.rows.iter().enumerate() {
        for column in columns {
            let cell = &row[*column];
            let fail = |why: &str| {
                let (path, place, name) = (&table.path, table.place(at), &table.names[*column]);
                Err(Error::input(format!("{path} {place} column `{name}`: the target {why}")))
            };
            if missing.iter().any(|marker| marker == cell) {
                return fail("is missing; remove the row");
            }
            let Some(value) = notation.number(cell) else {
                let advice = notation.elsewhere(cell).map_or(String::new(), |advice| format!("; {advice}"));
                return fail(&format!(
                    "`{cell}` is not a number, which data.targets = \"{}\" needs{advice}",
                    kind.name()
                ));
            };
            if let Some(why) = kind.refuses(value) {
                return fail(&format!("`{cell}` {why}"));
            }
            all.push(value);
        }
    }
    Ok(all)
}
