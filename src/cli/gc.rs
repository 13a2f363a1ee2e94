use std::path::PathBuf;

use super::output::{emit, emit_json, talk};
use super::project::ProjectArgs;
use super::purge::{confirmed, purged_event};
use super::{Context, Run};
use crate::error::{Error, Result};
use crate::run::purge::Purge;

/// List what no state needs any more once a run has forgotten, and delete it with --purge
///
/// That is the history that `purge` deletes, and besides every other run that came from it: attempts that were rolled
/// back, forgettings by other methods. Runs that came from the run itself stay. What was deleted is written to
/// purged.json beside the run, and into the project's ledger.
#[derive(clap::Args, Debug)]
pub struct Gc {
    /// Folder of the run that stays
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// A further run that stays; may be given several times
    #[arg(long, value_name = "RUN")]
    keep: Vec<PathBuf>,
    /// Delete it
    #[arg(long)]
    purge: bool,
    /// Do not ask
    #[arg(long, requires = "purge")]
    yes: bool,
    #[command(flatten)]
    project: ProjectArgs,
}

impl Run for Gc {
    fn run(self, cx: &Context) -> Result<()> {
        let purge = Purge::all(&self.run, &self.keep)?;
        let (run, bytes) = (self.run.display(), purge.bytes());
        let list: String = purge.files.iter().map(|path| format!("  {}\n", path.display())).collect();
        let lines = |all: &[String]| all.iter().map(|line| format!("  {line}\n")).collect::<String>();
        if !self.purge {
            if cx.json {
                return emit_json(&serde_json::json!({
                    "schema": "unlearn.gc/1", "version": env!("CARGO_PKG_VERSION"), "run": self.run,
                    "files": purge.files, "bytes": bytes, "kept": purge.kept,
                }));
            }
            return emit(&format!(
                "{run}: {} files of {bytes} bytes that no state needs\n{list}what stays and holds \
                 something:\n{}nothing was deleted; `unlearn gc {run} --purge` deletes them\n",
                purge.files.len(),
                lines(&purge.kept)
            ));
        }
        if purge.is_unverified() {
            talk(&format!("{run} was never verified, and cannot be once its history is gone: `unlearn verify {run}`"));
        }
        if !self.yes {
            talk(&format!("{run} would lose its history, and other runs that came from it go:\n{}", list.trim_end()));
            if !confirmed()? {
                return Err(Error::input(format!(
                    "nothing was deleted; `unlearn gc {run} --purge --yes` deletes the {} files above",
                    purge.files.len()
                )));
            }
        }
        let purged = purge.carry_out()?;
        self.project.tell(purged_event(&purged))?;
        match cx.json {
            true => emit_json(&purged),
            false => emit(&format!(
                "{run}: deleted {} files of {bytes} bytes\n{list}not deleted:\n{}",
                purged.deleted.len(),
                lines(&purged.kept)
            )),
        }
    }
}
