//! Functions of one number, their slopes and their bends.

use std::f64::consts::PI;

use super::super::{Curve, Numbers, Unary};
use crate::base::normal_cdf;
use crate::engine::TwinCall;

/// 1 / (1 + e⁻ˣ).
fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The curve of a call.
fn curve(call: &TwinCall) -> Curve {
    let Numbers { a, b } = call.params();
    Curve { op: Unary::ALL[call.set("OP") as usize], a, b }
}

/// √(2/π) (x + 0.044715 x³) and its first two derivatives.
fn inside(x: f64) -> [f64; 3] {
    let (root, cubic) = ((2.0 / PI).sqrt(), 0.044715);
    [root * (x + cubic * x.powi(3)), root * (1.0 + 3.0 * cubic * x * x), root * 6.0 * cubic * x]
}

fn apply(Curve { op, a, b }: Curve, x: f64) -> f64 {
    let (a, b) = (f64::from(a), f64::from(b));
    match op {
        Unary::Relu => x.max(0.0),
        Unary::Gelu => x * normal_cdf(x),
        Unary::GeluTanh => x * sigmoid(2.0 * inside(x)[0]),
        Unary::Tanh => x.tanh(),
        Unary::Sigmoid => sigmoid(x),
        Unary::Square => x * x,
        Unary::Copy => x,
        Unary::Silu => x * sigmoid(x),
        Unary::LeakyRelu if x > 0.0 => x,
        Unary::LeakyRelu => a * x,
        Unary::Softplus if a * x > b => x,
        Unary::Softplus => ((a * x).max(0.0) + (-(a * x).abs()).exp().ln_1p()) / a,
        Unary::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Unary::Relu6 => x.clamp(0.0, 6.0),
        Unary::HardSigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Unary::Hardtanh => x.max(-a).min(a),
        Unary::Elu => {
            if x > 0.0 {
                x
            } else {
                x.exp_m1()
            }
        }
    }
}

/// dop/dx at x with y = op(x).
fn slope(Curve { op, a, b }: Curve, x: f64, y: f64) -> f64 {
    let (a, b) = (f64::from(a), f64::from(b));
    match op {
        Unary::Relu => f64::from(u8::from(x > 0.0)),
        Unary::Gelu => normal_cdf(x) + x * (-0.5 * x * x).exp() / (2.0 * PI).sqrt(),
        Unary::GeluTanh => {
            let [u, rise, _] = inside(x);
            sigmoid(2.0 * u) * (1.0 + 2.0 * x * sigmoid(-2.0 * u) * rise)
        }
        Unary::Tanh => 1.0 - y * y,
        Unary::Sigmoid => y * (1.0 - y),
        Unary::Square => 2.0 * x,
        Unary::Copy => 1.0,
        Unary::Elu => x.min(0.0).exp(),
        Unary::Silu => sigmoid(x) * (1.0 + x * sigmoid(-x)),
        Unary::LeakyRelu if x > 0.0 => 1.0,
        Unary::LeakyRelu => a,
        Unary::Softplus if a * x > b => 1.0,
        Unary::Softplus => sigmoid(a * x),
        Unary::HardSwish if x >= 3.0 => 1.0,
        Unary::HardSwish => x / 3.0 + 0.5,
        Unary::Relu6 | Unary::Hardtanh => 1.0,
        Unary::HardSigmoid => 1.0 / 6.0,
    }
}

/// What this curve stops is stopped whatever it is.
fn stopped(Curve { op, a, .. }: Curve, x: f64) -> bool {
    match op {
        Unary::Hardtanh => x.abs() >= f64::from(a),
        Unary::Relu => x <= 0.0,
        Unary::Relu6 => x <= 0.0 || x >= 6.0,
        Unary::HardSwish => x <= -3.0,
        Unary::HardSigmoid => x <= -3.0 || x >= 3.0,
        _ => false,
    }
}

/// Bindings x y; see `unary.wgsl`.
pub fn unary(call: &mut TwinCall) {
    let curve = curve(call);
    let [x, y] = call.bufs();
    for (y, x) in y.f_mut().iter_mut().zip(x.f()) {
        *y = apply(curve, *x);
    }
}

/// Bindings x y dy dx; see `unary_bwd.wgsl`.
pub fn unary_bwd(call: &mut TwinCall) {
    let curve = curve(call);
    let [x, y, dy, dx] = call.bufs();
    let (x, y, dy) = (x.f(), y.f(), dy.f());
    for (i, dx) in dx.f_mut().iter_mut().enumerate() {
        *dx = if stopped(curve, x[i]) { 0.0 } else { slope(curve, x[i], y[i]) * dy[i] };
    }
}

/// The derivative of [`slope`] in what it is computed from: x, or y for tanh and sigmoid.
fn bend(Curve { op, a, b }: Curve, v: f64) -> f64 {
    let (a, b) = (f64::from(a), f64::from(b));
    match op {
        Unary::Gelu => (2.0 - v * v) * (-0.5 * v * v).exp() / (2.0 * PI).sqrt(),
        Unary::GeluTanh => {
            let [u, rise, bend] = inside(v);
            4.0 * sigmoid(2.0 * u) * sigmoid(-2.0 * u) * (rise + 0.5 * v * (bend - 2.0 * u.tanh() * rise * rise))
        }
        Unary::Tanh => -2.0 * v,
        Unary::Sigmoid => 1.0 - 2.0 * v,
        Unary::Square => 2.0,
        Unary::Elu if v <= 0.0 => v.exp(),
        Unary::Silu => sigmoid(v) * sigmoid(-v) * (2.0 + v * (sigmoid(-v) - sigmoid(v))),
        Unary::Softplus if a * v <= b => a * sigmoid(a * v) * sigmoid(-a * v),
        Unary::HardSwish if v.abs() < 3.0 => 1.0 / 3.0,
        Unary::Elu | Unary::Softplus | Unary::HardSwish => 0.0,
        Unary::Relu | Unary::Copy | Unary::LeakyRelu | Unary::Relu6 | Unary::HardSigmoid | Unary::Hardtanh => 0.0,
    }
}

/// Bindings v r dy out; see `unary_bwd_tangent.wgsl`.
pub fn unary_bwd_tangent(call: &mut TwinCall) {
    let (curve, add) = (curve(call), call.set("ADD") == 1);
    let [v, r, dy, out] = call.bufs();
    let (v, r, dy) = (v.f(), r.f(), dy.f());
    for (i, out) in out.f_mut().iter_mut().enumerate() {
        let term = if curve.op.straight() { 0.0 } else { bend(curve, v[i]) * r[i] * dy[i] };
        *out = if add { *out + term } else { term };
    }
}

#[cfg(test)]
mod tests;
