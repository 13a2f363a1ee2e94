//! Splits as index sets: stratified by class, seeded, in file order.

use super::{DataConfig, Parts};
use crate::base::splitmix::SplitMix64;
use crate::error::{Error, Result};

/// Positions in the source records, each ascending and disjoint from the others.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    pub train: Vec<u32>,
    pub validation: Vec<u32>,
    pub test: Vec<u32>,
}

/// Plans the parts of records with classes `y`: first the test part (unless `has_test`), then the validation part from
/// the rest (unless `has_validation`), then the first `limit` of the rest.
///
/// # Errors
/// [`Error::Input`] where a fraction is outside [0, 1), or nothing remains to train on.
pub(crate) fn plan(y: &[u32], config: &DataConfig, has_test: bool, has_validation: bool, origin: &str) -> Result<Plan> {
    let fraction = |key: &str, value: Option<f64>| match value.unwrap_or(0.0) {
        value if (0.0..1.0).contains(&value) => Ok(value),
        value => Err(Error::input(format!("data.{key}: {value} is not a fraction; expected 0 ≤ fraction < 1"))),
    };
    let test_fraction = fraction("test_fraction", config.test_fraction)?;
    let validation_fraction = fraction("validation_fraction", config.validation_fraction)?;
    let seed = config.split_seed.unwrap_or(0);
    let all: Vec<u32> = (0..y.len() as u32).collect();
    let (rest, test) = match has_test {
        true => (all, vec![]),
        false => divide(&all, y, test_fraction, seed),
    };
    // Another stream than the test part's, so that the two draws are independent.
    let (mut train, validation) = match has_validation {
        true => (rest, vec![]),
        false => divide(&rest, y, validation_fraction, seed ^ 0x7661_6c69_6461_7465),
    };
    train.truncate(config.limit.unwrap_or(usize::MAX));
    if train.is_empty() {
        return Err(Error::input(format!(
            "{origin}: none of the {} records is left to train on; lower data.test_fraction ({test_fraction}) or \
             data.validation_fraction ({validation_fraction}), or raise data.limit",
            y.len()
        )));
    }
    Ok(Plan { train, validation, test })
}

/// Splits `positions` into (kept, drawn), both ascending: ⌈fraction · n⌉ drawn, shared out over the classes by largest
/// remainder, and never the last record of a class.
pub(crate) fn divide(positions: &[u32], y: &[u32], fraction: f64, seed: u64) -> (Vec<u32>, Vec<u32>) {
    let classes = positions.iter().map(|&p| y[p as usize] as usize + 1).max().unwrap_or(0);
    let mut members: Vec<Vec<u32>> = vec![vec![]; classes];
    for &position in positions {
        members[y[position as usize] as usize].push(position);
    }
    // The small slack keeps 0.1 · 30 at 3 although its product is a little above.
    let total = (fraction * positions.len() as f64 - 1e-9).ceil().max(0.0) as usize;
    let mut quota: Vec<usize> = members.iter().map(|m| (fraction * m.len() as f64 + 1e-9) as usize).collect();
    let mut order: Vec<usize> = (0..classes).collect();
    let remainder = |class: &usize| fraction * members[*class].len() as f64 - quota[*class] as f64;
    order.sort_by(|a, b| remainder(b).total_cmp(&remainder(a)).then(a.cmp(b)));
    for class in order {
        if quota.iter().sum::<usize>() < total && quota[class] + 1 < members[class].len() {
            quota[class] += 1;
        }
    }
    let mut rng = SplitMix64::new(seed);
    let (mut kept, mut drawn) = (vec![], vec![]);
    for (mut members, quota) in members.into_iter().zip(quota) {
        rng.shuffle(&mut members);
        kept.extend_from_slice(&members[quota..]);
        drawn.extend_from_slice(&members[..quota]);
    }
    kept.sort_unstable();
    drawn.sort_unstable();
    (kept, drawn)
}

/// Carries out the plan on the parts of a loader that does not split by itself.
pub(crate) fn apply(parts: &mut Parts, config: &DataConfig, width: usize) -> Result<()> {
    let (has_test, has_validation) = (parts.test.is_some(), parts.validation.is_some());
    let plan = plan(&parts.train.y, config, has_test, has_validation, &parts.origin)?;
    if plan.train.len() == parts.train.len() {
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

    #[test]
    fn parts_are_disjoint_complete_stratified_and_reproducible() {
        let y: Vec<u32> = (0..1000).map(|i| u32::from(i % 10 == 0)).collect();
        let first = plan(&y, &config(0.25, 0.1, 7), false, false, "here").unwrap();
        assert_eq!((first.train.len(), first.validation.len(), first.test.len()), (675, 75, 250));
        let mut all = [first.train.clone(), first.validation.clone(), first.test.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..1000).collect::<Vec<u32>>());
        let rare = |part: &[u32]| part.iter().filter(|&&p| y[p as usize] == 1).count();
        assert_eq!((rare(&first.test), rare(&first.train) + rare(&first.validation)), (25, 75));
        assert!(first.train.is_sorted() && first.test.is_sorted());
        assert_eq!(plan(&y, &config(0.25, 0.1, 7), false, false, "here").unwrap(), first);
        assert_ne!(plan(&y, &config(0.25, 0.1, 8), false, false, "here").unwrap().test, first.test);
    }

    #[test]
    fn the_last_record_of_a_class_stays_in_training() {
        let plan = plan(&[0, 0, 0, 0, 1], &config(0.9, 0.0, 0), false, false, "here").unwrap();
        assert!(plan.train.contains(&4));
    }

    #[test]
    fn a_fraction_outside_its_range_and_an_empty_training_part_are_refused() {
        for bad in [-0.1, 1.0, f64::NAN] {
            let error = plan(&[0, 1], &config(bad, 0.0, 0), false, false, "here").unwrap_err().to_string();
            assert!(error.contains("data.test_fraction"), "{error}");
        }
        let none = DataConfig { limit: Some(0), ..config(0.5, 0.0, 0) };
        assert!(plan(&[0, 1], &none, false, false, "here").unwrap_err().to_string().contains("data.limit"));
    }
}
