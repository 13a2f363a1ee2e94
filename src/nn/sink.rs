//! Where weight gradients go. The loss kernel writes unscaled per-sample gradients; 1/B enters here and only in `Mean`.

mod gram;
mod kept;
mod norms;
mod rows;
mod table;
mod weighted;

pub use gram::add_products;
pub use kept::Kept;
pub use norms::SquaredNorms;

use super::factors::{Factors, refused};
use super::pass::{Backward, Saved};
use super::rotation::Rotation;
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::conv::{self, Chunks, ConvShape, WeightGrad};
use crate::kernels::graph;
use crate::kernels::linear::{self, Mat, Product};
use crate::kernels::norm::{self, NormShape};
use crate::kernels::{Reduction, ReductionMode, map, reduce};

/// What becomes of the per-sample weight gradients g_n of a batch.
#[derive(Clone, Copy, Debug)]
pub enum Sink {
    /// `grad = scale · Σ g_n`, added to what is there if `accumulate`.
    Mean {
        /// Where gradients go, [layout.total()].
        grad: Buf<f32>,
        /// Factor on their sum: 1/B for a mean.
        scale: f32,
        /// Adds where true, replaces else.
        accumulate: bool,
    },
    /// `squares = Σ g_n²` elementwise, exact per sample: positions are summed before squaring.
    SquareSum {
        /// Where squares go, [layout.total()].
        squares: Buf<f32>,
        /// Adds where true, replaces else.
        accumulate: bool,
    },
    /// `slab[n] = g_n`, rows of one flat vector each.
    PerSample {
        /// A row of [layout.total()] for each record.
        slab: Buf<f32>,
    },
    /// ‖g_n‖² by parameter tensor; no gradient is stored. See [`SquaredNorms`].
    Norms {
        /// A share of each parameter in each record's squared norm, see [`SquaredNorms`].
        parts: Buf<f32>,
    },
    /// `gram[n,m] += ⟨g_n, g_m⟩`, [records, records]; at most one tensor's gradients are stored at a time.
    Gram {
        /// Inner products of the records' gradients, [B, B].
        gram: Buf<f32>,
    },
    /// Kronecker factors of each parameter's curvature block, added to what is there. Linear and conv2d layers and
    /// normalisations have them, others refuse.
    Factors(Factors),
    /// As `SquareSum`, of the gradients in other bases; where `Factors` are refused, this is.
    Rotated(Rotation),
}

impl Sink {
    /// The same, where a mean is added to what is there.
    pub fn added(mut self) -> Sink {
        if let Sink::Mean { accumulate, .. } = &mut self {
            *accumulate = true;
        }
        self
    }
}

/// What a head that reads an embedding's table leaves for the embedding's part of the backward pass. A record's
/// gradient is the sum over both uses, which only then is squared, measured or multiplied.
#[derive(Clone, Debug)]
pub struct Head {
    /// Name of the table's parameter.
    table: String,
    /// The head's input, and the gradient of what it made; none where its part of a mean is in the sink already.
    made: Option<[Buf<f32>; 2]>,
}

/// Where a sink puts the gradients of one parameter, and what becomes of them before they leave their kernel.
struct Destination {
    out: Buf<f32>,
    how: Reduction,
}

impl Backward<'_> {
    /// Records of the batch: rows, or groups of rows.
    fn records(&self) -> usize {
        self.segments.map_or(self.n, |s| s.count)
    }

    /// True where a record's gradient must be summed over its rows before anything else is done with it.
    fn grouped(&self) -> bool {
        self.segments.is_some() && !matches!(self.sink, Sink::Mean { .. })
    }

    /// Layers that work on whole records have no rows to group.
    fn whole_records(&self, name: &str) -> Result<()> {
        match self.grouped() {
            true => Err(Error::input(format!(
                "`{name}` sits before a read-out or in a graph network, where its per-record gradients are not \
                    computed; use linear and graph layers there"
            ))),
            false => Ok(()),
        }
    }

    fn destination(&mut self, name: &str) -> Result<Destination> {
        let entry = self.layout.get(name)?;
        let total = self.layout.total();
        let (len, range) = (entry.len, entry.offset..entry.offset + entry.len);
        // An empty batch has no rows for a range to lie in.
        let n = self.records();
        let add =
            |mode, alpha, accumulate| Reduction { mode, alpha, beta: if accumulate { 1.0 } else { 0.0 }, stride: 0 };
        let (out, how) = match self.sink {
            Sink::Mean { grad, scale, accumulate } => (grad.range(range), add(ReductionMode::Sum, scale, accumulate)),
            Sink::SquareSum { squares, accumulate } => {
                (squares.range(range), add(ReductionMode::SquareSum, 1.0, accumulate))
            }
            Sink::PerSample { slab } => {
                let rows = if n == 0 { 0..0 } else { range.start..(n - 1) * total + range.end };
                (slab.range(rows), Reduction::per_sample(total))
            }
            Sink::Gram { .. } => (self.rec.temp("gradients of a tensor", n * len), Reduction::per_sample(len)),
            Sink::Norms { .. } => return Err(Error::internal(format!("the norms of `{name}` have no such place"))),
            Sink::Factors(_) | Sink::Rotated(_) => return refused(name),
        };
        Ok(Destination { out, how })
    }

    /// A parameter that has no gradient here. A slab's rows are cleared by whoever hands them over.
    pub fn sink_nothing(&mut self, name: &str) -> Result<()> {
        match self.sink {
            Sink::PerSample { .. } | Sink::Gram { .. } => return Ok(()),
            Sink::Norms { parts } => return self.no_norms(parts, name),
            _ => {}
        }
        let t = self.destination(name)?;
        if t.how.beta == 0.0 {
            self.rec.clear(t.out);
        }
        Ok(())
    }

    /// A dense weight [out, in] of a projection whose input is the first of `saved`: g_n = dy_n x_nᵀ, summed over a
    /// record's rows where rows are grouped.
    pub fn sink_dense(&mut self, name: &str, saved: &Saved, dy: Buf<f32>, inputs: usize, outputs: usize) -> Result<()> {
        let (n, x) = (self.n, saved.floats[0]);
        match self.sink {
            Sink::Factors(f) => return self.factor_dense(f, name, saved, dy, [inputs, outputs]),
            Sink::Rotated(r) => return self.rotate_dense(r, name, saved, dy, [inputs, outputs]),
            Sink::Norms { parts } => return self.dense_norms(parts, name, saved, dy, [inputs, outputs]),
            Sink::Gram { gram } if saved.pattern.is_none() && !self.grouped() => {
                self.dense_gram(gram, x, dy);
                return Ok(());
            }
            _ => {}
        }
        let t = self.destination(name)?;
        if let Some(p) = &saved.pattern {
            let of = self.segments.map(|s| s.of);
            if matches!(self.sink, Sink::Gram { .. }) {
                // Only elements that have entries are written.
                self.rec.clear(t.out);
            }
            graph::features_bwd_w(self.rec, &p.xt, x, of, dy, t.out, inputs, outputs, t.how);
        } else if let Some(s) = self.segments.filter(|_| self.grouped()) {
            graph::segment_outer(self.rec, s.ptr, x, dy, t.out, inputs, outputs, t.how);
        } else if t.how.mode == ReductionMode::PerSample {
            linear::outer(self.rec, dy, x, t.out, n, t.how.stride);
        } else {
            // Σ (dy_n x_nᵀ)² = (dy²)ᵀ (x²): BackPACK's sum of squared gradients of a linear layer.
            let square = t.how.mode == ReductionMode::SquareSum;
            let product = Product { alpha: t.how.alpha, beta: t.how.beta, square, ..Default::default() };
            linear::product(self.rec, Mat::new(dy, n, outputs).t(), Mat::new(x, n, inputs), x, t.out, product);
        }
        self.add_gram(&t);
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
        if let Sink::Norms { parts } = self.sink {
            return self.conv_norms(parts, name, s, x, dy);
        }
        let t = self.destination(name)?;
        if t.how.mode == ReductionMode::PerSample {
            let each = WeightGrad { chunks: Chunks { per_chunk: 1, count: s.n }, stride: t.how.stride, square: false };
            conv::conv2d_bwd_w(self.rec, s, x, dy, t.out, each);
            self.add_gram(&t);
            return Ok(());
        }
        conv_sum(self.rec, s, x, dy, &t);
        Ok(())
    }

    /// A bias over channels: dy is [n, channels, positions]; positions is 1 where rows are grouped.
    pub fn sink_bias(&mut self, name: &str, dy: Buf<f32>, channels: usize, positions: usize) -> Result<()> {
        match self.sink {
            Sink::Factors(f) => return self.factor_bias(f, name, dy, channels, positions),
            Sink::Rotated(r) => return self.rotate_bias(r, name, dy, channels, positions),
            _ => {}
        }
        let (dy, n) = self.of_records(dy, channels);
        if let Sink::Norms { parts } = self.sink {
            return self.bias_norms(parts, name, dy, [n, channels, positions]);
        }
        let t = self.destination(name)?;
        reduce::channels(self.rec, dy, t.out, n, channels, positions, t.how);
        self.add_gram(&t);
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
        let [weight, bias] = ["weight", "bias"].map(|part| format!("{layer}.{part}"));
        if self.grouped() {
            return self.affine_of_rows([&weight, &bias], x, stats, dy, shape);
        }
        if let Sink::Norms { parts } = self.sink {
            return self.affine_norms(parts, [&weight, &bias], [x, stats, dy], shape);
        }
        let (gamma, beta) = (self.destination(&weight)?, self.destination(&bias)?);
        norm::group_bwd_affine(self.rec, x, stats, dy, gamma.out, beta.out, *shape, gamma.how);
        self.add_gram(&gamma);
        self.add_gram(&beta);
        Ok(())
    }

    /// Scale and shift of a normalisation by the batch's own statistics, and dx: only sums over the batch exist. The
    /// operands are x, gamma, stats and dy.
    ///
    /// # Errors
    /// A sink of each record's gradient.
    pub fn sink_batch_affine(
        &mut self,
        layer: &str,
        operands: [Buf<f32>; 4],
        dx: Option<Buf<f32>>,
        shape: &NormShape,
    ) -> Result<()> {
        let Sink::Mean { grad, scale, accumulate } = self.sink else {
            return Err(Error::input(format!(
                "layer `{layer}` normalised the batch by its own statistics, which leaves records no gradients of \
                 their own; take statistics of records in evaluation form, or freeze the layer (frozen = true)"
            )));
        };
        let sums = ["dgamma", "dbeta"].map(|name| self.rec.temp(name, shape.c));
        norm::batch_bwd(self.rec, operands, sums, dx, *shape);
        for (part, sum) in ["weight", "bias"].iter().zip(sums) {
            let to = self.layout.slice(grad, &format!("{layer}.{part}"))?;
            map::axpby(self.rec, scale, sum, if accumulate { 1.0 } else { 0.0 }, to);
        }
        Ok(())
    }
}

/// Records a sum of a convolution's gradients over the records, or of their squares.
fn conv_sum(rec: &mut Recording, s: &ConvShape, x: Buf<f32>, dy: Buf<f32>, to: &Destination) {
    let (chunks, square) = (Chunks::of(s), to.how.mode == ReductionMode::SquareSum);
    let parts = rec.temp("dw_parts", chunks.count * s.weights());
    conv::conv2d_bwd_w(rec, s, x, dy, parts, WeightGrad { chunks, stride: s.weights(), square });
    let sum = Reduction { mode: ReductionMode::Sum, ..to.how };
    reduce::channels(rec, parts, to.out, chunks.count, s.weights(), 1, sum);
}
