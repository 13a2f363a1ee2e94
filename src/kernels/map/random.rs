//! The kernels of the `map` family that draw random numbers, and their twins.

use super::{quads, tangent};
use crate::base::philox;
use crate::engine::{Arguments, Buf, Kernel, Params, Recording, Requires, Tangent, TwinCall};
use crate::params;

params! {
    /// Share of elements dropped, the factor 1 / (1 − rate) of the others, and the layer's own stream.
    pub struct Dropout { rate: f32, scale: f32, layer: u32 }
}

params! {
    /// Share of elements dropped, and the factor 1 / (1 − rate) of the others.
    pub struct Kept { rate: f32, scale: f32 }
}

params! {
    /// The stream.
    pub struct Words { layer: u32 }
}

params! {
    /// Standard deviation and stream.
    pub struct Normal { sigma: f32, layer: u32 }
}

/// `y = x mask / (1 - rate)`.
pub static DROPOUT: Kernel = Kernel {
    name: "map.dropout",
    source: include_str!("../../../shaders/map/dropout.wgsl"),
    params: Dropout::FIELDS,
    twin: dropout_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[0]]),
    variant_of: None,
};

/// `y = max(x, 0) mask / (1 - rate)`.
pub static RELU_DROPOUT: Kernel = Kernel {
    name: "map.relu_dropout",
    source: include_str!("../../../shaders/map/relu_dropout.wgsl"),
    params: Dropout::FIELDS,
    twin: relu_dropout_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::relu_dropout),
    variant_of: None,
};

/// `dx = dy / (1 - rate)` where `y` is not 0.
pub static RELU_DROPOUT_BWD: Kernel = Kernel {
    name: "map.relu_dropout_bwd",
    source: include_str!("../../../shaders/map/relu_dropout_bwd.wgsl"),
    params: Kept::FIELDS,
    twin: relu_dropout_bwd_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[1]]),
    variant_of: None,
};

/// Raw Philox words.
pub static PHILOX: Kernel = Kernel {
    name: "map.philox",
    source: include_str!("../../../shaders/map/philox.wgsl"),
    params: Words::FIELDS,
    twin: words_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Constant,
    variant_of: None,
};

/// Normal numbers.
pub static NORMAL: Kernel = Kernel {
    name: "map.normal",
    source: include_str!("../../../shaders/map/normal.wgsl"),
    params: Normal::FIELDS,
    twin: normal_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Constant,
    variant_of: None,
};

/// Multiplications and additions of one Philox block.
const PHILOX_OPS: u64 = 200;

/// Records `y = x mask / (1 - rate)` (Srivastava et al., "Dropout", JMLR 2014, in the inverted form). The mask is a
/// pure function of (seed, step, layer, position): the same call on dy is the backward pass.
/// `step` holds [seed_lo, seed_hi, step, …], at least 4 words; `rate` is in [0, 1).
pub fn dropout(rec: &mut Recording, x: Buf<f32>, y: Buf<f32>, rate: f32, layer: u32, step: Buf<u32>) {
    masked(rec, &DROPOUT, x, y, rate, layer, step);
}

/// Records `y = max(x, 0) mask / (1 - rate)`: relu and then [`dropout`] of the same stream, bit for bit, in one pass.
pub fn relu_dropout(rec: &mut Recording, x: Buf<f32>, y: Buf<f32>, rate: f32, layer: u32, step: Buf<u32>) {
    masked(rec, &RELU_DROPOUT, x, y, rate, layer, step);
}

/// Records `dx = dy / (1 - rate)` where `y`, the result of [`relu_dropout`], is above 0, else 0. What was kept of a
/// positive x is positive, because the factor is at least 1: neither x nor the mask is needed. `y` and `dy` may be one
/// buffer, `dx` must be another.
pub fn relu_dropout_bwd(rec: &mut Recording, y: Buf<f32>, dy: Buf<f32>, dx: Buf<f32>, rate: f32) {
    let n = dx.len;
    let checks = dropped(rec.arguments("map.relu_dropout_bwd"), rate).shape("y", y, &[n]);
    if checks.shape("dy", dy, &[n]).wrong() {
        return;
    }
    let pass =
        rec.dispatch(&RELU_DROPOUT_BWD).params(Kept { rate, scale: kept_scale(rate) }).read(y).read(dy).write(dx);
    pass.work(n as u64, 12 * n as u64).threads(quads(n));
}

/// The factor of what a dropout of this rate keeps.
pub(in crate::kernels) fn kept_scale(rate: f32) -> f32 {
    (1.0 / (1.0 - f64::from(rate))) as f32
}

fn dropped(checks: Arguments, rate: f32) -> Arguments {
    checks.holds((0.0..1.0).contains(&rate), || format!("rate {rate} is not in [0, 1)"))
}

/// A step buffer holds [seed_lo, seed_hi, step, …].
fn stepped<'r>(checks: Arguments<'r>, step: Buf<u32>) -> Arguments<'r> {
    checks.at_least("step", step, &[4])
}

fn masked(
    rec: &mut Recording,
    kernel: &'static Kernel,
    x: Buf<f32>,
    y: Buf<f32>,
    rate: f32,
    layer: u32,
    step: Buf<u32>,
) {
    let checks = stepped(dropped(rec.arguments(kernel.name), rate), step);
    if checks.shape("x", x, &[y.len]).wrong() {
        return;
    }
    rec.dispatch(kernel)
        .params(Dropout { rate, scale: kept_scale(rate), layer })
        .read(x)
        .read(step)
        .write(y)
        .work(quads(y.len) as u64 * PHILOX_OPS, 8 * y.len as u64)
        .threads(quads(y.len));
}

/// Records `y = ` the raw words of stream `layer` at `step` (see [`dropout`]).
pub fn words(rec: &mut Recording, y: Buf<u32>, layer: u32, step: Buf<u32>) {
    if stepped(rec.arguments("map.words"), step).wrong() {
        return;
    }
    rec.dispatch(&PHILOX)
        .params(Words { layer })
        .read(step)
        .write(y)
        .work(quads(y.len) as u64 * PHILOX_OPS, 4 * y.len as u64)
        .threads(quads(y.len));
}

/// Records `y = sigma z`, z standard normal from stream `layer` at `step` (see [`dropout`]).
pub fn normal(rec: &mut Recording, y: Buf<f32>, sigma: f32, layer: u32, step: Buf<u32>) {
    if stepped(rec.arguments("map.normal"), step).wrong() {
        return;
    }
    rec.dispatch(&NORMAL)
        .params(Normal { sigma, layer })
        .read(step)
        .write(y)
        .work(quads(y.len) as u64 * (PHILOX_OPS + 100), 4 * y.len as u64)
        .threads(quads(y.len));
}

/// The four words of block `quad`.
fn block(step: &[u32], layer: u32, quad: usize) -> [u32; 4] {
    philox::philox([quad as u32, layer, step[2], 0], [step[0], step[1]])
}

/// Bindings x step y; see `dropout.wgsl`.
fn dropout_twin(call: &mut TwinCall) {
    let p: Dropout = call.params();
    let [x, step, y] = call.bufs();
    let (x, step, y) = (x.f(), step.u(), y.f_mut());
    for (i, out) in y.iter_mut().enumerate() {
        let kept = philox::unit(block(step, p.layer, i / 4)[i % 4]) >= p.rate;
        *out = if kept { x[i] / (1.0 - f64::from(p.rate)) } else { 0.0 };
    }
}

/// Bindings x step y; see `relu_dropout.wgsl`.
fn relu_dropout_twin(call: &mut TwinCall) {
    let p: Dropout = call.params();
    let [x, step, y] = call.bufs();
    let (x, step, y) = (x.f(), step.u(), y.f_mut());
    for (i, out) in y.iter_mut().enumerate() {
        let kept = philox::unit(block(step, p.layer, i / 4)[i % 4]) >= p.rate;
        *out = if kept && x[i] > 0.0 { x[i] / (1.0 - f64::from(p.rate)) } else { 0.0 };
    }
}

/// Bindings y dy dx; see `relu_dropout_bwd.wgsl`.
fn relu_dropout_bwd_twin(call: &mut TwinCall) {
    let p: Kept = call.params();
    let [y, dy, dx] = call.bufs();
    let (y, dy) = (y.f(), dy.f());
    for (i, out) in dx.f_mut().iter_mut().enumerate() {
        *out = if y[i] > 0.0 { dy[i] / (1.0 - f64::from(p.rate)) } else { 0.0 };
    }
}

/// Bindings step y; see `philox.wgsl`.
fn words_twin(call: &mut TwinCall) {
    let p: Words = call.params();
    let [step, y] = call.bufs();
    let (step, y) = (step.u(), y.u_mut());
    for (i, out) in y.iter_mut().enumerate() {
        *out = block(step, p.layer, i / 4)[i % 4];
    }
}

/// Bindings step y; see `normal.wgsl`.
fn normal_twin(call: &mut TwinCall) {
    let p: Normal = call.params();
    let [step, y] = call.bufs();
    let (step, y) = (step.u(), y.f_mut());
    for (i, out) in y.iter_mut().enumerate() {
        *out = f64::from(p.sigma) * philox::normal(block(step, p.layer, i / 4))[i % 4];
    }
}
