//! Optimisers over the flat parameter vector: one dispatch per step whatever the model.
//!
//! What changes from step to step comes from `hyper`: [learning rate, 1 − β1^t, 1 − β2^t], t from 1.

mod cases;
#[cfg(test)]
mod tests;
mod twin;

pub use cases::{asked, cases, random};

use super::map::quads;
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent};
use crate::params;

params! {
    /// Fixed coefficients of SGD.
    pub struct SgdParams { momentum: f32, weight_decay: f32 }
}

params! {
    /// Fixed coefficients of Adam. The complements of the betas are taken in f64 on the host.
    pub struct AdamParams {
        beta1: f32, one_minus_beta1: f32, beta2: f32, one_minus_beta2: f32, eps: f32, weight_decay: f32,
    }
}

/// Stochastic gradient descent.
pub static SGD: Kernel = Kernel {
    name: "optim.sgd",
    source: include_str!("../../shaders/optim/sgd.wgsl"),
    params: SgdParams::FIELDS,
    twin: twin::sgd,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Adam and AdamW.
pub static ADAM: Kernel = Kernel {
    name: "optim.adam",
    source: include_str!("../../shaders/optim/adam.wgsl"),
    params: AdamParams::FIELDS,
    twin: twin::adam,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// The family's kernels.
pub static KERNELS: &[&Kernel] = &[&SGD, &ADAM];

/// Settings of [`sgd`], named as in `torch.optim.SGD`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sgd {
    /// Share of the last velocity that is kept, 0 to below 1.
    pub momentum: f64,
    /// Factor of the parameter that is added to its gradient.
    pub weight_decay: f64,
    /// Nesterov's form of momentum, as PyTorch computes it.
    pub nesterov: bool,
}

/// Settings of [`adam`], named as in `torch.optim.Adam`. Held in f64: 1 − β loses five digits in f32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Decay of the gradient's mean.
    pub beta1: f64,
    /// Decay of the squared gradient's mean.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Factor of the parameter that is added to its gradient, or taken off the parameter where that is decoupled.
    pub weight_decay: f64,
    /// AdamW (Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019): decay outside the gradient.
    pub decoupled: bool,
}

impl Default for Adam {
    fn default() -> Self {
        Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, decoupled: false }
    }
}

/// Records one step of `torch.optim.SGD` with dampening 0. `velocity` starts at zero; with `momentum` 0 it is bound but
/// left alone and may be any other f32 buffer. `hyper[0]` is the learning rate.
pub fn sgd(rec: &mut Recording, theta: Buf<f32>, grad: Buf<f32>, velocity: Buf<f32>, hyper: Buf<f32>, options: Sgd) {
    let (n, momentum) = (theta.len, options.momentum != 0.0);
    let checks = rec.arguments("optim.sgd").shape("grad", grad, &[n]).at_least("hyper", hyper, &[1]);
    if checks.optional("velocity", momentum.then_some(velocity), &[n]).wrong() {
        return;
    }
    let params = SgdParams { momentum: options.momentum as f32, weight_decay: options.weight_decay as f32 };
    rec.dispatch(&SGD)
        .set("MOMENTUM", u8::from(momentum))
        .set("NESTEROV", u8::from(options.nesterov))
        .params(params)
        .read(grad)
        .read(hyper)
        .update(theta)
        .update(velocity)
        .work(8 * n as u64, if momentum { 20 } else { 12 } * n as u64)
        .threads(quads(n));
}

/// Records one step of `torch.optim.Adam` (Kingma & Ba, ICLR 2015), or of `AdamW` with `decoupled`. `m` and `v` start
/// at zero; `hyper` is [lr, 1 − β1^t, 1 − β2^t], t = 1 at the first step.
pub fn adam(
    rec: &mut Recording,
    theta: Buf<f32>,
    grad: Buf<f32>,
    m: Buf<f32>,
    v: Buf<f32>,
    hyper: Buf<f32>,
    options: Adam,
) {
    let n = theta.len;
    let checks = rec.arguments("optim.adam").shape("grad", grad, &[n]).shape("m", m, &[n]).shape("v", v, &[n]);
    if checks.at_least("hyper", hyper, &[3]).wrong() {
        return;
    }
    let params = AdamParams {
        beta1: options.beta1 as f32,
        one_minus_beta1: (1.0 - options.beta1) as f32,
        beta2: options.beta2 as f32,
        one_minus_beta2: (1.0 - options.beta2) as f32,
        eps: options.eps as f32,
        weight_decay: options.weight_decay as f32,
    };
    rec.dispatch(&ADAM)
        .set("DECOUPLED", u8::from(options.decoupled))
        .params(params)
        .read(grad)
        .read(hyper)
        .update(theta)
        .update(m)
        .update(v)
        .work(16 * n as u64, 28 * n as u64)
        .threads(quads(n));
}
