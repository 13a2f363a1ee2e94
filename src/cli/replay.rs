use std::path::{Path, PathBuf};

use super::output::{Table, emit, emit_json};
use super::train::interruption;
use super::{Context, Run};
use crate::error::{Error, Result};
use crate::run::pack::{ReplayJob, Replayed};

/// Train and forget again as a pack says, and compare the bytes of the model with the pack's
///
/// From the pack and the data alone: from all data where they still have the removed records, which replay.key finds
/// again, or from what is left of them where the method was exact. The exit code is 0 where every hash is the same, 4
/// where one is another, and 6 on another adapter or driver than the pack names.
#[derive(clap::Args, Debug)]
pub struct ReplayPack {
    /// Folder or zip of the pack
    #[arg(value_name = "PACK")]
    pack: PathBuf,
    /// Folder that the data files lie in
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The pack's replay.key, where it is not in it
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The request file that was obeyed, in the place of replay.key
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// A run to begin with in the place of a training: the trained one, or the one before the last forgetting
    #[arg(long, value_name = "RUN")]
    base: Option<PathBuf>,
    /// Folder to make the runs in, which stays; one for the time being if absent
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
}

impl Run for ReplayPack {
    fn run(self, cx: &Context) -> Result<()> {
        let kept = self.work.is_some();
        let work = match &self.work {
            Some(work) => work.clone(),
            None => std::env::temp_dir().join(format!("unlearn-replay-{}", std::process::id())),
        };
        cx.outputs().folder("--work", &work).check()?;
        // One for the time being must be new: it is removed with all that is in it.
        let create = if kept { std::fs::create_dir_all(&work) } else { std::fs::create_dir(&work) };
        create.map_err(Error::io("create", &work))?;
        let replayed = self.replay(cx, &work);
        if !kept {
            // Only what this command made is in it.
            std::fs::remove_dir_all(&work).unwrap_or_default();
        }
        let replayed = replayed?;
        match cx.json {
            true => emit_json(&replayed)?,
            false => emit(&self.text(&replayed))?,
        }
        match replayed.first_other() {
            None => Ok(()),
            Some(other) => Err(Error::CheckFailed(format!(
                "{}: {} has the SHA-256 {}, and the pack has {}",
                self.pack.display(),
                other.what,
                other.got,
                other.wanted
            ))),
        }
    }
}

impl ReplayPack {
    fn replay(&self, cx: &Context, work: &Path) -> Result<Replayed> {
        let interrupted = interruption()?;
        let job = ReplayJob {
            pack: &self.pack,
            data: self.data.as_deref(),
            request: self.request.as_deref(),
            key: self.key.as_deref(),
            base: self.base.as_deref(),
            work,
            interrupted: &interrupted,
        };
        job.replay(&mut || cx.engine(), &mut |what| cx.note(what))
    }

    fn text(&self, replayed: &Replayed) -> String {
        let mut table = Table::new(&["", "SHA-256", "in the pack"]);
        for pair in &replayed.pairs {
            let same = if pair.got == pair.wanted { "the same".to_owned() } else { pair.wanted.clone() };
            table.row([pair.what.clone(), pair.got.clone(), same]);
        }
        let what = if replayed.same { "every hash is the same" } else { "not the same" };
        format!("{table}{}: done again from {}: {what}\n", self.pack.display(), replayed.from)
    }
}
