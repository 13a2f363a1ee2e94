//! Cases of the `norm` family.

mod asked;

pub use asked::asked;

use super::{NormShape, batch, group, group_affine_parts, group_bwd, group_bwd_affine, group_bwd_x, rms};
use crate::engine::case::{Case, Gen, Hazard};
use crate::engine::{Buf, Target};
use crate::kernels::tangent::along;
use crate::kernels::{Reduction, ReductionMode};

const SUM: Reduction = Reduction { mode: ReductionMode::Sum, alpha: 1.0, beta: 0.0, stride: 0 };

/// n c p groups.
const SHAPES: &[[usize; 4]] = &[
    [1, 1, 1, 1],
    [1, 2, 3, 1],
    [3, 6, 49, 2],
    [5, 4, 16, 4],
    [2, 12, 25, 3],
    // Layer normalisation: p = 1, one group.
    [7, 13, 1, 1],
    [4, 257, 1, 1],
    // Rows long enough to be shared by several threads, evenly and not.
    [2, 8, 64, 2],
    [3, 5, 131, 1],
    [2, 2, 4099, 2],
    [0, 4, 9, 2],
];

/// Forward, both gradients and every sink at every shape.
pub fn cases() -> Vec<Case> {
    let mut all: Vec<Case> = SHAPES.iter().flat_map(|s| at(*s)).collect();
    all.extend(SHAPES.iter().flat_map(|s| moving(*s)));
    all.extend(SHAPES.iter().flat_map(|s| uncentred(*s)));
    all.extend(batch::cases());
    all.extend(moving([64, 16, 196, 4]).map(Case::timed));
    all.extend(at([64, 16, 196, 4]).map(Case::timed));
    all.extend(at([64, 256, 1, 1]).map(Case::timed));
    // Mean 100, spread 1: E[x²] − E[x]² would lose four digits.
    all.push(forward(NormShape { n: 3, c: 6, p: 35, groups: 3, eps: 1e-5, centred: true }, 100.0));
    all.push(forward(NormShape { n: 2, c: 6, p: 256, groups: 2, eps: 1e-5, centred: true }, 100.0));
    // A constant row: the variance is 0 and only eps is left.
    all.push(forward(NormShape { n: 2, c: 2, p: 5, groups: 1, eps: 0.25, centred: true }, f32::INFINITY));
    all.extend(sinks([5, 7, 9, 7]));
    all.extend(sinks([3, 70, 1, 1]));
    all.extend(sinks([0, 3, 4, 1]));
    // Samples in blocks: the last one ragged.
    all.extend(sinks([515, 3, 2, 3]));
    // More than 65 535 turns of a loop if one thread did it.
    all.push(forward(NormShape { n: 1, c: 2, p: 2_200_000, groups: 1, eps: 1e-5, centred: true }, 0.0));
    let many = NormShape { n: 70_001, c: 2, p: 2, groups: 1, eps: 1e-5, centred: true };
    all.extend([forward(many, 0.0), input_gradient(many), affine(many, SUM)].map(Case::folded));
    all.extend(moving([70_001, 2, 2, 1]).map(Case::folded));
    all.push(forward(NormShape { n: 2000, c: 1, p: 2500, groups: 1, eps: 1e-5, centred: true }, 0.0).folded());
    all.push(
        affine(NormShape { n: 70_001, c: 1, p: 1, groups: 1, eps: 1e-5, centred: true }, Reduction::per_sample(3))
            .folded(),
    );
    all
}

/// Every kernel at one random shape, the derivatives of both passes among them.
pub fn random(g: &mut Gen) -> Vec<Case> {
    let groups = g.size(1, 5);
    let shape = [g.size(1, 20), groups * g.size(1, 9), g.size(1, 150), groups];
    let mut all: Vec<Case> = at(shape).into();
    all.extend(moving(shape));
    all.extend(sinks(shape));
    all.extend(uncentred(shape));
    all.extend(batch::random(g));
    all
}

fn at([n, c, p, groups]: [usize; 4]) -> [Case; 4] {
    let shape = NormShape { n, c, p, groups, eps: 1e-5, centred: true };
    [forward(shape, 0.0), input_gradient(shape), affine(shape, SUM), both(shape)]
}

/// The derivatives of the forward and of the backward pass.
fn moving([n, c, p, groups]: [usize; 4]) -> [Case; 2] {
    moving_of(NormShape { n, c, p, groups, eps: 1e-2, centred: true })
}

fn moving_of(s: NormShape) -> [Case; 2] {
    let NormShape { n, c, p, groups, .. } = s;
    let first = if s.centred { forward(s, 0.0) } else { root(s) };
    [first, both(s).hazard(Hazard::Merged, &["gamma"])].map(|case| {
        let name =
            case.name.replace("norm.stats", "norm.stats_tangent").replace("norm.channel", "norm.channel_tangent");
        along(case, name, (n * 5 + c * 3 + p) as u64)
            .tolerance(5e-5, 1e-5 + 2e-6 * ((n * p * c / groups) as f64).sqrt())
    })
}

/// Root mean squares: forward, both gradients, each sample's own, and the derivatives.
fn uncentred([n, c, p, groups]: [usize; 4]) -> [Case; 6] {
    let s = NormShape { n, c, p, groups, eps: 1e-2, centred: false };
    let [first, second] = moving_of(s);
    [root(s), input_gradient(s), both(s), parts(s), first, second]
}

fn root(s: NormShape) -> Case {
    let (mut case, mut g) = new("stats", s, "");
    let (x, gamma) = (case.input("x", g.values(s.elements())), case.input("gamma", g.values(s.c)));
    let (y, stats) = (case.output("y", s.elements()), case.output("stats", s.stats()));
    rms(&mut case.rec, x, gamma, y, stats, s);
    case.hazard(Hazard::Merged, &["x", "gamma"])
}

fn parts(s: NormShape) -> Case {
    let (mut case, mut g) = new("channel", s, " of samples");
    let [x, _, stats, dy] = operands(&mut case, &mut g, s);
    let [dgamma, dbeta] = ["dgamma", "dbeta"].map(|name| case.output(name, s.n * s.c));
    group_affine_parts(&mut case.rec, x, stats, dy, [dgamma, dbeta], s);
    case.tolerance(2e-5, 2e-6 + 1e-6 * (s.p as f64).sqrt())
}

fn sinks([n, c, p, groups]: [usize; 4]) -> [Case; 4] {
    let shape = NormShape { n, c, p, groups, eps: 1e-3, centred: true };
    let scaled = Reduction { alpha: 0.25, beta: 0.5, ..SUM };
    let square = Reduction { mode: ReductionMode::SquareSum, ..SUM };
    [scaled, square, Reduction { mode: ReductionMode::SquareSum, ..scaled }, Reduction::per_sample(c + 11)]
        .map(|sink| affine(shape, sink))
}

fn new(what: &str, s: NormShape, note: &str) -> (Case, Gen) {
    let NormShape { n, c, p, groups, .. } = s;
    let form = if s.centred { "" } else { " uncentred" };
    let case = Case::new(format!("norm.{what} {n}x{c}x{p} groups {groups}{form}{note}"), Target::default());
    // A normalised value is a difference of sums over the row.
    let len = (c / groups * p) as f64;
    (case.tolerance(2e-5, 2e-6 + 2e-7 * len.sqrt()), Gen::new((n * 31 + c * 7 + p) as u64))
}

fn forward(s: NormShape, centre: f32) -> Case {
    let note = if centre == 0.0 { String::new() } else { format!(" around {centre} eps {}", s.eps) };
    let (mut case, mut g) = new("stats", s, &note);
    let x: Vec<f32> = match centre.is_finite() {
        true => g.values(s.elements()).iter().map(|v| v + centre).collect(),
        false => vec![0.75; s.elements()],
    };
    let x = case.input("x", x);
    let gamma = case.input("gamma", g.values(s.c));
    let beta = case.input("beta", g.values(s.c));
    let y = case.output("y", s.elements());
    let stats = case.output("stats", s.stats());
    group(&mut case.rec, x, gamma, beta, y, stats, s);
    let case = case.hazard(Hazard::Merged, &["x", "gamma"]);
    // The mean of numbers near 100 carries an error of 4e-6 into differences of about 1.
    if centre.is_finite() && centre != 0.0 { case.tolerance(5e-5, 5e-5) } else { case }
}

/// x, gamma, stats and dy of a backward pass. The statistics are plausible, not those of x: the gradient must follow
/// what it is given.
fn operands(case: &mut Case, g: &mut Gen, s: NormShape) -> [Buf<f32>; 4] {
    let x = case.input("x", g.values(s.elements()));
    let gamma = case.input("gamma", g.values(s.c));
    let rstd = g.between(s.rows(), 0.5, 2.0);
    let stats = g.between(s.rows(), -0.2, 0.2).iter().zip(&rstd).flat_map(|(m, r)| [*m, *r]).collect();
    let stats = case.input("stats", stats);
    let dy = case.input("dy", g.values(s.elements()));
    [x, gamma, stats, dy]
}

fn input_gradient(s: NormShape) -> Case {
    let (mut case, mut g) = new("dx", s, "");
    let [x, gamma, stats, dy] = operands(&mut case, &mut g, s);
    let dx = case.output("dx", s.elements());
    group_bwd_x(&mut case.rec, x, gamma, stats, dy, dx, s);
    case
}

fn affine(s: NormShape, sink: Reduction) -> Case {
    let note = format!(" {:?} alpha {} beta {} stride {}", sink.mode, sink.alpha, sink.beta, sink.stride);
    let (mut case, mut g) = new("fold", s, &note);
    let [x, _, stats, dy] = operands(&mut case, &mut g, s);
    // Per sample, the range also holds what belongs to other parameters and must stay.
    let per_sample = sink.mode == ReductionMode::PerSample;
    let len = if per_sample { s.n * sink.stride } else { s.c };
    let [dgamma, dbeta] = ["dgamma", "dbeta"].map(|name| match sink.beta != 0.0 || per_sample {
        true => case.inout(name, g.values(len)),
        false => case.output(name, len),
    });
    group_bwd_affine(&mut case.rec, x, stats, dy, dgamma, dbeta, s, sink);
    let terms = if per_sample { s.p } else { s.n * s.p };
    case.tolerance(2e-5, 2e-6 + 1e-6 * (terms as f64).sqrt())
}

fn both(s: NormShape) -> Case {
    let (mut case, mut g) = new("channel", s, " with dx");
    let [x, gamma, stats, dy] = operands(&mut case, &mut g, s);
    let dx = case.output("dx", s.elements());
    let dgamma = case.output("dgamma", s.c);
    let dbeta = case.output("dbeta", s.c);
    group_bwd(&mut case.rec, x, gamma, stats, dy, dx, (dgamma, dbeta, SUM), s);
    case.tolerance(2e-5, 2e-6 + 1e-6 * ((s.n * s.p * s.c / s.groups) as f64).sqrt())
}
