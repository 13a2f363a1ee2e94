//! Edits of flat parameter vectors, as unlearning methods need them.
//!
//! Parameters, gradients, Fisher diagonals and masks share one layout: tensors in aligned ranges with zeros between
//! them. Every edit takes any range of that layout, one tensor or all of them, and keeps the zeros between tensors of
//! what it edits, with two exceptions that must be recorded tensor by tensor: [`noise`] (an element without a Fisher
//! value would get the largest noise of all) and [`row_mean`]/[`axis_mean`] (they need the tensor's shape). These touch
//! nothing outside their range. [`variance`] gives padding a variance; [`noise_from`] reads it for real elements only.
//! Numbers that change from run to run (a rate, a norm, a mean) are one-element buffers on the GPU.

mod cases;
mod rows;
mod twin;

pub use cases::{asked, cases, random};
pub use rows::*;

use crate::engine::{Buf, Recording};

/// Records selective synaptic dampening (Foster et al., AAAI 2024): where `forget` > alpha · `full`,
/// theta *= min(lambda · full / forget, 1) and `mask` = 1; elsewhere theta stays and `mask` = 0. `full` and `forget`
/// are the Fisher diagonals of all training data and of the records to forget; all of one length; alpha and lambda ≥ 0.
pub fn dampen(
    rec: &mut Recording,
    theta: Buf<f32>,
    full: Buf<f32>,
    forget: Buf<f32>,
    mask: Buf<f32>,
    alpha: f32,
    lambda: f32,
) {
    let len = theta.len;
    let checks = rec.arguments("edit.dampen").shape("full", full, &[len]).shape("forget", forget, &[len]);
    let factors = || format!("alpha and lambda are at least 0, got {alpha} and {lambda}");
    if checks.shape("mask", mask, &[len]).holds(alpha >= 0.0 && lambda >= 0.0, factors).wrong() {
        return;
    }
    let pass = rec.dispatch(&DAMPEN).params(Dampen { len: len as u32, alpha, lambda });
    pass.read(full).read(forget).update(theta).write(mask).work(4 * len as u64, 20 * len as u64).threads(vec4s(len));
}

/// The noise of Fisher forgetting: variance alpha · min(1 / (F + eps), clamp).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// Factor on the variance.
    pub alpha: f32,
    /// Largest inverse Fisher value.
    pub clamp: f32,
    /// Added to the Fisher value before it is inverted.
    pub eps: f32,
    /// Which tensor: equal streams get equal noise.
    pub stream: u32,
}

/// Records Fisher forgetting (Golatkar et al., CVPR 2020) of one tensor:
/// theta += sqrt(alpha · min(1 / (fisher + eps), clamp)) · N(0, 1). `seed` is [seed_lo, seed_hi, step, 0]; the numbers
/// come from Philox with counter (element / 4, stream, step, 0), elements counted from the start of `theta`.
pub fn noise(rec: &mut Recording, theta: Buf<f32>, fisher: Buf<f32>, options: Noise, seed: Buf<u32>) {
    let Noise { alpha, clamp, eps, stream } = options;
    if rec.arguments("edit.noise").shape("fisher", fisher, &[theta.len]).shape("seed", seed, &[4]).wrong() {
        return;
    }
    add_noise(rec, theta, fisher, seed, Noised { len: theta.len as u32, alpha, clamp_at: clamp, eps, stream }, false);
}

/// Records theta += sqrt(variance) · N(0, 1) over one tensor; numbers as in [`noise`]. `variance` must be ≥ 0.
pub fn noise_from(rec: &mut Recording, theta: Buf<f32>, variance: Buf<f32>, seed: Buf<u32>, stream: u32) {
    let checks = rec.arguments("edit.noise_from").shape("variance", variance, &[theta.len]);
    if checks.shape("seed", seed, &[4]).wrong() {
        return;
    }
    let params = Noised { len: theta.len as u32, alpha: 0.0, clamp_at: 0.0, eps: 0.0, stream };
    add_noise(rec, theta, variance, seed, params, true);
}

fn add_noise(
    rec: &mut Recording,
    theta: Buf<f32>,
    source: Buf<f32>,
    seed: Buf<u32>,
    params: Noised,
    is_variance: bool,
) {
    rec.dispatch(&NOISE)
        .set("VARIANCE", u8::from(is_variance))
        .params(params)
        .read(source)
        .read(seed)
        .update(theta)
        // Ten rounds of Philox and two Box-Muller pairs for four elements.
        .work(60 * theta.len as u64, 12 * theta.len as u64)
        .threads(vec4s(theta.len));
}

/// Records variance = alpha · min(1 / (fisher + eps), clamp), for changes before [`noise_from`].
pub fn variance(rec: &mut Recording, fisher: Buf<f32>, variance: Buf<f32>, alpha: f32, clamp: f32, eps: f32) {
    if rec.arguments("edit.variance").shape("variance", variance, &[fisher.len]).wrong() {
        return;
    }
    let len = fisher.len;
    let pass = rec.dispatch(&VARIANCE).params(Variance { len: len as u32, alpha, clamp_at: clamp, eps });
    pass.read(fisher).write(variance).work(4 * len as u64, 8 * len as u64).threads(vec4s(len));
}

/// Records x [rows, cols] with each row replaced by its mean, in place: for a linear weight the mean over dim 1.
pub fn row_mean(rec: &mut Recording, x: Buf<f32>, rows: usize, cols: usize) {
    axis_mean(rec, x, rows, cols, 1);
}

/// Records x [outer, axis, inner] with each element replaced by the mean over its axis, in place: for a convolution
/// weight OIHW the mean over dim 1 is outer = O, axis = I, inner = H W.
pub fn axis_mean(rec: &mut Recording, x: Buf<f32>, outer: usize, axis: usize, inner: usize) {
    let checks = rec.arguments("edit.axis_mean").shape("x", x, &[outer, axis, inner]);
    if checks.holds(axis < 130_000, || format!("one thread cannot add {axis} elements for a mean")).wrong() {
        return;
    }
    rec.dispatch(&AXIS_MEAN)
        .params(AxisMean { outer: outer as u32, axis: axis as u32, inner: inner as u32 })
        .update(x)
        .work(x.len as u64, 8 * x.len as u64)
        .threads(outer * inner);
}

/// Records d = grad / (fisher + delta · mean_fisher), 0 where the divisor is 0. `mean_fisher` is one element; all else
/// of one length.
pub fn precondition(
    rec: &mut Recording,
    grad: Buf<f32>,
    fisher: Buf<f32>,
    mean_fisher: Buf<f32>,
    delta: f32,
    d: Buf<f32>,
) {
    let len = grad.len;
    let checks = rec.arguments("edit.precondition").shape("fisher", fisher, &[len]).shape("d", d, &[len]);
    if checks.shape("mean_fisher", mean_fisher, &[1]).wrong() {
        return;
    }
    let pass = rec.dispatch(&PRECONDITION).params(Precondition { len: len as u32, delta });
    let pass = pass.read(grad).read(fisher).read(mean_fisher).write(d);
    pass.work(3 * len as u64, 12 * len as u64).threads(vec4s(len));
}

/// Records d *= sqrt(num2 / den2), or d = 0 where `den2` is 0; with num2 = Σ grad² and den2 = Σ d² the direction takes
/// the gradient's norm. `num2` and `den2` are one element each.
pub fn rescale(rec: &mut Recording, d: Buf<f32>, num2: Buf<f32>, den2: Buf<f32>) {
    if rec.arguments("edit.rescale").shape("num2", num2, &[1]).shape("den2", den2, &[1]).wrong() {
        return;
    }
    let pass = rec.dispatch(&RESCALE).params(Rescale { len: d.len as u32 });
    pass.read(num2).read(den2).update(d).work(d.len as u64, 8 * d.len as u64).threads(vec4s(d.len));
}

/// Records g *= min(1, max_norm / sqrt(norm2)); `norm2` is one element, Σ g².
pub fn clip(rec: &mut Recording, g: Buf<f32>, norm2: Buf<f32>, max_norm: f32) {
    if rec.arguments("edit.clip").shape("norm2", norm2, &[1]).wrong() {
        return;
    }
    let pass = rec.dispatch(&CLIP).params(Clip { len: g.len as u32, max_norm });
    pass.read(norm2).update(g).work(g.len as u64, 8 * g.len as u64).threads(vec4s(g.len));
}

/// Records grad += lambda · (fisher / mean_fisher) · (theta − theta0), the gradient of the elastic penalty
/// (Kirkpatrick et al. 2017) with a normalised Fisher diagonal; nothing where `mean_fisher` (one element) is 0.
pub fn ewc(
    rec: &mut Recording,
    grad: Buf<f32>,
    fisher: Buf<f32>,
    mean_fisher: Buf<f32>,
    theta: Buf<f32>,
    theta0: Buf<f32>,
    lambda: f32,
) {
    let len = grad.len;
    let checks = rec.arguments("edit.ewc").shape("fisher", fisher, &[len]).shape("mean_fisher", mean_fisher, &[1]);
    if checks.shape("theta", theta, &[len]).shape("theta0", theta0, &[len]).wrong() {
        return;
    }
    let pass = rec.dispatch(&EWC).params(Ewc { len: len as u32, lambda });
    let pass = pass.read(fisher).read(mean_fisher).read(theta).read(theta0).update(grad);
    pass.work(4 * len as u64, 20 * len as u64).threads(vec4s(len));
}

/// Records x *= m.
pub fn mask(rec: &mut Recording, x: Buf<f32>, m: Buf<f32>) {
    if rec.arguments("edit.mask").shape("m", m, &[x.len]).wrong() {
        return;
    }
    let pass = rec.dispatch(&MASK).params(Masked { len: x.len as u32 });
    pass.read(m).update(x).work(x.len as u64, 12 * x.len as u64).threads(vec4s(x.len));
}

/// Records x = origin where m is 0, bit for bit; x stays elsewhere. With a step before it, an element that the mask
/// leaves out has not moved, whatever decay or momentum the step has.
pub fn restore(rec: &mut Recording, x: Buf<f32>, m: Buf<f32>, origin: Buf<f32>) {
    if rec.arguments("edit.restore").shape("m", m, &[x.len]).shape("origin", origin, &[x.len]).wrong() {
        return;
    }
    let pass = rec.dispatch(&RESTORE).params(Masked { len: x.len as u32 });
    pass.read(m).read(origin).update(x).work(x.len as u64, 16 * x.len as u64).threads(vec4s(x.len));
}

/// Records a += t (b − a).
pub fn lerp(rec: &mut Recording, a: Buf<f32>, b: Buf<f32>, t: f32) {
    if rec.arguments("edit.lerp").shape("b", b, &[a.len]).wrong() {
        return;
    }
    let pass = rec.dispatch(&LERP).params(Lerp { len: a.len as u32, t });
    pass.read(b).update(a).work(3 * a.len as u64, 12 * a.len as u64).threads(vec4s(a.len));
}

/// Records theta += sign · lr · d; `lr` is one element, `sign` +1 to ascend and −1 to descend.
pub fn step(rec: &mut Recording, theta: Buf<f32>, d: Buf<f32>, lr: Buf<f32>, sign: f32) {
    if rec.arguments("edit.step").shape("d", d, &[theta.len]).shape("lr", lr, &[1]).wrong() {
        return;
    }
    let pass = rec.dispatch(&STEP).params(Step { len: theta.len as u32, sign });
    pass.read(d).read(lr).update(theta).work(2 * d.len as u64, 12 * d.len as u64).threads(vec4s(d.len));
}

/// Records g += t · sign(theta), sign(0) = 0: what t ‖theta‖₁ adds to a gradient `g` of theta's length. `t` is one
/// element.
pub fn add_sign(rec: &mut Recording, g: Buf<f32>, theta: Buf<f32>, t: Buf<f32>) {
    if rec.arguments("edit.add_sign").shape("theta", theta, &[g.len]).shape("t", t, &[1]).wrong() {
        return;
    }
    let pass = rec.dispatch(&ADD_SIGN).params(AddSign { len: g.len as u32 });
    pass.read(theta).read(t).update(g).work(2 * g.len as u64, 12 * g.len as u64).threads(vec4s(g.len));
}

/// Records m = 1 where num > gamma · den, else 0.
pub fn threshold(rec: &mut Recording, num: Buf<f32>, den: Buf<f32>, gamma: f32, m: Buf<f32>) {
    if rec.arguments("edit.threshold").shape("num", num, &[m.len]).shape("den", den, &[m.len]).wrong() {
        return;
    }
    let pass = rec.dispatch(&THRESHOLD).params(Threshold { len: m.len as u32, gamma });
    pass.read(num).read(den).write(m).work(2 * m.len as u64, 12 * m.len as u64).threads(vec4s(m.len));
}

/// Threads that cover `len` elements four at a time.
fn vec4s(len: usize) -> usize {
    len.div_ceil(4)
}
