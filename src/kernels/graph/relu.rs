//! The relu and the dropout behind a graph layer, done in what the layer's product stores, and their gradient in the
//! product that comes to it.

use super::{Csr, Form, Spmm, choose, rows_of, spmm_as, whole_rows};
use crate::base::philox;
use crate::engine::{Buf, Dispatch, Kernel, Params, Recording, Requires, Tangent, Tangents, Target, TwinCall};
use crate::error::Result;
use crate::kernels::map::{self, kept_scale};
use crate::params;

params! {
    /// y [rows, cols]; share of elements dropped, the factor 1 / (1 − rate) of the others, and the layer's own stream.
    pub struct Activated { rows: u32, cols: u32, rate: f32, scale: f32, layer: u32 }
}

params! {
    /// dx [rows, cols], dy [rows, outputs], and the factor of what was kept.
    pub struct Back { rows: u32, cols: u32, outputs: u32, scale: f32 }
}

/// `y = dropout(relu(A x + bias))`.
pub static SPMM_RELU: Kernel = Kernel {
    name: "graph.spmm_relu",
    source: include_str!("../../../shaders/graph/spmm_relu.wgsl"),
    params: Activated::FIELDS,
    twin: spmm_relu_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(spmm_relu_tangent),
    variant_of: None,
};

/// `dx = (dy W) / (1 − rate)` where something was kept.
pub static PROJECT_BACK: Kernel = Kernel {
    name: "graph.project_back",
    source: include_str!("../../../shaders/graph/project_back.wgsl"),
    params: Back::FIELDS,
    twin: project_back_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0], &[1]]),
    variant_of: None,
};

/// A dropout: the share of elements that it drops, in [0, 1), its stream, and [seed_lo, seed_hi, step, …].
#[derive(Clone, Copy, Debug)]
pub struct Drop {
    /// Share of elements that become 0.
    pub rate: f32,
    /// The layer's own stream of random words.
    pub stream: u32,
    /// At least four words.
    pub step: Buf<u32>,
}

/// Outputs from which on a tiled product and a pass of its own are worth more than [`project_back`].
const FEW_OUTPUTS: usize = 16;

/// vec4s of a row that a thread of [`spmm_relu`] takes, where the product is of a form that can do the relu as well.
pub fn takes_relu(target: Target, a: &Csr, cols: usize) -> Option<u8> {
    match choose(target, a.rows(), a.entries(), a.heavy, cols) {
        Form::Quads(each) => Some(each),
        _ => None,
    }
}

/// Whether [`project_back`] is of use for a map of so many inputs and outputs.
pub fn takes_project_back(inputs: usize, outputs: usize) -> bool {
    inputs > 0 && inputs.is_multiple_of(4) && outputs <= FEW_OUTPUTS
}

/// Records `y[r,:] = max(Σ_k val[k] x[idx[k],:] (+ bias), 0)` over the entries k of row r of `a`, and the dropout
/// behind it: [`super::spmm`], [`map::relu_dropout`] or a relu in one pass, with the same bits. `each` (1 to 4) vec4s
/// of a row to a thread, which the columns must be a multiple of; see [`takes_relu`]. `x` [sources, cols], `bias`
/// \[cols\], `y` [a.rows(), cols].
#[expect(clippy::too_many_arguments, reason = "the operands of the product")]
pub fn spmm_relu(
    rec: &mut Recording,
    each: u8,
    a: &Csr,
    val: Buf<f32>,
    x: Buf<f32>,
    bias: Option<Buf<f32>>,
    y: Buf<f32>,
    drop: Option<Drop>,
) {
    let cols = rows_of(y.len, a.rows());
    let rate = drop.map_or(0.0, |d| d.rate);
    let checks = a.fits(rec.arguments("graph.spmm_relu"), "val", val).shape("y", y, &[a.rows(), cols]);
    let checks = whole_rows(checks.optional("bias", bias, &[cols]), "x", x, cols);
    let checks = match drop {
        Some(drop) => checks.at_least("step", drop.step, &[4]),
        None => checks,
    };
    let checks = checks.holds((0.0..1.0).contains(&rate), || format!("rate {rate} is not in [0, 1)"));
    let whole = (1..=4).contains(&each) && cols.is_multiple_of(4 * usize::from(each));
    if checks.holds(whole, || format!("{cols} columns are not made of {each} vec4s")).wrong() {
        return;
    }
    let (rows, layer) = (a.rows() as u32, drop.map_or(0, |d| d.stream));
    let pass = rec
        .dispatch(&SPMM_RELU)
        .set("QUADS", each)
        .set("DROP", u8::from(drop.is_some()))
        .set("PERM", u8::from(a.perm.is_some()))
        .set("BIAS", u8::from(bias.is_some()))
        .params(Activated { rows, cols: cols as u32, rate, scale: kept_scale(rate), layer });
    let n = (a.entries() * cols) as u64;
    pass.read(a.ptr)
        .read(a.idx)
        .read(a.places())
        .read(val)
        .read(x)
        .read(bias.unwrap_or(x))
        .read(drop.map_or(a.ptr, |d| d.step))
        .write(y)
        // The rounds of a random word are turns as well.
        .turns(a.longest() + 44)
        .work(2 * n + 50 * y.len as u64, 4 * n + 8 * a.entries() as u64 + 4 * y.len as u64)
        .threads(a.rows() * (cols / (4 * usize::from(each))));
}

/// Records `dx = (dy W) / (1 − rate)` where `kept` is above 0, else 0: the gradient to the inputs of a dense map with
/// few outputs, through the relu and the dropout whose result those inputs are; see [`map::relu_dropout_bwd`].
/// `dy` [rows, outputs], `w` [outputs, inputs], `kept` and `dx` [rows, inputs]; `inputs` is a multiple of 4.
pub fn project_back(
    rec: &mut Recording,
    dy: Buf<f32>,
    w: Buf<f32>,
    kept: Buf<f32>,
    dx: Buf<f32>,
    [inputs, outputs]: [usize; 2],
    rate: f32,
) {
    let rows = rows_of(dx.len, inputs);
    let checks = rec.arguments("graph.project_back").shape("dx", dx, &[rows, inputs]).shape("kept", kept, &[dx.len]);
    let checks = checks.shape("w", w, &[outputs, inputs]).shape("dy", dy, &[rows, outputs]);
    let checks = checks.holds((0.0..1.0).contains(&rate), || format!("rate {rate} is not in [0, 1)"));
    if checks.holds(inputs.is_multiple_of(4), || format!("{inputs} inputs are not made of vec4s")).wrong() {
        return;
    }
    let quads = inputs / 4;
    let most: u8 = if rec.target().software { 4 } else { 1 };
    let each = (1..=most).rev().find(|each| quads.is_multiple_of(usize::from(*each))).unwrap_or(1);
    rec.dispatch(&PROJECT_BACK)
        .set("QUADS", each)
        .params(Back { rows: rows as u32, cols: inputs as u32, outputs: outputs as u32, scale: kept_scale(rate) })
        .read(dy)
        .read(w)
        .read(kept)
        .write(dx)
        .turns(outputs)
        .work(2 * (rows * inputs * outputs) as u64, 4 * (dy.len + w.len + 2 * dx.len) as u64)
        .threads(rows * (quads / usize::from(each)));
}

/// Bindings ptr idx perm val x bias step y: the product's derivative where y is above 0.
fn spmm_relu_tangent(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let p: Activated = d.params();
    let (cols, each, y) = (p.cols as usize, d.constant("QUADS")? as u8, d.bound::<f32>(7));
    let perm = (d.constant("PERM")? == 1.0).then(|| d.bound(2));
    let a = Csr { ptr: d.bound(0), idx: d.bound(1), perm, heavy: true };
    let bias = t.read(d, 5).filter(|_| d.constant("BIAS").is_ok_and(|bias| bias == 1.0));
    let (val, x) = (d.bound(3), d.bound(4));
    let (rx, rval, ry) = (t.read_or_zero(d, 4), t.read(d, 3), t.write(d, 7)?);
    let sum = t.rec().temp("derivative of a product", y.len);
    let how = Spmm { own: 0.0, bias: bias.is_some() };
    spmm_as(t.rec(), Form::Quads(each), &a, val, rx, bias.unwrap_or(rx), sum, cols, how);
    if let Some(rval) = rval {
        let term = t.rec().temp("term", y.len);
        spmm_as(t.rec(), Form::Quads(each), &a, rval, x, x, term, cols, Spmm::default());
        t.add(term, sum);
    }
    map::relu_dropout_bwd(t.rec(), y, sum, ry, p.rate);
    Ok(())
}

/// Bindings ptr idx perm val x bias step y; see `spmm_relu.wgsl`.
fn spmm_relu_twin(call: &mut TwinCall) {
    let p: Activated = call.params();
    let [permuted, has_bias, drops] = ["PERM", "BIAS", "DROP"].map(|name| call.set(name) == 1);
    let [ptr, idx, perm, val, x, bias, step, y] = call.bufs();
    let (ptr, idx, perm, val, x, bias, step) = (ptr.u(), idx.u(), perm.u(), val.f(), x.f(), bias.f(), step.u());
    let cols = p.cols as usize;
    for (i, y) in y.f_mut().iter_mut().enumerate() {
        let (r, c) = (i / cols, i % cols);
        let term = |k: usize| val[if permuted { perm[k] as usize } else { k }] * x[idx[k] as usize * cols + c];
        let sum = (ptr[r] as usize..ptr[r + 1] as usize).map(term).sum::<f64>() + if has_bias { bias[c] } else { 0.0 };
        let word = || philox::philox([(i / 4) as u32, p.layer, step[2], 0], [step[0], step[1]])[i % 4];
        let kept = sum > 0.0 && (!drops || philox::unit(word()) >= p.rate);
        *y = if kept { sum / (1.0 - f64::from(p.rate)) } else { 0.0 };
    }
}

/// Bindings dy w kept dx; see `project_back.wgsl`.
fn project_back_twin(call: &mut TwinCall) {
    let p: Back = call.params();
    let [dy, w, kept, dx] = call.bufs();
    let (dy, w, kept, cols, outputs) = (dy.f(), w.f(), kept.f(), p.cols as usize, p.outputs as usize);
    for (i, dx) in dx.f_mut().iter_mut().enumerate() {
        let (r, c) = (i / cols, i % cols);
        let sum: f64 = (0..outputs).map(|o| dy[r * outputs + o] * w[o * cols + c]).sum();
        *dx = if kept[i] > 0.0 { f64::from(p.scale) * sum } else { 0.0 };
    }
}
