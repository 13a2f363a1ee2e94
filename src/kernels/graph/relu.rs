//! The relu and the dropout behind a graph layer, done in what the layer's product stores, and their gradient in the
//! product that comes to it.

mod twin;

use super::spmm::{TEAM, team_turns};
use super::{Csr, Form, Spmm, choose, longest, quads, rows_of, spmm_as, whole_rows};
use crate::engine::{Buf, Dispatch, Kernel, Params, Recording, Requires, Tangent, Tangents, Target};
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
    twin: twin::spmm_relu,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(spmm_relu_tangent),
    variant_of: None,
};

/// The same with a team of invocations to a row.
pub static SPMM_RELU_TEAM: Kernel = Kernel {
    name: "graph.spmm_relu_team",
    source: include_str!("../../../shaders/graph/spmm_relu_team.wgsl"),
    variant_of: Some(&SPMM_RELU),
    ..SPMM_RELU
};

/// `dx = (dy W) / (1 − rate)` where something was kept.
pub static PROJECT_BACK: Kernel = Kernel {
    name: "graph.project_back",
    source: include_str!("../../../shaders/graph/project_back.wgsl"),
    params: Back::FIELDS,
    twin: twin::project_back,
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

/// The rounds of a random word are turns as well.
const ROUNDS: usize = 44;

/// The form of [`spmm_relu`], where the product is of one that can do the relu as well.
pub fn takes_relu(target: Target, a: &Csr, cols: usize) -> Option<Form> {
    Some(choose(target, a.rows(), a.entries(), a.heavy, cols)).filter(|form| holds_relu(*form, cols))
}

fn holds_relu(form: Form, cols: usize) -> bool {
    match form {
        Form::Quads(_) => form.fits(cols),
        Form::Team => cols > 0 && cols.is_multiple_of(4),
        Form::Plain | Form::Narrow | Form::Balanced => false,
    }
}

/// Whether [`project_back`] is of use for a map of so many inputs and outputs.
pub fn takes_project_back(inputs: usize, outputs: usize) -> bool {
    inputs > 0 && inputs.is_multiple_of(4) && outputs <= FEW_OUTPUTS
}

/// Records `y[r,:] = max(Σ_k val[k] x[idx[k],:] (+ bias), 0)` over the entries k of row r of `a`, and the dropout
/// behind it: [`super::spmm`] in this form, and [`map::relu_dropout`] or a relu, in one pass and with the same bits;
/// see [`takes_relu`]. `x` [sources, cols], `bias` \[cols\], `y` [a.rows(), cols].
#[expect(clippy::too_many_arguments, reason = "the operands of the product")]
pub fn spmm_relu(
    rec: &mut Recording,
    form: Form,
    a: &Csr,
    val: Buf<f32>,
    x: Buf<f32>,
    bias: Option<Buf<f32>>,
    y: Buf<f32>,
    cols: usize,
    drop: Option<Drop>,
) {
    let rate = drop.map_or(0.0, |d| d.rate);
    let checks = a.fits(rec.arguments("graph.spmm_relu"), "val", val).shape("y", y, &[a.rows(), cols]);
    let checks = whole_rows(checks.optional("bias", bias, &[cols]), "x", x, cols);
    let checks = match drop {
        Some(drop) => checks.at_least("step", drop.step, &[4]),
        None => checks,
    };
    let checks = checks.holds((0.0..1.0).contains(&rate), || format!("rate {rate} is not in [0, 1)"));
    if checks.holds(holds_relu(form, cols), || format!("{cols} columns do not fit the form {form:?}")).wrong() {
        return;
    }
    let (rows, layer) = (a.rows() as u32, drop.map_or(0, |d| d.stream));
    let (pass, turns, threads) = match form {
        Form::Quads(each) => {
            let pass = rec.dispatch(&SPMM_RELU).set("QUADS", each);
            (pass, a.longest(), a.rows() * (cols / (4 * usize::from(each))))
        }
        _ => (rec.dispatch(&SPMM_RELU_TEAM).set("TEAM", TEAM), team_turns(a), a.rows() * quads(cols) * TEAM as usize),
    };
    let n = (a.entries() * cols) as u64;
    pass.set("DROP", u8::from(drop.is_some()))
        .set("PERM", u8::from(a.perm.is_some()))
        .set("BIAS", u8::from(bias.is_some()))
        .params(Activated { rows, cols: cols as u32, rate, scale: kept_scale(rate), layer })
        .read(a.ptr)
        .read(a.idx)
        .read(a.places())
        .read(val)
        .read(x)
        .read(bias.unwrap_or(x))
        .read(drop.map_or(a.ptr, |d| d.step))
        .write(y)
        .turns(turns + ROUNDS)
        .work(2 * n + 50 * y.len as u64, 4 * n + 8 * a.entries() as u64 + 4 * y.len as u64)
        .threads(threads);
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
    let rows = rows_of(kept.len, inputs);
    let checks = whole_rows(rec.arguments("graph.project_back"), "kept", kept, inputs).shape("dx", dx, &[kept.len]);
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
    let (cols, y) = (p.cols as usize, d.bound::<f32>(7));
    let (ptr, idx) = (d.bound(0), d.bound::<u32>(1));
    let perm = (d.constant("PERM")? == 1.0).then(|| d.bound(2));
    let team = std::ptr::eq(d.kernel, &SPMM_RELU_TEAM);
    let form = if team { Form::Team } else { Form::Quads(d.constant("QUADS")? as u8) };
    let even = longest(p.rows as usize, idx.len, false) + ROUNDS;
    let a = Csr { ptr, idx, perm, heavy: team || d.turns as usize > even };
    let bias = t.read(d, 5).filter(|_| d.constant("BIAS").is_ok_and(|bias| bias == 1.0));
    let (val, x) = (d.bound(3), d.bound(4));
    let (rx, rval, ry) = (t.read_or_zero(d, 4), t.read(d, 3), t.write(d, 7)?);
    let sum = t.rec().temp("derivative of a product", y.len);
    let how = Spmm { own: 0.0, bias: bias.is_some() };
    spmm_as(t.rec(), form, &a, val, rx, bias.unwrap_or(rx), sum, cols, how);
    if let Some(rval) = rval {
        let term = t.rec().temp("term", y.len);
        spmm_as(t.rec(), form, &a, rval, x, x, term, cols, Spmm::default());
        t.add(term, sum);
    }
    map::relu_dropout_bwd(t.rec(), y, sum, ry, p.rate);
    Ok(())
}
