use std::path::Path;
use std::time::Duration;

use super::output::{emit, emit_json};
use super::{Context, Run};
use crate::error::{Error, Result};
use crate::harness::check::drivers::{self, Driver};
use crate::harness::check::listing::list;
use crate::harness::check::{CheckReport, Status};
use crate::harness::doctor::{Diagnosis, Weight};

/// Say whether this machine can run the program, what to install, and whether its adapter computes correctly
#[derive(clap::Args, Debug)]
pub struct Doctor {
    /// Look at a further Vulkan driver, by its manifest (or at the `system`'s own), with variables of its own
    #[arg(long, value_name = "NAME=ICD.json[,VAR=VALUE…]")]
    driver: Vec<Driver>,
    /// Stop a trial that takes longer
    #[arg(long, value_name = "SECONDS", default_value_t = 120.0, value_parser = super::bench::seconds)]
    timeout: f64,
}

impl Run for Doctor {
    fn run(self, cx: &Context) -> Result<()> {
        let program = std::env::current_exe().map_err(Error::io("find", Path::new("the running program")))?;
        let timeout = Duration::from_secs_f64(self.timeout.max(0.1));
        let bare =
            || Ok::<_, Error>(self.driver.is_empty() && list(&program, &[], timeout)?.is_ok_and(|a| a.is_empty()));
        let columns = match drivers::columns(&program, &cx.choice(), &self.driver, timeout) {
            Ok(columns) => columns,
            // That there is none is a finding here; that the one asked for is not there is the user's to mend.
            Err(Error::Input(_)) if bare()? => Vec::new(),
            Err(other) => return Err(other),
        };
        let diagnosis = Diagnosis::make(program, &columns, timeout)?;
        match cx.json {
            true => emit_json(&diagnosis)?,
            false => emit(&text(&diagnosis))?,
        }
        diagnosis.verdict()
    }
}

fn text(d: &Diagnosis) -> String {
    let f = &d.facts;
    let system = if f.distribution.is_empty() { &f.os } else { &f.distribution };
    let mut out = format!("unlearn {} on {system}, {}\n", d.version, f.arch);
    for finding in &d.findings {
        let word = match finding.weight {
            Weight::Ok => "ok",
            Weight::Note => "note",
            Weight::Missing => "MISSING",
        };
        out += &format!("  {word:<12}{}\n", finding.what);
        out += &finding.todo.as_ref().map_or(String::new(), |todo| format!("  {:<12}→ {todo}\n", ""));
    }
    for report in [&d.smoke, &d.support].into_iter().flatten() {
        out += &results(report);
    }
    let verdict = match d.verdict() {
        Ok(()) => "this machine can run unlearn".to_owned(),
        Err(e) => e.to_string(),
    };
    out + &format!("\n{verdict}\n")
}

fn results(report: &CheckReport) -> String {
    let mut out = String::new();
    for adapter in &report.adapters {
        out += &format!("\n{} of {}: {}\n", report.kind.word(), adapter.label, adapter.adapter.describe());
        for case in &adapter.cases {
            let word =
                if case.status.is_bad() { case.status.word().to_uppercase() } else { case.status.word().to_owned() };
            let said = match (&case.message, &case.worst) {
                (Some(message), _) => {
                    let expected = case.expected.as_ref().map_or(String::new(), |why| format!("; expected: {why}"));
                    format!(": {message}{expected}")
                }
                (None, Some(d)) if case.status == Status::Pass => format!(" ({:.1} ulp)", d.max_ulp),
                _ => String::new(),
            };
            out += &format!("  {word:<12}{}{said}\n", case.case);
        }
    }
    out
}
