//! The audit of a language model: attacks on the membership of texts, and what the model has by heart, beside retrains
//! that are there. It trains no shadow models: per text they would tell no more than a reference model does, and cost a
//! training each.

use super::document::{AttackRow, Counts};
use super::measure::{Measured, mean_and_sd};
use super::{Subjects, back, relearn};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::eval::attacks::{Probe, Side, Spreads, Success};
use crate::eval::{Aspect, Evaluation, Metrics, SplitName, Subject, measure, text_attacks};
use crate::run::evaluate::on;
use crate::run::folder::Opened;

/// An attack by its name in [`text_attacks`].
const ATTACKS: [(&str, &str); 3] =
    [("min_k", "AUC of Min-K%"), ("zlib", "AUC of loss over deflated size"), ("reference", "AUC beside a retrain")];

/// What is compared besides, by the key of its metric: name, words, question, where a value may not lie, and the least
/// spread that is believed.
const NUMBERS: [(&str, &str, &str, Aspect, Side, f64); 8] = [
    ("loss", "membership.auc", "AUC of the loss", Aspect::Forgetting, Side::Either, 0.01),
    ("tokens told right", "splits.forget.accuracy", "MA of what was forgotten", Aspect::Forgetting, Side::Above, 0.005),
    ("written by itself", "memory.forget.el_3", "EL_3 of what was forgotten", Aspect::Forgetting, Side::Above, 0.01),
    (
        "extraction strength",
        "memory.forget.extraction_strength",
        "Extraction strength of what was forgotten",
        Aspect::Forgetting,
        Side::Above,
        0.005,
    ),
    ("exposure", "exposure.forgotten", "Bits of exposure of forgotten canaries", Aspect::Forgetting, Side::Above, 0.25),
    ("forgotten loss", "splits.forget.loss", "Loss of what was forgotten", Aspect::Forgetting, Side::Either, 0.01),
    ("retain loss", "splits.retain.loss", "Loss of retained texts", Aspect::Utility, Side::Above, 0.005),
    ("test loss", "splits.test.loss", "Loss of test texts", Aspect::Utility, Side::Above, 0.005),
];

/// What was read of one model.
struct Read {
    said: Evaluation,
    metrics: Metrics,
}

/// Reads the run, its original and the retrains, the last of which is held out as a control; the first is the model
/// that the others are read beside, and is compared with nothing.
///
/// # Errors
/// No test texts to compare with, or no forgotten ones; outputs that are not finite; a lost device.
pub(super) fn measured(
    engine: &mut Engine,
    subjects: &Subjects,
    said: &mut dyn FnMut(&str),
) -> Result<(Measured, Counts)> {
    let target = &subjects.target;
    let mut read = |run: &Opened| -> Result<Read> {
        let said = on(engine, Some(target), run)?;
        let metrics = measure(&Subject { now: &said, references: &[], forgotten_classes: &[] })?;
        Ok(Read { said, metrics })
    };
    let (run, original) = (read(&subjects.run)?, read(&subjects.original)?);
    let mut retrains = subjects.references.iter().map(read).collect::<Result<Vec<Read>>>()?;
    let count = |split| run.said.get(split).map_or(0, |outputs| outputs.len());
    let (forgotten, held_out) = (count(SplitName::Forget), count(SplitName::Test));
    if forgotten == 0 || held_out == 0 {
        return Err(Error::Inconclusive(format!(
            "{}: {forgotten} forgotten and {held_out} test texts; attacks tell the ones from the others and need both",
            subjects.run.folder.path.display()
        )));
    }
    // With fewer there are none to spare.
    let beside = (retrains.len() > 4).then(|| retrains.remove(0));
    let held = retrains.pop();
    let all = All { run, original, retrains, held, beside };
    let (mut rows, mut probes, mut not_measured) = (Vec::new(), Vec::new(), Vec::new());
    for (name, what) in ATTACKS {
        match all.attacked(name, what, 0.5 / forgotten as f64)? {
            Some((row, probe)) => {
                rows.push(row);
                probes.push(probe);
            }
            None => not_measured.push(format!("{name}: {}", why(name))),
        }
    }
    for (name, key, what, aspect, side, finest) in NUMBERS {
        match all.number(name, key, what, aspect, side, finest) {
            Some(probe) => probes.push(probe),
            None => not_measured.push(format!("{name}: not every model has a value of {key}")),
        }
    }
    match relearn::suits(subjects) {
        Some(why) => not_measured.push(format!("relearning and rounded weights: {why}")),
        None => {
            let apart = (usize::from(all.beside.is_some()), usize::from(all.held.is_some()));
            probes.extend(back::probes(engine, subjects, apart, said)?);
        }
    }
    if all.retrains.len() < 3 {
        let there = subjects.references.len();
        not_measured.push(format!("how far retrains scatter: {there} are there; make some by `unlearn references`"));
    }
    not_measured.push(
        "LiRA, U-LiRA, RMIA and probes of layers: they are of classifiers, and no shadow models of texts are trained"
            .into(),
    );
    let (quality, klom, weights, spreads) = (None, None, None, Spreads::Fixed);
    let measured = Measured { rows, probes, quality, klom, weights, not_measured, vulnerable: 0, spreads };
    Ok((measured, Counts { forgotten, held_out, population: 0, vulnerable: 0 }))
}

fn why(attack: &str) -> &'static str {
    match attack {
        "reference" => "fewer than five retrains, so that none is to spare",
        "zlib" => "the request takes parts of texts, whose deflated size is not their own",
        _ => "too few texts",
    }
}

/// What all models said.
struct All {
    run: Read,
    original: Read,
    retrains: Vec<Read>,
    held: Option<Read>,
    beside: Option<Read>,
}

impl All {
    /// An attack on all models; none where it has nothing to go by.
    fn attacked(&self, name: &'static str, what: &'static str, finest: f64) -> Result<Option<(AttackRow, Probe)>> {
        let beside = self.beside.as_ref().map(|read| &read.said);
        let on = |read: &Read| {
            let all = text_attacks(&read.said, beside);
            let Some(attack) = all.into_iter().find(|attack| attack.name == name) else { return Ok(None) };
            let scores = |losses: Vec<f64>| losses.into_iter().map(|loss| -loss).collect::<Vec<f64>>();
            Success::of(&scores(attack.forget), &scores(attack.test))
        };
        let (Some(run), Some(original)) = (on(&self.run)?, on(&self.original)?) else { return Ok(None) };
        let auc = |read: &Read| Ok(on(read)?.map_or(f64::NAN, |found| found.auc));
        let retrains = self.retrains.iter().map(auc).collect::<Result<Vec<f64>>>()?;
        let held_out = self.held.iter().map(auc).collect::<Result<Vec<f64>>>()?;
        let (retrain_auc, retrain_sd) = mean_and_sd(&retrains);
        let (aspect, side) = (Aspect::Forgetting, Side::Either);
        let (run_auc, original_auc) = (run.auc, Some(original.auc));
        let row = AttackRow { attack: name.into(), run, original, retrain_auc, retrain_sd };
        let probe =
            Probe { name, what, aspect, side, run: run_auc, original: original_auc, retrains, held_out, finest };
        Ok(Some((row, probe)))
    }

    /// A metric of all models; none where one has no value.
    fn number(
        &self,
        name: &'static str,
        key: &str,
        what: &'static str,
        aspect: Aspect,
        side: Side,
        finest: f64,
    ) -> Option<Probe> {
        let of = |read: &Read| read.metrics.get(key);
        let (run, original) = (of(&self.run)?, Some(of(&self.original)?));
        let retrains = self.retrains.iter().map(of).collect::<Option<_>>()?;
        let held_out = self.held.iter().map(of).collect::<Option<_>>()?;
        Some(Probe { name, what, aspect, side, run, original, retrains, held_out, finest })
    }
}
