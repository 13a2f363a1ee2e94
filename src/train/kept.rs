//! Weights beside those that steps move: their moving average, and the best of them by the validation part, at which
//! early stopping ends.

use super::bounds::Bounds;
use super::config::TrainConfig;
use super::progress::{Best, FitState};
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::{edit, map};
use crate::nn::Values;
use crate::records::{Part, Session};
use crate::statistics::Score;

/// Where these weights are, and what is known of them.
pub(crate) struct Kept {
    /// The moving average.
    pub average: Option<Buf<f32>>,
    /// The best weights, and the running statistics beside them.
    pub best: Option<Values>,
    /// Whose they are.
    pub mark: Option<Best>,
    /// What validation said last.
    pub score: Option<Score>,
}

impl Kept {
    /// Begins at the session's weights.
    ///
    /// # Errors
    /// No validation part to stop by; no memory.
    pub fn new(session: &mut Session, config: &TrainConfig) -> Result<Kept> {
        if config.early_stopping.is_some() && session.ids(Part::Validation).is_empty() {
            return Err(Error::input(
                "train.early_stopping reads the validation part, and these data have none; set \
                 data.validation_fraction, or leave it out",
            ));
        }
        let mut vector = |wanted: bool, name| wanted.then(|| session.vector(name)).transpose();
        let average = vector(config.ema > 0.0, "weights' average")?;
        let best = vector(config.early_stopping.is_some(), "best weights")?;
        let state = session.state.filter(|_| best.is_some());
        let state = state.map(|state| session.block("best running statistics", state.len)).transpose()?;
        let best = best.map(|theta| Values { theta, state });
        if let Some(average) = average {
            copy(session, session.theta, average)?;
        }
        Ok(Kept { average, best, mark: None, score: None })
    }

    /// Records `average = ema · average + (1 − ema) · theta`; what is held stays what it is to the bit.
    pub fn record(&self, rec: &mut Recording, theta: Buf<f32>, ema: f64, held: impl Iterator<Item = Bounds>) {
        let Some(average) = self.average else { return };
        map::axpby(rec, (1.0 - ema) as f32, theta, ema as f32, average);
        held.for_each(|Bounds { mask, origin }| edit::restore(rec, average, mask, origin));
    }

    /// Adds what is kept to the state of a fit.
    ///
    /// # Errors
    /// A lost device.
    pub fn read(&self, session: &mut Session, state: &mut FitState) -> Result<()> {
        state.average = self.average.map(|average| session.engine.read(average)).transpose()?;
        state.best = match (&self.mark, self.best) {
            (Some(mark), Some(best)) => Some(Best { theta: session.read_values(best)?, ..mark.clone() }),
            _ => None,
        };
        Ok(())
    }

    /// Takes it back out of the state.
    ///
    /// # Errors
    /// A state without an average where there is one; a lost device.
    pub fn restore(&mut self, session: &mut Session, state: &mut FitState) -> Result<()> {
        match (self.average, state.average.take()) {
            (Some(to), Some(from)) => session.engine.write(to, &from)?,
            (None, None) => {}
            _ => return Err(Error::input("the checkpoint was written by a training with another train.ema")),
        }
        self.mark = state.best.take();
        match (self.best, &mut self.mark) {
            (Some(to), Some(mark)) => session.write_values(to, &std::mem::take(&mut mark.theta)),
            _ => Ok(()),
        }
    }
}

/// Copies a network's numbers on the engine.
///
/// # Errors
/// A lost device.
pub(super) fn copy_values(session: &mut Session, from: Values, to: Values) -> Result<()> {
    copy(session, from.theta, to.theta)?;
    match (from.state, to.state) {
        (Some(from), Some(to)) => copy(session, from, to),
        _ => Ok(()),
    }
}

/// Copies a vector on the engine.
///
/// # Errors
/// A lost device.
pub(super) fn copy(session: &mut Session, from: Buf<f32>, to: Buf<f32>) -> Result<()> {
    let copied = session.run(|rec| {
        rec.copy(from, to);
        Ok(())
    });
    copied.map(drop)
}
