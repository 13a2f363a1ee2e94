//! A report as Markdown: the matrix that people publish, and below it what failed and why.

use std::fmt::Write;

use super::{AdapterResult, CheckReport, Kind, Status, Tally};

/// The whole page.
pub fn markdown(report: &CheckReport) -> String {
    let mut out = format!("# unlearn {} · check {} · shapes {}\n\n", report.version, report.kind.word(), report.shapes);
    for fault in &report.planted {
        // A page about planted faults must not pass for one about a driver.
        let _ = writeln!(out, "**A fault was planted on purpose:** {}\n", escaped(fault));
    }
    out += "| # | adapter | backend | driver | with | results |\n| --- | --- | --- | --- | --- | --- |\n";
    for a in &report.adapters {
        let r = &a.adapter;
        let driver = format!("{} {}", r.driver, r.driver_info);
        let cells = [&a.label, &r.name, &r.backend, driver.trim(), &a.with(), &counts(a)].map(escaped);
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    for left_out in &report.left_out {
        let _ = writeln!(out, "\n{}", escaped(left_out));
    }
    out += "\n| |";
    out.extend(report.adapters.iter().map(|a| format!(" {} |", escaped(&a.label))));
    out += "\n| --- |";
    out.extend(report.adapters.iter().map(|_| " --- |"));
    out += "\n";
    for (row, tallies) in report.matrix() {
        let cells: Vec<String> = tallies.iter().map(|t| cell(t, report.kind)).collect();
        let _ = writeln!(out, "| {} | {} |", escaped(&row), cells.join(" | "));
    }
    for adapter in &report.adapters {
        out += &findings(adapter);
    }
    if !report.stale.is_empty() {
        out += "\n## Stale expectations\n\n";
        out.extend(report.stale.iter().map(|s| format!("- {}\n", escaped(s))));
    }
    out
}

/// `71 pass, 2 xfail, 3 unsupported`.
pub fn counts(adapter: &AdapterResult) -> String {
    let all: Vec<String> = CheckReport::counts(adapter).into_iter().map(|(s, n)| format!("{n} {}", s.word())).collect();
    all.join(", ")
}

/// `12 (3.1 ulp)`, `FAIL 2 of 12`, `xfail 1`, `unsupported 4`.
pub fn cell(t: &Tally, kind: Kind) -> String {
    let mut parts = Vec::new();
    match (t.pass, t.fail) {
        (0, 0) => {}
        (_, 0) if t.ns > 0.0 => parts.push(format!("{:.1} µs ({:.2} GFLOP/s)", t.ns / 1e3, t.gflops)),
        (pass, 0) if kind == Kind::Support => {
            parts.push(if pass == 1 { "ok".to_owned() } else { format!("ok {pass}") })
        }
        (pass, 0) => parts.push(format!("ok {pass} ({:.1} ulp)", t.max_ulp)),
        (pass, fail) => parts.push(format!("FAIL {fail} of {}", pass + fail)),
    }
    let others = [("xfail", t.xfail), ("unsup", t.unsupported), ("skipped", t.skipped)];
    parts.extend(others.into_iter().filter(|(_, n)| *n > 0).map(|(word, n)| format!("{word} {n}")));
    parts.join(" ")
}

/// What did not pass on an adapter; unsupported cases are summed up by their reason.
fn findings(adapter: &AdapterResult) -> String {
    let mut out = String::new();
    let told = adapter.cases.iter().filter(|c| !matches!(c.status, Status::Pass | Status::Unsupported));
    for case in told {
        let why = [&case.message, &case.expected].into_iter().flatten().map(escaped).collect::<Vec<_>>();
        let _ = writeln!(out, "- **{}** `{}`: {}", case.status.word(), case.case, why.join("; expected: "));
    }
    let mut missing: std::collections::BTreeMap<&str, usize> = Default::default();
    for case in adapter.cases.iter().filter(|c| c.status == Status::Unsupported) {
        *missing.entry(case.message.as_deref().unwrap_or_default()).or_default() += 1;
    }
    for (feature, count) in missing {
        let _ = writeln!(out, "- unsupported, {count}: {}", escaped(feature));
    }
    let (label, what) = (escaped(&adapter.label), escaped(adapter.adapter.describe()));
    if out.is_empty() { out } else { format!("\n## {label}: {what}\n\n{out}") }
}

/// Text that cannot end a cell or a line.
fn escaped(text: impl AsRef<str>) -> String {
    text.as_ref().replace('|', "\\|").replace('\n', " ")
}
