//! Saved bench results, and what became slower since.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::bench::{BenchReport, Row};
use crate::engine::AdapterReport;
use crate::error::{Error, Result};

/// A bench report read back.
#[derive(Clone, Debug, Deserialize)]
pub struct Baseline {
    schema: u32,
    adapter: BaselineAdapter,
    rows: Vec<BaselineRow>,
}

#[derive(Clone, Debug, Deserialize)]
struct BaselineAdapter {
    name: String,
    backend: String,
    driver: String,
    driver_info: String,
}

#[derive(Clone, Debug, Deserialize)]
struct BaselineRow {
    case: String,
    median_ns: f64,
    mad_ns: f64,
    timer: String,
    samples_ns: Vec<f64>,
}

/// How a row compares with its baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Within the noise of both.
    Same,
    /// By more than the noise of both.
    Faster,
    /// By more than the noise of both.
    Slower,
    /// The baseline has no such row, or timed it by another clock.
    New,
}

/// One row against its baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Name of the case.
    pub case: String,
    /// (now − before) / before of the medians; absent for a new row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative: Option<f64>,
    /// What the two medians say.
    pub verdict: Verdict,
}

/// Half width of the 95 % interval of a median: 1.96 · 1.4826 MAD · sqrt(π/2) / sqrt(n) for normal noise. No more than
/// 16 samples count, because neighbours share the machine's clocks and load.
fn half_width(mad_ns: f64, samples: usize) -> f64 {
    3.64 * mad_ns / (samples.clamp(1, 16) as f64).sqrt()
}

impl Baseline {
    /// Reads a file that `unlearn bench --save-baseline` wrote.
    ///
    /// # Errors
    /// The file is absent, not such a file, or of another schema.
    pub fn load(path: &Path) -> Result<Baseline> {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        Baseline::parse(&text).map_err(|what| Error::input(format!("{}: {what}", path.display())))
    }

    fn parse(text: &str) -> Result<Baseline, String> {
        let read: Baseline = serde_json::from_str(text).map_err(|e| format!("not a saved baseline: {e}"))?;
        match read.schema {
            1 => Ok(read),
            other => Err(format!("baseline schema {other}, this program reads 1; save it again")),
        }
    }

    /// Compares a report with this baseline. A row is slower (or faster) when its median moved by more than
    /// `threshold` (0.05 is 5 %) and the 95 % intervals of both medians do not touch.
    ///
    /// # Errors
    /// The baseline was taken on another adapter or driver, or shares no row with the report.
    pub fn compare(&self, report: &BenchReport, threshold: f64) -> Result<Vec<Change>> {
        self.same_machine(&report.adapter)?;
        let changes: Vec<Change> = report.rows.iter().map(|row| self.change(row, threshold)).collect();
        if changes.iter().all(|c| c.verdict == Verdict::New) {
            return Err(Error::input("the baseline has no row of this run; save it again with the same filter"));
        }
        Ok(changes)
    }

    fn same_machine(&self, now: &AdapterReport) -> Result<()> {
        let then = &self.adapter;
        let of = |a: [&str; 4]| a.join(" · ");
        let before = of([&then.name, &then.backend, &then.driver, &then.driver_info]);
        let after = of([&now.name, &now.backend, &now.driver, &now.driver_info]);
        if before != after {
            return Err(Error::input(format!("the baseline is of {before}, this run of {after}; save one here first")));
        }
        Ok(())
    }

    fn change(&self, row: &Row, threshold: f64) -> Change {
        let timer = serde_json::to_value(row.timer).unwrap_or_default();
        let before = self.rows.iter().find(|b| b.case == row.case && timer == *b.timer && b.median_ns > 0.0);
        let Some(before) = before else {
            return Change { case: row.case.clone(), relative: None, verdict: Verdict::New };
        };
        let relative = (row.median_ns - before.median_ns) / before.median_ns;
        let widths = half_width(row.mad_ns, row.samples_ns.len()) + half_width(before.mad_ns, before.samples_ns.len());
        let apart = (row.median_ns - before.median_ns).abs() > widths;
        let verdict = match relative {
            r if r > threshold && apart => Verdict::Slower,
            r if r < -threshold && apart => Verdict::Faster,
            _ => Verdict::Same,
        };
        Change { case: row.case.clone(), relative: Some(relative), verdict }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::bench::Timer;

    fn row(case: &str, median_ns: f64, mad_ns: f64) -> Row {
        Row {
            commit: None,
            adapter: "a".into(),
            driver: "c".into(),
            op: None,
            shape: Vec::new(),
            kernel: "k".into(),
            variant: "v".into(),
            chosen: None,
            tuned: None,
            case: case.into(),
            dtype: "f32",
            overrides: Default::default(),
            median_ns,
            mad_ns,
            min_ns: median_ns,
            max_ns: median_ns,
            flop: 1,
            bytes: 1,
            gflops: 1.0,
            gbps: 1.0,
            ai: 1.0,
            bound: None,
            roof_pct: None,
            timer: Timer::Wall,
            wall_ns: median_ns,
            wall_mad_ns: 0.0,
            repeats: 1,
            control: None,
            verified: "whole".into(),
            check: Default::default(),
            samples_ns: vec![median_ns],
        }
    }

    fn baseline(rows: &str) -> Baseline {
        let adapter = r#"{"name":"a","backend":"b","driver":"c","driver_info":"d","index":3}"#;
        Baseline::parse(&format!(r#"{{"schema":1,"adapter":{adapter},"rows":[{rows}]}}"#)).expect("parses")
    }

    const BEFORE: &str = r#"{"case":"x","median_ns":1000.0,"mad_ns":10.0,"timer":"wall","samples_ns":[1]}"#;

    #[test]
    fn slower_means_beyond_the_threshold_and_outside_both_intervals() {
        let base = baseline(BEFORE);
        let verdict = |median, mad| base.change(&row("x", median, mad), 0.05).verdict;
        assert_eq!(verdict(1040.0, 0.0), Verdict::Same, "below the threshold");
        assert_eq!(verdict(1100.0, 10.0), Verdict::Slower);
        assert_eq!(verdict(1100.0, 40.0), Verdict::Same, "the intervals touch");
        assert_eq!(verdict(900.0, 10.0), Verdict::Faster);
        assert_eq!(base.change(&row("y", 1.0, 0.0), 0.05).verdict, Verdict::New);
        let gpu = Row { timer: Timer::Gpu, ..row("x", 2000.0, 1.0) };
        assert_eq!(base.change(&gpu, 0.05).verdict, Verdict::New, "another clock");
    }

    #[test]
    fn another_schema_or_no_json_is_refused() {
        assert!(Baseline::parse("{").is_err());
        assert!(Baseline::parse(&BEFORE.replace("case", "x")).is_err());
        let other = r#"{"schema":2,"adapter":{"name":"a","backend":"b","driver":"c","driver_info":"d"},"rows":[]}"#;
        assert!(Baseline::parse(other).expect_err("schema 2").contains("schema 2"));
    }
}
