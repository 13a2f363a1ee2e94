//! Trainings as models of one stack.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::longer::unfinish;
use super::running::BETWEEN_CHECKPOINTS;
use super::{Event, TrainJob, TrainOptions};
use crate::data::{Known, Training};
use crate::engine::{Engine, Traffic};
use crate::error::{Error, Result};
use crate::records::{Session, Source};
use crate::run::info::{RunInfo, TrafficInfo};
use crate::run::results::AdapterSummary;
use crate::run::variants;
use crate::run::written::{EpochLine, finish, kept_lines};
use crate::statistics::Score;
use crate::train::stack::{Crew, Job, Standing, Trained, fit_stacks};
use crate::train::{EpochReport, FitState, Flow, Keeping};

/// Trains them, and writes each one's folder when its stack is done. An interruption ends each at the end of its epoch
/// with a checkpoint; whoever goes on after a kill takes up what was saved last.
///
/// # Errors
/// As [`TrainJob::train`].
pub(super) fn train(
    engine: &mut Engine,
    jobs: &[(usize, &TrainJob)],
    options: TrainOptions,
    watch: &mut dyn FnMut(usize, Event),
) -> Result<Vec<(usize, RunInfo)>> {
    let (trainings, places) = beside(jobs);
    let joined = match trainings.len() {
        1 => trainings.into_iter().next(),
        _ => Training::joined(&trainings),
    };
    let source = joined.ok_or_else(|| Error::internal("the records of a stack are not alike"))?;
    let (mut begins, mut members) = (Vec::new(), Vec::new());
    for (number, job) in jobs {
        let (begin, member) = Member::of((*number, job), engine, options)?;
        begins.push(begin);
        members.push(member);
    }
    let models = begins.iter().zip(&places).zip(jobs);
    let models: Vec<Job> = models
        .map(|((begin, place), (_, job))| Job {
            indices: &place.indices,
            seed: job.config.seed,
            lr: None,
            start: &begin.theta,
            validation: &place.validation,
            state: begin.state.clone(),
        })
        .collect();
    let first = jobs[0].1;
    let adapter = AdapterSummary::of(engine);
    engine.take_kernels();
    engine.take_peak();
    let (mark, began) = (engine.traffic(), Instant::now());
    let mut crew =
        Members { members, options, watch, adapter, planned: 0, of: 1, began, mark, moved: 0, done: Vec::new() };
    let source = Source::new(source, None);
    let made = fit_stacks(engine, &first.model, &source, &first.config.train, &models, &mut crew);
    made.and_then(|()| crew.stopped().map_or(Ok(()), Err)).inspect_err(|_| crew.discard())?;
    Ok(crew.done)
}

/// A model's records among those of all, and those that it is scored by.
struct Place {
    indices: Vec<u32>,
    validation: Vec<u32>,
}

/// The data of the trainings, each once, and where each one's are among those of all.
fn beside<'a>(jobs: &[(usize, &'a TrainJob)]) -> (Vec<Training<'a>>, Vec<Place>) {
    let (mut all, mut known): (Vec<Training>, Vec<(&str, u32, u32)>) = (Vec::new(), Vec::new());
    let (mut trained, mut scored) = (0, 0);
    let mut places = Vec::new();
    for (_, job) in jobs {
        let found = known.iter().find(|(hash, ..)| *hash == job.data_sha256).copied();
        let (_, first, first_scored) = found.unwrap_or_else(|| {
            let (training, here) = (job.data.training(), (job.data_sha256.as_str(), trained, scored));
            trained += job.data.train_ids().len() as u32;
            scored += validation(&training).len() as u32;
            all.push(training);
            known.push(here);
            here
        });
        let shifted = |ids: Vec<u32>, by: u32| ids.into_iter().map(|id| id + by).collect();
        let validation = shifted(validation(&job.data.training()), first_scored);
        places.push(Place { indices: shifted(job.data.train_ids(), first), validation });
    }
    (all, places)
}

fn validation(training: &Training) -> Vec<u32> {
    match training.known() {
        Known::Rows { validation, .. } => (0..validation.len() as u32).collect(),
        Known::Nodes(seen) | Known::Graphs(seen, _) => seen.validation.to_vec(),
        Known::Links(..) => Vec::new(),
    }
}

/// What a model begins with.
struct Begin {
    theta: Vec<f32>,
    state: Option<FitState>,
}

/// A training in a stack.
struct Member<'a> {
    number: usize,
    job: &'a TrainJob,
    lines: Vec<EpochLine>,
    keeping: Keeping,
    epoch_began: Instant,
    saved_at: Instant,
}

impl<'a> Member<'a> {
    fn of((number, job): (usize, &'a TrainJob), engine: &Engine, options: TrainOptions) -> Result<(Begin, Member<'a>)> {
        let fresh = || job.theta.clone().unwrap_or_else(|| job.model.init(job.config.seed));
        let (begin, lines, step) = match job.checkpoint(engine.precision(), options.resume)? {
            None => (Begin { theta: fresh(), state: None }, Vec::new(), 0),
            Some(saved) => {
                let lines = kept_lines(&job.folder, saved.fit.epoch, &saved.metrics_sha256)?;
                let step = saved.fit.step;
                (Begin { theta: saved.theta, state: Some(saved.fit) }, lines, step)
            }
        };
        let keeping = Keeping::of(&job.config.train, &job.kept_until(step));
        let now = Instant::now();
        Ok((begin, Member { number, job, lines, keeping, epoch_began: now, saved_at: now }))
    }
}

/// All of them, and who hears of it.
struct Members<'a, 'w> {
    members: Vec<Member<'a>>,
    options: TrainOptions<'w>,
    watch: &'w mut dyn FnMut(usize, Event),
    adapter: AdapterSummary,
    /// Of the stack under way: its memory, its models, when it began, and the traffic until then and since.
    planned: u64,
    of: usize,
    began: Instant,
    mark: Traffic,
    moved: u64,
    done: Vec<(usize, RunInfo)>,
}

impl Members<'_, '_> {
    fn interrupted(&self) -> bool {
        self.options.interrupted.load(Ordering::Relaxed)
    }

    /// The interruption, where it came before all were done.
    fn stopped(&self) -> Option<Error> {
        let left = self.members.len() - self.done.len();
        (left > 0).then(|| {
            Error::Interrupted(format!("interrupted; {left} models of a stack are saved at the ends of their epochs"))
        })
    }

    /// Leaves nothing of those that cannot be gone on with.
    fn discard(&self) {
        let finished = |member: &&Member| self.done.iter().any(|(number, _)| *number == member.number);
        let left = self.members.iter().filter(|member| !finished(member));
        left.filter(|member| !member.job.folder.checkpoint().exists()).for_each(|member| member.job.folder.discard());
    }
}

impl Crew for Members<'_, '_> {
    fn check_finite(&self) -> bool {
        self.options.check_finite
    }

    fn begin(&mut self, session: &mut Session, first: usize, steps: &[(u64, u64)]) -> Result<()> {
        if self.interrupted() {
            return Err(Error::Interrupted("interrupted; the models behind this stack were not begun".into()));
        }
        (self.planned, self.of) = (session.engine.take_peak(), steps.len());
        let traffic = session.engine.traffic();
        self.moved = traffic.up - self.mark.up;
        (self.mark, self.began) = (traffic, Instant::now());
        for member in &mut self.members[first..first + steps.len()] {
            member.job.hold.begin(&member.job.digest)?;
            unfinish(&member.job.folder)?;
            (member.epoch_began, member.saved_at) = (self.began, self.began);
        }
        let sum = |of: fn(&(u64, u64)) -> u64| steps.iter().map(of).sum();
        let (done, steps) = (sum(|s| s.0), sum(|s| s.1));
        let number = self.members[first].number;
        let begun = Event::Stack { models: self.of, done, steps, planned_bytes: self.planned };
        (self.watch)(number, begun);
        Ok(())
    }

    fn smaller(&mut self, models: usize, what: &str) {
        let told = format!("{what} is too large for the stack; {models} models go into one");
        (self.watch)(self.members[0].number, Event::Told(&told));
    }

    fn stepped(&mut self, steps: usize) {
        (self.watch)(self.members[0].number, Event::Stepped(steps));
    }

    fn epoch(&mut self, at: &mut Standing, report: &EpochReport, score: Option<Score>) -> Result<Flow> {
        let precision = at.precision();
        // As many files as one training alone would write.
        let every = BETWEEN_CHECKPOINTS * self.of as u32;
        let member = &mut self.members[at.job];
        let seconds = std::mem::replace(&mut member.epoch_began, Instant::now()).elapsed();
        let EpochReport { epoch, step, loss, accuracy, lr, .. } = *report;
        let seconds = share(seconds, self.of);
        let line = EpochLine { epoch, step, loss, accuracy, lr, validation: score, seconds };
        member.lines.push(line);
        (self.watch)(member.number, Event::Epoch(&line));
        let interrupted = self.options.interrupted.load(Ordering::Relaxed);
        if member.keeping.takes(at.fit()) {
            let (theta, state) = at.read()?;
            member.job.keep(&theta, &state, precision)?;
            at.take_up(&theta, &state)?;
        }
        let last = self.options.keep_checkpoint && epoch == member.job.config.train.epochs;
        if last || interrupted || member.saved_at.elapsed() >= every {
            member.job.save(at.read()?, &member.lines, precision)?;
            member.saved_at = Instant::now();
        }
        Ok(if interrupted { Flow::Stop } else { Flow::Continue })
    }

    fn ended(&mut self, session: &mut Session, at: usize, trained: Trained, dispatches: usize) -> Result<()> {
        let member = &self.members[at];
        let job = member.job;
        if member.lines.len() < job.config.train.epochs {
            return Ok(());
        }
        let now = session.engine.traffic();
        let steps = (trained.state.step * self.of as u64).max(1) as f64;
        let traffic = TrafficInfo {
            up_before_start: self.moved / self.of as u64,
            up_per_step: (now.up - self.mark.up) as f64 / steps,
            down_per_step: (now.down - self.mark.down) as f64 / steps,
        };
        let info = RunInfo {
            epochs: member.lines.len(),
            steps: trained.state.step,
            planned_gpu_bytes: self.planned,
            traffic,
            seconds: share(self.began.elapsed(), self.of),
            dispatches_per_step: dispatches,
            variants: variants::ran(session.engine),
            ..job.info(self.adapter.clone())
        };
        let keep = self.options.keep_checkpoint;
        let info = finish(&job.folder, &job.config, &job.model, &trained.theta, &member.lines, info, keep)?;
        self.done.push((member.number, info));
        Ok(())
    }
}

/// A model's share of a stack's time.
fn share(of: Duration, models: usize) -> f64 {
    of.as_secs_f64() / models as f64
}
