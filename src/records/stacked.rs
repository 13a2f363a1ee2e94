//! A session that holds a stack of models over one data set: parameters, gradients and whatever has their layout are
//! there for each, the records once.

use super::session::Session;
use super::upload::upload;
use crate::data::{Deletion, Training};
use crate::engine::{Buf, Engine};
use crate::error::Result;
use crate::nn::{Model, Values};

/// What sessions are made of: data of any kind, and what a request deletes of a graph.
pub struct Source<'a> {
    training: Training<'a>,
    deletion: Option<&'a Deletion>,
}

impl<'a> Source<'a> {
    /// The training and validation part of data.
    pub fn new(training: impl Into<Training<'a>>, deletion: Option<&'a Deletion>) -> Source<'a> {
        Source { training: training.into(), deletion }
    }

    /// A session of as many models as there are `thetas` ([layout.whole()] each). What it records is recorded as for
    /// one model and done for all; ranges such as [`Session::theta`] are those of the first.
    ///
    /// # Errors
    /// No model, or more than [`crate::engine::MOST_MODELS`]; no memory.
    pub fn stack<'e>(&self, engine: &'e mut Engine, model: &'e Model, thetas: &[&[f32]]) -> Result<Session<'e>> {
        let resident = |engine: &mut Engine| upload(engine, model, self.training.known(), self.deletion);
        let mut made = Session::holding(engine, model, Some(thetas.len()), resident)?.begun_at(thetas)?;
        made.keys = self.training.keys().to_vec();
        Ok(made)
    }
}

impl<'e> Session<'e> {
    pub(super) fn begun_at(mut self, thetas: &[&[f32]]) -> Result<Session<'e>> {
        for (i, theta) in thetas.iter().enumerate() {
            self.write_values(self.values_of(i), theta)?;
        }
        Ok(self)
    }

    /// How many models it holds, where they are a stack.
    pub fn models(&self) -> Option<usize> {
        self.models
    }

    /// Where the numbers of one model of the stack lie.
    pub fn values_of(&self, model: usize) -> Values {
        let Values { theta, state } = self.values();
        Values { theta: self.engine.part(theta, model), state: state.map(|state| self.engine.part(state, model)) }
    }

    /// Writes the same numbers for each model; `to` is the first one's range.
    ///
    /// # Errors
    /// Another number of them; a lost device.
    pub fn write_each(&mut self, to: Buf<f32>, numbers: &[f32]) -> Result<()> {
        (0..self.models.unwrap_or(1)).try_for_each(|model| {
            let part = self.engine.part(to, model);
            self.engine.write(part, numbers)
        })
    }
}
