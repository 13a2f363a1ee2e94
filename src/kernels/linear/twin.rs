//! CPU twins of the `linear` family.

use super::Matmul;
use super::outer::OuterRows;
use crate::engine::TwinCall;

/// Bindings a b bias y; see `matmul.wgsl`.
pub fn matmul(call: &mut TwinCall) {
    let p: Matmul = call.params();
    let (square, has_bias) = (call.set("SQUARE") == 1, call.set("BIAS") == 1);
    let [a, b, bias, y] = call.bufs();
    let (a, b, bias, y) = (a.f(), b.f(), bias.f(), y.f_mut());
    let (m, n) = (p.m as usize, p.n as usize);
    for row in 0..m {
        for col in 0..n {
            let mut sum = 0.0;
            for k in 0..p.k as usize {
                let x = a[row * p.a_m as usize + k * p.a_k as usize];
                let w = b[k * p.b_k as usize + col * p.b_n as usize];
                sum += if square { x * x * w * w } else { x * w };
            }
            let mut out = f64::from(p.alpha) * sum;
            if has_bias {
                out += bias[col];
            }
            if p.beta != 0.0 {
                out += f64::from(p.beta) * y[row * n + col];
            }
            y[row * n + col] = out;
        }
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
