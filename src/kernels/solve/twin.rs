//! CPU twins of the `solve` family.

use super::{Columns, Damp, Triangular};
use crate::engine::TwinCall;

/// Bindings a y; see `damp.wgsl`.
pub fn damp(call: &mut TwinCall) {
    let Damp { n, shift } = call.params();
    let [a, y] = call.bufs();
    y.f_mut().copy_from_slice(a.f());
    for i in 0..n as usize {
        y.f_mut()[i * n as usize + i] += f64::from(shift);
    }
}

fn sizes(p: Columns) -> [usize; 3] {
    [p.n, p.first, p.last].map(|v| v as usize)
}

/// Bindings a; see `cholesky_update.wgsl`.
pub fn cholesky_update(call: &mut TwinCall) {
    let [n, first, last] = sizes(call.params());
    let [a] = call.bufs();
    let a = a.f_mut();
    for i in first..n {
        for j in first..last.min(i + 1) {
            let sum: f64 = (0..first).map(|m| a[i * n + m] * a[j * n + m]).sum();
            a[i * n + j] -= sum;
        }
    }
}

/// Bindings a status; see `cholesky_diagonal.wgsl`.
pub fn cholesky_diagonal(call: &mut TwinCall) {
    let [n, first, last] = sizes(call.params());
    let [a, status] = call.bufs();
    let (a, status) = (a.f_mut(), status.u_mut());
    for k in first..last {
        let sum = |a: &[f64], i: usize| (first..k).map(|m| a[i * n + m] * a[k * n + m]).sum::<f64>();
        let pivot = a[k * n + k] - sum(a, k);
        if pivot.is_nan() || pivot <= 0.0 {
            status[0] = if status[0] == 0 { k as u32 + 1 } else { status[0] };
            a[k * n + k] = 1.0;
        } else {
            a[k * n + k] = pivot.sqrt();
        }
        for i in k + 1..last {
            a[i * n + k] = (a[i * n + k] - sum(a, i)) / a[k * n + k];
        }
    }
}

/// Bindings a; see `cholesky_panel.wgsl`.
pub fn cholesky_panel(call: &mut TwinCall) {
    let [n, first, last] = sizes(call.params());
    let [a] = call.bufs();
    let a = a.f_mut();
    for i in last..n {
        for j in first..last {
            let sum: f64 = (first..j).map(|m| a[i * n + m] * a[j * n + m]).sum();
            a[i * n + j] = (a[i * n + j] - sum) / a[j * n + j];
        }
    }
}

/// Element (i, m) of L, or of Lᵀ.
fn element(l: &[f64], n: usize, i: usize, m: usize, transposed: bool) -> f64 {
    if transposed { l[m * n + i] } else { l[i * n + m] }
}

/// Bindings l b; see `triangular_update.wgsl`.
pub fn triangular_update(call: &mut TwinCall) {
    let p: Triangular = call.params();
    let transposed = call.set("TRANSPOSED") == 1;
    let [n, sides, row, col, first, last] = [p.n, p.sides, p.b_row, p.b_col, p.first, p.last].map(|v| v as usize);
    let [l, b] = call.bufs();
    let (l, b) = (l.f(), b.f_mut());
    for r in 0..sides {
        for i in first..last {
            let done = if transposed { last..n } else { 0..first };
            let sum: f64 = done.map(|m| element(l, n, i, m, transposed) * b[m * row + r * col]).sum();
            b[i * row + r * col] -= sum;
        }
    }
}

/// Bindings l b; see `triangular_diagonal.wgsl`.
pub fn triangular_diagonal(call: &mut TwinCall) {
    let p: Triangular = call.params();
    let transposed = call.set("TRANSPOSED") == 1;
    let [n, sides, row, col, first, last] = [p.n, p.sides, p.b_row, p.b_col, p.first, p.last].map(|v| v as usize);
    let [l, b] = call.bufs();
    let (l, b) = (l.f(), b.f_mut());
    for r in 0..sides {
        for step in first..last {
            let i = if transposed { first + last - 1 - step } else { step };
            let done = if transposed { i + 1..last } else { first..i };
            let sum: f64 = done.map(|m| element(l, n, i, m, transposed) * b[m * row + r * col]).sum();
            b[i * row + r * col] = (b[i * row + r * col] - sum) / l[i * n + i];
        }
    }
}
