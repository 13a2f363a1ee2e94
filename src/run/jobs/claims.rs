//! Who does which job, on a file system that many processes and machines share.
//!
//! A claim is a file `ID.G` that is made where none is (`O_EXCL`, atomic on POSIX file systems and on NFS from version
//! 3 on), and is never removed or renamed. G counts: the next holder of a job that was given up, or whose holder is
//! gone, makes `ID.(G+1)`, so that of many who find it stale one alone gets it, and whoever found it stale too late
//! finds the next claim fresh. The last G is the holder.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::base::{utc_now, write_atomic};
use crate::error::{Error, Result};

/// A process that takes jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Who {
    /// Name of its machine.
    pub host: String,
    /// Of the process.
    pub pid: u32,
    /// What its process ids are numbers in, and when it started: a number that was given anew is another process.
    pub started: String,
    /// Its rank, where it has one.
    pub rank: Option<u32>,
    /// When it took the job (UTC).
    pub at: String,
}

/// How long a claim lives without a sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Between two signs.
    pub beat: Duration,
    /// After so long without one its holder is taken for gone.
    pub stale: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { beat: Duration::from_secs(5), stale: Duration::from_secs(90) }
    }
}

impl Who {
    /// This process.
    pub fn me(rank: Option<u32>) -> Who {
        let pid = std::process::id();
        let started = started(pid).unwrap_or_default();
        Who { host: host(), pid, started, rank, at: utc_now() }
    }

    /// Whether the process lives; none where that cannot be seen from here.
    fn lives(&self, here: &Who) -> Option<bool> {
        let space = |who: &Who| who.started.split_once(' ').map(|(space, _)| space.to_owned());
        if self.host != here.host || space(self).is_none() || space(self) != space(here) {
            return None;
        }
        Some(started(self.pid).is_some_and(|started| started == self.started))
    }

    /// In words.
    pub fn text(&self) -> String {
        let rank = self.rank.map_or(String::new(), |rank| format!("rank {rank}, "));
        format!("{rank}process {} on {}", self.pid, self.host)
    }
}

fn host() -> String {
    let file = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = file.or_else(|| ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|key| std::env::var(key).ok()));
    name.map_or("this machine".into(), |name| name.trim().to_owned())
}

/// The space of process ids and the start of a process, as Linux tells them; none where it does not, or there is no
/// such process.
fn started(pid: u32) -> Option<String> {
    let space = fs::read_link("/proc/self/ns/pid").ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program is in brackets, and may hold blanks; the start is the 20th word behind it.
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    // A zombie has ended.
    let state = words.next().filter(|state| *state != "Z" && *state != "X")?;
    debug_assert_eq!(state.len(), 1, "proc(5): the state is a letter");
    let start = words.nth(18)?;
    Some(format!("{} {start}", space.display()))
}

/// A claim on file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Whose it is.
    pub who: Who,
    /// It is the so-many-th of the job, from 0.
    pub generation: u32,
}

/// What the claims of a job say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nobody has claimed it.
    Free,
    /// Somebody does it.
    Busy(Held),
    /// Its holder is gone.
    Stale(Held),
    /// Its holder gave it up.
    Released(Held),
    /// It did not come out, and why.
    Failed(Held, String),
}

/// Why a holder gave up.
#[derive(Serialize, Deserialize)]
struct End {
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
}

/// The claims of a plan, for one process.
pub struct Claims {
    folder: PathBuf,
    who: Who,
    patience: Patience,
}

impl Claims {
    /// # Errors
    /// The folder cannot be made.
    pub fn new(folder: &Path, who: Who, patience: Patience) -> Result<Claims> {
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        Ok(Claims { folder: folder.to_owned(), who, patience })
    }

    fn file(&self, id: &str, generation: u32) -> PathBuf {
        self.folder.join(format!("{id}.{generation}"))
    }

    /// What is known of a job.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn look(&self, id: &str) -> Result<Seen> {
        let mut last = None;
        for generation in 0.. {
            match self.file(id, generation).try_exists() {
                Ok(true) => last = Some(generation),
                Ok(false) => break,
                Err(e) => return Err(Error::io("read", &self.folder)(e)),
            }
        }
        let Some(generation) = last else { return Ok(Seen::Free) };
        let path = self.file(id, generation);
        // Empty while it is being written, or where its writer was killed just then: nobody's, until it grows old.
        let who = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let held = Held { who, generation };
        let end = fs::read(with(&path, "end")).ok().and_then(|bytes| serde_json::from_slice::<End>(&bytes).ok());
        Ok(match end {
            Some(End { failed: Some(why) }) => Seen::Failed(held, why),
            Some(End { failed: None }) => Seen::Released(held),
            None if self.is_alive(&held, &path) => Seen::Busy(held),
            None => Seen::Stale(held),
        })
    }

    /// By its process, where that can be seen from here; by its signs of life elsewhere.
    fn is_alive(&self, held: &Held, path: &Path) -> bool {
        let by_signs = || {
            let modified = |path: &Path| File::open(path).and_then(|file| file.metadata()?.modified()).ok();
            let last = modified(&with(path, "beat")).max(modified(path));
            // A file of the same system, so that clocks of machines need not agree.
            let age = last.and_then(|last| self.now().duration_since(last).ok()).unwrap_or_default();
            age < self.patience.stale
        };
        held.who.lives(&self.who).unwrap_or_else(by_signs)
    }

    fn now(&self) -> SystemTime {
        let probe = self.folder.join(format!(".now-{}-{}", self.who.host, self.who.pid));
        let written = File::create(&probe).and_then(|mut file| {
            file.write_all(b"now")?;
            file.metadata()?.modified()
        });
        fs::remove_file(&probe).unwrap_or_default();
        written.unwrap_or_else(|_| SystemTime::now())
    }

    /// Takes a job that is as `seen` says; none where somebody else was faster. What is busy is never taken.
    ///
    /// # Errors
    /// The claim cannot be written.
    pub fn take(&self, id: &str, seen: &Seen) -> Result<Option<Claim>> {
        let generation = match seen {
            Seen::Free => 0,
            Seen::Busy(_) => return Ok(None),
            Seen::Stale(held) | Seen::Released(held) | Seen::Failed(held, _) => held.generation + 1,
        };
        let path = self.file(id, generation);
        let mut file = match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::AlreadyExists => return Ok(None),
            Err(e) => return Err(Error::io("write", &path)(e)),
        };
        let who = Who { at: utc_now(), ..self.who.clone() };
        let text = serde_json::to_string(&who).map_err(|e| Error::internal(format!("a claim: {e}")))?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::io("write", &path)).inspect_err(
            |_| {
                // Nobody takes it for theirs while it is empty and fresh.
                fs::remove_file(&path).unwrap_or_default();
            },
        )?;
        Ok(Some(Claim::new(id, generation, path, self.patience.beat)))
    }
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{ending}"));
    name.into()
}

/// The right to do a job, with signs of life until it is dropped. Dropped without an end it is given up.
pub struct Claim {
    /// The job.
    pub id: String,
    /// Holders before this one.
    pub generation: u32,
    path: PathBuf,
    heart: Option<(Sender<()>, JoinHandle<()>)>,
    ended: bool,
}

impl Claim {
    fn new(id: &str, generation: u32, path: PathBuf, beat: Duration) -> Claim {
        let (stop, stopped) = channel();
        let file = with(&path, "beat");
        let live = move || {
            let mut count = 0u64;
            while stopped.recv_timeout(beat) == Err(RecvTimeoutError::Timeout) {
                count += 1;
                // A full disk: whoever takes the holder for gone then works in another folder, and one is kept.
                fs::write(&file, count.to_string()).unwrap_or_default();
            }
        };
        let heart = std::thread::Builder::new().name("signs of life".into()).spawn(live).ok();
        Claim { id: id.to_owned(), generation, path, heart: heart.map(|heart| (stop, heart)), ended: false }
    }

    /// Whether nobody has taken the job over.
    pub fn is_mine(&self) -> bool {
        let next = self.path.with_extension((self.generation + 1).to_string());
        !next.exists()
    }

    /// The job is done; its marker says so, and the claim may stay as it is.
    pub fn finish(mut self) {
        self.ended = true;
    }

    /// The job did not come out.
    pub fn fail(mut self, why: &str) {
        self.end(Some(why.to_owned()));
    }

    fn end(&mut self, failed: Option<String>) {
        self.ended = true;
        let text = serde_json::to_string(&End { failed }).unwrap_or_default();
        // Where nothing can be written, the signs of life end all the same.
        write_atomic(&with(&self.path, "end"), text.as_bytes()).unwrap_or_default();
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some((stop, heart)) = self.heart.take() {
            drop(stop);
            heart.join().unwrap_or_default();
        }
        if !self.ended {
            self.end(None);
        }
    }
}
