//! `unlearn predict`: what a run's model says of records, one by one.

mod targets;
mod written;

use std::path::{Path, PathBuf};

use super::ensemble;
use super::folder::{Opened, RunFolder};
use super::reading::{self, Reading};
use super::references;
use super::target::Target;
use crate::data::{Arrays, Dataset, FitOn, Id, Portion, Samples, TargetFit, TargetKind};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::records::Reader;
use crate::statistics;

/// Loaders with a file for the test part, in whose place another of the same columns or folders may stand.
const TESTABLE: [&str; 3] = ["csv", "parquet", "class_folder"];

/// A run and the records that its model is asked about.
pub struct PredictJob {
    run: Opened,
    target: Option<Target>,
    asked: Asked,
}

enum Asked {
    /// Records of the run's data.
    Parts(Vec<Portion>),
    /// A table as the run's, in whose place it stands.
    Table(Box<Dataset>, PathBuf),
    /// Records as the network takes them.
    Rows(Samples),
}

/// What a model says of records, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// As requests name them; rows of a NumPy archive are numbered from 0.
    pub ids: Vec<Id>,
    /// The part of each; empty for records from a file.
    pub parts: Vec<Portion>,
    /// The class of each, where it is known.
    pub labels: Vec<u32>,
    /// Names of the classes, or of the targets.
    pub classes: Vec<String>,
    /// [records, classes]; as trained on where targets are real.
    pub logits: Vec<f32>,
    /// What records have in the place of a class, [records, targets] in the units of the data, where it is known.
    pub targets: Vec<f64>,
    /// How targets are scaled; none of classes.
    pub fit: Option<TargetFit>,
}

impl PredictJob {
    /// Reads the run, and the records: `train`, `val`, `test`, `all` of the run's data, or a file.
    ///
    /// # Errors
    /// A folder that holds no run; a file that does not fit the run's data, with both shapes.
    pub fn read(run: &Path, on: &str) -> Result<PredictJob> {
        let run = RunFolder::new(run).open()?;
        let asked = match on {
            "train" => Asked::Parts(vec![Portion::Train]),
            "val" | "validation" => Asked::Parts(vec![Portion::Validation]),
            "test" => Asked::Parts(vec![Portion::Test]),
            "all" => Asked::Parts(Portion::ALL.to_vec()),
            file => file_of(&run, Path::new(file))?,
        };
        let target = references::target_of(&run)?;
        Ok(PredictJob { run, target, asked })
    }

    /// SHA-256 of the weights.
    pub fn model_sha256(&self) -> &str {
        self.run.model_sha256()
    }

    /// Runs the model.
    ///
    /// # Errors
    /// No such records; records that are pairs of nodes; a lost device.
    pub fn predict(&self, engine: &mut Engine) -> Result<Predictions> {
        if self.run.info.ensemble.is_some() {
            return self.of_ensemble(engine);
        }
        let theta = self.run.theta()?;
        let data = match &self.asked {
            Asked::Table(data, _) => data.as_ref(),
            _ => &self.run.data,
        };
        let classes = data.class_names.clone();
        let fit = data.targets.clone();
        let (ids, parts, labels, logits, targets) = (vec![], vec![], vec![], vec![], vec![]);
        let mut all = Predictions { ids, parts, labels, classes, logits, targets, fit };
        let reading = Reading { data, ..self.run.reading(&theta) };
        match &self.asked {
            Asked::Parts(parts) => {
                let logits = reading::logits(engine, self.target.as_ref(), &reading, parts)?;
                parts.iter().zip(logits).for_each(|(part, logits)| all.add(data, *part, &logits));
            }
            Asked::Table(..) => {
                let logits = reading::logits(engine, None, &reading, &[Portion::Test])?;
                all.add(data, Portion::Test, &logits[0]);
                all.parts.clear();
            }
            Asked::Rows(samples) => {
                let mut reader = Reader::rows(engine, &self.run.model, samples, &theta)?;
                let ids: Vec<u32> = (0..samples.len() as u32).collect();
                let records = reader.records(&ids, true);
                all.logits = reading::over_all_classes(data, statistics::logits(reader.session(), records)?);
                all.ids = ids.iter().map(|id| Id::Number(u64::from(*id))).collect();
            }
        }
        self.some(all)
    }

    fn some(&self, all: Predictions) -> Result<Predictions> {
        match all.ids.is_empty() {
            false => Ok(all),
            true => Err(Error::input(format!("--on: {} has no such records", self.run.data.name))),
        }
    }

    /// The same by several networks, each of which has the records as its own fit has them.
    fn of_ensemble(&self, engine: &mut Engine) -> Result<Predictions> {
        let (run, target) = (&self.run, self.target.as_ref());
        let classes = run.data.class_names.clone();
        let mut all = Predictions {
            ids: vec![],
            parts: vec![],
            labels: vec![],
            classes,
            logits: vec![],
            targets: vec![],
            fit: run.data.targets.clone(),
        };
        match &self.asked {
            Asked::Parts(parts) => {
                let said = ensemble::logits(engine, target, run, None, parts)?;
                parts.iter().zip(said).for_each(|(part, logits)| all.add(&run.data, *part, &logits));
            }
            Asked::Table(data, file) => {
                let said = ensemble::logits(engine, None, run, Some(file), &[Portion::Test])?;
                all.add(data, Portion::Test, &said[0]);
                all.parts.clear();
            }
            Asked::Rows(_) => {
                return Err(Error::input(
                    "--on: a NumPy archive is scaled as one network has it, and this is an ensemble; give a member, or \
                     train, val, test or all",
                ));
            }
        }
        self.some(all)
    }
}

/// The records of a file: a NumPy archive with `x`, or a table or folder as the run's test part.
fn file_of(run: &Opened, file: &Path) -> Result<Asked> {
    let (config, shown) = (&run.config.data, file.display());
    if !file.exists() {
        return Err(Error::input(format!("--on {shown}: neither train, val, test nor all, and no such file")));
    }
    let archive = file.extension().is_some_and(|extension| extension == "npz");
    if run.data.graph.is_some() {
        return Err(Error::input(format!(
            "--on {shown}: records of a graph are no file; give train, val, test or all"
        )));
    }
    if TESTABLE.contains(&config.loader.as_str()) && !archive {
        let mut other = run.config.clone();
        other.data.test_path = Some(std::path::absolute(file).map_err(Error::io("read", file))?);
        let data = other.load_without(FitOn::Kept(&run.info.data.fitted), &run.absent)?;
        return match data.shape == run.model.input {
            true => Ok(Asked::Table(Box::new(data), file.to_owned())),
            false => Err(Error::input(format!(
                "--on {shown}: records have shape {:?}, and the model takes {:?}",
                data.shape, run.model.input
            ))),
        };
    }
    if !archive || !run.data.columns.is_empty() {
        let (loader, wants) = (&config.loader, if archive { "a table" } else { "a NumPy archive (.npz) with `x`" });
        return Err(Error::input(format!("--on {shown}: for the loader `{loader}`, records come as {wants}")));
    }
    let arrays = Arrays::read(file, &["x"])?;
    let (shape, x) = arrays.need("x")?;
    match shape.split_first() {
        Some((count, record)) if record == run.model.input => {
            Ok(Asked::Rows(Samples { x: run.data.scaled(x.to_vec()), y: vec![0; *count], ..Samples::default() }))
        }
        _ => Err(Error::input(format!(
            "--on {shown}: x has shape {shape:?}, and the model takes [n, …] of {:?}",
            run.model.input
        ))),
    }
}

impl Predictions {
    fn add(&mut self, data: &Dataset, part: Portion, logits: &[f32]) {
        self.ids.extend(data.places(part).map(|place| data.id(place)));
        match (&data.part(part).targets, &self.fit) {
            (Some(table), Some(fit)) => self.targets.extend(fit.in_units(&table.values)),
            _ => self.labels.extend(&data.part(part).y),
        }
        self.parts.resize(self.ids.len(), part);
        self.logits.extend_from_slice(logits);
    }

    /// Logits by record.
    fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.logits.chunks_exact(self.classes.len())
    }

    /// The class with the largest logit, the first of equal ones, by record.
    pub fn predicted(&self) -> Vec<usize> {
        let largest = |row: &[f32]| (0..row.len()).rev().max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap_or(0);
        self.rows().map(largest).collect()
    }

    /// Share of the records that are classified as labelled; none without labels.
    pub fn accuracy(&self) -> Option<f64> {
        let right = self.predicted().iter().zip(&self.labels).filter(|(a, b)| **a == **b as usize).count();
        (!self.labels.is_empty()).then(|| right as f64 / self.labels.len() as f64)
    }

    /// What is predicted.
    pub fn kind(&self) -> TargetKind {
        self.fit.as_ref().map_or(TargetKind::Class, |fit| fit.kind)
    }

    /// Predictions of real targets in the units of the data, [records, targets].
    pub fn values(&self) -> Vec<f64> {
        self.fit.as_ref().map(|fit| fit.in_units(&self.logits)).unwrap_or_default()
    }

    /// Softmax of the logits, [records, classes]; of several labels the sigmoid of each.
    pub fn probabilities(&self) -> Vec<f32> {
        if self.kind() == TargetKind::MultiLabel {
            return self.logits.iter().map(|z| (1.0 / (1.0 + (-f64::from(*z)).exp())) as f32).collect();
        }
        let of = |row: &[f32]| {
            let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let each: Vec<f64> = row.iter().map(|v| f64::from(v - top).exp()).collect();
            let sum: f64 = each.iter().sum();
            each.into_iter().map(move |v| (v / sum) as f32).collect::<Vec<f32>>()
        };
        self.rows().flat_map(of).collect()
    }
}

/// `csv` or `npz`, by the name's ending.
///
/// # Errors
/// Another ending.
pub fn check_ending(path: &Path) -> Result<&'static str> {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ["csv", "npz"]
        .into_iter()
        .find(|known| ending == Some(known))
        .ok_or_else(|| Error::input(format!("--out {}: expected a name that ends with .csv or .npz", path.display())))
}
