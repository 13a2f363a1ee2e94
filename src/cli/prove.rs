use std::path::PathBuf;

use super::output::{Table, emit, emit_json};
use super::{Context, Run};
use crate::error::{Error, Result};
use crate::run::prove::{Outcome, Proof, prove};

/// Prove that a run which forgot has the bytes of a training that never had the records
///
/// Nothing is trained: give the run that `forget` wrote and a training by the same configuration on the data without
/// the records. Records, weights and kept checkpoints of both are hashed anew from their files. The exit code is 0
/// where the claim holds, 4 where it fails, and 3 where the two were made by another program, adapter or driver, so
/// that bytes say nothing.
#[derive(clap::Args, Debug)]
pub struct Prove {
    /// Folder of the run that forgot
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Folder of the training that never had the records
    #[arg(long, value_name = "RUN2")]
    against: PathBuf,
}

impl Run for Prove {
    fn run(self, cx: &Context) -> Result<()> {
        cx.outputs().reads_runs([&self.run, &self.against]).check()?;
        let proof = prove(&self.run, &self.against)?;
        if cx.json {
            emit_json(&proof)?
        } else {
            emit(&text(&proof))?
        }
        match proof.outcome {
            Outcome::Holds => Ok(()),
            Outcome::Fails => Err(Error::CheckFailed(format!("{}: {}", self.run.display(), proof.reason))),
            Outcome::NotComparable => Err(Error::Inconclusive(format!("{}: {}", self.run.display(), proof.reason))),
        }
    }
}

/// The claim, and every hash.
fn text(proof: &Proof) -> String {
    let mut table = Table::new(&["file", "tensor", "run", "against"]);
    let short = |hash: &Option<String>| hash.as_ref().map_or("-".to_owned(), |hash| hash[..16].to_owned());
    for pair in std::iter::once(&proof.records).chain(&proof.tensors) {
        table.row([pair.file.clone(), pair.tensor.clone(), short(&pair.run), short(&pair.against)]);
    }
    let word = match proof.outcome {
        Outcome::Holds => "holds",
        Outcome::Fails => "fails",
        Outcome::NotComparable => "not comparable",
    };
    format!("claim: {}\n{table}{word}: {}\n", proof.claim, proof.reason)
}
