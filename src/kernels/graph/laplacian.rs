//! The scaled Laplacian of a graph, from its symmetric norms.

use super::Csr;
use super::norms::{Edges, search_turns};
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, TwinCall};

/// Values on the diagonal.
pub static DIAGONAL: Kernel = Kernel {
    name: "graph.diagonal",
    source: include_str!("../../../shaders/graph/diagonal.wgsl"),
    params: Edges::FIELDS,
    twin: diagonal,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// The Laplacian from norms and their diagonal.
pub static LAPLACIAN: Kernel = Kernel {
    name: "graph.laplacian",
    source: include_str!("../../../shaders/graph/laplacian.wgsl"),
    params: Edges::FIELDS,
    twin: laplacian_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Smaller degrees than this are rounding of 0.
const LEAST: f64 = 1e-3;

/// Records `lap[e] = −w / √(d_i d_j)` off the diagonal and 0 on it, in the order of `a` (targets by row, square,
/// without perm): L̂ = 2 L / λ_max − I with L = I − D^{−1/2} A D^{−1/2} and λ_max = 2, self-loops left out (Defferrard
/// et al., NeurIPS 2016, eq. 4; PyG's `ChebConv` with `normalization="sym"`, of a graph whose edges go both ways).
/// `sym` \[entries\] is what [`super::degree_norms`] makes of `weight` \[entries\]: the degrees d are read from it, so
/// that a part of a graph, whose outermost nodes have no in-edges here, has those of the whole. Every row with entries
/// has one self-loop.
pub fn laplacian(rec: &mut Recording, a: &Csr, weight: Buf<f32>, sym: Buf<f32>, lap: Buf<f32>) {
    let (rows, entries) = (a.rows(), a.entries());
    let checks = a.by_target(rec.arguments("graph.laplacian"), "weight", weight);
    if checks.shape("sym", sym, &[entries]).shape("lap", lap, &[entries]).wrong() {
        return;
    }
    let edges = Edges { rows: rows as u32, entries: entries as u32 };
    let turns = search_turns(rows);
    let diag = rec.temp::<f32>("c_i²", rows);
    rec.clear(diag);
    let pass = rec.dispatch(&DIAGONAL).params(edges).read(a.ptr).read(a.idx).read(sym).update(diag);
    pass.turns(turns).work(0, 12 * entries as u64).threads(entries);
    rec.dispatch(&LAPLACIAN)
        .params(edges)
        .read(a.ptr)
        .read(a.idx)
        .read(weight)
        .read(sym)
        .read(diag)
        .write(lap)
        .turns(turns)
        .work(9 * entries as u64, 20 * entries as u64)
        .threads(entries);
}

/// Bindings ptr idx val diag; see `diagonal.wgsl`.
fn diagonal(call: &mut TwinCall) {
    let p: Edges = call.params();
    let [ptr, idx, val, diag] = call.bufs();
    let (ptr, idx, val, diag) = (ptr.u(), idx.u(), val.f(), diag.f_mut());
    for r in 0..p.rows as usize {
        for k in ptr[r] as usize..ptr[r + 1] as usize {
            if idx[k] as usize == r {
                diag[r] = val[k];
            }
        }
    }
}

/// Bindings ptr idx weight sym diag lap; see `laplacian.wgsl`.
fn laplacian_twin(call: &mut TwinCall) {
    let p: Edges = call.params();
    let [ptr, idx, weight, sym, diag, lap] = call.bufs();
    let (ptr, idx, weight, sym, diag) = (ptr.u(), idx.u(), weight.f(), sym.f(), diag.f());
    let lap = lap.f_mut();
    lap.fill(0.0);
    for r in 0..p.rows as usize {
        for k in ptr[r] as usize..ptr[r + 1] as usize {
            let w = weight[k];
            if idx[k] as usize == r || w == 0.0 {
                continue;
            }
            let other = (sym[k] / w).powi(2) / diag[r];
            let (d_own, d_other) = (1.0 / diag[r] - 1.0, 1.0 / other - 1.0);
            if d_own > LEAST && d_other > LEAST {
                lap[k] = -w / (d_own * d_other).sqrt();
            }
        }
    }
}
