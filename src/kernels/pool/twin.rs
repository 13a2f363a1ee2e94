//! CPU twins of the `pool` family: windows walked as the definition says.

use super::Pool;
use super::tangent::Winners;
use crate::engine::TwinCall;

/// Calls `visit(output, input)` for every pair of an output and a real input of its window, both counted over all
/// planes, outputs and window positions ascending.
fn pairs(call: &TwinCall, mut visit: impl FnMut(usize, usize)) {
    let p: Pool = call.params();
    let (kh, kw) = (call.set("KH") as usize, call.set("KW") as usize);
    let (h, w, oh, ow) = (p.h as usize, p.w as usize, p.oh as usize, p.ow as usize);
    let ([sw, sh], [pw, ph]) = (p.stride.to_array().map(|v| v as usize), p.padding.to_array().map(|v| v as usize));
    for plane in 0..p.planes as usize {
        for (oy, ox) in (0..oh).flat_map(|oy| (0..ow).map(move |ox| (oy, ox))) {
            for (ky, kx) in (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx))) {
                let (y, x) = (oy * sh + ky, ox * sw + kx);
                if (ph..ph + h).contains(&y) && (pw..pw + w).contains(&x) {
                    visit((plane * oh + oy) * ow + ox, (plane * h + y - ph) * w + x - pw);
                }
            }
        }
    }
}

/// Bindings x y arg; see `max.wgsl`.
pub fn max(call: &mut TwinCall) {
    let p: Pool = call.params();
    let size = (p.h * p.w).max(1) as usize;
    let relu = call.set("RELU") == 1;
    let mut all = Vec::new();
    pairs(call, |o, i| all.push((o, i)));
    let [x, y, arg] = call.bufs();
    let (x, y, arg) = (x.f(), y.f_mut(), arg.u_mut());
    let mut seen = vec![false; y.len()];
    for (o, i) in all {
        if !seen[o] || x[i] > y[o] || x[i].is_nan() {
            seen[o] = true;
            y[o] = x[i];
            arg[o] = (i % size) as u32;
        }
    }
    for (y, arg) in y.iter_mut().zip(arg).filter(|(y, _)| relu && **y <= 0.0) {
        (*y, *arg) = (0.0, u32::MAX);
    }
}

/// Bindings dy arg dx; see `max_bwd.wgsl`.
pub fn max_bwd(call: &mut TwinCall) {
    let p: Pool = call.params();
    let (inputs, outputs) = ((p.h * p.w) as usize, (p.oh * p.ow) as usize);
    let [dy, arg, dx] = call.bufs();
    let (dy, arg, dx) = (dy.f(), arg.u(), dx.f_mut());
    dx.fill(0.0);
    for (o, (d, at)) in dy.iter().zip(arg).enumerate().filter(|(_, (_, at))| **at < inputs as u32) {
        dx[o / outputs * inputs + *at as usize] += d;
    }
}

/// Bindings r arg ry; see `max_tangent.wgsl`.
pub fn max_tangent(call: &mut TwinCall) {
    let p: Winners = call.params();
    let [r, arg, ry] = call.bufs();
    let (r, arg) = (r.f(), arg.u());
    for (o, ry) in ry.f_mut().iter_mut().enumerate() {
        let winner = Some(arg[o]).filter(|at| *at < p.inputs);
        *ry = winner.map_or(0.0, |at| r[o / p.outputs as usize * p.inputs as usize + at as usize]);
    }
}

/// Bindings x y; see `avg.wgsl`.
pub fn avg(call: &mut TwinCall) {
    let window = f64::from(call.set("KH") * call.set("KW"));
    let mut all = Vec::new();
    pairs(call, |o, i| all.push((o, i)));
    let [x, y] = call.bufs();
    let (x, y) = (x.f(), y.f_mut());
    y.fill(0.0);
    for (o, i) in all {
        y[o] += x[i] / window;
    }
}

/// Bindings dy dx; see `avg_bwd.wgsl`.
pub fn avg_bwd(call: &mut TwinCall) {
    let window = f64::from(call.set("KH") * call.set("KW"));
    let mut all = Vec::new();
    pairs(call, |o, i| all.push((o, i)));
    let [dy, dx] = call.bufs();
    let (dy, dx) = (dy.f(), dx.f_mut());
    dx.fill(0.0);
    for (o, i) in all {
        dx[i] += dy[o] / window;
    }
}
