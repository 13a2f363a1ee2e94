//! The patches that a convolution's outputs see, as rows of a matrix.

use std::ops::Range;

use glam::{UVec2, Vec2Swizzles};

use super::ConvShape;
use crate::engine::case::{Case, Gen};
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, Target, TwinCall};
use crate::kernels::hw;
use crate::params;

params! {
    /// Sizes of the convolution, and which samples.
    pub struct Unfold {
        kernel: UVec2, stride: UVec2, padding: UVec2, dilation: UVec2,
        first: u32, n: u32, ci: u32, h: u32, w: u32, oh: u32, ow: u32,
    }
}

/// A row per output position.
pub static UNFOLD: Kernel = Kernel {
    name: "conv.unfold",
    source: include_str!("../../../shaders/conv/unfold.wgsl"),
    params: Unfold::FIELDS,
    twin,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Records the patches of some samples of `x` [n, ci, h, w] into `y` [samples, oh, ow, ci, kh, kw]: row (n, oh, ow)
/// holds the inputs of that output position in the order of the weight's columns, 0 where the kernel hangs over the
/// border, so that the convolution is `y Wᵀ`. With a 1x1 kernel it brings the channels of a picture together. One group
/// alone.
pub fn unfold(rec: &mut Recording, s: &ConvShape, samples: Range<usize>, x: Buf<f32>, y: Buf<f32>) {
    let [oh, ow] = s.plane();
    let n = samples.len();
    let [kh, kw] = s.taps();
    let checks = s.fits(rec.arguments("conv.unfold"));
    let checks = checks.holds(s.groups == 1, || format!("patches of one group, not of {}", s.groups));
    let checks = checks.holds(samples.end <= s.n, || format!("samples {samples:?} of {}", s.n));
    if checks.shape("x", x, &s.x()).shape("y", y, &[n, oh, ow, s.ci, kh, kw]).wrong() {
        return;
    }
    let u = |v: usize| v as u32;
    let params = Unfold {
        kernel: s.kernel,
        stride: s.stride,
        padding: s.padding,
        dilation: s.dilation,
        first: u(samples.start),
        n: u(n),
        ci: u(s.ci),
        h: u(s.h),
        w: u(s.w),
        oh: u(oh),
        ow: u(ow),
    };
    let bytes = 4 * (n * s.ci * s.h * s.w + y.len) as u64;
    rec.dispatch(&UNFOLD).params(params).read(x).write(y).work(y.len as u64, bytes).threads(y.len);
}

/// Bindings x y; see `unfold.wgsl`.
fn twin(call: &mut TwinCall) {
    let p: Unfold = call.params();
    let [x, y] = call.bufs();
    let (x, y) = (x.f(), y.f_mut());
    let [ci, h, w, oh, ow] = [p.ci, p.h, p.w, p.oh, p.ow].map(|v| v as usize);
    let [kw, kh] = p.kernel.to_array().map(|v| v as usize);
    let mut at = 0;
    for n in p.first as usize..(p.first + p.n) as usize {
        for (oy, ox) in (0..oh).flat_map(|oy| (0..ow).map(move |ox| (oy, ox))) {
            for c in 0..ci {
                for (ky, kx) in (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx))) {
                    let iy = (oy * p.stride.y as usize + ky * p.dilation.y as usize).wrapping_sub(p.padding.y as usize);
                    let ix = (ox * p.stride.x as usize + kx * p.dilation.x as usize).wrapping_sub(p.padding.x as usize);
                    y[at] = if iy < h && ix < w { x[((n * ci + c) * h + iy) * w + ix] } else { 0.0 };
                    at += 1;
                }
            }
        }
    }
}

/// All samples, and some in the middle.
pub(super) fn cases() -> Vec<Case> {
    let plain = ConvShape::plain;
    let mut all = vec![
        case(&plain(1, 1, 1, 1, 1, hw([1, 1])), 0..1),
        case(&plain(5, 3, 5, 7, 4, hw([3, 3])), 0..5),
        case(&plain(5, 3, 5, 7, 4, hw([3, 3])), 2..4),
        case(&plain(3, 7, 4, 5, 7, hw([1, 1])), 1..3),
        case(&plain(4, 2, 4, 4, 3, hw([3, 3])), 2..2),
        case(&ConvShape { padding: hw([1, 0]), stride: hw([2, 3]), ..plain(3, 5, 9, 11, 7, hw([3, 2])) }, 0..3),
        case(&ConvShape { padding: hw([2, 3]), dilation: hw([2, 3]), ..plain(2, 3, 8, 9, 10, hw([3, 3])) }, 1..2),
    ];
    // More than 65 535 groups of one: the grid must fold.
    all.push(case(&plain(1, 1, 150, 151, 1, hw([2, 2])), 0..1).folded());
    all.push(case(&plain(64, 6, 14, 14, 16, hw([5, 5])), 0..64).timed());
    all
}

fn case(s: &ConvShape, samples: Range<usize>) -> Case {
    let ([oh, ow], [kh, kw]) = (s.plane(), s.taps());
    let [stride, padding, dilation] = [s.stride, s.padding, s.dilation].map(UVec2::yx);
    let name = format!(
        "conv.unfold {samples:?} of {}x{}x{}x{} k{kh}x{kw} s{stride} p{padding} d{dilation}",
        s.n, s.ci, s.h, s.w
    );
    let mut case = Case::new(name, Target::default());
    let x = case.input("x", Gen::new((s.n + s.h) as u64).values(s.n * s.ci * s.h * s.w));
    let y = case.output("y", samples.len() * oh * ow * s.ci * kh * kw);
    unfold(&mut case.rec, s, samples, x, y);
    case.tolerance(0.0, 0.0)
}
