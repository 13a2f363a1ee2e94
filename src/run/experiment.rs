//! An experiment: train the original, forget by every method, retrain as the reference, compare.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::config::{Config, ForgetConfig, Loaded};
use super::curve::{Curve, CurvePoint, Phase};
use super::effect::Effect;
use super::evidence::Marks;
use super::forget_run::refitted;
use super::reading::{Reading, evaluate};
use super::refit::{Refit, base};
use super::results::{Provenance, RequestSummary, Row, RowKind};
use super::stage::{Stage, apply};
use super::target::Target;
use crate::base::utc_now;
use crate::data::{Absent, Dataset, Origins};
use crate::engine::{Engine, Ran};
use crate::error::{Error, Result};
use crate::methods::{self, Account, MethodRow, Past, Role};
use crate::nn::Model;
use crate::records::{Part, Records, Session};
use crate::train::{Fit, Term, train_to_end};

mod rows;
pub mod search;
mod together;
mod watch;

use watch::{OriginalWatch, interrupted};

/// What a caller hears while experiments run.
#[derive(Clone, Copy, Debug)]
pub enum Stride<'a> {
    /// Experiment so many of so many begins.
    Begin {
        /// Name of the experiment.
        name: &'a str,
        /// From 1.
        number: usize,
        /// How many there are.
        of: usize,
    },
    /// A model is about to be trained or to forget.
    Stage {
        /// What is trained, or which method forgets.
        label: &'a str,
        /// From 1.
        number: usize,
        /// How many there are.
        of: usize,
    },
}

/// What the experiments came to.
#[derive(Debug, Default)]
pub struct Findings {
    /// Every row of every experiment.
    pub rows: Vec<Row>,
    /// Of each experiment: the training of its first original, and what came after it.
    pub curves: Vec<Curve>,
    /// Name and resolved configuration of each experiment.
    pub configs: Vec<(String, String)>,
}

/// A trained original.
struct Original {
    /// Digest of what it depends on: experiments that differ by their request alone share it.
    digest: String,
    seed: u64,
    theta: Vec<f32>,
    /// Where it was trained alone.
    seconds: Option<f64>,
    kernels: Vec<Ran>,
    points: Vec<CurvePoint>,
}

/// A model to be scored, or why there is none.
struct Candidate {
    kind: RowKind,
    method: &'static str,
    /// The row of the registry; none for the original.
    row: Option<&'static MethodRow>,
    /// Of the weights that it came from.
    effect: Effect,
    settings: serde_json::Value,
    seed: u64,
    /// Those that making it ran.
    kernels: Vec<Ran>,
    /// Made in a stack: its seconds are no cost of one that is made alone.
    stacked: bool,
    made: Result<(Vec<f32>, Account), String>,
}

/// An experiment whose data are loaded and whose network is built.
pub struct Ready {
    pub(super) name: String,
    pub(super) config: Config,
    forget: ForgetConfig,
    data: Dataset,
    model: Model,
    target: Target,
    request: RequestSummary,
    /// What exact methods work on.
    refit: Option<Refit>,
    provenance: Provenance,
}

/// How experiments are carried out.
#[derive(Clone, Copy, Debug)]
pub struct ExperimentOptions<'a> {
    /// Look for NaN and Inf after every dispatch.
    pub check_finite: bool,
    /// Set by Ctrl-C: stop before the next step; nothing was written.
    pub interrupted: &'a AtomicBool,
    /// Originals and retrains are made one after another, and not in stacks; their bytes are the same.
    pub one_by_one: bool,
}

/// Runs experiments one after another on one engine.
///
/// # Errors
/// An original or a retrain that diverges; an interruption. A method that diverges is a row with a note.
pub fn run_experiments(
    all: &[Ready],
    engine: &mut Engine,
    options: ExperimentOptions,
    watch: &mut dyn FnMut(Stride),
) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut originals: Vec<Original> = Vec::new();
    for (i, ready) in all.iter().enumerate() {
        watch(Stride::Begin { name: &ready.name, number: i + 1, of: all.len() });
        let digest = ready.config.train_digest()?;
        for (k, seed) in ready.seeds().into_iter().enumerate() {
            let there = |seed: &u64| originals.iter().any(|o| o.digest == digest && o.seed == *seed);
            if there(&seed) {
                continue;
            }
            watch(Stride::Stage { label: "original", number: k + 1, of: ready.stages() });
            // The first is trained alone: its time is told, and its curve is drawn.
            let missing: Vec<u64> = ready.seeds().into_iter().filter(|seed| !there(seed)).collect();
            let together = if k > 0 { ready.originals(engine, &digest, &missing, options)? } else { Vec::new() };
            if together.is_empty() {
                originals.push(ready.original(engine, (&digest, seed), options)?);
            }
            originals.extend(together);
        }
        let of = |seed: &u64| originals.iter().find(|o| o.digest == digest && o.seed == *seed);
        let own: Option<Vec<&Original>> = ready.seeds().iter().map(of).collect();
        let own = own.ok_or_else(|| Error::internal("an original vanished"))?;
        let candidates = ready.candidates(engine, &own, options, watch)?;
        findings.curves.extend(own.first().map(|original| ready.curve(original, &candidates)));
        findings.rows.extend(ready.score(engine, &own, &candidates)?);
        findings.configs.push((ready.name.clone(), ready.config.to_toml()?));
    }
    Ok(findings)
}

impl Ready {
    /// Loads the data, builds the network and resolves the request.
    ///
    /// # Errors
    /// Bad input of any of them; a file without `[forget]`.
    pub fn of(mut loaded: Loaded) -> Result<Ready> {
        let (data, model) = loaded.build()?;
        let recipe = loaded.config.train.clone();
        loaded.config.forget.iter_mut().for_each(|forget| forget.complete(&data, &model, &recipe));
        let Some(forget) = loaded.config.forget.clone() else {
            return Err(Error::input(format!(
                "{}: an experiment needs a [forget] table with `request`; `unlearn train` takes a file without one",
                loaded.name
            )));
        };
        let mut goes_on = Vec::new();
        for name in &forget.methods {
            let row = methods::find(name)?;
            let method = (row.build)(forget.settings_of(name))?;
            row.check_data(&data)?;
            method.suits_targets(data.target_kind())?;
            method.suits_recipe(&recipe)?;
            goes_on.extend(method.goes_on().then_some(row.name));
        }
        let requests = forget.requests()?;
        let draw = forget.draw_seed.unwrap_or(loaded.config.seed);
        let target = Target::of(&requests, &data, &model, draw)?;
        for name in &forget.methods {
            let row = methods::find(name)?;
            methods::suits_cuts(row, (row.build)(forget.settings_of(name))?.as_ref(), &target.split.cuts)?;
        }
        let plant = loaded.config.data.plant.as_ref();
        let request = RequestSummary::of(&requests, &target).described(&requests, &data, plant);
        let (all, none) = ((&data, &Absent::default()), &Origins::default());
        let refit = Refit::of(true, &loaded.config, all, &target, none)?;
        if let (Some(_), Some(name)) = (&refit, goes_on.first()) {
            return Err(refitted(name));
        }
        let provenance = Provenance {
            made_at: utc_now(),
            version: env!("CARGO_PKG_VERSION").into(),
            actor: None,
            note: None,
            data_sha256: data.sha256(),
            config_sha256: loaded.config.train_digest()?,
        };
        let (name, config) = (loaded.name, loaded.config);
        Ok(Ready { name, config, forget, data, model, target, request, refit, provenance })
    }

    /// Keeps who runs it, and why.
    pub fn mark(&mut self, marks: &Marks) {
        self.provenance.actor = marks.actor.clone();
        self.provenance.note = marks.note.clone();
    }

    /// Models that are trained or made to forget.
    fn stages(&self) -> usize {
        let seeds = self.forget.seeds;
        seeds + self.forget.references + 1 + seeds * self.method_names().count()
    }

    /// Seeds of the originals.
    fn seeds(&self) -> Vec<u64> {
        self.forget.original_seeds(self.config.seed)
    }

    /// The methods besides the retrain, which is the reference.
    fn method_names(&self) -> impl Iterator<Item = &str> {
        self.forget.methods.iter().map(String::as_str).filter(|name| methods::role(name) != Some(Role::Reference))
    }

    /// Network and data of a method.
    fn works_on(&self, row: &MethodRow) -> (&Model, &Dataset) {
        match &self.refit {
            Some(refit) if row.fits_anew() => (&refit.model, &refit.data),
            _ => (&self.model, &self.data),
        }
    }

    fn original(
        &self,
        engine: &mut Engine,
        (digest, seed): (&str, u64),
        options: ExperimentOptions,
    ) -> Result<Original> {
        let (config, everything) = (&self.config, self.data.train_ids());
        engine.must_hold("theta", self.model.layout.total())?;
        let theta = base(config, &self.model)?.unwrap_or_else(|| self.model.init(seed));
        engine.take_kernels();
        let mut session = Session::of(engine, &self.model, &self.data, None, &theta)?.trained_for(&config.train)?;
        session.check_finite = options.check_finite;
        let start = Instant::now();
        let mut fit = Fit::new(&mut session, &config.train, seed)?;
        let terms = [Term { records: Records::train(&everything), weight: 1.0 }];
        let validation = session.ids(Part::Validation);
        let mut watch = OriginalWatch::new(options.interrupted, validation, config.train.epochs);
        train_to_end(&mut fit, &mut session, &terms, &mut watch)?;
        let seconds = start.elapsed().as_secs_f64();
        Ok(Original {
            digest: digest.to_owned(),
            seed,
            theta: session.read_theta()?,
            seconds: Some(seconds),
            kernels: session.engine.take_kernels(),
            points: watch.points,
        })
    }

    /// The curve of the training, and of the first fit of every method after it.
    fn curve(&self, original: &Original, candidates: &[Candidate]) -> Curve {
        let mut forgetting: Vec<Phase> = Vec::new();
        for candidate in candidates {
            let trail = candidate.made.as_ref().map_or(&[][..], |(_, account)| &account.trail);
            let known = forgetting.iter().any(|phase| phase.method == candidate.method);
            if candidate.kind == RowKind::Method && !trail.is_empty() && !known {
                let points = trail.iter().map(CurvePoint::from).collect();
                forgetting.push(Phase { method: candidate.method.to_owned(), points });
            }
        }
        Curve { label: self.name.clone(), points: original.points.clone(), forgetting }
    }

    /// Every retrain, and every method from each original's weights, in sessions of their own.
    fn candidates(
        &self,
        engine: &mut Engine,
        originals: &[&Original],
        options: ExperimentOptions,
        watch: &mut dyn FnMut(Stride),
    ) -> Result<Vec<Candidate>> {
        let of = self.stages();
        let mut all = Vec::new();
        let mut go = |engine: &mut Engine, done: usize, kind: RowKind, name: &str, original: &Original, seed| {
            if options.interrupted.load(Ordering::Relaxed) {
                return Err(interrupted());
            }
            let label = if kind == RowKind::Method { name } else { kind.as_str() };
            watch(Stride::Stage { label, number: originals.len() + done + 1, of });
            self.candidate(engine, original, kind, name, seed, options.check_finite)
        };
        let references = self.forget.references as u64;
        let first = originals.first().ok_or_else(|| Error::internal("there is no original"))?;
        // Other seeds than the original's: with its own, a retrain would begin from the very same weights.
        let retrain =
            |i: u64| (if i <= references { RowKind::Retrain } else { RowKind::AnotherRetrain }, self.config.seed + i);
        for i in 1..=references + 1 {
            if i == 2 && !options.one_by_one {
                // The first was made alone, and by its time methods are measured.
                all.extend(self.together(engine, first, (2..=references + 1).map(retrain).collect(), options)?);
            }
            if all.len() < i as usize {
                let (kind, seed) = retrain(i);
                all.push(go(engine, all.len(), kind, methods::reference().name, first, seed)?);
            }
        }
        for name in self.method_names() {
            for original in originals {
                all.push(go(engine, all.len(), RowKind::Method, name, original, original.seed)?);
            }
        }
        Ok(all)
    }

    fn candidate(
        &self,
        engine: &mut Engine,
        original: &Original,
        kind: RowKind,
        name: &str,
        seed: u64,
        check_finite: bool,
    ) -> Result<Candidate> {
        let row = methods::find(name)?;
        let method = (row.build)(self.forget.settings_of(name))?;
        let (target, train) = (&self.target, &self.config.train);
        let (model, data) = self.works_on(row);
        let base = base(&self.config, model)?;
        let fitted = self.refit.is_some() && !row.fits_anew();
        let past = Past { seed: Some(original.seed), base: base.as_deref(), fitted, ..Past::default() };
        let stage = Stage { model, data, target, train, seed, past, check_finite };
        engine.take_kernels();
        let made = match apply(engine, &stage, &original.theta, method.as_ref()) {
            Ok((theta, _)) if theta.iter().any(|v| !v.is_finite()) => Err("its weights are not finite".to_owned()),
            Ok(done) => Ok(done),
            // A method may diverge; the reference may not.
            Err(Error::Device(why) | Error::CheckFailed(why)) if kind == RowKind::Method => Err(why),
            Err(other) => return Err(other),
        };
        let (settings, kernels) = (method.settings(), engine.take_kernels());
        let effect =
            made.as_ref().ok().map(|(theta, account)| Effect::of(&original.theta, theta, row.role, &account.details));
        let effect = effect.unwrap_or_default();
        Ok(Candidate { kind, method: row.name, row: Some(row), effect, settings, seed, kernels, stacked: false, made })
    }

    /// Reads every model on every split and makes the rows.
    fn score(&self, engine: &mut Engine, originals: &[&Original], candidates: &[Candidate]) -> Result<Vec<Row>> {
        let (model, data) = (&self.model, &self.data);
        let before = originals.iter().map(|original| Reading { theta: &original.theta, forgot: false, model, data });
        let mut readings: Vec<Reading> = before.collect();
        let student = |candidate: &Candidate| match &candidate.made {
            Ok((_, account)) => account.network(model),
            Err(_) => Ok(None),
        };
        let students = candidates.iter().map(student).collect::<Result<Vec<_>>>()?;
        for (candidate, student) in candidates.iter().zip(&students) {
            let Ok((theta, _)) = &candidate.made else { continue };
            let (model, data) = candidate.row.map_or((model, data), |row| self.works_on(row));
            let model = student.as_ref().unwrap_or(model);
            readings.push(Reading { theta, forgot: true, model, data });
        }
        let scored = evaluate(engine, Some(&self.target), &readings)?;
        rows::rows(self, engine, originals, candidates, scored)
    }
}
