//! CPU twins of the `conv` family: the textbook loops, scattering over outputs.

use super::Conv;
use crate::engine::TwinCall;

/// Calls `f(n, co, ci, tap, output index, input index)` for every product of the convolution.
fn each(p: &Conv, mut f: impl FnMut(usize, usize, usize, usize, usize)) {
    let [n, ci, h, w, co, oh, ow] = [p.n, p.ci, p.h, p.w, p.co, p.oh, p.ow].map(|v| v as usize);
    let [kw, kh] = p.kernel.to_array().map(|v| v as usize);
    let (cig, cog) = (ci / p.groups as usize, co / p.groups as usize);
    for s in 0..n {
        for o in 0..co {
            for i in 0..cig {
                for (ky, kx) in (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx))) {
                    let weight = ((o * cig + i) * kh + ky) * kw + kx;
                    for y in 0..oh {
                        let iy =
                            (y * p.stride.y as usize + ky * p.dilation.y as usize).wrapping_sub(p.padding.y as usize);
                        for x in 0..ow {
                            let ix = (x * p.stride.x as usize + kx * p.dilation.x as usize)
                                .wrapping_sub(p.padding.x as usize);
                            if iy < h && ix < w {
                                let from = ((s * ci + o / cog * cig + i) * h + iy) * w + ix;
                                f(s, o, weight, ((s * co + o) * oh + y) * ow + x, from);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Bindings x w b y.
pub fn conv2d(call: &mut TwinCall) {
    let p: Conv = call.params();
    let has_bias = call.set("BIAS") == 1;
    let [x, w, b, y] = call.bufs();
    let (x, w, b, y) = (x.f(), w.f(), b.f(), y.f_mut());
    let plane = (p.oh * p.ow) as usize;
    for (i, v) in y.iter_mut().enumerate() {
        *v = if has_bias { b[i / plane % p.co as usize] } else { 0.0 };
    }
    each(&p, |_, _, weight, to, from| y[to] += w[weight] * x[from]);
}

/// Bindings w dy dx.
pub fn conv2d_bwd_x(call: &mut TwinCall) {
    let p: Conv = call.params();
    let [w, dy, dx] = call.bufs();
    let (w, dy, dx) = (w.f(), dy.f(), dx.f_mut());
    dx.fill(0.0);
    each(&p, |_, _, weight, to, from| dx[from] += w[weight] * dy[to]);
}

/// Bindings x dy dw; `stride` parts of a sample's squared norm, whose sum is what matters: the part of weight i is i
/// mod stride.
pub fn norms(call: &mut TwinCall) {
    let p: Conv = call.params();
    let [x, dy, dw] = call.bufs();
    let (x, dy, dw) = (x.f(), dy.f(), dw.f_mut());
    let (size, stride) = ((p.co * (p.ci / p.groups) * p.kernel.element_product()) as usize, p.chunk_stride as usize);
    let mut samples = vec![0.0; size * p.n as usize];
    each(&p, |n, _, weight, to, from| samples[n * size + weight] += dy[to] * x[from]);
    dw.fill(0.0);
    for (at, g) in samples.iter().enumerate() {
        dw[at / size * stride + at % size % stride] += g * g;
    }
}

/// Bindings x dy dw.
pub fn conv2d_bwd_w(call: &mut TwinCall) {
    if call.set("NORM") == 1 {
        return norms(call);
    }
    let p: Conv = call.params();
    let square = call.set("SQUARE") == 1;
    let [x, dy, dw] = call.bufs();
    let (x, dy, dw) = (x.f(), dy.f(), dw.f_mut());
    let size = (p.co * (p.ci / p.groups) * p.kernel.element_product()) as usize;
    let mut samples = vec![0.0; size * p.n as usize];
    each(&p, |n, _, weight, to, from| samples[n * size + weight] += dy[to] * x[from]);
    let per_chunk = p.per_chunk as usize;
    for chunk in 0..(p.n as usize).div_ceil(per_chunk.max(1)) {
        let out = &mut dw[chunk * p.chunk_stride as usize..][..size];
        out.fill(0.0);
        for n in chunk * per_chunk..((chunk + 1) * per_chunk).min(p.n as usize) {
            for (o, g) in out.iter_mut().zip(&samples[n * size..]) {
                *o += if square { g * g } else { *g };
            }
        }
    }
}
