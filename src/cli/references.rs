use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::marks::MarkArgs;
use super::output::{emit, emit_json};
use super::{Context, Run};
use crate::engine::GpuOptions;
use crate::error::Result;
use crate::run::evidence::Marks;
use crate::run::retrains::{Retrain, Retrains, Work};

/// Retrain without the records of a request, as references for `verify`
///
/// The retrains are kept in the folder `references` of the run that was trained, by data, recipe, request and seed, and
/// are made once. RUN is the run that was trained, with --request, or one that forgot.
#[derive(clap::Args, Debug)]
pub struct References {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Request file; a run that forgot knows its own
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// How many retrains, each with a seed of its own; a verdict takes at least four, one of them its control
    #[arg(long, value_name = "N", default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=100))]
    seeds: u16,
    #[command(flatten)]
    jobs: JobArgs,
    #[command(flatten)]
    marks: MarkArgs,
}

/// How many retrains are made at once.
#[derive(clap::Args, Debug, Clone, Copy)]
pub(super) struct JobArgs {
    /// Make so many retrains at once, each by itself; absent: in stacks, or else as many as cores and memory
    /// (--max-memory, else 4 GiB) allow
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub jobs: Option<u16>,
    /// Make each retrain by itself, and not in stacks of one set of dispatches; its bytes are the same either way
    #[arg(long)]
    pub one_by_one: bool,
}

impl Run for References {
    fn run(self, cx: &Context) -> Result<()> {
        let marks = self.marks.marks();
        let made = make(cx, &self.run, self.request.as_deref(), self.seeds, (self.jobs, &marks))?;
        if cx.json {
            let all = made.iter().map(|retrain| {
                serde_json::json!({
                    "path": retrain.path, "seed": retrain.info.seed, "cached": retrain.cached,
                    "model_sha256": retrain.info.model_sha256,
                })
            });
            let (version, all) = (env!("CARGO_PKG_VERSION"), all.collect::<Vec<_>>());
            return emit_json(&serde_json::json!({ "schema": 1, "version": version, "references": all }));
        }
        let line = |retrain: &Retrain| {
            let cached = if retrain.cached { " (was there)" } else { "" };
            let Retrain { path, info, .. } = retrain;
            format!("{}: seed {}, model {}{cached}\n", path.display(), info.seed, info.model_sha256)
        };
        emit(&made.iter().map(line).collect::<String>())
    }
}

/// Makes what is not there yet, with a word for each on stderr.
pub(super) fn make(
    cx: &Context,
    run: &Path,
    request: Option<&Path>,
    count: u16,
    (how, marks): (JobArgs, &Marks),
) -> Result<Vec<Retrain>> {
    let retrains = Retrains::of(run, request, usize::from(count))?;
    if let Some(lost) = retrains.lost() {
        cx.note(&format!("{}: {lost}, and the retrains are trained on what it has", run.display()));
    }
    let watch = |retrain: &Retrain| {
        let what = if retrain.cached { "was there" } else { "retrained" };
        cx.note(&format!("reference {}: {what}", retrain.path.display()));
    };
    let said = AtomicBool::new(false);
    let engine = |share: u64| {
        let max_memory = cx.max_memory.map(|most| most / share.max(1));
        let options = GpuOptions { max_memory, ..GpuOptions::default() };
        match said.swap(true, Ordering::Relaxed) {
            false => cx.engine_with(options),
            true => cx.another_engine(options),
        }
    };
    let (jobs, memory, one_by_one) = (how.jobs.map(usize::from), cx.max_memory, how.one_by_one);
    let told = |what: &str| cx.note(what);
    retrains.make(&Work { engine: &engine, jobs, memory, marks, one_by_one, watch: &watch, told: &told })
}
