//! What loaders of tables share: from cells to records.

use std::path::Path;

use ::csv::StringRecord;

use super::encode::Encoder;
use super::names::Names;
use super::targets::{self, Goals};
use super::{Table, find};
use crate::data::identity::Identity;
use crate::data::key::Key;
use crate::data::parts::{Classes, Parts, Raw};
use crate::data::source::{Source, stem};
use crate::data::{Column, ColumnKind, DataConfig, Portion, split};
use crate::error::{Error, Result};

/// Rows of a table, and of a test table where there is one, become records: who they are, their classes, and features
/// by what is fitted on the training rows. `path` is that of the table; `config` is the source's, with what the loader
/// adds.
pub(crate) fn records(
    source: &Source,
    config: &DataConfig,
    path: &Path,
    table: Table,
    test: Option<Table>,
) -> Result<Parts> {
    if let Some(test) = &test {
        same_columns(&table, test)?;
    }
    let label = targets::columns(config, &table)?;
    let names = Names::of(config, &table)?;
    let kinds = kinds(config, &table, &label, &names)?;
    let goals = Goals::of(&table, config, &label)?;
    let mut who = names.identities(&table, Portion::Train)?;
    let keys: Vec<Key> = table.rows.iter().zip(&who).map(|(row, who)| key(row, who)).collect();
    who.iter_mut().zip(&keys).for_each(|(who, key)| who.key = key.number());
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
        let y = rows.iter().map(|row| goals.row(at(row)).0).collect();
        let targets = rows.iter().flat_map(|row| goals.row(at(row)).1).copied().collect();
        let who = rows.iter().map(|row| who[at(row)].clone()).collect();
        Ok(Raw { x: encoder.encode(&table, rows)?, y, targets, who })
    };
    let (train, validation) = (part(&plan.train)?, part(&plan.validation)?);
    let test = match &test {
        None => part(&plan.test)?,
        Some(test) => {
            let Goals { y, targets, .. } = goals.of_test(test, config, &label)?;
            let rows: Vec<u32> = (0..y.len() as u32).collect();
            Raw { x: encoder.encode(test, &rows)?, y, targets, who: names.identities(test, Portion::Test)? }
        }
    };
    let (fixed, columns) = (encoder.fixed(), encoder.columns(&table));
    let table_names = table.names;
    let parts = Parts::new(stem(path), table.path, vec![fixed.len()], goals.names, train);
    let (naming, subject) = (names.naming(&table_names), names.subject_name(&table_names));
    Ok(Parts {
        classes: Classes::Found,
        targets: config.target_kind(),
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
fn kinds(config: &DataConfig, table: &Table, label: &[usize], names: &Names) -> Result<Vec<Option<ColumnKind>>> {
    let mut kinds = vec![None; table.names.len()];
    for (name, kind) in config.schema.iter().flatten() {
        kinds[find(&Column::Name(name.clone()), table, "schema")?] = Some(*kind);
    }
    for column in config.drop.iter().flatten() {
        kinds[find(column, table, "drop")?] = Some(ColumnKind::Drop);
    }
    if let Some((column, kind)) = label.iter().find_map(|column| Some((*column, kinds[*column]?))) {
        return Err(Error::input(format!("data.label: the label column `{}` is also {kind:?}", table.names[column])));
    }
    for column in label.iter().copied().chain(names.id).chain(names.subject) {
        kinds[column] = Some(ColumnKind::Drop);
    }
    Ok(kinds)
}
