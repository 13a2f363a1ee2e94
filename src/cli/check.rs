mod print;

use std::path::{Path, PathBuf};
use std::time::Duration;

use regex::Regex;

use super::output::{emit, emit_json, json_text};
use super::{Context, Run};
use crate::base::write_atomic;
use crate::engine::AdapterChoice;
use crate::error::{Error, Result};
use crate::harness::check::coverage::Coverage;
use crate::harness::check::drivers::{self, Driver};
use crate::harness::check::expect::{Expectations, OWN, blessed, today};
use crate::harness::check::export::{EXPORTED, export};
use crate::harness::check::fault::planted;
use crate::harness::check::markdown::markdown;
use crate::harness::check::merge::merged;
use crate::harness::check::{CheckReport, Column, Job, Kind, Options, Planned, Selection, Shapes, Status, check, work};
use crate::harness::junit::junit;

use crate::run::outputs::Outputs;

/// Check kernels and gradients on the chosen adapter (`--adapter all`: on each), every adapter in a process of its own
#[derive(clap::Args, Debug)]
pub struct Check {
    /// What: `test` (every kernel, case by case, against its CPU twin), `grad` (layers and architectures against the
    /// reference engine), `support` (features and limits against what is needed) or `perf` (a short timing)
    #[arg(default_value = "test", value_name = "test|grad|support|perf")]
    kind: Kind,
    /// Only the cases whose name matches
    #[arg(short = 'k', long = "filter", value_name = "REGEX", value_parser = Regex::new)]
    filter: Option<Regex>,
    /// `full`: every case; `edge`: the small ones; `random:N`: N random shapes of each family
    #[arg(long, value_name = "edge|random:N|full", default_value = "full")]
    shapes: Shapes,
    /// A further Vulkan driver, by its manifest: one column of its own (may be repeated; alone unless --adapter is
    /// given). `system` in place of the manifest stands for the system's own drivers; variables are set in the
    /// environment of that column
    #[arg(long, value_name = "NAME=ICD.json[,VAR=VALUE…]")]
    driver: Vec<Driver>,
    /// Open Vulkan adapters under the validation layers, synchronisation validation among them: a case during which
    /// they complain fails. Other adapters are left out
    #[arg(long)]
    validation: bool,
    /// Stop a case that takes longer and continue with the next
    #[arg(long, value_name = "SECONDS", default_value_t = 120.0, value_parser = super::bench::seconds)]
    timeout: f64,
    /// So many adapters at the same time (a software adapter keeps about one core busy); `perf` takes one at a time
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: usize,
    /// Known failures, in place of the list that the program carries
    #[arg(long, value_name = "FILE")]
    expectations: Option<PathBuf>,
    /// Write an expectation for each unexpected failure, with the reason "not yet looked into"
    #[arg(long)]
    bless: bool,
    /// Print the names of what would run, and run nothing
    #[arg(long)]
    list: bool,
    /// Print how many cases cover each kernel (layer, architecture), and run nothing; exit with 4 if one has none
    #[arg(long)]
    coverage: bool,
    /// Run one case again, by its exact name, and report everything about it
    #[arg(long, value_name = "ID", conflicts_with = "filter")]
    repro: Option<String>,
    /// Write the cases and what the twins make of them to this folder, for another implementation of WebGPU, and run
    /// nothing
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// Put together what earlier runs wrote with --json (other machines, tools/dawn), and run nothing (may be repeated)
    #[arg(long, value_name = "FILE")]
    #[arg(conflicts_with_all = ["filter", "driver", "repro", "list", "coverage", "export", "bless"])]
    merge: Vec<PathBuf>,
    /// Write a JUnit report
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the matrix and the findings as Markdown
    #[arg(long, value_name = "FILE")]
    md: Option<PathBuf>,
    /// Print the JSON document on stdout, or write it to FILE beside the table
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    json: Option<Option<PathBuf>>,
    /// Run the names on stdin in this process and answer line by line
    #[arg(long, hide = true)]
    worker: bool,
}

impl Run for Check {
    fn start_log(&self, cx: &Context) {
        // What the validation layers say comes through the log, and the worker listens there.
        if !(self.worker && self.validation) {
            cx.start_log();
        }
    }

    fn run(self, cx: &Context) -> Result<()> {
        let selection = self.selection(cx);
        if self.worker {
            let choice = AdapterChoice { adapter: cx.adapter.clone(), backend: cx.backend.clone() };
            return work(
                &Job { selection, choice, validation: self.validation, precision: cx.precision },
                std::io::stdin().lock(),
                std::io::stdout().lock(),
            );
        }
        self.outputs(cx).check()?;
        let faults = planted()?;
        let json = cx.json || matches!(self.json, Some(None));
        if self.coverage {
            return coverage(&selection, json);
        }
        if let Some(folder) = &self.export {
            return self.export(&selection, folder, cx);
        }
        if !self.merge.is_empty() {
            let report = merged(&self.merge)?;
            self.publish(&report, &print::text(&report), json)?;
            return verdict(&report, report.failures());
        }
        let plan = selection.plan()?;
        if plan.is_empty() {
            return Err(self.nothing());
        }
        if self.list {
            return print::list(&plan, self.kind, json);
        }
        if self.bless && self.expectations.is_none() && !faults.is_empty() {
            return Err(Error::input(
                "--bless: a planted fault is no known failure; name a file of its own with --expectations",
            ));
        }
        let (origin, known) = self.known()?;
        let expectations = Expectations::parse(&known, &origin, &today())?;
        let program = std::env::current_exe().map_err(Error::io("find", Path::new("the running program")))?;
        let timeout = Duration::from_secs_f64(self.timeout.max(0.1));
        let columns = drivers::columns(&program, &cx.choice(), &self.driver, timeout)?;
        let validation = self.validation;
        let jobs = if self.kind == Kind::Perf { 1 } else { self.jobs };
        let precision = cx.precision;
        let options = Options { program, selection, timeout, expectations: &expectations, jobs, validation, precision };
        let report = watched(&columns, &plan, &options, cx)?;
        let text = match self.repro {
            Some(_) => print::repro(&report, &options.selection)?,
            None => print::text(&report),
        };
        self.publish(&report, &text, json)?;
        verdict(&report, if self.bless { self.bless(&report, &known, cx)? } else { report.failures() })
    }
}

fn verdict(report: &CheckReport, failures: usize) -> Result<()> {
    match failures {
        0 => Ok(()),
        n => Err(Error::CheckFailed(format!("{n} of {} trials failed", report.trials()))),
    }
}

/// The run, with a bar, and a line for each case that does not pass.
fn watched(columns: &[Column], plan: &[Planned], options: &Options, cx: &Context) -> Result<CheckReport> {
    let bar = cx.bar((plan.len() * columns.len()) as u64);
    let report = check(columns, plan, options, |column, result| {
        bar.inc(1);
        bar.set_message(result.case.clone());
        if let (true, Some(what)) = (result.status.is_bad() || result.status == Status::Xfail, &result.message) {
            let word = if result.status == Status::Fail { "FAIL" } else { result.status.word() };
            let (case, label, adapter) = (&result.case, &column.label, column.adapter.describe());
            bar.suspend(|| cx.note(&format!("{word} {case} on {label}, {adapter}: {what}")));
        }
    })?;
    bar.finish_and_clear();
    Ok(report)
}

fn coverage(selection: &Selection, json: bool) -> Result<()> {
    let coverage = Coverage::of(selection)?;
    if json {
        let (covered, rows) = coverage.counts();
        emit_json(&serde_json::json!({
            "schema": 1, "version": env!("CARGO_PKG_VERSION"), "kind": selection.kind,
            "covered": covered, "count": rows, "coverage": coverage,
        }))?;
    } else {
        emit(&print::coverage(&coverage))?;
    }
    match coverage.uncovered.as_slice() {
        [] => Ok(()),
        names => Err(Error::CheckFailed(format!("nothing covers {}", names.join(", ")))),
    }
}

impl Check {
    fn outputs(&self, cx: &Context) -> Outputs {
        let files = Outputs::new(cx.force).file("--junit", self.junit.as_deref()).file("--md", self.md.as_deref());
        let json = self.json.iter().flatten().next();
        let exported = self
            .export
            .iter()
            .filter(|folder| folder.is_dir())
            .flat_map(|folder| EXPORTED.map(|name| folder.join(name)));
        let files = exported
            .fold(files.file("--json", json.map(PathBuf::as_path)), |all, path| all.file("--export", Some(&path)));
        files.reads(&self.merge).reads(&self.expectations)
    }

    fn selection(&self, cx: &Context) -> Selection {
        match &self.repro {
            Some(name) => Selection::one(self.kind, name),
            None => Selection {
                kind: self.kind,
                shapes: self.shapes,
                seed: cx.seed.unwrap_or(1),
                filter: self.filter.clone(),
                only: None,
            },
        }
    }

    fn export(&self, selection: &Selection, folder: &Path, cx: &Context) -> Result<()> {
        if self.kind != Kind::Test {
            return Err(Error::input("--export writes the cases of `unlearn check test`"));
        }
        match export(selection, folder)? {
            0 => Err(self.nothing()),
            n => {
                cx.note(&format!("{n} cases were written to {}", folder.display()));
                Ok(())
            }
        }
    }

    fn nothing(&self) -> Error {
        let kind = self.kind.word();
        match &self.repro {
            Some(name) => Error::input(format!("`unlearn check {kind} --list` has no `{name}`")),
            None => Error::input("no case matches the filter; `unlearn list kernels` names the kernels"),
        }
    }

    /// Where the known failures are written, and the text.
    fn known(&self) -> Result<(String, String)> {
        match &self.expectations {
            // A list to be written may not be there yet.
            Some(path) if self.bless && !path.exists() => Ok((path.display().to_string(), String::new())),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
                Ok((path.display().to_string(), text))
            }
            None => Ok(("assets/expectations.toml".to_owned(), OWN.to_owned())),
        }
    }

    /// Writes the files that were asked for and prints the text, or the document in its place.
    fn publish(&self, report: &CheckReport, text: &str, json: bool) -> Result<()> {
        if let Some(path) = &self.junit {
            write_atomic(path, junit(report)?.as_bytes())?;
        }
        if let Some(path) = &self.md {
            write_atomic(path, markdown(report).as_bytes())?;
        }
        if let Some(Some(path)) = &self.json {
            write_atomic(path, json_text(report)?.as_bytes())?;
        }
        if json { emit_json(report) } else { emit(text) }
    }

    /// Writes expectations for what failed and returns how many failures are left: passes that were expected to fail.
    fn bless(&self, report: &CheckReport, known: &str, cx: &Context) -> Result<usize> {
        let path = self.expectations.as_deref().unwrap_or(Path::new("assets/expectations.toml"));
        if self.expectations.is_none() && !path.exists() {
            return Err(Error::input(
                "--bless: there is no assets/expectations.toml here; name a file with --expectations",
            ));
        }
        let current = if self.expectations.is_none() {
            std::fs::read_to_string(path).map_err(Error::io("read", path))?
        } else {
            known.to_owned()
        };
        let (text, count) = blessed(&current, &report.adapters)?;
        if count > 0 {
            write_atomic(path, text.as_bytes())?;
        }
        cx.note(&format!("{count} expectations were added to {}; look into each and state its reason", path.display()));
        Ok(report.failures() - count)
    }
}
