//! A session that holds a stack of models over one data set: parameters, gradients and whatever has their layout are
//! there for each, the records once.

use std::rc::Rc;

use super::resident::Resident;
use super::session::Session;
use super::upload::upload;
use crate::data::{Deletion, Training};
use crate::engine::{Buf, Engine};
use crate::error::Result;
use crate::nn::{Model, Values};

/// What sessions are made of: data of any kind, and what a request deletes of a graph; or the records of a session,
/// which lie on the engine already.
pub struct Source<'a>(Of<'a>);

enum Of<'a> {
    Data { training: Training<'a>, deletion: Option<&'a Deletion> },
    Session { resident: Rc<dyn Resident>, keys: Vec<u64> },
}

impl<'a> Source<'a> {
    /// The training and validation part of data.
    pub fn new(training: impl Into<Training<'a>>, deletion: Option<&'a Deletion>) -> Source<'a> {
        Source(Of::Data { training: training.into(), deletion })
    }

    /// The records of a session, for stacks that are made and dropped while it stays.
    pub fn of(session: &Session) -> Source<'static> {
        Source(Of::Session { resident: Rc::clone(&session.resident), keys: session.keys().to_vec() })
    }

    /// A session of as many models as there are `thetas` ([layout.whole()] each). What it records is recorded as for
    /// one model and done for all; ranges such as [`Session::theta`] are those of the first.
    ///
    /// # Errors
    /// No model, or more than [`crate::engine::MOST_MODELS`]; no memory.
    pub fn stack<'e>(&self, engine: &'e mut Engine, model: &'e Model, thetas: &[&[f32]]) -> Result<Session<'e>> {
        let models = Some(thetas.len());
        let (mut made, keys) = match &self.0 {
            Of::Data { training, deletion } => {
                let resident = |engine: &mut Engine| upload(engine, model, training.known(), *deletion);
                (Session::holding(engine, model, models, resident)?, training.keys())
            }
            Of::Session { resident, keys } => {
                let mut made = Session::holding(engine, model, models, |_| Ok(Rc::clone(resident)))?;
                made.within = true;
                (made, &keys[..])
            }
        };
        made.keys = keys.to_vec();
        made.begun_at(thetas)
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
