//! `unlearn follow`: a graph over time. Where nodes and edges arrive, training goes on from the weights there are on
//! the graph as it is then; where they leave, a method takes their influence along.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::config::Loaded;
use super::evaluate::EvalJob;
use super::evidence::{self, Marks};
use super::folder::{RunFolder, State};
use super::forget_run::ForgetJob;
use super::hold::Hold;
use super::info::RunInfo;
use super::train_run::{TrainJob, TrainOptions};
use crate::base::write_atomic;
use crate::data::{Event, EventKind, Kind, Request, read_events, request_lines};
use crate::engine::Engine;
use crate::error::{Error, Result};

/// The curve, a line of JSON for each time.
pub const CURVE: &str = "follow.jsonl";

/// A graph to be followed.
pub struct Follow<'a> {
    /// The configuration; `data.events` has what happens.
    pub config: &'a Path,
    /// Changes of it.
    pub sets: &'a [String],
    /// In place of its seed.
    pub seed: Option<u64>,
    /// The method for what leaves.
    pub method: &'a str,
    /// Its settings.
    pub settings: toml::Table,
    /// Epochs of training after an arrival.
    pub epochs: usize,
    /// Folder of the runs.
    pub out: &'a Path,
    /// Who does it, and why.
    pub marks: Marks,
    /// Set by Ctrl-C.
    pub interrupted: &'a AtomicBool,
}

/// A line of [`CURVE`].
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// Time of the events.
    pub time: f64,
    /// Nodes and edges that arrived.
    pub arrived: usize,
    /// Nodes and edges that left.
    pub left: usize,
    /// Folder of the run that serves from then on.
    pub run: PathBuf,
    /// SHA-256 of its weights.
    pub model_sha256: String,
    /// Seconds of forgetting and of training.
    pub seconds: f64,
    /// As `unlearn eval` has them.
    pub metrics: serde_json::Value,
}

impl Follow<'_> {
    /// Goes through all times; what an earlier process has finished stays. `watch` hears of each.
    ///
    /// # Errors
    /// No `data.events`; what training and forgetting refuse or fail with.
    pub fn run(&self, engine: &mut Engine, watch: &mut dyn FnMut(&Point)) -> Result<Vec<Point>> {
        let loaded = Loaded::read(self.config, self.sets, self.seed)?;
        let file = loaded.config.data.events.clone().ok_or_else(|| {
            Error::input("follow needs data.events, a file of nodes and edges that arrive and leave; set it")
        })?;
        let events = read_events(&file)?;
        let hold = Hold::take(self.out, "follow")?;
        let mut points: Vec<Point> = Vec::new();
        for group in events.chunk_by(|a, b| a.time == b.time) {
            let before = points.last().map(|point| point.run.clone());
            let (run, seconds) = self.step(engine, points.len(), before, group)?;
            let count = |what| group.iter().filter(|event| event.what == what).map(|event| event.ids.len()).sum();
            let document =
                EvalJob { run: &run, references: &[], original: None, request: None }.read()?.measure(engine)?;
            points.push(Point {
                time: group[0].time,
                arrived: count(EventKind::Arrive),
                left: count(EventKind::Leave),
                model_sha256: document.model_sha256,
                metrics: document.metrics.to_json(),
                run,
                seconds,
            });
            watch(&points[points.len() - 1]);
            self.write(&points)?;
        }
        hold.settle();
        Ok(points)
    }

    /// The run that serves after the events of one time, and the seconds that it took.
    fn step(
        &self,
        engine: &mut Engine,
        at: usize,
        before: Option<PathBuf>,
        events: &[Event],
    ) -> Result<(PathBuf, f64)> {
        let own = self.out.join(format!("{at:04}"));
        let Some(mut run) = before else {
            let info = self.train(engine, &own, events[0].time, None)?;
            return Ok((own, info.seconds));
        };
        let mut seconds = 0.0;
        if let Some(request) = self.leaving(at, events)? {
            let left = self.out.join(format!("{at:04}-left"));
            if RunFolder::new(&left).state() != State::Finished {
                let mut job = ForgetJob::prepare(&run, &request, self.method, self.settings.clone(), &left)?;
                job.marks = self.marks.clone();
                job.forget(engine, self.seed, false)?;
            }
            let info = RunFolder::new(&left).read_info()?;
            seconds += info.forget.map_or(0.0, |forget| forget.method_s + forget.precompute_s);
            run = left;
        }
        if events.iter().all(|event| event.what == EventKind::Leave) {
            return Ok((run, seconds));
        }
        let info = self.train(engine, &own, events[0].time, Some(&run))?;
        Ok((own, seconds + info.seconds))
    }

    /// The file of requests for what leaves; none where nothing does.
    fn leaving(&self, at: usize, events: &[Event]) -> Result<Option<PathBuf>> {
        let leave = events.iter().filter(|event| event.what == EventKind::Leave);
        let mut requests: Vec<Request> = Vec::new();
        for event in leave {
            let name = if event.kind == Kind::Node { "nodes" } else { "edges" };
            let request_id = format!("{name} that left at {}", event.time);
            requests.push(Request { request_id, ..Request::new(event.kind, event.ids.clone(), &event.origin) });
        }
        if requests.is_empty() {
            return Ok(None);
        }
        let path = self.out.join("requests").join(format!("{at:04}.jsonl"));
        let folder = path.parent().unwrap_or(self.out);
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        write_atomic(&path, request_lines(&requests)?.as_bytes())?;
        Ok(Some(path))
    }

    /// Trains on the graph of a time, from the start or from the weights of a run.
    fn train(&self, engine: &mut Engine, out: &Path, time: f64, from: Option<&Path>) -> Result<RunInfo> {
        let mut loaded = Loaded::read(self.config, self.sets, self.seed)?;
        loaded.config.data.until = Some(time);
        if let Some(from) = from {
            let model = RunFolder::new(from).model();
            loaded.config.init = Some(std::path::absolute(&model).map_err(Error::io("find", &model))?);
            loaded.config.train.epochs = self.epochs;
        }
        let Some(mut job) = TrainJob::prepare(loaded, out, RunFolder::new(out).is_ours())? else {
            return RunFolder::new(out).read_info();
        };
        job.marks = self.marks.clone();
        let options = TrainOptions {
            resume: true,
            keep_checkpoint: false,
            check_finite: false,
            interrupted: self.interrupted,
            ranks: None,
        };
        job.train(engine, options, &mut |_| {})
    }

    fn write(&self, points: &[Point]) -> Result<()> {
        write_atomic(&self.out.join(CURVE), evidence::json_lines(points, CURVE)?.as_bytes())
    }
}
