//! Sparse feature matrices times dense weights, and their gradients by sample.

use super::norms::search_turns;
use super::record_norms::features_norms_twin;
use super::{Csr, Form, Spmm, choose, quads, rows_of, spmm, tangent, whole_rows};
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, TwinCall};
use crate::kernels::{Reduction, ReductionMode, map};
use crate::params;

params! {
    /// x [rows, cols].
    pub struct Transpose { rows: u32, cols: u32, alpha: f32, beta: f32 }
}

params! {
    /// dw [cols, inputs], `stride` elements from sample to sample.
    pub struct Columns { inputs: u32, cols: u32, stride: u32, alpha: f32, beta: f32 }
}

params! {
    /// y [rows, cols] and the number of entries.
    pub struct Dense { rows: u32, cols: u32, entries: u32 }
}

params! {
    /// x [n, cols], y [rows, cols].
    pub struct Scatter { n: u32, rows: u32, cols: u32 }
}

/// `y = alpha xᵀ + beta y`.
pub static TRANSPOSE: Kernel = Kernel {
    name: "graph.transpose",
    source: include_str!("../../../shaders/graph/transpose.wgsl"),
    params: Transpose::FIELDS,
    twin: transpose_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0]]),
    variant_of: None,
};

/// Weight gradients by sample from the columns of sparse features.
pub static BWD_W: Kernel = Kernel {
    name: "graph.features_bwd_w",
    source: include_str!("../../../shaders/graph/features_bwd_w.wgsl"),
    params: Columns::FIELDS,
    twin: bwd_w_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::features_bwd_w),
    variant_of: None,
};

/// Entries to their places in a dense matrix.
pub static DENSIFY: Kernel = Kernel {
    name: "graph.densify",
    source: include_str!("../../../shaders/graph/densify.wgsl"),
    params: Dense::FIELDS,
    twin: densify_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[3]]),
    variant_of: None,
};

/// Rows to their places in a larger matrix.
pub static SCATTER_ROWS: Kernel = Kernel {
    name: "graph.scatter_rows",
    source: include_str!("../../../shaders/graph/scatter_rows.wgsl"),
    params: Scatter::FIELDS,
    twin: scatter_rows_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0]]),
    variant_of: None,
};

/// Records `y = X Wᵀ (+ b)` for sparse features X: `x` holds its rows, `w` [outputs, inputs], `b` \[outputs\] (bound
/// even when unused; `w` will do), `y` [x.rows(), outputs]. Wᵀ is laid out first, so that each entry reads a row of it.
#[expect(clippy::too_many_arguments, reason = "the operands of the product")]
pub fn features(
    rec: &mut Recording,
    x: &Csr,
    val: Buf<f32>,
    w: Buf<f32>,
    b: Buf<f32>,
    y: Buf<f32>,
    inputs: usize,
    outputs: usize,
    bias: bool,
) {
    let checks = x.fits(rec.arguments("graph.features"), "val", val).shape("w", w, &[outputs, inputs]);
    let checks = checks.optional("b", bias.then_some(b), &[outputs]);
    if checks.shape("y", y, &[x.rows(), outputs]).wrong() {
        return;
    }
    let wt = rec.temp("weight, inputs first", w.len);
    transpose(rec, w, wt, outputs, (1.0, 0.0));
    spmm(rec, x, val, wt, if bias { b } else { wt }, y, outputs, Spmm { own: 0.0, bias });
}

/// Records `y [cols, rows] = alpha xᵀ + beta y` for `x` [rows, cols].
fn transpose(rec: &mut Recording, x: Buf<f32>, y: Buf<f32>, rows: usize, (alpha, beta): (f32, f32)) {
    let cols = x.len.checked_div(rows).unwrap_or(0);
    debug_assert_eq!((x.len, y.len), (rows * cols, rows * cols), "the record functions check it");
    let pass = rec.dispatch(&TRANSPOSE).params(Transpose { rows: rows as u32, cols: cols as u32, alpha, beta }).read(x);
    let pass = if beta == 0.0 { pass.write(y) } else { pass.update(y) };
    pass.work(2 * x.len as u64, 8 * x.len as u64).threads(x.len);
}

/// Records the gradient of [`features`] to W [outputs, inputs] into `dw`. `xt` holds the columns of X with the places
/// of their entries among the rows (`perm`), entries of a column in row order; `dy` [rows, outputs]. `seg_of` \[rows\]
/// is the sample of each row, rising, `u32::MAX` for none; `Sum` does not need it and counts every row. `PerSample`
/// writes only elements that have entries: the caller clears `dw`, and gives it (samples − 1) stride + outputs · inputs
/// elements.
#[expect(clippy::too_many_arguments, reason = "the operands of the product")]
pub fn features_bwd_w(
    rec: &mut Recording,
    xt: &Csr,
    val: Buf<f32>,
    seg_of: Option<Buf<u32>>,
    dy: Buf<f32>,
    dw: Buf<f32>,
    inputs: usize,
    outputs: usize,
    how: Reduction,
) {
    columns_gradient(rec, "graph.features_bwd_w", false, (xt, val, seg_of), dy, dw, [inputs, outputs], how);
}

/// [`features_bwd_w`] of a table W [inputs, outputs], a row of which is what a column of X is worth: the gradient of
/// [`spmm`] over X's rows to its dense factor, by sample.
#[expect(clippy::too_many_arguments, reason = "the operands of the product")]
pub fn features_bwd_table(
    rec: &mut Recording,
    xt: &Csr,
    val: Buf<f32>,
    seg_of: Option<Buf<u32>>,
    dy: Buf<f32>,
    dw: Buf<f32>,
    inputs: usize,
    outputs: usize,
    how: Reduction,
) {
    columns_gradient(rec, "graph.features_bwd_table", true, (xt, val, seg_of), dy, dw, [inputs, outputs], how);
}

/// Both of them; `table`: W is [inputs, outputs].
#[expect(clippy::too_many_arguments, reason = "the operands of the product")]
fn columns_gradient(
    rec: &mut Recording,
    function: &'static str,
    table: bool,
    (xt, val, seg_of): (&Csr, Buf<f32>, Option<Buf<u32>>),
    dy: Buf<f32>,
    dw: Buf<f32>,
    [inputs, outputs]: [usize; 2],
    how: Reduction,
) {
    let (sum, per_sample) = (how.mode == ReductionMode::Sum, how.mode == ReductionMode::PerSample);
    let rows = rows_of(dy.len, outputs);
    let checks = rec.arguments(function).shape("xt.ptr", xt.ptr, &[inputs.saturating_add(1)]);
    let checks = whole_rows(xt.fits(checks, "val", val), "dy", dy, outputs);
    let checks = checks.holds(sum || seg_of.is_some(), || format!("{:?} needs `seg_of`, rows to samples", how.mode));
    let checks = checks.optional("seg_of", seg_of.filter(|_| !sum), &[rows]);
    let size = outputs.saturating_mul(inputs);
    let checks = match per_sample {
        // How many samples there are is known to `seg_of` alone.
        true => checks.holds(how.stride >= size, || format!("gradients of {size} start {} apart", how.stride)),
        false if table => checks.shape("dw", dw, &[inputs, outputs]),
        false => checks.shape("dw", dw, &[outputs, inputs]),
    };
    if checks.wrong() {
        return;
    }
    if sum && choose(rec.target(), inputs, xt.entries(), xt.heavy, outputs) == Form::Balanced {
        let dwt = rec.temp("weight gradient, inputs first", dw.len);
        spmm(rec, xt, val, dy, dy, dwt, outputs, Spmm::default());
        if table {
            return map::axpby(rec, how.alpha, dwt, how.beta, dw);
        }
        return transpose(rec, dwt, dw, inputs, (how.alpha, how.beta));
    }
    // Bound, not read, by a sum.
    let seg = seg_of.filter(|_| !sum).unwrap_or(xt.idx);
    let (cols, stride) = (outputs as u32, how.stride as u32);
    // One thread for 16 outputs reads an entry once for them all, where threads are few anyway.
    let quads_each = if sum && rec.target().software && quads(outputs) >= 4 { 4 } else { 1 };
    let pass = rec
        .dispatch(&BWD_W)
        .set("VEC", u8::from(outputs.is_multiple_of(4)))
        .set("PERM", u8::from(xt.perm.is_some()))
        .set("PER_SAMPLE", u8::from(per_sample))
        .set("SUM", u8::from(sum))
        .set("TABLE", u8::from(table))
        .set("QUADS", quads_each as u8)
        .params(Columns { inputs: inputs as u32, cols, stride, alpha: how.alpha, beta: how.beta })
        .read(xt.ptr)
        .read(xt.idx)
        .read(xt.places())
        .read(val)
        .read(seg)
        .read(dy);
    let pass = if per_sample || how.beta != 0.0 { pass.update(dw) } else { pass.write(dw) };
    let n = (xt.entries() * outputs) as u64;
    // A column has one entry a row at most.
    let turns = xt.longest().min(rows) + 4;
    pass.turns(turns)
        .work(3 * n, 4 * n + 12 * xt.entries() as u64)
        .threads(inputs * quads(outputs).div_ceil(quads_each));
}

/// Records `y[r,idx[k]] = val[k]` over zeros: the dense form of `x`. `y` [x.rows(), cols]; columns of a row are
/// distinct.
pub fn densify(rec: &mut Recording, x: &Csr, val: Buf<f32>, y: Buf<f32>, cols: usize) {
    let checks = x.fits(rec.arguments("graph.densify"), "val", val);
    if checks.shape("y", y, &[x.rows(), cols]).wrong() {
        return;
    }
    rec.clear(y);
    rec.dispatch(&DENSIFY)
        .set("PERM", u8::from(x.perm.is_some()))
        .params(Dense { rows: x.rows() as u32, cols: cols as u32, entries: x.entries() as u32 })
        .read(x.ptr)
        .read(x.idx)
        .read(x.places())
        .read(val)
        .update(y)
        .turns(search_turns(x.rows()))
        .work(0, 12 * x.entries() as u64 + 4 * y.len as u64)
        .threads(x.entries());
}

/// Records `y[idx[r],:] = x[r,:]`. `x` [idx.len, cols], `y` [rows, cols]; indices are distinct, those past the end of y
/// are skipped, and rows of y that none names keep their content.
pub fn scatter_rows(rec: &mut Recording, x: Buf<f32>, idx: Buf<u32>, y: Buf<f32>, cols: usize) {
    let rows = rows_of(y.len, cols);
    let checks = rec.arguments("graph.scatter_rows").shape("x", x, &[idx.len, cols]);
    if whole_rows(checks, "y", y, cols).wrong() {
        return;
    }
    rec.dispatch(&SCATTER_ROWS)
        .params(Scatter { n: idx.len as u32, rows: rows as u32, cols: cols as u32 })
        .read(x)
        .read(idx)
        .update(y)
        .work(0, 8 * x.len as u64)
        .threads(x.len);
}

/// Bindings x y; see `transpose.wgsl`.
fn transpose_twin(call: &mut TwinCall) {
    let p: Transpose = call.params();
    let [x, y] = call.bufs();
    let (x, y) = (x.f(), y.f_mut());
    let (rows, cols) = (p.rows as usize, p.cols as usize);
    for r in 0..rows {
        for c in 0..cols {
            let y = &mut y[c * rows + r];
            let kept = if p.beta == 0.0 { 0.0 } else { f64::from(p.beta) * *y };
            *y = f64::from(p.alpha) * x[r * cols + c] + kept;
        }
    }
}

/// Bindings ptr idx perm val seg dy dw; see `features_bwd_w.wgsl`.
fn bwd_w_twin(call: &mut TwinCall) {
    if call.set("NORM") == 1 {
        return features_norms_twin(call);
    }
    let p: Columns = call.params();
    let (permuted, per_sample, sum) = (call.set("PERM") == 1, call.set("PER_SAMPLE") == 1, call.set("SUM") == 1);
    let table = call.set("TABLE") == 1;
    let [ptr, idx, perm, val, seg, dy, dw] = call.bufs();
    let (ptr, idx, perm, val, seg, dy) = (ptr.u(), idx.u(), perm.u(), val.f(), seg.u(), dy.f());
    let (outputs, inputs, stride, dw) = (p.cols as usize, p.inputs as usize, p.stride as usize, dw.f_mut());
    for i in 0..inputs {
        for o in 0..outputs {
            let place = if table { i * outputs + o } else { o * inputs + i };
            let mut of_sample = std::collections::BTreeMap::<u32, f64>::new();
            for k in ptr[i] as usize..ptr[i + 1] as usize {
                let (row, value) = (idx[k] as usize, val[if permuted { perm[k] as usize } else { k }]);
                let sample = if sum { 0 } else { seg[row] };
                if sample != u32::MAX {
                    *of_sample.entry(sample).or_default() += value * dy[row * outputs + o];
                }
            }
            if per_sample {
                of_sample.iter().for_each(|(b, g)| dw[*b as usize * stride + place] = *g);
                continue;
            }
            let dw = &mut dw[place];
            let kept = if p.beta == 0.0 { 0.0 } else { f64::from(p.beta) * *dw };
            let total: f64 = of_sample.values().map(|g| if sum { *g } else { g * g }).sum();
            *dw = f64::from(p.alpha) * total + kept;
        }
    }
}

/// Bindings ptr idx perm val y; see `densify.wgsl`.
fn densify_twin(call: &mut TwinCall) {
    let p: Dense = call.params();
    let permuted = call.set("PERM") == 1;
    let [ptr, idx, perm, val, y] = call.bufs();
    let (ptr, idx, perm, val, y) = (ptr.u(), idx.u(), perm.u(), val.f(), y.f_mut());
    for r in 0..p.rows as usize {
        for k in ptr[r] as usize..ptr[r + 1] as usize {
            y[r * p.cols as usize + idx[k] as usize] = val[if permuted { perm[k] as usize } else { k }];
        }
    }
}

/// Bindings x idx y; see `scatter_rows.wgsl`.
fn scatter_rows_twin(call: &mut TwinCall) {
    let p: Scatter = call.params();
    let [x, idx, y] = call.bufs();
    let (x, y, cols) = (x.f(), y.f_mut(), p.cols as usize);
    for (r, to) in idx.u().iter().enumerate().filter(|(_, to)| **to < p.rows) {
        y[*to as usize * cols..][..cols].copy_from_slice(&x[r * cols..][..cols]);
    }
}
