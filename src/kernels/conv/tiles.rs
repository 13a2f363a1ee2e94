//! Settings and grids of the forms that go through workgroup memory.

use glam::UVec2;

use super::{
    CONV2D_BWD_W_LARGE, CONV2D_BWD_W_TILED, CONV2D_BWD_X_LARGE, CONV2D_BWD_X_TILED, CONV2D_LARGE, CONV2D_TILED,
    ConvShape,
};
use crate::engine::{Kernel, Pass};

/// Rows, columns and invocations of a workgroup.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    rows: usize,
    cols: usize,
    pub(super) wg: usize,
    large: bool,
}

impl Tile {
    /// The tile of a form for a shape; `None` where the form has none. As in the shaders, but for tiles of few rows.
    pub(super) fn of(kernel: &'static Kernel, s: &ConvShape) -> Option<Tile> {
        let is = |forms: [&'static Kernel; 3]| forms.iter().any(|form| std::ptr::eq(kernel, *form));
        let [cig, cog] = s.per_group();
        let channels = if std::ptr::eq(kernel, &CONV2D_BWD_X_TILED) { cig } else { cog };
        if is([&CONV2D_LARGE, &CONV2D_BWD_X_LARGE, &CONV2D_BWD_W_LARGE]) {
            Some(Tile { rows: 64, cols: 128, wg: 128, large: true })
        } else if is([&CONV2D_TILED, &CONV2D_BWD_X_TILED, &CONV2D_BWD_W_TILED]) {
            let (rows, cols) = if channels <= 16 { (16, 128) } else { (32, 64) };
            Some(Tile { rows, cols, wg: 128, large: false })
        } else {
            None
        }
    }

    /// What all directions set: the tile, and sizes that are common as constants.
    fn sized<'r>(&self, pass: Pass<'r>, s: &ConvShape) -> Pass<'r> {
        let square = s.kernel.x == s.kernel.y && [1, 3].contains(&s.kernel.x);
        let stride = if s.stride.x == s.stride.y && s.stride.x <= 2 { s.stride.x } else { 0 };
        let (x, y) = if square { (s.kernel.x, s.kernel.y) } else { (0, 0) };
        // Copies of the tiles in turns pay where a tile is read often; small ones would rather have more workgroups.
        let pass = pass.set("DOUBLE", u8::from(self.large)).set("KX", x).set("KY", y).set("STRIDE", stride);
        // 128 columns of four terms at a time leave two quads to an invocation.
        let deep = if self.cols == 128 { 8u32 } else { 16 };
        pass.set("BM", self.rows as u32).set("BN", self.cols as u32).set("BK", deep)
    }

    /// The forward pass, or the input gradient with the channels exchanged: `columns` positions.
    pub(super) fn forward(&self, pass: Pass, s: &ConvShape, [rows, terms]: [usize; 2], columns: usize) {
        let [kh, kw] = s.taps();
        let tiles = (rows / s.groups).div_ceil(self.rows) * columns.div_ceil(self.cols);
        self.sized(pass, s).turns(turns(terms / s.groups * kh * kw)).groups(s.groups * tiles);
    }

    /// The input gradient; with strides of 2 in four classes of pixels, even and odd rows and columns.
    pub(super) fn input(&self, pass: Pass, s: &ConvShape) {
        let parity = s.stride == UVec2::splat(2) && s.dilation == UVec2::ONE;
        if !parity {
            return self.forward(pass, s, [s.ci, s.co], s.n * s.h * s.w);
        }
        let [kh, kw] = s.taps();
        let tiles =
            s.per_group()[0].div_ceil(self.rows) * (s.n * s.h.div_ceil(2) * s.w.div_ceil(2)).div_ceil(self.cols);
        self.sized(pass, s)
            .set("PARITY", 1)
            .turns(turns(s.per_group()[1] * kh.div_ceil(2) * kw.div_ceil(2)))
            .groups(4 * s.groups * tiles);
    }

    /// The weight gradient of chunks of `terms` positions, or with `square` the squares of its samples.
    pub(super) fn weight(&self, pass: Pass, s: &ConvShape, terms: usize, chunks: usize, square: bool) {
        let pass = self.sized(pass, s);
        // The large form has no squares, and no setting for them.
        let pass = if self.large { pass } else { pass.set("SQUARES", u8::from(square)) };
        pass.turns(turns(terms + 16 * terms / s.positions().max(1))).groups(self.weight_tiles(s) * chunks);
    }

    /// Workgroups of a chunk's weight gradient.
    pub(super) fn weight_tiles(&self, s: &ConvShape) -> usize {
        s.groups * s.per_group()[1].div_ceil(self.rows) * s.columns().div_ceil(self.cols)
    }
}

/// Loop iterations of an invocation for so many terms: two a turn, and one for each tile.
fn turns(terms: usize) -> usize {
    terms / 2 + terms / 8 + 16
}
