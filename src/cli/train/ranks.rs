//! `--data-parallel`: one of several processes that an MPI launcher started.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::error::{Error, Result};
use crate::run::folder::RunFolder;
use crate::train::Ranks;

/// Where this process trains: alone in --out, or as one of several ranks. All but the first of those write to a folder
/// of their own that goes when they end: they compute the same bytes.
pub(super) struct Seat {
    pub(super) out: PathBuf,
    pub(super) ranks: Option<Rc<dyn Ranks>>,
    scratch: bool,
}

impl Seat {
    /// Joins the others where `together` says so; `resume` from what is in `out`.
    ///
    /// # Errors
    /// A program without MPI; a folder that cannot be made or read.
    pub(super) fn take(out: &Path, together: bool, resume: bool) -> Result<Seat> {
        let ranks = if together { Some(join()?) } else { None };
        let rank = ranks.as_ref().map_or(0, |ranks| ranks.rank());
        let mut seat = Seat { out: out.to_owned(), ranks, scratch: rank > 0 };
        if seat.scratch {
            sweep();
            seat.out = std::env::temp_dir().join(format!("{SCRATCH}{rank}-{}", std::process::id()));
            fs::create_dir_all(&seat.out).map_err(Error::io("create", &seat.out))?;
        }
        if seat.scratch && resume {
            let (from, to) = (RunFolder::new(out).parts(), RunFolder::new(&seat.out).parts());
            for (from, to) in from.iter().zip(&to).filter(|(from, _)| from.exists()) {
                fs::copy(from, to).map_err(Error::io("copy", from))?;
            }
        }
        // Nobody writes to the folder before all have read it.
        seat.ranks.as_ref().map(|ranks| ranks.gather(&[])).transpose()?;
        Ok(seat)
    }

    /// Whether this process speaks for all.
    pub(super) fn leads(&self) -> bool {
        !self.scratch
    }

    /// All have this text, or nobody goes on.
    ///
    /// # Errors
    /// `what` of a rank is another.
    pub(super) fn agree(&self, what: &str, text: &str) -> Result<()> {
        let Some(ranks) = &self.ranks else { return Ok(()) };
        let all = ranks.gather(text.as_bytes())?;
        let Some(rank) = all.iter().position(|other| *other != all[0]) else { return Ok(()) };
        let word = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Err(Error::input(format!(
            "--data-parallel: {what} of rank {rank} is `{}`, and that of rank 0 is `{}`; ranks must have the same, so \
             that they compute the same bytes",
            word(&all[rank]),
            word(&all[0])
        )))
    }
}

impl Seat {
    /// Takes a folder of its own away.
    pub(super) fn leave(&self) {
        if self.scratch {
            // What cannot be removed lies where the system sweeps.
            fs::remove_dir_all(&self.out).unwrap_or_default();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Begins the name of a rank's own folder; the process ends it.
const SCRATCH: &str = "unlearn-rank-";

/// Takes away what killed ranks have left, where the system tells which processes there are.
fn sweep() {
    if !Path::new("/proc/self").exists() {
        return;
    }
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix(SCRATCH).and_then(|rest| rest.rsplit_once('-'));
        if process.is_some_and(|(_, pid)| !Path::new("/proc").join(pid).exists()) {
            fs::remove_dir_all(entry.path()).unwrap_or_default();
        }
    }
}

#[cfg(feature = "mpi")]
fn join() -> Result<Rc<dyn Ranks>> {
    Ok(Rc::new(crate::train::Mpi::join()?))
}

#[cfg(not(feature = "mpi"))]
fn join() -> Result<Rc<dyn Ranks>> {
    Err(Error::Unsupported(
        "--data-parallel: this program was built without MPI; build it with `cargo build --release --features mpi` \
         (needs an MPI such as Debian's libopenmpi-dev, and libclang-dev)"
            .into(),
    ))
}
