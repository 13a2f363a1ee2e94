//! CPU twins of the `optim` family.

use super::{AdamParams, SgdParams};
use crate::engine::TwinCall;

/// Bindings grad hyper theta velocity; see `sgd.wgsl`.
pub fn sgd(call: &mut TwinCall) {
    let p: SgdParams = call.params();
    let (has_momentum, nesterov) = (call.set("MOMENTUM") == 1, call.set("NESTEROV") == 1);
    let (momentum, decay) = (f64::from(p.momentum), f64::from(p.weight_decay));
    let [grad, hyper, theta, velocity] = call.bufs();
    let (grad, lr, theta, velocity) = (grad.f(), hyper.f()[0], theta.f_mut(), velocity.f_mut());
    for i in 0..theta.len() {
        let mut g = grad[i] + decay * theta[i];
        if has_momentum {
            velocity[i] = momentum * velocity[i] + g;
            g = if nesterov { g + momentum * velocity[i] } else { velocity[i] };
        }
        theta[i] -= lr * g;
    }
}

/// Bindings grad hyper theta m v; see `adam.wgsl`.
pub fn adam(call: &mut TwinCall) {
    let p: AdamParams = call.params();
    let decoupled = call.set("DECOUPLED") == 1;
    let decay = f64::from(p.weight_decay);
    let [grad, hyper, theta, m, v] = call.bufs();
    let (grad, hyper, theta, m, v) = (grad.f(), hyper.f(), theta.f_mut(), m.f_mut(), v.f_mut());
    let (lr, bc1, bc2) = (hyper[0], hyper[1], hyper[2]);
    for i in 0..theta.len() {
        let mut g = grad[i];
        if decoupled {
            theta[i] -= lr * decay * theta[i];
        } else {
            g += decay * theta[i];
        }
        m[i] = f64::from(p.beta1) * m[i] + f64::from(p.one_minus_beta1) * g;
        v[i] = f64::from(p.beta2) * v[i] + f64::from(p.one_minus_beta2) * g * g;
        theta[i] -= lr * (m[i] / bc1) / ((v[i] / bc2).sqrt() + f64::from(p.eps));
    }
}
