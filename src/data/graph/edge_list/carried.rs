//! The columns of a table of edges behind the two ends.

use super::table::called;
use crate::data::graph::EdgeData;
use crate::data::table::{Table, find};
use crate::data::{Column, DataConfig};
use crate::error::{Error, Result};

/// What the edges carry, a row each: the columns `edge_weight` and `edge_features`. A further one may be 1 everywhere,
/// or not be read.
pub(super) fn carried(table: &Table, config: &DataConfig) -> Result<EdgeData> {
    let column = |column: &Column, key: &str| match find(column, table, key)? {
        at if at < 2 => {
            let (path, name) = (&table.path, &table.names[at]);
            Err(Error::input(format!("data.{key}: the column `{name}` of {path} is an end of the edges")))
        }
        at => Ok(at),
    };
    let weight = config.edge_weight.as_ref().map(|name| column(name, "edge_weight")).transpose()?;
    let names = config.edge_features.iter().flatten();
    let features = names.map(|name| column(name, "edge_features")).collect::<Result<Vec<usize>>>()?;
    config.drop.iter().flatten().try_for_each(|name| column(name, "drop").map(|_| ()))?;
    let read = |at: usize| weight == Some(at) || features.contains(&at);
    let dropped = |at: usize| config.drop.iter().flatten().any(|column| called(column, table, at));
    for at in (2..table.names.len()).filter(|at| !read(*at) && !dropped(*at)) {
        let one = |row: &csv::StringRecord| row[at].parse() == Ok(1.0);
        if let Some(row) = table.rows.iter().position(|row| !one(row)) {
            let (path, line, name) = (&table.path, table.lines[row], &table.names[at]);
            let cell = &table.rows[row][at];
            return Err(Error::input(format!(
                "{path} line {line} column `{name}`: `{cell}`; say what it is: data.edge_weight = \"{name}\" for a \
                 weight, data.edge_features = [\"{name}\"] for a feature of edges, data.drop = [{at}] to leave it out"
            )));
        }
    }
    let weight = weight.map(|at| (0..table.rows.len()).map(|row| number(table, row, at)).collect());
    let cells = (0..table.rows.len()).flat_map(|row| features.iter().map(move |at| (row, *at)));
    Ok(EdgeData {
        weight: weight.transpose()?,
        width: features.len(),
        features: cells.map(|(row, at)| number(table, row, at)).collect::<Result<_>>()?,
    })
}

fn number(table: &Table, row: usize, column: usize) -> Result<f32> {
    let cell = &table.rows[row][column];
    cell.parse().ok().filter(|value: &f32| value.is_finite()).ok_or_else(|| {
        let (path, line, name) = (&table.path, table.lines[row], &table.names[column]);
        Error::input(format!("{path} line {line} column `{name}`: `{cell}` is not a finite number"))
    })
}
