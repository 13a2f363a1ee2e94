//! From what a loader of dense records parsed to a data set: checks, split, fit.

use super::fitted::FitOn;
use super::identities::Identities;
use super::identity::Identity;
use super::learned::Named;
use super::parts::{Parts, Raw};
use super::{DataConfig, Dataset, Normalize, Portion, Samples, Scaling, TargetFit, TargetKind};
use super::{TwinsOnce, normalize, notes, split, text};
use crate::error::{Error, Result};

/// Checks, splits, and normalises by what is fitted.
pub(super) fn dataset(mut parts: Parts, config: &DataConfig, kind: Normalize, fit: FitOn) -> Result<Dataset> {
    let width = parts.width()?;
    parts.verify()?;
    split::apply(&mut parts, config)?;
    match (&config.plant, parts.targets) {
        (Some(plant), TargetKind::Text) => text::plant(plant, &mut parts)?,
        (Some(plant), _) => plant.apply(&mut parts)?,
        (None, _) => {}
    }
    let (validation, test) = (parts.validation.take().unwrap_or_default(), parts.test.take().unwrap_or_default());
    let learned = learned(&parts, [&validation, &test], fit)?;
    let normalization = match (fit.kept(), &config.normalize) {
        (Some(fitted), _) => fitted.normalization.clone(),
        (None, Some(Scaling::Given(numbers))) => numbers.of(&parts.shape, parts.full_scale, &parts.origin)?,
        (None, _) => {
            let x = match parts.train.who.iter().all(|record| fit.learns(record)) {
                true => &parts.train.x,
                false => &parts.train.x.gather(&places(&parts.train, |record| fit.learns(record)), width),
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
    let names: &[String] = if parts.targets == TargetKind::Class { &parts.class_names } else { &[] };
    let notes = notes::of_rows(config, &parts.origin, names, &parts.train.y, parts.notes);
    let targets = targets(&parts.train, (parts.targets, parts.class_names.len()), config, fit, &parts.origin)?;
    let [mut train, mut validation, mut test] = [parts.train, validation, test];
    let who = [&mut train, &mut validation, &mut test].map(|raw| std::mem::take(&mut raw.who));
    let who = Identities::new(parts.naming, parts.subject, who, &parts.origin)?;
    let wide = parts.class_names.len();
    let samples = |raw: Raw| Samples {
        x: normalization.apply(raw.x, width),
        y: raw.y,
        targets: targets.as_ref().map(|fit| fit.apply(raw.targets, wide)),
    };
    let data = Dataset {
        name: parts.name,
        classes: parts.class_names.len(),
        shape: parts.shape,
        class_names: parts.class_names,
        learned,
        train: samples(train),
        validation: samples(validation),
        test: samples(test),
        targets,
        tokenizer: parts.tokenizer,
        quizzes: parts.quizzes,
        columns: parts.columns,
        normalization,
        who,
        notes,
        twins: TwinsOnce::default(),
        graph: None,
    };
    finite(&data, &parts.origin, width)?;
    Ok(data)
}

/// Positions of the training records that something may be learned of.
fn places(train: &Raw, learns: impl Fn(&Identity) -> bool) -> Vec<u32> {
    let learns = (0..).zip(&train.who).filter(|(_, record)| learns(record));
    learns.map(|(position, _)| position).collect()
}

/// How targets are scaled; none of classes.
fn targets(
    train: &Raw,
    (kind, width): (TargetKind, usize),
    config: &DataConfig,
    fit: FitOn,
    origin: &str,
) -> Result<Option<TargetFit>> {
    let learning = places(train, |record| fit.learns(record));
    match (kind, fit.kept().map(|fitted| &fitted.targets)) {
        (TargetKind::Class, _) => Ok(None),
        (_, None) if config.standardize_targets == Some(true) => {
            Ok(Some(TargetFit::standard(kind, &train.targets, width, &learning)))
        }
        (_, None) => Ok(Some(TargetFit::plain(kind))),
        (_, Some(Some(kept))) if kept.kind == kind && [0, width].contains(&kept.offset.len()) => Ok(Some(kept.clone())),
        (..) => Err(Error::input(format!(
            "{origin}: has {width} targets of kind {}, and the run was fitted on others; the data are not those of the \
             run",
            kind.name()
        ))),
    }
}

/// The classes, or targets, that a model has an output for.
fn learned(parts: &Parts, others: [&Raw; 2], fit: FitOn) -> Result<Vec<u32>> {
    if parts.targets != TargetKind::Class {
        return Ok((0..parts.class_names.len() as u32).collect());
    }
    let named = Named { names: &parts.class_names, classes: parts.classes, origin: &parts.origin };
    let class = |at: u32| parts.train.y[at as usize];
    let learned = named.learned(places(&parts.train, |record| fit.learns_class(record)).into_iter().map(class), fit)?;
    if let FitOn::Training = fit {
        for (portion, raw) in [Portion::Validation, Portion::Test].into_iter().zip(others) {
            named.all_learned(&learned, portion, &raw.y, |at| raw.who[at].id())?;
        }
    }
    Ok(learned)
}

/// Refuses what does not fit into the 32 bits that kernels calculate with.
fn finite(data: &Dataset, origin: &str, width: usize) -> Result<()> {
    for (portion, part) in Portion::ALL.into_iter().zip([&data.train, &data.validation, &data.test]) {
        let targets = part.targets.iter().flat_map(|targets| &targets.values);
        if let Some(at) = targets.clone().position(|value| !value.is_finite()) {
            return Err(Error::input(format!(
                "{origin}: target {} of {} record {} is too large for 32 bits; expected magnitudes below 3.4e38, or \
                 data.standardize_targets",
                at % data.classes,
                portion.name(),
                data.who.part(portion)[at / data.classes].id()
            )));
        }
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
