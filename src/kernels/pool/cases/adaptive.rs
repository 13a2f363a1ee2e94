//! Cases of adaptive pooling.

use super::super::{AdaptiveShape, adaptive_avg, adaptive_avg_bwd};
use crate::engine::Target;
use crate::engine::case::{Case, Gen};

/// Planes, sides before and sides behind.
const SHAPES: [(usize, [usize; 2], [usize; 2]); 9] = [
    (1, [1, 1], [1, 1]),
    // Bins of equal size, and one bin.
    (6, [8, 12], [4, 3]),
    (35, [7, 5], [1, 1]),
    // Bins that overlap, one way and both.
    (3, [7, 13], [4, 13]),
    (5, [11, 9], [7, 4]),
    // More bins than pixels.
    (2, [1, 1], [7, 7]),
    (4, [3, 5], [7, 11]),
    (2, [3, 17], [5, 2]),
    (0, [4, 4], [3, 3]),
];

/// Both kernels at every shape, over a folded grid, and over the longest bins that one thread takes.
pub fn cases() -> Vec<Case> {
    let mut all: Vec<Case> = SHAPES.into_iter().flat_map(both).collect();
    all.extend(both((16_397, [2, 3], [3, 2])).map(Case::folded));
    all.extend(both((1, [2, 12_000], [1, 1])));
    all.extend(both((64 * 64, [14, 14], [7, 5])).map(Case::timed));
    all
}

/// Both kernels at one random shape.
pub fn random(g: &mut Gen) -> [Case; 2] {
    let mut side = || g.size(1, 19);
    let (from, to) = ([side(), side()], [side(), side()]);
    both((g.size(1, 9), from, to))
}

fn both((planes, from, to): (usize, [usize; 2], [usize; 2])) -> [Case; 2] {
    let s = AdaptiveShape::new(planes, from, to).expect("a valid case");
    let mut g = Gen::new((planes * 31 + from[0] * 7 + from[1] * 5 + to[0] * 3 + to[1]) as u64);
    let new = |what: &str| Case::new(format!("{what} {planes} of {from:?} to {to:?}"), Target::default());
    let [before, behind] = [from, to].map(|side| planes * side[0] * side[1]);
    let mut forward = new("pool.adaptive_avg");
    let (x, y) = (forward.input("x", g.values(before)), forward.output("y", behind));
    adaptive_avg(&mut forward.rec, &s, x, y);
    let mut back = new("pool.adaptive_avg_bwd");
    let (dy, dx) = (back.input("dy", g.values(behind)), back.output("dx", before));
    adaptive_avg_bwd(&mut back.rec, &s, dy, dx);
    [forward, back]
}
