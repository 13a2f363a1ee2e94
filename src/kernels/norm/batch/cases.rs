//! Cases of batch normalisation.

use super::{Places, batch_bwd, follow, moments, normalise, normalise_bwd_x, spread};
use crate::engine::Target;
use crate::engine::case::{Case, Gen};
use crate::kernels::norm::NormShape;

/// n c p.
const SHAPES: &[[usize; 3]] = &[
    [1, 1, 2],
    [2, 1, 1],
    [7, 13, 1],
    [3, 6, 49],
    [5, 4, 16],
    // More channels than a workgroup has threads, one by one.
    [4, 67, 3],
    // Planes that several threads share, evenly and not.
    [2, 3, 256],
    [3, 2, 1031],
    [0, 4, 9],
];

/// Every kernel at every shape.
pub fn cases() -> Vec<Case> {
    let mut all: Vec<Case> = SHAPES.iter().flat_map(|s| at(*s)).collect();
    // Mean 100, spread 1: E[x²] − E[x]² would lose four digits.
    all.push(forward(shape([6, 3, 35]), 100.0));
    // Nothing but eps is left.
    all.push(forward(NormShape { eps: 0.25, ..shape([4, 2, 5]) }, f32::INFINITY));
    let many = shape([1, 70_001, 2]);
    all.extend([forward(many, 0.0), running(many), backward(many, true)].map(Case::folded));
    all.extend([forward(shape([64, 16, 196]), 0.0), backward(shape([64, 16, 196]), true)].map(Case::timed));
    all
}

/// Every kernel at one random shape.
pub fn random(g: &mut Gen) -> Vec<Case> {
    at([g.size(1, 40), g.size(1, 70), g.size(1, 300)]).into()
}

fn at(s: [usize; 3]) -> [Case; 5] {
    let s = shape(s);
    [forward(s, 0.0), running(s), backward(s, true), backward(s, false), still(s)]
}

fn shape([n, c, p]: [usize; 3]) -> NormShape {
    NormShape { n, c, p, groups: c, eps: 1e-5, centred: true }
}

fn new(what: &str, s: NormShape, note: &str) -> (Case, Gen) {
    let NormShape { n, c, p, .. } = s;
    let case = Case::new(format!("norm.{what} {n}x{c}x{p}{note}"), Target::default());
    (case.tolerance(2e-5, 2e-6 + 2e-7 * ((n * p) as f64).sqrt()), Gen::new((n * 37 + c * 11 + p) as u64))
}

/// Moments, statistics and the normalised values.
fn forward(s: NormShape, centre: f32) -> Case {
    let note = if centre == 0.0 { String::new() } else { format!(" around {centre} eps {}", s.eps) };
    let (mut case, mut g) = new("batch", s, &note);
    let x: Vec<f32> = match centre.is_finite() {
        true => g.values(s.elements()).iter().map(|v| v + centre).collect(),
        false => vec![0.75; s.elements()],
    };
    let x = case.input("x", x);
    let affine = [case.input("gamma", g.values(s.c)), case.input("beta", g.values(s.c))];
    let [mean, variance] = ["mean", "variance"].map(|name| case.output(name, s.c));
    let (stats, y) = (case.output("stats", s.stats()), case.output("y", s.elements()));
    moments(&mut case.rec, x, mean, variance, s);
    spread(&mut case.rec, [mean, variance], stats, s);
    normalise(&mut case.rec, x, affine, stats, y, s);
    // Two values close together are normalised by a small difference.
    let few = if s.n * s.p < 4 { 20.0 } else { 1.0 };
    if centre.is_finite() && centre != 0.0 {
        case.tolerance(5e-5, 5e-5)
    } else {
        case.tolerance(2e-5 * few, 4e-6 * few)
    }
}

/// Running statistics, with gaps between them that must stay.
fn running(s: NormShape) -> Case {
    let s = NormShape { n: s.n.max(1), p: s.p.max(2), ..s };
    let (mut case, mut g) = new("running", s, "");
    let moments = [case.input("mean", g.values(s.c)), case.input("variance", g.between(s.c, 0.1, 3.0))];
    let at = Places { spread: s.c + 3, batches: 2 * s.c + 5 };
    let state = case.inout("state", g.between(at.batches + 4, 0.5, 2.0));
    follow(&mut case.rec, moments, state, at, s, 0.1);
    case
}

/// The gradients of a batch normalised by itself; the statistics are plausible, not those of x.
fn backward(s: NormShape, dx: bool) -> Case {
    let (mut case, mut g) = new("batch_row", s, if dx { "" } else { " without dx" });
    let operands = operands(&mut case, &mut g, s);
    let sums = ["dgamma", "dbeta"].map(|name| case.output(name, s.c));
    let dx = dx.then(|| case.output("dx", s.elements()));
    batch_bwd(&mut case.rec, operands, sums, dx, s);
    case.tolerance(2e-5, 2e-6 + 1e-6 * ((s.n * s.p) as f64).sqrt())
}

/// The input's gradient where statistics are constants.
fn still(s: NormShape) -> Case {
    let (mut case, mut g) = new("dx", s, " of constants");
    let operands = operands(&mut case, &mut g, s);
    let dx = case.output("dx", s.elements());
    normalise_bwd_x(&mut case.rec, operands, dx, s);
    case
}

fn operands(case: &mut Case, g: &mut Gen, s: NormShape) -> [crate::engine::Buf<f32>; 4] {
    let x = case.input("x", g.values(s.elements()));
    let gamma = case.input("gamma", g.values(s.c));
    let rstd = g.between(s.rows(), 0.5, 2.0);
    let stats = g.between(s.rows(), -0.2, 0.2).iter().zip(&rstd).flat_map(|(m, r)| [*m, *r]).collect();
    let stats = case.input("stats", stats);
    [x, gamma, stats, case.input("dy", g.values(s.elements()))]
}
