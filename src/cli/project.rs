//! `--project`: the folder with the ledger and its keys, for commands that write into it or sign.

use std::path::PathBuf;

use serde_json::Value;

use super::Context;
use crate::error::Result;
use crate::ledger::{self, Chain, Entry, Keys, LEDGER};

/// Where the keys of a project are.
const KEYS: &str = "keys";

/// A project's folder.
#[derive(clap::Args, Debug, Default)]
pub struct ProjectArgs {
    /// Folder of the project, with its ledger and keys
    #[arg(long, value_name = "DIR", env = "UNLEARN_PROJECT")]
    project: Option<PathBuf>,
}

impl ProjectArgs {
    /// The keys of the project, drawn where it has none yet: of the working directory where no folder was named.
    ///
    /// # Errors
    /// As [`Keys::create`].
    pub fn keys(&self, cx: &Context) -> Result<Keys> {
        let folder = self.project.clone().unwrap_or_else(|| PathBuf::from(".")).join(KEYS);
        let new = !folder.exists();
        let keys = Keys::create(&folder)?;
        if new {
            let (folder, public) = (folder.display(), keys.public().fingerprint());
            cx.note(&format!("{folder} has new keys; give people the fingerprint of the public one: {public}"));
        }
        Ok(keys)
    }

    /// The entries of the project's ledger; none where it has none.
    ///
    /// # Errors
    /// A ledger that cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        match self.project.as_ref().map(|folder| folder.join(LEDGER)).filter(|path| path.exists()) {
            Some(path) => Ok(ledger::read(&path)?.entries),
            None => Ok(Vec::new()),
        }
    }

    /// Writes an entry into the project's ledger, where it has one.
    ///
    /// # Errors
    /// As [`Chain::append`].
    pub fn tell(&self, (kind, body): (&str, Value)) -> Result<()> {
        let Some(folder) = self.project.as_ref().filter(|folder| folder.join(LEDGER).exists()) else { return Ok(()) };
        let keys = Keys::open(&folder.join(KEYS))?;
        Chain::open(&folder.join(LEDGER), &keys)?.append(kind, body).map(drop)
    }
}
