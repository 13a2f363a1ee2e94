//! Squared norms of the records' gradients, tensor by tensor, without the gradients.

use super::super::params::ParamLayout;
use super::super::pass::{Backward, Saved};
use super::kept::Made;
use crate::engine::{ALIGN, Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::conv::{self, Chunks, ConvShape, WeightGrad};
use crate::kernels::graph;
use crate::kernels::norm::{self, NormShape};
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

    /// Records of the batch.
    pub fn records(&self) -> usize {
        self.records
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
        self.keep_nothing(name);
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
            (None, None) => {
                reduce::pair_norms(self.rec, x, dy, out);
                self.keep_dense(name, x, dy, [inputs, outputs]);
            }
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
        if self.segments.is_none() {
            self.keep_rows(name, sums);
        }
        Ok(())
    }

    /// A convolution's weight. Where gradients are kept for a weighted sum and are no more numbers than the layer's
    /// input and output, they are stored: a sum of them then costs nothing beside making them a second time.
    pub(super) fn conv_norms(
        &mut self,
        parts: Buf<f32>,
        name: &str,
        s: &ConvShape,
        x: Buf<f32>,
        dy: Buf<f32>,
    ) -> Result<()> {
        let out = self.part(parts, name)?;
        let elements = s.n * s.weights();
        if self.kept.is_none() || elements > x.len + dy.len {
            conv::conv2d_norms(self.rec, s, x, dy, out);
            self.keep_conv(name, s, x, dy);
            return Ok(());
        }
        let rows = self.rec.temp("gradients of a tensor", elements);
        let each = WeightGrad { chunks: Chunks { per_chunk: 1, count: s.n }, stride: s.weights(), square: false };
        conv::conv2d_bwd_w(self.rec, s, x, dy, rows, each);
        reduce::row_norms(self.rec, rows, out);
        self.keep_rows(name, rows);
        Ok(())
    }

    /// Scale and shift of a normalisation, of x, its stats and dy.
    pub(super) fn affine_norms(
        &mut self,
        parts: Buf<f32>,
        names: [&str; 2],
        [x, stats, dy]: [Buf<f32>; 3],
        shape: &NormShape,
    ) -> Result<()> {
        let (gamma, beta) = (self.part(parts, names[0])?, self.part(parts, names[1])?);
        if self.kept.is_none() {
            norm::group_affine_norms(self.rec, x, stats, dy, [gamma, beta], *shape);
            return Ok(());
        }
        let rows = ["dgamma", "dbeta"].map(|name| self.rec.temp(name, shape.n * shape.c));
        let each = Reduction::per_sample(shape.c);
        norm::group_bwd_affine(self.rec, x, stats, dy, rows[0], rows[1], *shape, each);
        for ((name, rows), out) in names.into_iter().zip(rows).zip([gamma, beta]) {
            reduce::row_norms(self.rec, rows, out);
            self.keep_rows(name, rows);
        }
        Ok(())
    }
}

impl Backward<'_> {
    fn keep(&mut self, name: &str, made: Made) {
        if let Some(kept) = &mut self.kept {
            kept.keep(name, made);
        }
    }

    pub(super) fn keep_nothing(&mut self, name: &str) {
        self.keep(name, Made::Nothing);
    }

    pub(super) fn keep_rows(&mut self, name: &str, rows: Buf<f32>) {
        self.keep(name, Made::Rows(rows));
    }

    pub(super) fn keep_dense(&mut self, name: &str, x: Buf<f32>, dy: Buf<f32>, sizes: [usize; 2]) {
        self.keep(name, Made::Dense { x, dy, sizes });
    }

    pub(super) fn keep_conv(&mut self, name: &str, shape: &ConvShape, x: Buf<f32>, dy: Buf<f32>) {
        self.keep(name, Made::Conv { shape: *shape, x, dy });
    }
}
