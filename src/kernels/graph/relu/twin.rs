//! CPU twins of the products that do a relu along.

use super::{Activated, Back};
use crate::base::philox;
use crate::engine::TwinCall;

/// Bindings ptr idx perm val x bias step y; see `spmm_relu.wgsl`.
pub fn spmm_relu(call: &mut TwinCall) {
    let p: Activated = call.params();
    let [permuted, has_bias, drops] = ["PERM", "BIAS", "DROP"].map(|name| call.set(name) == 1);
    let [ptr, idx, perm, val, x, bias, step, y] = call.bufs();
    let (ptr, idx, perm, val, x, bias, step) = (ptr.u(), idx.u(), perm.u(), val.f(), x.f(), bias.f(), step.u());
    let cols = p.cols as usize;
    for (i, y) in y.f_mut().iter_mut().enumerate() {
        let (r, c) = (i / cols, i % cols);
        let term = |k: usize| val[if permuted { perm[k] as usize } else { k }] * x[idx[k] as usize * cols + c];
        let sum = (ptr[r] as usize..ptr[r + 1] as usize).map(term).sum::<f64>() + if has_bias { bias[c] } else { 0.0 };
        let word = || philox::philox([(i / 4) as u32, p.layer, step[2], 0], [step[0], step[1]])[i % 4];
        let kept = sum > 0.0 && (!drops || philox::unit(word()) >= p.rate);
        *y = if kept { sum / (1.0 - f64::from(p.rate)) } else { 0.0 };
    }
}

/// Bindings dy w kept dx; see `project_back.wgsl`.
pub fn project_back(call: &mut TwinCall) {
    let p: Back = call.params();
    let [dy, w, kept, dx] = call.bufs();
    let (dy, w, kept, cols, outputs) = (dy.f(), w.f(), kept.f(), p.cols as usize, p.outputs as usize);
    for (i, dx) in dx.f_mut().iter_mut().enumerate() {
        let (r, c) = (i / cols, i % cols);
        let sum: f64 = (0..outputs).map(|o| dy[r * outputs + o] * w[o * cols + c]).sum();
        *dx = if kept[i] > 0.0 { f64::from(p.scale) * sum } else { 0.0 };
    }
}
