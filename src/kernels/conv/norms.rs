//! Squared norms of each sample's weight gradient, which is not stored.

use super::shape::{COLUMNS, MAX_TURNS};
use super::tiles::Tile;
use super::{CONV2D_BWD_W_BROADCAST, Conv, ConvShape, Direction, choose, twin};
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, Target};
use crate::kernels::reduce;

/// Products of pairs of positions instead of the gradient.
pub static GHOST_NORM: Kernel = Kernel {
    name: "conv.ghost_norm",
    source: include_str!("../../../shaders/conv/ghost_norm.wgsl"),
    params: Conv::FIELDS,
    twin: twin::norms,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// How a norm is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormForm {
    /// Σ_{t,s} ⟨a_t, a_s⟩ ⟨g_t, g_s⟩ over pairs of positions, a_t the patch at t, g_t the upstream gradient there.
    Ghost,
    /// One sample's gradient in registers, squared there: the weight gradient's work, whatever the positions.
    Squares,
}

/// The form for an adapter and a shape of T positions, p weights an output and d outputs in a group.
///
/// Ghost where 2 T² < p d (Bu, Mao and Xu 2022, "Scalable and efficient training of large convolutional neural networks
/// with differential privacy"). Where weight gradients have a form with subgroup broadcasts, that one loads 5 operands
/// for 32 multiply-adds and a ghost norm 2 for each, so there T (T + 1) (p + d) must be below 5/32 T p d too. Nowhere
/// more pairs than one thread adds up.
pub fn choose_norms(target: Target, s: &ConvShape) -> NormForm {
    let (t, p, d) = (s.positions() as u64, s.columns() as u64, s.per_group()[1] as u64);
    let broadcasts = target.software && target.subgroup >= 8;
    let loads = !broadcasts || 32 * (t + 1) * (p + d) < 5 * p * d;
    let few = s.groups * pairs(s) <= MOST_PAIRS;
    if 2 * t * t < p * d && loads && few { NormForm::Ghost } else { NormForm::Squares }
}

/// Pairs of positions of a sample: a thread adds their terms, and llvmpipe leaves its loop after 65 535.
const MOST_PAIRS: usize = 65_000;

/// Pairs (t, s) with t ≥ s.
fn pairs(s: &ConvShape) -> usize {
    let t = s.positions();
    t * (t + 1) / 2
}

/// Records `out[n] = ‖g_n‖²`, g_n = the gradient of the weight from sample n alone; `out` [s.n].
pub fn conv2d_norms(rec: &mut Recording, s: &ConvShape, x: Buf<f32>, dy: Buf<f32>, out: Buf<f32>) {
    let kernel = match choose_norms(rec.target(), s) {
        NormForm::Ghost => &GHOST_NORM,
        NormForm::Squares => choose(rec.target(), Direction::Squares, s),
    };
    conv2d_norms_as(rec, kernel, s, x, dy, out);
}

/// Threads that share a sample in the plain form, unless their loops become too long.
const LANES: usize = 64;

/// [`conv2d_norms`] with a given variant: `GHOST_NORM` or a form of the weight gradient.
pub fn conv2d_norms_as(
    rec: &mut Recording,
    kernel: &'static Kernel,
    s: &ConvShape,
    x: Buf<f32>,
    dy: Buf<f32>,
    out: Buf<f32>,
) {
    let checks = s.fits(rec.arguments("conv.conv2d_norms")).shape("x", x, &s.x()).shape("dy", dy, &s.y());
    if checks.shape("out", out, &[s.n]).wrong() {
        return;
    }
    let shape = s.plane();
    let each = s.turns_per_sample();
    let ghost = std::ptr::eq(kernel, &GHOST_NORM);
    let broadcast = std::ptr::eq(kernel, &CONV2D_BWD_W_BROADCAST);
    let tile = Tile::of(kernel, s);
    // Parts of a sample's norm.
    let (parts, turns, flops) = if ghost {
        let (p, d, pairs) = (s.columns(), s.co / s.groups, pairs(s));
        (s.groups * pairs, s.turns_per_output(s.ci / s.groups) + d, 2 * (s.n * s.groups * pairs * (p + d)) as u64)
    } else if broadcast {
        (s.tiles() * COLUMNS / 4, each, s.flops(shape))
    } else if let Some(tile) = tile {
        (tile.weight_tiles(s) * tile.wg, 0, s.flops(shape))
    } else {
        let lanes = LANES.max((s.weights() * each).div_ceil(MAX_TURNS)).min(s.weights()).max(1);
        (lanes, s.weights().div_ceil(lanes) * (each + 1), s.flops(shape))
    };
    let part = rec.temp("parts of norms", s.n * parts);
    let params = Conv { per_chunk: 1, chunk_stride: parts as u32, ..s.params(shape) };
    let pass = rec.dispatch(kernel);
    let pass = if ghost { pass } else { pass.set("NORM", 1) };
    let bytes = 4 * (x.len + dy.len + part.len) as u64;
    let pass = pass.params(params).read(x).read(dy).write(part).turns(turns).work(flops, bytes);
    if broadcast {
        pass.groups(s.tiles() * s.n)
    } else if let Some(tile) = tile {
        tile.weight(pass, s, s.positions(), s.n, false)
    } else {
        pass.threads(part.len)
    }
    reduce::rows(rec, part, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::hw;

    #[test]
    fn few_positions_and_many_weights_are_ghosts() {
        let form =
            |software, subgroup, s: &ConvShape| choose_norms(Target { software, subgroup, ..Default::default() }, s);
        let plain = ConvShape::plain;
        // LeNet-5's two layers, by the first bound.
        let first = ConvShape { padding: hw([2, 2]), ..plain(64, 1, 28, 28, 6, hw([5, 5])) };
        let second = plain(64, 6, 14, 14, 16, hw([5, 5]));
        for s in [first, second] {
            assert_eq!(form(false, 32, &s), NormForm::Squares);
            assert_eq!(form(true, 8, &s), NormForm::Squares);
        }
        // T = 16, p = 576, d = 64: 512 < 36 864, but 17 640 32 > 5 36 864.
        let late = ConvShape { padding: hw([1, 1]), ..plain(64, 64, 4, 4, 64, hw([3, 3])) };
        assert_eq!(form(false, 32, &late), NormForm::Ghost);
        assert_eq!(form(true, 0, &late), NormForm::Ghost);
        assert_eq!(form(true, 8, &late), NormForm::Squares);
        // T = 4, p = 1152, d = 128: 5 1280 32 < 5 147 456.
        let last = ConvShape { padding: hw([1, 1]), ..plain(64, 128, 2, 2, 128, hw([3, 3])) };
        assert_eq!(form(true, 8, &last), NormForm::Ghost);
        // T = 529: 2 T² is far below p d, but nobody adds 140 185 pairs.
        let many = ConvShape { padding: hw([1, 1]), ..plain(1, 256, 23, 23, 512, hw([3, 3])) };
        assert_eq!(form(false, 32, &many), NormForm::Squares);
        // At the bound: T = 3, p = 6, d = 3 is no ghost, one more output makes it one.
        let edge = |co| plain(1, 2, 1, 5, co, hw([1, 3]));
        assert_eq!(form(false, 32, &edge(3)), NormForm::Squares);
        assert_eq!(form(false, 32, &edge(4)), NormForm::Ghost);
    }
}
