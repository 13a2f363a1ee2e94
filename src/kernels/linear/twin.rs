//! CPU twins of the `linear` family.

use super::outer::OuterRows;
use super::{Matmul, Slices};
use crate::engine::TwinCall;

/// Bindings a b bias y; see `matmul.wgsl`.
pub fn matmul(call: &mut TwinCall) {
    let p: Matmul = call.params();
    let (square, end) = (call.set("SQUARE") == 1, End::of(call, p.alpha, p.beta));
    let [a, b, bias, y] = call.bufs();
    let (a, b, bias, y) = (a.f(), b.f(), bias.f(), y.f_mut());
    let (m, n, per) = (p.m as usize, p.n as usize, p.per as usize);
    for z in 0..p.batch as usize {
        let terms = if per > 0 { per.min(p.k as usize - z * per) } else { p.k as usize };
        let (a, b) = (&a[z * p.a_z as usize..], &b[z * p.b_z as usize..]);
        for (row, col) in (0..m).flat_map(|row| (0..n).map(move |col| (row, col))) {
            let mut sum = 0.0;
            for k in 0..terms {
                let x = a[row * p.a_m as usize + k * p.a_k as usize];
                let w = b[k * p.b_k as usize + col * p.b_n as usize];
                sum += if square { x * x * w * w } else { x * w };
            }
            let i = z * p.y_z as usize + row * n + col;
            y[i] = end.store(sum, bias, col, y[i], i);
        }
    }
}

/// Bindings part bias y; see `sum_slices.wgsl`.
pub fn sum_slices(call: &mut TwinCall) {
    let p: Slices = call.params();
    let end = End::of(call, p.alpha, p.beta);
    let [part, bias, y] = call.bufs();
    let (part, bias, y) = (part.f(), bias.f(), y.f_mut());
    for (i, y) in y.iter_mut().enumerate() {
        let sum = (0..p.slices as usize).map(|s| part[s * p.len as usize + i]).sum();
        *y = end.store(sum, bias, i % p.n as usize, *y, i);
    }
}

fn is_above(v: f64) -> bool {
    v > 0.0
}

/// What becomes of a sum.
struct End {
    alpha: f64,
    beta: f64,
    bias: bool,
    relu: bool,
    mask: bool,
}

impl End {
    fn of(call: &TwinCall, alpha: f32, beta: f32) -> End {
        let set = |name| call.set(name) == 1;
        let (alpha, beta) = (f64::from(alpha), f64::from(beta));
        End { alpha, beta, bias: set("BIAS"), relu: set("RELU"), mask: set("MASK") }
    }

    /// Element `i` of y, in column `col`, which held `before`.
    fn store(&self, sum: f64, bias: &[f64], col: usize, before: f64, i: usize) -> f64 {
        let mut out = self.alpha * sum;
        if self.bias {
            out += bias[col];
        }
        if self.beta != 0.0 {
            out += self.beta * before;
        }
        if self.relu {
            out = out.max(0.0);
        }
        if self.mask && !is_above(bias[i]) { 0.0 } else { out }
    }
}

/// Bindings dy x y; see `outer.wgsl`.
pub fn outer(call: &mut TwinCall) {
    let p: OuterRows = call.params();
    let [dy, x, y] = call.bufs();
    let (dy, x, y) = (dy.f(), x.f(), y.f_mut());
    let (outputs, inputs) = (p.outputs as usize, p.inputs as usize);
    for n in 0..p.n as usize {
        for (o, d) in dy[n * outputs..][..outputs].iter().enumerate() {
            let row = &mut y[n * p.stride as usize + o * inputs..][..inputs];
            row.iter_mut().zip(&x[n * inputs..]).for_each(|(y, x)| *y = d * x);
        }
    }
}
