//! Methods that are a training on lessons: some sets of records, each with a weight and a loss of its own, perhaps
//! behind a mask, perhaps until the forgotten records have come to a goal. A method says what it is taught; steps,
//! batches, clock and account are here.

use serde_json::{Value, json};

use super::account::{Account, Origin, timed};
use super::descent::{Until, descend};
use super::harm::Harm;
use super::stop::StopRule;
use crate::engine::Buf;
use crate::error::Result;
use crate::methods::{Read, View};
use crate::nn::Values;
use crate::records::{Lesson, Part, Records, Session};
use crate::statistics;
use crate::train::{Fit, Progress, Term, TrainConfig, train_to_end};

/// One set of records with what is made of them.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// Whose.
    pub records: Records<'a>,
    /// Factor on the mean of their losses; below 0 it is climbed.
    pub weight: f64,
    /// Their loss.
    pub lesson: Lesson,
}

impl<'a> Task<'a> {
    /// The retained records by their own loss.
    pub fn retained(view: &View<'a>, weight: f64) -> Task<'a> {
        Task { records: Records::train(view.retain), weight, lesson: Lesson::Own }
    }

    /// The forgotten records, as they were, by their own loss.
    pub fn forgotten(view: &View<'a>, weight: f64) -> Task<'a> {
        Task { records: Records::before(view.forget), weight, lesson: Lesson::Own }
    }

    /// The same records with another loss.
    pub fn taught(self, lesson: Lesson) -> Task<'a> {
        Task { lesson, ..self }
    }
}

/// What a training is to be.
#[derive(Default)]
pub struct Plan<'a> {
    /// An epoch is a pass over the first; the others begin again as often as that takes.
    pub tasks: Vec<Task<'a>>,
    /// 1 where parameters may move, 0 where they keep their bits.
    pub within: Option<Buf<f32>>,
    /// Factors on the gradient.
    pub gains: Option<Buf<f32>>,
    /// What ends it before its epochs are over.
    pub until: Option<StopRule>,
    /// What it may cost other records, where `until` has it watched.
    pub harm: Option<Harm>,
    /// For the account.
    pub notes: Vec<(&'static str, Value)>,
}

/// Steps in a submission of a training that is watched.
const WATCHED: usize = 2;

/// The whole of a method that is one training: `plan` prepares it and says what it is.
///
/// # Errors
/// Those of the plan and of the training.
pub fn learn<'a>(
    session: &mut Session,
    view: &View<'a>,
    config: &TrainConfig,
    reads: &[Read],
    plan: impl FnOnce(&mut Session) -> Result<Plan<'a>>,
) -> Result<Account> {
    let origin = Origin::of(session)?;
    let mut account = Account::reading(reads);
    let mut clock = 0.0;
    let steps = timed(&mut clock, || {
        let plan = plan(session)?;
        let goal = plan.until.map(|rule| rule.goal(session, view)).transpose()?;
        // Few steps in flight where a pause is to come soon.
        let most = if goal.is_some() { WATCHED } else { config.steps_per_submission };
        let config = TrainConfig { steps_per_submission: most, ..config.clone() };
        account.note("train", json!(config));
        let (mut fit, terms) = fit(session, &config, view.seed, &plan.tasks)?;
        if let Some(mask) = plan.within {
            fit.restrict(mask, origin.0);
        }
        if let Some(gains) = plan.gains {
            fit.weigh_gradients(gains);
        }
        plan.notes.into_iter().for_each(|(key, value)| account.note(key, value));
        let Some(goal) = goal else { return train_to_end(&mut fit, session, &terms, &mut ()) };
        descend(session, &mut fit, &terms, view, Until { goal, harm: plan.harm }, &mut account)
    })?;
    account.method_s += clock;
    account.took(steps);
    account.close(session, &origin)
}

/// A fit that is taught the tasks, with its terms. Running statistics never follow forgotten records.
///
/// # Errors
/// A recipe that does not suit the session.
pub fn fit<'a>(
    session: &mut Session,
    config: &TrainConfig,
    seed: u64,
    tasks: &[Task<'a>],
) -> Result<(Fit, Vec<Term<'a>>)> {
    let mut fit = Fit::new(session, config, seed)?;
    for (i, task) in tasks.iter().enumerate() {
        fit.teach(i, task.lesson, task.records.part == Part::Before);
    }
    Ok((fit, tasks.iter().map(|task| Term { records: task.records, weight: task.weight }).collect()))
}

/// One of two trainings of the same parameters that take turns. Their optimiser's vectors are the session's, so that
/// both have one momentum where both have one.
pub struct Turns<'a> {
    fit: Fit,
    terms: Vec<Term<'a>>,
}

impl<'a> Turns<'a> {
    /// A training that has not begun.
    ///
    /// # Errors
    /// A recipe that does not suit the session.
    pub fn new(session: &mut Session, config: &TrainConfig, seed: u64, task: Task<'a>) -> Result<Turns<'a>> {
        let config = TrainConfig { steps_per_submission: 1, ..config.clone() };
        let (fit, terms) = fit(session, &config, seed, &[task])?;
        Ok(Turns { fit, terms })
    }

    /// One of so many steps, whatever its epochs: as many as hold them.
    ///
    /// # Errors
    /// A recipe that does not suit the session.
    pub fn lasting(
        session: &mut Session,
        config: &TrainConfig,
        seed: u64,
        task: Task<'a>,
        steps: u64,
    ) -> Result<Turns<'a>> {
        let per_epoch = Turns::new(session, config, seed, task)?.per_epoch();
        let epochs = steps.div_ceil(per_epoch.max(1)).max(1) as usize;
        Turns::new(session, &TrainConfig { epochs, ..config.clone() }, seed, task)
    }

    /// The fit, to restrict it.
    pub fn fit(&mut self) -> &mut Fit {
        &mut self.fit
    }

    /// Steps of an epoch.
    pub fn per_epoch(&self) -> u64 {
        self.fit.steps_per_epoch(&self.terms) as u64
    }

    /// Takes so many steps, or as many as its epochs have left.
    ///
    /// # Errors
    /// Those of a training.
    pub fn take(&mut self, session: &mut Session, steps: u64) -> Result<()> {
        let end = self.fit.steps_taken() + steps;
        self.fit.pause_at(Some(end));
        while self.fit.steps_taken() < end {
            if let Progress::Done = self.fit.advance(session, &self.terms, |_| true)? {
                break;
            }
        }
        Ok(())
    }

    /// Steps taken so far.
    pub fn taken(&self) -> u64 {
        self.fit.steps_taken()
    }
}

/// n_F / n_R: what the mean over the forgotten records weighs beside that over the retained ones where all records
/// weigh the same.
pub fn in_proportion(view: &View) -> f64 {
    view.forget.len() as f64 / view.retain.len().max(1) as f64
}

/// The network's answers to records, softened by a temperature: what a [`Lesson::Teacher`] teaches, read in evaluation
/// form and kept on the engine under `name`.
///
/// # Errors
/// Records that do not exist; no memory.
pub fn answers(session: &mut Session, name: &'static str, records: Records, temperature: f64) -> Result<Buf<f32>> {
    let (classes, logits) = (session.model.classes, statistics::logits(session, records)?);
    let soft = |row: &[f32]| {
        let scaled: Vec<f64> = row.iter().map(|z| f64::from(*z) / temperature).collect();
        let top = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scaled.iter().map(|z| (z - top).exp()).sum();
        scaled.into_iter().map(move |z| ((z - top).exp() / sum) as f32).collect::<Vec<_>>()
    };
    let rows: Vec<f32> = logits.chunks_exact(classes).flat_map(soft).collect();
    session.table(name, records, classes, &rows)
}

/// The network's numbers as they are now, kept on the engine for a lesson that looks at what they say.
///
/// # Errors
/// No memory.
pub fn original(session: &mut Session) -> Result<Values> {
    let theta = session.vector("teacher.parameters")?;
    let state = match session.state {
        Some(state) => Some(session.block("teacher.state", state.len)?),
        None => None,
    };
    let now = session.values();
    session.run(|rec| {
        rec.copy(now.theta, theta);
        now.state.into_iter().zip(state).for_each(|(from, to)| rec.copy(from, to));
        Ok(())
    })?;
    Ok(Values { theta, state })
}

/// The recipe of the whole training, for what trains by it on other records or with another loss: without what holds
/// the original's promises of privacy or its checkpoints.
pub fn whole_recipe(train: &TrainConfig) -> TrainConfig {
    TrainConfig { dp: None, coupled: None, slices: None, keep: None, ..train.clone() }
}

/// `reads`, and the validation records where the whole recipe stops early by them.
pub fn reads_of(view: &View, reads: &[Read]) -> Vec<Read> {
    let early = view.train.early_stopping.as_ref().map(|_| Read::ValidationData);
    reads.iter().copied().chain(early).collect()
}
