//! Another network over the records of a session: its head widened or cut off, or a student beside its teacher.

use std::rc::Rc;

use super::session::Session;
use crate::error::Result;
use crate::nn::Model;

impl Session<'_> {
    /// Does `work` in a session of another network over the same records, which stay where they lie on the engine; it
    /// begins with `theta` ([layout.whole()]), and its objective is the one that the records choose. When it ends, its
    /// vectors are gone. The network may pass messages over no more edges than this session's own, since parts of a
    /// graph are collected for that.
    ///
    /// # Errors
    /// No memory; those of `work`.
    pub fn under<T>(
        &mut self,
        model: &Model,
        theta: &[f32],
        work: impl FnOnce(&mut Session) -> Result<T>,
    ) -> Result<T> {
        let resident = Rc::clone(&self.resident);
        let mut inner = Session::holding(self.engine, model, None, |_| Ok(resident))?;
        inner.within = true;
        inner.keys.clone_from(&self.keys);
        (inner.batch, inner.check_finite, inner.read_only) = (self.batch, self.check_finite, self.read_only);
        inner.write_theta(theta)?;
        work(&mut inner)
    }
}
