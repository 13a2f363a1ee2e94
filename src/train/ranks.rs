//! Processes that train one model together: each takes its share of a step's micro-batches, and all of them add up all
//! gradients in the order of the micro-batches. So the bytes are the same however many they are.

#[cfg(feature = "mpi")]
mod mpi;

#[cfg(feature = "mpi")]
pub use self::mpi::Mpi;

use std::collections::HashMap;
use std::rc::Rc;

use crate::engine::Program;
use crate::error::Result;
use crate::records::Shape;

/// What connects the processes.
pub trait Ranks: std::fmt::Debug {
    /// Which of them this one is, from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn size(&self) -> usize;

    /// What each of them has given, by rank; comes back once all have.
    ///
    /// # Errors
    /// One of them is gone.
    fn gather(&self, own: &[u8]) -> Result<Vec<Vec<u8>>>;

    /// Ends all of them, since this one cannot go on.
    fn abort(&self, code: u8);
}

/// What a fit needs to take its steps with others.
pub(crate) struct Together {
    pub ranks: Rc<dyn Ranks>,
    /// The gradient of a micro-batch of this shape in a step over so many records.
    pub gradients: HashMap<(Shape, usize), Program>,
    /// The update by so many micro-batches.
    pub updates: HashMap<usize, Program>,
    /// Somebody wants to stop.
    pub stop: bool,
}
