//! `unlearn gradients`: the statistics themselves, under the parameters' names. Every file says which estimator it
//! holds, over how many records of which set, at which parameters.

mod first_order;
mod scores;
mod second_order;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::folder::{Opened, RunFolder};
use super::influence::{Against, How};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::nn::{ParamEntry, ParamLayout};
use crate::records::{Records, Session};
use crate::train::weights;

/// One kind of statistic. None contains weight decay; dropout is off.
pub struct StatisticRow {
    /// What `--kind` says.
    pub name: &'static str,
    /// What it computes, in a sentence.
    pub summary: &'static str,
    /// Names of the options that it reads, without the dashes.
    pub options: &'static [&'static str],
    compute: fn(&GradientJob, &mut Engine) -> Result<Found>,
}

/// Every kind.
pub static STATISTICS: &[&StatisticRow] = &[
    &first_order::MEAN,
    &first_order::PER_SAMPLE,
    &first_order::FISHER,
    &first_order::NORMS,
    &first_order::CLIPPED,
    &first_order::GRAM,
    &second_order::GGN_DIAG,
    &second_order::KFAC,
    &second_order::EKFAC,
    &second_order::GVP,
    &second_order::HVP,
    &scores::INFLUENCE,
];

/// What some kinds read beside the records.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Longest gradient that `clipped` lets through; the median of the norms if absent.
    pub clip: Option<f32>,
    /// One Fisher diagonal for each class of the records.
    pub by_class: bool,
    /// Labels that the model draws for each record; absent: the expectation over its labels, exactly.
    pub samples: Option<u32>,
    /// What curvature is multiplied by: a file with the parameters' names. Absent: the gradient of the mean loss.
    pub direction: Option<PathBuf>,
    /// Influence functions, or TracIn.
    pub how: Option<How>,
    /// Which loss the scores are derivatives of.
    pub against: Option<Against>,
    /// TracIn: ends of the epochs to replay, from 1.
    pub epochs: Vec<usize>,
    /// What is added to a curvature's diagonal.
    pub damping: Option<f64>,
    /// Where the ranked table goes, as JSON or, by its name, as CSV.
    pub table: Option<PathBuf>,
}

impl Options {
    /// Names of those that were given.
    fn given(&self) -> Vec<&'static str> {
        let all = [
            ("clip", self.clip.is_some()),
            ("by-class", self.by_class),
            ("samples", self.samples.is_some()),
            ("direction", self.direction.is_some()),
            ("how", self.how.is_some()),
            ("against", self.against.is_some()),
            ("epochs", !self.epochs.is_empty()),
            ("damping", self.damping.is_some()),
            ("table", self.table.is_some()),
        ];
        all.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect()
    }
}

/// A statistic on the host.
pub(super) struct Found {
    /// The estimator, as the file's metadata and the summary line name it.
    estimator: String,
    tensors: Vec<Tensor>,
}

/// A named tensor of a file.
pub(super) struct Tensor {
    name: String,
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Tensor {
    fn new(name: impl Into<String>, shape: &[usize], values: Vec<f32>) -> Tensor {
        Tensor { name: name.into(), shape: shape.to_vec(), values }
    }

    /// One tensor for each parameter of a flat vector.
    fn of_flat(layout: &ParamLayout, flat: &[f32]) -> Vec<Tensor> {
        let one = |e: &ParamEntry| Tensor::new(e.name.as_str(), &e.shape, flat[e.offset..][..e.len].to_vec());
        layout.entries().iter().map(one).collect()
    }
}

/// A run and the records whose statistics are wanted.
pub struct GradientJob {
    folder: PathBuf,
    run: Opened,
    theta: Vec<f32>,
    indices: Vec<u32>,
    /// What `--indices` said.
    set: String,
    row: &'static StatisticRow,
    options: Options,
}

/// What was written.
pub struct Written {
    /// Which estimator it is, in words.
    pub estimator: String,
    /// Records.
    pub count: usize,
}

impl GradientJob {
    /// Reads the run and the indices.
    ///
    /// # Errors
    /// No run, an unknown kind or id, an option that the kind does not read.
    pub fn read(run: &Path, indices: &str, kind: &str, options: Options) -> Result<GradientJob> {
        let row = find(kind)?;
        if let Some(idle) = options.given().into_iter().find(|name| !row.options.contains(name)) {
            let readers: Vec<_> = STATISTICS.iter().filter(|r| r.options.contains(&idle)).map(|r| r.name).collect();
            return Err(Error::input(format!(
                "--{idle} means nothing to --kind {kind}; it belongs to {}",
                readers.join(", ")
            )));
        }
        let folder = run.to_owned();
        let run = RunFolder::new(run).open()?;
        run.data.needs_own_losses("gradients are")?;
        let set = indices.to_owned();
        let indices = run.data.indices(indices)?;
        run.data.must_have_losses(&indices)?;
        let theta = run.theta()?;
        Ok(GradientJob { folder, run, theta, indices, set, row, options })
    }

    /// What the run's source no longer has, in a sentence; none where it is as it was.
    pub fn lost(&self) -> Option<String> {
        self.run.lost()
    }

    /// The run's weights and data on an engine.
    fn session<'e>(&'e self, engine: &'e mut Engine) -> Result<Session<'e>> {
        Session::of(engine, &self.run.model, &self.run.data, None, &self.theta)?.trained_for(&self.run.config.train)
    }

    fn records(&self) -> Records<'_> {
        Records::train(&self.indices)
    }

    /// The records with their classes.
    fn labelled(&self) -> impl Iterator<Item = (u32, u32)> {
        let classes: HashMap<u32, u32> =
            self.run.data.train_ids().into_iter().zip(self.run.data.train.y.iter().copied()).collect();
        self.indices.iter().filter_map(move |id| Some((*id, *classes.get(id)?)))
    }

    fn layout(&self) -> &ParamLayout {
        &self.run.model.layout
    }

    /// Refuses what would not fit into the host's memory.
    ///
    /// # Errors
    /// More values than one file may hold.
    fn must_fit(&self, what: &str, values: usize) -> Result<()> {
        if values <= MOST_VALUES {
            return Ok(());
        }
        Err(Error::input(format!(
            "--indices {}: {what} of {} records are {values} values; at most {MOST_VALUES} go into one file",
            self.set,
            self.indices.len()
        )))
    }

    /// Computes the statistic and writes it.
    ///
    /// # Errors
    /// A result that is not finite; the file cannot be written.
    pub fn write(&self, engine: &mut Engine, out: &Path) -> Result<Written> {
        let mut found = (self.row.compute)(self, engine)?;
        if self.run.model.keeps_statistics() {
            found.estimator += ", batch_norm by its running statistics";
        }
        for t in &found.tensors {
            if let Some(bad) = t.values.iter().find(|v| !v.is_finite()) {
                return Err(Error::CheckFailed(format!("`{}` holds {bad}: the model diverged", t.name)));
            }
        }
        let metadata = [
            ("format", "pt".to_owned()),
            ("estimator", found.estimator.clone()),
            ("count", self.indices.len().to_string()),
            ("set", format!("train {}", self.set)),
            ("model_sha256", self.run.model_sha256().to_owned()),
        ];
        let tensors = found.tensors.iter().map(|t| (t.name.clone(), t.shape.clone(), t.values.as_slice()));
        weights::save_tensors(out, &tensors.collect::<Vec<_>>(), &metadata)?;
        Ok(Written { estimator: found.estimator, count: self.indices.len() })
    }
}

/// Values that one file may hold: beyond it the host would run out of memory first.
const MOST_VALUES: usize = 1 << 31;

fn find(kind: &str) -> Result<&'static StatisticRow> {
    let names: Vec<_> = STATISTICS.iter().map(|r| r.name).collect();
    let found = STATISTICS.iter().find(|r| r.name == kind);
    found.copied().ok_or_else(|| Error::input(format!("--kind `{kind}` is unknown; there are {}", names.join(", "))))
}
