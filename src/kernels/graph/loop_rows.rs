//! Rows of numbers on the edges of a graph, filled in on its self-loops.

use super::Csr;
use super::norms::search_turns;
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, TwinCall};
use crate::params;

params! {
    /// Rows, entries, padding included, and numbers of an entry.
    pub struct Loops { rows: u32, entries: u32, cols: u32 }
}

/// Rows on edges with those of self-loops.
pub static LOOP_ROWS: Kernel = Kernel {
    name: "graph.loop_rows",
    source: include_str!("../../../shaders/graph/loop_rows.wgsl"),
    params: Loops::FIELDS,
    twin: loop_rows_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[3]]),
    variant_of: None,
};

/// Records `y` [entries, cols]: the rows of `x` [entries, cols], on a self-loop the mean of those of the other entries
/// of its row whose `weight` \[entries\] is not 0, and 0 where there are none or not `mean` (`fill_value` of PyTorch
/// Geometric's `GATConv`). In the order of `a` (targets by row, square, without perm); padding gets 0.
pub fn loop_rows(rec: &mut Recording, a: &Csr, weight: Buf<f32>, x: Buf<f32>, y: Buf<f32>, cols: usize, mean: bool) {
    let (rows, entries) = (a.rows(), a.entries());
    let checks = a.by_target(rec.arguments("graph.loop_rows"), "weight", weight);
    if checks.shape("x", x, &[entries, cols]).shape("y", y, &[entries, cols]).wrong() {
        return;
    }
    rec.dispatch(&LOOP_ROWS)
        .set("MEAN", u8::from(mean))
        .params(Loops { rows: rows as u32, entries: entries as u32, cols: cols as u32 })
        .read(a.ptr)
        .read(a.idx)
        .read(weight)
        .read(x)
        .write(y)
        .turns(search_turns(rows) + a.longest())
        .work(2 * y.len as u64, 8 * y.len as u64 + 8 * entries as u64)
        .threads(y.len);
}

/// Bindings ptr idx weight x y; see `loop_rows.wgsl`.
fn loop_rows_twin(call: &mut TwinCall) {
    let p: Loops = call.params();
    let mean = call.set("MEAN") == 1;
    let [ptr, idx, weight, x, y] = call.bufs();
    let (ptr, idx, weight, x, y) = (ptr.u(), idx.u(), weight.f(), x.f(), y.f_mut());
    let cols = p.cols as usize;
    y.fill(0.0);
    for r in 0..p.rows as usize {
        let row = ptr[r] as usize..ptr[r + 1] as usize;
        let others: Vec<usize> = row.clone().filter(|k| idx[*k] as usize != r && weight[*k] != 0.0).collect();
        for k in row {
            for c in 0..cols {
                y[k * cols + c] = match idx[k] as usize == r {
                    false => x[k * cols + c],
                    true if mean => others.iter().map(|k| x[k * cols + c]).sum::<f64>() / others.len().max(1) as f64,
                    true => 0.0,
                };
            }
        }
    }
}
