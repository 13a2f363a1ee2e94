//! A RUN folder: what is in it, when it may be written to, and how it is read back.

mod open;
mod opened;

pub use opened::Opened;

use std::fs;
use std::path::{Path, PathBuf};

use super::evidence;
use super::hold::{Hold, LOCK, begun_by};
use super::info::{RunInfo, SCHEMA};
use crate::base::{sweep, write_atomic};
use crate::error::{Error, Result};
use crate::train::coupled;

/// Rows of an experiment, which has a folder of its own.
pub const RESULTS: &str = "results.jsonl";

/// The key under which `run.json` has its own hash.
const SELF: &str = "run_sha256";

/// What a folder is before a run is written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Absent, or without anything of a run.
    Free,
    /// A run that did not end.
    Begun,
    /// A whole run.
    Finished,
}

/// Names of the files that a run consists of.
pub const PARTS: [&str; 7] = [
    "model.safetensors",
    "run.json",
    "metrics.jsonl",
    "config.toml",
    "checkpoint.safetensors",
    "request.jsonl",
    "forgotten.jsonl",
];

/// The paths of a RUN folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    /// The folder.
    pub path: PathBuf,
}

impl RunFolder {
    /// The run at this path, there or not.
    pub fn new(path: &Path) -> RunFolder {
        RunFolder { path: path.to_owned() }
    }

    /// Weights under PyTorch's names.
    pub fn model(&self) -> PathBuf {
        self.path.join("model.safetensors")
    }

    /// `run.json`, written last.
    pub fn info(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// A line of JSON for each epoch.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// The resolved configuration.
    pub fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// Everything a resumption needs.
    pub fn checkpoint(&self) -> PathBuf {
        self.path.join("checkpoint.safetensors")
    }

    /// The request that the run obeyed, where it forgot.
    pub fn request(&self) -> PathBuf {
        self.path.join("request.jsonl")
    }

    /// The records that the request was found to mean, where the run forgot.
    pub fn forgotten(&self) -> PathBuf {
        self.path.join("forgotten.jsonl")
    }

    /// Every file that there may be.
    pub fn parts(&self) -> [PathBuf; PARTS.len()] {
        PARTS.map(|name| self.path.join(name))
    }

    /// The trace of a coupled training; it has the hashes of its pages.
    pub fn trace(&self) -> PathBuf {
        self.path.join(coupled::NAME)
    }

    /// The files of that trace.
    pub fn trace_files(&self) -> Vec<PathBuf> {
        let inside = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let is_trace = |entry: &fs::DirEntry| entry.file_name().to_str().is_some_and(coupled::is_trace_file);
        let mut all: Vec<PathBuf> = inside.filter(is_trace).map(|entry| entry.path()).collect();
        all.sort();
        all
    }

    /// The weights of an ensemble's members, where they were learned.
    pub fn aggregator(&self) -> PathBuf {
        self.path.join("aggregator.safetensors")
    }

    /// The files that `run.json` binds by their hashes, besides the weights.
    pub fn bound(&self) -> [PathBuf; 6] {
        [self.config(), self.metrics(), self.request(), self.forgotten(), self.trace(), self.aggregator()]
    }

    /// Retrains that `unlearn references` made of this run's requests.
    pub fn references(&self) -> PathBuf {
        self.path.join("references")
    }

    /// What is there now.
    pub fn state(&self) -> State {
        match (self.info().exists(), self.parts().iter().any(|p| p.exists())) {
            (true, _) => State::Finished,
            (false, true) => State::Begun,
            (false, false) => State::Free,
        }
    }

    /// Whether a training was begun or finished here, rather than files of these names put here.
    pub fn is_ours(&self) -> bool {
        [self.info(), self.checkpoint(), self.path.join(LOCK)].iter().any(|p| p.exists())
    }

    /// Locks the folder for a command, which then writes a whole run there. A free folder is anybody's; what a killed
    /// process had begun is for the same command alone, which compares the [`Hold::left`] digest with its own: `train`
    /// goes on if it is to `resume`, the others begin anew. `None`: to be resumed, and finished.
    ///
    /// # Errors
    /// [`Error::Input`] saying what is there and what may be done instead; as [`Hold::take`].
    pub fn claim(&self, command: &str, resume: bool) -> Result<Option<Hold>> {
        let trains = command == "train";
        let instead = if trains { "use another folder, or --resume to continue it" } else { "use another folder" };
        let refuse = |what: &str, instead: &str| {
            Err(Error::input(format!("--out {} already holds {what}; {instead}", self.path.display())))
        };
        let finished = || {
            if resume {
                return Ok(None);
            }
            self.tidy(true);
            refuse("a finished run", instead)
        };
        if self.state() == State::Finished {
            return finished();
        }
        let hold = Hold::take(&self.path, command)?;
        match self.state() {
            State::Finished => return finished(),
            State::Free if self.path.join(RESULTS).exists() => {
                return refuse("the results of an experiment", "use another folder");
            }
            State::Free => {}
            State::Begun => {
                let other = match hold.left() {
                    Some(left) => left.command.as_str(),
                    None if self.request().exists() => "forget",
                    None => "train",
                };
                if other != command {
                    let instead = "run that command again to finish it, or use another folder";
                    return refuse(&format!("what an unfinished `unlearn {other}` wrote"), instead);
                }
                if !trains && hold.left().is_none() {
                    return refuse("parts of a run that this command did not write", "use another folder");
                }
                if trains && !resume {
                    return refuse("an unfinished run", instead);
                }
            }
        }
        self.parts().iter().chain(&self.trace_files()).for_each(|part| sweep(part));
        Ok(Some(hold))
    }

    /// Removes from a finished run what a process left that was killed between its last moves.
    pub fn tidy(&self, keep_checkpoint: bool) {
        if self.state() != State::Finished || !self.path.join(LOCK).exists() {
            return;
        }
        // A folder that is closed to us, or another process at its last moves: the run is whole all the same.
        if let Ok(hold) = Hold::take(&self.path, "") {
            self.parts().iter().for_each(|part| sweep(part));
            if !keep_checkpoint {
                fs::remove_file(self.checkpoint()).unwrap_or_default();
            }
            hold.settle();
        }
    }

    /// Takes back everything that was written, where nothing of it is of use.
    pub fn discard(&self) {
        // Not there: nothing to take back.
        let all = self.parts().into_iter().chain(self.trace_files());
        all.for_each(|part| fs::remove_file(part).unwrap_or_default());
        fs::remove_dir_all(self.path.join("checkpoints")).unwrap_or_default();
    }

    /// Writes `run.json`, which makes the run a finished one.
    pub fn write_info(&self, info: &RunInfo) -> Result<()> {
        let unsealed = RunInfo { run_sha256: String::new(), ..info.clone() };
        let text = evidence::seal(evidence::json(&unsealed, "run.json")?, SELF);
        write_atomic(&self.info(), text.as_bytes())
    }

    /// # Errors
    /// [`Error::Input`] where there is no run, one of another version, or one that was changed since it was written.
    pub fn read_info(&self) -> Result<RunInfo> {
        let path = self.info();
        let bytes = fs::read(&path).map_err(|e| match (e.kind(), self.state()) {
            (std::io::ErrorKind::NotFound, State::Begun) => Error::input(format!(
                "{} holds an unfinished run; finish it with `unlearn {} … --out {} --resume`",
                self.path.display(),
                begun_by(&self.path).unwrap_or_else(|| "train".into()),
                self.path.display()
            )),
            (std::io::ErrorKind::NotFound, _) => {
                Error::input(format!("{} is not a run folder: there is no run.json in it", self.path.display()))
            }
            _ => Error::io("read", &path)(e),
        })?;
        evidence::unseal(&path, &bytes, SCHEMA, SELF)
    }

    /// Refuses files that are not those that the run was finished with.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file and both hashes.
    pub fn check(&self, info: &RunInfo) -> Result<()> {
        info.evidence.check_files(&self.bound())?;
        info.evidence.check_checkpoint(&self.checkpoint())?;
        match info.ensemble {
            // Each member is checked where it is read.
            Some(_) => Ok(()),
            None => evidence::check_weights(&self.model(), &info.model_sha256),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_free_begun_or_finished_and_left_overs_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let folder = RunFolder::new(&dir.path().join("run"));
        assert_eq!(folder.state(), State::Free);
        drop(folder.claim("train", false).unwrap());
        assert!(!folder.path.exists());
        fs::create_dir(&folder.path).unwrap();
        fs::write(folder.path.join(".model.safetensors.7.tmp"), b"half").unwrap();
        fs::write(folder.path.join(".notes.tmp"), b"the user's").unwrap();
        drop(folder.claim("train", false).unwrap());
        assert_eq!((folder.state(), fs::read_dir(&folder.path).unwrap().count()), (State::Free, 1));
        fs::write(folder.checkpoint(), b"").unwrap();
        assert_eq!(folder.state(), State::Begun);
        let refused = |command, resume| folder.claim(command, resume).unwrap_err().to_string();
        assert!(refused("train", false).contains("unfinished run"));
        assert!(refused("forget", true).contains("unfinished `unlearn train`"));
        assert!(folder.claim("train", true).unwrap().is_some());
        assert!(folder.read_info().unwrap_err().to_string().contains("--resume"));
        fs::write(folder.info(), b"{}").unwrap();
        assert_eq!(folder.state(), State::Finished);
        assert!(refused("train", false).contains("finished run") && folder.claim("train", true).unwrap().is_none());
        assert!(folder.read_info().unwrap_err().to_string().contains("schema is none"));
        fs::write(folder.path.join(LOCK), "{\"command\":\"train\",\"pid\":1,\"digest\":\"d\"}").unwrap();
        folder.tidy(false);
        assert!(!folder.path.join(LOCK).exists() && !folder.checkpoint().exists());
        fs::write(folder.checkpoint(), b"").unwrap();
        folder.tidy(false);
        assert!(folder.checkpoint().exists(), "it was kept on purpose");
        folder.discard();
        assert_eq!((folder.state(), fs::read_dir(&folder.path).unwrap().count()), (State::Free, 1));
        fs::write(folder.path.join(RESULTS), b"").unwrap();
        assert!(refused("train", true).contains("results of an experiment"));
        fs::remove_file(folder.path.join(RESULTS)).unwrap();
        // Files of these names that nobody of us began.
        fs::write(folder.request(), b"").unwrap();
        assert!(refused("train", true).contains("unfinished `unlearn forget`"));
        assert!(refused("forget", true).contains("did not write"));
    }
}
