//! Rows of texts that go on among the rows of all tokens, and what is kept of them.

use super::continued::Continued;
use super::pass::Forward;
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::{graph, map};

impl Forward<'_> {
    /// Records the new tokens' rows x [texts, width] among rows of zeros: [rows, width].
    pub(super) fn among_all(&mut self, c: &Continued, x: Buf<f32>, width: usize) -> Buf<f32> {
        let y = self.rec.temp("among all", c.room() * width);
        self.rec.clear(y);
        graph::scatter_rows(self.rec, x, c.rows, y, width);
        y
    }

    /// Records the new tokens' rows [texts, width] of x [rows, width].
    pub(super) fn of_new(&mut self, c: &Continued, x: Buf<f32>, width: usize) -> Buf<f32> {
        let y = self.rec.temp("of the new", c.rows.len * width);
        map::gather_rows(self.rec, x, 0, c.room(), width, c.rows, y);
        y
    }

    /// Records that the next of the kept blocks, [rows, width], holds the new tokens' rows x [texts, width] as well.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn keep_rows(&mut self, x: Buf<f32>, width: usize) -> Result<Buf<f32>> {
        let none = || Error::internal("a layer keeps more of a token than it said");
        let c = self.continued.as_mut().ok_or_else(none)?;
        let from = c.used;
        c.used += c.room() * width;
        if c.used > c.kept.len {
            return Err(none());
        }
        let block = c.kept.range(from..c.used);
        graph::scatter_rows(self.rec, x, c.rows, block, width);
        Ok(block)
    }
}
