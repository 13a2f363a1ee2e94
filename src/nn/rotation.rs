//! Per-record gradients in other bases: squares of U_G g_n U_Aᵀ, without the gradients ever lying anywhere.

use glam::UVec2;

use super::factors::{FactorLayout, Square, refused};
use super::pass::{Backward, Saved};
use super::sink::Sink;
use crate::engine::Buf;
use crate::error::Result;
use crate::kernels::conv::{self, ConvShape};
use crate::kernels::linear::{self, Mat, Product};

/// Bases in the layout of [`FactorLayout`], a vector a row in the place of each factor.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// The eigenvectors, [factors.total].
    pub bases: Buf<f32>,
    /// `squares (+)= Σ (U_G g_n U_Aᵀ)²` in the parameters' layout, U with an eigenvector a row.
    pub squares: Buf<f32>,
    /// Adds to `squares` where true, replaces it else.
    pub accumulate: bool,
}

impl Backward<'_> {
    /// Runs `sink` with the plain sink that a rotated one becomes once its operands are rotated.
    fn as_squares(&mut self, r: Rotation, sink: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let before = self.sink;
        self.sink = Sink::SquareSum { squares: r.squares, accumulate: r.accumulate };
        let done = sink(self);
        self.sink = before;
        done
    }

    /// Records the rows of `x` [n, size] in the basis `u`.
    fn rotated(&mut self, x: Buf<f32>, u: Square, bases: Buf<f32>) -> Buf<f32> {
        let y = self.rec.temp("rotated", self.n * u.size);
        let (x_mat, u_mat) = (Mat::new(x, self.n, u.size), Mat::new(u.of(bases), u.size, u.size));
        linear::product(self.rec, x_mat, u_mat.t(), x, y, Product::default());
        y
    }

    pub(super) fn rotate_dense(
        &mut self,
        r: Rotation,
        name: &str,
        saved: &Saved,
        dy: Buf<f32>,
        [inputs, outputs]: [usize; 2],
    ) -> Result<()> {
        self.plain_rows(name, saved)?;
        let layout = FactorLayout::of(self.layout);
        let block = layout.get(name)?;
        let Some(a) = block.a else { return refused(name) };
        let x = self.rotated(saved.floats[0], a, r.bases);
        let dy = self.rotated(dy, block.g, r.bases);
        let saved = Saved { floats: vec![x], ..Default::default() };
        self.as_squares(r, |cx| cx.sink_dense(name, &saved, dy, inputs, outputs))
    }

    /// The patches in a basis are a convolution with the basis for its filters, and what is left is a 1x1 convolution.
    pub(super) fn rotate_conv(
        &mut self,
        r: Rotation,
        name: &str,
        s: &ConvShape,
        x: Buf<f32>,
        dy: Buf<f32>,
    ) -> Result<()> {
        let [oh, ow] = self.plain_conv(name, s)?;
        let layout = FactorLayout::of(self.layout);
        let block = layout.get(name)?;
        let Some(a) = block.a else { return refused(name) };
        let (xr, dyr) = (self.rec.temp("rotated", s.n * a.size * oh * ow), self.rec.temp("rotated", dy.len));
        conv::conv2d(self.rec, &ConvShape { co: a.size, ..*s }, x, a.of(r.bases), None, xr);
        let pixels = ConvShape::plain(s.n, s.co, oh, ow, s.co, UVec2::ONE);
        conv::conv2d(self.rec, &pixels, dy, block.g.of(r.bases), None, dyr);
        let rotated = ConvShape::plain(s.n, a.size, oh, ow, s.co, UVec2::ONE);
        self.as_squares(r, |cx| cx.sink_conv(name, &rotated, xr, dyr))
    }

    pub(super) fn rotate_bias(
        &mut self,
        r: Rotation,
        name: &str,
        dy: Buf<f32>,
        channels: usize,
        positions: usize,
    ) -> Result<()> {
        let rows = self.bias_rows(name, dy, channels, positions)?;
        self.rotate_rows(r, name, rows)
    }

    pub(super) fn rotate_rows(&mut self, r: Rotation, name: &str, rows: Buf<f32>) -> Result<()> {
        let layout = FactorLayout::of(self.layout);
        let g = layout.get(name)?.g;
        let rows = self.rotated(rows, g, r.bases);
        self.as_squares(r, |cx| cx.sink_bias(name, rows, g.size, 1))
    }
}
