//! How a method accounts for its run: what it read, its clocks, how far the parameters moved.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::Buf;
use crate::error::Result;
use crate::kernels::map::{self, Binary};
use crate::kernels::reduce;
use crate::methods::Read;
use crate::methods::second_order::certificate::Certificate;
use crate::methods::shared::guarantee::Guarantee;
use crate::methods::shared::ratios::Ratios;
use crate::nn::{Model, ModelConfig};
use crate::records::{Passed, Session};
use crate::train::coupled::Trace;

/// What a method reports about its own run; never a score.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Account {
    /// What it read besides the model.
    pub reads: Vec<Read>,
    /// Seconds of statistics that could be kept for the next request, part of neither `method_s` nor hidden.
    pub precompute_s: f64,
    /// Seconds of the forgetting itself.
    pub method_s: f64,
    /// What else is worth keeping.
    pub details: Details,
    /// The trace of a coupled training as the method leaves it, for the new run's folder.
    #[serde(skip)]
    pub trace: Option<Box<Trace>>,
    /// The epochs of its fits, in their order.
    #[serde(skip)]
    pub trail: Vec<Passed>,
    /// The network that it made in the place of the session's, where that is another one.
    #[serde(skip)]
    pub student: Option<Box<Student>>,
}

/// A network that a method made, with layers of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Student {
    /// Its layers.
    pub config: ModelConfig,
    /// Its numbers, [layout.whole()].
    pub theta: Vec<f32>,
}

/// `forget.details` of `run.json`: fields for what the program goes on to use, notes for what is only shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Details {
    /// Updates of the parameters; absent where a method has none to count.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "steps")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Why an ascent ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<StoppedBy>,
    /// ‖θ − θ₀‖ / ‖θ₀‖: 0 means that a method did nothing.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative_change: Option<f64>,
    /// What a certified method hands on to the next request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
    /// What noise proves of the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guarantee: Option<Guarantee>,
    /// The trajectory is another one than that of a training without the records, so that the result is not exact.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub other_trajectory: bool,
    /// Where a training that was taken up again went on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replayed: Option<Replayed>,
    /// What a dampening chose from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratios: Option<Ratios>,
    /// Figures of one method, by name. Nothing in the program reads them by key.
    #[serde(flatten)]
    #[cfg_attr(feature = "cli", schemars(schema_with = "crate::run::schema::figures"))]
    pub notes: serde_json::Map<String, Value>,
}

/// Where a training that was taken up again went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Replayed {
    /// The first step, from 0, that the records have changed.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "steps")))]
    pub parts: u64,
    /// Steps behind the checkpoint that it went on from; 0 where it began anew.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "steps")))]
    pub from: u64,
    /// Steps of the whole training without the records.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "steps")))]
    pub whole: u64,
}

/// Why an ascent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StoppedBy {
    /// Nothing to do: the forget loss was there before the first step.
    AtTarget,
    /// The forget loss reached its target.
    Target,
    /// It ran out of steps.
    MaxSteps,
    /// Accuracy on the retained records fell to the floor.
    RetainFloor,
    /// Too many held-out records were no longer told right; the parameters are those of the look before.
    Harm,
    /// Every step that the records were in is kept by the coupling: the parameters are a draw of a training without
    /// them as they are.
    Accepted,
}

/// Where the parameters were before a method changed them.
pub struct Origin(pub Buf<f32>);

impl Origin {
    /// Copies theta on the engine. Belongs to no clock: only the report needs it.
    pub fn of(session: &mut Session) -> Result<Origin> {
        let origin = session.vector("methods.origin")?;
        let theta = session.theta;
        session.run(|rec| {
            rec.copy(theta, origin);
            Ok(())
        })?;
        Ok(Origin(origin))
    }

    /// ‖θ − θ₀‖ / ‖θ₀‖: 0 means that a method did nothing.
    pub fn relative_change(&self, session: &mut Session) -> Result<f64> {
        self.changes(session).map(|each| each.first().copied().unwrap_or(0.0))
    }

    /// The same of each model, where the session holds a stack.
    pub(crate) fn changes(&self, session: &mut Session) -> Result<Vec<f64>> {
        let (theta, origin) = (session.theta, self.0);
        let out = session.run(|rec| {
            let (moved, change) = (rec.temp("moved", theta.len), rec.temp("change", 1));
            let norm = rec.temp("norm", 1);
            map::binary(rec, Binary::Sub, theta, origin, moved);
            reduce::total(rec, moved, change, 1.0, true);
            reduce::total(rec, origin, norm, 1.0, true);
            rec.readback(change);
            rec.readback(norm);
            Ok(())
        })?;
        let share = |(change, norm): (&f32, &f32)| match *norm > 0.0 {
            true => (f64::from(*change) / f64::from(*norm)).sqrt(),
            false => 0.0,
        };
        Ok(out[0].f32().iter().zip(out[1].f32()).map(share).collect())
    }
}

/// Runs `work` and adds its seconds to `clock`. Every call of [`Session`] that `work` ends with waits for the engine,
/// so that nothing is under way when the clock stops.
pub fn timed<T>(clock: &mut f64, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let done = work();
    *clock += start.elapsed().as_secs_f64();
    done
}

impl Account {
    /// The network that the weights belong to: a student's, or none where it is the one that the method was given.
    ///
    /// # Errors
    /// A configuration that builds no network for the records of `given`.
    pub fn network(&self, given: &Model) -> Result<Option<Model>> {
        let build = |student: &Student| Model::build(&student.config, &given.input, given.classes);
        self.student.as_deref().map(build).transpose()
    }

    /// An account that begins with what the method reads.
    pub fn reading(reads: &[Read]) -> Account {
        Account { reads: reads.to_vec(), ..Account::default() }
    }

    /// Reads this as well.
    pub fn reads_too(&mut self, what: Read) {
        if !self.reads.contains(&what) {
            self.reads.push(what);
        }
    }

    /// Notes a figure of this method for its report.
    pub fn note(&mut self, key: &str, value: impl Into<Value>) {
        self.details.notes.insert(key.to_owned(), value.into());
    }

    /// Counts the updates of the parameters.
    pub fn took(&mut self, steps: u64) {
        self.details.steps = Some(steps);
    }

    /// The account with how far the parameters are from where they were: the last call of every method.
    pub fn close(mut self, session: &mut Session, origin: &Origin) -> Result<Account> {
        self.details.relative_change = Some(origin.relative_change(session)?);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What lies in run folders stays readable, and what is written has the same keys.
    #[test]
    fn details_are_one_flat_table() {
        let certificate = Certificate::new(1.0, 1e-4, 1.0, 1e-2, 7, 0.01);
        let written = serde_json::json!({
            "steps": 3, "stopped_by": "max_steps", "relative_change": 0.25, "certificate": certificate,
            "rule": "uniform", "newton_steps": [{ "residual": 1e-3 }],
        });
        let details: Details = serde_json::from_value(written.clone()).unwrap();
        assert_eq!((details.steps, details.stopped_by), (Some(3), Some(StoppedBy::MaxSteps)));
        assert_eq!((details.relative_change, details.certificate.as_ref()), (Some(0.25), Some(&certificate)));
        assert_eq!(details.notes.keys().collect::<Vec<_>>(), ["newton_steps", "rule"]);
        assert_eq!(serde_json::to_value(&details).unwrap(), written);
        assert_eq!(serde_json::to_string(&Details::default()).unwrap(), "{}");
    }
}
