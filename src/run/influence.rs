//! Scores of training records: which of them a loss owes most to.

use std::path::Path;

use serde::Serialize;

use super::folder::{Opened, RunFolder};
use super::moments::{Moments, moments};
use super::ranking::{Placed, Ranking, SCHEMA};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::methods::second_order::curvature::Curvature;
use crate::records::objective::Aim;
use crate::records::{Part, Reader, Records, Session};
use crate::statistics;
use crate::statistics::scores::{self, Moment, Ranked, ranked};
use crate::statistics::solve::{Solved, StoppedBy, Until};

/// How records are scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Products of gradients at moments of the training, weighted by their learning rates.
    Tracin,
    /// One solve with the curvature at the run's weights, for records against themselves one each.
    Influence,
}

/// Whose loss records are scored against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// The mean loss of the validation split.
    Validation,
    /// The mean loss of the test split.
    Test,
    /// The mean loss of training records: a range or a file, as `--indices` takes them.
    Listed(String),
    /// Each record's own loss.
    Themselves,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ask {
    /// Influence functions, or TracIn.
    pub how: How,
    /// Which loss the scores are derivatives of.
    pub against: Against,
    /// Of TracIn: the epochs at whose ends the products are taken, counted from 1; none for the run's weights alone.
    pub epochs: Vec<usize>,
    /// Of influence: which matrix H is, taken over all training records.
    pub curvature: Curvature,
    /// Of influence, besides the weight decay of the recipe and in units of the mean loss; 0.01 is a start for a deep
    /// net.
    pub damping: f64,
    /// Of influence: most products with the curvature a solve, and the residual to stop at in parts of the gradient's
    /// norm.
    pub iterations: usize,
    /// Residual to stop at, in parts of the right side's norm.
    pub tolerance: f64,
}

impl Default for Ask {
    fn default() -> Ask {
        let (how, against) = (How::Tracin, Against::Validation);
        let curvature = Curvature::GaussNewton;
        Ask { how, against, epochs: Vec::new(), curvature, damping: 0.01, iterations: 200, tolerance: 1e-4 }
    }
}

impl Ask {
    fn check(&self) -> Result<()> {
        if self.how == How::Influence && !self.epochs.is_empty() {
            return Err(Error::input("epochs are of tracin; influence is taken at the run's weights: leave them out"));
        }
        let positive = |v: f64| v > 0.0 && v.is_finite();
        let rules = [
            ("damping", positive(self.damping), "a positive number"),
            ("iterations", self.iterations > 0, "1 or more"),
            ("tolerance", positive(self.tolerance), "a positive number"),
        ];
        match rules.iter().find(|(_, good, _)| !good) {
            Some((key, _, want)) => Err(Error::input(format!("influence: {key} must be {want}"))),
            None => Ok(()),
        }
    }

    /// The estimator, as files and tables name it.
    pub fn estimator(&self) -> &'static str {
        match (self.how, &self.against) {
            (How::Tracin, Against::Themselves) => "tracin self-influence: sum over moments of lr |g_n|^2",
            (How::Tracin, _) => "tracin: sum over moments of lr g_n . g; positive lowers the loss",
            (How::Influence, Against::Themselves) => "self-influence: g_n' (H + damping + decay)^-1 g_n",
            (How::Influence, _) => "influence: -g_n' (H + damping + decay)^-1 g; positive raises the loss",
        }
    }
}

/// A run, the training records that are scored, and what they are asked.
pub struct InfluenceJob {
    run: Opened,
    indices: Vec<u32>,
    set: String,
    ask: Ask,
    /// Records of [`Against::Listed`].
    listed: Vec<u32>,
}

impl InfluenceJob {
    /// Reads the run and the records.
    ///
    /// # Errors
    /// No run, an unknown id, a split that the data do not have, settings outside their ranges, links.
    pub fn read(run: &Path, indices: &str, ask: Ask) -> Result<InfluenceJob> {
        ask.check()?;
        let run = RunFolder::new(run).open()?;
        run.data.needs_own_losses("influence is")?;
        let sizes = run.info.data.sizes;
        match ask.against {
            Against::Validation if sizes.validation == 0 => {
                return Err(Error::input(
                    "there are no validation records; set data.validation_fraction, or score against another set",
                ));
            }
            Against::Test if sizes.test == 0 => {
                return Err(Error::input("there are no test records; score against another set"));
            }
            _ => {}
        }
        let set = indices.to_owned();
        let indices = run.data.indices(indices)?;
        run.data.must_have_losses(&indices)?;
        let listed = match &ask.against {
            Against::Listed(text) => run.data.indices(text)?,
            _ => Vec::new(),
        };
        Ok(InfluenceJob { run, indices, set, ask, listed })
    }

    /// Scores and ranks.
    ///
    /// # Errors
    /// Scores that are not finite; a lost device.
    pub fn score(&self, engine: &mut Engine) -> Result<Ranking> {
        let Moments { list, reproduced } = moments(engine, &self.run, &self.ask.epochs)?;
        let targets = self.targets(engine, &list)?;
        let (model, data) = (&self.run.model, &self.run.data);
        let mut session =
            Session::of(engine, model, data, None, &list[0].theta)?.trained_for(&self.run.config.train)?;
        let records = Records::train(&self.indices);
        let (scores, solver) = match (self.ask.how, &self.ask.against) {
            (How::Tracin, Against::Themselves) => (scores::tracin_self(&mut session, records, &list)?, None),
            (How::Tracin, _) => (scores::tracin(&mut session, records, &list, &targets)?, None),
            (How::Influence, _) => {
                let (scores, solved) = self.by_curvature(&mut session, records, targets.first())?;
                (scores, Some(solved))
            }
        };
        if let Some(bad) = scores.iter().position(|score| !score.is_finite()) {
            return Err(Error::CheckFailed(format!(
                "the score of record {} is {}: the model diverged",
                self.run.data.train_id(self.indices[bad]),
                scores[bad]
            )));
        }
        Ok(Ranking {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            estimator: self.ask.estimator(),
            ask: self.ask.clone(),
            set: format!("train {}", self.set),
            count: self.indices.len(),
            model_sha256: self.run.model_sha256().to_owned(),
            solver,
            reproduced,
            table: self.table(&scores),
            scores,
        })
    }

    fn table(&self, scores: &[f64]) -> Vec<Placed> {
        let data = &self.run.data;
        let placed = |row: Ranked| Placed { rank: row.rank, id: data.train_id(row.id), score: row.score };
        ranked(&self.indices, scores).into_iter().map(placed).collect()
    }

    /// With the curvature over all training records.
    fn by_curvature(
        &self,
        session: &mut Session,
        records: Records,
        target: Option<&Vec<f32>>,
    ) -> Result<(Vec<f64>, Solved)> {
        let everything = self.run.data.train_ids();
        let h = self.ask.curvature.of(session, Records::train(&everything))?;
        let shift = self.ask.damping + self.run.config.train.weight_decay;
        let until = Until { iterations: self.ask.iterations, tolerance: self.ask.tolerance };
        let (scores, solved) = match target {
            Some(target) => scores::influence(session, h.as_ref(), shift, until, records, target)?,
            None => scores::influence_self(session, h.as_ref(), shift, until, records)?,
        };
        if solved.stopped_by == StoppedBy::Curvature {
            return Err(Error::CheckFailed(format!(
                "the curvature with damping {} is not positive along a direction; use a larger damping",
                self.ask.damping
            )));
        }
        Ok((scores, solved))
    }

    /// The gradient of the mean loss that records are scored against, at each moment; none where that is their own.
    fn targets(&self, engine: &mut Engine, moments: &[Moment]) -> Result<Vec<Vec<f32>>> {
        let (model, data, theta) = (&self.run.model, &self.run.data, &moments[0].theta);
        // Test records weigh the same and keep their labels.
        let Aim { objective, huber_delta, .. } = Aim::from(&self.run.config.train);
        let aim = Aim { objective, huber_delta, ..Aim::default() };
        let session = |engine| Session::of(engine, model, data, None, theta)?.trained_for(&self.run.config.train);
        match &self.ask.against {
            Against::Themselves => Ok(Vec::new()),
            Against::Test => {
                let (mut reader, ids) = Reader::test(engine, model, data, theta)?;
                reader.session().set_aim(&aim)?;
                let records = reader.records(&ids, false);
                gradients(reader.session(), records, moments)
            }
            Against::Validation => {
                let mut session = session(engine)?;
                let all = session.ids(Part::Validation);
                gradients(&mut session, Records::validation(&all), moments)
            }
            Against::Listed(_) => gradients(&mut session(engine)?, Records::train(&self.listed), moments),
        }
    }
}

/// Gradients of a mean loss at each moment, without weight decay.
fn gradients(session: &mut Session, records: Records, moments: &[Moment]) -> Result<Vec<Vec<f32>>> {
    let mean = (1.0 / records.indices.len().max(1) as f64) as f32;
    let mut all = Vec::new();
    for moment in moments {
        session.write_theta(&moment.theta)?;
        statistics::gradient(session, records, mean, false)?;
        all.push(session.engine.read(session.grad)?);
    }
    Ok(all)
}
