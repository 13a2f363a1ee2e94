//! Cases of the `reduce` family.

mod asked;

pub use asked::asked;

use super::norms::{ROW_NORMS, ROW_NORMS_SHARED};
use super::{COLUMNS, COLUMNS_TEAM, Columns, TEAM, argmax, channels, column_sums, row_norms_as, rows, total, weighted};
use crate::engine::case::{Case, Gen, Hazard};
use crate::engine::{Kernel, Target};
use crate::kernels::{Reduction, ReductionMode};

/// [rows, cols]: one, primes, no rows, no columns, whole vec4s, many rows, long rows.
const SHAPES: [(usize, usize); 10] =
    [(1, 1), (1, 131), (131, 1), (3, 5), (7, 12), (0, 5), (5, 0), (64, 10), (257, 33), (2, 1024)];

/// Every kernel at every shape.
pub fn cases() -> Vec<Case> {
    let mut all: Vec<Case> = SHAPES.map(rows_case).into();
    all.push(rows_case((70_001, 3)).folded());
    all.push(rows_case((2048, 784)).timed());
    // A row without columns has no maximum.
    all.extend(SHAPES.into_iter().filter(|(_, cols)| *cols > 0).map(argmax_case));
    all.push(argmax_case((70_001, 3)).folded());
    all.push(argmax_case((10_000, 10)).timed());
    for n in [0, 1, 3, 4, 5, 255, 256, 257, 1021, 70_003] {
        all.push(total_case(n, 1.0, false));
        all.push(total_case(n, 0.125, true));
    }
    all.push(total_case(1_000_003, -2.0, true).timed());
    for shape in SHAPES.into_iter().filter(|(_, cols)| *cols > 0) {
        for (square, beta) in [(false, 0.0), (true, -0.5)] {
            all.extend([&COLUMNS, &COLUMNS_TEAM].map(|kernel| columns_case(kernel, shape, square, beta)));
        }
    }
    all.extend(channel_cases());
    all.extend(norm_cases());
    all.extend(SHAPES.into_iter().flat_map(|shape| [0.0, 1.0].map(|beta| weighted_case(shape, beta))));
    all.push(weighted_case((2, 280_003), -0.5).folded());
    all.push(weighted_case((128, 2400), 0.0).timed());
    all.extend([infinite_rows(), infinite_argmax(), subnormal_total()]);
    all
}

/// A row with an infinite number has an infinite sum.
fn infinite_rows() -> Case {
    let (r, c) = (13, 37);
    let mut case = new(format!("reduce.rows {r}x{c} infinite"));
    let mut x = Gen::new(3).values(r * c);
    x.iter_mut().step_by(3 * c + 5).for_each(|v| *v = f32::INFINITY);
    x[c + 1] = f32::NEG_INFINITY;
    let (x, y) = (case.input("x", x), case.output("y", r));
    rows(&mut case.rec, x, y);
    rounding(case, 4 * c)
}

/// Rows of nothing but the smallest number there is, and rows with the largest.
fn infinite_argmax() -> Case {
    let (r, c) = (13, 37);
    let mut case = new(format!("reduce.argmax {r}x{c} infinite"));
    let mut x = Gen::new(5).values(r * c);
    x[..c].fill(f32::NEG_INFINITY);
    x[2 * c + 1..3 * c].fill(f32::NEG_INFINITY);
    x.iter_mut().skip(4 * c + 3).step_by(c + 1).for_each(|v| *v = f32::INFINITY);
    let (x, y) = (case.input("x", x), case.output("y", r));
    argmax(&mut case.rec, x, y);
    case
}

/// An adapter may take every one of them for 0.
fn subnormal_total() -> Case {
    let n = 1021;
    let mut case = new(format!("reduce.total {n} subnormal"));
    let x = case.input("x", Gen::new(7).values(n).iter().map(|v| v * 1e-38).collect());
    let y = case.output("y", 1);
    total(&mut case.rec, x, y, 1.0, false);
    case.tolerance(1e-6, n as f64 * f64::from(f32::MIN_POSITIVE))
}

/// Every kernel at one random shape.
pub fn random(g: &mut Gen) -> Vec<Case> {
    let (r, c) = (g.size(1, 600), g.size(1, 600));
    let shape = (g.size(1, 140), g.size(1, 40), g.size(1, 80));
    let beta = [0.0, 1.0, -0.5][g.below(3)];
    let mode = [ReductionMode::Sum, ReductionMode::SquareSum, ReductionMode::PerSample][g.below(3)];
    let other = (g.below(2) == 0).then(|| g.size(1, 600));
    let (alpha, stride) = (0.5, g.below(2) * (shape.1 + g.below(70)));
    vec![
        rows_case((r, c)),
        argmax_case((r, c)),
        total_case(r * c, 0.25, g.below(2) == 0),
        channels_case(shape, Reduction { mode, alpha, beta, stride }),
        norms_case(&ROW_NORMS, r, c, other),
        norms_case(&ROW_NORMS_SHARED, r, c, other),
        weighted_case((r, c), beta),
    ]
}

fn new(name: String) -> Case {
    Case::new(name, Target::default())
}

/// Rounding of a sum of `n` numbers in (-1, 1): about sqrt(n) in size, one rounding of its running value per term.
fn rounding(case: Case, n: usize) -> Case {
    case.tolerance(1e-6, 4e-7 * (n as f64).sqrt().max(1.0))
}

fn rows_case((r, c): (usize, usize)) -> Case {
    let mut case = new(format!("reduce.rows {r}x{c}"));
    let x = case.input("x", Gen::new((r * 31 + c) as u64).values(r * c));
    let y = case.output("y", r);
    rows(&mut case.rec, x, y);
    rounding(case, 4 * c)
}

fn argmax_case((r, c): (usize, usize)) -> Case {
    let mut case = new(format!("reduce.argmax {r}x{c}"));
    let mut g = Gen::new((r * 37 + c) as u64);
    // Four values only, negative ones too: nearly every row has ties.
    let x = case.input("x", (0..r * c).map(|_| g.below(4) as f32 - 4.5).collect());
    let y = case.output("y", r);
    argmax(&mut case.rec, x, y);
    case.hazard(Hazard::Compared, &["x"])
}

fn total_case(n: usize, scale: f32, square: bool) -> Case {
    let mut case = new(format!("reduce.total {n} scale {scale}{}", if square { " square" } else { "" }));
    let x = case.input("x", Gen::new(n as u64).values(n));
    let y = case.output("y", 1);
    total(&mut case.rec, x, y, scale, square);
    rounding(case, n)
}

fn columns_case(kernel: &'static Kernel, (r, c): (usize, usize), square: bool, beta: f32) -> Case {
    let what = if square { " square" } else { "" };
    let mut case = new(format!("{} {r}x{c} beta {beta}{what}", kernel.name));
    let mut g = Gen::new((r * 41 + c) as u64);
    let x = case.input("x", g.values(r * c));
    let y = if beta == 0.0 { case.output("y", c) } else { case.inout("y", g.values(c)) };
    let p = Columns { rows: r as u32, cols: c as u32, block: r.max(1) as u32, alpha: 0.25, beta };
    let each = if std::ptr::eq(kernel, &COLUMNS) { 1 } else { TEAM };
    column_sums(case.rec.dispatch(kernel), x, y, square, p, each);
    rounding(case, r)
}

fn norm_cases() -> Vec<Case> {
    let mut all = Vec::new();
    for kernel in [&ROW_NORMS, &ROW_NORMS_SHARED] {
        for (r, c) in SHAPES {
            // Both sides a multiple of 4, one, none.
            for other in [None, Some(c + 3), Some(4 * c + 8)] {
                all.push(norms_case(kernel, r, c, other));
            }
        }
        // A workgroup per row in the shared form.
        let many = norms_case(kernel, 70_001, 3, None);
        all.push(if std::ptr::eq(kernel, &ROW_NORMS) { many.folded() } else { many });
        // An MLP's first layer at batch 128.
        all.push(norms_case(kernel, 128, 784, Some(256)).timed());
    }
    all
}

fn norms_case(kernel: &'static Kernel, r: usize, c: usize, other: Option<usize>) -> Case {
    let mut case = new(format!("{} {r}x{c}{}", kernel.name, other.map_or(String::new(), |o| format!(" by {o}"))));
    let mut g = Gen::new((r * 41 + c) as u64);
    let a = case.input("a", g.values(r * c));
    let b = other.map(|o| case.input("b", g.values(r * o)));
    let y = case.output("y", r);
    row_norms_as(&mut case.rec, kernel, a, b, y);
    // Sums of numbers that are not negative: every rounding is small beside the sum.
    case.tolerance(4e-6, 1e-9)
}

/// Some rows weigh nothing; one of them holds no number.
fn weighted_case((r, c): (usize, usize), beta: f32) -> Case {
    let mut case = new(format!("reduce.weighted {r}x{c} beta {beta}"));
    let mut g = Gen::new((r * 43 + c) as u64);
    let (mut x, mut w) = (g.values(r * c), g.values(r));
    w.iter_mut().skip(1).step_by(3).for_each(|w| *w = 0.0);
    if r > 1 {
        x[c..2 * c].fill(f32::NAN);
    }
    let (x, w) = (case.input("x", x), case.input("w", w));
    let y = if beta == 0.0 { case.output("y", c) } else { case.inout("y", g.values(c)) };
    weighted(&mut case.rec, x, w, y, 0.5, beta);
    rounding(case, 4 * r).hazard(Hazard::Compared, &["w"])
}

fn channel_cases() -> Vec<Case> {
    let shapes =
        [(1, 1, 1), (3, 5, 7), (4, 10, 1), (0, 3, 2), (2, 3, 196), (13, 17, 9), (128, 3, 4), (129, 5, 1), (331, 3, 2)];
    let options = [
        Reduction::default(),
        Reduction { alpha: 0.25, beta: 1.0, ..Default::default() },
        Reduction { mode: ReductionMode::SquareSum, alpha: 0.5, ..Default::default() },
        Reduction { mode: ReductionMode::SquareSum, beta: -0.5, ..Default::default() },
        Reduction { mode: ReductionMode::PerSample, ..Default::default() },
    ];
    let mut all = Vec::new();
    for (n, c, p) in shapes {
        all.extend(options.map(|o| channels_case((n, c, p), o)));
        // Gaps between the samples, as in a matrix of per-sample gradients.
        all.push(channels_case(
            (n, c, p),
            Reduction { mode: ReductionMode::PerSample, stride: c + 61, ..Default::default() },
        ));
    }
    // More rows than a team takes.
    all.push(channels_case((16_399, 3, 1), options[1]));
    all.push(channels_case((16_399, 3, 1), options[3]));
    all.push(channels_case((3, 70_001, 2), options[0]).folded());
    all.push(channels_case((129, 66_001, 1), options[1]).folded());
    all.push(channels_case((64, 32, 784), options[0]).timed());
    all.push(channels_case((2708, 16, 1), options[2]).timed());
    all
}

fn channels_case((n, c, p): (usize, usize, usize), mut options: Reduction) -> Case {
    let per_sample = options.mode == ReductionMode::PerSample;
    if per_sample {
        options.stride = options.stride.max(c);
    }
    let Reduction { mode, alpha, beta, stride } = options;
    let mut case = new(format!("reduce.channels {n}x{c}x{p} {mode:?} alpha {alpha} beta {beta} stride {stride}"));
    let mut g = Gen::new((n * 7 + c * 3 + p) as u64);
    let x = case.input("x", g.values(n * c * p));
    let out = match mode {
        ReductionMode::PerSample if stride == c => case.output("out", n * c),
        ReductionMode::PerSample => case.inout("out", g.values((n.max(1) - 1) * stride + c)),
        _ if beta == 0.0 => case.output("out", c),
        _ => case.inout("out", g.values(c)),
    };
    channels(&mut case.rec, x, out, n, c, p, options);
    // A sum of n squares of sums of p: each about p.
    rounding(case, if mode == ReductionMode::SquareSum { 4 * n * p * p } else { 4 * n * p })
}
