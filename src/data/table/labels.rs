//! The column of the class: texts become class numbers.

use super::{MOST_CATEGORIES, Table};
use crate::data::DataConfig;
use crate::error::{Error, Result};

/// The label of each row as text, cleaned.
fn label_texts<'a>(table: &'a Table, config: &'a DataConfig, label: usize) -> Result<Vec<&'a str>> {
    let strip = config.label_strip.as_deref().unwrap_or_default();
    let missing = config.missing.as_deref().unwrap_or_default();
    let texts = table.rows.iter().enumerate().map(|(at, row)| match &row[label] {
        text if missing.iter().any(|marker| marker == text) => {
            let (path, place, name) = (&table.path, table.place(at), &table.names[label]);
            Err(Error::input(format!("{path} {place}: the label `{name}` is missing; remove the row")))
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
pub(super) fn labels(table: &Table, config: &DataConfig, label: usize) -> Result<(Vec<String>, Vec<u32>)> {
    let texts = label_texts(table, config, label)?;
    let names = class_names(&texts);
    if names.len() > MOST_CATEGORIES {
        return Err(Error::input(format!(
            "{}: the label `{}` has {} different values; expected at most {} classes",
            table.path,
            table.names[label],
            names.len(),
            MOST_CATEGORIES
        )));
    }
    let class = |text: &&str| names.iter().position(|name| name == text).unwrap_or_default() as u32;
    let y = texts.iter().map(class).collect();
    Ok((names.into_iter().map(str::to_owned).collect(), y))
}

/// The class of each row of the test file, by the names of the training file.
pub(super) fn test_labels(test: &Table, config: &DataConfig, label: usize, class_names: &[String]) -> Result<Vec<u32>> {
    let texts = label_texts(test, config, label)?;
    let classes = texts.iter().enumerate().map(|(row, text)| {
        class_names.iter().position(|name| name == text).map(|at| at as u32).ok_or_else(|| {
            let (path, place, known) = (&test.path, test.place(row), class_names.join(", "));
            Error::input(format!(
                "{path} {place}: the class `{text}` is not in the training file, which has {known} (see \
                 data.label_strip)"
            ))
        })
    });
    classes.collect()
}
