//! Aggregation by maximum.

use super::spmm::{Form, choose};
use super::{Csr, balanced, quads, rows_of, tangent, whole_rows};
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, TwinCall};
use crate::params;

params! {
    /// y or dx [rows, cols].
    pub struct Max { rows: u32, cols: u32 }
}

/// Maximum over a row's entries, and which entry has it.
pub static MAX: Kernel = Kernel {
    name: "graph.max",
    source: include_str!("../../../shaders/graph/max.wgsl"),
    params: Max::FIELDS,
    twin: max_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::max),
    variant_of: None,
};

/// Each target's gradient to the source that won.
pub static MAX_BWD: Kernel = Kernel {
    name: "graph.max_bwd",
    source: include_str!("../../../shaders/graph/max_bwd.wgsl"),
    params: Max::FIELDS,
    twin: max_bwd_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[4]]),
    variant_of: None,
};

/// Records `y[r,c] = max x[idx[k],c]` over the entries k of row r whose value is not 0 (the edges that take part;
/// values do not scale x), and `arg[r,c]` = that entry's place, the lowest of a tie. A row without such entries gives 0
/// and `u32::MAX`. `a` by target, without perm; `x` [sources, cols], `y` and `arg` [a.rows(), cols].
pub fn aggregate_max(
    rec: &mut Recording,
    a: &Csr,
    val: Buf<f32>,
    x: Buf<f32>,
    y: Buf<f32>,
    arg: Buf<u32>,
    cols: usize,
) {
    let form = choose(rec.target(), a.rows(), a.entries(), a.heavy, cols);
    aggregate_max_as(rec, form, a, val, x, y, arg, cols);
}

/// [`aggregate_max`] in a given form; there is no narrow one, so that is the plain one.
#[expect(clippy::too_many_arguments, reason = "the operands of the maximum")]
pub fn aggregate_max_as(
    rec: &mut Recording,
    form: Form,
    a: &Csr,
    val: Buf<f32>,
    x: Buf<f32>,
    y: Buf<f32>,
    arg: Buf<u32>,
    cols: usize,
) {
    let checks = a.by_target(rec.arguments("graph.aggregate_max"), "val", val);
    let checks = whole_rows(checks, "x", x, cols).shape("y", y, &[a.rows(), cols]);
    if checks.shape("arg", arg, &[a.rows(), cols]).wrong() {
        return;
    }
    if form == Form::Balanced {
        return balanced::max(rec, a, val, x, y, arg, cols);
    }
    let n = (a.entries() * cols) as u64;
    rec.dispatch(&MAX)
        .set("VEC", u8::from(cols.is_multiple_of(4)))
        .params(Max { rows: a.rows() as u32, cols: cols as u32 })
        .read(a.ptr)
        .read(a.idx)
        .read(val)
        .read(x)
        .write(y)
        .write(arg)
        .turns(a.longest() + 4)
        .work(n, 4 * n + 8 * (a.entries() + y.len) as u64)
        .threads(a.rows() * quads(cols));
}

/// Records the gradient of [`aggregate_max`] to x. `t` is the transpose, with perm; `arg` and `dy` [targets, cols],
/// `dx` [t.rows(), cols].
pub fn max_bwd(rec: &mut Recording, t: &Csr, arg: Buf<u32>, dy: Buf<f32>, dx: Buf<f32>, cols: usize) {
    let form = choose(rec.target(), t.rows(), t.entries(), t.heavy, cols);
    max_bwd_as(rec, form, t, arg, dy, dx, cols);
}

/// [`max_bwd`] in a given form, as [`aggregate_max_as`].
pub fn max_bwd_as(rec: &mut Recording, form: Form, t: &Csr, arg: Buf<u32>, dy: Buf<f32>, dx: Buf<f32>, cols: usize) {
    let checks = t.rows_fit(rec.arguments("graph.max_bwd"));
    let checks = checks.holds(t.perm.is_some(), || "`t` is a transpose and needs `perm`".to_owned());
    let checks = whole_rows(checks, "dy", dy, cols).shape("arg", arg, &[rows_of(dy.len, cols), cols]);
    if checks.shape("dx", dx, &[t.rows(), cols]).wrong() {
        return;
    }
    if form == Form::Balanced {
        return balanced::max_bwd(rec, t, arg, dy, dx, cols);
    }
    let n = (t.entries() * cols) as u64;
    rec.dispatch(&MAX_BWD)
        .set("VEC", u8::from(cols.is_multiple_of(4)))
        .params(Max { rows: t.rows() as u32, cols: cols as u32 })
        .read(t.ptr)
        .read(t.idx)
        .read(t.places())
        .read(arg)
        .read(dy)
        .write(dx)
        .turns(t.longest() + 4)
        .work(n, 8 * n + 8 * t.entries() as u64)
        .threads(t.rows() * quads(cols));
}

/// Bindings ptr idx val x y arg; see `max.wgsl`.
fn max_twin(call: &mut TwinCall) {
    let p: Max = call.params();
    let [ptr, idx, val, x, y, arg] = call.bufs();
    let (ptr, idx, val, x, cols) = (ptr.u(), idx.u(), val.f(), x.f(), p.cols as usize);
    let (y, arg) = (y.f_mut(), arg.u_mut());
    for at in 0..y.len() {
        let (r, c) = (at / cols, at % cols);
        let value = |k: u32| x[idx[k as usize] as usize * cols + c];
        let taking_part = || (ptr[r]..ptr[r + 1]).filter(|k| val[*k as usize] != 0.0);
        let top = taking_part().map(value).reduce(f64::max);
        y[at] = top.unwrap_or(0.0);
        arg[at] = taking_part().find(|k| Some(value(*k)) == top).unwrap_or(u32::MAX);
    }
}

/// Bindings ptr idx perm arg dy dx; see `max_bwd.wgsl`.
fn max_bwd_twin(call: &mut TwinCall) {
    let p: Max = call.params();
    let [ptr, idx, perm, arg, dy, dx] = call.bufs();
    let (ptr, idx, perm, arg, dy, cols) = (ptr.u(), idx.u(), perm.u(), arg.u(), dy.f(), p.cols as usize);
    for (at, dx) in dx.f_mut().iter_mut().enumerate() {
        let (s, c) = (at / cols, at % cols);
        let entries = ptr[s] as usize..ptr[s + 1] as usize;
        let won = entries.filter(|k| arg[idx[*k] as usize * cols + c] == perm[*k]);
        *dx = won.map(|k| dy[idx[k] as usize * cols + c]).sum();
    }
}
