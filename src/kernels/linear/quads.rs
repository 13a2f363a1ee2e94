//! The product in whole vec4s, for software adapters.

use super::{MATMUL, Mat, Product};
use crate::engine::{Kernel, Pass, Requires};

/// 16 x 4 per lane, operands read as vec4s and broadcast, no barrier: for software adapters and matrices whose rows are
/// whole vec4s (see [`Layout::of`]). Sums in the order of [`super::MATMUL_BROADCAST`].
pub static MATMUL_QUADS: Kernel = Kernel {
    name: "linear.matmul_quads",
    source: include_str!("../../../shaders/linear/matmul_quads.wgsl"),
    requires: Requires::Subgroup8,
    variant_of: Some(&MATMUL),
    ..MATMUL
};

/// Rows of y that a workgroup covers.
pub(super) const ROWS: usize = 16;

/// Invocations of a workgroup; each covers four columns.
const WG: u32 = 8;

/// Which way the vec4s of the operands lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Along k; along m otherwise.
    a_along_k: bool,
    /// Along n; along k otherwise.
    b_along_n: bool,
}

impl Layout {
    /// How the product of these can be read and written in vec4s, if it can.
    pub(super) fn of(a: &Mat, b: &Mat) -> Option<Layout> {
        let whole = |stride: usize| stride.is_multiple_of(4);
        let rows = |along: usize, length: usize, apart: usize| along == 1 && whole(length) && whole(apart);
        let (m, n, k) = (a.rows, b.cols, a.cols);
        let a_along_k = rows(a.col_stride, k, a.row_stride);
        let b_along_n = rows(b.col_stride, n, b.row_stride);
        let fits = match (a_along_k, b_along_n) {
            (true, true) => true,
            (true, false) => rows(b.row_stride, k, b.col_stride),
            (false, true) => rows(a.row_stride, m, a.col_stride),
            (false, false) => false,
        };
        (fits && whole(n)).then_some(Layout { a_along_k, b_along_n })
    }

    /// Sets what the shader needs to know and its grid, for y [m, n].
    pub(super) fn launch(self, pass: Pass<'_>, (m, n): (usize, usize), options: &Product) {
        let tiles = m.div_ceil(ROWS) * (n / 4).div_ceil(WG as usize);
        pass.set("WG", WG)
            .set("ADD", u8::from(options.beta != 0.0))
            .set("A_ALONG_K", u8::from(self.a_along_k))
            .set("B_ALONG_N", u8::from(self.b_along_n))
            .threads(tiles * WG as usize);
    }
}
