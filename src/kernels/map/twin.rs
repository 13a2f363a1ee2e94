//! CPU twins of the `map` family.

mod curves;

pub use curves::{unary, unary_bwd, unary_bwd_tangent};

use super::{Axpby, Bias, Binary, Fill, GatherRows};
use crate::engine::TwinCall;

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
