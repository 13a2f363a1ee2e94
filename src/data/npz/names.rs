//! Arrays that say who a record is of. They are not features.

use super::{Archive, Array};
use crate::data::{DataConfig, Identity, Portion};
use crate::error::{Error, Result};

/// Who the `count` records of a part are, where the configuration names arrays for it, else nobody. The part's records
/// are the array `x`; it has arrays of its own where the file has `several` parts.
pub(super) fn identities(
    archive: &Archive,
    config: &DataConfig,
    (x, source): (&str, Portion),
    count: usize,
    several: bool,
) -> Result<Vec<Identity>> {
    let read = |key: &str, name: &Option<String>| -> Result<Option<Vec<Box<str>>>> {
        let Some(name) = name else { return Ok(None) };
        let there = archive.names();
        let array = if several || !there.contains(name) { beside(x, name) } else { name.clone() };
        if !there.contains(&array) {
            let (path, there) = (&archive.path, there.join(", "));
            let own = format!("the records of `{x}` have their names in an array of their own");
            let why = if array == *name { String::new() } else { format!("; {own}") };
            return Err(Error::input(format!("{path}: no array `{array}` (data.{key}){why}; it has {there}")));
        }
        let texts = texts(&archive.array(&array)?)?;
        match texts.len() == count {
            true => Ok(Some(texts)),
            false => Err(Error::input(format!(
                "{}: `{array}` (data.{key}) names {} records of {count} in `{x}`; expected one name a record",
                archive.path,
                texts.len()
            ))),
        }
    };
    let (names, subjects) = (read("id", &config.id)?, read("subject", &config.subject)?);
    if names.is_none() && subjects.is_none() {
        return Ok(vec![]);
    }
    let of = |row: usize| Identity {
        source,
        row: row as u64,
        name: names.as_ref().map(|names| names[row].clone()),
        subject: subjects.as_ref().map(|subjects| subjects[row].clone()),
        ..Identity::default()
    };
    Ok((0..count).map(of).collect())
}

/// The array called `name` that goes with the records `x`: `id_train` with `x_train`, `train_id` with `train_images`.
fn beside(x: &str, name: &str) -> String {
    match (x.strip_suffix("images"), x.strip_prefix("x_")) {
        (Some(part), _) => format!("{part}{name}"),
        (None, Some(part)) => format!("{name}_{part}"),
        (None, None) => name.to_owned(),
    }
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
