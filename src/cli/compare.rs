use std::path::PathBuf;

use super::output::{Table, emit, emit_json, shown};
use super::train::interruption;
use super::{Context, Run};
use crate::error::{Error, Result};
use crate::run::config::Loaded;
use crate::run::contest::Contest;
use crate::run::experiment::{ExperimentOptions, Stride};
use crate::run::outputs::Outputs;
use crate::run::report::standings::{HEADER, line};
use crate::run::standings::{choice, standings};

/// Compare methods over tasks, training seeds and draws of what is forgotten, and say which to take
///
/// Each task is an experiment (`[forget]` with its methods; `forget.seeds` originals are trained for each) and is done
/// once for each draw of its request. What is done stays done: killed or interrupted, the same command goes on, and
/// several processes on one folder share the work. Times include precomputation. Exit code 0 whatever the verdicts.
#[derive(clap::Args, Debug)]
pub struct Compare {
    /// Experiment files (TOML), one for each task
    #[arg(value_name = "CONFIG", required = true)]
    tasks: Vec<PathBuf>,
    /// Folder for results.jsonl, report.html, report.md and what each task came to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// So many draws of a request that gives a fraction
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    draws: u16,
    /// Set a key of every task: `--set forget.seeds=5`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Run for Compare {
    fn run(self, cx: &Context) -> Result<()> {
        let read = |path: &PathBuf| Loaded::read(path, &self.set, cx.seed);
        let tasks: Vec<Loaded> = self.tasks.iter().map(read).collect::<Result<_>>()?;
        let reads = tasks.iter().flat_map(|task| task.config.reads()).chain(self.tasks.clone());
        Outputs::new(cx.force).folder("--out", &self.out).reads(reads).check()?;
        // Draws of neighbouring seeds are apart from those of the trainings.
        let draws: Vec<u64> = (1..=u64::from(self.draws)).collect();
        let contest = Contest::of(&self.out, tasks, &draws)?;
        let interrupted = interruption()?;
        let options = ExperimentOptions { check_finite: cx.check_finite, interrupted: &interrupted, one_by_one: false };
        let bar = cx.bar(0);
        let state = contest.work(&|| cx.engine(), options, &mut |stride| match stride {
            Stride::Begin { name, number, of } => bar.suspend(|| cx.note(&format!("task {number} of {of}: {name}"))),
            Stride::Stage { label, number, of } => {
                bar.set_length(of as u64);
                bar.set_position(number as u64);
                bar.set_message(label.to_owned());
            }
        });
        bar.finish_and_clear();
        let state = state?;
        if state.done < state.all {
            let line = format!(
                "{} of {} tasks and draws are done, and other processes do the rest; send the same command again for \
                    the comparison\n",
                state.done, state.all
            );
            return if cx.json { Err(Error::Inconclusive(line.trim_end().to_owned())) } else { emit(&line) };
        }
        let rows = contest.gather()?;
        let all = standings(&rows);
        let choice = choice(&all);
        if cx.json {
            let lines: Vec<_> = all
                .iter()
                .map(|standing| {
                    serde_json::json!({
                        "method": standing.method, "experiments": standing.tried, "pass": standing.passed,
                        "fail": standing.failed, "unbeaten": standing.unbeaten, "mean": standing.over.mean,
                        "sd": standing.over.sd, "interval": standing.over.interval(),
                    })
                })
                .collect();
            let version = env!("CARGO_PKG_VERSION");
            return emit_json(&serde_json::json!({
                "schema": 1, "version": version, "out": shown(&self.out), "choice": choice, "methods": lines,
            }));
        }
        let mut table = Table::new(&HEADER);
        all.iter().for_each(|standing| table.row(line(standing)));
        let said = choice.unwrap_or_else(|| "One task with one draw is no comparison; see report.html.".into());
        emit(&format!("{table}\n{said}\n"))
    }
}
