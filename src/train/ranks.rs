//! Processes that train one model together: each takes its share of a step's micro-batches, and all of them add up all
//! gradients in the order of the micro-batches. So the bytes are the same however many they are.

#[cfg(feature = "mpi")]
mod mpi;

#[cfg(feature = "mpi")]
pub use self::mpi::Mpi;

use crate::error::Result;

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
