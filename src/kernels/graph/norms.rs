//! Degree norms of a graph from its edge weights.

use super::{Csr, Spmm, spmm};
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, TwinCall};
use crate::kernels::map;
use crate::params;

params! {
    /// Rows and entries, padding included.
    pub struct Edges { rows: u32, entries: u32 }
}

/// Weights with those of added self-loops.
pub static LOOPED: Kernel = Kernel {
    name: "graph.looped",
    source: include_str!("../../../shaders/graph/looped.wgsl"),
    params: Edges::FIELDS,
    twin: looped,
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
/// `sym[e] = w_ij c_i c_j` with c_i = 1/√Σ_j w_ij and w = `weight[e]`, but 1 on a diagonal whose weight is 0: a
/// self-loop that was only added (PyG's `gcn_norm` with `edge_weight`; Kipf & Welling, ICLR 2017), and
/// `mean[e] = weight[e] / Σ_j weight_ij`, 0 for a node without edges.
pub fn degree_norms(rec: &mut Recording, a: &Csr, weight: Buf<f32>, sym: Buf<f32>, mean: Buf<f32>) {
    let (rows, entries) = (a.rows(), a.entries());
    let checks = a.by_target(rec.arguments("graph.degree_norms"), "weight", weight);
    if checks.shape("sym", sym, &[entries]).shape("mean", mean, &[entries]).wrong() {
        return;
    }
    let edges = Edges { rows: rows as u32, entries: entries as u32 };
    let looped = rec.temp("weights with self-loops", entries);
    let turns = search_turns(rows);
    let pass = rec.dispatch(&LOOPED).params(edges).read(a.ptr).read(a.idx).read(weight).write(looped);
    pass.turns(turns).work(0, 12 * entries as u64).threads(entries);
    let ones = rec.temp("ones", rows);
    map::fill(rec, ones, 1.0);
    let mut sums = |name, val| {
        let sum = rec.temp(name, rows);
        spmm(rec, a, val, ones, ones, sum, 1, Spmm::default());
        sum
    };
    let (degree, all) = (sums("degrees with self-loops", looped), sums("degrees", weight));
    rec.dispatch(&NORMS)
        .params(edges)
        .read(a.ptr)
        .read(a.idx)
        .read(weight)
        .read(looped)
        .read(degree)
        .read(all)
        .write(sym)
        .write(mean)
        .turns(turns)
        .work(6 * entries as u64, 20 * entries as u64)
        .threads(entries);
}

/// Bindings ptr idx weight looped; see `looped.wgsl`.
fn looped(call: &mut TwinCall) {
    let p: Edges = call.params();
    let [ptr, idx, weight, looped] = call.bufs();
    let (ptr, idx, weight, looped) = (ptr.u(), idx.u(), weight.f(), looped.f_mut());
    looped.fill(0.0);
    for r in 0..p.rows as usize {
        for k in ptr[r] as usize..ptr[r + 1] as usize {
            looped[k] = if idx[k] as usize == r && weight[k] == 0.0 { 1.0 } else { weight[k] };
        }
    }
}

/// Bindings ptr idx weight looped degree all sym mean; see `norms.wgsl`.
fn norms(call: &mut TwinCall) {
    let p: Edges = call.params();
    let [ptr, idx, weight, looped, degree, all, sym, mean] = call.bufs();
    let (ptr, idx, weight, looped) = (ptr.u(), idx.u(), weight.f(), looped.f());
    let (degree, all) = (degree.f(), all.f());
    let (sym, mean) = (sym.f_mut(), mean.f_mut());
    sym.fill(0.0);
    mean.fill(0.0);
    let c = |r: usize| if degree[r] == 0.0 { 1.0 } else { 1.0 / degree[r].sqrt() };
    for r in 0..p.rows as usize {
        for k in ptr[r] as usize..ptr[r + 1] as usize {
            sym[k] = c(r) * c(idx[k] as usize) * looped[k];
            if all[r] != 0.0 {
                mean[k] = weight[k] / all[r];
            }
        }
    }
}
