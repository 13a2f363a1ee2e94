//! The columns of a table that say who a row is of. They are not features.

use super::{Table, find};
use crate::data::{Column, DataConfig, Identity, Naming, Portion};
use crate::error::{Error, Result};

/// Positions of the columns `data.id` and `data.subject`.
pub(crate) struct Names {
    pub id: Option<usize>,
    pub subject: Option<usize>,
}

impl Names {
    pub fn of(config: &DataConfig, table: &Table) -> Result<Names> {
        let at = |key: &str, column: &Option<String>| {
            column.as_ref().map(|name| find(&Column::Name(name.clone()), table, key)).transpose()
        };
        Ok(Names { id: at("id", &config.id)?, subject: at("subject", &config.subject)? })
    }

    pub fn naming(&self, names: &[String]) -> Naming {
        self.id.map_or(Naming::Rows, |column| Naming::Column(names[column].clone()))
    }

    pub fn subject_name(&self, names: &[String]) -> Option<String> {
        self.subject.map(|column| names[column].clone())
    }

    /// Who each row is of.
    pub fn identities(&self, table: &Table, source: Portion) -> Result<Vec<Identity>> {
        let named = |row: usize, column: Option<usize>, key: &str| -> Result<Option<Box<str>>> {
            let Some(column) = column else { return Ok(None) };
            match &table.rows[row][column] {
                "" => Err(Error::input(format!(
                    "{} {}: the column `{}` (data.{key}) is empty; every record needs one",
                    table.path,
                    table.place(row),
                    table.names[column]
                ))),
                name => Ok(Some(name.into())),
            }
        };
        let of = |row: usize| {
            let (name, subject) = (named(row, self.id, "id")?, named(row, self.subject, "subject")?);
            Ok(Identity { source, row: row as u64, name, subject, ..Identity::default() })
        };
        (0..table.rows.len()).map(of).collect()
    }
}
