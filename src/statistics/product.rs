//! What every product with a curvature matrix has in common, so that solvers know nothing else.

use crate::engine::{Buf, Data, Program};
use crate::error::Result;
use crate::records::Session;

/// A symmetric matrix H over the parameters that is known by its products alone.
pub trait Product {
    /// What is multiplied, in the parameters' layout. Lanes between tensors are 0.
    fn u(&self) -> Buf<f32>;

    /// Where the product is found.
    fn hu(&self) -> Buf<f32>;

    /// Run one after another with their inputs they set `hu` = H `u`; a program may come several times.
    fn programs(&self) -> Vec<(&Program, &[Data])>;

    /// Sets `hu` = H `u`.
    fn apply(&self, session: &mut Session) -> Result<()> {
        for (program, inputs) in self.programs() {
            session.engine.run(program, inputs)?;
        }
        Ok(())
    }
}
