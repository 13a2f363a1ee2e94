use std::path::PathBuf;

use super::output::{Table, emit, emit_json};
use super::{Context, Run};
use crate::error::Result;
use crate::run::verify::VerifyJob;

/// Judge a run that forgot against the retrains that `references` made
///
/// Writes verdict.json into the folder, which `report` shows. The exit code is the verdict's: 0 for a pass, 4 for a
/// fail, an unchanged or a destroyed network, 3 where the evidence decides nothing.
#[derive(clap::Args, Debug)]
pub struct Verify {
    /// Folder of the run that forgot
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// A further retrain of the same request; may be given several times
    #[arg(long, value_name = "RUN3")]
    reference: Vec<PathBuf>,
    /// The run before forgetting, where it was moved; its retrains then come by --reference
    #[arg(long, value_name = "RUN0")]
    original: Option<PathBuf>,
    /// Exit with 0 whatever the verdict
    #[arg(long)]
    allow_fail: bool,
}

impl Run for Verify {
    fn run(self, cx: &Context) -> Result<()> {
        let job = VerifyJob { run: &self.run, references: &self.reference, original: self.original.as_deref() };
        let stored = job.verify(&mut || cx.engine())?;
        let verdict = &stored.verdict;
        if cx.json {
            emit_json(&stored)?;
        } else {
            let mut table = Table::new(&["check", "outcome", "reason"]);
            for check in &verdict.checks {
                table.row([check.name.as_str(), check.outcome.as_str(), check.reason.as_str()]);
            }
            let (run, outcome) = (self.run.display(), verdict.outcome.as_str());
            let source = stored.source.as_ref().map_or(String::new(), |source| format!("{run}: {source}\n"));
            emit(&format!("{table}{source}{run}: {outcome}. {}\n", verdict.summary))?;
        }
        let error = verdict.outcome.error(&format!("{}: {}", self.run.display(), verdict.summary));
        error.filter(|_| !self.allow_fail).map_or(Ok(()), Err)
    }
}
