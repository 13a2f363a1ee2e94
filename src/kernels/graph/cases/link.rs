//! Cases of link prediction.

use super::super::{bce, negatives, partner_scores, partner_scores_bwd};
use super::{new, rounding};
use crate::engine::Buf;
use crate::engine::case::{Case, Gen, Hazard};

pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    // A square, one more, one less, primes.
    for n in [0, 1, 2, 3, 4, 15, 16, 17, 131, 1021] {
        all.push(permutation(n, 3));
        all.push(logits(n, 0.0));
        all.push(logits(n, 1.0));
        for cols in [1, 7, 16] {
            all.push(scores(n, cols));
            all.push(gradient(n, cols, false));
            all.push(gradient(n, cols, true));
        }
    }
    all.push(permutation(131, 4));
    all.push(logits(131, 0.25));
    all.push(permutation(70_001, 3).folded());
    all.push(logits(70_001, 1.0).folded());
    all.push(scores(70_001, 3).folded());
    all.push(gradient(70_001, 3, true).folded());
    all.push(permutation(169_343, 0).timed());
    all.push(scores(2708, 64).timed());
    all.push(gradient(2708, 64, true).timed());
    all.push(logits(1 << 18, 0.0).timed());
    all
}

pub fn random(g: &mut Gen) -> Vec<Case> {
    let (n, cols) = (g.size(1, 3_000), g.size(1, 40));
    let goal = [0.0, 0.25, 1.0][g.below(3)];
    vec![permutation(n, g.below(9) as u32), logits(n, goal), scores(n, cols), gradient(n, cols, g.below(2) == 0)]
}

fn permutation(n: usize, stream: u32) -> Case {
    let mut case = new(format!("graph.negatives {n} stream {stream}"));
    let mut g = Gen::new(n as u64);
    let step = case.input_u32("step", vec![g.word() as u32, g.word() as u32, 12_345 + n as u32, 0]);
    let (partner, inverse) = (case.output("partner", n), case.output("inverse", n));
    negatives(&mut case.rec, step, stream, n, partner, inverse);
    case
}

/// A rotation, so that the two directions differ.
fn rotation(case: &mut Case, n: usize) -> (Buf<u32>, Buf<u32>) {
    let by = |shift: usize| (0..n).map(|u| ((u + shift) % n.max(1)) as u32).collect();
    let shift = n / 3;
    (case.input_u32("partner", by(shift)), case.input_u32("inverse", by(n - shift)))
}

fn scores(n: usize, cols: usize) -> Case {
    let mut case = new(format!("graph.partner_scores {n} width {cols}"));
    let z = case.input("z", Gen::new((n + cols) as u64).values(n * cols));
    let (partner, _) = rotation(&mut case, n);
    let s = case.output("s", n);
    partner_scores(&mut case.rec, z, partner, s, cols);
    rounding(case, 4 * cols)
}

fn gradient(n: usize, cols: usize, add: bool) -> Case {
    let mut case = new(format!("graph.partner_scores_bwd {n} width {cols}{}", if add { " add" } else { "" }));
    let mut g = Gen::new((n * 3 + cols) as u64);
    let z = case.input("z", g.values(n * cols));
    let (partner, inverse) = rotation(&mut case, n);
    let ds = case.input("ds", g.values(n));
    let dz = if add { case.inout("dz", g.values(n * cols)) } else { case.output("dz", n * cols) };
    partner_scores_bwd(&mut case.rec, z, partner, inverse, ds, dz, cols, add);
    rounding(case, 3)
}

/// Ordinary logits, and from the back such that naive formulas overflow or cancel; every fifth pair does not count.
fn logits(n: usize, goal: f32) -> Case {
    let mut case = new(format!("graph.bce {n} goal {goal}"));
    let mut g = Gen::new(n as u64);
    let mut s = g.between(n, -4.0, 4.0);
    for (v, hard) in s.iter_mut().rev().zip([0.0, 12.0, -12.0, 30.0, -30.0, 80.0, -80.0, 1e4, -1e4]) {
        *v = hard;
    }
    let mut w = g.between(n, 0.1, 2.0);
    w.iter_mut().skip(2).step_by(5).for_each(|w| *w = 0.0);
    if let Some(s) = s.get_mut(2) {
        *s = f32::INFINITY;
    }
    let (s, weight) = (case.input("s", s), case.input("weight", w));
    let (loss, ds) = (case.output("loss", n), case.output("ds", n));
    bce(&mut case.rec, s, goal, weight, loss, ds);
    let case = case.hazard(Hazard::Compared, &["weight"]);
    // Relative to its own size, however small, where t is 0 or 1; in between s t cancels against max(s, 0).
    case.tolerance(4e-6, if goal == 0.0 || goal == 1.0 { 1e-30 } else { 1e-6 })
}
