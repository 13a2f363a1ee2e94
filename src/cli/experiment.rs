use std::path::{Path, PathBuf};

use super::marks::MarkArgs;
use super::output::{emit, emit_json, shown, terminal_width};
use super::train::interruption;
use super::{Context, Run};
use crate::error::{Error, Result};
use crate::eval::Outcome;
use crate::run::config::Loaded;
use crate::run::experiment::{ExperimentOptions, Ready, Stride, run_experiments};
use crate::run::experiments::EXPERIMENTS;
use crate::run::pages::{claim, write_findings};
use crate::run::results::{Row, RowKind};
use crate::run::table::comparison;

/// Run one experiment: train, forget by every method, retrain, compare
#[derive(clap::Args, Debug)]
pub struct RunExperiment {
    /// Experiment file (TOML)
    #[arg(value_name = "EXPERIMENT")]
    experiment: PathBuf,
    /// Folder for results.jsonl and report.html
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Change a setting: `--set train.epochs=5`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    judged: Judged,
}

/// Run the embedded experiments: a network of each family forgets samples and a class
#[derive(clap::Args, Debug)]
pub struct Demo {
    /// Folder for results.jsonl and report.html
    #[arg(long, value_name = "DIR", default_value = "unlearn-demo")]
    out: PathBuf,
    /// Only the experiments whose name contains this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Change a setting of every experiment: `--set forget.references=5`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    judged: Judged,
}

/// What commands that print a table of methods do with its verdicts.
#[derive(clap::Args, Debug)]
struct Judged {
    /// Exit with the worst verdict of the table: 4 where a method failed, 3 where none did and one is inconclusive
    #[arg(long)]
    check: bool,
    /// Exit with 0 whatever the verdicts: a table compares methods, and some will fail (the default)
    #[arg(long, conflicts_with = "check")]
    allow_fail: bool,
    /// Make the retrains one after another, and not in a stack; their bytes are the same either way
    #[arg(long)]
    one_by_one: bool,
    #[command(flatten)]
    marks: MarkArgs,
}

impl Run for RunExperiment {
    fn run(self, cx: &Context) -> Result<()> {
        let loaded = Loaded::read(&self.experiment, &self.set, cx.seed)?;
        let title = format!("unlearn: {}", loaded.name);
        run(cx, vec![loaded], Some(&self.experiment), (&self.out, &title), &self.judged)
    }
}

impl Run for Demo {
    fn run(self, cx: &Context) -> Result<()> {
        let wanted = |name: &str| self.only.as_ref().is_none_or(|part| name.contains(part.as_str()));
        let rows = EXPERIMENTS.iter().filter(|row| row.demo && wanted(row.name));
        let all: Vec<Loaded> = rows.map(|row| row.load(Path::new(""), &self.set, cx.seed)).collect::<Result<_>>()?;
        if all.is_empty() {
            return Err(crate::Error::input("--only matches no experiment; `unlearn list experiments` names them"));
        }
        run(cx, all, None, (&self.out, "unlearn: demo"), &self.judged)
    }
}

fn run(
    cx: &Context,
    all: Vec<Loaded>,
    file: Option<&PathBuf>,
    (out, title): (&Path, &str),
    judged: &Judged,
) -> Result<()> {
    let mut all = all.into_iter().map(Ready::of).collect::<Result<Vec<_>>>()?;
    let _hold = claim(out, &all, |again| cx.outputs_over(again).reads(file))?;
    all.iter_mut().for_each(|ready| ready.mark(&judged.marks.marks()));
    let interrupted = interruption()?;
    let mut engine = cx.engine()?;
    let bar = cx.bar(0);
    let options =
        ExperimentOptions { check_finite: cx.check_finite, interrupted: &interrupted, one_by_one: judged.one_by_one };
    let findings = run_experiments(&all, &mut engine, options, &mut |stride| match stride {
        Stride::Begin { name, number, of } => bar.suspend(|| cx.note(&format!("experiment {number} of {of}: {name}"))),
        Stride::Stage { label, number, of } => {
            bar.set_length(of as u64);
            bar.set_position(number as u64);
            bar.set_message(label.to_owned());
        }
    });
    bar.finish_and_clear();
    let findings = findings?;
    write_findings(out, title, &findings)?;
    cx.write_trace(&engine.take_timings())?;
    cx.note(&format!("written: {} and {}", out.join("report.html").display(), out.join("results.jsonl").display()));
    match cx.json {
        true => emit_json(&serde_json::json!({
            "schema": 1, "version": env!("CARGO_PKG_VERSION"), "out": shown(out), "rows": findings.rows,
        }))?,
        false => emit(&comparison(&findings.rows, terminal_width()))?,
    }
    if judged.check { worst(&findings.rows).map_or(Ok(()), Err) } else { Ok(()) }
}

/// The worst verdict of the methods, as an error; a method that diverged has none, and failed.
fn worst(rows: &[Row]) -> Option<Error> {
    let methods = rows.iter().filter(|row| row.row == RowKind::Method);
    let outcome = |row: &Row| row.verdict.as_ref().map_or(Outcome::Fail, |verdict| verdict.outcome);
    let named = |wanted: fn(Outcome) -> bool| -> Vec<String> {
        let these = methods.clone().filter(|row| wanted(outcome(row)));
        these.map(|row| format!("{} in {} ({})", row.method, row.experiment, outcome(row).as_str())).collect()
    };
    let failed = named(|outcome| !matches!(outcome, Outcome::Pass | Outcome::Inconclusive));
    let undecided = named(|outcome| outcome == Outcome::Inconclusive);
    match (failed.is_empty(), undecided.is_empty()) {
        (false, _) => Some(Error::CheckFailed(format!("did not pass: {}", failed.join(", ")))),
        (true, false) => Some(Error::Inconclusive(format!("not decided: {}", undecided.join(", ")))),
        (true, true) => None,
    }
}
