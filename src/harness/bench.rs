//! Timing of cases: validated first, warmed up, then many repeats in one submission, by the GPU's clock and ours.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::compare::Distance;
use super::trial::{self, Outcome, place};
use crate::engine::case::Case;
use crate::engine::{AdapterReport, Engine, Program, Recording, Timing};
use crate::error::{Error, Result};

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub struct BenchOptions {
    /// Timed for at least this long, per clock.
    pub min_time: Duration,
    /// At least so many samples; reached even where `min_time` is over.
    pub min_samples: usize,
    /// No more than this many: the rest would only make the file longer.
    pub max_samples: usize,
}

impl Default for BenchOptions {
    fn default() -> Self {
        BenchOptions { min_time: Duration::from_millis(500), min_samples: 5, max_samples: 200 }
    }
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

/// One timed case.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Registry name of the first kernel it launches: what is computed.
    pub kernel: String,
    /// The shader that computes it: the stem of that name.
    pub variant: String,
    /// Name of the case.
    pub case: String,
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
    /// 10⁹ floating-point operations per second at the median.
    pub gflops: f64,
    /// 10⁹ bytes per second at the median.
    pub gbps: f64,
    /// Whose clock it was.
    pub timer: Timer,
    /// Median by the host's clock, for the cost of launching.
    pub wall_ns: f64,
    /// Repeats in one submission.
    pub repeats: usize,
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
    /// What was timed.
    pub rows: Vec<Row>,
    /// What was not.
    pub refused: Vec<Refused>,
    /// Every dispatch of one submission of each case, for a trace.
    #[serde(skip)]
    pub timings: Vec<Timing>,
}

/// Times the cases on `engine`, calling `progress` with the name of each before it starts.
///
/// # Errors
/// The engine is the reference engine, or the device failed. A wrong kernel is no error here: it is listed in
/// `refused` instead of being timed.
pub fn bench(
    engine: &mut Engine,
    cases: &[Case],
    options: BenchOptions,
    mut progress: impl FnMut(&str),
) -> Result<BenchReport> {
    let adapter = engine.adapter().cloned().ok_or_else(|| Error::internal("only a GPU engine can be timed"))?;
    let commit = option_env!("UNLEARN_COMMIT");
    engine.set_profile(false);
    let mut report = BenchReport {
        schema: 1,
        version: env!("CARGO_PKG_VERSION"),
        commit,
        adapter,
        rows: Vec::new(),
        refused: Vec::new(),
        timings: Vec::new(),
    };
    for case in cases {
        progress(&case.name);
        let (why, wrong) = match trial::trial(engine, case)? {
            Outcome::Pass(distance) => {
                let row = time(engine, case, options, distance, &mut report.timings)?;
                report.rows.push(row);
                continue;
            }
            Outcome::Fail(why) => (why.what, true),
            Outcome::Unsupported(why) => (why, false),
        };
        report.refused.push(Refused { case: case.name.clone(), why, wrong });
    }
    Ok(report)
}

fn time(
    engine: &mut Engine,
    case: &Case,
    options: BenchOptions,
    check: Distance,
    trace: &mut Vec<Timing>,
) -> Result<Row> {
    let base = engine.mark();
    let row = time_from(engine, case, options, check, trace);
    engine.set_profile(false);
    engine.release(base);
    row
}

/// Host time of one sample, at least: far above the clock's resolution and the cost of a submission.
const SAMPLE: Duration = Duration::from_millis(4);

fn time_from(
    engine: &mut Engine,
    case: &Case,
    options: BenchOptions,
    check: Distance,
    trace: &mut Vec<Timing>,
) -> Result<Row> {
    let base = engine.mark();
    place(engine, case)?;
    let rec = case.rec.clone().rebased(base);
    let once = engine.compile(rec.clone())?;
    // The first run carries the driver's compile; the second tells how often to repeat.
    engine.run(&once, &[])?;
    let single = wall(engine, &once)?;
    let repeats = (SAMPLE.as_secs_f64() / single.max(1e-7)).ceil().clamp(1.0, 256.0) as usize;
    let program = engine.compile(repeated(&rec, repeats))?;
    engine.run(&program, &[])?;
    let walls = sample(options, || Ok(vec![wall(engine, &program)? * 1e9 / repeats as f64]))?;
    engine.set_profile(true);
    engine.take_timings();
    engine.run(&program, &[])?;
    let per_repeat = case.rec.dispatches().count().max(1);
    let timings = engine.take_timings();
    let stamped = timings.iter().any(|t| t.duration_ns > 0);
    trace.extend(timings);
    let (timer, samples_ns) = match stamped {
        true => (Timer::Gpu, sample(options, || gpu_samples(engine, &program, per_repeat))?),
        false => (Timer::Wall, walls.clone()),
    };
    Ok(row(case, check, timer, samples_ns, median(&walls), repeats))
}

fn row(case: &Case, check: Distance, timer: Timer, samples_ns: Vec<f64>, wall_ns: f64, repeats: usize) -> Row {
    let first = case.rec.dispatches().next().map(|d| d.kernel);
    let sum = |of: fn(&crate::engine::Dispatch) -> u64| case.rec.dispatches().map(of).sum::<u64>() as f64;
    let (flops, bytes) = (sum(|d| d.flops), sum(|d| d.bytes));
    let median_ns = median(&samples_ns);
    let sets = case.rec.dispatches().flat_map(|d| d.consts.iter().map(|(n, v)| ((*n).to_owned(), *v)));
    Row {
        kernel: first.map_or(String::new(), |k| k.name.to_owned()),
        variant: first.map_or(String::new(), |k| k.stem().to_owned()),
        case: case.name.clone(),
        overrides: sets.collect(),
        median_ns,
        mad_ns: mad(&samples_ns),
        min_ns: samples_ns.iter().copied().fold(f64::INFINITY, f64::min),
        max_ns: samples_ns.iter().copied().fold(0.0, f64::max),
        gflops: flops / median_ns.max(1.0),
        gbps: bytes / median_ns.max(1.0),
        timer,
        wall_ns,
        repeats,
        check,
        samples_ns,
    }
}

fn repeated(rec: &Recording, times: usize) -> Recording {
    let mut all = rec.clone();
    for _ in 1..times {
        all.commands.extend(rec.commands.iter().cloned());
    }
    all
}

/// Seconds of one run by the host's clock.
fn wall(engine: &mut Engine, program: &Program) -> Result<f64> {
    let started = Instant::now();
    engine.run(program, &[])?;
    Ok(started.elapsed().as_secs_f64())
}

/// Nanoseconds of every repeat of one profiled run.
fn gpu_samples(engine: &mut Engine, program: &Program, per_repeat: usize) -> Result<Vec<f64>> {
    engine.run(program, &[])?;
    let timings = engine.take_timings();
    Ok(timings.chunks_exact(per_repeat).map(|c| c.iter().map(|t| t.duration_ns as f64).sum()).collect())
}

fn sample(options: BenchOptions, mut once: impl FnMut() -> Result<Vec<f64>>) -> Result<Vec<f64>> {
    let started = Instant::now();
    let mut all = Vec::new();
    while all.len() < options.min_samples || (started.elapsed() < options.min_time && all.len() < options.max_samples) {
        all.extend(once()?);
    }
    all.truncate(options.max_samples.max(options.min_samples));
    Ok(all)
}

/// The middle value; 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

/// Median absolute deviation from the median.
pub fn mad(values: &[f64]) -> f64 {
    let middle = median(values);
    median(&values.iter().map(|v| (v - middle).abs()).collect::<Vec<_>>())
}
