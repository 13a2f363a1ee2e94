//! Squared norms of the records' gradients, tensor by tensor, without the gradients.

use super::super::layer::{Backward, Saved};
use super::super::params::ParamLayout;
use crate::engine::{ALIGN, Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::graph;
use crate::kernels::{Reduction, reduce};

/// The buffer of [`Sink::Norms`](super::Sink::Norms): ‖g_n‖² of each parameter tensor, [tensors of the layout, records]
/// with rows that start 256-byte aligned.
#[derive(Clone, Copy, Debug)]
pub struct SquaredNorms {
    /// One number for each parameter and record.
    pub parts: Buf<f32>,
    tensors: usize,
    records: usize,
}

impl SquaredNorms {
    /// A buffer of the recording's own.
    pub fn record(rec: &mut Recording, layout: &ParamLayout, records: usize) -> SquaredNorms {
        let parts = rec.temp("squared norms", SquaredNorms::elements(layout, records));
        SquaredNorms { parts, tensors: layout.entries().len(), records }
    }

    /// Elements that the buffer needs.
    pub fn elements(layout: &ParamLayout, records: usize) -> usize {
        layout.entries().len() * stride(records)
    }

    /// Records their sum over the tensors: ‖g_n‖² of each record's whole gradient, \[records\].
    pub fn record_sum(&self, rec: &mut Recording) -> Buf<f32> {
        let stride = stride(self.records);
        let sums = rec.temp("squared norms of records", stride);
        reduce::channels(rec, self.parts, sums, self.tensors, stride, 1, Reduction::default());
        sums.range(0..self.records)
    }
}

/// Elements from one tensor's row to the next.
fn stride(records: usize) -> usize {
    records.next_multiple_of(ALIGN)
}

impl Backward<'_> {
    /// The row that a parameter's squared norms go to.
    pub(super) fn part(&self, parts: Buf<f32>, name: &str) -> Result<Buf<f32>> {
        let row = self.layout.entries().iter().position(|e| e.name == name);
        let row = row.ok_or_else(|| Error::internal(format!("no parameter is called `{name}`")))?;
        let (n, first) = (self.records(), row * stride(self.records()));
        Ok(parts.range(first..first + n))
    }

    /// A parameter without a gradient.
    pub(super) fn no_norms(&mut self, parts: Buf<f32>, name: &str) -> Result<()> {
        let out = self.part(parts, name)?;
        self.rec.clear(out);
        Ok(())
    }

    /// A dense weight: |dy_n|² |x_n|² where a record is one row.
    pub(super) fn dense_norms(
        &mut self,
        parts: Buf<f32>,
        name: &str,
        saved: &Saved,
        dy: Buf<f32>,
        [inputs, outputs]: [usize; 2],
    ) -> Result<()> {
        let (out, x) = (self.part(parts, name)?, saved.floats[0]);
        match (&saved.pattern, self.segments) {
            (Some(p), Some(s)) => {
                graph::features_norms(self.rec, &p.xt, p.x.ptr, x, (s.ptr, s.of), dy, out, outputs);
            }
            (Some(_), None) => return Err(Error::internal("norms of sparse rows need to know each row's record")),
            (None, Some(s)) => graph::segment_norms(self.rec, s.ptr, x, dy, out, [inputs, outputs]),
            (None, None) => reduce::pair_norms(self.rec, x, dy, out),
        }
        Ok(())
    }

    /// A bias: |Σ_p dy_np|²; dy is [n, channels, positions].
    pub(super) fn bias_norms(
        &mut self,
        parts: Buf<f32>,
        name: &str,
        dy: Buf<f32>,
        [n, channels, positions]: [usize; 3],
    ) -> Result<()> {
        let out = self.part(parts, name)?;
        let mut sums = dy;
        if positions != 1 {
            sums = self.rec.temp("db_records", n * channels);
            reduce::rows(self.rec, dy, sums);
        }
        reduce::row_norms(self.rec, sums, out);
        Ok(())
    }
}
