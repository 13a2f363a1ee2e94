//! `unlearn compare`: methods over tasks, training seeds and draws of what is forgotten. Each task with one draw is an
//! experiment, named by the hash of its inputs, taken by a claim and published by one rename: killed, or shared among
//! processes and machines, the same command goes on with what is left.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::config::Loaded;
use super::experiment::{ExperimentOptions, Findings, Ready, Stride, run_experiments};
use super::folder::RESULTS;
use super::jobs::{Claims, Patience, Who};
use super::pages::{Sources, write_findings};
use super::results::Row;
use crate::base::{Digest, write_atomic};
use crate::engine::Engine;
use crate::error::{Error, Result};

/// The folder of a comparison: `claims/`, `begun/ID.G/` as with jobs, `cells/ID/` a task with one draw that is done.
pub struct Contest<'a> {
    folder: &'a Path,
    cells: Vec<Cell>,
}

/// A task with one draw.
struct Cell {
    id: String,
    loaded: Loaded,
}

/// What became of the cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Of this comparison.
    pub all: usize,
    /// Whose results are there; the others are with other processes.
    pub done: usize,
}

impl<'a> Contest<'a> {
    /// A cell for each task and draw; a request that names its records has one draw.
    ///
    /// # Errors
    /// Bad configurations and data; tasks of one name; a folder with other files.
    pub fn of(folder: &'a Path, tasks: Vec<Loaded>, draws: &[u64]) -> Result<Contest<'a>> {
        let mut cells: Vec<Cell> = Vec::new();
        for task in tasks {
            let drawn = match &task.config.forget {
                Some(forget) => forget.requests()?.iter().any(|request| request.fraction.is_some()),
                None => false,
            };
            let name = task.name.clone();
            let several = drawn && draws.len() > 1;
            for draw in draws.iter().take(if drawn { draws.len() } else { 1 }) {
                let mut loaded = task.clone();
                if let Some(forget) = loaded.config.forget.as_mut().filter(|_| drawn) {
                    forget.draw_seed = Some(*draw);
                }
                if several {
                    loaded.name = format!("{name}, draw {draw}");
                }
                if let Some(twin) = cells.iter().find(|cell| cell.loaded.name == loaded.name) {
                    return Err(Error::input(format!(
                        "two tasks are called {}; rename the file of one, for results go by its name",
                        twin.loaded.name
                    )));
                }
                let id = id(&loaded)?;
                cells.push(Cell { id, loaded });
            }
        }
        let other = |entry: &fs::DirEntry| {
            let known = ["cells", "begun", "claims", RESULTS, "report.html", "report.md"];
            !entry.file_name().to_str().is_some_and(|name| known.contains(&name) || name.starts_with('.'))
        };
        if let Some(entry) = fs::read_dir(folder).into_iter().flatten().flatten().find(other) {
            return Err(Error::input(format!(
                "--out {} holds other files ({}); use another folder",
                folder.display(),
                entry.file_name().to_string_lossy()
            )));
        }
        for name in ["cells", "begun", "claims"] {
            fs::create_dir_all(folder.join(name)).map_err(Error::io("create", &folder.join(name)))?;
        }
        Ok(Contest { folder, cells })
    }

    fn finished(&self, cell: &Cell) -> PathBuf {
        self.folder.join("cells").join(&cell.id)
    }

    fn is_done(&self, cell: &Cell) -> bool {
        self.finished(cell).join(RESULTS).exists()
    }

    /// Does cells until none is left that this process could do.
    ///
    /// # Errors
    /// What an experiment refuses; an interruption, after which the same command goes on.
    pub fn work(
        &self,
        engine: &dyn Fn() -> Result<Engine>,
        options: ExperimentOptions,
        watch: &mut dyn FnMut(Stride),
    ) -> Result<State> {
        let claims = Claims::new(&self.folder.join("claims"), Who::me(None), Patience::default())?;
        let (mut made, of) = (None, self.cells.len());
        for (i, cell) in self.cells.iter().enumerate() {
            if self.is_done(cell) {
                continue;
            }
            if options.interrupted.load(Ordering::Relaxed) {
                return Err(interrupted());
            }
            let Some(claim) = claims.take(&cell.id, &claims.look(&cell.id)?)? else { continue };
            let engine = match &mut made {
                Some(engine) => engine,
                none => none.insert(engine()?),
            };
            let ready = Ready::of(cell.loaded.clone())?;
            let mut counted = |stride: Stride| match stride {
                Stride::Begin { name, .. } => watch(Stride::Begin { name, number: i + 1, of }),
                stage => watch(stage),
            };
            let findings = run_experiments(std::slice::from_ref(&ready), engine, options, &mut counted);
            let findings = findings.map_err(|error| match error {
                Error::Interrupted(_) => interrupted(),
                other => other,
            })?;
            self.publish(cell, &format!("{}.{}", cell.id, claim.generation), &findings)?;
            // Free again for whoever finds that the results were lost.
            drop(claim);
        }
        let done = self.cells.iter().filter(|cell| self.is_done(cell)).count();
        Ok(State { all: of, done })
    }

    /// Writes a cell's results beside the others and moves them to their place at once.
    fn publish(&self, cell: &Cell, desk: &str, findings: &Findings) -> Result<()> {
        let desk = self.folder.join("begun").join(desk);
        fs::create_dir_all(&desk).map_err(Error::io("create", &desk))?;
        write_findings(&desk, &format!("unlearn: {}", cell.loaded.name), findings)?;
        let to = self.finished(cell);
        match fs::rename(&desk, &to) {
            Ok(()) => Ok(()),
            // Another process was taken for gone, and was not: the same inputs gave its results.
            Err(_) if self.is_done(cell) => fs::remove_dir_all(&desk).map_err(Error::io("remove", &desk)),
            Err(error) => Err(Error::io("rename", &desk)(error)),
        }
    }

    /// The rows of every cell that is done; `results.jsonl`, `report.html` and `report.md` over them are written anew.
    ///
    /// # Errors
    /// Results that cannot be read; `Io`.
    pub fn gather(&self) -> Result<Vec<Row>> {
        let done: Vec<PathBuf> =
            self.cells.iter().filter(|cell| self.is_done(cell)).map(|cell| self.finished(cell)).collect();
        let sources = Sources::read(&done)?;
        let pages = ["report.html", "report.md"].map(|name| self.folder.join(name));
        sources.write("unlearn: compare", &[], &pages, None)?;
        let rows = sources.into_rows();
        write_atomic(&self.folder.join(RESULTS), super::results::results_text(&rows)?.as_bytes())?;
        Ok(rows)
    }
}

/// From everything that an experiment's results depend on.
fn id(loaded: &Loaded) -> Result<String> {
    let mut digest = Digest::new("unlearn.compare/1");
    digest.field("version", env!("CARGO_PKG_VERSION").as_bytes()).field("name", loaded.name.as_bytes());
    digest.field("config", loaded.config.to_toml()?.as_bytes());
    let mut loaded = loaded.clone();
    let data = loaded.build()?.0;
    digest.field("data", data.sha256().as_bytes());
    let files = loaded.config.reads().into_iter().filter(|path| path.is_file());
    for path in files {
        digest.field("file", super::evidence::hash_of(&path)?.as_bytes());
    }
    Ok(digest.finish()[..16].to_owned())
}

fn interrupted() -> Error {
    Error::Interrupted("interrupted; what is done stays done, and the same command goes on".into())
}
