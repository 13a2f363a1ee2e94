//! Gradients of parameters whose records are many rows: what is summed over a record's rows before anything else is
//! done with it.

use super::super::pass::Backward;
use super::Sink;
use crate::engine::Buf;
use crate::error::Result;
use crate::kernels::graph::{self, Readout};
use crate::kernels::norm::{self, NormShape};
use crate::kernels::reduce;

impl Backward<'_> {
    /// The sums over the rows of each record of x [rows, len], where rows are grouped.
    pub(super) fn of_records(&mut self, x: Buf<f32>, len: usize) -> (Buf<f32>, usize) {
        let Some(s) = self.segments.filter(|_| self.grouped()) else { return (x, self.n) };
        let sums = self.rec.temp("sums of records", s.count * len);
        graph::segment(self.rec, s.ptr, x, sums, len, Readout::Sum, None);
        (sums, s.count)
    }

    /// A parameter of `len` numbers whose gradients are there: a row for each of `n` records, or for a mean for each of
    /// whatever they are sums of.
    ///
    /// # Errors
    /// A sink of factors, which have no such form.
    pub fn sink_rows(&mut self, name: &str, rows: Buf<f32>, [n, len]: [usize; 2]) -> Result<()> {
        if let Sink::Norms { parts } = self.sink {
            return self.bias_norms(parts, name, rows, [n, len, 1]);
        }
        let t = self.destination(name)?;
        reduce::channels(self.rec, rows, t.out, n, len, 1, t.how);
        self.add_gram(&t);
        Ok(())
    }

    /// The scale of a normalisation without a shift.
    ///
    /// # Errors
    /// Those of [`Backward::sink_rows`].
    pub fn sink_scale(
        &mut self,
        layer: &str,
        x: Buf<f32>,
        stats: Buf<f32>,
        dy: Buf<f32>,
        shape: &NormShape,
    ) -> Result<()> {
        let parts = ["dgamma", "dbeta"].map(|name| self.rec.temp(name, shape.n * shape.c));
        norm::group_affine_parts(self.rec, x, stats, dy, parts, *shape);
        let (sums, n) = self.of_records(parts[0], shape.c);
        self.sink_rows(&format!("{layer}.weight"), sums, [n, shape.c])
    }

    /// Scale and shift of a normalisation of rows, by these names.
    pub(super) fn affine_of_rows(
        &mut self,
        names: [&str; 2],
        x: Buf<f32>,
        stats: Buf<f32>,
        dy: Buf<f32>,
        shape: &NormShape,
    ) -> Result<()> {
        let parts = ["dgamma", "dbeta"].map(|name| self.rec.temp(name, shape.n * shape.c));
        norm::group_affine_parts(self.rec, x, stats, dy, parts, *shape);
        for (name, part) in names.into_iter().zip(parts) {
            let (sums, n) = self.of_records(part, shape.c);
            self.sink_rows(name, sums, [n, shape.c])?;
        }
        Ok(())
    }
}
