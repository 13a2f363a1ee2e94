//! `unlearn bench kernels`, and `unlearn bench` alone.

use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;

use super::format::{self, Format};
use super::{columns, peaks, percent, seconds};
use crate::base::write_atomic;
use crate::cli::output::{emit, json_text};
use crate::cli::{Context, Run};
use crate::error::{Error, Result};
use crate::harness::baseline::{Baseline, Change, Verdict};
use crate::harness::bench::{BenchOptions, BenchReport, Clocks, bench_works};

/// Time kernels: forms side by side, each with its share of the roof
#[derive(clap::Args, Debug, Default, PartialEq)]
pub(super) struct Kernels {
    /// Only the cases of the registry whose name matches
    #[arg(value_name = "FILTER", value_parser = regular)]
    pub filter: Option<String>,
    /// Time operations at any shape: `matmul`, `conv2d_fwd,spmm`; --describe lists them
    #[arg(long, value_name = "OP", value_delimiter = ',', conflicts_with = "filter")]
    pub op: Vec<String>,
    /// Shapes for --op, lists and ranges: `256x256x256,1024-4096*2`; without it only cases with such a shape
    #[arg(long, value_name = "SHAPE", value_delimiter = ',')]
    pub shape: Vec<String>,
    /// The operations of a network: lenet5, resnet18, gcn-cora, arxiv, gpt2-small, fisher
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with_all = ["filter", "shape"])]
    pub preset: Vec<String>,
    /// Records, or tokens, of a step of the presets
    #[arg(long, value_name = "N", requires = "preset", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub batch: Option<u32>,
    /// Only these forms: `matmul_tiled`, `plain,tiled`, `chosen` (what a recording gets here)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub variant: Vec<String>,
    /// Whose clock: `both` shows the GPU's and the host's side by side
    #[arg(long, value_name = "CLOCK", value_parser = ["gpu", "wall", "both"])]
    pub timer: Option<String>,
    /// Time each form for at least so many seconds [default: 0.5]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub min_time: Option<f64>,
    /// Measure the peaks anew, in the place of those kept for this adapter and driver
    #[arg(long)]
    pub fresh: bool,
    /// Without peaks: no share of the roof, no control
    #[arg(long, conflicts_with = "fresh")]
    pub no_peaks: bool,
    /// Print as this [default: table]
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    pub output: Option<Format>,
    /// Also write to files, by their endings: .json .csv .md .svg (a roofline plot)
    #[arg(long, value_name = "FILE")]
    pub write: Vec<PathBuf>,
    /// Say what each column means, and what --op and --preset take
    #[arg(long)]
    pub describe: bool,
    /// Keep the results to compare with later
    #[arg(long, value_name = "FILE")]
    pub save_baseline: Option<PathBuf>,
    /// Compare with kept results
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Exit with 5 if a median grew by more than this and the intervals do not touch
    #[arg(long, value_name = "PERCENT", requires = "baseline", value_parser = percent)]
    pub fail_above: Option<f64>,
}

/// Change below which a row counts as the same when no threshold is given.
const DEFAULT_THRESHOLD: f64 = 0.05;

/// Seconds that each form is timed for where nothing else is asked.
const MIN_TIME: f64 = 0.5;

fn regular(text: &str) -> Result<String, String> {
    Regex::new(text).map(|_| text.to_owned()).map_err(|e| e.to_string())
}

impl Run for Kernels {
    fn run(self, cx: &Context) -> Result<()> {
        if self.describe {
            return emit(&format!("{}\n{}", columns::described(), format::asked()));
        }
        let works = self.works()?;
        format::writable(&self.write, true)?;
        let mut outputs = cx.outputs().file("--save-baseline", self.save_baseline.as_deref()).reads(&self.baseline);
        for path in &self.write {
            outputs = outputs.file("--write", Some(path));
        }
        outputs.check()?;
        let baseline = self.baseline.as_deref().map(Baseline::load).transpose()?;
        let mut engine = cx.engine()?;
        let peaks = if self.no_peaks { None } else { Some(peaks::kept(&mut engine, cx, self.fresh)?) };
        let bar = cx.bar(works.len() as u64);
        let report = bench_works(&mut engine, &works, &self.forms(), self.options(), peaks, |name| {
            bar.inc(1);
            bar.set_message(name.to_owned());
        })?;
        bar.finish_and_clear();
        cx.write_trace(&report.timings)?;
        for refused in &report.refused {
            let kind = if refused.wrong { "not timed, wrong" } else { "not timed, unsupported" };
            cx.note(&format!("{kind}: {}: {}", refused.case, refused.why));
        }
        let threshold = self.fail_above.unwrap_or(DEFAULT_THRESHOLD);
        let changes = baseline.map(|b| b.compare(&report, threshold)).transpose()?.unwrap_or_default();
        let format = if cx.json { Format::Json } else { self.output.unwrap_or_default() };
        emit(&format::kernels(&report, &changes, format)?)?;
        for path in &self.write {
            write_atomic(path, format::kernels(&report, &changes, Format::of(path)?)?.as_bytes())?;
        }
        verdict(&report, &changes, self.fail_above)?;
        match &self.save_baseline {
            Some(path) => write_atomic(path, json_text(&report)?.as_bytes()),
            None => Ok(()),
        }
    }
}

impl Kernels {
    fn options(&self) -> BenchOptions {
        let clocks = match self.timer.as_deref() {
            Some("gpu") => Clocks::Gpu,
            Some("wall") => Clocks::Wall,
            _ => Clocks::Both,
        };
        let min_time = Duration::from_secs_f64(self.min_time.unwrap_or(MIN_TIME));
        BenchOptions { min_time, clocks, ..Default::default() }
    }
}

fn verdict(report: &BenchReport, changes: &[Change], fail_above: Option<f64>) -> Result<()> {
    let wrong: Vec<_> = report.refused.iter().filter(|r| r.wrong).map(|r| r.case.as_str()).collect();
    if !wrong.is_empty() {
        return Err(Error::CheckFailed(format!("wrong results, so not timed: {}", wrong.join(", "))));
    }
    let slower: Vec<_> = changes.iter().filter(|c| c.verdict == Verdict::Slower).map(|c| c.case.as_str()).collect();
    match fail_above {
        Some(limit) if !slower.is_empty() => Err(Error::Regression(format!(
            "slower than the baseline by more than {} % and outside both intervals: {}",
            limit * 100.0,
            slower.join(", ")
        ))),
        _ => Ok(()),
    }
}
