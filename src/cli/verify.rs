use std::path::PathBuf;

use super::output::{Table, emit, emit_json};
use super::{Context, Run};
use crate::error::{Error, Result};
use crate::ledger::{Head, PublicKey};
use crate::run::pack::{Anchors, Checked, Contents, check};
use crate::run::verify::VerifyJob;

/// Judge a run that forgot against the retrains that `references` made, or check that a pack is as it was written
///
/// Of a run: writes verdict.json into the folder, which `report` shows. The exit code is the verdict's: 0 for a pass, 4
/// for a fail, an unchanged or a destroyed network, 3 where the evidence decides nothing. Of a pack, folder or zip:
/// signature, chain, every hash, and what its parts say of each other; nothing is written, and the exit code is 0 where
/// it is as it was, 4 where not. What was changed is named.
#[derive(clap::Args, Debug)]
pub struct Verify {
    /// Folder of the run that forgot, or folder or zip of a pack
    #[arg(value_name = "RUN|PACK")]
    run: PathBuf,
    /// A further retrain of the same request; may be given several times
    #[arg(long, value_name = "RUN3")]
    reference: Vec<PathBuf>,
    /// The run before forgetting, where it was moved; its retrains then come by --reference
    #[arg(long, value_name = "RUN0")]
    original: Option<PathBuf>,
    /// Of a pack: the public key that must have signed it, as a file or as 64 hexadecimal digits
    #[arg(long, value_name = "FILE|HEX")]
    key: Option<String>,
    /// Of a pack: a head of the ledger that was kept, as `unlearn ledger head` prints it; may be given several times
    #[arg(long, value_name = "NUMBER:HASH")]
    head: Vec<Head>,
    /// Of a pack: the ledger that its slice must be part of
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Exit with 0 whatever the verdict
    #[arg(long)]
    allow_fail: bool,
}

impl Run for Verify {
    fn run(self, cx: &Context) -> Result<()> {
        if Contents::is_pack(&self.run) {
            return self.pack(cx);
        }
        if self.key.is_some() || !self.head.is_empty() || self.ledger.is_some() {
            return Err(Error::input(format!(
                "--key, --head and --ledger are of a pack, and {} is none: there is no certificate.json in it",
                self.run.display()
            )));
        }
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

impl Verify {
    fn pack(&self, cx: &Context) -> Result<()> {
        if !self.reference.is_empty() || self.original.is_some() {
            return Err(Error::input("--reference and --original are of a run, and this is a pack; leave them out"));
        }
        let key = match &self.key {
            Some(file) if PathBuf::from(file).exists() => Some(PublicKey::read(&PathBuf::from(file))?),
            Some(text) => Some(PublicKey::from_hex(text)?),
            None => None,
        };
        let anchors = Anchors { key, heads: self.head.clone(), ledger: self.ledger.clone() };
        let checked = check(&self.run, &anchors)?;
        match cx.json {
            true => emit_json(&checked)?,
            false => emit(&text(&checked))?,
        }
        match checked.findings.len() {
            0 => Ok(()),
            _ if self.allow_fail => Ok(()),
            count => {
                let what = if count == 1 { "thing is" } else { "things are" };
                Err(Error::CheckFailed(format!("{}: {count} {what} not as they were written", self.run.display())))
            }
        }
    }
}

/// What was changed, or what is certified.
fn text(checked: &Checked) -> String {
    let (pack, c) = (checked.pack.display(), &checked.certificate);
    let mut text: String = checked.findings.iter().map(|f| format!("CHANGED {}: {}\n", f.what, f.says)).collect();
    text += &checked.notes.iter().map(|note| format!("note: {note}\n")).collect::<String>();
    if checked.whole {
        text += &format!(
            "{pack}: as it was written: {} records of {} requests, {}; tests: {}\n{pack}: certificate.json {}\n",
            c.records.removed,
            c.requests.len(),
            c.guarantee.tier.as_str(),
            c.tests.says,
            checked.certificate_sha256
        );
    }
    text
}
