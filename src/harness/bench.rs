//! Timing of kernels: verified first, warmed up, then sampled in rounds by the GPU's clock and ours.

mod numbers;
pub mod peaks;
mod presets;
mod rounds;
mod shapes;
mod timed;
mod work;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

pub use numbers::{mad, median, range};
pub use peaks::{Bound, Peaks};
pub use presets::{Ask, PRESETS, Preset};
pub use shapes::expand;
pub use work::{Forms, Work};

use super::compare::Distance;
use crate::engine::case::Case;
use crate::engine::{AdapterReport, Engine, Timing};
use crate::error::{Error, Result};
use crate::kernels::asked;
use rounds::Control;
use work::Group;

/// How long, how often, by which clocks.
#[derive(Clone, Copy, Debug)]
pub struct BenchOptions {
    /// Timed for at least this long, per clock.
    pub min_time: Duration,
    /// At least so many rounds; reached even where `min_time` is over.
    pub min_samples: usize,
    /// No more than this many: the rest would only make the file longer.
    pub max_samples: usize,
    /// Which clocks.
    pub clocks: Clocks,
}

impl Default for BenchOptions {
    fn default() -> Self {
        BenchOptions { min_time: Duration::from_millis(500), min_samples: 5, max_samples: 200, clocks: Clocks::Both }
    }
}

/// Which clocks time a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clocks {
    /// The GPU's alone.
    Gpu,
    /// The host's alone.
    Wall,
    /// Both; the row's numbers are the GPU's where it has a clock.
    Both,
}

/// Which clock a row's numbers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Timer {
    /// Timestamps at both ends of each dispatch.
    Gpu,
    /// The host's clock over a submission of many repeats, launch costs included.
    Wall,
}

/// How a case was seen to be right before it was timed.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// `whole`, or the shape that stood in for one too large for the twins and what the whole was compared with.
    pub how: String,
    /// Distance from the twin.
    #[serde(skip)]
    pub distance: Distance,
}

/// One timed case: flat, with all that says where it comes from.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Of the build, where the builder set UNLEARN_COMMIT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<&'static str>,
    /// The adapter's name.
    pub adapter: String,
    /// The driver's name and version.
    pub driver: String,
    /// The operation, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op: Option<&'static str>,
    /// Its numbers; empty for a case of the registry, whose name has them.
    pub shape: Vec<usize>,
    /// Registry name of the first kernel it launches: what is computed.
    pub kernel: String,
    /// The shader that computes it: the stem of that name.
    pub variant: String,
    /// Whether this form is the one that a recording gets here; absent where there is no choice to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen: Option<bool>,
    /// Whether it gets it because `unlearn tune` measured it here, not by the table of adapters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tuned: Option<bool>,
    /// Name of the case.
    pub case: String,
    /// Type of the numbers that it computes with.
    pub dtype: &'static str,
    /// Override constants of its dispatches, where set.
    pub overrides: BTreeMap<String, f64>,
    /// Median of the samples, nanoseconds a run.
    pub median_ns: f64,
    /// Median absolute deviation of the samples.
    pub mad_ns: f64,
    /// Fastest sample.
    pub min_ns: f64,
    /// Slowest sample.
    pub max_ns: f64,
    /// Floating-point operations that the operation needs.
    pub flop: u64,
    /// Bytes that it has to move.
    pub bytes: u64,
    /// 10⁹ floating-point operations per second at the median.
    pub gflops: f64,
    /// 10⁹ bytes per second at the median.
    pub gbps: f64,
    /// Arithmetic intensity: operations a byte.
    pub ai: f64,
    /// What binds it at the roof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
    /// Share of the roof min(peak FLOP/s, AI · copy B/s), percent; absent where no peaks were measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roof_pct: Option<f64>,
    /// Whose clock it was.
    pub timer: Timer,
    /// Median by the host's clock, for the cost of launching; 0 where that clock was not asked for.
    pub wall_ns: f64,
    /// Its median absolute deviation.
    pub wall_mad_ns: f64,
    /// Repeats in one sample.
    pub repeats: usize,
    /// The control's median while this was timed, as a multiple of its median over the run; absent without peaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<f64>,
    /// How it was verified.
    pub verified: String,
    /// Distance from the twin.
    pub check: Distance,
    /// Every sample, nanoseconds a run.
    pub samples_ns: Vec<f64>,
}

/// A case that was not timed.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    /// Name of the case.
    pub case: String,
    /// What stood in the way.
    pub why: String,
    /// False where the adapter lacks a feature.
    pub wrong: bool,
}

/// A whole bench run; the JSON of `unlearn bench` and of baselines.
#[derive(Clone, Debug, Serialize)]
pub struct BenchReport {
    /// Version of the document.
    pub schema: u32,
    /// Version of the program.
    pub version: &'static str,
    /// Of the build, where the builder set UNLEARN_COMMIT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<&'static str>,
    /// Where it ran.
    pub adapter: AdapterReport,
    /// The roofs, where they were measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peaks: Option<Peaks>,
    /// What was timed.
    pub rows: Vec<Row>,
    /// What was not.
    pub refused: Vec<Refused>,
    /// Every dispatch of one submission of each case, for a trace.
    #[serde(skip)]
    pub timings: Vec<Timing>,
}

impl BenchReport {
    /// The least and the most that the control took while a group was timed, as multiples of its median over the run.
    pub fn drift(&self) -> Option<(f64, f64)> {
        let all: Vec<f64> = self.rows.iter().filter_map(|row| row.control).collect();
        (!all.is_empty()).then(|| range(&all))
    }
}

/// Times cases of the registry on `engine`, without roofs, calling `progress` with the name of each group before it
/// starts.
///
/// # Errors
/// As [`bench_works`].
pub fn bench(
    engine: &mut Engine,
    cases: &[Case],
    options: BenchOptions,
    progress: impl FnMut(&str),
) -> Result<BenchReport> {
    bench_works(engine, &Work::grouped(cases.to_vec()), &Forms::default(), options, None, progress)
}

/// Times what is asked for on `engine`, the forms of a group in turns, so that drift of the machine meets all alike;
/// `progress` hears the title of each group before it starts.
///
/// # Errors
/// The engine is the reference engine, a shape has numbers that do not go together, or the device failed. A wrong
/// kernel is no error here: it is listed in `refused` instead of being timed.
pub fn bench_works(
    engine: &mut Engine,
    works: &[Work],
    forms: &Forms,
    options: BenchOptions,
    peaks: Option<Peaks>,
    mut progress: impl FnMut(&str),
) -> Result<BenchReport> {
    let adapter = engine.adapter().cloned().ok_or_else(|| Error::internal("only a GPU engine can be timed"))?;
    if options.clocks == Clocks::Gpu && !adapter.features.iter().any(|f| f == "timestamps") {
        return Err(Error::Unsupported(format!("{} has no timestamps; use --timer wall", adapter.name)));
    }
    let commit = option_env!("UNLEARN_COMMIT");
    engine.set_profile(false);
    let mut report = BenchReport {
        schema: 1,
        version: env!("CARGO_PKG_VERSION"),
        commit,
        adapter,
        peaks,
        rows: Vec::new(),
        refused: Vec::new(),
        timings: Vec::new(),
    };
    let ops = asked::ops();
    let base = engine.mark();
    let mut control = report.peaks.as_ref().and_then(Peaks::roofs).map(|r| Control::prepare(engine, r)).transpose()?;
    for work in works {
        progress(&work.title());
        let mut group = Group::make(engine, work, &ops, forms)?;
        let right = group.verified(engine, &mut report.refused)?;
        if !right.is_empty() {
            rounds::time(engine, &group, right, options, control.as_mut(), &mut report)?;
        }
    }
    if let Some(usual) = control.map(|c| c.usual()).filter(|ns| *ns > 0.0) {
        report.rows.iter_mut().for_each(|row| row.control = row.control.map(|ns| ns / usual));
    }
    engine.release(base);
    Ok(report)
}
