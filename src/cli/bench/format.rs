//! Results as a table, as Markdown, as CSV, as JSON, as a picture.

mod whole;

use std::path::{Path, PathBuf};

pub(super) use whole::whole;

use crate::cli::markdown;
use crate::cli::output::{Table, json_text};
use crate::error::{Error, Result};
use crate::harness::baseline::{Change, Verdict};
use crate::harness::bench::{BenchReport, Bound, PRESETS, Peaks, Row, Timer};
use crate::kernels::asked::{ops, word};
use crate::run::report::roofline::{Dot, roofline};

/// How results are printed or written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    #[default]
    Table,
    Md,
    Csv,
    Json,
    /// A roofline plot.
    Svg,
}

impl Format {
    /// By the ending of a file's name.
    ///
    /// # Errors
    /// Another ending.
    pub fn of(path: &Path) -> Result<Format> {
        match path.extension().and_then(|e| e.to_str()) {
            Some("md") => Ok(Format::Md),
            Some("csv") => Ok(Format::Csv),
            Some("json") => Ok(Format::Json),
            Some("svg") => Ok(Format::Svg),
            _ => Err(Error::input(format!("--write {}: the name ends in .json, .csv, .md or .svg", path.display()))),
        }
    }
}

/// # Errors
/// A file with another ending than those that can be written.
pub(super) fn writable(paths: &[PathBuf], plots: bool) -> Result<()> {
    for path in paths {
        if Format::of(path)? == Format::Svg && !plots {
            return Err(Error::input(format!("--write {}: there is no picture of this", path.display())));
        }
    }
    Ok(())
}

/// What `--op` and `--preset` take.
pub(super) fn asked() -> String {
    let mut text = "operations, the numbers of their shapes, the shape where none is asked for\n\n".to_owned();
    let mut table = Table::new(&["--op", "shape", "default", "computes"]);
    ops().iter().for_each(|op| table.row([op.name, op.dims, &word(op.example), op.about]));
    text += &format!("{table}\npresets\n\n");
    let mut table = Table::new(&["--preset", "--batch", "stands for"]);
    for preset in PRESETS {
        let batch = if preset.batch == 0 { "-".to_owned() } else { preset.batch.to_string() };
        table.row([preset.name.to_owned(), batch, preset.about.to_owned()]);
    }
    text + &table.to_string()
}

/// Lines above a table.
fn head(adapter: &str, commit: Option<&str>) -> String {
    let commit = commit.map_or(String::new(), |c| format!(" · commit {c}"));
    format!("{adapter} · unlearn {}{commit}\n", env!("CARGO_PKG_VERSION"))
}

fn us(ns: f64) -> String {
    format!("{:.1}", ns / 1e3)
}

/// Three digits that count, without an exponent.
fn figure(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// # Errors
/// A document that cannot be written, or a picture without peaks.
pub(super) fn kernels(report: &BenchReport, changes: &[Change], format: Format) -> Result<String> {
    match format {
        Format::Json => json_text(&document(report, changes)?),
        Format::Csv => csv(&report.rows),
        Format::Svg => plot(report),
        Format::Table => Ok(format!("{}{}{}", above(report), rows(report, changes), below(report))),
        Format::Md => {
            let table = markdown::of_table(&rows(report, changes));
            Ok(format!("{}\n{table}\n{}", above(report), below(report)))
        }
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

fn above(report: &BenchReport) -> String {
    let head = head(&report.adapter.describe(), report.commit);
    let Some(peaks) = &report.peaks else { return head };
    let roofs = peaks.roofs().map(|(fma, copy)| {
        let (fma, copy) = (figure(fma), figure(copy));
        format!("peaks: copy {copy} GB/s, multiply-adds {fma} GFLOP/s f32 (measured {})\n", peaks.measured)
    });
    head + &roofs.unwrap_or_default()
}

/// The control, and what a mark in the table means.
fn below(report: &BenchReport) -> String {
    let control = report
        .drift()
        .map(|(low, high)| format!("control: 1.00x in the middle, {low:.2}x … {high:.2}x from group to group\n"));
    let marked = report.rows.iter().any(|row| row.chosen == Some(true));
    let tuned = report.rows.iter().any(|row| row.tuned == Some(true));
    let mark = if marked { "* what a recording gets on this adapter at this shape\n" } else { "" };
    let tuned = if tuned { "* (tuned): because `unlearn tune` measured it here\n" } else { "" };
    format!("{mark}{tuned}{}", control.unwrap_or_default())
}

fn rows(report: &BenchReport, changes: &[Change]) -> Table {
    let (roofed, reduced) = (report.peaks.is_some(), report.rows.iter().any(|row| row.verified != "whole"));
    let mut columns = vec!["case", "variant", "median µs", "MAD", "min", "GFLOP/s", "GB/s", "AI"];
    columns.extend(if roofed { &["bound", "% roof"][..] } else { &[] });
    columns.extend(["timer", "wall µs"]);
    columns.extend(if changes.is_empty() { None } else { Some("vs baseline") });
    columns.extend(reduced.then_some("verified"));
    let mut table = Table::new(&columns);
    for row in &report.rows {
        let mark = match (row.chosen, row.tuned) {
            (_, Some(true)) => " * (tuned)",
            (Some(true), _) => " *",
            _ => "",
        };
        let mut cells = vec![row.case.clone(), format!("{}{mark}", row.variant)];
        cells.extend([us(row.median_ns), us(row.mad_ns), us(row.min_ns)]);
        cells.extend([row.gflops, row.gbps, row.ai].map(|v| format!("{v:.2}")));
        if roofed {
            cells.push(row.bound.map_or("", bound).to_owned());
            cells.push(row.roof_pct.map_or(String::new(), figure));
        }
        cells.push(if row.timer == Timer::Gpu { "gpu" } else { "wall" }.to_owned());
        cells.push(if row.wall_ns > 0.0 { us(row.wall_ns) } else { "-".to_owned() });
        if !changes.is_empty() {
            cells.push(changes.iter().find(|c| c.case == row.case).map_or(String::new(), change));
        }
        cells.extend(reduced.then(|| row.verified.clone()));
        table.row(cells);
    }
    table
}

fn bound(bound: Bound) -> &'static str {
    match bound {
        Bound::Comp => "comp",
        Bound::Mem => "mem",
    }
}

fn change(change: &Change) -> String {
    let word = match change.verdict {
        Verdict::Same => "same",
        Verdict::Faster => "faster",
        Verdict::Slower => "SLOWER",
        Verdict::New => "new",
    };
    change.relative.map_or(word.to_owned(), |r| format!("{:+.1} % {word}", r * 100.0))
}

/// Columns of the CSV, in order; each is a key of a row of the JSON.
const KEYS: [&str; 24] = [
    "commit",
    "adapter",
    "driver",
    "op",
    "shape",
    "kernel",
    "variant",
    "chosen",
    "tuned",
    "case",
    "dtype",
    "median_ns",
    "mad_ns",
    "min_ns",
    "max_ns",
    "flop",
    "bytes",
    "gflops",
    "gbps",
    "ai",
    "bound",
    "roof_pct",
    "timer",
    "wall_ns",
];

fn csv(rows: &[Row]) -> Result<String> {
    let mut lines = vec![KEYS.map(str::to_owned).to_vec()];
    for row in rows {
        let row = serde_json::to_value(row).map_err(|e| Error::internal(e.to_string()))?;
        let cell = |key: &&str| match &row[*key] {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Array(all) => all.iter().map(ToString::to_string).collect::<Vec<_>>().join("x"),
            other => other.to_string(),
        };
        lines.push(KEYS.iter().map(cell).collect());
    }
    csv_of(lines.iter().map(|line| line.iter().map(String::as_str)))
}

fn csv_of<'a>(lines: impl Iterator<Item = impl Iterator<Item = &'a str>>) -> Result<String> {
    let unwritable = |e: &dyn std::fmt::Display| Error::internal(format!("a result cannot be written as CSV: {e}"));
    let mut out = csv::Writer::from_writer(Vec::new());
    for line in lines {
        out.write_record(line).map_err(|e| unwritable(&e))?;
    }
    let bytes = out.into_inner().map_err(|e| unwritable(&e))?;
    String::from_utf8(bytes).map_err(|e| unwritable(&e))
}

fn plot(report: &BenchReport) -> Result<String> {
    let roofs = report.peaks.as_ref().and_then(Peaks::roofs);
    let roofs = roofs.ok_or_else(|| Error::input("a roofline needs peaks; leave --no-peaks out"))?;
    let dots: Vec<Dot> = report
        .rows
        .iter()
        .filter(|row| row.flop > 0 && row.gflops > 0.0)
        .map(|row| Dot { name: row.variant.clone(), intensity: row.ai, gflops: row.gflops })
        .collect();
    Ok(roofline(&format!("Roofline: {}", report.adapter.name), roofs, &dots))
}

/// # Errors
/// A document that cannot be written.
pub(super) fn peaks(peaks: &Peaks, format: Format) -> Result<String> {
    let mut table = Table::new(&["peak", "median", "best", "unit", "MAD", "timer", "samples", "how"]);
    for p in &peaks.peaks {
        let cells = [p.value, p.best].map(figure).into_iter().chain([p.unit.clone(), figure(p.mad), p.timer.clone()]);
        let cells = std::iter::once(p.name.clone()).chain(cells).chain([p.samples.to_string(), p.how.clone()]);
        table.row(cells);
    }
    let head = head(&peaks.adapter.describe(), peaks.commit.as_deref());
    match format {
        Format::Json => json_text(peaks),
        Format::Table => Ok(format!("{head}{table}")),
        Format::Md => Ok(format!("{head}\n{}", markdown::of_table(&table))),
        Format::Csv | Format::Svg => {
            let rows = std::iter::once(&table.columns).chain(&table.rows);
            csv_of(rows.map(|row| row.iter().map(String::as_str)))
        }
    }
}
