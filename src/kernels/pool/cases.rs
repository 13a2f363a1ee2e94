//! Cases of the `pool` family.

mod adaptive;
mod asked;

pub use asked::asked;

use super::{MAX, MAX_BWD, MAX_BWD_PAIRS, MAX_PAIRS, PoolShape, avg, avg_bwd, max, max_as, max_bwd_as, max_tangent};
use crate::engine::case::{Case, Gen, Hazard, OnNan};
use crate::engine::{Kernel, Target};
use crate::kernels::hw;

/// n c h w, and heights and widths of kernel, stride, padding.
type Shape = ([usize; 4], [u32; 2], [u32; 2], [u32; 2]);

const SHAPES: &[Shape] = &[
    ([1, 1, 1, 1], [1, 1], [1, 1], [0, 0]),
    ([2, 3, 8, 12], [2, 2], [2, 2], [0, 0]),
    // Windows that do not divide the plane: the last row and column belong to none.
    ([3, 1, 9, 7], [2, 2], [2, 2], [0, 0]),
    ([1, 2, 11, 43], [3, 4], [3, 4], [0, 0]),
    // Overlap, padding, and both uneven.
    ([2, 3, 5, 5], [3, 3], [1, 1], [1, 1]),
    ([1, 5, 7, 13], [3, 3], [2, 2], [1, 1]),
    ([2, 1, 13, 11], [3, 2], [1, 2], [1, 0]),
    ([1, 1, 5, 37], [2, 5], [2, 1], [1, 2]),
    // Overlap and a remainder: the window that would follow the last one starts in the next plane.
    ([2, 3, 4, 4], [3, 3], [2, 2], [0, 0]),
    // Gaps between windows.
    ([2, 2, 9, 6], [2, 2], [3, 4], [0, 0]),
    // Whole planes.
    ([5, 7, 8, 6], [8, 6], [8, 6], [0, 0]),
    ([0, 3, 4, 4], [2, 2], [2, 2], [0, 0]),
];

/// n c h w of windows of 2 x 2 that cover planes.
const PAIRS: [[usize; 4]; 5] = [[1, 1, 2, 2], [2, 3, 8, 12], [3, 1, 2, 14], [5, 7, 26, 2], [0, 3, 4, 4]];

/// Every kernel at every shape, one element and one strip per thread; a plane wider than a strip; a folded grid.
pub fn cases() -> Vec<Case> {
    let targets = [Target::default(), Target::software(8)];
    let mut all = Vec::new();
    for target in targets {
        for shape in SHAPES {
            all.extend(at(target, *shape));
        }
        all.extend(at(target, ([64, 6, 28, 28], [2, 2], [2, 2], [0, 0])).map(Case::timed));
        all.extend(at(target, ([64, 16, 7, 7], [7, 7], [7, 7], [0, 0])).map(Case::timed));
    }
    for (s, relu) in PAIRS.iter().flat_map(|s| [(s, false), (s, true)]) {
        all.extend(in_pairs(*s, relu));
    }
    all.extend(in_pairs([64, 6, 28, 28], true).map(Case::timed));
    all.extend(in_pairs([2, 4, 128, 260], false).map(Case::folded));
    let many = ([1171, 8, 2, 7], [1, 1], [1, 1], [0, 0]);
    all.extend(at(targets[0], many).map(Case::folded));
    // The largest whole planes that one thread may add, one long and one square; strips of one.
    all.extend(at(targets[1], ([1, 1, 2, 32_000], [2, 16_000], [2, 16_000], [0, 0])));
    all.extend(at(targets[1], ([1, 2, 254, 254], [254, 254], [254, 254], [0, 0])));
    all.extend([not_a_number(), not_a_pair()]);
    all.extend(adaptive::cases());
    all
}

/// Every kernel at one random shape, in both ways of dealing it to threads.
pub fn random(g: &mut Gen) -> Vec<Case> {
    let shape: Shape = loop {
        let kernel = [0; 2].map(|_: usize| g.size(1, 5));
        let (stride, padding) = ([g.size(1, 4), g.size(1, 4)], kernel.map(|k| g.below(k / 2 + 1)));
        let sizes = [g.size(1, 6), g.size(1, 6), g.size(1, 40), g.size(1, 40)];
        let [kernel, stride, padding] = [kernel, stride, padding].map(|pair| pair.map(|v| v as u32));
        let [n, c, h, w] = sizes;
        if PoolShape::new(n, c, h, w, hw(kernel), hw(stride), hw(padding)).is_ok() {
            break (sizes, kernel, stride, padding);
        }
    };
    let halves = [g.size(1, 5), g.size(1, 5), 2 * g.size(1, 20), 2 * g.size(1, 20)];
    [Target::default(), Target::software(8)]
        .into_iter()
        .flat_map(|target| at(target, shape))
        .chain(in_pairs(halves, g.below(2) == 0))
        .chain(adaptive::random(g))
        .collect()
}

/// Both forms of windows of 2 x 2.
fn in_pairs([n, c, h, w]: [usize; 4], relu: bool) -> [Case; 4] {
    let s = PoolShape::new(n, c, h, w, hw([2, 2]), hw([2, 2]), hw([0, 0])).expect("a valid case");
    let gen_at = || Gen::new((n * 37 + c * 19 + h * 5 + w) as u64);
    let new = |kernel: &Kernel| {
        let relu = if relu { " relu" } else { "" };
        Case::new(format!("{} {n}x{c}x{h}x{w} by pairs{relu}", kernel.name), Target::default())
    };
    let max = |kernel| max_case(new(kernel), kernel, &s, &mut gen_at(), relu);
    let bwd = |kernel| max_bwd_case(new(kernel), kernel, &s, &mut gen_at());
    [max(&MAX), max(&MAX_PAIRS), bwd(&MAX_BWD), bwd(&MAX_BWD_PAIRS)]
}

fn at(target: Target, shape: Shape) -> [Case; 6] {
    let ([n, c, h, w], kernel, stride, padding) = shape;
    let s = PoolShape::new(n, c, h, w, hw(kernel), hw(stride), hw(padding)).expect("a valid case");
    let mut g = Gen::new((n * 31 + c * 17 + h * 7 + w) as u64);
    let new = |what: &str| {
        let strip = if target.software { " strip" } else { "" };
        let text = format!("{what} {n}x{c}x{h}x{w} kernel {kernel:?} stride {stride:?} padding {padding:?}{strip}");
        Case::new(text, target)
    };
    [
        max_case(new("pool.max"), &MAX, &s, &mut g, false),
        max_case(new("pool.max relu"), &MAX, &s, &mut g, true),
        max_bwd_case(new("pool.max_bwd"), &MAX_BWD, &s, &mut g),
        max_tangent_case(new("pool.max_tangent"), &s, &mut g),
        {
            let mut case = new("pool.avg");
            let x = case.input("x", g.values(s.inputs()));
            let y = case.output("y", s.outputs());
            avg(&mut case.rec, &s, x, y);
            case
        },
        {
            let mut case = new("pool.avg_bwd");
            let dy = case.input("dy", g.values(s.outputs()));
            let dx = case.output("dx", s.inputs());
            avg_bwd(&mut case.rec, &s, dy, dx);
            case
        },
    ]
}

fn max_case(mut case: Case, kernel: &'static Kernel, s: &PoolShape, g: &mut Gen, relu: bool) -> Case {
    // Few levels, all negative: ties everywhere, and a padding that counted as 0 would win. A relu has windows with
    // and without numbers above 0.
    let down = if relu { 2.0 } else { 5.0 };
    let x = g.values(s.inputs()).iter().map(|v| (v * 4.0).round() - down).collect();
    let x = case.input("x", x);
    let y = case.output("y", s.outputs());
    let arg = case.output("arg", s.outputs());
    max_as(&mut case.rec, kernel, s, x, y, arg, relu);
    case.hazard(Hazard::Compared, &["x"]).tolerance(0.0, 0.0)
}

fn max_bwd_case(mut case: Case, kernel: &'static Kernel, s: &PoolShape, g: &mut Gen) -> Case {
    let dy = case.input("dy", g.values(s.outputs()));
    let arg = case.input_u32("arg", any_winners(s, g));
    let dx = case.output("dx", s.inputs());
    max_bwd_as(&mut case.rec, kernel, s, dy, arg, dx);
    case
}

fn max_tangent_case(mut case: Case, s: &PoolShape, g: &mut Gen) -> Case {
    let r = case.input("r", g.values(s.inputs()));
    let arg = case.input_u32("arg", any_winners(s, g));
    let ry = case.output("ry", s.outputs());
    max_tangent(&mut case.rec, s, r, arg, ry);
    case.tolerance(0.0, 0.0)
}

/// Any real input of each window, of every ninth none: the gradient must follow `arg`, whatever made it.
fn any_winners(s: &PoolShape, g: &mut Gen) -> Vec<u32> {
    let mut pick = |out: usize, axis: usize, size: usize| {
        let [kernel, stride, padding] = [s.kernel, s.stride, s.padding].map(|v| v[axis] as usize);
        loop {
            let at = out * stride + g.below(kernel);
            if (padding..padding + size).contains(&at) {
                return at - padding;
            }
        }
    };
    let mut all = Vec::with_capacity(s.outputs());
    for i in 0..s.outputs() {
        let (oy, ox) = (i / s.ow % s.oh, i % s.ow);
        let (iy, ix) = (pick(oy, 1, s.h), pick(ox, 0, s.w));
        all.push(if i % 9 == 8 { u32::MAX } else { (iy * s.w + ix) as u32 });
    }
    all
}

/// NaN wins its window wherever it stands and infinities are ordinary numbers.
fn not_a_number() -> Case {
    let s = PoolShape::new(1, 1, 6, 8, hw([2, 4]), hw([2, 4]), hw([0, 0])).expect("a valid case");
    let mut case = Case::new("pool.max NaN and infinities", Target::default());
    let mut x = Gen::new(6).values(s.inputs());
    for (at, v) in [(1, f32::NAN), (12, f32::NAN), (13, f32::INFINITY), (18, f32::NEG_INFINITY), (33, f32::INFINITY)] {
        x[at] = v;
    }
    // A window of nothing but the smallest number has a winner too: its first.
    for at in [36, 37, 38, 39, 44, 45, 46, 47] {
        x[at] = f32::NEG_INFINITY;
    }
    let x = case.input("x", x);
    let arg = case.output("arg", s.outputs());
    let y = case.output("y", s.outputs());
    max(&mut case.rec, &s, x, y, arg);
    Case { on_nan: OnNan::Same, ..case }.hazard(Hazard::Compared, &["x"]).tolerance(0.0, 0.0)
}

/// The same of windows of 2 x 2: a NaN in each of the four places, and windows of nothing but the smallest number.
fn not_a_pair() -> Case {
    let s = PoolShape::new(1, 1, 4, 8, hw([2, 2]), hw([2, 2]), hw([0, 0])).expect("a valid case");
    let mut case = Case::new("pool.max_pairs NaN and infinities in pairs", Target::default());
    let mut x = Gen::new(8).values(s.inputs());
    for at in [0, 3, 12, 15, 25, 26] {
        x[at] = f32::NAN;
    }
    for at in [20, 21, 28, 29] {
        x[at] = f32::NEG_INFINITY;
    }
    x[23] = f32::INFINITY;
    let x = case.input("x", x);
    let (arg, y) = (case.output("arg", s.outputs()), case.output("y", s.outputs()));
    max_as(&mut case.rec, &MAX_PAIRS, &s, x, y, arg, false);
    Case { on_nan: OnNan::Same, ..case }.hazard(Hazard::Compared, &["x"]).tolerance(0.0, 0.0)
}
