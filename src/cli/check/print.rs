//! What `unlearn check` prints.

use serde_json::json;

use crate::cli::output::{Table, emit, emit_json};
use crate::engine::case::Case;
use crate::error::Result;
use crate::harness::check::coverage::Coverage;
use crate::harness::check::markdown::{cell, counts};
use crate::harness::check::{AdapterResult, CaseResult, CheckReport, Kind, Planned, Selection};

/// Adapters, the matrix, stale expectations.
pub fn text(report: &CheckReport) -> String {
    let mut out = String::new();
    for fault in &report.planted {
        out += &format!("a fault was planted on purpose: {fault}\n");
    }
    for adapter in &report.adapters {
        out += &format!("{}: {} · {}\n", adapter.label, described(adapter), counts(adapter));
    }
    for left_out in &report.left_out {
        out += &format!("{left_out}\n");
    }
    let mut columns = vec![String::new()];
    columns.extend(report.adapters.iter().map(|a| a.label.clone()));
    let mut table = Table { columns, rows: Vec::new() };
    for (row, tallies) in report.matrix() {
        table.row(std::iter::once(row).chain(tallies.iter().map(|t| cell(t, report.kind))));
    }
    out += &table.to_string();
    for stale in &report.stale {
        out += &format!("stale expectation: {stale}\n");
    }
    out
}

/// Names; the document holds the kernels that each records, and the tolerance where it is a case.
pub fn list(plan: &[Planned], kind: Kind, as_json: bool) -> Result<()> {
    if as_json {
        let version = env!("CARGO_PKG_VERSION");
        return emit_json(&json!({ "schema": 1, "version": version, "kind": kind, "cases": plan }));
    }
    emit(&plan.iter().map(|p| format!("{}\n", p.name)).collect::<String>())
}

/// Each row with its count, then the sum and what is left out.
pub fn coverage(of: &Coverage) -> String {
    let mut table = Table::new(&["", "cases"]);
    of.rows.iter().for_each(|(name, count)| table.row([name.clone(), count.to_string()]));
    let (covered, rows) = of.counts();
    let percent = 100.0 * covered as f64 / rows.max(1) as f64;
    let mut out = format!("{table}{covered} of {rows} {} are covered ({percent:.1} %)\n", of.of);
    if !of.uncovered.is_empty() {
        out += &format!("not covered: {}\n", of.uncovered.join(", "));
    }
    if let Some(beside) = &of.kernels_beside {
        out += &format!(
            "kernels that no network's passes record (`unlearn check test` runs them): {}\n",
            beside.join(", ")
        );
    }
    out
}

/// Everything about one case: what it is, then what became of it on each adapter.
pub fn repro(report: &CheckReport, selection: &Selection) -> Result<String> {
    let mut out = String::new();
    selection.each(|item| {
        out += &format!("{}\n", item.name);
        if let Some(case) = item.case() {
            out += &recorded(case);
        }
        Ok(())
    })?;
    for fault in &report.planted {
        out += &format!("a fault was planted on purpose: {fault}\n");
    }
    for adapter in &report.adapters {
        out += &format!("\n{}: {}\n", adapter.label, described(adapter));
        adapter.cases.iter().for_each(|result| out += &outcome(result));
    }
    Ok(out)
}

/// The adapter, and what tells its column from a plain one.
fn described(of: &AdapterResult) -> String {
    let with = of.with();
    if with.is_empty() { of.adapter.describe() } else { format!("{} · {with}", of.adapter.describe()) }
}

fn recorded(case: &Case) -> String {
    let mut out = String::new();
    for d in case.rec.dispatches() {
        let sets: Vec<String> = d.consts.iter().map(|(n, v)| format!("{n}={v}")).collect();
        out += &format!("  kernel    {} {}\n", d.kernel.name, sets.join(" "));
    }
    for buffer in &case.buffers {
        out += &format!("  buffer    {} {:?}, {} elements\n", buffer.name, buffer.role, buffer.init.bytes().len() / 4);
    }
    out + &format!("  tolerance |got − want| ≤ {:e} + {:e}·|want|\n", case.atol, case.rtol)
}

fn outcome(result: &CaseResult) -> String {
    let mut out = format!("  status    {} in {:.3} s\n", result.status.word(), result.seconds);
    for (head, text) in [("message", &result.message), ("expected", &result.expected)] {
        out += &text.as_ref().map_or(String::new(), |t| format!("  {head:<9} {t}\n"));
    }
    let Some(d) = &result.worst else { return out };
    out += &format!(
        "  worst     absolute {:e} · relative {:e} · {:.2} ulp · normalised mean square {:e}\n",
        d.max_abs, d.max_rel, d.max_ulp, d.nmse
    );
    out += &format!("  results   {} NaN, {} infinite, {} outside the tolerance\n", d.nan, d.inf, d.bad);
    if let Some(at) = d.first_bad {
        out += &format!("  first bad element {at}: {:e}, expected {:e}\n", d.got, d.want);
    }
    out
}
