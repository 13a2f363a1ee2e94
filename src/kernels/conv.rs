//! Two-dimensional convolution in NCHW with PyTorch's weight layout (OIHW): forward and both gradients.

mod cases;
mod choice;
mod norms;
mod rows;
mod shape;
mod tangent;
#[cfg(test)]
mod tests;
mod tiles;
mod twin;
mod unfold;

pub use cases::{asked, cases, random};
pub use choice::{Direction, choose, order};
pub use norms::{NormForm, choose_norms, conv2d_norms, conv2d_norms_as};
pub use rows::*;
pub use shape::{Chunks, ConvShape};
pub use unfold::{UNFOLD, unfold};

use glam::{UVec2, UVec3};

use tiles::Tile;

use crate::engine::{Buf, Kernel, Recording, div_ceil};
use crate::params;

params! {
    /// Shapes of one convolution; `per_chunk` and `chunk_stride` matter to the weight gradient alone.
    pub struct Conv {
        kernel: UVec2, stride: UVec2, padding: UVec2, dilation: UVec2,
        n: u32, ci: u32, h: u32, w: u32, co: u32, oh: u32, ow: u32, groups: u32, per_chunk: u32, chunk_stride: u32,
    }
}

/// The family's kernels.
pub static KERNELS: &[&Kernel] = &[
    &CONV2D,
    &CONV2D_LARGE,
    &CONV2D_TILED,
    &CONV2D_BROADCAST,
    &CONV2D_BWD_X,
    &CONV2D_BWD_X_LARGE,
    &CONV2D_BWD_X_TILED,
    &CONV2D_BWD_X_BROADCAST,
    &CONV2D_BWD_W,
    &CONV2D_BWD_W_LARGE,
    &CONV2D_BWD_W_TILED,
    &CONV2D_BWD_W_BROADCAST,
    &UNFOLD,
    &norms::GHOST_NORM,
];

/// What one workgroup of the broadcast forms covers: channels of one group, and positions, four for each of 32
/// invocations.
const TILE: UVec3 = UVec3::new(8, 1, 128);

/// Workgroups of a broadcast form over so many channels of each group and positions.
fn tiles(s: &ConvShape, channels: usize, positions: usize) -> UVec3 {
    div_ceil(UVec3::new((channels / s.groups) as u32, s.groups as u32, positions as u32), TILE)
}

/// Records `y = conv(x, w) + b`; `b` may be absent.
pub fn conv2d(rec: &mut Recording, s: &ConvShape, x: Buf<f32>, w: Buf<f32>, b: Option<Buf<f32>>, y: Buf<f32>) {
    let kernel = choice::ask(rec, Direction::Forward, s, 0);
    conv2d_as(rec, kernel, s, x, w, b, y);
}

/// [`conv2d`] with a given variant.
pub fn conv2d_as(
    rec: &mut Recording,
    kernel: &'static Kernel,
    s: &ConvShape,
    x: Buf<f32>,
    w: Buf<f32>,
    b: Option<Buf<f32>>,
    y: Buf<f32>,
) {
    let checks = s.fits(rec.arguments("conv.conv2d")).shape("x", x, &s.x()).shape("w", w, &s.weight());
    if checks.optional("b", b, &[s.co]).shape("y", y, &s.y()).wrong() {
        return;
    }
    let [oh, ow] = s.plane();
    let pass = rec
        .dispatch(kernel)
        .set("BIAS", u8::from(b.is_some()))
        .params(s.params([oh, ow]))
        .read(x)
        .read(w)
        .read(b.unwrap_or(w))
        .write(y)
        .turns(s.turns_per_output(s.ci / s.groups))
        .work(s.flops([oh, ow]), 4 * (x.len + w.len + y.len) as u64);
    let positions = s.n * oh * ow;
    if std::ptr::eq(kernel, &CONV2D_BROADCAST) {
        pass.grid(tiles(s, s.co, positions));
    } else if let Some(tile) = Tile::of(kernel, s) {
        tile.forward(pass, s, [s.co, s.ci], positions);
    } else {
        pass.threads(positions * s.co);
    }
}

/// Records the input gradient.
pub fn conv2d_bwd_x(rec: &mut Recording, s: &ConvShape, w: Buf<f32>, dy: Buf<f32>, dx: Buf<f32>) {
    let kernel = choice::ask(rec, Direction::Input, s, 0);
    conv2d_bwd_x_as(rec, kernel, s, w, dy, dx);
}

/// [`conv2d_bwd_x`] with a given variant.
pub fn conv2d_bwd_x_as(
    rec: &mut Recording,
    kernel: &'static Kernel,
    s: &ConvShape,
    w: Buf<f32>,
    dy: Buf<f32>,
    dx: Buf<f32>,
) {
    let checks = s.fits(rec.arguments("conv.conv2d_bwd_x")).shape("w", w, &s.weight());
    if checks.shape("dy", dy, &s.y()).shape("dx", dx, &s.x()).wrong() {
        return;
    }
    let out = s.plane();
    let pass = rec
        .dispatch(kernel)
        .params(s.params(out))
        .read(w)
        .read(dy)
        .write(dx)
        .turns(s.turns_per_output(s.co / s.groups))
        .work(s.flops(out), 4 * (dx.len + w.len + dy.len) as u64);
    let positions = s.n * s.h * s.w;
    if std::ptr::eq(kernel, &CONV2D_BWD_X_BROADCAST) {
        pass.set("STRIDED", u8::from(s.stride != UVec2::ONE)).grid(tiles(s, s.ci, positions));
    } else if let Some(tile) = Tile::of(kernel, s) {
        tile.input(pass, s);
    } else {
        pass.threads(positions * s.ci);
    }
}

/// Records the weight gradient of each chunk of samples into `dw`.
pub fn conv2d_bwd_w(rec: &mut Recording, s: &ConvShape, x: Buf<f32>, dy: Buf<f32>, dw: Buf<f32>, g: WeightGrad) {
    let direction = if g.square { Direction::Squares } else { Direction::Weight };
    let kernel = choice::ask(rec, direction, s, g.chunks.per_chunk);
    conv2d_bwd_w_as(rec, kernel, s, x, dy, dw, g);
}

/// What a weight-gradient launch produces.
#[derive(Clone, Copy, Debug)]
pub struct WeightGrad {
    /// How the sum over records and positions is cut.
    pub chunks: Chunks,
    /// Elements from one chunk's result to the next.
    pub stride: usize,
    /// Square each sample's gradient before adding it.
    pub square: bool,
}

/// [`conv2d_bwd_w`] with a given variant.
pub fn conv2d_bwd_w_as(
    rec: &mut Recording,
    kernel: &'static Kernel,
    s: &ConvShape,
    x: Buf<f32>,
    dy: Buf<f32>,
    dw: Buf<f32>,
    g: WeightGrad,
) {
    let (out, WeightGrad { chunks, stride, square }) = (s.plane(), g);
    let checks = s.fits(rec.arguments("conv.conv2d_bwd_w")).shape("x", x, &s.x()).shape("dy", dy, &s.y());
    let large = std::ptr::eq(kernel, &CONV2D_BWD_W_LARGE);
    let checks = checks.holds(!large || !square, || format!("`{}` does not square", kernel.name));
    if checks.strided("dw", dw, [chunks.count, s.weights()], stride).wrong() {
        return;
    }
    let params = Conv { per_chunk: chunks.per_chunk as u32, chunk_stride: stride as u32, ..s.params(out) };
    let pass = rec
        .dispatch(kernel)
        .set("SQUARE", u8::from(square))
        .params(params)
        .read(x)
        .read(dy)
        .update(dw)
        .turns(chunks.per_chunk * s.turns_per_sample())
        .work(s.flops(out), 4 * (x.len + dy.len + chunks.count * s.weights()) as u64);
    if std::ptr::eq(kernel, &CONV2D_BWD_W_BROADCAST) {
        pass.groups(s.tiles() * chunks.count);
    } else if let Some(tile) = Tile::of(kernel, s) {
        let terms = chunks.per_chunk * s.positions();
        tile.weight(pass, s, terms, chunks.count, square);
    } else {
        pass.threads(chunks.count * s.weights());
    }
}
