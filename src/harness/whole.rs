//! End to end: training, statistics and forgetting as they are used, with what each kernel takes of them, and how their
//! cost grows.

mod breakdown;
mod fisher;
mod graph;
mod growth;
mod stack;
mod train;
mod unlearn;

pub use breakdown::KernelShare;

use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use super::bench::{mad, median, range};
use crate::data::{self, DataConfig, Dataset};
use crate::engine::{AdapterReport, Engine, Timing};
use crate::error::{Error, Result};
use crate::nn::{Model, ModelConfig};

/// How much is run.
#[derive(Clone, Copy, Debug)]
pub struct WholeOptions {
    /// Made-up pictures; a graph has its own size.
    pub records: usize,
    /// Rounds that are kept; one before them carries the drivers' compile.
    pub rounds: usize,
    /// Largest size that growth goes to: records of a batch, nodes, parameters.
    pub most: usize,
}

/// What can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// Epochs of LeNet-5 and of an MLP.
    Train,
    /// Fisher diagonal, norms, clipped sums, rows and products beside a gradient.
    Fisher,
    /// Methods beside retraining.
    Unlearn,
    /// A GCN.
    Graph,
    /// Stacks of models beside one after another.
    Stack,
}

/// One pass that was timed: flat, with all that says where it comes from.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Pass {
    /// Of the build, where the builder set UNLEARN_COMMIT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<&'static str>,
    /// The adapter's name.
    pub adapter: String,
    /// The driver's name and version.
    pub driver: String,
    /// `lenet5`, `mlp`, `gcn`.
    pub network: String,
    /// What one pass is: `epoch`, `fisher diagonal`, a method.
    pub pass: String,
    /// Records that it goes through.
    pub records: usize,
    /// Records of a step; 0 where the session chooses.
    pub batch: usize,
    /// Nodes of the graph; 0 without one.
    pub nodes: usize,
    /// Parameters of the network.
    pub parameters: usize,
    /// Median of the rounds, seconds.
    pub median_s: f64,
    /// Median absolute deviation.
    pub mad_s: f64,
    /// Fastest round.
    pub min_s: f64,
    /// Every round.
    pub samples_s: Vec<f64>,
    /// Records a second at the median.
    pub per_second: f64,
    /// What it is compared with, in the same round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<&'static str>,
    /// Median of the rounds' ratios to that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// Seconds of the first run of all, drivers' compile in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_s: Option<f64>,
    /// Seconds from data on the host to the first step's loss, drivers' compile in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_step_s: Option<f64>,
    /// What of that a second start does not pay: shaders and drivers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compile_s: Option<f64>,
    /// Dispatches of one step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dispatches: Option<usize>,
    /// The most GPU memory held at once, bytes.
    pub peak_bytes: u64,
    /// Nanoseconds for each unit of what grows; absent where nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_unit_ns: Option<f64>,
}

impl Pass {
    /// Fills in what follows from the rounds.
    fn took(mut self, samples: Vec<f64>) -> Pass {
        (self.median_s, self.mad_s, self.min_s) = (median(&samples), mad(&samples), range(&samples).0);
        self.per_second = if self.median_s > 0.0 { self.records as f64 / self.median_s } else { 0.0 };
        self.samples_s = samples;
        self
    }

    /// Compares with another pass, round by round.
    fn beside(mut self, name: &'static str, other: &[f64]) -> Pass {
        let ratios: Vec<f64> = self.samples_s.iter().zip(other).map(|(own, other)| own / other).collect();
        (self.against, self.ratio) = (Some(name), Some(median(&ratios)));
        self
    }
}

/// How the time for a unit changes while something grows.
#[derive(Clone, Debug, Serialize)]
pub struct Flatness {
    /// `lenet5 epoch`, …
    pub of: String,
    /// What grows: `batch`, `nodes`, `parameters`.
    pub grows: &'static str,
    /// Sizes, ascending.
    pub sizes: Vec<usize>,
    /// Nanoseconds a unit at each.
    pub per_unit_ns: Vec<f64>,
    /// Largest over smallest among the sizes past latency: the last ones, from the first on at which the time for a
    /// unit is within a half of the last.
    pub spread: f64,
    /// The size from which on that counts.
    pub from: usize,
}

/// A whole run; the JSON of `unlearn bench train` and its like.
#[derive(Clone, Debug, Serialize)]
pub struct WholeReport {
    /// Version of the document.
    pub schema: u32,
    /// Version of the program.
    pub version: &'static str,
    /// What was run.
    pub bench: What,
    /// Where it ran.
    pub adapter: AdapterReport,
    /// What was timed.
    pub rows: Vec<Pass>,
    /// What each kernel took of one pass, where the adapter has timestamps.
    pub kernels: Vec<KernelShare>,
    /// How cost grows, where that was asked for.
    pub growth: Vec<Flatness>,
    /// Every dispatch of the passes that `kernels` is of.
    #[serde(skip)]
    pub timings: Vec<Timing>,
}

/// A run under way: the engine, and what it has found.
struct Bench<'e> {
    engine: &'e mut Engine,
    options: WholeOptions,
    report: WholeReport,
    progress: &'e mut dyn FnMut(&str),
}

/// Runs it, or, with `growth`, how it grows; `progress` hears what is next.
///
/// # Errors
/// The engine is the reference engine, memory that is not there, or a failed device.
pub fn whole(
    engine: &mut Engine,
    what: What,
    growth: bool,
    options: WholeOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<WholeReport> {
    let adapter = engine.adapter().cloned().ok_or_else(|| Error::internal("only a GPU engine can be timed"))?;
    let (rows, kernels, flat, timings) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let version = env!("CARGO_PKG_VERSION");
    let report = WholeReport { schema: 1, version, bench: what, adapter, rows, kernels, growth: flat, timings };
    engine.set_profile(false);
    let mut bench = Bench { engine, options, report, progress };
    match (what, growth) {
        (What::Train, false) => bench.train()?,
        (What::Fisher, false) => bench.fisher()?,
        (What::Unlearn, false) => bench.unlearn()?,
        (What::Graph, false) => bench.graph()?,
        (What::Stack, _) => bench.stack()?,
        (What::Train, true) => bench.batches()?,
        (What::Graph, true) => bench.nodes()?,
        (What::Fisher | What::Unlearn, true) => bench.parameters()?,
    }
    Ok(bench.report)
}

impl Bench<'_> {
    /// A row that says where it comes from.
    fn row(&self, network: &str, pass: &str, model: &Model) -> Pass {
        let adapter = &self.report.adapter;
        Pass {
            commit: option_env!("UNLEARN_COMMIT"),
            adapter: adapter.name.clone(),
            driver: format!("{} {}", adapter.driver, adapter.driver_info),
            network: network.to_owned(),
            pass: pass.to_owned(),
            parameters: model.layout.count(),
            ..Pass::default()
        }
    }
}

/// Made-up 28x28 pictures of ten classes, and the ids of `records` of them to train on.
fn pictures(records: usize) -> Result<(Dataset, Vec<u32>)> {
    let mut config = DataConfig::new("synth");
    (config.pattern, config.shape) = (Some("stripes".into()), Some(vec![1, 28, 28]));
    // Each record is drawn into its part by itself, so that parts of small sets differ from their fractions.
    (config.samples, config.classes) = (Some(records * 3 / 2 + 60), Some(10));
    (config.test_fraction, config.validation_fraction, config.noise) = (Some(0.1), Some(0.1), Some(1.0));
    let data = data::load(&config, Path::new("."))?;
    let mut ids = data.train_ids();
    ids.truncate(records);
    Ok((data, ids))
}

/// A network of the zoo for some data.
fn network(zoo: &str, hidden: Option<Vec<usize>>, data: &Dataset) -> Result<Model> {
    let net = ModelConfig { zoo: Some(zoo.into()), hidden, ..Default::default() };
    Model::build(&net, &data.shape, data.classes)
}

/// The two networks over pictures, and the records of their steps.
const NETWORKS: [(&str, Option<[usize; 2]>, usize); 2] = [("lenet5", None, 64), ("mlp", Some([256, 128]), 128)];

/// Seconds that something takes.
fn seconds<T>(work: impl FnOnce() -> Result<T>) -> Result<(f64, T)> {
    let start = Instant::now();
    let done = work()?;
    Ok((start.elapsed().as_secs_f64(), done))
}
