//! Text files of numbers, a record a line, and names of classes.

use std::path::Path;

use crate::data::limit::Limit;
use crate::data::source::Bytes;
use crate::error::{Error, Result};

/// A text file, read whole.
pub(super) fn text(path: &Path, limit: &Limit) -> Result<String> {
    String::from_utf8(Bytes::open(path, limit)?.rows()?).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        Error::input(format!("{}: not UTF-8 text at offset {at}; save it as UTF-8", path.display()))
    })
}

/// The numbers of every line that is not empty, separated by commas or blanks. `what` says what a line holds; a line of
/// another length than the first is an error, and so is anything but a finite number.
pub(super) fn numbers(path: &Path, what: &str, limit: &Limit) -> Result<Vec<(usize, Vec<f64>)>> {
    let text = text(path, limit)?;
    let mut rows: Vec<(usize, Vec<f64>)> = vec![];
    for (line, words) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let fail = |why: String| Err(Error::input(format!("{} line {}: {why}", path.display(), line + 1)));
        let mut row = vec![];
        for word in words.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty()) {
            match word.parse::<f64>() {
                Ok(number) if (number as f32).is_finite() => row.push(number),
                _ => return fail(format!("`{word}` is not a finite number; expected {what}")),
            }
        }
        if let Some((_, first)) = rows.first().filter(|(_, first)| first.len() != row.len()) {
            return fail(format!("has {} numbers, the first line {}; expected {what}", row.len(), first.len()));
        }
        limit.take(8 * row.len() as u64 + 64, path.display(), "its numbers")?;
        rows.push((line + 1, row));
    }
    Ok(rows)
}

/// The same for whole numbers, `width` of them a line.
pub(super) fn integers(path: &Path, width: usize, what: &str, limit: &Limit) -> Result<Vec<(usize, Vec<i64>)>> {
    let whole = |(line, row): (usize, Vec<f64>)| match row.len() == width && row.iter().all(|v| v.fract() == 0.0) {
        true => Ok((line, row.into_iter().map(|v| v as i64).collect())),
        false => Err(Error::input(format!("{} line {line}: expected {what}", path.display()))),
    };
    numbers(path, what, limit)?.into_iter().map(whole).collect()
}

/// The distinct labels in ascending order as class names, and the class of each.
pub(super) fn classes<T: Ord + Clone + std::fmt::Display>(labels: &[T]) -> (Vec<String>, Vec<u32>) {
    let mut distinct = labels.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let class = |label: &T| distinct.binary_search(label).unwrap_or_default() as u32;
    let of_each = labels.iter().map(class).collect();
    (distinct.iter().map(T::to_string).collect(), of_each)
}
