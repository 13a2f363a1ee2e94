//! From what a loader of dense records parsed to a data set: checks, split, fit.

use super::fitted::{FitOn, Fitted};
use super::identity::Identities;
use super::parts::{Classes, Parts, Raw};
use super::{DataConfig, Dataset, Normalize, Portion, Samples, normalize, notes, split};
use crate::error::{Error, Result};

/// Checks, splits, and normalises by what is fitted.
pub(super) fn dataset(mut parts: Parts, config: &DataConfig, kind: Normalize, fit: FitOn) -> Result<Dataset> {
    let width = parts.width()?;
    parts.verify()?;
    split::apply(&mut parts, config)?;
    let (validation, test) = (parts.validation.take().unwrap_or_default(), parts.test.take().unwrap_or_default());
    let learned = learned(&parts, [&validation, &test], fit)?;
    let normalization = match fit.kept() {
        Some(fitted) => fitted.normalization.clone(),
        None => {
            let x = match parts.train.who.iter().all(|record| fit.learns(record)) {
                true => &parts.train.x,
                false => &parts.train.x.gather(&places(&parts.train, fit), width),
            };
            normalize::fit(kind, x, &parts.shape, parts.full_scale, &parts.fixed)
        }
    };
    if normalization.offset.len() > width {
        return Err(Error::input(format!(
            "{}: was fitted on {} features and has {width} now; the data are not those of the run",
            parts.origin,
            normalization.offset.len()
        )));
    }
    let notes = notes::of_rows(config, &parts.origin, &parts.class_names, &parts.train.y, parts.notes);
    let [mut train, mut validation, mut test] = [parts.train, validation, test];
    let who = [&mut train, &mut validation, &mut test].map(|raw| std::mem::take(&mut raw.who));
    let who = Identities::new(parts.naming, parts.subject, who, &parts.origin)?;
    let samples = |raw: Raw| Samples { x: normalization.apply(raw.x, width), y: raw.y };
    let data = Dataset {
        name: parts.name,
        classes: parts.class_names.len(),
        shape: parts.shape,
        class_names: parts.class_names,
        learned,
        train: samples(train),
        validation: samples(validation),
        test: samples(test),
        columns: parts.columns,
        normalization,
        who,
        notes,
        graph: None,
    };
    finite(&data, &parts.origin, width)?;
    Ok(data)
}

/// Positions of the training records that something may be learned of.
fn places(train: &Raw, fit: FitOn) -> Vec<u32> {
    let learns = (0..).zip(&train.who).filter(|(_, record)| fit.learns(record));
    learns.map(|(position, _)| position).collect()
}

/// The classes that a model has an output for.
fn learned(parts: &Parts, others: [&Raw; 2], fit: FitOn) -> Result<Vec<u32>> {
    let all = 0..parts.class_names.len() as u32;
    let learned: Vec<u32> = match (fit.kept(), parts.classes) {
        (Some(Fitted { class_names, .. }), _) => {
            all.filter(|class| class_names.contains(&parts.class_names[*class as usize])).collect()
        }
        (None, Classes::Declared) => all.collect(),
        (None, found) => {
            let mut seen = vec![false; parts.class_names.len()];
            places(&parts.train, fit).iter().for_each(|at| seen[parts.train.y[*at as usize] as usize] = true);
            let last = seen.iter().rposition(|seen| *seen).unwrap_or(0) as u32;
            all.filter(|class| seen[*class as usize] || (found == Classes::Numbered && *class < last)).collect()
        }
    };
    if learned.len() < 2 {
        return Err(Error::input(format!(
            "{}: the training records are of {} class; a classifier needs at least two",
            parts.origin,
            if learned.is_empty() { "no" } else { "one" }
        )));
    }
    if let FitOn::Training = fit {
        for (portion, raw) in [Portion::Validation, Portion::Test].into_iter().zip(others) {
            if let Some(at) = raw.y.iter().position(|class| learned.binary_search(class).is_err()) {
                return Err(Error::input(format!(
                    "{}: the class `{}` of record {} of the {} part has no training record; use another \
                     data.split_seed, or leave the record out",
                    parts.origin,
                    parts.class_names[raw.y[at] as usize],
                    raw.who[at].id(),
                    portion.name()
                )));
            }
        }
    }
    Ok(learned)
}

/// Refuses what does not fit into the 32 bits that kernels calculate with.
fn finite(data: &Dataset, origin: &str, width: usize) -> Result<()> {
    for (portion, part) in Portion::ALL.into_iter().zip([&data.train, &data.validation, &data.test]) {
        if let Some(at) = part.x.iter().position(|value| !value.is_finite()) {
            return Err(Error::input(format!(
                "{origin}: value {} of {} record {} is too large for 32 bits after data.normalize; expected magnitudes \
                 below 3.4e38",
                at % width,
                portion.name(),
                data.who.part(portion)[at / width].id()
            )));
        }
    }
    Ok(())
}
