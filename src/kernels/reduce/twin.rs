//! CPU twins of the `reduce` family.

use super::norms::RowNorms;
use super::{Argmax, Columns, Rows, Total, Weighted};
use crate::engine::TwinCall;

/// Bindings x y; see `rows.wgsl`.
pub fn rows(call: &mut TwinCall) {
    let p: Rows = call.params();
    let [x, y] = call.bufs();
    let (x, y) = (x.f(), y.f_mut());
    let (cols, group, stride) = (p.cols as usize, p.group as usize, p.stride as usize);
    for r in 0..p.rows as usize {
        y[r / group * stride + r % group] = x[r * cols..][..cols].iter().sum();
    }
}

/// Bindings x y; see `columns.wgsl`.
pub fn columns(call: &mut TwinCall) {
    let p: Columns = call.params();
    let square = call.set("SQUARE") == 1;
    let [x, y] = call.bufs();
    let (x, y) = (x.f(), y.f_mut());
    let (rows, cols, block) = (p.rows as usize, p.cols as usize, p.block as usize);
    for (i, y) in y.iter_mut().enumerate() {
        let (j, c) = (i / cols, i % cols);
        let mut sum = 0.0;
        for r in j * block..((j + 1) * block).min(rows) {
            let v = x[r * cols + c];
            sum += if square { v * v } else { v };
        }
        let kept = if p.beta == 0.0 { 0.0 } else { f64::from(p.beta) * *y };
        *y = f64::from(p.alpha) * sum + kept;
    }
}

/// Bindings x y; see `total.wgsl`.
pub fn total(call: &mut TwinCall) {
    let p: Total = call.params();
    let square = call.set("SQUARE") == 1;
    let [x, y] = call.bufs();
    let y = y.f_mut();
    y.fill(0.0);
    for (e, v) in x.f().iter().enumerate() {
        y[e / 4 % p.parts as usize] += f64::from(p.scale) * if square { v * v } else { *v };
    }
}

/// Bindings a b y; see `row_norms.wgsl`.
pub fn row_norms(call: &mut TwinCall) {
    let p: RowNorms = call.params();
    let pair = call.set("PAIR") == 1;
    let [a, b, y] = call.bufs();
    let (a, b) = (a.f(), b.f());
    let norm =
        |x: &[f64], r: usize, cols: u32| x[r * cols as usize..][..cols as usize].iter().map(|v| v * v).sum::<f64>();
    for (r, y) in y.f_mut().iter_mut().enumerate() {
        *y = norm(a, r, p.cols) * if pair { norm(b, r, p.cols_b) } else { 1.0 };
    }
}

/// Bindings x w y; see `weighted.wgsl`.
pub fn weighted(call: &mut TwinCall) {
    let p: Weighted = call.params();
    let [x, w, y] = call.bufs();
    let (x, w, cols) = (x.f(), w.f(), p.cols as usize);
    for (c, y) in y.f_mut().iter_mut().enumerate() {
        let counted = w.iter().enumerate().filter(|(_, w)| **w != 0.0);
        let sum: f64 = counted.map(|(r, w)| w * x[r * cols + c]).sum();
        let kept = if p.beta == 0.0 { 0.0 } else { f64::from(p.beta) * *y };
        *y = f64::from(p.alpha) * sum + kept;
    }
}

/// Bindings x y; see `argmax.wgsl`.
pub fn argmax(call: &mut TwinCall) {
    let p: Argmax = call.params();
    let [x, y] = call.bufs();
    let (x, cols) = (x.f(), p.cols as usize);
    for (r, y) in y.u_mut().iter_mut().enumerate() {
        let row = &x[r * cols..][..cols];
        let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        *y = row.iter().position(|v| *v == top).unwrap_or(0) as u32;
    }
}
