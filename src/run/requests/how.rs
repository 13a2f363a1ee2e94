//! What work is done with.

use crate::engine::Engine;
use crate::error::Result;

/// What work is done with.
pub struct How<'a> {
    /// Opens an engine, which shares the memory that may be held with so many in all.
    pub engine: &'a (dyn Fn(u64) -> Result<Engine> + Sync),
    /// Memory that all may hold together, in bytes.
    pub memory: Option<u64>,
    /// Told what is done.
    pub said: &'a (dyn Fn(&str) + Sync),
    /// Seed of the forgetting; the run's own where there is none.
    pub seed: Option<u64>,
    /// Whether what is published gets a pack of evidence.
    pub pack: bool,
}
