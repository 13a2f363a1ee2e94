//! Kronecker factors of curvature blocks: what a layer's sink makes of its input and of its output's gradient.
//!
//! A dense layer's gradient for one record is g aᵀ, so its block of the curvature E[vec(g aᵀ) vec(g aᵀ)ᵀ] is
//! approximated by A ⊗ G with A = E[a aᵀ] and G = E[g gᵀ] (Martens & Grosse, ICML 2015). A convolution's gradient is a
//! sum over its T output positions, and A = E[Σ_t a_t a_tᵀ], G = E[(1/T) Σ_t g_t g_tᵀ] with a_t the patch that position
//! t sees (Grosse & Martens, ICML 2016, spatially uncorrelated derivatives). Biases, and the scales and shifts of a
//! normalisation, are parameters of their own, as in BackPACK: their block is G of each record's own gradient, which is
//! exact. Expectations are over records, and over labels where g is of the model's.

use glam::UVec2;

use super::params::ParamLayout;
use super::pass::{Backward, Saved};
use super::sink::Sink;
use crate::engine::{ALIGN, Buf};
use crate::error::{Error, Result};
use crate::kernels::conv::{self, Chunks, ConvShape, WeightGrad};
use crate::kernels::linear::{self, Mat, Product};
use crate::kernels::norm::{self, NormShape};
use crate::kernels::{Reduction, reduce};

/// A row-major [size, size] matrix in a flat vector of factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Square {
    /// First element in the flat vector.
    pub offset: usize,
    /// Rows, and columns.
    pub size: usize,
}

impl Square {
    /// Its range of a flat vector.
    pub fn of(self, flat: Buf<f32>) -> Buf<f32> {
        flat.range(self.offset..self.offset + self.size * self.size)
    }
}

/// The factors of one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorBlock {
    /// The parameter's name.
    pub param: String,
    /// Of the layer's inputs, in the order of the weight's columns; a vector of parameters has none.
    pub a: Option<Square>,
    /// Of the layer's outputs, in the order of the weight's rows.
    pub g: Square,
}

/// Where the factors of a network's parameters lie in one flat vector: a weight [out, in…] has A and G, a vector
/// (bias, scale, shift) G alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactorLayout {
    /// In the order of the parameters.
    pub blocks: Vec<FactorBlock>,
    /// Elements of the flat vector, padding included.
    pub total: usize,
}

impl FactorLayout {
    /// The factors of every parameter, in the parameters' order. Whether a layer can fill them is its sink's to say.
    pub fn of(params: &ParamLayout) -> FactorLayout {
        let mut layout = FactorLayout::default();
        for entry in params.entries() {
            let rows = entry.shape.first().copied().unwrap_or(1);
            let a = (entry.shape.len() > 1).then(|| layout.square(entry.len / rows.max(1)));
            let g = layout.square(rows);
            layout.blocks.push(FactorBlock { param: entry.name.clone(), a, g });
        }
        layout
    }

    fn square(&mut self, size: usize) -> Square {
        let offset = self.total;
        self.total += (size * size).next_multiple_of(ALIGN);
        Square { offset, size }
    }

    pub(super) fn get(&self, name: &str) -> Result<&FactorBlock> {
        let found = self.blocks.iter().find(|b| b.param == name);
        found.ok_or_else(|| Error::internal(format!("no parameter is called `{name}`")))
    }
}

/// Where factors go, and what each record adds.
#[derive(Clone, Copy, Debug)]
pub struct Factors {
    /// A flat vector of [`FactorLayout`], added to.
    pub out: Buf<f32>,
    /// Factor on a aᵀ; `None` leaves A as it is, for further passes over the same inputs.
    pub inputs: Option<f32>,
    /// Factor on g gᵀ.
    pub outputs: f32,
}

/// Rows of unfolded patches that one product sums over, fewer than a software adapter's loops take, and elements of
/// them that are held at a time.
const ROWS: usize = 8192;
const ELEMENTS: usize = 4 << 20;

/// The refusal of a parameter without Kronecker factors.
pub(super) fn refused<T>(name: &str) -> Result<T> {
    Err(Error::input(format!(
        "`{name}` has no Kronecker factors: K-FAC takes networks of linear and conv2d layers (one group) and \
            normalisations over records that stand alone; use the diagonal, or products with the curvature matrix"
    )))
}

impl Backward<'_> {
    /// Dense rows that are records.
    pub(super) fn plain_rows(&self, name: &str, saved: &Saved) -> Result<()> {
        match saved.pattern.is_some() || self.graph.is_some() || self.segments.is_some() {
            true => refused(name),
            false => Ok(()),
        }
    }

    /// Records `out += scale · xᵀ x` for x [rows, size].
    fn add_moments(&mut self, x: Buf<f32>, rows: usize, size: usize, out: Buf<f32>, scale: f32) {
        let x_mat = Mat::new(x, rows, size);
        let how = Product { alpha: scale, beta: 1.0, ..Default::default() };
        linear::product(self.rec, x_mat.t(), x_mat, x, out, how);
    }

    /// Records `out += scale Σ_n Σ_t a_t a_tᵀ` over the patches of a convolution.
    fn add_patches(&mut self, s: &ConvShape, [oh, ow]: [usize; 2], x: Buf<f32>, out: Buf<f32>, scale: f32) {
        let (positions, size) = (oh * ow, s.ci * s.taps()[0] * s.taps()[1]);
        let most = (ROWS / positions.max(1)).min(ELEMENTS / (positions * size).max(1)).max(1);
        for first in (0..s.n).step_by(most) {
            let samples = first..s.n.min(first + most);
            let rows = samples.len() * positions;
            let patches = self.rec.temp("patches", rows * size);
            conv::unfold(self.rec, s, samples, x, patches);
            self.add_moments(patches, rows, size, out, scale);
        }
    }

    pub(super) fn factor_dense(
        &mut self,
        f: Factors,
        name: &str,
        saved: &Saved,
        dy: Buf<f32>,
        [inputs, outputs]: [usize; 2],
    ) -> Result<()> {
        self.plain_rows(name, saved)?;
        let layout = FactorLayout::of(self.layout);
        let block = layout.get(name)?;
        if let (Some(a), Some(scale)) = (block.a, f.inputs) {
            self.add_moments(saved.floats[0], self.n, inputs, a.of(f.out), scale);
        }
        self.add_moments(dy, self.n, outputs, block.g.of(f.out), f.outputs);
        Ok(())
    }

    pub(super) fn factor_conv(
        &mut self,
        f: Factors,
        name: &str,
        s: &ConvShape,
        x: Buf<f32>,
        dy: Buf<f32>,
    ) -> Result<()> {
        let out = self.plain_conv(name, s)?;
        let layout = FactorLayout::of(self.layout);
        let block = layout.get(name)?;
        if let (Some(a), Some(scale)) = (block.a, f.inputs) {
            self.add_patches(s, out, x, a.of(f.out), scale);
        }
        let positions = (out[0] * out[1]).max(1);
        self.add_pixels(s, out, dy, block.g.of(f.out), f.outputs / positions as f32);
        Ok(())
    }

    /// Records `out += scale Σ_n Σ_t g_t g_tᵀ` over the positions of a convolution's output: the weight gradient of a
    /// 1x1 convolution whose input is its own gradient.
    fn add_pixels(&mut self, s: &ConvShape, [oh, ow]: [usize; 2], dy: Buf<f32>, out: Buf<f32>, scale: f32) {
        let pixels = ConvShape::plain(s.n, s.co, oh, ow, s.co, UVec2::ONE);
        let (chunks, weights) = (Chunks::of(&pixels), pixels.weights());
        let parts = self.rec.temp("g_parts", chunks.count * weights);
        conv::conv2d_bwd_w(self.rec, &pixels, dy, dy, parts, WeightGrad { chunks, stride: weights, square: false });
        let sum = Reduction { alpha: scale, beta: 1.0, ..Reduction::default() };
        reduce::channels(self.rec, parts, out, chunks.count, weights, 1, sum);
    }

    /// One group over records; its output's height and width.
    pub(super) fn plain_conv(&self, name: &str, s: &ConvShape) -> Result<[usize; 2]> {
        if s.groups != 1 || self.segments.is_some() {
            return refused(name);
        }
        s.out().map_err(Error::internal)
    }

    /// The gradient of a bias of each record [n, channels].
    pub(super) fn bias_rows(
        &mut self,
        name: &str,
        dy: Buf<f32>,
        channels: usize,
        positions: usize,
    ) -> Result<Buf<f32>> {
        self.plain_rows(name, &Saved::default())?;
        if positions == 1 {
            return Ok(dy);
        }
        let rows = self.rec.temp("db_records", self.n * channels);
        let each = Reduction::per_sample(channels);
        reduce::channels(self.rec, dy, rows, self.n, channels, positions, each);
        Ok(rows)
    }

    pub(super) fn factor_bias(
        &mut self,
        f: Factors,
        name: &str,
        dy: Buf<f32>,
        channels: usize,
        positions: usize,
    ) -> Result<()> {
        let rows = self.bias_rows(name, dy, channels, positions)?;
        self.factor_rows(f, name, rows)
    }

    /// A vector of parameters whose gradients of each record are the rows.
    fn factor_rows(&mut self, f: Factors, name: &str, rows: Buf<f32>) -> Result<()> {
        let layout = FactorLayout::of(self.layout);
        let g = layout.get(name)?.g;
        self.add_moments(rows, self.n, g.size, g.of(f.out), f.outputs);
        Ok(())
    }

    /// Scale and shift of a normalisation, for either sink.
    pub(super) fn curve_affine(
        &mut self,
        layer: &str,
        x: Buf<f32>,
        stats: Buf<f32>,
        dy: Buf<f32>,
        shape: &NormShape,
    ) -> Result<()> {
        let names = ["weight", "bias"].map(|part| format!("{layer}.{part}"));
        self.plain_rows(&names[0], &Saved::default())?;
        let channels = self.layout.get(&names[0])?.len;
        let rows = ["dgamma", "dbeta"].map(|name| self.rec.temp(name, self.n * channels));
        let each = Reduction::per_sample(channels);
        norm::group_bwd_affine(self.rec, x, stats, dy, rows[0], rows[1], *shape, each);
        for (name, rows) in names.iter().zip(rows) {
            match self.sink {
                Sink::Factors(f) => self.factor_rows(f, name, rows)?,
                Sink::Rotated(r) => self.rotate_rows(r, name, rows)?,
                _ => return Err(Error::internal("a plain sink among those of curvature")),
            }
        }
        Ok(())
    }
}
