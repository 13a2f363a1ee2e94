//! Weighted sums of rows.

use super::{Weighted, columns_of, twin};
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent};

/// One thread per 4 columns.
pub static WEIGHTED: Kernel = Kernel {
    name: "reduce.weighted",
    source: include_str!("../../../shaders/reduce/weighted.wgsl"),
    params: Weighted::FIELDS,
    twin: twin::weighted,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Records `y[c] = alpha Σ_r w[r] x[r,c] + beta y[c]`; the number of rows is `w.len`. A row of weight 0 may hold
/// anything.
pub fn weighted(rec: &mut Recording, x: Buf<f32>, w: Buf<f32>, y: Buf<f32>, alpha: f32, beta: f32) {
    let (rows, cols) = (w.len, columns_of(x.len, w.len));
    let checks = rec.arguments("reduce.weighted").shape("x", x, &[rows, y.len]);
    if checks.wrong() {
        return;
    }
    let params = Weighted { rows: rows as u32, cols: y.len as u32, alpha, beta };
    let pass = rec.dispatch(&WEIGHTED).set("WIDE", u8::from(cols.is_multiple_of(4))).params(params).read(x).read(w);
    let pass = if beta == 0.0 { pass.write(y) } else { pass.update(y) };
    let (flops, bytes) = (2 * x.len as u64, 4 * (x.len + rows + y.len) as u64);
    pass.turns(rows).work(flops, bytes).threads(y.len.div_ceil(4));
}
