//! Rows of cells become rows of numbers: fitted on the training rows, applied to all.

use super::{MOST_CATEGORIES, Table};
use crate::data::decimal::Notation;
use crate::data::values::Values;
use crate::data::{ColumnFit, ColumnKind, DataConfig, Encoding};
use crate::error::{Error, Result};

/// How each column that is read becomes features.
pub(crate) struct Encoder {
    columns: Vec<(usize, Encoding)>,
    missing: Vec<String>,
    notation: Notation,
    /// What is odd about the columns.
    pub notes: Vec<String>,
}

impl Encoder {
    /// Learns means and categories from `rows`. `kinds` says how a column is to be read, where that was said.
    pub fn fit(table: &Table, rows: &[u32], kinds: &[Option<ColumnKind>], config: &DataConfig) -> Result<Encoder> {
        let (missing, notation) = (config.missing.clone().unwrap_or_default(), Notation::of(config)?);
        let mut encoder = Encoder { columns: vec![], missing, notation, notes: vec![] };
        for (column, kind) in kinds.iter().enumerate() {
            let kind = match kind {
                Some(kind) => *kind,
                None => encoder.infer(table, rows, column)?,
            };
            let encoding = match kind {
                ColumnKind::Drop => continue,
                ColumnKind::Numeric => encoder.numeric(table, rows, column, config.missing_indicator == Some(true))?,
                ColumnKind::Categorical => encoder.categorical(table, rows, column)?,
            };
            encoder.notes.extend(nearly_unique(&encoding, table, rows, column));
            encoder.columns.push((column, encoding));
        }
        match encoder.columns.is_empty() {
            true => Err(Error::input(format!("{}: no column remains to learn from", table.path))),
            false => Ok(encoder),
        }
    }

    /// What a run has kept of another reading of these columns.
    pub fn kept(table: &Table, columns: &[ColumnFit], config: &DataConfig) -> Result<Encoder> {
        let place = |fit: &ColumnFit| match table.names.iter().position(|name| *name == fit.column) {
            Some(at) if !matches!(fit.encoding, Encoding::Numbered { .. }) => Ok((at, fit.encoding.clone())),
            _ => Err(Error::input(format!(
                "{}: has no column `{}`, which the run was fitted on; the data are not those of the run",
                table.path, fit.column
            ))),
        };
        let columns = columns.iter().map(place).collect::<Result<_>>()?;
        let (missing, notation) = (config.missing.clone().unwrap_or_default(), Notation::of(config)?);
        Ok(Encoder { columns, missing, notation, notes: vec![] })
    }

    /// What a run must keep.
    pub fn columns(&self, table: &Table) -> Vec<ColumnFit> {
        let of = |(column, encoding): &(usize, Encoding)| (table.names[*column].clone(), encoding.clone());
        self.columns.iter().map(of).map(|(column, encoding)| ColumnFit { column, encoding }).collect()
    }

    /// The cells of a column with their row; `None` where the value is missing.
    fn cells<'a>(
        &'a self,
        table: &'a Table,
        rows: &'a [u32],
        column: usize,
    ) -> impl Iterator<Item = (u32, Option<&'a str>)> {
        rows.iter().map(move |&row| (row, self.cell(table, row, column)))
    }

    fn cell<'a>(&self, table: &'a Table, row: u32, column: usize) -> Option<&'a str> {
        let cell = &table.rows[row as usize][column];
        (!self.missing.iter().any(|marker| marker == cell)).then_some(cell)
    }

    /// Numeric where all values are numbers, categorical where most are not. In between a slip is likelier than a
    /// category that looks like a number, so that is an error and not a guess.
    fn infer(&self, table: &Table, rows: &[u32], column: usize) -> Result<ColumnKind> {
        let (mut numbers, mut words, mut first_word) = (0, 0, None);
        let (mut elsewhere, mut first_other) = (0, None);
        for (row, cell) in self.cells(table, rows, column) {
            match cell.map(|cell| (cell, self.notation.number(cell))) {
                None => {}
                Some((_, Some(_))) => numbers += 1,
                Some((cell, None)) => {
                    words += 1;
                    first_word.get_or_insert((row, cell));
                    if let Some(advice) = self.notation.elsewhere(cell) {
                        elsewhere += 1;
                        first_other.get_or_insert((row, cell, advice));
                    }
                }
            }
        }
        // Most are numbers, some or all of them with other marks.
        if let Some((row, cell, advice)) = first_other.filter(|_| 2 * (numbers + elsewhere) > numbers + words) {
            return Err(Error::input(format!(
                "{} {} column `{}`: `{cell}` looks like a number in another notation; {advice}, or say in \
                 data.schema that the column is categorical",
                table.path,
                table.place(row as usize),
                table.names[column]
            )));
        }
        match first_word {
            Some((row, cell)) if numbers >= words => Err(Error::input(format!(
                "{} {} column `{}`: `{cell}` is not a number, but most values of the column are; if it stands for a \
                 missing value add it to data.missing, else say in data.schema what the column is",
                table.path,
                table.place(row as usize),
                table.names[column]
            ))),
            Some(_) => Ok(ColumnKind::Categorical),
            None => Ok(ColumnKind::Numeric),
        }
    }

    fn number(&self, table: &Table, row: u32, column: usize, cell: &str) -> Result<f64> {
        self.notation.number(cell).filter(|value: &f64| value.is_finite()).ok_or_else(|| {
            Error::input(format!(
                "{} {} column `{}`: `{cell}` is not a finite number; if it stands for a missing value add it to \
                 data.missing",
                table.path,
                table.place(row as usize),
                table.names[column]
            ))
        })
    }

    fn numeric(&self, table: &Table, rows: &[u32], column: usize, indicators: bool) -> Result<Encoding> {
        let (mut sum, mut count) = (0.0, 0);
        for (row, cell) in self.cells(table, rows, column) {
            if let Some(cell) = cell {
                sum += self.number(table, row, column, cell)?;
                count += 1;
            }
        }
        if count == 0 {
            let name = &table.names[column];
            return Err(Error::input(format!("{}: the column `{name}` has no value in training; drop it", table.path)));
        }
        Ok(Encoding::Numeric { mean: sum / f64::from(count), indicator: indicators && (count as usize) < rows.len() })
    }

    fn categorical(&self, table: &Table, rows: &[u32], column: usize) -> Result<Encoding> {
        let mut categories: Vec<Option<String>> = vec![];
        for (_, cell) in self.cells(table, rows, column) {
            if let Err(at) = categories.binary_search_by(|known| known.as_deref().cmp(&cell)) {
                categories.insert(at, cell.map(str::to_owned));
            }
            if categories.len() > MOST_CATEGORIES {
                return Err(Error::input(format!(
                    "{}: the column `{}` has more than {MOST_CATEGORIES} categories; drop it with data.drop",
                    table.path, table.names[column]
                )));
            }
        }
        Ok(Encoding::Categorical { categories })
    }

    /// The features of `rows`, row-major.
    pub fn encode(&self, table: &Table, rows: &[u32]) -> Result<Values> {
        let mut x = Vec::with_capacity(rows.len() * self.fixed().len());
        for &row in rows {
            for (column, encoding) in &self.columns {
                let cell = self.cell(table, row, *column);
                match encoding {
                    Encoding::Numeric { mean, indicator } => {
                        let value = cell.map_or(Ok(*mean), |cell| self.number(table, row, *column, cell))?;
                        x.push(value);
                        if *indicator {
                            x.push(if cell.is_none() { 1.0 } else { 0.0 });
                        }
                    }
                    Encoding::Categorical { categories } => {
                        x.extend(categories.iter().map(|known| if known.as_deref() == cell { 1.0 } else { 0.0 }));
                    }
                    // Of nodes; [`Encoder::kept`] takes none.
                    Encoding::Numbered { .. } => {}
                }
            }
        }
        Ok(Values::Double(x))
    }

    /// Per feature: true for the 0/1 ones, which normalisation leaves alone.
    pub fn fixed(&self) -> Vec<bool> {
        let fixed = self.columns.iter().flat_map(|(_, encoding)| match encoding {
            Encoding::Numeric { indicator: false, .. } => vec![false],
            Encoding::Numeric { indicator: true, .. } => vec![false, true],
            Encoding::Categorical { categories } => vec![true; categories.len()],
            Encoding::Numbered { .. } => vec![],
        });
        fixed.collect()
    }
}

/// Fewer rows than this say nothing about how often values recur.
const FEW_ROWS: usize = 20;

/// What is said of a column in which hardly two rows have the same text.
fn nearly_unique(encoding: &Encoding, table: &Table, rows: &[u32], column: usize) -> Option<String> {
    let Encoding::Categorical { categories } = encoding else { return None };
    let (count, of) = (categories.iter().flatten().count(), rows.len());
    (of >= FEW_ROWS && 10 * count >= 9 * of).then(|| {
        let name = &table.names[column];
        format!(
            "{}: the column `{name}` has {count} different texts in {of} training rows and becomes {count} features; \
             if it names the records say so with data.id, or leave it out with data.drop",
            table.path
        )
    })
}
