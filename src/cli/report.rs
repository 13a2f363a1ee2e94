use std::path::PathBuf;

use super::output::{emit, emit_json, shown};
use super::{Context, Run};
use crate::error::Result;
use crate::run::compare::rows_of_runs;
use crate::run::outputs::Outputs;
use crate::run::pages::Sources;

/// Write one self-contained page over runs and results
#[derive(clap::Args, Debug)]
pub struct Report {
    /// Folders that `train`, `forget`, `run` or `demo` wrote
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// Page to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Run for Report {
    fn run(self, cx: &Context) -> Result<()> {
        Outputs::new(cx.force).file("--out", Some(&self.out)).reads_runs(&self.runs).check()?;
        let sources = Sources::read(&self.runs)?;
        let measured = match sources.runs.is_empty() {
            true => Vec::new(),
            false => rows_of_runs(&mut cx.engine()?, &sources.runs)?,
        };
        sources.write(&measured, &self.out)?;
        if cx.json {
            let version = env!("CARGO_PKG_VERSION");
            return emit_json(&serde_json::json!({ "schema": 1, "version": version, "file": shown(&self.out) }));
        }
        emit(&format!("{}\n", self.out.display()))
    }
}
