//! A search set with everything that trials on it are measured by.

use super::models::Models;
use super::trial::{Score, Trial};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::eval::targets::worth;
use crate::eval::{Chance, Evaluation, SplitName, closeness};
use crate::methods::{self, MethodRow, Role};
use crate::run::effect::{Became, Effect};
use crate::run::experiment::{Candidate, ExperimentOptions, Original, Ready};
use crate::run::reading::{Reading, evaluate};
use crate::run::results::RowKind;

/// A search set.
pub(super) struct Bench {
    ready: Ready,
    references: Vec<Evaluation>,
    /// Distance of the original.
    pub nothing: f64,
    /// Distance of a retrain that is none of the references.
    pub retrain: f64,
    /// Seconds of a retrain, on average.
    retrain_s: f64,
    /// Seconds of all of them.
    pub spent_s: f64,
    /// What the original's answers on the retained records are worth.
    worth: Option<f64>,
    chance: Option<Chance>,
}

/// What came of one attempt.
pub(super) struct Attempt {
    pub effect: Effect,
    /// Or why there is none.
    pub score: Result<Score, String>,
}

/// Mean seconds of a retrain over search sets.
pub(super) fn retrain_s(benches: &[Bench]) -> f64 {
    benches.iter().map(|bench| bench.retrain_s).sum::<f64>() / benches.len().max(1) as f64
}

impl Ready {
    /// The original, trained once for all search sets.
    pub(super) fn kept_original(
        &self,
        models: &Models,
        engine: &mut Engine,
        options: ExperimentOptions,
    ) -> Result<Original> {
        let (digest, seed) = (self.config.train_digest()?, self.config.seed);
        let (theta, seconds) = models.get("", seed, || {
            let made = self.original(engine, (&digest, seed), options)?;
            Ok((made.theta, made.seconds.unwrap_or_default()))
        })?;
        Ok(Original { digest, seed, theta, seconds: Some(seconds), kernels: Vec::new(), points: Vec::new() })
    }
}

impl Bench {
    /// Makes the retrains, or takes those that an earlier process has kept, and reads them.
    pub fn make(
        ready: Ready,
        engine: &mut Engine,
        original: &Original,
        models: &Models,
        references: usize,
    ) -> Result<Bench> {
        let name = methods::reference().name;
        let mut thetas = Vec::new();
        let mut spent_s = 0.0;
        for i in 1..=references as u64 + 1 {
            let seed = ready.config.seed + i;
            let (theta, seconds) = models.get(&ready.request.hash, seed, || {
                let made = ready.candidate(engine, original, RowKind::Retrain, name, seed, false)?;
                made.made.map(|(theta, account)| (theta, account.method_s)).map_err(Error::CheckFailed)
            })?;
            spent_s += seconds;
            thetas.push(theta);
        }
        let row = methods::reference();
        let (model, data) = ready.works_on(row);
        let before = Reading { theta: &original.theta, forgot: false, model: &ready.model, data: &ready.data };
        let after = thetas.iter().map(|theta| Reading { theta, forgot: true, model, data });
        let readings: Vec<Reading> = std::iter::once(before).chain(after).collect();
        let mut said = evaluate(engine, Some(&ready.target), &readings)?.into_iter().collect::<Result<Vec<_>>>()?;
        let (Some(control), before) = (said.pop(), said.remove(0)) else {
            return Err(Error::internal("an evaluation vanished"));
        };
        let retain = before.get(SplitName::Retain);
        let chance = retain.and_then(Chance::of_outputs);
        let worth = retain.map_or(Ok(None), worth)?;
        let retrain_s = spent_s / thetas.len() as f64;
        let mut bench =
            Bench { ready, references: said, nothing: 0.0, retrain: 0.0, retrain_s, spent_s, worth, chance };
        bench.nothing = bench.score(&before, 0.0)?.distance();
        bench.retrain = bench.score(&control, 0.0)?.distance();
        Ok(bench)
    }

    /// Training records that it forgets.
    pub fn forgets(&self) -> usize {
        self.ready.target.split.forget.len()
    }

    fn score(&self, now: &Evaluation, seconds: f64) -> Result<Score> {
        let references: Vec<&Evaluation> = self.references.iter().collect();
        let Some(validation) = closeness(now, &references, SplitName::Validation)? else {
            return Err(Error::input(
                "the retrains of a search set say the same of every validation record, so no distance can be measured; \
                 train less, or on other seeds",
            ));
        };
        Ok(Score { forget: closeness(now, &references, SplitName::Forget)?, validation, seconds })
    }

    /// Makes the original forget, with these settings.
    ///
    /// # Errors
    /// A lost device; settings that the method refuses. A method that diverges is an attempt without a score.
    pub fn attempt(
        &mut self,
        engine: &mut Engine,
        original: &Original,
        row: &'static MethodRow,
        settings: toml::Table,
    ) -> Result<Attempt> {
        self.ready.forget.settings.insert(row.name.to_owned(), settings);
        let ready = &self.ready;
        let Candidate { effect, made, .. } =
            ready.candidate(engine, original, RowKind::Method, row.name, original.seed, false)?;
        let (theta, account) = match made {
            Ok(made) => made,
            Err(why) => return Ok(Attempt { effect, score: Err(why) }),
        };
        let (model, data) = ready.works_on(row);
        let reading = Reading { theta: &theta, forgot: true, model, data };
        let said = evaluate(engine, Some(&ready.target), &[reading])?.pop();
        let now = match said.ok_or_else(|| Error::internal("an evaluation vanished"))? {
            Ok(now) => now,
            Err(Error::CheckFailed(why)) => return Ok(Attempt { effect, score: Err(why) }),
            Err(other) => return Err(other),
        };
        let after = now.get(SplitName::Retain).map_or(Ok(None), worth)?;
        let effect = effect.or_destroyed(self.worth, after, self.chance);
        let score = Ok(self.score(&now, account.method_s + account.precompute_s)?);
        Ok(Attempt { effect, score })
    }
}

impl Trial {
    /// Nothing tried yet.
    pub(super) fn none() -> Trial {
        Trial {
            number: 0,
            settings: toml::Table::new(),
            point: Vec::new(),
            scores: Vec::new(),
            distance: None,
            cost: None,
            effect: Effect::default(),
            note: None,
        }
    }

    /// Takes in what came of it on a set; false where a further set is not worth trying.
    pub(super) fn add(&mut self, attempt: Attempt) -> bool {
        if attempt.effect.result != Became::Changed {
            self.effect = attempt.effect;
        }
        match attempt.score {
            Ok(score) => self.scores.push(score),
            Err(why) => self.note = Some(format!("diverged: {why}")),
        }
        self.note.is_none() && self.effect.counts(Role::Method)
    }

    /// Means over the sets; a trial that was broken off has no distance.
    pub(super) fn sum_up(&mut self, sets: usize, retrain_s: f64) {
        let n = self.scores.len() as f64;
        if self.scores.len() == sets {
            self.distance = Some(self.scores.iter().map(Score::distance).sum::<f64>() / n);
        }
        if !self.scores.is_empty() && retrain_s > 0.0 {
            self.cost = Some(self.scores.iter().map(|score| score.seconds).sum::<f64>() / n / retrain_s);
        }
    }
}
