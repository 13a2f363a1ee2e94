//! CPU twins of the `krylov` family.

use super::{Advance, Combine, Curvature, Dots, Quads};
use crate::engine::TwinCall;

/// The product of `a` and `b` over the quads `t`, `t + parts`, `t + 2 parts` …
fn part_of(a: &[f64], b: &[f64], t: usize, parts: usize) -> f64 {
    let quads = (t..a.len() / 4).step_by(parts);
    quads.flat_map(|q| 4 * q..4 * q + 4).map(|e| a[e] * b[e]).sum()
}

/// Bindings x w part; see `dots.wgsl`.
pub fn dots(call: &mut TwinCall) {
    let p: Dots = call.params();
    let [x, w, part] = call.bufs();
    let (x, w, part) = (x.f(), w.f(), part.f_mut());
    let (n, parts) = (4 * p.quads as usize, p.parts as usize);
    for r in 0..p.rows as usize {
        for t in 0..parts {
            part[r * parts + t] = part_of(&x[r * n..(r + 1) * n], &w[..n], t, parts);
        }
    }
}

/// Bindings x c y; see `combine.wgsl`.
pub fn combine(call: &mut TwinCall) {
    let p: Combine = call.params();
    let [x, c, y] = call.bufs();
    let (x, c, y) = (x.f(), c.f(), y.f_mut());
    let n = 4 * p.quads as usize;
    for (r, c) in c.iter().enumerate().take(p.rows as usize) {
        (0..n).for_each(|i| y[i] += f64::from(p.sign) * c * x[r * n + i]);
    }
}

/// Bindings d q part; see `curvature.wgsl`.
pub fn curvature(call: &mut TwinCall) {
    let p: Curvature = call.params();
    let [d, q, part] = call.bufs();
    let (d, q, part) = (d.f(), q.f_mut(), part.f_mut());
    q.iter_mut().zip(d).for_each(|(q, d)| *q += f64::from(p.shift) * d);
    (0..p.parts as usize).for_each(|t| part[t] = part_of(d, q, t, p.parts as usize));
}

/// Bindings part state alpha; see `length.wgsl`.
pub fn length(call: &mut TwinCall) {
    let _: Quads = call.params();
    let [part, state, alpha] = call.bufs();
    let (part, state, alpha) = (part.f(), state.f_mut(), alpha.f_mut());
    alpha[0] = 0.0;
    if state[2] != 0.0 {
        return;
    }
    let c: f64 = part.iter().sum();
    let step = state[0] / c;
    if c > 0.0 && c <= f64::from(f32::MAX) && step <= f64::from(f32::MAX) {
        alpha[0] = step;
        state[3] += 1.0;
    } else {
        state[2] = 2.0;
    }
}

/// Bindings d q alpha x r part; see `advance.wgsl`.
pub fn advance(call: &mut TwinCall) {
    let p: Advance = call.params();
    let [d, q, alpha, x, r, part] = call.bufs();
    let (d, q, alpha) = (d.f(), q.f(), alpha.f()[0]);
    let (x, r, part) = (x.f_mut(), r.f_mut(), part.f_mut());
    if alpha == 0.0 {
        return part.fill(0.0);
    }
    for i in 0..x.len() {
        x[i] += alpha * d[i];
        r[i] -= alpha * q[i];
    }
    (0..p.parts as usize).for_each(|t| part[t] = part_of(r, r, t, p.parts as usize));
}

/// Bindings part state beta; see `turn.wgsl`.
pub fn turn(call: &mut TwinCall) {
    let _: Quads = call.params();
    let [part, state, beta] = call.bufs();
    let (part, state, beta) = (part.f(), state.f_mut(), beta.f_mut());
    beta[0] = 0.0;
    if state[2] != 0.0 {
        return;
    }
    let rho: f64 = part.iter().sum();
    if rho.is_nan() || rho > f64::from(f32::MAX) {
        state[2] = 2.0;
        return;
    }
    beta[0] = rho / state[0];
    state[0] = rho;
    if rho <= state[1] {
        state[2] = 1.0;
    }
}

/// Bindings r beta d; see `direction.wgsl`.
pub fn direction(call: &mut TwinCall) {
    let _: Quads = call.params();
    let [r, beta, d] = call.bufs();
    let (r, beta, d) = (r.f(), beta.f()[0], d.f_mut());
    if beta != 0.0 {
        d.iter_mut().zip(r).for_each(|(d, r)| *d = r + beta * *d);
    }
}
