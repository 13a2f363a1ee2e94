//! Arrays that say who a record is of. They are not features.

use super::{Archive, Array};
use crate::data::{DataConfig, Identity, Naming, Portion};
use crate::error::{Error, Result};

/// Who the `count` records are, and what their ids are, where the configuration names arrays for it.
pub(super) fn identities(
    archive: &Archive,
    config: &DataConfig,
    (count, several): (usize, bool),
) -> Result<Option<(Naming, Vec<Identity>)>> {
    let (id, subject) = (&config.id, &config.subject);
    if id.is_none() && subject.is_none() {
        return Ok(None);
    }
    if several {
        return Err(Error::input(format!(
            "{}: data.id and data.subject go with one array of records, and this file has several parts; name one pair \
             with data.x and data.y",
            archive.path
        )));
    }
    let read = |key: &str, name: &Option<String>| -> Result<Option<Vec<Box<str>>>> {
        let Some(name) = name else { return Ok(None) };
        if !archive.names().contains(name) {
            let there = archive.names().join(", ");
            return Err(Error::input(format!("{}: no array `{name}` (data.{key}); it has {there}", archive.path)));
        }
        let texts = texts(&archive.array(name)?)?;
        match texts.len() == count {
            true => Ok(Some(texts)),
            false => Err(Error::input(format!(
                "{}: `{name}` (data.{key}) names {} records of {count}; expected one name a record",
                archive.path,
                texts.len()
            ))),
        }
    };
    let (names, subjects) = (read("id", id)?, read("subject", subject)?);
    let of = |row: usize| Identity {
        source: Portion::Train,
        row: row as u64,
        name: names.as_ref().map(|names| names[row].clone()),
        subject: subjects.as_ref().map(|subjects| subjects[row].clone()),
    };
    let naming = id.clone().map_or(Naming::Rows, Naming::Column);
    Ok(Some((naming, (0..count).map(of).collect())))
}

/// Texts as they are, whole numbers in digits.
fn texts(array: &Array) -> Result<Vec<Box<str>>> {
    if let Some(texts) = array.texts() {
        return Ok(texts.into_iter().map(String::into_boxed_str).collect());
    }
    let whole = |value: f64| match value.fract() == 0.0 && value.abs() < 9e15 {
        true => Ok((value as i64).to_string().into_boxed_str()),
        false => array.fail(&format!("{value} is not an id; expected texts or whole numbers")),
    };
    array.values()?.map(whole).collect()
}
