//! Where weight gradients go. The loss kernel writes unscaled per-sample gradients; 1/B enters here and only in `Mean`.

use super::factors::{Factors, refused};
use super::layer::{Backward, Saved};
use super::rotation::Rotation;
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::conv::{self, Chunks, ConvShape, WeightGrad};
use crate::kernels::graph::{self, Outer, OuterMode, Readout};
use crate::kernels::linear::{self, Mat, Product};
use crate::kernels::norm::{self, AffineSink, NormShape};
use crate::kernels::reduce::{self, ChannelMode, Channels};

/// What becomes of the per-sample weight gradients g_n of a batch.
#[derive(Clone, Copy, Debug)]
pub enum Sink {
    /// `grad = scale · Σ g_n`, added to what is there if `accumulate`.
    Mean { grad: Buf<f32>, scale: f32, accumulate: bool },
    /// `squares = Σ g_n²` elementwise, exact per sample: positions are summed before squaring.
    SquareSum { squares: Buf<f32>, accumulate: bool },
    /// `slab[n] = g_n`, rows of one flat vector each.
    PerSample { slab: Buf<f32> },
    /// Kronecker factors of each parameter's curvature block, added to what is there. Linear and conv2d layers and
    /// normalisations have them, others refuse.
    Factors(Factors),
    /// As `SquareSum`, of the gradients in other bases; where `Factors` are refused, this is.
    Rotated(Rotation),
}

/// A sink seen by one parameter.
struct Target {
    out: Buf<f32>,
    alpha: f32,
    beta: f32,
    /// Elements between samples, for `PerSample`.
    stride: usize,
}

impl Backward<'_> {
    /// Records of the batch: rows, or groups of rows.
    fn records(&self) -> usize {
        self.segments.map_or(self.n, |s| s.count)
    }

    /// True where a record's gradient must be summed over its rows before it is squared or stored.
    fn grouped(&self) -> bool {
        self.segments.is_some() && !matches!(self.sink, Sink::Mean { .. })
    }

    /// Layers that work on whole records have no rows to group.
    fn whole_records(&self, name: &str) -> Result<()> {
        match self.grouped() {
            true => Err(Error::input(format!(
                "`{name}` sits before a read-out or in a graph network, where its per-record gradients are not computed; use linear and graph layers there"
            ))),
            false => Ok(()),
        }
    }

    fn outer(&self, t: &Target) -> Outer {
        let mode = match self.sink {
            // The last two do not come here.
            Sink::Mean { .. } | Sink::Factors(_) | Sink::Rotated(_) => OuterMode::Sum,
            Sink::SquareSum { .. } => OuterMode::SquareSum,
            Sink::PerSample { .. } => OuterMode::PerSample,
        };
        Outer { mode, alpha: t.alpha, beta: t.beta, stride: t.stride }
    }

    fn target(&self, name: &str) -> Result<Target> {
        let entry = self.layout.get(name)?;
        let total = self.layout.total();
        let range = entry.offset..entry.offset + entry.len;
        let beta = |accumulate| if accumulate { 1.0 } else { 0.0 };
        Ok(match self.sink {
            Sink::Mean { grad, scale, accumulate } => {
                Target { out: grad.range(range), alpha: scale, beta: beta(accumulate), stride: 0 }
            }
            Sink::SquareSum { squares, accumulate } => {
                Target { out: squares.range(range), alpha: 1.0, beta: beta(accumulate), stride: 0 }
            }
            Sink::PerSample { slab } => {
                // An empty batch has no rows for the range to lie in.
                let n = self.records();
                let rows = if n == 0 { 0..0 } else { range.start..(n - 1) * total + range.end };
                Target { out: slab.range(rows), alpha: 1.0, beta: 0.0, stride: total }
            }
            Sink::Factors(_) | Sink::Rotated(_) => return refused(name),
        })
    }

    /// A parameter that has no gradient here. A slab's rows are cleared by whoever hands them over.
    pub fn sink_nothing(&mut self, name: &str) -> Result<()> {
        let t = self.target(name)?;
        if !matches!(self.sink, Sink::PerSample { .. }) && t.beta == 0.0 {
            self.rec.clear(t.out);
        }
        Ok(())
    }

    /// A dense weight [out, in] of a projection whose input is the first of `saved`: g_n = dy_n x_nᵀ, summed over a
    /// record's rows where rows are grouped.
    pub fn sink_dense(&mut self, name: &str, saved: &Saved, dy: Buf<f32>, inputs: usize, outputs: usize) -> Result<()> {
        match self.sink {
            Sink::Factors(f) => return self.factor_dense(f, name, saved, dy, [inputs, outputs]),
            Sink::Rotated(r) => return self.rotate_dense(r, name, saved, dy, [inputs, outputs]),
            _ => {}
        }
        let t = self.target(name)?;
        let (n, x, outer) = (self.n, saved.floats[0], self.outer(&t));
        if let Some(p) = &saved.pattern {
            let of = self.segments.map(|s| s.of);
            graph::features_bwd_w(self.rec, &p.xt, x, of, dy, t.out, inputs, outputs, outer);
            return Ok(());
        }
        if let Some(s) = self.segments.filter(|_| self.grouped()) {
            graph::segment_outer(self.rec, s.ptr, x, dy, t.out, inputs, outputs, outer);
            return Ok(());
        }
        let product = match self.sink {
            Sink::Mean { .. } => Product { alpha: t.alpha, beta: t.beta, ..Default::default() },
            // Σ (dy_n x_nᵀ)² = (dy²)ᵀ (x²): BackPACK's sum of squared gradients of a linear layer.
            Sink::SquareSum { .. } => Product { alpha: t.alpha, beta: t.beta, square: true, ..Default::default() },
            Sink::Factors(_) | Sink::Rotated(_) => return refused(name),
            Sink::PerSample { .. } => {
                // An outer product per sample is the weight gradient of a 1x1 convolution over a 1x1 picture.
                let s = ConvShape::plain(n, inputs, 1, 1, outputs, [1, 1]);
                let each = WeightGrad { chunks: Chunks { per_chunk: 1, count: n }, stride: t.stride, square: false };
                conv::conv2d_bwd_w(self.rec, &s, x, dy, t.out, each);
                return Ok(());
            }
        };
        linear::product(self.rec, Mat::new(dy, n, outputs).t(), Mat::new(x, n, inputs), x, t.out, product);
        Ok(())
    }

    /// A convolution's weight [co, ci/groups, kh, kw].
    pub fn sink_conv(&mut self, name: &str, s: &ConvShape, x: Buf<f32>, dy: Buf<f32>) -> Result<()> {
        match self.sink {
            Sink::Factors(f) => return self.factor_conv(f, name, s, x, dy),
            Sink::Rotated(r) => return self.rotate_conv(r, name, s, x, dy),
            _ => {}
        }
        self.whole_records(name)?;
        let t = self.target(name)?;
        let square = matches!(self.sink, Sink::SquareSum { .. });
        if let Sink::PerSample { .. } = self.sink {
            let each = WeightGrad { chunks: Chunks { per_chunk: 1, count: s.n }, stride: t.stride, square };
            conv::conv2d_bwd_w(self.rec, s, x, dy, t.out, each);
            return Ok(());
        }
        let chunks = Chunks::of(s);
        let parts = self.rec.temp("dw_parts", chunks.count * s.weights());
        conv::conv2d_bwd_w(self.rec, s, x, dy, parts, WeightGrad { chunks, stride: s.weights(), square });
        let sum = Channels { mode: ChannelMode::Sum, alpha: t.alpha, beta: t.beta, stride: 0 };
        reduce::channels(self.rec, parts, t.out, chunks.count, s.weights(), 1, sum);
        Ok(())
    }

    /// A bias over channels: dy is [n, channels, positions]; positions is 1 where rows are grouped.
    pub fn sink_bias(&mut self, name: &str, dy: Buf<f32>, channels: usize, positions: usize) -> Result<()> {
        let t = match self.sink {
            Sink::Factors(f) => return self.factor_bias(f, name, dy, channels, positions),
            Sink::Rotated(r) => return self.rotate_bias(r, name, dy, channels, positions),
            _ => self.target(name)?,
        };
        let mode = match self.sink {
            Sink::Mean { .. } | Sink::Factors(_) | Sink::Rotated(_) => ChannelMode::Sum,
            Sink::SquareSum { .. } => ChannelMode::SquareSum,
            Sink::PerSample { .. } => ChannelMode::PerSample,
        };
        let how = Channels { mode, alpha: t.alpha, beta: t.beta, stride: t.stride };
        let (mut n, mut dy) = (self.n, dy);
        if let Some(s) = self.segments.filter(|_| self.grouped()) {
            let sums = self.rec.temp("db_records", s.count * channels);
            graph::segment(self.rec, s.ptr, dy, sums, channels, Readout::Sum, None);
            (n, dy) = (s.count, sums);
        }
        reduce::channels(self.rec, dy, t.out, n, channels, positions, how);
        Ok(())
    }

    /// Scale and shift of a normalisation.
    pub fn sink_affine(
        &mut self,
        layer: &str,
        x: Buf<f32>,
        stats: Buf<f32>,
        dy: Buf<f32>,
        shape: &NormShape,
    ) -> Result<()> {
        if matches!(self.sink, Sink::Factors(_) | Sink::Rotated(_)) {
            return self.curve_affine(layer, x, stats, dy, shape);
        }
        self.whole_records(layer)?;
        let gamma = self.target(&format!("{layer}.weight"))?;
        let beta = self.target(&format!("{layer}.bias"))?;
        let mode = match self.sink {
            Sink::Mean { .. } | Sink::Factors(_) | Sink::Rotated(_) => norm::AffineMode::Sum,
            Sink::SquareSum { .. } => norm::AffineMode::SquareSum,
            Sink::PerSample { .. } => norm::AffineMode::PerSample,
        };
        let how = AffineSink { mode, alpha: gamma.alpha, beta: gamma.beta, stride: gamma.stride };
        norm::group_bwd_affine(self.rec, x, stats, dy, gamma.out, beta.out, *shape, how);
        Ok(())
    }
}
