use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::output::{emit, emit_json, talk};
use super::project::ProjectArgs;
use super::{Context, Run};
use crate::error::{Error, Result};
use crate::run::purge::{Purge, Purged};

/// Delete what is only history of a run that forgot: its parents, their checkpoints and references
///
/// Data files, request files and whatever no run wrote are never deleted. What still holds something of the records and
/// stays is listed with its reason. The run itself can still be read, evaluated and forgotten from.
#[derive(clap::Args, Debug)]
pub struct PurgeRun {
    /// Folder of the run that forgot
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    project: ProjectArgs,
}

impl Run for PurgeRun {
    fn run(self, cx: &Context) -> Result<()> {
        let purge = Purge::of(&self.run)?;
        let list: String = purge.files.iter().map(|path| format!("  {}\n", path.display())).collect();
        if purge.is_unverified() {
            let run = self.run.display();
            talk(&format!("{run} was never verified, and cannot be once its history is gone: `unlearn verify {run}`"));
        }
        if !self.yes {
            talk(&format!(
                "{} would lose its history, and other runs that came from it cannot be verified then:\n{}",
                self.run.display(),
                list.trim_end()
            ));
            if !confirmed()? {
                return Err(Error::input(format!(
                    "nothing was deleted; `unlearn purge {} --yes` deletes the {} files above",
                    self.run.display(),
                    purge.files.len()
                )));
            }
        }
        let purged = purge.carry_out()?;
        self.project.tell(purged_event(&purged))?;
        if cx.json {
            return emit_json(&purged);
        }
        let kept: String = purged.kept.iter().map(|line| format!("  {line}\n")).collect();
        emit(&format!("{}: deleted {} files\n{list}not deleted:\n{kept}", self.run.display(), purged.deleted.len()))
    }
}

/// What the ledger says of it: hashes, and no path.
pub(super) fn purged_event(purged: &Purged) -> (&'static str, Value) {
    let hashes: Vec<&str> = purged.deleted.iter().map(|(_, hash)| hash.as_str()).collect();
    let body = json!({ "run_sha256": purged.run_sha256, "deleted_sha256": hashes, "left": purged.kept.len() });
    ("model.purged", body)
}

/// Asks on a terminal; nobody is there to ask otherwise.
pub(super) fn confirmed() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    talk("Delete them? [y/N]");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(Error::io("read", std::path::Path::new("stdin")))?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
