//! Many small models trained as one stack: each with its own records, seed, learning rate and start, in one set of
//! dispatches. What comes out of each is to the bit what [`train_to_end`](super::train_to_end) makes of it alone.

mod crew;
mod lane;

use std::collections::VecDeque;

pub use self::crew::{Crew, Standing};
use self::lane::{Lane, Steps, Taken};
use super::advance::IN_FLIGHT;
use super::config::TrainConfig;
use super::fit::Fit;
use super::progress::{EpochReport, FitState};
use super::step::Key;
use super::to_end::Flow;
use super::watch::Watched;
use crate::engine::{Data, Engine, MOST_MODELS, Ticket};
use crate::error::{Error, Result};
use crate::nn::Model;
use crate::records::objective::{Balanced, ClassWeights};
use crate::records::{Part, Session, Source};
use crate::statistics::{self, Score};

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
    /// The validation records that its epochs are scored by; none if empty.
    pub validation: &'a [u32],
    /// Where an earlier fit of it stood, with that optimiser's vectors; none begins anew.
    pub state: Option<FitState>,
}

impl<'a> Job<'a> {
    /// One that begins anew by the recipe as it is, and is not scored.
    pub fn new(indices: &'a [u32], seed: u64, start: &'a [f32]) -> Job<'a> {
        Job { indices, seed, lr: None, start, validation: &[], state: None }
    }
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
/// A recipe that a stack does not know (see [`unknown`]); an empty set of records; a loss that is not finite, with the
/// job's number; a single model that does not fit; a lost device; whatever `observe` returns.
pub fn fit_many(
    engine: &mut Engine,
    model: &Model,
    source: &Source,
    config: &TrainConfig,
    jobs: &[Job],
    observe: impl FnMut(usize, &EpochReport) -> Result<()>,
) -> Result<Vec<Trained>> {
    let mut all = crew::Gathered { observe, trained: Vec::new() };
    fit_stacks(engine, model, source, config, jobs, &mut all)?;
    Ok(all.trained)
}

/// As [`fit_many`], watched by a crew, which is given each model when its stack is done.
///
/// # Errors
/// As [`fit_many`]; whatever the crew returns.
pub fn fit_stacks(
    engine: &mut Engine,
    model: &Model,
    source: &Source,
    config: &TrainConfig,
    jobs: &[Job],
    crew: &mut dyn Crew,
) -> Result<()> {
    if let Some((key, mend)) = unknown(config) {
        return Err(Error::input(format!("models in a stack do not take {key}: {mend}, or leave it out")));
    }
    let (mut first, mut at_once) = (0, jobs.len().min(MOST_MODELS));
    while first < jobs.len() {
        let now = &jobs[first..(first + at_once).min(jobs.len())];
        let thetas: Vec<&[f32]> = now.iter().map(|job| job.start).collect();
        let made = source.stack(engine, model, &thetas).and_then(|mut session| {
            session.check_finite = crew.check_finite();
            let mut stack = Stack::new(&mut session, config, (now, first))?;
            // The memory of all steps is held before the first, so that little was done in vain.
            stack.prepare(&mut session, crew)?;
            stack.run(&mut session, crew)
        });
        match made {
            Ok(()) => first += now.len(),
            Err(Error::TooLarge { what, .. }) if now.len() > 1 => {
                at_once = now.len().div_ceil(2);
                crew.smaller(at_once, &what);
            }
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// What a stack does not know of a recipe, and what to do instead; none where it knows everything.
pub fn unknown(config: &TrainConfig) -> Option<(&'static str, &'static str)> {
    let balanced = config.class_weights == Some(ClassWeights::Word(Balanced::Balanced));
    let lacks = [
        (config.dp.is_some(), "[train.dp]", "train one by one"),
        (config.early_stopping.is_some(), "train.early_stopping", "give each model its epochs"),
        (balanced, "class_weights = \"balanced\"", "give the classes' weights as numbers"),
        (config.objective_noise > 0.0, "train.objective_noise", "train one by one"),
        (config.coupled.is_some(), "[train.coupled]", "train one by one"),
        (config.keep.is_some(), "train.keep", "train one by one"),
    ];
    lacks.into_iter().find(|(there, ..)| *there).map(|(_, key, mend)| (key, mend))
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
    fn new(session: &mut Session, config: &TrainConfig, (jobs, first): (&[Job<'a>], usize)) -> Result<Stack<'a>> {
        let shared = Fit::new(session, config, 0)?;
        let most = shared.steps_at_once(session);
        let mut lanes = Vec::new();
        for (model, job) in jobs.iter().enumerate() {
            lanes.push(Lane::new(session, &shared, model, job)?);
        }
        Ok(Stack { shared, lanes, first, flying: VecDeque::new(), most })
    }

    /// Compiles what the epochs need, and tells what there is to do.
    fn prepare(&mut self, session: &mut Session, crew: &mut dyn Crew) -> Result<()> {
        for lane in &self.lanes {
            for key in lane.keys(session, self.most)? {
                self.shared.compiled(session, &lane.terms(), &key)?;
            }
        }
        if let Some(lane) = self.lanes.iter().find(|lane| !lane.validation.is_empty()) {
            statistics::prepare_score(session, lane.validated())?;
        }
        for made in self.shared.programs.values() {
            let elements: usize = made.program.recording().outputs.iter().map(|span| span.len).sum();
            session.engine.reserve_readback(elements * self.lanes.len(), IN_FLIGHT)?;
        }
        let steps = self.lanes.iter().map(|lane| lane.steps(session)).collect::<Result<Vec<_>>>()?;
        let done = self.lanes.iter().map(Lane::sent).collect::<Vec<_>>();
        crew.begin(session, self.first, &done.into_iter().zip(steps).collect::<Vec<_>>())
    }

    fn run(mut self, session: &mut Session, crew: &mut dyn Crew) -> Result<()> {
        let in_flight = if session.check_finite { 1 } else { IN_FLIGHT };
        loop {
            while self.flying.len() < in_flight && self.send(session)? {}
            let Some(landed) = self.flying.pop_front() else { break };
            let steps = landed.models.iter().map(Steps::count).sum();
            self.land(session, landed)?;
            crew.stepped(steps);
            self.close_epochs(session, crew)?;
        }
        self.shared.serve(session)?;
        let dispatches = self.shared.dispatches_per_step();
        for (i, lane) in self.lanes.into_iter().enumerate() {
            let trained = lane.trained(session, &self.shared)?;
            crew.ended(session, self.first + i, trained, dispatches)?;
        }
        Ok(())
    }

    /// Ends the epochs whose steps are all done, and begins the next.
    fn close_epochs(&mut self, session: &mut Session, crew: &mut dyn Crew) -> Result<()> {
        let closed: Vec<(usize, EpochReport)> =
            self.lanes.iter_mut().enumerate().filter_map(|(i, lane)| Some((i, lane.close_epoch()?))).collect();
        let scores = self.scores(session, &closed.iter().map(|(i, _)| *i).collect::<Vec<_>>())?;
        for ((i, report), score) in closed.into_iter().zip(scores) {
            let lane = &mut self.lanes[i];
            let mut standing = Standing { job: self.first + i, session, shared: &self.shared, lane };
            let flow = crew.epoch(&mut standing, &report, score)?;
            lane.epochs.push(report);
            match flow {
                Flow::Continue => lane.enter(session)?,
                Flow::Stop => lane.stopped = true,
            }
        }
        Ok(())
    }

    /// The validation records' scores of some models, which have as many of them each.
    fn scores(&self, session: &mut Session, models: &[usize]) -> Result<Vec<Option<Score>>> {
        let asked: Vec<(u32, &[u32])> = models
            .iter()
            .map(|i| (*i as u32, self.lanes[*i].validation))
            .filter(|(_, validation)| !validation.is_empty())
            .collect();
        if asked.is_empty() {
            return Ok(vec![None; models.len()]);
        }
        let alike = asked.iter().all(|(_, list)| list.len() == asked[0].1.len());
        let mut said = match alike {
            true => statistics::score_of_each(session, Part::Validation, &asked)?,
            false => {
                let each = asked.chunks(1).map(|one| statistics::score_of_each(session, Part::Validation, one));
                each.collect::<Result<Vec<_>>>()?.concat()
            }
        }
        .into_iter();
        let score = |i: &usize| if self.lanes[*i].validation.is_empty() { None } else { said.next() };
        Ok(models.iter().map(score).collect())
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
        let steps = grouped(least, self.most);
        let (mut models, mut pieces, mut of) = (Vec::new(), Vec::new(), None);
        for i in &alike {
            let Taken { steps, shapes, inputs } = self.lanes[*i].take(session, steps)?;
            of.get_or_insert(shapes);
            models.push(steps);
            pieces.push(inputs);
        }
        let key = of.ok_or_else(|| Error::internal("a submission of no model"))?;
        self.shared.compiled(session, &self.lanes[alike[0]].terms(), &key)?;
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

/// How many of so many steps one submission takes.
fn grouped(ahead: usize, most: usize) -> usize {
    if ahead >= most { most } else { 1 << ahead.max(1).ilog2() }
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
