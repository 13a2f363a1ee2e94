//! Files that a command is about to write, looked at before any work is done: never what it reads, never a part of a
//! run, and over what is there only on demand.

use std::fs;
use std::path::{Path, PathBuf};

use super::config::Loaded;
use super::folder::{PARTS, RESULTS, RunFolder};
use super::hold::LOCK;
use crate::base::{folder_of, stream, sweep, try_writing};
use crate::error::{Error, Result};

/// Ending of an original's training curve in a folder of results.
pub const CURVE: &str = ".metrics.jsonl";

/// What a command writes and reads.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    files: Vec<(String, PathBuf)>,
    folders: Vec<(String, PathBuf)>,
    inputs: Vec<PathBuf>,
    force: bool,
}

impl Outputs {
    /// Nothing yet; `force` replaces files that exist.
    pub fn new(force: bool) -> Outputs {
        Outputs { force, ..Outputs::default() }
    }

    /// A file that is written, and the flag that names it.
    pub fn file(mut self, flag: &str, path: Option<&Path>) -> Outputs {
        self.files.extend(path.map(|path| (flag.to_owned(), path.to_owned())));
        self
    }

    /// A folder that a run is written to.
    pub fn folder(mut self, flag: &str, path: &Path) -> Outputs {
        self.folders.push((flag.to_owned(), path.to_owned()));
        self
    }

    /// Files, and folders of files, that are read.
    pub fn reads<P: AsRef<Path>>(mut self, paths: impl IntoIterator<Item = P>) -> Outputs {
        self.inputs.extend(paths.into_iter().map(|path| path.as_ref().to_owned()));
        self
    }

    /// Folders of runs or of results that are read, with the data that a run names.
    pub fn reads_runs<P: AsRef<Path>>(mut self, folders: impl IntoIterator<Item = P>) -> Outputs {
        for folder in folders {
            let folder = folder.as_ref();
            let run = RunFolder::new(folder);
            self.inputs.extend(run.parts());
            // A configuration that cannot be read is complained of by whoever reads it.
            self.inputs.extend(Loaded::read(&run.config(), &[], None).map_or(Vec::new(), |l| l.config.reads()));
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            let results = |name: &str| name == RESULTS || name.ends_with(CURVE);
            let paths = entries.filter(|e| e.file_name().to_str().is_some_and(results)).map(|e| e.path());
            self.inputs.extend(paths);
        }
        self
    }

    /// Refuses what must not be written, tries that the rest can be, and removes what killed writers of these files
    /// have left.
    ///
    /// # Errors
    /// [`Error::Input`] with the flag and the file; `Io`.
    pub fn check(&self) -> Result<()> {
        for (flag, folder) in &self.folders {
            let parts = PARTS.map(|part| folder.join(part));
            let read = |part: &&PathBuf| part.exists() && self.inputs.iter().any(|input| real(input) == real(part));
            if let Some(input) = parts.iter().find(read) {
                return Err(Error::input(format!(
                    "{flag} {}: {} is read, and would be written over; use another folder",
                    folder.display(),
                    input.display()
                )));
            }
        }
        for (i, (flag, path)) in self.files.iter().enumerate().filter(|(_, (_, path))| !stream(path)) {
            let refuse = |what: &str| Err(Error::input(format!("{flag} {}: {what}", path.display())));
            if self.is_part(path) {
                return refuse("a file of this name is part of a run; give another name");
            }
            if let Some(input) = self.inputs.iter().find(|input| path.exists() && is_in(path, input)) {
                return refuse(&format!(
                    "it would be written over, and this command reads {}; write elsewhere",
                    input.display()
                ));
            }
            if let Some((other, _)) = self.files[..i].iter().find(|(_, known)| real(known) == real(path)) {
                return refuse(&format!("{other} names the same file; give another name"));
            }
            if !self.force && path.is_file() {
                return refuse("the file exists; give another name, or --force to replace it");
            }
            try_writing(path)?;
            sweep(path);
        }
        Ok(())
    }

    /// Whether a run that is there, or that is about to be written, has this file.
    fn is_part(&self, path: &Path) -> bool {
        let name = path.file_name();
        let folder = folder_of(path);
        let named = |all: &[&str]| all.iter().any(|part| name.is_some_and(|name| name == *part));
        let written = self.folders.iter().any(|(_, own)| real(own) == real(folder));
        named(&[LOCK]) || named(&PARTS) && (written || PARTS.iter().any(|part| folder.join(part).exists()))
    }
}

/// Whether a file is this one, or lies in this folder.
fn is_in(path: &Path, input: &Path) -> bool {
    input.exists() && real(path).starts_with(real(input))
}

/// The path without links, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let absolute = || std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (fs::canonicalize(path), path.file_name()) {
        (Ok(real), _) => real,
        (Err(_), Some(name)) => fs::canonicalize(folder_of(path)).map_or_else(|_| absolute(), |dir| dir.join(name)),
        (Err(_), None) => absolute(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_inputs_nor_runs_are_written_over_and_other_files_on_demand_alone() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("data/class")).unwrap();
        fs::create_dir(at("run")).unwrap();
        ["in.csv", "old", "data/class/a.png", "run/model.safetensors"]
            .iter()
            .for_each(|n| fs::write(at(n), n).unwrap());
        let outputs = |force: bool, name: &str| {
            let all = Outputs::new(force).file("--out", Some(&at(name))).reads([at("in.csv"), at("data"), at("gone")]);
            all.folder("--run", &at("new")).check().map_err(|e| e.to_string())
        };
        let refused = [
            ("in.csv", "reads"),
            ("run/../in.csv", "reads"),
            ("data/class/a.png", "reads"),
            ("run/model.safetensors", "part of a run"),
            ("run/run.json", "part of a run"),
            ("run/.unlearn.lock", "part of a run"),
            ("run", "is a folder"),
        ];
        for (name, says) in refused {
            let said = outputs(true, name).unwrap_err();
            assert!(said.contains(says), "{name}: {said}");
        }
        assert!(outputs(false, "old").unwrap_err().contains("--force"));
        assert_eq!(outputs(true, "old"), Ok(()));
        for name in ["fresh", "run/notes.txt", "model.safetensors", "data/new.txt"] {
            assert_eq!(outputs(false, name), Ok(()), "{name}");
        }
        let two = Outputs::new(true).file("--md", Some(&at("x"))).file("--junit", Some(&at("./x"))).check();
        assert!(two.unwrap_err().to_string().contains("--md names the same file"));
        // A part of the run that is about to be written; a run that would be written over its own configuration.
        fs::create_dir(at("new")).unwrap();
        assert!(outputs(true, "new/run.json").unwrap_err().contains("part of a run"));
        fs::write(at("new/config.toml"), "").unwrap();
        let over = Outputs::new(true).folder("--out", &at("new")).reads([at("new/config.toml")]).check();
        assert!(over.unwrap_err().to_string().contains("config.toml"));
    }
}
