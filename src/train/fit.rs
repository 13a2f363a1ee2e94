//! Mini-batch optimisation: a fit, its state and its batches. `advance.rs` takes its steps.

use std::collections::{HashMap, HashSet};

use super::batches::{Batches, Draw};
use super::bounds::Bounds;
use super::config::TrainConfig;
use super::kept::Kept;
use super::noisy::Noisy;
use super::objective_noise::objective_noise;
use super::optimizer::Optimizer;
use super::order::Order;
use super::private::Privacy;
use super::progress::FitState;
use super::ranks::Together;
use super::slices::Stage;
use super::step::{Key, StepProgram};
use super::stopping::Monitor;
use super::taught::Taught;
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::records::objective::Of;
use crate::records::{Part, Records, Session};

/// One part of the objective Σ weight · mean loss; a negative weight ascends.
#[derive(Clone, Copy, Debug)]
pub struct Term<'a> {
    /// Whose mean loss it is.
    pub records: Records<'a>,
    /// Factor on that loss; below 0 it is climbed.
    pub weight: f64,
}

/// A fit under way.
pub struct Fit {
    /// The recipe.
    pub config: TrainConfig,
    /// Records of a step, those of all its micro-batches: the configuration's, or all there are.
    pub(crate) batch_size: usize,
    pub(crate) optimizer: Optimizer,
    pub(crate) seed: u64,
    pub(crate) vectors: Vec<Buf<f32>>,
    pub(crate) state: FitState,
    pub(crate) programs: HashMap<Key, StepProgram>,
    pub(crate) bounds: Option<Bounds>,
    /// What the recipe freezes.
    pub(crate) frozen: Option<Bounds>,
    /// b of an objective with the term bᵀθ / n.
    pub(crate) tilt: Option<Buf<f32>>,
    /// Weight of ‖θ‖₁ in the objective of each epoch.
    pub(crate) l1: Option<Vec<f64>>,
    /// No further steps are sent off once so many have been: the observer wants to see the parameters there.
    pub(crate) pause_at: Option<u64>,
    /// The weights' average, and the best of them.
    pub(crate) kept: Kept,
    /// Answers are right or wrong, so that there is an accuracy.
    pub(crate) counts: bool,
    /// The others that take the steps too.
    pub(crate) together: Option<Together>,
    /// The observer of this process wants to stop, and the others do not know yet.
    pub(crate) wish: bool,
    /// The recipe of a stage, whose epochs are all where there are no slices.
    pub(crate) course: TrainConfig,
    /// The first step of the stage.
    pub(crate) begun: u64,
    /// Records whose places in batches stay empty.
    pub(crate) without: HashSet<u32>,
    /// Noise behind each step.
    pub(crate) noisy: Option<Noisy>,
    /// What terms have in the place of their own loss.
    pub(crate) taught: Taught,
}

/// Names of the optimiser vectors in a session and in a checkpoint.
pub const VECTOR_NAMES: [&str; 2] = ["optimizer.m", "optimizer.v"];

impl Fit {
    /// A fit from its first step, optimiser state zero.
    pub fn new(session: &mut Session, config: &TrainConfig, seed: u64) -> Result<Fit> {
        config.check()?;
        if config.dp.is_some() {
            session.check_private()?;
        }
        if config.coupled.is_some() {
            session.check_coupled()?;
        }
        let optimizer = config.optimizer()?;
        session.check_trainable()?;
        session.set_aim(&config.into())?;
        session.set_augment(config.augment)?;
        if config.early_stopping.is_some_and(|stopping| stopping.monitor == Monitor::Accuracy)
            && !session.objective().of.counts()
        {
            return Err(Error::input(format!(
                "train.early_stopping.monitor = \"accuracy\" is of records with a class each, and the network is \
                 trained for `{}`; use \"loss\"",
                session.objective().name
            )));
        }
        let batch_size = match session.step_records(config.batch_size, &config.fanout)? {
            usize::MAX if config.accumulate > 1 => {
                return Err(Error::input(
                    "train.accumulate adds up batches, and a step over these records takes all of them; set \
                     train.fanout, or leave it out",
                ));
            }
            records => records.saturating_mul(config.accumulate),
        };
        let zeros = vec![0.0; session.model.layout.total()];
        let mut vectors = Vec::new();
        for name in VECTOR_NAMES.iter().take(optimizer.states()) {
            let v = session.vector(name)?;
            session.write_each(v, &zeros)?;
            vectors.push(v);
        }
        let mut tilt = None;
        if config.objective_noise > 0.0 {
            let b = session.vector("objective noise")?;
            session.engine.write(b, &objective_noise(&session.model.layout, seed, config.objective_noise))?;
            tilt = Some(b);
        }
        if config.order == Order::Keyed && session.keys().is_empty() {
            return Err(Error::input(
                "train.order = \"keyed\" takes records that are told apart by what they are called or hold, and these \
                 are not",
            ));
        }
        let course = TrainConfig { epochs: config.stage_epochs(), ..config.clone() };
        let (config, state, programs, bounds) = (config.clone(), FitState::default(), HashMap::new(), None);
        let (l1, pause_at) = (None, None);
        let (kept, frozen) = (Kept::new(session, &config)?, None);
        let mut fit = Fit {
            config,
            batch_size,
            optimizer,
            seed,
            vectors,
            state,
            programs,
            bounds,
            frozen,
            tilt,
            l1,
            pause_at,
            kept,
            counts: session.objective().of.counts(),
            together: None,
            wish: false,
            course,
            begun: 0,
            without: HashSet::new(),
            noisy: None,
            taught: Taught::default(),
        };
        fit.freeze(session)?;
        Ok(fit)
    }

    /// Lets steps move parameters only where `mask` is 1; where it is 0 they keep the bits they have in `origin`:
    /// neither gradient nor decay reaches them, and they gather no momentum. Both have the parameters' layout.
    pub fn restrict(&mut self, mask: Buf<f32>, origin: Buf<f32>) {
        self.bounds = Some(Bounds { mask, origin });
        self.programs.clear();
    }

    /// Adds `weights[e]` · ‖θ‖₁ to the objective of epoch e (from 0; nothing after the last of them): a step's gradient
    /// gets `weights[e]` · sign(θ), sign(0) = 0, before it is clipped. Reported losses are without it, and parameters
    /// that [`Fit::restrict`] holds do not feel it.
    pub fn penalize(&mut self, weights: Vec<f64>) {
        self.l1 = Some(weights);
        self.programs.clear();
    }

    /// Adds noise to the parameters after each step, by the fit's seed and the step's number.
    pub fn blur(&mut self, noisy: Noisy) {
        self.noisy = Some(noisy);
        self.programs.clear();
    }

    /// Pauses after the submission that step `step` is in, if that is not the epoch's last, where the fit comes back
    /// anyway. An observer that asks for a pause at a step that is done gets it when what is in flight is done too:
    /// with short epochs that is their end.
    pub fn pause_at(&mut self, step: Option<u64>) {
        self.pause_at = step;
    }

    /// The weight of ‖θ‖₁ in step `t`; none where the objective has no such term.
    pub(crate) fn l1_weight(&self, t: u64, per_epoch: usize) -> Option<f64> {
        let weights = self.l1.as_ref()?;
        Some(weights.get((t / per_epoch as u64) as usize).copied().unwrap_or(0.0))
    }

    /// Where the fit stands, with the optimiser vectors read back.
    pub fn state(&self, session: &mut Session) -> Result<FitState> {
        let vectors = self.vectors.iter().map(|v| session.engine.read(*v)).collect::<Result<_>>()?;
        let mut state = FitState { vectors, ..self.state.clone() };
        self.kept.read(session, &mut state)?;
        Ok(state)
    }

    /// Continues from a saved state; theta is the session's own affair.
    pub fn restore(&mut self, session: &mut Session, mut state: FitState) -> Result<()> {
        if state.vectors.len() != self.vectors.len() {
            return Err(Error::input("the checkpoint was written by another optimiser"));
        }
        for (to, from) in self.vectors.iter().zip(&state.vectors) {
            session.engine.write(*to, from)?;
        }
        self.kept.restore(session, &mut state)?;
        self.state = FitState { vectors: Vec::new(), ..state };
        Ok(())
    }

    /// Dispatches of one step, the most of any.
    pub fn dispatches_per_step(&self) -> usize {
        let each = self.programs.iter().map(|(key, made)| made.program.recording().dispatches().count() / key.len());
        each.max().unwrap_or(0)
    }

    /// Shapes of submissions that there are programs for.
    pub fn shapes(&self) -> usize {
        self.programs.len()
    }

    /// Steps taken since the start.
    pub fn steps_taken(&self) -> u64 {
        self.state.step
    }

    /// Steps of one epoch over these terms.
    pub fn steps_per_epoch(&self, terms: &[Term]) -> usize {
        match self.config.coupled {
            // As many steps however many records there are.
            Some(coupled) => (coupled.steps / self.config.epochs.max(1) as u64) as usize,
            None => terms[0].records.indices.len().div_ceil(self.batch_size),
        }
    }

    /// What the fit has spent of privacy when all its epochs over these terms are done.
    pub fn privacy(&self, terms: &[Term]) -> Option<Privacy> {
        let (records, per_epoch) = (terms[0].records.indices.len(), self.steps_per_epoch(terms) as u64);
        let epochs = self.config.epochs as u64;
        self.config.dp.map(|dp| dp.spent(&self.config, records, epochs, per_epoch))
    }

    pub(crate) fn batches(
        &self,
        session: &Session,
        state: &FitState,
        terms: &[Term],
        stage: &Option<Stage>,
    ) -> Batches {
        let indices = terms[0].records.indices;
        match (self.draws_records(), self.config.coupled) {
            (true, _) => return Batches::drawn(state, self.batch_size, self.seed, indices),
            (false, Some(_)) => return Batches::subsets(state, self.batch_size, self.seed, indices),
            (false, None) => {}
        }
        let (index, begun) = stage.as_ref().map_or((0, 0), |stage| (stage.index as u32, stage.first));
        let keys = (self.config.order == Order::Keyed).then(|| session.keys());
        let draw = Draw { seed: self.seed, stage: index, begun, keys };
        Batches::new(state, self.batch_size, draw, terms).without(&self.without)
    }

    /// # Errors
    /// An empty set; a private fit of more than one.
    pub(crate) fn check_terms(&self, session: &Session, terms: &[Term]) -> Result<()> {
        if terms.is_empty() || terms.iter().any(|t| t.records.indices.is_empty()) {
            return Err(Error::input("there is nothing to train on: the set of records is empty"));
        }
        if terms.iter().any(|t| matches!(t.records.part, Part::Read(_))) {
            return Err(Error::internal("the Read part, test records among it, cannot be trained on"));
        }
        let (alone, records) =
            (self.config.dp.is_some() || self.config.coupled.is_some(), terms[0].records.indices.len());
        match self.config.coupled {
            _ if alone && terms.len() > 1 => {
                Err(Error::internal("private and coupled training have one set of records"))
            }
            _ if alone && session.objective().of == Of::Tokens => Err(Error::input(
                "train.dp and train.coupled clip gradients of records that are one row each, and the records are \
                 texts; leave them out",
            )),
            Some(_) if records < self.config.batch_size => Err(Error::input(format!(
                "train.coupled draws train.batch_size = {} distinct records for a step, and there are {records}; lower \
                    it",
                self.config.batch_size
            ))),
            _ => Ok(()),
        }
    }

    /// Steps recorded into one submission. Parts of a graph, texts and drawn batches differ in size, so that groups of
    /// them would never recur.
    pub(crate) fn steps_at_once(&self, session: &Session) -> usize {
        // Iterates, or what steps add, are kept, for which steps must be single.
        let kept = self.config.coupled.is_some() || self.config.deltas.is_some();
        if session.check_finite || session.ragged() || self.draws_records() || kept {
            1
        } else {
            (self.config.steps_per_submission / self.config.accumulate).max(1)
        }
    }

    /// Micro-batches of a step over so many records.
    pub(crate) fn micro_batches(&self, records: usize) -> usize {
        if self.config.accumulate == 1 { 1 } else { records.div_ceil(self.config.batch_size).max(1) }
    }
}
