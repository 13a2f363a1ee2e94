//! A conformance run as JUnit XML: one suite per adapter, one test case per case.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::check::{AdapterResult, CaseResult, CheckReport, Status};
use crate::error::{Error, Result};

/// The XML text.
///
/// # Errors
/// A message cannot be written as XML.
pub fn junit(report: &CheckReport) -> Result<String> {
    let mut out = Report::new("unlearn check");
    for adapter in &report.adapters {
        out.add_test_suite(suite(adapter));
    }
    out.to_string().map_err(|e| Error::internal(format!("the JUnit report cannot be written: {e}")))
}

fn suite(of: &AdapterResult) -> TestSuite {
    let a = &of.adapter;
    let mut suite = TestSuite::new(format!("{}:{}", a.backend, a.name));
    let properties = [
        ("adapter", a.name.clone()),
        ("backend", a.backend.clone()),
        ("driver", format!("{} {}", a.driver, a.driver_info)),
        ("type", a.kind.clone()),
        ("features", a.features.join(" ")),
    ];
    for (name, value) in properties {
        suite.add_property((name.to_owned(), value));
    }
    suite.set_time(Duration::from_secs_f64(of.cases.iter().map(|c| c.seconds).sum()));
    suite.add_test_cases(of.cases.iter().map(|case| test_case(a.index, case)));
    suite
}

fn test_case(adapter: usize, result: &CaseResult) -> TestCase {
    let mut status = match result.status {
        Status::Pass => TestCaseStatus::success(),
        Status::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Status::Unsupported => TestCaseStatus::skipped(),
    };
    if let Some(message) = &result.message {
        status.set_message(message.clone());
    }
    if result.status == Status::Fail {
        let exactly = regex::escape(&result.case);
        status.set_description(format!("repeat with: unlearn check --adapter {adapter} -k '^{exactly}$'"));
    }
    let mut case = TestCase::new(result.case.clone(), status);
    case.set_classname(result.kernels.join(" "));
    case.set_time(Duration::from_secs_f64(result.seconds));
    case
}
