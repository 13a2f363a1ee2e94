//! A conformance run as JUnit XML: one suite per adapter, one test case per case.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::check::{AdapterResult, CaseResult, CheckReport, Kind, Status};
use crate::error::{Error, Result};

/// The XML text.
///
/// # Errors
/// A message cannot be written as XML.
pub fn junit(report: &CheckReport) -> Result<String> {
    let mut out = Report::new("unlearn check");
    for adapter in &report.adapters {
        out.add_test_suite(suite(adapter, report.kind));
    }
    let text = out.to_string().map_err(|e| Error::internal(format!("the JUnit report cannot be written: {e}")))?;
    Ok(without_skipped_at_the_root(text))
}

/// The schema of Jenkins's xUnit plug-in (junit-10.xsd) knows the attribute of suites alone, and refuses it of their
/// root.
fn without_skipped_at_the_root(text: String) -> String {
    let root = text.find("<testsuites").unwrap_or(0);
    let end = text[root..].find('>').map_or(root, |at| root + at);
    match text[root..end].find(" skipped=\"") {
        Some(at) => {
            let from = root + at;
            let value = from + " skipped=\"".len();
            let to = text[value..end].find('"').map_or(end, |at| value + at + 1);
            text[..from].to_owned() + &text[to..]
        }
        None => text,
    }
}

fn suite(of: &AdapterResult, kind: Kind) -> TestSuite {
    let a = &of.adapter;
    let mut suite = TestSuite::new(format!("{}: {} ({})", of.label, a.name, a.backend));
    let properties = [
        ("adapter", a.name.clone()),
        ("backend", a.backend.clone()),
        ("driver", format!("{} {}", a.driver, a.driver_info)),
        ("type", a.kind.clone()),
        ("features", a.features.join(" ")),
        ("with", of.with()),
    ];
    for (name, value) in properties {
        suite.add_property((name.to_owned(), value));
    }
    suite.set_time(Duration::from_secs_f64(of.cases.iter().map(|c| c.seconds).sum()));
    suite.add_test_cases(of.cases.iter().map(|case| test_case(of, kind, case)));
    suite
}

fn test_case(of: &AdapterResult, kind: Kind, result: &CaseResult) -> TestCase {
    let mut status = match result.status {
        Status::Pass => TestCaseStatus::success(),
        Status::Fail | Status::Xpass => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Status::Crash | Status::Timeout => TestCaseStatus::non_success(NonSuccessKind::Error),
        Status::Unsupported | Status::Skipped | Status::Xfail => TestCaseStatus::skipped(),
    };
    let said: Vec<&str> = [&result.message, &result.expected].into_iter().flatten().map(String::as_str).collect();
    if !said.is_empty() {
        status.set_message(said.join("; expected: "));
    }
    if result.status != Status::Pass {
        status.set_type(result.status.word());
    }
    if result.status.is_bad() {
        let plain = format!("--adapter {} --backend {}", of.adapter.index, of.adapter.backend);
        let validation = if of.layers.is_some() { " --validation" } else { "" };
        let name = result.case.replace('\'', "'\\''");
        status.set_description(format!(
            "repeat with: unlearn check {} {}{validation} --repro '{name}'",
            kind.word(),
            if of.flags.is_empty() { &plain } else { &of.flags }
        ));
    }
    let mut case = TestCase::new(result.case.clone(), status);
    case.set_classname(result.kernels.join(" "));
    case.set_time(Duration::from_secs_f64(result.seconds));
    case
}
