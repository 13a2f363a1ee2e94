//! Degree norms of a graph from its edge weights.

use super::{Csr, Spmm, spmm};
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, TwinCall};
use crate::kernels::map;
use crate::params;

params! {
    /// Rows and entries, padding included.
    pub struct Edges { rows: u32, entries: u32 }
}

/// Weights without those of self-loops.
pub static OFF_DIAGONAL: Kernel = Kernel {
    name: "graph.off_diagonal",
    source: include_str!("../../../shaders/graph/off_diagonal.wgsl"),
    params: Edges::FIELDS,
    twin: off_diagonal,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Norms from the sums of rows.
pub static NORMS: Kernel = Kernel {
    name: "graph.norms",
    source: include_str!("../../../shaders/graph/norms.wgsl"),
    params: Edges::FIELDS,
    twin: norms,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Steps of a search for the row of an entry.
pub(super) fn search_turns(rows: usize) -> usize {
    rows.max(1).ilog2() as usize + 1
}

/// Records the norms of the edges of a graph, in the order of `a` (targets by row, square, without perm):
/// `sym[e] = w c_i c_j` with c_i = 1/√(1 + Σ_{j≠i} weight_ij) and w = 1 on the diagonal, else `weight[e]` (PyG's
/// `gcn_norm`, where every node has one self-loop of weight 1; Kipf & Welling, ICLR 2017), and
/// `mean[e] = weight[e] / Σ_j weight_ij`, 0 for a node without edges.
pub fn degree_norms(rec: &mut Recording, a: &Csr, weight: Buf<f32>, sym: Buf<f32>, mean: Buf<f32>) {
    let (rows, entries) = (a.rows(), a.entries());
    let checks = a.by_target(rec.arguments("graph.degree_norms"), "weight", weight);
    if checks.shape("sym", sym, &[entries]).shape("mean", mean, &[entries]).wrong() {
        return;
    }
    let edges = Edges { rows: rows as u32, entries: entries as u32 };
    let off = rec.temp("weights off the diagonal", entries);
    let turns = search_turns(rows);
    let pass = rec.dispatch(&OFF_DIAGONAL).params(edges).read(a.ptr).read(a.idx).read(weight).write(off);
    pass.turns(turns).work(0, 12 * entries as u64).threads(entries);
    let ones = rec.temp("ones", rows);
    map::fill(rec, ones, 1.0);
    let mut sums = |name, val| {
        let sum = rec.temp(name, rows);
        spmm(rec, a, val, ones, ones, sum, 1, Spmm::default());
        sum
    };
    let (others, all) = (sums("degrees without self-loops", off), sums("degrees", weight));
    rec.dispatch(&NORMS)
        .params(edges)
        .read(a.ptr)
        .read(a.idx)
        .read(weight)
        .read(others)
        .read(all)
        .write(sym)
        .write(mean)
        .turns(turns)
        .work(6 * entries as u64, 16 * entries as u64)
        .threads(entries);
}

/// Bindings ptr idx weight off; see `off_diagonal.wgsl`.
fn off_diagonal(call: &mut TwinCall) {
    let p: Edges = call.params();
    let [ptr, idx, weight, off] = call.bufs();
    let (ptr, idx, weight, off) = (ptr.u(), idx.u(), weight.f(), off.f_mut());
    off.fill(0.0);
    for r in 0..p.rows as usize {
        for k in ptr[r] as usize..ptr[r + 1] as usize {
            off[k] = if idx[k] as usize == r { 0.0 } else { weight[k] };
        }
    }
}

/// Bindings ptr idx weight others all sym mean; see `norms.wgsl`.
fn norms(call: &mut TwinCall) {
    let p: Edges = call.params();
    let [ptr, idx, weight, others, all, sym, mean] = call.bufs();
    let (ptr, idx, weight, others, all) = (ptr.u(), idx.u(), weight.f(), others.f(), all.f());
    let (sym, mean) = (sym.f_mut(), mean.f_mut());
    sym.fill(0.0);
    mean.fill(0.0);
    let c = |r: usize| 1.0 / (1.0 + others[r]).sqrt();
    for r in 0..p.rows as usize {
        for k in ptr[r] as usize..ptr[r + 1] as usize {
            let source = idx[k] as usize;
            let w = if source == r { 1.0 } else { weight[k] };
            sym[k] = c(r) * c(source) * w;
            if all[r] != 0.0 {
                mean[k] = weight[k] / all[r];
            }
        }
    }
}
