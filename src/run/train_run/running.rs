//! A run between its first and last step: what it tells, when it saves, how it is interrupted.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Event, TrainJob, TrainOptions};
use crate::engine::Traffic;
use crate::error::{Error, Result};
use crate::records::{Part, Records, Session};
use crate::run::first_step::FirstStep;
use crate::run::train_run::storing::Storing;
use crate::run::written::EpochLine;
use crate::statistics;
use crate::train::coupled::Trace;
use crate::train::{EpochReport, Fit, Flow, Keeping, Observer, StepReport, Term, train_to_end};

/// Least time between the checkpoints that are written because an epoch ended.
pub(super) const BETWEEN_CHECKPOINTS: Duration = Duration::from_secs(1);

/// Bytes up and down during the steps of this process.
#[derive(Clone, Copy, Default)]
pub(super) struct Moved {
    pub up: u64,
    pub down: u64,
    pub steps: u64,
}

impl Moved {
    pub fn per_step(&self, bytes: u64) -> f64 {
        if self.steps == 0 { 0.0 } else { bytes as f64 / self.steps as f64 }
    }
}

/// A run between its first and last step.
pub(super) struct Running<'a> {
    pub job: &'a TrainJob,
    pub options: TrainOptions<'a>,
    pub terms: [Term<'a>; 1],
    pub validation: Vec<u32>,
    pub lines: Vec<EpochLine>,
    /// Step of the last checkpoint.
    pub saved: u64,
    pub moved: Moved,
    /// Of a coupled training.
    pub trace: Option<Trace>,
    /// The next step whose iterate is kept.
    pub traced: Option<u64>,
    /// What came before the first step; taken when it is done.
    pub first: Option<FirstStep>,
    /// The whole of it, then.
    pub reached: Option<FirstStep>,
    /// When the steps began.
    pub sent: Instant,
    /// The engine's traffic when the steps went on.
    pub mark: Traffic,
    pub epoch_began: Instant,
    /// Time of the last checkpoint.
    pub kept_at: Instant,
    /// Which checkpoints stay.
    pub keeping: Keeping,
    /// Which steps are kept.
    pub storing: Storing,
    pub watch: &'a mut dyn FnMut(Event),
}

impl Observer for Running<'_> {
    fn step(&mut self, report: &StepReport) -> bool {
        self.moved.steps += 1;
        if let Some(first) = self.first.take() {
            let reached = first.reached(self.job.began, self.sent);
            self.reached = Some(reached);
            (self.watch)(Event::FirstStep(reached));
        }
        (self.watch)(Event::Step(report));
        let due = self.pause().is_some_and(|step| report.step >= step);
        !due && !self.options.interrupted.load(Ordering::Relaxed)
    }

    fn epoch(&mut self, session: &mut Session, fit: &mut Fit, report: &EpochReport) -> Result<Flow> {
        self.count_traffic(session);
        let line = self.close(session, fit, report, self.epoch_began.elapsed().as_secs_f64())?;
        self.epoch_began = Instant::now();
        (self.watch)(Event::Epoch(&line));
        // Epochs of a few milliseconds would wait for the disk most of the time.
        let last = self.lines.len() == self.job.config.train.epochs || fit.stopped();
        let due = self.due().is_some_and(|step| report.step >= step);
        self.keep_here(session, fit)?;
        self.keep(session, fit, due || last || self.kept_at.elapsed() >= BETWEEN_CHECKPOINTS)
    }

    fn paused(&mut self, session: &mut Session, fit: &mut Fit) -> Result<Flow> {
        self.count_traffic(session);
        self.keep_here(session, fit)?;
        let due = self.due().is_some_and(|step| fit.steps_taken() >= step);
        self.keep(session, fit, due)
    }
}

impl Running<'_> {
    /// Trains to the end, or until Ctrl-C.
    pub fn train(&mut self, session: &mut Session, fit: &mut Fit) -> Result<u64> {
        let terms = self.terms;
        (self.mark, self.epoch_began, self.kept_at) = (session.engine.traffic(), Instant::now(), Instant::now());
        self.storing.look(session, fit, &self.job.folder)?;
        self.follow(session, fit)?;
        self.sent = Instant::now();
        train_to_end(fit, session, &terms, self)
    }

    /// The step after which `checkpoint_steps` wants a checkpoint.
    fn due(&self) -> Option<u64> {
        let every = self.job.config.train.checkpoint_steps;
        (every > 0).then(|| self.saved.saturating_add(every))
    }

    /// The next step at which parameters are wanted within an epoch.
    fn pause(&self) -> Option<u64> {
        [self.due(), self.traced, self.keeping.due(), self.storing.wanted()].into_iter().flatten().min()
    }

    /// Keeps the iterate of a coupled training, if it is one of those, and asks for the next pause.
    fn follow(&mut self, session: &mut Session, fit: &mut Fit) -> Result<()> {
        let step = fit.steps_taken();
        if let Some(trace) = &mut self.trace {
            if trace.wants(step) {
                trace.pass(step, &session.read_theta()?);
            }
            self.traced = Some(trace.next_kept(step));
        }
        fit.pause_at(self.pause());
        Ok(())
    }

    /// Writes what stays: of the step that ended here, and a checkpoint, where the recipe keeps one.
    fn keep_here(&mut self, session: &mut Session, fit: &mut Fit) -> Result<()> {
        self.storing.look(session, fit, &self.job.folder)?;
        if !self.keeping.takes(fit) {
            return Ok(());
        }
        let (theta, state) = (session.read_theta()?, fit.state(session)?);
        self.job.keep(&theta, &state, session.engine.precision())?;
        fit.take_up(session, &theta, state)
    }

    /// Adds what the steps since the mark have moved.
    fn count_traffic(&mut self, session: &Session) {
        let now = session.engine.traffic();
        self.moved.up += now.up - self.mark.up;
        self.moved.down += now.down - self.mark.down;
    }

    /// Saves if it is due or Ctrl-C was pressed, which ends the run.
    fn keep(&mut self, session: &mut Session, fit: &mut Fit, due: bool) -> Result<Flow> {
        let interrupted = self.options.interrupted.load(Ordering::Relaxed);
        self.follow(session, fit)?;
        if due || interrupted {
            self.save(session, fit)?;
            self.kept_at = Instant::now();
        }
        fit.pause_at(self.pause());
        if interrupted {
            return Err(Error::Interrupted(format!(
                "interrupted; the state after step {} is saved in {}",
                self.saved,
                self.job.folder.path.display()
            )));
        }
        self.mark = session.engine.traffic();
        Ok(Flow::Continue)
    }

    /// Holds what validation needs; it runs after the first epoch.
    pub fn prepare(&self, session: &mut Session) -> Result<()> {
        match self.validation.is_empty() {
            true => Ok(()),
            false => statistics::prepare_score(session, Records { part: Part::Validation, indices: &self.validation }),
        }
    }

    fn close(&mut self, session: &mut Session, fit: &Fit, report: &EpochReport, seconds: f64) -> Result<EpochLine> {
        let validation = fit.validate(session, &self.validation)?;
        let EpochReport { epoch, step, loss, accuracy, lr, .. } = *report;
        let line = EpochLine { epoch, step, loss, accuracy, lr, validation, seconds };
        self.lines.push(line);
        Ok(line)
    }

    fn save(&mut self, session: &mut Session, fit: &mut Fit) -> Result<()> {
        let saved = (session.read_theta()?, fit.state(session)?);
        if let Some(trace) = &mut self.trace {
            trace.write_pages(&self.job.folder.path)?;
        }
        self.saved = saved.1.step;
        self.job.save(saved, &self.lines, session.engine.precision())
    }
}
