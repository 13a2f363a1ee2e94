//! The evidence of a batch: a pack beside its run, written once its model serves and before its requests have an end.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::document::Outcome;
use super::project::{BATCHES, Project};
use crate::error::{Error, Result};
use crate::ledger::{self, Keys, Store};
use crate::run::pack::{self, Anchors, Issued, PackJob, zip_of};

/// Folder of a batch's pack.
const EVIDENCE: &str = "evidence";

/// The evidence of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The batch.
    pub batch: String,
    /// Folder of the pack.
    pub folder: PathBuf,
    /// The same without the key, to give away.
    pub zip: PathBuf,
    /// SHA-256 of its certificate, which the ledger has.
    pub certificate_sha256: String,
}

/// What became of a batch.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it was judged.
    pub outcome: Outcome,
    /// The pack; none where nothing was published, nothing had to be made, or nobody wanted one.
    pub evidence: Option<Evidence>,
}

impl Project<'_> {
    /// Folder of a batch's pack.
    pub fn evidence(&self, batch: &str) -> PathBuf {
        self.batch(batch).join(EVIDENCE)
    }

    /// The evidence of a batch that the ledger knows of.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn issued(&self, store: &Store, batch: &str) -> Result<Option<Evidence>> {
        let pack = store.in_batch(batch)?.into_iter().find_map(|standing| standing.pack);
        Ok(pack.map(|hash| self.evidence_of(batch, &hash)))
    }

    pub(super) fn evidence_of(&self, batch: &str, certificate_sha256: &str) -> Evidence {
        let folder = self.evidence(batch);
        let (batch, certificate_sha256) = (batch.to_owned(), certificate_sha256.to_owned());
        Evidence { batch, zip: zip_of(&folder), folder, certificate_sha256 }
    }

    /// Writes the pack of a batch, or takes the one that was written before the process was killed. The ledger does not
    /// know of it yet, and nobody may be at work on the batch.
    ///
    /// # Errors
    /// As [`PackJob::write`].
    pub(super) fn pack(&self, batch: &str) -> Result<Issued> {
        let (out, run) = (self.evidence(batch), self.batch(batch).join("run"));
        let keys = Keys::open(&self.keys())?;
        pack::sweep(&out)?;
        if let Some(issued) = self.whole(&out, &run, &keys) {
            pack::note_weights(&run, &out, &issued.certificate)?;
            return Ok(issued);
        }
        // Nobody was told of what is there, and it is not what it would be.
        for left in [&out, &zip_of(&out)] {
            let gone = if left.is_dir() { fs::remove_dir_all(left) } else { fs::remove_file(left) };
            gone.or_else(|e| if left.exists() { Err(e) } else { Ok(()) }).map_err(Error::io("remove", left))?;
        }
        let entries = ledger::read(&self.ledger())?.entries;
        PackJob { run: &run, out: &out, keys: &keys, ledger: &entries }.write()
    }

    /// The pack of a run that is there, if nothing of it was changed.
    fn whole(&self, out: &Path, run: &Path, keys: &Keys) -> Option<Issued> {
        let anchors = Anchors { key: Some(keys.public()), heads: Vec::new(), ledger: Some(self.ledger()) };
        let checked = out.exists().then(|| pack::check(out, &anchors).ok()).flatten().filter(|found| found.whole)?;
        let info = crate::run::folder::RunFolder::new(run).info();
        let same = crate::run::evidence::hash_of(&info).ok()? == checked.certificate.done.run_sha256;
        let key = out.join(pack::KEY).exists();
        (same && key).then_some(Issued { certificate: checked.certificate, sha256: checked.certificate_sha256 })
    }

    /// Overwrites the keys of the packs, without which nobody can tell whom their requests mean.
    ///
    /// # Errors
    /// A key cannot be written.
    pub(super) fn destroy_pack_keys(&self) -> Result<()> {
        let batches = self.folder.join(BATCHES);
        let folders = fs::read_dir(&batches).into_iter().flatten().flatten();
        for key in folders.map(|batch| batch.path().join(EVIDENCE).join(pack::KEY)).filter(|key| key.is_file()) {
            let length = fs::metadata(&key).map_err(Error::io("read", &key))?.len() as usize;
            // In place, as the project's own: a new file would leave the old one's blocks to chance.
            let over = fs::OpenOptions::new().write(true).open(&key).and_then(|mut file| {
                std::io::Write::write_all(&mut file, &vec![b'0'; length])?;
                file.sync_all()
            });
            over.map_err(Error::io("overwrite", &key))?;
            fs::remove_file(&key).map_err(Error::io("remove", &key))?;
        }
        Ok(())
    }
}
