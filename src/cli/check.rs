use std::path::PathBuf;

use regex::Regex;

use super::output::{Table, emit, emit_json, json_text};
use super::{Context, Run};
use crate::engine::{AdapterReport, Engine, GpuOptions, adapters};
use crate::error::{Error, Result};
use crate::harness::check::{CheckReport, Status, Tally, check};
use crate::harness::junit::junit;
use crate::kernels;
use crate::train::write_atomic;

/// Check every kernel, case by case, against its CPU twin on the chosen adapter (`--adapter all`: on each)
#[derive(clap::Args, Debug)]
pub struct Check {
    /// Only the cases whose name matches
    #[arg(short = 'k', long = "filter", value_name = "REGEX", value_parser = Regex::new)]
    filter: Option<Regex>,
    /// Write a JUnit report
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print the JSON document on stdout, or write it to FILE beside the table
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    json: Option<Option<PathBuf>>,
}

impl Run for Check {
    fn run(self, cx: &Context) -> Result<()> {
        let mut cases = kernels::cases();
        cases.retain(|c| c.test);
        if let Some(filter) = &self.filter {
            cases.retain(|c| filter.is_match(&c.name));
        }
        if cases.is_empty() {
            return Err(Error::input("no case matches the filter; `unlearn list kernels` names the kernels"));
        }
        let on = chosen(cx)?;
        let bar = cx.bar((cases.len() * on.len()) as u64);
        let report = check(&cases, &on, |adapter, result| {
            bar.inc(1);
            bar.set_message(result.case.clone());
            if let (Status::Fail, Some(what)) = (result.status, &result.message) {
                bar.suspend(|| cx.note(&format!("FAIL {} on {}: {what}", result.case, adapter.describe())));
            }
        })?;
        bar.finish_and_clear();
        if let Some(path) = &self.junit {
            write_atomic(path, junit(&report)?.as_bytes())?;
        }
        if let Some(Some(path)) = &self.json {
            write_atomic(path, json_text(&report)?.as_bytes())?;
        }
        match cx.json || matches!(self.json, Some(None)) {
            true => emit_json(&report)?,
            false => emit(&text(&report))?,
        }
        match report.failures() {
            0 => Ok(()),
            n => Err(Error::CheckFailed(format!("{n} of {} trials failed", cases.len() * on.len()))),
        }
    }
}

/// The adapter that the flags choose, or all of them.
fn chosen(cx: &Context) -> Result<Vec<AdapterReport>> {
    if cx.adapter.as_deref() != Some("all") {
        let engine = Engine::gpu(GpuOptions { choice: cx.choice(), ..Default::default() })?;
        return Ok(engine.adapter().cloned().into_iter().collect());
    }
    let mut all = adapters();
    all.retain(|a| cx.backend.as_ref().is_none_or(|b| a.backend == *b));
    match all.is_empty() {
        true => Err(Error::input("no GPU adapter was found; nothing can be checked")),
        false => Ok(all),
    }
}

fn text(report: &CheckReport) -> String {
    let mut out = String::new();
    for adapter in &report.adapters {
        let t = adapter.tally();
        let a = &adapter.adapter;
        out += &format!(
            "{}: {} · {} passed, {} failed, {} unsupported\n",
            a.index,
            a.describe(),
            t.pass,
            t.fail,
            t.unsupported
        );
    }
    let mut columns = vec!["kernel".to_owned()];
    columns.extend(report.adapters.iter().map(|a| format!("{} {}", a.adapter.index, a.adapter.backend)));
    let mut table = Table { columns, rows: Vec::new() };
    for (kernel, tallies) in report.matrix() {
        table.row(std::iter::once(kernel.to_owned()).chain(tallies.iter().map(cell)));
    }
    out + &table.to_string()
}

/// `ok 12 (3.1 ulp)`, `FAIL 2 of 12`, `unsup 4`.
fn cell(t: &Tally) -> String {
    let unsupported = if t.unsupported > 0 { format!(" unsup {}", t.unsupported) } else { String::new() };
    let found = match (t.pass, t.fail) {
        (0, 0) => String::new(),
        (pass, 0) => format!("ok {pass} ({:.1} ulp)", t.max_ulp),
        (pass, fail) => format!("FAIL {fail} of {}", pass + fail),
    };
    (found + &unsupported).trim().to_owned()
}
