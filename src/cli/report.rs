use std::fs;
use std::path::PathBuf;

use super::output::{emit, emit_json, shown};
use super::{Context, Run};
use crate::error::{Error, Result};
use crate::run::compare::rows_of_runs;
use crate::run::outputs::Outputs;
use crate::run::pages::Sources;
use crate::run::report::Format;

/// Write what runs and results came to: a page with pictures, Markdown, CSV, TensorBoard's events
#[derive(clap::Args, Debug)]
pub struct Report {
    /// Folders that `train`, `forget`, `run` or `demo` wrote
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// File to write, again for another: `.html` is one page that loads nothing, `.md` its words and tables, `.csv` a
    /// line for each row with every figure
    #[arg(long, value_name = "FILE", required_unless_present = "tensorboard")]
    out: Vec<PathBuf>,
    /// Folder for TensorBoard: training and forgetting as scalars, a folder for each row
    #[arg(long, value_name = "DIR")]
    tensorboard: Option<PathBuf>,
}

impl Run for Report {
    fn run(self, cx: &Context) -> Result<()> {
        let outputs = Outputs::new(cx.force).reads_runs(&self.runs);
        self.out.iter().fold(outputs, |all, out| all.file("--out", Some(out))).check()?;
        self.out.iter().try_for_each(|out| Format::of(out).map(drop))?;
        self.check_events(cx.force)?;
        let sources = Sources::read(&self.runs)?;
        let measured = match sources.runs.is_empty() {
            true => Vec::new(),
            false => rows_of_runs(&mut cx.engine()?, &sources.runs)?,
        };
        sources.write("unlearn: report", &measured, &self.out, self.tensorboard.as_deref())?;
        let written: Vec<&PathBuf> = self.out.iter().chain(&self.tensorboard).collect();
        if cx.json {
            let files: Vec<String> = written.iter().map(|path| shown(path)).collect();
            let version = env!("CARGO_PKG_VERSION");
            return emit_json(
                &serde_json::json!({ "schema": 1, "version": version, "file": files[0], "files": files }),
            );
        }
        emit(&written.iter().map(|path| format!("{}\n", path.display())).collect::<String>())
    }
}

impl Report {
    /// TensorBoard shows every file of a folder, so that those of an earlier report would be taken for this one's.
    fn check_events(&self, force: bool) -> Result<()> {
        let Some(dir) = &self.tensorboard else { return Ok(()) };
        let full = fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
        match full && !force {
            true => Err(Error::input(format!(
                "--tensorboard {}: the folder is not empty, and TensorBoard would show what is in it beside this \
                    report; use another, or --force",
                dir.display()
            ))),
            false => Ok(()),
        }
    }
}
