//! Many small models trained as one stack: each with its own records, seed, learning rate and start, in one set of
//! dispatches. What comes out of each is to the bit what [`train_to_end`](super::train_to_end) makes of it alone.

mod lane;

use std::collections::VecDeque;

use self::lane::{Lane, Steps, Taken};
use super::advance::IN_FLIGHT;
use super::config::TrainConfig;
use super::fit::Fit;
use super::order::Order;
use super::progress::{EpochReport, FitState};
use super::step::Key;
use super::watch::Watched;
use crate::engine::{Data, Engine, MOST_MODELS, Ticket};
use crate::error::{Error, Result};
use crate::nn::Model;
use crate::records::objective::{Balanced, ClassWeights};
use crate::records::{Session, Source};

/// One model of a stack.
#[derive(Clone, Debug)]
pub struct Job<'a> {
    /// The training records that it learns.
    pub indices: &'a [u32],
    /// What its batches and dropout are drawn by.
    pub seed: u64,
    /// Its learning rate in the place of the recipe's.
    pub lr: Option<f64>,
    /// What it begins with: parameters, and running statistics behind them (see [`Model::init`]).
    pub start: &'a [f32],
    /// Where an earlier fit of it stood, with that optimiser's vectors; none begins anew.
    pub state: Option<FitState>,
}

/// What became of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// Parameters, and running statistics behind them, as the recipe ends: the moving average where it has one.
    pub theta: Vec<f32>,
    /// Where its fit stands.
    pub state: FitState,
    /// What its epochs said, in order.
    pub epochs: Vec<EpochReport>,
}

/// Trains the jobs by one recipe over one data set; on a graph all share its structure. As many go into a stack as the
/// adapter's bindings and the memory hold, and the rest follow in further ones. `observe` is told of each epoch of each
/// job, in whatever order they end.
///
/// # Errors
/// A recipe that a stack does not know (private training, early stopping, balanced classes, noise in the objective); an
/// empty set of records; a loss that is not finite, with the job's number; a single model that does not fit; a lost
/// device; whatever `observe` returns.
pub fn fit_many(
    engine: &mut Engine,
    model: &Model,
    source: &Source,
    config: &TrainConfig,
    jobs: &[Job],
    mut observe: impl FnMut(usize, &EpochReport) -> Result<()>,
) -> Result<Vec<Trained>> {
    check(config)?;
    let (mut done, mut at_once) = (Vec::new(), jobs.len().min(MOST_MODELS));
    while done.len() < jobs.len() {
        let first = done.len();
        let now = &jobs[first..(first + at_once).min(jobs.len())];
        let thetas: Vec<&[f32]> = now.iter().map(|job| job.start).collect();
        let fitted = source
            .stack(engine, model, &thetas)
            .and_then(|mut session| Stack::new(&mut session, config, now, first)?.run(&mut session, &mut observe));
        match fitted {
            Ok(trained) => done.extend(trained),
            // Nothing larger comes after the first steps, so that little was done in vain.
            Err(Error::TooLarge { .. }) if now.len() > 1 => at_once = now.len().div_ceil(2),
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

/// # Errors
/// What a stack does not know.
fn check(config: &TrainConfig) -> Result<()> {
    let balanced = config.class_weights == Some(ClassWeights::Word(Balanced::Balanced));
    let lacks = [
        (config.dp.is_some(), "[train.dp]", "train one by one"),
        (config.early_stopping.is_some(), "train.early_stopping", "give each model its epochs"),
        (balanced, "class_weights = \"balanced\"", "give the classes' weights as numbers"),
        (config.objective_noise > 0.0, "train.objective_noise", "train one by one"),
        (config.coupled.is_some(), "[train.coupled]", "train one by one"),
        (config.slices.is_some(), "[train.slices]", "train one by one"),
        (config.order != Order::Shuffled, "train.order = \"keyed\"", "train one by one"),
    ];
    match lacks.iter().find(|(there, ..)| *there) {
        Some((_, key, mend)) => {
            Err(Error::input(format!("models in a stack do not take {key}: {mend}, or leave it out")))
        }
        None => Ok(()),
    }
}

/// A submission under way: its ticket and program, and the steps of each of its models.
struct Flying {
    ticket: Ticket,
    key: Key,
    models: Vec<Steps>,
}

/// A stack's fits under way.
struct Stack<'a> {
    /// Whose programs all run.
    shared: Fit,
    lanes: Vec<Lane<'a>>,
    /// Number of the first lane's job among all.
    first: usize,
    flying: VecDeque<Flying>,
    /// Most steps of a submission.
    most: usize,
}

impl<'a> Stack<'a> {
    fn new(session: &mut Session, config: &TrainConfig, jobs: &[Job<'a>], first: usize) -> Result<Stack<'a>> {
        let shared = Fit::new(session, config, 0)?;
        let most = shared.steps_at_once(session);
        let mut lanes = Vec::new();
        for (model, job) in jobs.iter().enumerate() {
            lanes.push(Lane::new(session, &shared, model, job)?);
        }
        Ok(Stack { shared, lanes, first, flying: VecDeque::new(), most })
    }

    fn run(
        mut self,
        session: &mut Session,
        observe: &mut impl FnMut(usize, &EpochReport) -> Result<()>,
    ) -> Result<Vec<Trained>> {
        let in_flight = if session.check_finite { 1 } else { IN_FLIGHT };
        loop {
            while self.flying.len() < in_flight && self.send(session)? {}
            let Some(landed) = self.flying.pop_front() else { break };
            self.land(session, landed)?;
            for (i, lane) in self.lanes.iter_mut().enumerate() {
                if let Some(report) = lane.close_epoch() {
                    observe(self.first + i, &report)?;
                    lane.epochs.push(report);
                }
            }
        }
        self.shared.serve(session)?;
        let shared = &self.shared;
        self.lanes.into_iter().map(|lane| lane.trained(session, shared)).collect()
    }

    /// Submits the next steps of the model that is furthest behind, and of all that have steps of the same shapes ahead
    /// of them; whether there was one.
    fn send(&mut self, session: &mut Session) -> Result<bool> {
        self.lanes.iter_mut().for_each(|lane| lane.look_ahead(session, self.most));
        let ready = self.lanes.iter().filter_map(|lane| Some((lane.sent(), lane.shape()?)));
        let Some((_, shape)) = ready.min_by_key(|(sent, _)| *sent) else { return Ok(false) };
        let shape = shape.clone();
        let alike: Vec<usize> = (0..self.lanes.len()).filter(|i| self.lanes[*i].shape() == Some(&shape)).collect();
        let least = alike.iter().map(|i| self.lanes[*i].ahead()).min().unwrap_or(1);
        // Few counts of steps, so that programs recur.
        let steps = if least >= self.most { self.most } else { 1 << least.ilog2() };
        let (mut models, mut pieces, mut of) = (Vec::new(), Vec::new(), None);
        for i in &alike {
            let Taken { steps, shapes, inputs } = self.lanes[*i].take(session, steps)?;
            of.get_or_insert(shapes);
            models.push(steps);
            pieces.push(inputs);
        }
        let key = of.ok_or_else(|| Error::internal("a submission of no model"))?;
        let terms = self.lanes[alike[0]].terms();
        self.shared.compiled(session, &terms, &key)?;
        let made = self.shared.programs.get(&key).ok_or_else(|| Error::internal("the step program vanished"))?;
        let flags = made.watched.as_ref().map(Watched::unset);
        pieces.iter_mut().for_each(|inputs| inputs.extend(flags.clone()));
        let inputs = together(pieces)?;
        let numbers: Vec<u32> = alike.iter().map(|i| *i as u32).collect();
        let ticket = session.engine.submit_for(&made.program, &numbers, &inputs)?;
        self.flying.push_back(Flying { ticket, key, models });
        Ok(true)
    }

    /// Books what a submission brought.
    fn land(&mut self, session: &mut Session, landed: Flying) -> Result<()> {
        let outputs = session.engine.wait(landed.ticket)?;
        let watched = self.shared.programs.get(&landed.key).and_then(|made| made.watched.as_ref());
        let count = landed.models.len();
        for (slot, steps) in landed.models.iter().enumerate() {
            let job = self.first + steps.model;
            let named = |e: Error| match e {
                Error::Device(what) => Error::Device(format!("model {job} of the stack: {what}")),
                other => other,
            };
            let mine: Vec<Data> = outputs.iter().map(|data| data.piece(slot, data.bytes().len() / 4 / count)).collect();
            if let Some(watched) = watched {
                watched.verdict(&mine, steps.first + 1).map_err(named)?;
            }
            self.lanes[steps.model].book(&mine[0], steps).map_err(named)?;
        }
        Ok(())
    }
}

/// The inputs of a run from those of each of its models.
fn together(pieces: Vec<Vec<Data>>) -> Result<Vec<Data>> {
    let mut each: Vec<Vec<Data>> = Vec::new();
    for inputs in pieces {
        each.resize_with(inputs.len(), Vec::new);
        each.iter_mut().zip(inputs).for_each(|(all, one)| all.push(one));
    }
    each.into_iter().map(Data::joined).collect()
}
