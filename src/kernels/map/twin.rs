//! CPU twins of the `map` family.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use super::{Axpby, Bias, Binary, Fill, GatherRows, Unary};
use crate::engine::TwinCall;

/// erf by its series without alternating signs, 2/√π e^(−x²) Σ 2^k x^(2k+1) / (2k+1)!! (Abramowitz & Stegun 7.1.6).
fn erf(x: f64) -> f64 {
    let (mut term, mut sum, mut k) = (x, x, 1.0);
    while term.abs() > 1e-17 * sum.abs() {
        term *= 2.0 * x * x / (2.0 * k + 1.0);
        sum += term;
        k += 1.0;
    }
    2.0 / PI.sqrt() * (-x * x).exp() * sum
}

/// erfc for x > 2 by its continued fraction (Abramowitz & Stegun 7.1.14), from the tail up.
fn erfc_tail(x: f64) -> f64 {
    let fraction = (1..100).rev().fold(x, |below, k| x + f64::from(k) / 2.0 / below);
    (-x * x).exp() / (PI.sqrt() * fraction)
}

/// Standard normal distribution function, with full relative precision in both tails.
fn normal_cdf(x: f64) -> f64 {
    let a = x * FRAC_1_SQRT_2;
    match a {
        a if a < -2.0 => 0.5 * erfc_tail(-a),
        a if a > 2.0 => 1.0 - 0.5 * erfc_tail(a),
        a => 0.5 + 0.5 * erf(a),
    }
}

fn apply(op: u32, x: f64) -> f64 {
    match Unary::ALL[op as usize] {
        Unary::Relu => x.max(0.0),
        Unary::Gelu => x * normal_cdf(x),
        Unary::Tanh => x.tanh(),
        Unary::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Unary::Square => x * x,
        Unary::Copy => x,
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
fn slope(op: u32, x: f64, y: f64) -> f64 {
    match Unary::ALL[op as usize] {
        Unary::Relu => f64::from(u8::from(x > 0.0)),
        Unary::Gelu => normal_cdf(x) + x * (-0.5 * x * x).exp() / (2.0 * PI).sqrt(),
        Unary::Tanh => 1.0 - y * y,
        Unary::Sigmoid => y * (1.0 - y),
        Unary::Square => 2.0 * x,
        Unary::Copy => 1.0,
        Unary::Elu => x.min(0.0).exp(),
    }
}

/// Bindings x y; see `unary.wgsl`.
pub fn unary(call: &mut TwinCall) {
    let op = call.set("OP");
    let [x, y] = call.bufs();
    for (y, x) in y.f_mut().iter_mut().zip(x.f()) {
        *y = apply(op, *x);
    }
}

/// Bindings x y dy dx; see `unary_bwd.wgsl`.
pub fn unary_bwd(call: &mut TwinCall) {
    let op = call.set("OP");
    let [x, y, dy, dx] = call.bufs();
    let (x, y, dy) = (x.f(), y.f(), dy.f());
    for (i, dx) in dx.f_mut().iter_mut().enumerate() {
        // What relu stops is stopped whatever it is.
        let stopped = Unary::ALL[op as usize] == Unary::Relu && x[i] <= 0.0;
        *dx = if stopped { 0.0 } else { slope(op, x[i], y[i]) * dy[i] };
    }
}

/// The derivative of [`slope`] in what it is computed from: x, or y for tanh and sigmoid.
fn bend(op: u32, v: f64) -> f64 {
    match Unary::ALL[op as usize] {
        Unary::Gelu => (2.0 - v * v) * (-0.5 * v * v).exp() / (2.0 * PI).sqrt(),
        Unary::Tanh => -2.0 * v,
        Unary::Sigmoid => 1.0 - 2.0 * v,
        Unary::Square => 2.0,
        Unary::Elu if v <= 0.0 => v.exp(),
        Unary::Relu | Unary::Copy | Unary::Elu => 0.0,
    }
}

/// Bindings v r dy out; see `unary_bwd_tangent.wgsl`.
pub fn unary_bwd_tangent(call: &mut TwinCall) {
    let (op, add) = (call.set("OP"), call.set("ADD") == 1);
    let [v, r, dy, out] = call.bufs();
    let (v, r, dy) = (v.f(), r.f(), dy.f());
    for (i, out) in out.f_mut().iter_mut().enumerate() {
        let straight = matches!(Unary::ALL[op as usize], Unary::Relu | Unary::Copy);
        let term = if straight { 0.0 } else { bend(op, v[i]) * r[i] * dy[i] };
        *out = if add { *out + term } else { term };
    }
}

/// Bindings a b y; see `binary.wgsl`.
pub fn binary(call: &mut TwinCall) {
    let op = Binary::ALL[call.set("OP") as usize];
    let [a, b, y] = call.bufs();
    let (a, b) = (a.f(), b.f());
    for (i, y) in y.f_mut().iter_mut().enumerate() {
        *y = match op {
            Binary::Add => a[i] + b[i],
            Binary::Sub => a[i] - b[i],
            Binary::Mul => a[i] * b[i],
        };
    }
}

/// Bindings x y; see `axpby.wgsl`.
pub fn axpby(call: &mut TwinCall) {
    let p: Axpby = call.params();
    let [x, y] = call.bufs();
    for (y, x) in y.f_mut().iter_mut().zip(x.f()) {
        let kept = if p.beta == 0.0 { 0.0 } else { f64::from(p.beta) * *y };
        *y = f64::from(p.alpha) * x + kept;
    }
}

/// Binding y; see `fill.wgsl`.
pub fn fill(call: &mut TwinCall) {
    let p: Fill = call.params();
    let [y] = call.bufs();
    y.f_mut().fill(f64::from(p.value));
}

/// Bindings b x; see `bias.wgsl`.
pub fn bias(call: &mut TwinCall) {
    let p: Bias = call.params();
    let [b, x] = call.bufs();
    let (b, x) = (b.f(), x.f_mut());
    for n in 0..p.n as usize {
        for (c, shift) in b.iter().enumerate() {
            for q in 0..p.q as usize {
                x[(n * p.c as usize + c) * p.q as usize + q] += shift;
            }
        }
    }
}

/// Bindings src idx y; see `gather_rows.wgsl`.
pub fn gather_rows(call: &mut TwinCall) {
    let p: GatherRows = call.params();
    let [src, idx, y] = call.bufs();
    let width = p.width as usize;
    for (b, index) in idx.u().iter().enumerate() {
        if *index >= p.row0 && *index - p.row0 < p.rows {
            let from = (index - p.row0) as usize * width;
            y.f_mut()[b * width..][..width].copy_from_slice(&src.f()[from..][..width]);
        }
    }
}

/// Bindings src idx y; see `gather_words.wgsl`.
pub fn gather_words(call: &mut TwinCall) {
    let [src, idx, y] = call.bufs();
    for (y, i) in y.u_mut().iter_mut().zip(idx.u()) {
        *y = src.u()[*i as usize];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of Φ to 16 digits from mpmath.
    #[test]
    fn normal_cdf_matches_tables() {
        let table = [
            (0.0, 0.5),
            (0.1, 0.539_827_837_277_029),
            (1.0, 0.841_344_746_068_543),
            (-2.5, 6.209_665_325_776_135e-3),
            (-3.0, 1.349_898_031_630_094_5e-3),
            (3.5, 0.999_767_370_920_964_5),
            (-6.0, 9.865_876_450_376_98e-10),
            (-12.0, 1.776_482_112_077_679e-33),
        ];
        for (x, want) in table {
            assert!((normal_cdf(x) / want - 1.0).abs() < 1e-13, "Phi({x}) = {:e}", normal_cdf(x));
        }
    }

    #[test]
    fn slopes_are_the_derivatives() {
        for op in Unary::ALL {
            for x in [-3.0, -0.7, 0.4, 2.2, 5.0] {
                let h = 1e-5;
                let numeric = (apply(op as u32, x + h) - apply(op as u32, x - h)) / (2.0 * h);
                let exact = slope(op as u32, x, apply(op as u32, x));
                assert!((numeric - exact).abs() < 1e-8, "{op:?} at {x}: {exact} and {numeric}");
            }
        }
    }
}
