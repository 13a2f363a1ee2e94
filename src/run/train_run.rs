//! `unlearn train`: from a configuration to a RUN folder, resumable at any moment.

use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::config::{Config, Loaded};
use super::evidence::{self, Evidence, Marks};
use super::first_step::FirstStep;
use super::folder::{RunFolder, State};
use super::hold::Hold;
use super::info::{DataInfo, Origin, RunInfo, SCHEMA, Stopping, TrafficInfo};
use super::refit::base;
use super::results::AdapterSummary;
use super::variants;
use super::written::{EpochLine, another_configuration, finish, kept_lines};
use crate::data::Dataset;
use crate::engine::{Engine, Traffic};
use crate::error::{Error, Result};
use crate::nn::Model;
use crate::records::{Part, Records, Session};
use crate::train::checkpoint::Checkpoint;
use crate::train::coupled::Trace;
use crate::train::{Fit, Keeping, Ranks, StepReport, Term};
use longer::{Longer, unfinish};
use running::{Moved, Running};
use storing::Storing;

pub use together::train_together;

mod longer;
mod running;
mod saved;
mod stacked;
mod storing;
mod together;

/// What a caller hears while a run is under way.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The memory is held and the steps are compiled; so many steps are done of so many.
    Start {
        /// Steps done before, by the run that is resumed.
        done: u64,
        /// Steps of the whole run.
        steps: u64,
        /// GPU memory held.
        planned_bytes: u64,
        /// Checkpoints that stay in the folder, at most, and the bytes of all of them.
        kept: (u64, u64),
        /// Steps that stay in the folder, and the bytes of all of them.
        deltas: (u64, u64),
    },
    /// The first step of this process is done.
    FirstStep(FirstStep),
    /// A step is done.
    Step(&'a StepReport),
    /// An epoch is done.
    Epoch(&'a EpochLine),
    /// As `Start`, of several models in one stack: their steps added up.
    Stack {
        /// How many models.
        models: usize,
        /// Steps done before, by the runs that are resumed.
        done: u64,
        /// Steps of all of them.
        steps: u64,
        /// GPU memory held.
        planned_bytes: u64,
    },
    /// So many steps more of a stack are done.
    Stepped(usize),
    /// How models are trained, and why not otherwise.
    Told(&'a str),
}

/// How a run is carried out; nothing here changes its result.
#[derive(Clone, Copy, Debug)]
pub struct TrainOptions<'a> {
    /// Go on from the folder's checkpoint.
    pub resume: bool,
    /// Leave the last checkpoint in the folder.
    pub keep_checkpoint: bool,
    /// Look for NaN and Inf after every dispatch.
    pub check_finite: bool,
    /// Set by Ctrl-C: save and stop.
    pub interrupted: &'a AtomicBool,
    /// The processes that train together, this one among them.
    pub ranks: Option<&'a Rc<dyn Ranks>>,
}

/// A configuration with its data and network, ready to be trained into a folder.
pub struct TrainJob {
    /// As resolved.
    pub config: Config,
    /// As loaded.
    pub data: Dataset,
    /// The network.
    pub model: Model,
    /// Where results go.
    pub folder: RunFolder,
    /// Who trains, and why.
    pub marks: Marks,
    began: Instant,
    load_s: f64,
    digest: String,
    data_sha256: String,
    base_sha256: Option<String>,
    /// Where training starts, if not from fresh weights.
    theta: Option<Vec<f32>>,
    /// The shorter training that this one goes on from.
    longer: Option<Longer>,
    /// Nobody else writes there meanwhile.
    hold: Hold,
}

impl TrainJob {
    /// Reads everything and refuses what cannot be trained, before anything is written. `None`: resumed, and finished.
    ///
    /// # Errors
    /// Bad data or configuration, a folder that already holds a run, a resumed run of another configuration.
    pub fn prepare(loaded: Loaded, out: &Path, resume: bool) -> Result<Option<TrainJob>> {
        TrainJob::of(loaded, out, resume, false)
    }

    /// As [`TrainJob::prepare`] for a folder to go on with, where a schedule that was laid out over fewer epochs may be
    /// stretched over more.
    ///
    /// # Errors
    /// As [`TrainJob::prepare`].
    pub fn resume(loaded: Loaded, out: &Path, stretch: bool) -> Result<Option<TrainJob>> {
        TrainJob::of(loaded, out, true, stretch)
    }

    fn of(mut loaded: Loaded, out: &Path, resume: bool, stretch: bool) -> Result<Option<TrainJob>> {
        let began = Instant::now();
        let folder = RunFolder::new(out);
        let mut hold = folder.claim("train", resume)?;
        let (data, model) = loaded.build()?;
        let mut config = loaded.config;
        let longer = if resume { Longer::of(&folder, &mut config, stretch)? } else { None };
        if let (Some(longer), None) = (&longer, &hold) {
            hold = Some(longer.reopen(&folder, &folder.read_info()?)?);
        }
        let digest = config.train_digest()?;
        let Some(hold) = hold else {
            let info = folder.read_info()?;
            if info.origin == Origin::Imported && info.forget.is_none() {
                return Err(Error::input(format!(
                    "--resume: {} was written by `unlearn import`, and there is no training to go on with; train from \
                     its weights by `init` in a configuration, into another folder",
                    folder.path.display()
                )));
            }
            return match (&info.forget, info.config_sha256 == digest) {
                (None, true) => {
                    folder.check(&info)?;
                    info.evidence.check_data(&folder.path, &data)?;
                    Ok(None)
                }
                (None, false) => Err(another_configuration(&folder, &config)),
                (Some(_), _) => Err(Error::input(format!(
                    "--resume: {} was written by `unlearn forget`; continue the folder of a training",
                    folder.path.display()
                ))),
            };
        };
        // A checkpoint says itself what it belongs to.
        let unlike = hold.left().is_none_or(|left| left.digest != digest);
        if folder.state() == State::Begun && !folder.checkpoint().exists() && unlike {
            return Err(another_configuration(&folder, &config));
        }
        let theta = base(&config, &model)?;
        let base_sha256 = config.init.as_deref().map(evidence::hash_of).transpose()?;
        let (data_sha256, marks) = (data.sha256(), Marks::default());
        let load_s = began.elapsed().as_secs_f64();
        Ok(Some(TrainJob {
            config,
            data,
            model,
            folder,
            marks,
            began,
            load_s,
            digest,
            data_sha256,
            base_sha256,
            theta,
            longer,
            hold,
        }))
    }

    /// Trains to the end and writes the folder. Without a checkpoint to continue from, an error leaves nothing in it.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after a checkpoint was saved; a loss that is not finite; memory over the budget.
    pub fn train(&self, engine: &mut Engine, options: TrainOptions, watch: &mut dyn FnMut(Event)) -> Result<RunInfo> {
        self.run(engine, options, watch).inspect_err(|_| {
            if !self.folder.checkpoint().exists() {
                self.folder.discard();
            }
        })
    }

    fn run(&self, engine: &mut Engine, options: TrainOptions, watch: &mut dyn FnMut(Event)) -> Result<RunInfo> {
        let adapter = AdapterSummary::of(engine);
        let before = engine.traffic();
        engine.take_kernels();
        engine.must_hold("theta", self.model.layout.total())?;
        engine.take_peak();
        let theta = self.theta.clone().unwrap_or_else(|| self.model.init(self.config.seed));
        let mut session =
            Session::of(engine, &self.model, &self.data, None, &theta)?.trained_for(&self.config.train)?;
        session.check_finite = options.check_finite;
        let mut fit = Fit::new(&mut session, &self.config.train, self.config.seed)?;
        if let Some(ranks) = options.ranks {
            fit.share(&session, ranks.clone())?;
        }
        let saved = self.continue_from(&mut session, &mut fit, options.resume)?;
        let everything = self.data.train_ids();
        let trace = self.trace(&theta, everything.len(), &saved)?;
        let terms = [Term { records: Records::train(&everything), weight: 1.0 }];
        let storing = Storing::of(&self.config, &self.data, (&session, &fit, &terms[..]), saved.step)?;
        if storing.wanted().is_some() && options.ranks.is_some() {
            return Err(Error::input("train.deltas does not go with --data-parallel; leave one out"));
        }
        let mut running = Running {
            job: self,
            options,
            terms,
            validation: session.ids(Part::Validation),
            lines: kept_lines(&self.folder, saved.epoch, &saved.metrics_sha256)?,
            saved: saved.step,
            moved: Moved::default(),
            trace,
            traced: None,
            first: None,
            reached: None,
            sent: Instant::now(),
            mark: Traffic::default(),
            epoch_began: Instant::now(),
            kept_at: Instant::now(),
            keeping: Keeping::of(&self.config.train, &self.kept_until(saved.step)),
            storing,
            watch,
        };
        fit.prepare(&mut session, &running.terms)?;
        running.prepare(&mut session)?;
        // What compiling takes for a moment counts: a budget of this very number is enough, and one byte less is not.
        let planned_gpu_bytes = session.engine.take_peak();
        let up_before_start = session.engine.traffic().up - before.up;
        let steps = fit.steps(&session, &running.terms)?;
        let count = self.config.train.kept(steps);
        let kept = (count, count * fit.checkpoint_bytes(&session));
        let deltas = running.storing.planned();
        (running.watch)(Event::Start { done: saved.step, steps, planned_bytes: planned_gpu_bytes, kept, deltas });
        self.hold.begin(&self.digest)?;
        unfinish(&self.folder)?;
        running.storing.begin(&self.folder)?;
        let first = fit.steps_at_once(&session).min(fit.steps_per_epoch(&running.terms));
        running.first = Some(FirstStep::before(session.engine, self.load_s, first));
        let start = Instant::now();
        running.train(&mut session, &mut fit)?;
        if let Some(step) = running.storing.wanted() {
            return Err(Error::internal(format!("train.deltas: the training was not seen after step {step}")));
        }
        let seconds = start.elapsed().as_secs_f64();
        let moved = running.moved;
        let traffic = TrafficInfo {
            up_before_start,
            up_per_step: moved.per_step(moved.up),
            down_per_step: moved.per_step(moved.down),
        };
        let theta = session.read_theta()?;
        if let Some(trace) = &mut running.trace {
            trace.save(&self.folder.path)?;
        }
        let info = RunInfo {
            epochs: running.lines.len(),
            steps: fit.steps_taken(),
            stopping: fit.best_epoch().map(|epoch| Stopping { epoch, readings: running.lines.len() }),
            planned_gpu_bytes,
            traffic,
            seconds,
            first_step: running.reached,
            dispatches_per_step: fit.dispatches_per_step(),
            variants: variants::ran(session.engine),
            privacy: fit.privacy(&running.terms),
            ..self.info(adapter)
        };
        finish(&self.folder, &self.config, &self.model, &theta, &running.lines, info, options.keep_checkpoint)
    }

    /// What its records take on the host.
    pub fn host_bytes(&self) -> u64 {
        let parts = [&self.data.train, &self.data.validation, &self.data.test];
        4 * parts.iter().map(|samples| samples.x.len() as u64).sum::<u64>()
    }

    /// What its bytes depend on, in words.
    pub fn like(&self, engine: &Engine) -> String {
        let AdapterSummary { name, driver, precision, .. } = AdapterSummary::of(engine);
        let base = self.base_sha256.as_deref().unwrap_or("none");
        let version = env!("CARGO_PKG_VERSION");
        let precision = precision.word();
        format!(
            "{name} ({driver}), {precision}, unlearn {version}, data {}, recipe {}, base {base}",
            self.data_sha256, self.digest
        )
    }

    /// The facts that are known before training.
    fn info(&self, adapter: AdapterSummary) -> RunInfo {
        RunInfo {
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            adapter,
            variants: Default::default(),
            seed: self.config.seed,
            data: DataInfo::of(&self.data),
            parameters: self.model.layout.count(),
            epochs: self.config.train.epochs,
            steps: 0,
            dispatches_per_step: 0,
            planned_gpu_bytes: 0,
            traffic: TrafficInfo::default(),
            seconds: 0.0,
            first_step: None,
            model_sha256: String::new(),
            config_sha256: self.digest.clone(),
            privacy: None,
            stopping: None,
            forget: None,
            ensemble: None,
            origin: Origin::Trained,
            imported: None,
            evidence: Evidence {
                base_sha256: self.base_sha256.clone(),
                ..Evidence::of(&self.marks, &self.data_sha256)
            },
            run_sha256: String::new(),
        }
    }

    /// The trace of a coupled training from `start` on, as far as it had come.
    fn trace(&self, start: &[f32], records: usize, at: &Position) -> Result<Option<Trace>> {
        if self.config.train.coupled.is_none() {
            return Ok(None);
        }
        let mut trace = Trace::begin(&self.config.train, self.config.seed, records, start)?;
        if at.step > 0 {
            trace.resume(&self.folder.path, at.step)?;
        }
        Ok(Some(trace))
    }

    /// The steps of the checkpoints that stay, up to where a training goes on; later ones are of another process.
    fn kept_until(&self, step: u64) -> Vec<u64> {
        self.folder.kept_steps().into_iter().filter(|kept| *kept <= step).collect()
    }

    /// Puts the checkpoint's state back, if there is one to resume from.
    fn continue_from(&self, session: &mut Session, fit: &mut Fit, resume: bool) -> Result<Position> {
        let Some(checkpoint) = self.checkpoint(session.engine.precision(), resume)? else {
            return Ok(Position::default());
        };
        session.write_theta(&checkpoint.theta)?;
        let Checkpoint { metrics_sha256, .. } = checkpoint;
        let at = Position { epoch: checkpoint.fit.epoch, step: checkpoint.fit.step, metrics_sha256 };
        fit.restore(session, checkpoint.fit)?;
        Ok(at)
    }
}

/// How far a run had come.
#[derive(Default)]
struct Position {
    epoch: usize,
    step: u64,
    metrics_sha256: String,
}
