//! U-LiRA (Hayes et al. 2024, "Inexact Unlearning Needs More Careful Evaluations"): models trained on all records and
//! made to forget by the run's own method, against models that never had them. It sees what a method leaves behind even
//! where that looks like no memory to an attack that knows trained models alone.

use serde::{Deserialize, Serialize};

use super::Subjects;
use super::brought::{Brought, Kind};
use super::roster::{Roster, Said};
use super::store::Kept;
use crate::base::sha256;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::eval::attacks::{ForgettingQuality, Gaussians, Klom, Probe, Side, Spreads, Success, confidences};
use crate::eval::{Aspect, Outputs};
use crate::methods::{self, Method, Past, Role};
use crate::run::reading::over_all_classes;
use crate::run::stage::{Stage, apply};

/// φ of the forgotten records, `[models][records]`.
pub(super) struct Unlearned {
    /// Of models that were trained on all records.
    before: Vec<Vec<f64>>,
    /// Of the same models once they forgot.
    after: Vec<Vec<f64>>,
    /// All that these said.
    said: Vec<Said>,
}

/// KLoM of each group of records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Divergences {
    /// On the forgotten records.
    pub forgotten: Klom,
    /// On retained ones.
    pub retained: Klom,
    /// On test records.
    pub test: Klom,
}

/// Why there are none; nothing where they can be made.
pub(super) fn suits(subjects: &Subjects, count: usize) -> Option<String> {
    let forget = &subjects.forget;
    let why = match methods::find(&forget.method) {
        _ if count == 0 => "--unlearned 0 asks for none",
        Ok(row) if row.role != Role::Method || row.tier.is_exact() => "the method trains without the records",
        _ if subjects.run.info.evidence.parents.len() > 1 => "the run forgot in several steps",
        Err(_) => "this version does not know the method",
        Ok(_) if subjects.run.model.layout.whole() != subjects.original.model.layout.whole() => {
            "the run holds another network than the one that forgot"
        }
        Ok(_) => return None,
    };
    Some(why.into())
}

/// Trains models on all records, makes each forget, and keeps what they say.
///
/// # Errors
/// What the method reports; a model that diverged; a lost device.
pub(super) fn bring(
    engine: &mut Engine,
    subjects: &Subjects,
    roster: &Roster,
    brought: &mut Brought,
    (kind, took): (&Kind, (f64, Option<&str>)),
    said: &mut dyn FnMut(&str),
) -> Result<(Vec<Kept>, Vec<Kept>, Vec<String>)> {
    let forget = &subjects.forget;
    let before = brought.of(engine, kind, took, said)?;
    let row = methods::find(&forget.method)?;
    let method = (row.build)(settings(&forget.settings)?)?;
    let of = sha256(format!("{}\0{}", row.name, forget.settings).as_bytes());
    let names: Vec<String> = (0..kind.count).map(|i| format!("forgot-{}-{i:04}", &of[..8])).collect();
    let mut after = Vec::new();
    let there: Vec<Option<Kept>> = names.iter().map(|name| brought.store.load(name)).collect::<Result<_>>()?;
    let missing = there.iter().filter(|kept| kept.is_none()).count();
    brought.cached += there.len() - missing;
    if missing > 0 {
        let seconds = forget.method_s + forget.precompute_s;
        said(&format!(
            "{missing} models to forget by {}, one after another, about {:.0} s",
            row.name,
            seconds * missing as f64
        ));
    }
    for (i, kept) in there.into_iter().enumerate() {
        let kept = match kept {
            Some(kept) => kept,
            None => {
                let theta = forgot(engine, subjects, method.as_ref(), &before[i].theta, kind.seed_of(i))?;
                let logits = brought.recipe.read(engine, &[&theta], &roster.asked)?.swap_remove(0);
                let kept = Kept { logits, theta: Vec::new() };
                brought.store.save(&names[i], &kept)?;
                kept
            }
        };
        after.push(kept);
    }
    Ok((before, after, names))
}

fn forgot(engine: &mut Engine, subjects: &Subjects, method: &dyn Method, theta: &[f32], seed: u64) -> Result<Vec<f32>> {
    let original = &subjects.original;
    let stage = Stage {
        model: &original.model,
        data: &original.data,
        target: &subjects.target,
        train: &original.config.train,
        seed,
        past: Past { seed: Some(seed), ..Past::default() },
        check_finite: false,
    };
    let (theta, account) = apply(engine, &stage, theta, method)?;
    if account.student.is_some() {
        return Err(Error::internal("a method that makes another network was asked to"));
    }
    match theta.iter().all(|v| v.is_finite()) {
        true => Ok(theta),
        false => Err(Error::Device(format!("method `{}` diverged on a model of the audit", subjects.forget.method))),
    }
}

/// A method's settings as it is built with: a key without a value is left out.
fn settings(known: &serde_json::Value) -> Result<toml::Table> {
    let mut known = known.clone();
    if let Some(keys) = known.as_object_mut() {
        keys.retain(|_, value| !value.is_null());
    }
    toml::Table::try_from(known).map_err(|e| Error::internal(format!("a method's settings: {e}")))
}

impl Unlearned {
    /// Of what the models said.
    ///
    /// # Errors
    /// Outputs that are not finite.
    pub fn of(subjects: &Subjects, roster: &Roster, before: &[Kept], after: &[Kept]) -> Result<Unlearned> {
        let data = &subjects.original.data;
        let one = |kept: &Kept| roster.said(data, &over_all_classes(data, kept.logits.clone()));
        let forgotten = |said: &Said| confidences(&said.forget);
        let said = after.iter().map(one).collect::<Result<Vec<Said>>>()?;
        let before = before.iter().map(|kept| forgotten(&one(kept)?)).collect::<Result<_>>()?;
        Ok(Unlearned { before, after: said.iter().map(forgotten).collect::<Result<_>>()?, said })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.after.len()
    }

    /// The check. The original is put to the same attack as a method that does nothing would be, so that its power is
    /// known even where the method leaves nothing.
    ///
    /// # Errors
    /// Outputs that are not finite.
    pub fn probe(&self, run: &Said, original: &Said, retrains: &[Said], held_out: &[&Said]) -> Result<Option<Probe>> {
        let of = |said: &Said| confidences(&said.forget);
        let never = retrains.iter().map(of).collect::<Result<Vec<_>>>()?;
        if self.after.len() < 2 || never.len() < 3 {
            return Ok(None);
        }
        let others = |k: usize| (0..never.len()).filter(|at| *at != k).map(|at| never[at].clone()).collect::<Vec<_>>();
        let each = (0..never.len()).map(|k| auc(&self.after, &others(k), &never[k])).collect::<Result<Vec<f64>>>()?;
        let against = |said: &Said| auc(&self.after, &never, &of(said)?);
        Ok(Some(Probe {
            name: "U-LiRA",
            what: "AUC of U-LiRA",
            aspect: Aspect::Forgetting,
            side: Side::Either,
            run: against(run)?,
            original: Some(auc(&self.before, &never, &of(original)?)?),
            retrains: each,
            held_out: held_out.iter().map(|said| against(said)).collect::<Result<_>>()?,
            finest: 0.5 / run.forget.len() as f64,
        }))
    }

    /// The score of the NeurIPS 2023 challenge; none where there are too few models.
    ///
    /// # Errors
    /// Outputs that are not finite.
    pub fn quality(&self, retrains: &[Said]) -> Result<Option<ForgettingQuality>> {
        let never = retrains.iter().map(|said| confidences(&said.forget)).collect::<Result<Vec<_>>>()?;
        Ok(ForgettingQuality::of(&self.after, &never))
    }

    /// How far what the models say diverges from what retrains say; none where there are too few of either.
    ///
    /// # Errors
    /// Outputs that are not finite.
    pub fn divergences(&self, retrains: &[Said]) -> Result<Option<Divergences>> {
        let of = |group: fn(&Said) -> &Outputs| -> Result<Option<Klom>> {
            let all = |said: &[Said]| said.iter().map(|said| confidences(group(said))).collect::<Result<Vec<_>>>();
            Ok(Klom::of(&all(&self.said)?, &all(retrains)?))
        };
        let [forgotten, retained, test] = [of(|said| &said.forget)?, of(|said| &said.retain)?, of(|said| &said.test)?];
        let all = forgotten.zip(retained).zip(test);
        Ok(all.map(|((forgotten, retained), test)| Divergences { forgotten, retained, test }))
    }
}

/// AUC of the likelihood ratios of what one model says of the records against those of models that never had them.
fn auc(with: &[Vec<f64>], never: &[Vec<f64>], said: &[f64]) -> Result<f64> {
    let ratios = Gaussians::between(with, never, Spreads::Fixed);
    let others: Vec<f64> = never.iter().flat_map(|said| ratios.online(said)).collect();
    Ok(Success::of(&ratios.online(said), &others)?.map_or(f64::NAN, |found| found.auc))
}
