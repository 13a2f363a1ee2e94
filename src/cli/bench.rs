use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;

use super::output::{Table, emit, emit_json, json_text};
use super::{Context, Run};
use crate::base::write_atomic;
use crate::engine::case::Case;
use crate::error::{Error, Result};
use crate::harness::baseline::{Baseline, Change, Verdict};
use crate::harness::bench::{BenchOptions, BenchReport, Timer, bench};
use crate::kernels;

/// Validate kernels against their twins, then time them
#[derive(clap::Args, Debug)]
pub struct Bench {
    /// Only the cases whose name matches
    #[arg(value_name = "FILTER", value_parser = Regex::new)]
    filter: Option<Regex>,
    /// Only cases with one of these shapes, as the table writes them: `512x512x512`
    #[arg(long, value_name = "SHAPE", value_delimiter = ',')]
    shape: Vec<String>,
    /// Only these variants: `matmul,matmul_broadcast`
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    variant: Vec<String>,
    /// Time each case for at least so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5, value_parser = seconds)]
    min_time: f64,
    /// Keep the results to compare with later
    #[arg(long, value_name = "FILE")]
    save_baseline: Option<PathBuf>,
    /// Compare with kept results
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Exit with 5 if a median grew by more than this and the intervals do not touch
    #[arg(long, value_name = "PERCENT", requires = "baseline", value_parser = percent)]
    fail_above: Option<f64>,
}

/// Change below which a row counts as the same when no threshold is given.
const DEFAULT_THRESHOLD: f64 = 0.05;

pub(super) fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(s) if (0.0..=3600.0).contains(&s) => Ok(s),
        _ => Err("expected seconds between 0 and 3600".into()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>() {
        Ok(p) if p >= 0.0 && p.is_finite() => Ok(p / 100.0),
        _ => Err("expected a percentage such as 5%".into()),
    }
}

impl Run for Bench {
    fn run(self, cx: &Context) -> Result<()> {
        let cases = self.cases()?;
        cx.outputs().file("--save-baseline", self.save_baseline.as_deref()).reads(&self.baseline).check()?;
        let baseline = self.baseline.as_deref().map(Baseline::load).transpose()?;
        let mut engine = cx.engine()?;
        let bar = cx.bar(cases.len() as u64);
        let options = BenchOptions { min_time: Duration::from_secs_f64(self.min_time), ..Default::default() };
        let report = bench(&mut engine, &cases, options, |name| {
            bar.inc(1);
            bar.set_message(name.to_owned());
        })?;
        bar.finish_and_clear();
        cx.write_trace(&report.timings)?;
        let threshold = self.fail_above.unwrap_or(DEFAULT_THRESHOLD);
        let changes = baseline.map(|b| b.compare(&report, threshold)).transpose()?.unwrap_or_default();
        for refused in &report.refused {
            let kind = if refused.wrong { "not timed, wrong" } else { "not timed, unsupported" };
            cx.note(&format!("{kind}: {}: {}", refused.case, refused.why));
        }
        match cx.json {
            true => emit_json(&document(&report, &changes)?)?,
            false => emit(&text(&report, &changes))?,
        }
        verdict(&report, &changes, self.fail_above)?;
        match &self.save_baseline {
            Some(path) => write_atomic(path, json_text(&report)?.as_bytes()),
            None => Ok(()),
        }
    }
}

impl Bench {
    fn cases(&self) -> Result<Vec<Case>> {
        let mut cases = kernels::cases();
        cases.retain(|c| {
            let mut words = c.name.split(' ');
            let stem = words.next().and_then(|kernel| kernel.split('.').nth(1)).unwrap_or_default();
            c.bench
                && self.filter.as_ref().is_none_or(|f| f.is_match(&c.name))
                && (self.shape.is_empty() || words.any(|w| self.shape.iter().any(|s| s == w)))
                && (self.variant.is_empty() || self.variant.iter().any(|v| v == stem))
        });
        match cases.is_empty() {
            true => Err(Error::input("no timed case matches the filter, --shape and --variant")),
            false => Ok(cases),
        }
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

fn document(report: &BenchReport, changes: &[Change]) -> Result<serde_json::Value> {
    let unwritable = |e: serde_json::Error| Error::internal(format!("a result cannot be written as JSON: {e}"));
    let mut document = serde_json::to_value(report).map_err(unwritable)?;
    if !changes.is_empty() {
        document["changes"] = serde_json::to_value(changes).map_err(unwritable)?;
    }
    Ok(document)
}

fn text(report: &BenchReport, changes: &[Change]) -> String {
    let mut columns = vec!["case", "variant", "median µs", "MAD", "min", "GFLOP/s", "GB/s", "timer", "wall µs"];
    if !changes.is_empty() {
        columns.push("vs baseline");
    }
    let mut table = Table::new(&columns);
    for row in &report.rows {
        let us = |ns: f64| format!("{:.1}", ns / 1e3);
        let timer = if row.timer == Timer::Gpu { "gpu" } else { "wall" };
        let mut cells = vec![row.case.clone(), row.variant.clone(), us(row.median_ns), us(row.mad_ns), us(row.min_ns)];
        cells.extend([format!("{:.2}", row.gflops), format!("{:.2}", row.gbps), timer.to_owned(), us(row.wall_ns)]);
        if let Some(change) = changes.iter().find(|c| c.case == row.case) {
            let word = match change.verdict {
                Verdict::Same => "same",
                Verdict::Faster => "faster",
                Verdict::Slower => "SLOWER",
                Verdict::New => "new",
            };
            cells.push(change.relative.map_or(word.to_owned(), |r| format!("{:+.1} % {word}", r * 100.0)));
        }
        table.row(cells);
    }
    format!("{}\n{table}", report.adapter.describe())
}
