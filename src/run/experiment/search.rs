//! Settings of a method, chosen on requests like the one to come, and never on that one.
//!
//! Search sets are requests of the same kind and size on other training records. A trial makes the original forget each
//! of them, and is measured against retrains without them, on what was to be forgotten and on the validation records.
//! A further set chooses nothing: on it the choice is compared with the defaults.

mod bench;
mod models;
mod space;
mod trial;

use std::path::Path;

use serde::{Deserialize, Serialize};

use self::bench::Bench;
use self::models::Models;
pub use self::space::Axis;
use self::space::Space;
pub use self::trial::{Score, TRIALS, Trial};
use super::{ExperimentOptions, Ready, Stride, interrupted};
use crate::base::splitmix::SplitMix64;
use crate::base::{Digest, write_atomic};
use crate::data::{Dataset, Portion, Request, like};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::methods::{self, MethodRow, Role};
use crate::run::config::Loaded;
use crate::run::hold::Hold;
use crate::run::results::AdapterSummary;

/// Name of the document in the folder of a search.
pub const SEARCH: &str = "search.json";
/// Name of the settings that were found, as a part of an experiment file.
pub const BEST: &str = "best.toml";
const PLAN: &str = "plan.json";

/// What to search, and how.
pub struct Search<'a> {
    /// Data, network, recipe and request; its `[forget.settings]` of the method are kept fixed.
    pub loaded: Loaded,
    /// Whose settings.
    pub method: &'a str,
    /// Settings that are not searched.
    pub fixed: toml::Table,
    /// Axes, as `KEY=LOW..HIGH` or `KEY=A,B,C`; none for those that the method has by itself.
    pub over: &'a [String],
    /// Trials, the defaults among them.
    pub trials: usize,
    /// Ends the search once references and trials have taken so many times a retrain.
    pub budget: f64,
    /// Search sets; one more chooses nothing.
    pub sets: usize,
    /// Retrains of each set; one more is the control.
    pub references: usize,
    /// What may be chosen takes at most this part of a retrain's time.
    pub max_cost: f64,
    /// Its folder.
    pub out: &'a Path,
    /// As of experiments.
    pub options: ExperimentOptions<'a>,
}

/// `search.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Found {
    /// `unlearn.search/1`.
    pub schema: String,
    /// Of the program.
    pub version: String,
    /// Name of the experiment file.
    pub experiment: String,
    /// Whose settings.
    pub method: String,
    /// Where it was computed.
    pub adapter: AdapterSummary,
    /// What was tried.
    pub axes: Vec<Axis>,
    /// Records that each search set forgets.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub forgets: Vec<usize>,
    /// Mean seconds of a retrain.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "s")))]
    pub retrain_s: f64,
    /// What references and trials took, in retrains.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "1")))]
    pub spent: f64,
    /// How many settings were tried.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1")))]
    pub trials: usize,
    /// Distance of the original on the search sets, as if nothing had been asked.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "1")))]
    pub nothing: f64,
    /// Distance of a further retrain on them.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "1")))]
    pub retrain: f64,
    /// The defaults.
    pub defaults: Trial,
    /// The choice; absent where nothing suits that lies closer than the original.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub best: Option<Trial>,
    /// On the set that chose nothing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirmed: Option<Confirmed>,
}

/// Distances on the set that chose nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Confirmed {
    /// Of the original.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "1")))]
    pub nothing: f64,
    /// Of a further retrain.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "1")))]
    pub retrain: f64,
    /// With the defaults; absent where the method diverged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "1")))]
    pub defaults: Option<f64>,
    /// With the choice.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "1")))]
    pub best: Option<f64>,
}

impl Search<'_> {
    /// Searches, or goes on with what a killed process has begun in the folder.
    ///
    /// # Errors
    /// Bad input of configuration, method, axes or request; data without validation records; a folder with another
    /// search; a retrain that diverges; an interruption, after which the same command goes on.
    pub fn run(mut self, engine: &mut Engine, watch: &mut dyn FnMut(Stride)) -> Result<Found> {
        let row = methods::find(self.method)?;
        if row.role != Role::Method || row.tier.is_exact() {
            return Err(Error::input(format!(
                "method {}: there is nothing to search, since it gives what a training without the records gives; \
                 name an approximate method",
                row.name
            )));
        }
        self.narrow(row)?;
        let space = Space::of(row, self.over, &self.fixed)?;
        let all = self.ready()?;
        let adapter = AdapterSummary::of(engine);
        let context = self.context(&all, &adapter)?;
        let hold = Hold::take(self.out, "search")?;
        self.settle_plan(&context, &space)?;
        hold.begin(&context)?;
        let models = Models::new(self.out, context);
        let original = all[0].kept_original(&models, engine, self.options)?;
        let of = all.len() + self.trials;
        let mut benches = Vec::new();
        for (i, ready) in all.into_iter().enumerate() {
            self.halt()?;
            watch(Stride::Stage { label: "references", number: i + 1, of });
            benches.push(Bench::make(ready, engine, &original, &models, self.references)?);
        }
        let Some(last) = benches.pop() else { return Err(Error::internal("a search without a set")) };
        let trials = self.trials(row, &space, engine, (&original, &mut benches), watch)?;
        let found = self.conclude(row, &space, trials, engine, (&original, benches, last), adapter)?;
        hold.settle();
        Ok(found)
    }

    /// One method alone, with what is fixed of it.
    fn narrow(&mut self, row: &MethodRow) -> Result<()> {
        let Some(forget) = &mut self.loaded.config.forget else {
            return Err(Error::input(format!(
                "{}: a search needs a [forget] table with `request`, the like of which it forgets",
                self.loaded.name
            )));
        };
        let mut fixed = forget.settings.remove(row.name).unwrap_or_default();
        fixed.extend(std::mem::take(&mut self.fixed));
        (row.build)(fixed.clone())?;
        (forget.methods, forget.settings) = (vec![row.name.to_owned()], Default::default());
        forget.seeds = 1;
        self.fixed = fixed;
        Ok(())
    }

    /// An experiment for each search set, and for the one that chooses nothing.
    fn ready(&self) -> Result<Vec<Ready>> {
        let own = Ready::of(self.loaded.clone())?;
        if own.data.places(Portion::Validation).next().is_none() {
            return Err(Error::input(format!(
                "{}: a search chooses by validation records and there are none, for test records choose nothing; set \
                 data.validation_fraction",
                self.loaded.name
            )));
        }
        let requests = own.forget.requests()?;
        let seed = self.loaded.config.seed;
        let mut drawn: Vec<Request> = Vec::new();
        for i in 0..=self.sets as u64 {
            let seed = seed.wrapping_add(0x5ea4_c401 + i);
            drawn.push(like(&requests, &own.target.split, &own.data, &drawn, seed)?);
        }
        drawn.into_iter().map(|request| self.of_request(request)).collect()
    }

    fn of_request(&self, request: Request) -> Result<Ready> {
        let mut loaded = self.loaded.clone();
        let value = toml::Value::try_from(&request);
        let value = value.map_err(|e| Error::internal(format!("a drawn request is no TOML: {e}")))?;
        loaded.config.forget.iter_mut().for_each(|forget| forget.request = value.clone());
        Ready::of(loaded)
    }

    /// What every model of the search depends on besides its request and seed.
    fn context(&self, all: &[Ready], adapter: &AdapterSummary) -> Result<String> {
        let data: &Dataset = &all[0].data;
        let mut digest = Digest::new("unlearn.search/1");
        digest.field("recipe", self.loaded.config.train_digest()?.as_bytes());
        digest.field("data", data.sha256().as_bytes()).field("version", env!("CARGO_PKG_VERSION").as_bytes());
        let adapter = [&adapter.name, &adapter.backend, &adapter.driver, adapter.precision.word()].join("\n");
        digest.field("adapter", adapter.as_bytes());
        Ok(digest.finish())
    }

    /// Refuses a folder in which something else was searched.
    fn settle_plan(&self, context: &str, space: &Space) -> Result<()> {
        let plan = serde_json::json!({
            "schema": "unlearn.search.plan/1", "context": context, "method": self.method, "fixed": self.fixed,
            "axes": space.axes, "sets": self.sets, "references": self.references,
            "request": self.loaded.config.forget.as_ref().map(|forget| &forget.request),
        });
        let path = self.out.join(PLAN);
        let text = format!("{plan:#}\n");
        match std::fs::read_to_string(&path) {
            Ok(there) if there != text => Err(Error::input(format!(
                "--out {}: another search is in this folder (another configuration, method, axes, request or adapter); \
                 use another folder",
                self.out.display()
            ))),
            Ok(_) => Ok(()),
            Err(_) => write_atomic(&path, text.as_bytes()),
        }
    }

    fn halt(&self) -> Result<()> {
        let stop = self.options.interrupted.load(std::sync::atomic::Ordering::Relaxed);
        if stop { Err(interrupted()) } else { Ok(()) }
    }

    /// All trials, those of an earlier process among them.
    fn trials(
        &self,
        row: &'static MethodRow,
        space: &Space,
        engine: &mut Engine,
        (original, benches): (&super::Original, &mut [Bench]),
        watch: &mut dyn FnMut(Stride),
    ) -> Result<Vec<Trial>> {
        let retrain_s = bench::retrain_s(benches);
        let mut trials = trial::read(self.out)?;
        trials.truncate(self.trials);
        let mut spent: f64 = benches.iter().map(|bench| bench.spent_s).sum();
        spent += trials.iter().flat_map(|trial| &trial.scores).map(|score| score.seconds).sum::<f64>();
        while trials.len() < self.trials && (trials.is_empty() || spent < self.budget * retrain_s) {
            self.halt()?;
            let number = trials.len();
            let total = benches.len() + 1 + self.trials;
            watch(Stride::Stage { label: row.name, number: benches.len() + 1 + number, of: total });
            let (point, settings) = self.next(row, space, &trials);
            let mut trial = Trial { number, settings, point, ..Trial::none() };
            for bench in &mut *benches {
                let table = self.with(&trial.settings);
                if !trial.add(bench.attempt(engine, original, row, table)?) {
                    break;
                }
            }
            trial.sum_up(benches.len(), retrain_s);
            spent += trial.scores.iter().map(|score| score.seconds).sum::<f64>();
            trials.push(trial);
            trial::write(self.out, &trials)?;
        }
        Ok(trials)
    }

    /// The next settings: the defaults, a spread over everything, then near the best so far.
    fn next(&self, row: &MethodRow, space: &Space, trials: &[Trial]) -> (Vec<f64>, toml::Table) {
        let (number, seed) = (trials.len(), self.loaded.config.seed);
        if number == 0 {
            let defaults = (row.build)(self.fixed.clone()).map(|method| method.settings());
            let defaults = defaults.ok().and_then(|mut said| {
                said.as_object_mut()?.retain(|_, value| !value.is_null());
                toml::Table::try_from(said).ok()
            });
            return (space.point(&defaults.unwrap_or_default()), toml::Table::new());
        }
        let wide = self.trials.div_ceil(2);
        let best = best(trials, self.max_cost, row.role).filter(|_| number > wide);
        let mut rng = SplitMix64::new(seed ^ (number as u64) << 32);
        let width = 0.2 * 0.25f64.powf((number.saturating_sub(wide)) as f64 / (self.trials - wide).max(1) as f64);
        let mut last = (vec![], toml::Table::new());
        // Whole numbers and words meet again: other settings are worth more than the same ones.
        for again in 0..16 {
            let point = match best {
                Some(best) => space.near(&best.point, width, &mut rng),
                None => space.spread(seed, number - 1 + again * self.trials),
            };
            let settings = space.at(&point);
            let known = trials.iter().any(|trial| trial.settings == settings);
            last = (point, settings);
            if !known {
                break;
            }
        }
        last
    }

    fn with(&self, settings: &toml::Table) -> toml::Table {
        let mut table = self.fixed.clone();
        table.extend(settings.clone());
        table
    }

    fn conclude(
        &self,
        row: &'static MethodRow,
        space: &Space,
        trials: Vec<Trial>,
        engine: &mut Engine,
        (original, benches, mut last): (&super::Original, Vec<Bench>, Bench),
        adapter: AdapterSummary,
    ) -> Result<Found> {
        let mean = |of: fn(&Bench) -> f64| benches.iter().map(of).sum::<f64>() / benches.len().max(1) as f64;
        let (nothing, retrain) = (mean(|bench| bench.nothing), mean(|bench| bench.retrain));
        let retrain_s = bench::retrain_s(&benches);
        // Where the original lies among the retrains there is nothing to be seen, and nothing to choose by.
        let closer = |best: &&Trial| nothing > retrain && best.distance < Some(nothing);
        let best = best(&trials, self.max_cost, row.role).filter(closer).cloned();
        let mut on_last = |settings: &toml::Table| -> Result<Option<f64>> {
            let attempt = last.attempt(engine, original, row, self.with(settings))?;
            Ok(attempt.score.ok().map(|score| score.distance()))
        };
        let defaults = on_last(&toml::Table::new())?;
        let chosen = best.as_ref().map_or(Ok(None), |best| on_last(&best.settings))?;
        let confirmed = Some(Confirmed { nothing: last.nothing, retrain: last.retrain, defaults, best: chosen });
        let spent = benches.iter().map(|bench| bench.spent_s).sum::<f64>()
            + trials.iter().flat_map(|trial| &trial.scores).map(|score| score.seconds).sum::<f64>();
        let first = trials.first().cloned();
        let found = Found {
            schema: "unlearn.search/1".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            experiment: self.loaded.name.clone(),
            method: row.name.into(),
            adapter,
            axes: space.axes.clone(),
            forgets: benches.iter().map(|bench| bench.forgets()).collect(),
            retrain_s,
            spent: spent / retrain_s,
            trials: trials.len(),
            nothing,
            retrain,
            defaults: first.ok_or_else(|| Error::internal("a search without a trial"))?,
            best,
            confirmed,
        };
        self.write(&found)?;
        Ok(found)
    }

    fn write(&self, found: &Found) -> Result<()> {
        let text = serde_json::to_string_pretty(found).map_err(|e| Error::internal(format!("{SEARCH}: {e}")))?;
        if let Some(best) = &found.best {
            let settings = toml::to_string(&self.with(&best.settings));
            let settings = settings.map_err(|e| Error::internal(format!("{BEST}: {e}")))?;
            let table = format!("[forget.settings.{}]\n{settings}", found.method);
            write_atomic(&self.out.join(BEST), table.as_bytes())?;
        }
        write_atomic(&self.out.join(SEARCH), format!("{text}\n").as_bytes())
    }
}

/// The closest of those that suit.
fn best(trials: &[Trial], most: f64, role: Role) -> Option<&Trial> {
    let suits = trials.iter().filter(|trial| trial.suits(most, role));
    suits.min_by(|a, b| a.distance.unwrap_or(f64::MAX).total_cmp(&b.distance.unwrap_or(f64::MAX)))
}
