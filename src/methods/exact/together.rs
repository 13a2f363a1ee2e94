//! Retrains of one request with several seeds, as models of stacks: each has the bytes that `retrain` gives it alone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::data::{Cut, Dataset, Deletion, RecordKind};
use crate::engine::Engine;
use crate::methods::prelude::*;
use crate::nn::Model;
use crate::records::Source;
use crate::train::stack::{Crew, Job, Standing, Trained, fit_stacks, unknown};

/// What is retrained.
pub struct Retraining<'a> {
    /// The network.
    pub model: &'a Model,
    /// Its data set.
    pub data: &'a Dataset,
    /// What a request deletes of a graph.
    pub deletion: Option<&'a Deletion>,
    /// What a request takes of texts that stay otherwise.
    pub cuts: &'a [Cut],
    /// The training records that stay.
    pub retain: &'a [u32],
    /// The recipe.
    pub train: &'a TrainConfig,
    /// Where the parameters come from.
    pub past: Past<'a>,
    /// The parameters before, for how far the new ones are from them; those of the seed where they are of another
    /// network.
    pub theta: &'a [f32],
    /// Look for NaN and Inf after every dispatch.
    pub check_finite: bool,
    /// Set by Ctrl-C: stop with the epoch.
    pub interrupted: Option<&'a AtomicBool>,
}

/// A retrain of a stack.
pub struct Retrained<'e> {
    /// Its seed's place among those that were given.
    pub at: usize,
    /// Parameters, and running statistics behind them.
    pub theta: Vec<f32>,
    /// As `retrain` accounts for it; of the stack's time its share.
    pub account: Account,
    /// What it ran on.
    pub engine: &'e mut Engine,
}

/// Why retrains of a recipe are no stack, if they are none.
pub fn why_alone(data: &Dataset, train: &TrainConfig) -> Option<String> {
    let links = data.kind() == RecordKind::Link;
    let known = unknown(train).map(|(key, _)| format!("a stack does not know {key}"));
    known.or_else(|| links.then(|| "records of a stack are no links".to_owned()))
}

/// Retrains with each of the seeds. `told` hears how many go into a stack, `each` gets every retrain when its stack is
/// done.
///
/// # Errors
/// A recipe that [`why_alone`] names; a loss that is not finite; a lost device; whatever `each` returns.
pub fn retrain_together(
    engine: &mut Engine,
    what: &Retraining,
    seeds: &[u64],
    told: &mut dyn FnMut(&str),
    each: &mut dyn FnMut(Retrained) -> Result<()>,
) -> Result<()> {
    let starts: Vec<Vec<f32>> = seeds.iter().map(|seed| what.past.start(what.model, *seed)).collect();
    let job = |(seed, start): (&u64, _)| Job::new(what.retain, *seed, start);
    let jobs: Vec<Job> = seeds.iter().zip(starts.iter().map(Vec::as_slice)).map(job).collect();
    let mut crew = Retrains { what, seeds, told, each, changes: None, of: 1, began: Instant::now(), share: 0.0 };
    fit_stacks(
        engine,
        what.model,
        &Source::new(what.data.training_without(what.cuts), what.deletion),
        what.train,
        &jobs,
        &mut crew,
    )
}

struct Retrains<'a> {
    what: &'a Retraining<'a>,
    seeds: &'a [u64],
    told: &'a mut dyn FnMut(&str),
    each: &'a mut dyn FnMut(Retrained) -> Result<()>,
    /// How far each model of the stack is from where the weights were, and the first one's place.
    changes: Option<(usize, Vec<f64>)>,
    of: usize,
    began: Instant,
    /// A model's share of the stack's time.
    share: f64,
}

impl Crew for Retrains<'_> {
    fn check_finite(&self) -> bool {
        self.what.check_finite
    }

    fn begin(&mut self, session: &mut Session, first: usize, steps: &[(u64, u64)]) -> Result<()> {
        let (model, whole) = (self.what.model, self.what.theta.len() == self.what.model.layout.whole());
        let origin = Origin::of(session)?;
        for (at, seed) in self.seeds[first..first + steps.len()].iter().enumerate() {
            let before = if whole { self.what.theta } else { &model.init(*seed) };
            let part = session.engine.part(origin.0, at);
            session.engine.write(part, &before[..model.layout.total()])?;
        }
        (self.changes, self.of, self.began) = (None, steps.len(), Instant::now());
        let bytes = session.engine.take_peak();
        (self.told)(&format!("{} retrains in one stack: {bytes} bytes of GPU memory", self.of));
        Ok(())
    }

    fn smaller(&mut self, models: usize, what: &str) {
        (self.told)(&format!("{what} is too large for the stack; {models} models go into one"));
    }

    fn epoch(&mut self, _at: &mut Standing, _report: &EpochReport, _score: Option<Score>) -> Result<Flow> {
        match self.what.interrupted.is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            true => Err(Error::Interrupted("interrupted; no retrain of the stack is kept, so run it again".into())),
            false => Ok(Flow::Continue),
        }
    }

    fn ended(&mut self, session: &mut Session, at: usize, trained: Trained, _dispatches: usize) -> Result<()> {
        let mut account = Account::reading(&[Read::RetainData]);
        let (first, changes) = match self.changes.take() {
            Some(known) => known,
            // The first of its stack, when all are done.
            None => {
                self.share = self.began.elapsed().as_secs_f64() / self.of as f64;
                (at, Origin(session.vector("methods.origin")?).changes(session)?)
            }
        };
        account.method_s = self.share;
        let seconds = self.share / trained.epochs.len().max(1) as f64;
        account.trail = trained.epochs.iter().map(|report| report.passed(seconds)).collect();
        account.took(trained.state.step);
        account.details.relative_change = changes.get(at - first).copied();
        self.changes = Some((first, changes));
        (self.each)(Retrained { at, theta: trained.theta, account, engine: session.engine })
    }
}
