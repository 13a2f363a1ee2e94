//! One number of each model for each check.

use super::Subjects;
use super::attack::{ATTACKS, Attack, Attacker, EDGES, confidence, share};
use super::document::AttackRow;
use super::many::read;
use super::models::Trained;
use super::roster::{Roster, Said};
use super::unlearned::Divergences;
use super::weights::{Weights, weights};
use super::{answers, features, neighbours, planted, quantised, relearn};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::eval::attacks::{ForgettingQuality, Probe, Side, Spreads, Success};
use crate::eval::{Aspect, Outputs};
use crate::run::folder::Opened;
use crate::run::reading::over_all_classes;

/// Everything that was measured.
pub(super) struct Measured {
    pub rows: Vec<AttackRow>,
    pub probes: Vec<Probe>,
    pub quality: Option<ForgettingQuality>,
    pub klom: Option<Divergences>,
    pub weights: Option<Weights>,
    pub not_measured: Vec<String>,
    pub vulnerable: usize,
    pub spreads: Spreads,
}

/// A number of a model that takes no attack; as in [`Probe`].
struct Number {
    name: &'static str,
    what: &'static str,
    aspect: Aspect,
    side: Side,
    of: fn(&Said) -> Result<f64>,
    finest: f64,
}

/// What all models said.
struct All<'a> {
    run: Said,
    original: Said,
    retrains: &'a [Said],
    /// The last of the audit's own retrains, and those that were given.
    held_out: Vec<&'a Said>,
}

impl Measured {
    /// Reads the runs and asks every attack.
    ///
    /// # Errors
    /// A model whose outputs are not finite; a lost device.
    pub fn of(
        engine: &mut Engine,
        subjects: &Subjects,
        roster: &Roster,
        trained: &Trained,
        said: &mut dyn FnMut(&str),
    ) -> Result<Measured> {
        let mut ask = |of: &Opened| ask(engine, subjects, of, roster);
        let (run, original) = (ask(&subjects.run)?, ask(&subjects.original)?);
        let references = subjects.references.iter().map(ask).collect::<Result<Vec<Said>>>()?;
        let (retrains, last) = trained.retrains.split_at(trained.retrains.len().saturating_sub(1));
        let held_out = last.iter().chain(&references).collect();
        let all = All { run, original, retrains, held_out };
        let attacker =
            Attacker::of(&trained.shadows, (0..trained.shadows.len()).map(|i| roster.membership(i)).collect())?;
        let (mut rows, mut probes, mut not_measured) = (Vec::new(), Vec::new(), Vec::new());
        if !roster.leaves() {
            not_measured
                .push("attacks on membership: the records stay, and only edges or features of them went".into());
        }
        for attack in if roster.leaves() { ATTACKS } else { EDGES } {
            match all.attacked(&attacker, attack)? {
                Some((row, probe)) => {
                    rows.push(row);
                    probes.extend(attack.judged.then_some(probe));
                }
                None if roster.leaves() => {
                    not_measured.push(format!("{}: too few shadow models, or too few records", attack.name));
                }
                None => not_measured.push(format!("{}: the request names no edge", attack.name)),
            }
        }
        if !roster.leaves() {
            probes.extend(answers::probe(&all.run, &all.original, all.retrains, &all.held_out));
        }
        probes.extend(all.others()?);
        let (mut quality, mut klom) = (None, None);
        match &trained.unlearned {
            Ok(unlearned) => {
                probes.extend(unlearned.probe(&all.run, &all.original, all.retrains, &all.held_out)?);
                quality = unlearned.quality(all.retrains)?;
                klom = unlearned.divergences(all.retrains)?;
            }
            Err(why) => not_measured.push(format!("U-LiRA: {why}")),
        }
        let gone = &subjects.target.classes;
        probes.extend(neighbours::probe(gone, &all.run, &all.original, all.retrains, &all.held_out)?);
        let two = (&all.run, &all.original);
        probes.extend(planted::probes(subjects, roster, two, all.retrains, &all.held_out)?);
        if !trained.thetas.is_empty() {
            probes.extend(quantised::probe(engine, subjects, (roster, &attacker), trained)?);
        }
        match features::suits(subjects, roster) {
            Some(why) => not_measured.push(format!("linear probe: {why}")),
            None => probes.extend(features::probe(engine, subjects, roster, trained)?),
        }
        match relearn::suits(subjects) {
            Some(why) => not_measured.push(format!("relearning: {why}")),
            None => {
                said("relearning on retained records, and on a few forgotten ones");
                probes.extend(relearn::relearn(engine, subjects, (roster, &attacker), trained)?);
            }
        }
        let weights = weights(engine, subjects, roster, trained)?;
        let (vulnerable, spreads) = (attacker.vulnerable(), attacker.spreads());
        Ok(Measured { rows, probes, quality, klom, weights, not_measured, vulnerable, spreads })
    }
}

/// What a run's model says of everybody.
fn ask(engine: &mut Engine, subjects: &Subjects, run: &Opened, roster: &Roster) -> Result<Said> {
    let hidden = roster.hidden(&subjects.target);
    let logits = read(engine, (run, &run.model), hidden, &run.theta()?, &roster.asked)?;
    roster.said(&run.data, &over_all_classes(&run.data, logits)).map_err(|e| match e {
        Error::CheckFailed(what) => Error::CheckFailed(format!("{}: {what}", run.folder.path.display())),
        other => other,
    })
}

impl All<'_> {
    /// An attack on all models; none where it has nothing to go by.
    fn attacked(&self, attacker: &Attacker, attack: &Attack) -> Result<Option<(AttackRow, Probe)>> {
        let on = |said: &Said| {
            let [members, others] = (attack.scores)(attacker, said)?;
            Success::of(&members, &others)
        };
        let (Some(run), Some(original)) = (on(&self.run)?, on(&self.original)?) else { return Ok(None) };
        let auc = |said: &Said| Ok(on(said)?.map_or(f64::NAN, |found| found.auc));
        let retrains = self.retrains.iter().map(auc).collect::<Result<Vec<f64>>>()?;
        let held_out = self.held_out.iter().map(|said| auc(said)).collect::<Result<_>>()?;
        let (mean, sd) = mean_and_sd(&retrains);
        let probe = Probe {
            name: attack.name,
            what: attack.what,
            aspect: Aspect::Forgetting,
            side: Side::Either,
            run: run.auc,
            original: Some(original.auc),
            retrains,
            held_out,
            finest: 0.5 / (attack.scores)(attacker, &self.run)?[0].len() as f64,
        };
        let row = AttackRow { attack: attack.name.into(), run, original, retrain_auc: mean, retrain_sd: sd };
        Ok(Some((row, probe)))
    }

    /// Checks that take no attack.
    fn others(&self) -> Result<Vec<Probe>> {
        let share_of = |outputs: &Outputs| 1.0 / outputs.len().max(1) as f64;
        let all = [
            Number {
                name: "confidence on forgotten records",
                what: "Mean log-odds of the forgotten records' classes",
                aspect: Aspect::Forgetting,
                side: Side::Either,
                of: |said| confidence(&said.forget),
                finest: 1e-3,
            },
            Number {
                name: "retain accuracy",
                what: "Accuracy on retained records",
                aspect: Aspect::Utility,
                side: Side::Below,
                of: |said| share(&said.retain),
                finest: share_of(&self.run.retain),
            },
            Number {
                name: "test accuracy",
                what: "Accuracy on test records",
                aspect: Aspect::Utility,
                side: Side::Below,
                of: |said| share(&said.test),
                finest: share_of(&self.run.test),
            },
        ];
        let mut probes = Vec::new();
        for Number { name, what, aspect, side, of, finest } in all {
            let (run, original) = (of(&self.run)?, Some(of(&self.original)?));
            let retrains = self.retrains.iter().map(of).collect::<Result<_>>()?;
            let held_out = self.held_out.iter().map(|said| of(said)).collect::<Result<_>>()?;
            probes.push(Probe { name, what, aspect, side, run, original, retrains, held_out, finest });
        }
        Ok(probes)
    }
}

pub(super) fn mean_and_sd(values: &[f64]) -> (Option<f64>, Option<f64>) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let sd = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    ((n > 0.0).then_some(mean), (n > 1.0).then_some(sd))
}
