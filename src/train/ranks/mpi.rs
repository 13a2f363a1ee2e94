//! Ranks under an MPI launcher (`mpirun`, `srun`).

use std::fmt;

use mpi::datatype::PartitionMut;
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;

use super::Ranks;
use crate::error::{Error, Result};

/// All processes that the launcher started.
pub struct Mpi {
    world: SimpleCommunicator,
    /// MPI ends when it is dropped.
    _universe: Universe,
}

impl fmt::Debug for Mpi {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "MPI rank {} of {}", self.rank(), self.size())
    }
}

impl Mpi {
    /// Joins the others.
    ///
    /// # Errors
    /// MPI runs already in this process.
    pub fn join() -> Result<Mpi> {
        let universe = mpi::initialize().ok_or_else(|| Error::internal("MPI was started before in this process"))?;
        Ok(Mpi { world: universe.world(), _universe: universe })
    }
}

impl Ranks for Mpi {
    fn rank(&self) -> usize {
        usize::try_from(self.world.rank()).unwrap_or(0)
    }

    fn size(&self) -> usize {
        usize::try_from(self.world.size()).unwrap_or(1)
    }

    fn abort(&self, code: u8) {
        self.world.abort(i32::from(code));
    }

    fn gather(&self, own: &[u8]) -> Result<Vec<Vec<u8>>> {
        // MPI counts in i32.
        let count = i32::try_from(own.len()).map_err(|_| {
            Error::input(format!(
                "a rank has {} bytes to give, and MPI takes at most {} at once: take more ranks, or fewer \
                 micro-batches (train.accumulate)",
                own.len(),
                i32::MAX
            ))
        })?;
        let mut counts = vec![0; self.size()];
        self.world.all_gather_into(&count, &mut counts[..]);
        let starts: Vec<i32> =
            counts.iter().scan(0_i32, |at, count| Some(std::mem::replace(at, at.saturating_add(*count)))).collect();
        let total: i64 = counts.iter().map(|count| i64::from(*count)).sum();
        if total > i64::from(i32::MAX) {
            return Err(Error::input(format!(
                "the ranks have {total} bytes to exchange, and MPI takes at most {} at once: take fewer \
                 micro-batches (train.accumulate)",
                i32::MAX
            )));
        }
        if total == 0 {
            // Open MPI takes no exchange of nothing for valid; all have come here all the same.
            return Ok(vec![Vec::new(); self.size()]);
        }
        let mut all = vec![0_u8; total as usize];
        self.world.all_gather_varcount_into(own, &mut PartitionMut::new(&mut all[..], counts.clone(), starts));
        let mut rest = all.as_slice();
        let mut parts = Vec::new();
        for count in counts {
            let (part, after) = rest.split_at(usize::try_from(count).unwrap_or(0));
            parts.push(part.to_vec());
            rest = after;
        }
        Ok(parts)
    }
}
