//! Splits as index sets, in file order. Which part a record is in depends on the record and the seed alone: no other
//! record's coming or going moves it.

use super::DataConfig;
use super::key::Key;
use super::parts::Parts;
use crate::error::{Error, Result};

/// Positions in the source records, each ascending and disjoint from the others.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    pub train: Vec<u32>,
    pub validation: Vec<u32>,
    pub test: Vec<u32>,
}

/// Another stream than the test part's, so that the two draws are independent.
const VALIDATION: u64 = 0x7661_6c69_6461_7465;

/// Plans the parts of records with these keys: first the test part (unless `has_test`), then the validation part from
/// the rest (unless `has_validation`), then the first `limit` of the rest.
///
/// # Errors
/// [`Error::Input`] where a fraction is outside [0, 1), or nothing remains to train on.
pub(crate) fn plan(
    keys: &[Key],
    config: &DataConfig,
    has_test: bool,
    has_validation: bool,
    origin: &str,
) -> Result<Plan> {
    let fraction = |key: &str, value: Option<f64>| match value.unwrap_or(0.0) {
        value if (0.0..1.0).contains(&value) => Ok(value),
        value => Err(Error::input(format!("data.{key}: {value} is not a fraction; expected 0 ≤ fraction < 1"))),
    };
    let test_fraction = fraction("test_fraction", config.test_fraction)?;
    let validation_fraction = fraction("validation_fraction", config.validation_fraction)?;
    let seed = config.split_seed.unwrap_or(0);
    let all = 0..keys.len() as u32;
    let drawn = |at: &u32, fraction: f64, seed: u64| keys[*at as usize].share(seed) < fraction;
    let (test, rest): (Vec<u32>, Vec<u32>) = all.partition(|at| !has_test && drawn(at, test_fraction, seed));
    let held = |at: &u32| !has_validation && drawn(at, validation_fraction, seed ^ VALIDATION);
    let (validation, mut train): (Vec<u32>, Vec<u32>) = rest.into_iter().partition(held);
    train.truncate(config.limit.unwrap_or(usize::MAX));
    if train.is_empty() {
        return Err(Error::input(format!(
            "{origin}: none of the {} records is left to train on; lower data.test_fraction ({test_fraction}) or \
             data.validation_fraction ({validation_fraction}), or raise data.limit",
            keys.len()
        )));
    }
    Ok(Plan { train, validation, test })
}

/// Carries out the plan on the parts of a loader that does not split by itself.
pub(crate) fn apply(parts: &mut Parts, config: &DataConfig) -> Result<()> {
    let width = parts.shape.iter().product();
    let (has_test, has_validation) = (parts.test.is_some(), parts.validation.is_some());
    let keys = parts.train.keys(width);
    let plan = plan(&keys, config, has_test, has_validation, &parts.origin)?;
    // A table's rows have theirs of their cells; features are others once something else is fitted.
    let unknown = parts.train.who.iter_mut().zip(&keys).filter(|(who, _)| who.key == 0);
    unknown.for_each(|(who, key)| who.key = key.number());
    if plan.train.len() == parts.train.y.len() {
        return Ok(()); // Nothing is drawn: no copy of a large training part.
    }
    if !has_test {
        parts.test = Some(parts.train.gather(&plan.test, width));
    }
    if !has_validation {
        parts.validation = Some(parts.train.gather(&plan.validation, width));
    }
    parts.train = parts.train.gather(&plan.train, width);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(test: f64, validation: f64, seed: u64) -> DataConfig {
        DataConfig {
            test_fraction: Some(test),
            validation_fraction: Some(validation),
            split_seed: Some(seed),
            ..DataConfig::new("synth")
        }
    }

    fn keys(rows: impl IntoIterator<Item = u64>) -> Vec<Key> {
        rows.into_iter().map(|row| Key::of([row])).collect()
    }

    #[test]
    fn parts_are_disjoint_complete_and_reproducible() {
        let keys = keys(0..1000);
        let first = plan(&keys, &config(0.25, 0.1, 7), false, false, "here").unwrap();
        assert!((210..290).contains(&first.test.len()) && (50..100).contains(&first.validation.len()), "{first:?}");
        let mut all = [first.train.clone(), first.validation.clone(), first.test.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..1000).collect::<Vec<u32>>());
        assert!(first.train.is_sorted() && first.test.is_sorted());
        assert_eq!(plan(&keys, &config(0.25, 0.1, 7), false, false, "here").unwrap(), first);
        assert_ne!(plan(&keys, &config(0.25, 0.1, 8), false, false, "here").unwrap().test, first.test);
    }

    #[test]
    fn a_record_that_goes_moves_no_other() {
        let config = config(0.3, 0.2, 1);
        let all = plan(&keys(0..200), &config, false, false, "here").unwrap();
        for gone in [0, 17, 199] {
            let rest: Vec<u64> = (0..200).filter(|row| *row != gone).collect();
            let now = plan(&keys(rest.iter().copied()), &config, false, false, "here").unwrap();
            let rows = |part: &[u32]| part.iter().map(|at| rest[*at as usize] as u32).collect::<Vec<_>>();
            let but = |part: &[u32]| part.iter().copied().filter(|row| u64::from(*row) != gone).collect::<Vec<_>>();
            assert_eq!(rows(&now.train), but(&all.train));
            assert_eq!((rows(&now.validation), rows(&now.test)), (but(&all.validation), but(&all.test)));
        }
    }

    #[test]
    fn a_fraction_outside_its_range_and_an_empty_training_part_are_refused() {
        for bad in [-0.1, 1.0, f64::NAN] {
            let error = plan(&keys(0..2), &config(bad, 0.0, 0), false, false, "here").unwrap_err().to_string();
            assert!(error.contains("data.test_fraction"), "{error}");
        }
        let none = DataConfig { limit: Some(0), ..config(0.5, 0.0, 0) };
        assert!(plan(&keys(0..2), &none, false, false, "here").unwrap_err().to_string().contains("data.limit"));
    }
}
