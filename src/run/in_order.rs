//! `unlearn forget --in-order`: the requests of a file one after another, each on what the one before it left: a run
//! for each step, and a curve of what the steps cost and left.

mod point;
mod steps;

use std::fs;
use std::path::{Path, PathBuf};

pub use self::point::Point;
use self::steps::Step;
use super::evaluate::EvalJob;
use super::evidence::{self, Marks};
use super::folder::{RunFolder, State};
use super::forget_run::ForgetJob;
use super::hold::Hold;
use super::info::RunInfo;
use crate::base::{sha256, write_atomic};
use crate::data::{read_requests, request_lines};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::methods;

/// The curve, a line of JSON for each step; line 0 is the run that it began with.
pub const CURVE: &str = "stream.jsonl";

/// How a stream is worked off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Requests a step.
    pub batch: usize,
    /// Every so many steps the method gives way to a retrain; never if 0.
    pub retrain_every: usize,
    /// Every so many steps, and after the last, the run is evaluated.
    pub measure_every: usize,
}

/// What is asked, and of which run.
pub struct Asked<'a> {
    /// Folder of the run that the stream begins with.
    pub run: &'a Path,
    /// The file of requests.
    pub request: &'a Path,
    /// The method.
    pub method: &'a str,
    /// Its settings.
    pub settings: toml::Table,
    /// Who does it, and why.
    pub marks: Marks,
}

/// A stream of requests, ready to be worked off.
pub struct InOrder<'a> {
    asked: Asked<'a>,
    pace: Pace,
    steps: Vec<Step>,
    out: &'a Path,
    /// The right to write there.
    hold: Hold,
    /// Of the run that it begins with.
    original: RunInfo,
}

/// A step that was done.
pub struct Done {
    /// The run that it left.
    pub path: PathBuf,
    /// Its facts.
    pub info: RunInfo,
}

impl<'a> InOrder<'a> {
    /// Reads the whole file and refuses what cannot be done before the first step. What a killed process did of the
    /// same stream is kept.
    ///
    /// # Errors
    /// What [`ForgetJob::dry`] refuses; an `out` that holds anything else.
    pub fn prepare(asked: Asked<'a>, pace: Pace, out: &'a Path) -> Result<InOrder<'a>> {
        let whole = ForgetJob::dry(asked.run, asked.request, asked.method, asked.settings.clone())?;
        let steps = steps::of(&read_requests(asked.request)?, whole.lines(), pace.batch);
        let original = RunFolder::new(asked.run).read_info()?;
        let folder = RunFolder::new(out);
        if folder.state() != State::Free {
            return Err(Error::input(format!(
                "--out {} holds a run, and a stream takes a folder of its own; use another folder",
                out.display()
            )));
        }
        let hold = Hold::take(out, "forget --in-order")?;
        let stream = InOrder { asked, pace, steps, out, hold, original };
        stream.check_plan()?;
        Ok(stream)
    }

    /// Everything that the steps depend on, in one line.
    fn plan(&self) -> Result<String> {
        let Pace { batch, retrain_every, measure_every } = self.pace;
        let request = sha256(request_lines(self.steps.iter().flat_map(|step| &step.requests))?.as_bytes());
        let settings = serde_json::to_value(&self.asked.settings)
            .map_err(|e| Error::internal(format!("the settings as JSON: {e}")))?;
        let plan = serde_json::json!({
            "schema": "unlearn.stream/1", "model_sha256": self.original.model_sha256, "requests_sha256": request,
            "method": self.asked.method, "settings": settings, "batch": batch, "retrain_every": retrain_every,
            "measure_every": measure_every,
        });
        Ok(format!("{plan}\n"))
    }

    /// The folder is free, or holds this very stream.
    fn check_plan(&self) -> Result<()> {
        let (path, plan) = (self.out.join("stream.json"), self.plan()?);
        match fs::read_to_string(&path) {
            Ok(known) if known == plan => {}
            Ok(_) => {
                return Err(Error::input(format!(
                    "--out {} belongs to another stream (run, requests, method, settings or pace); use the same \
                        command line, or another folder",
                    self.out.display()
                )));
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => write_atomic(&path, plan.as_bytes())?,
            Err(e) => return Err(Error::io("read", &path)(e)),
        }
        self.hold.begin(&sha256(plan.as_bytes()))
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is no step.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The names of a step's requests.
    pub fn requests(&self, at: usize) -> Vec<&str> {
        self.steps[at].names()
    }

    /// Whether the run that a step leaves is evaluated.
    pub fn is_measured(&self, at: usize) -> bool {
        (at + 1).is_multiple_of(self.pace.measure_every.max(1)) || at + 1 == self.len()
    }

    fn folder(&self, at: usize) -> PathBuf {
        self.out.join(format!("{:04}", at + 1))
    }

    /// The run that a step begins with: that of the last step that took anything away.
    fn before(&self, at: usize) -> PathBuf {
        let done = (0..at).rev().find(|earlier| self.steps[*earlier].fresh > 0);
        done.map_or_else(|| self.asked.run.to_owned(), |earlier| self.folder(earlier))
    }

    /// The method of a step.
    fn method(&self, at: usize) -> (&str, toml::Table) {
        let every = self.pace.retrain_every;
        match every > 0 && (at + 1).is_multiple_of(every) {
            true => (methods::reference().name, toml::Table::new()),
            false => (self.asked.method, self.asked.settings.clone()),
        }
    }

    /// Does a step, unless it was done; none where everything that it names went before.
    ///
    /// # Errors
    /// What forgetting refuses or fails with, under the step's name.
    pub fn step(&self, at: usize, engine: &mut Engine, seed: Option<u64>, check_finite: bool) -> Result<Option<Done>> {
        let (step, path) = (&self.steps[at], self.folder(at));
        if step.fresh == 0 {
            return Ok(None);
        }
        if RunFolder::new(&path).state() != State::Finished {
            let request = self.out.join("requests").join(format!("{:04}.jsonl", at + 1));
            let folder = request.parent().unwrap_or(self.out);
            fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
            write_atomic(&request, request_lines(&step.requests)?.as_bytes())?;
            let (method, settings) = self.method(at);
            let mut job = ForgetJob::prepare(&self.before(at), &request, method, settings, &path)?;
            job.marks = self.asked.marks.clone();
            job.forget(engine, seed, check_finite)?;
        }
        let info = RunFolder::new(&path).read_info()?;
        Ok(Some(Done { path, info }))
    }

    /// The point of the run that the stream begins with.
    ///
    /// # Errors
    /// A model that diverged; a lost device.
    pub fn start(&self, engine: &mut Engine) -> Result<Point> {
        let metrics = self.measured(self.asked.run, engine, &[])?;
        Ok(Point { metrics: Some(metrics), ..Point::start(&self.original) })
    }

    /// The point of a step that was done, measured where it is time for it.
    ///
    /// # Errors
    /// As [`InOrder::start`]; references that are none.
    pub fn point(&self, at: usize, done: &Done, engine: &mut Engine, references: &[PathBuf]) -> Result<Point> {
        let metrics = match self.is_measured(at) {
            true => Some(self.measured(&done.path, engine, references)?),
            false => None,
        };
        let gone = self.steps[..=at].iter().map(|step| step.fresh).sum();
        Ok(Point { metrics, ..Point::of(at + 1, &self.steps[at], gone, &done.info, &self.original) })
    }

    fn measured(&self, run: &Path, engine: &mut Engine, references: &[PathBuf]) -> Result<serde_json::Value> {
        let document = EvalJob { run, references, original: None, request: None }.read()?.measure(engine)?;
        Ok(document.metrics.to_json())
    }

    /// Writes the curve as far as it goes.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, points: &[Point]) -> Result<()> {
        write_atomic(&self.out.join(CURVE), evidence::json_lines(points, CURVE)?.as_bytes())
    }

    /// The points of a curve that a killed process left, where they are of the steps as they are now.
    pub fn known(&self) -> Vec<Point> {
        point::read(&self.out.join(CURVE))
    }
}
