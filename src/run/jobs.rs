//! `unlearn jobs`: work as units in a folder that several processes and machines share. A job's inputs name it, so that
//! it is done once whoever asks; ranks take jobs by claims, and there is no daemon. See [`Jobs`] for what is where.

mod claims;
mod emit;
mod plan;
mod rank;
mod shift;
mod status;
mod unit;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

pub use claims::{Claim, Claims, Held, Patience, Seen, Who};
pub use emit::{Asked, Launcher};
pub use plan::{Job, Plan, PlanOptions};
pub use rank::{AdapterMap, Rank};
pub use shift::{Event, Shift, Tally};
pub use status::{JobState, JobStatus, Status};
pub use unit::{Done, Unit};

/// The folder of a plan:
///
/// | path | holds |
/// | --- | --- |
/// | `plan.json` | the jobs, sealed by its own hash |
/// | `config.toml`, `request.jsonl` | what they read, every path absolute |
/// | `claims/ID.G` | who has job ID, the G-th to do so; `.beat` beside it tells that it lives, `.end` why it gave up |
/// | `begun/ID.G/` | a job that is being done |
/// | `jobs/ID/` | a job that is done: `run/`, and `done.json`, written last before the folder is moved here |
#[derive(Clone, Debug)]
pub struct Jobs {
    /// Where it lies.
    pub path: PathBuf,
    /// What is to be done.
    pub plan: Plan,
}

impl Jobs {
    /// Reads the plan of a folder.
    ///
    /// # Errors
    /// No plan there, one that was changed, or one that another version of the program made.
    pub fn open(path: &Path) -> Result<Jobs> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Ok(Jobs { plan: Plan::read(&path)?, path })
    }

    /// Where a finished job lies.
    pub fn finished(&self, id: &str) -> PathBuf {
        self.path.join("jobs").join(id)
    }

    /// What a finished job left; none where it is not finished.
    ///
    /// # Errors
    /// A marker that cannot be read.
    pub fn done(&self, id: &str) -> Result<Option<Done>> {
        let path = self.finished(id).join(unit::MARKER);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| {
                Error::input(format!("{}: {e}; the marker was damaged: remove the job's folder", path.display()))
            }),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("read", &path)(e)),
        }
    }

    /// Where the `generation`-th holder of a job works.
    fn desk(&self, id: &str, generation: u32) -> PathBuf {
        self.path.join("begun").join(format!("{id}.{generation}"))
    }

    /// The claims, for a process that would take some.
    ///
    /// # Errors
    /// Their folder cannot be made.
    pub fn claims(&self, who: Who, patience: Patience) -> Result<Claims> {
        Claims::new(&self.path.join("claims"), who, patience)
    }
}
