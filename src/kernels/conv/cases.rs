//! Cases of the `conv` family.

mod asked;

pub use asked::asked;

use glam::Vec2Swizzles;

use super::norms::GHOST_NORM;
use super::*;
use crate::engine::Target;
use crate::engine::case::{Case, Gen, Hazard};
use crate::kernels::hw;

fn shapes() -> Vec<ConvShape> {
    let plain = ConvShape::plain;
    vec![
        plain(1, 1, 1, 1, 1, hw([1, 1])),
        plain(2, 3, 5, 7, 4, hw([3, 3])),
        plain(3, 2, 7, 5, 9, hw([5, 2])),
        plain(0, 2, 4, 4, 3, hw([3, 3])),
        ConvShape { padding: hw([2, 2]), ..plain(2, 1, 11, 13, 6, hw([5, 5])) },
        ConvShape { padding: hw([1, 0]), stride: hw([2, 3]), ..plain(3, 5, 9, 11, 7, hw([3, 2])) },
        ConvShape { padding: hw([2, 3]), dilation: hw([2, 3]), ..plain(2, 3, 8, 9, 10, hw([3, 3])) },
        ConvShape { groups: 2, padding: hw([1, 1]), ..plain(2, 6, 6, 5, 4, hw([3, 3])) },
        // Depthwise, and groups that are not a multiple of the tile.
        ConvShape { groups: 5, stride: hw([2, 1]), ..plain(2, 5, 7, 7, 5, hw([3, 3])) },
        ConvShape {
            groups: 3,
            padding: hw([1, 1]),
            dilation: hw([1, 2]),
            stride: hw([1, 2]),
            ..plain(1, 9, 6, 7, 33, hw([3, 2]))
        },
    ]
}

/// LeNet-5's two layers at batch 64.
fn timed_shapes() -> Vec<ConvShape> {
    vec![
        ConvShape { padding: hw([2, 2]), ..ConvShape::plain(64, 1, 28, 28, 6, hw([5, 5])) },
        ConvShape::plain(64, 6, 14, 14, 16, hw([5, 5])),
    ]
}

/// Every variant at every shape.
pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for (timed, s) in shapes().into_iter().map(|s| (false, s)).chain(timed_shapes().into_iter().map(|s| (true, s))) {
        let finish = |case: Case| if timed { case.timed() } else { case };
        for kernel in [&CONV2D, &CONV2D_BROADCAST] {
            all.push(finish(forward(kernel, &s, true)));
        }
        for kernel in [&CONV2D_BWD_X, &CONV2D_BWD_X_BROADCAST] {
            all.push(finish(input_gradient(kernel, &s)));
        }
        for kernel in [&CONV2D_BWD_W, &CONV2D_BWD_W_BROADCAST] {
            for square in [false, true] {
                all.push(finish(weight_gradient(kernel, &s, Chunks::of(&s), square)));
            }
            all.push(finish(norms(kernel, &s)));
        }
        if !timed {
            all.push(norms(&GHOST_NORM, &s));
        }
    }
    for kernel in [&CONV2D, &CONV2D_BROADCAST] {
        all.push(forward(kernel, &ConvShape::plain(2, 3, 6, 6, 5, hw([3, 3])), false));
        // More than 65 535 workgroups: the grid must fold.
        all.push(forward(kernel, &ConvShape::plain(1, 1, 2100, 2003, 1, hw([1, 1])), true));
    }
    all.extend(folding());
    all.extend(shared());
    // More pairs than one row of the grid holds, and a late layer as it is timed.
    all.push(norms(&GHOST_NORM, &ConvShape::plain(5, 1, 9, 19, 1, hw([1, 1]))).folded());
    let late = ConvShape { padding: hw([1, 1]), ..ConvShape::plain(16, 64, 4, 4, 64, hw([3, 3])) };
    all.push(norms(&GHOST_NORM, &late).timed());
    for kernel in [&CONV2D_BWD_W, &CONV2D_BWD_W_BROADCAST] {
        let s = ConvShape { padding: hw([1, 1]), ..ConvShape::plain(5, 3, 6, 7, 10, hw([3, 3])) };
        all.push(weight_gradient(kernel, &s, Chunks { per_chunk: 1, count: 5 }, false));
        all.push(weight_gradient(kernel, &s, Chunks { per_chunk: 2, count: 3 }, true));
    }
    all.extend(unfold::cases());
    all
}

/// Several tiles each way, whole vec4s of positions and none, strides of 1 and 2, and what the sizes as constants
/// are: 1 x 1, 3 x 3.
fn wide_shapes() -> Vec<ConvShape> {
    let plain = ConvShape::plain;
    vec![
        ConvShape { padding: hw([1, 1]), ..plain(3, 5, 7, 9, 67, hw([3, 3])) },
        ConvShape { padding: hw([1, 1]), stride: hw([2, 2]), ..plain(5, 19, 8, 8, 33, hw([3, 3])) },
        plain(2, 37, 12, 11, 20, hw([1, 1])),
        plain(3, 70, 6, 7, 18, hw([2, 3])),
    ]
}

/// ResNet-18's layers at batch 16, and a first layer of three channels.
fn resnet() -> Vec<ConvShape> {
    let same = |ci, side, co, stride| ConvShape {
        padding: hw([1, 1]),
        stride: hw([stride, stride]),
        ..ConvShape::plain(16, ci, side, side, co, hw([3, 3]))
    };
    let projection = ConvShape { stride: hw([2, 2]), ..ConvShape::plain(16, 64, 56, 56, 128, hw([1, 1])) };
    let first =
        ConvShape { padding: hw([3, 3]), stride: hw([2, 2]), ..ConvShape::plain(16, 3, 224, 224, 64, hw([7, 7])) };
    vec![first, same(64, 56, 64, 1), same(64, 56, 128, 2), projection, same(128, 28, 128, 1), same(512, 7, 512, 1)]
}

/// The forms through workgroup memory.
fn shared() -> Vec<Case> {
    let mut all = Vec::new();
    // Strides of two kinds with padding, dilation, depthwise: a shape is a compilation, so the other forms have more.
    for s in shapes()[5..=8].iter().filter(|s| s.groups != 2).chain(&wide_shapes()) {
        all.extend([forward(&CONV2D_TILED, s, true), input_gradient(&CONV2D_BWD_X_TILED, s)]);
        all.push(weight_gradient(&CONV2D_BWD_W_TILED, s, Chunks::of(s), false));
    }
    for s in &wide_shapes() {
        all.extend([&CONV2D, &CONV2D_LARGE].map(|kernel| forward(kernel, s, false)));
        all.extend([&CONV2D_BWD_X, &CONV2D_BWD_X_LARGE].map(|kernel| input_gradient(kernel, s)));
        let chunks = Chunks { per_chunk: 2, count: s.n.div_ceil(2) };
        all.extend([&CONV2D_BWD_W, &CONV2D_BWD_W_LARGE].map(|kernel| weight_gradient(kernel, s, chunks, false)));
    }
    for s in [&wide_shapes()[0], &wide_shapes()[3]] {
        let chunks = Chunks { per_chunk: 2, count: s.n.div_ceil(2) };
        all.push(weight_gradient(&CONV2D_BWD_W_TILED, s, chunks, true));
        all.push(norms(&CONV2D_BWD_W_TILED, s));
    }
    // An empty batch, and groups of which each has less than a tile.
    for s in [
        ConvShape::plain(0, 5, 4, 4, 9, hw([3, 3])),
        ConvShape { groups: 3, ..ConvShape::plain(2, 15, 5, 6, 12, hw([3, 3])) },
    ] {
        all.extend([forward(&CONV2D_LARGE, &s, true), input_gradient(&CONV2D_BWD_X_LARGE, &s)]);
        all.push(weight_gradient(&CONV2D_BWD_W_LARGE, &s, Chunks::of(&s), false));
    }
    for s in timed_shapes().iter().chain(&resnet()) {
        all.extend([&CONV2D_TILED, &CONV2D_LARGE].map(|kernel| forward(kernel, s, true).only_timed()));
        all.extend([&CONV2D_BWD_X_TILED, &CONV2D_BWD_X_LARGE].map(|kernel| input_gradient(kernel, s).only_timed()));
        let sums = [&CONV2D_BWD_W_TILED, &CONV2D_BWD_W_LARGE];
        all.extend(sums.map(|kernel| weight_gradient(kernel, s, Chunks::of(s), false).only_timed()));
        all.push(weight_gradient(&CONV2D_BWD_W_TILED, s, Chunks::of(s), true).only_timed());
    }
    all
}

/// More than 65 535 groups of channels, so that every form's grid folds; the plain ones in workgroups of one.
fn folding() -> Vec<Case> {
    let s = ConvShape { groups: 65_541, ..ConvShape::plain(1, 65_541, 1, 1, 65_541, hw([1, 1])) };
    vec![
        forward(&CONV2D, &s, true).folded(),
        forward(&CONV2D_BROADCAST, &s, true),
        input_gradient(&CONV2D_BWD_X, &s).folded(),
        input_gradient(&CONV2D_BWD_X_BROADCAST, &s),
        weight_gradient(&CONV2D_BWD_W, &s, Chunks::of(&s), false).folded(),
        weight_gradient(&CONV2D_BWD_W_BROADCAST, &s, Chunks::of(&s), false),
        forward(&CONV2D_TILED, &s, true).in_tiny_tiles(8, s.groups),
        forward(&CONV2D_LARGE, &s, true).in_tiny_tiles(16, s.groups),
        input_gradient(&CONV2D_BWD_X_TILED, &s).in_tiny_tiles(8, s.groups),
        input_gradient(&CONV2D_BWD_X_LARGE, &s).in_tiny_tiles(16, s.groups),
        weight_gradient(&CONV2D_BWD_W_TILED, &s, Chunks::of(&s), false).in_tiny_tiles(8, s.groups),
        weight_gradient(&CONV2D_BWD_W_LARGE, &s, Chunks::of(&s), false).in_tiny_tiles(16, s.groups),
    ]
}

/// Every variant at one random shape.
pub fn random(g: &mut Gen) -> Vec<Case> {
    let s = loop {
        let groups = g.size(1, 4);
        let mut two = |low, high| [0; 2].map(|_: usize| g.size(low, high));
        let ([h, w], kernel, stride, dilation) = (two(1, 15), two(1, 5), two(1, 3), two(1, 3));
        let padding = kernel.map(|k| g.below(k));
        let (n, ci, co) = (g.size(1, 5), groups * g.size(1, 5), groups * g.size(1, 12));
        let pair = |v: [usize; 2]| hw(v.map(|v| v as u32));
        let (kernel, padding) = (pair(kernel), pair(padding));
        let s = ConvShape { n, ci, h, w, co, kernel, stride: pair(stride), padding, dilation: pair(dilation), groups };
        if s.out().is_ok() {
            break s;
        }
    };
    let (bias, square) = (g.below(2) == 0, g.below(2) == 0);
    let mut all = Vec::new();
    let forms = [&CONV2D, &CONV2D_BROADCAST, &CONV2D_TILED, &CONV2D_LARGE];
    all.extend(forms.map(|kernel| forward(kernel, &s, bias)));
    let forms = [&CONV2D_BWD_X, &CONV2D_BWD_X_BROADCAST, &CONV2D_BWD_X_TILED, &CONV2D_BWD_X_LARGE];
    all.extend(forms.map(|kernel| input_gradient(kernel, &s)));
    let weights = [&CONV2D_BWD_W, &CONV2D_BWD_W_BROADCAST, &CONV2D_BWD_W_TILED];
    all.extend(weights.map(|kernel| weight_gradient(kernel, &s, Chunks::of(&s), square)));
    all.push(weight_gradient(&CONV2D_BWD_W_LARGE, &s, Chunks::of(&s), false));
    all.extend(weights.map(|kernel| norms(kernel, &s)));
    all.push(norms(&GHOST_NORM, &s));
    all
}

fn title(kernel: &Kernel, s: &ConvShape) -> String {
    let ([kh, kw], [stride, padding, dilation]) = (s.taps(), [s.stride, s.padding, s.dilation].map(UVec2::yx));
    format!(
        "{} {}x{}x{}x{} to {} k{kh}x{kw} s{stride} p{padding} d{dilation} g{}",
        kernel.name, s.n, s.ci, s.h, s.w, s.co, s.groups
    )
}

fn sizes(s: &ConvShape) -> (usize, usize) {
    let [oh, ow] = s.plane();
    (s.n * s.ci * s.h * s.w, s.n * s.co * oh * ow)
}

/// Rounding of a k-term sum of products in (-1, 1).
fn limit(case: Case, k: usize) -> Case {
    case.tolerance(1e-5, 1e-6 * (k as f64).sqrt().max(1.0))
}

fn forward(kernel: &'static Kernel, s: &ConvShape, bias: bool) -> Case {
    let mut case = Case::new(title(kernel, s) + if bias { "" } else { " without bias" }, Target::default());
    let (nx, ny) = sizes(s);
    let mut g = Gen::new(nx as u64 + 3);
    let x = case.input("x", g.values(nx));
    let w = case.input("w", g.values(s.weights()));
    let b = bias.then(|| case.input("b", g.values(s.co)));
    let y = case.output("y", ny);
    conv2d_as(&mut case.rec, kernel, s, x, w, b, y);
    limit(case.hazard(Hazard::Padding, &["w"]), s.columns())
}

fn input_gradient(kernel: &'static Kernel, s: &ConvShape) -> Case {
    let mut case = Case::new(title(kernel, s), Target::default());
    let (nx, ny) = sizes(s);
    let mut g = Gen::new(ny as u64 + 5);
    let w = case.input("w", g.values(s.weights()));
    let dy = case.input("dy", g.values(ny));
    let dx = case.output("dx", nx);
    conv2d_bwd_x_as(&mut case.rec, kernel, s, w, dy, dx);
    limit(case.hazard(Hazard::Padding, &["w"]), s.columns() * s.co / s.ci)
}

fn norms(kernel: &'static Kernel, s: &ConvShape) -> Case {
    let mut case = Case::new(format!("{} norms", title(kernel, s)), Target::default());
    let (nx, ny) = sizes(s);
    let mut g = Gen::new(nx as u64 + 9);
    let x = case.input("x", g.values(nx));
    let dy = case.input("dy", g.values(ny));
    let out = case.output("norms", s.n);
    conv2d_norms_as(&mut case.rec, kernel, s, x, dy, out);
    // A sum of squares, each of a sum that may cancel.
    let ghost = std::ptr::eq(kernel, &GHOST_NORM);
    let case = if ghost { case.hazard(Hazard::Merged, &["x", "dy"]) } else { pads(case, kernel) };
    case.tolerance(1e-5, 1e-6 * s.positions() as f64)
}

/// The forms through workgroup memory multiply by the padding.
fn pads(case: Case, kernel: &'static Kernel) -> Case {
    let forms = [&CONV2D_BWD_W_TILED, &CONV2D_BWD_W_LARGE];
    if forms.iter().any(|form| std::ptr::eq(kernel, *form)) { case.hazard(Hazard::Padding, &["dy"]) } else { case }
}

fn weight_gradient(kernel: &'static Kernel, s: &ConvShape, chunks: Chunks, square: bool) -> Case {
    let what = if square { "square" } else { "sum" };
    let mut case = Case::new(format!("{} {what} in {} chunks", title(kernel, s), chunks.count), Target::default());
    let (nx, ny) = sizes(s);
    let mut g = Gen::new(nx as u64 + 7);
    let x = case.input("x", g.values(nx));
    let dy = case.input("dy", g.values(ny));
    let dw = case.output("dw", chunks.count * s.weights());
    conv2d_bwd_w_as(&mut case.rec, kernel, s, x, dy, dw, WeightGrad { chunks, stride: s.weights(), square });
    let positions = ny / s.co.max(1) / chunks.count.max(1);
    limit(pads(case, kernel), if square { positions * positions } else { positions })
}
