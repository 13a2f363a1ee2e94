//! Columns side by side: what several layers make of one record joined, and a part of it taken out again.

use crate::engine::{Buf, Recording};
use crate::kernels::map::{self, Block};

/// Records parts [n, width] side by side, in their order: [n, Σ width].
pub(super) fn joined(rec: &mut Recording, n: usize, parts: &[(Buf<f32>, usize)]) -> Buf<f32> {
    let cols = parts.iter().map(|(_, width)| width).sum();
    let (y, mut at) = (rec.temp("y", n * cols), 0);
    for (of, width) in parts {
        map::columns(rec, Block { of: *of, cols: *width, at: 0 }, Block { of: y, cols, at }, n, *width, false);
        at += width;
    }
    y
}

/// Records `width` columns of a matrix by themselves: [n, width].
pub(super) fn taken(rec: &mut Recording, n: usize, from: Block, width: usize) -> Buf<f32> {
    let y = rec.temp("columns", n * width);
    map::columns(rec, from, Block { of: y, cols: width, at: 0 }, n, width, false);
    y
}
