//! Cases of the `krylov` family.

use super::*;
use crate::engine::Target;
use crate::engine::case::{Case, Gen, Hazard};

/// One vec4, fewer numbers than one partial sum takes, ragged ends of whole vec4s, more than the most parts take once.
const LENGTHS: [usize; 8] = [4, 64, 252, 260, 1996, 4096, 4 * 65_599, 0];

/// Every kernel at every length.
pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for n in LENGTHS {
        all.extend([1, 3, 7].map(|rows| dots_case(rows, n)));
        all.extend([(1, 1.0), (5, -1.0)].map(|(rows, sign)| combine_case(rows, n, sign)));
        if n > 0 {
            all.push(iterate_case(n, [2.5, 1e-9, flag::RUNNING, 3.0], 0.1));
        }
    }
    all.extend([
        dots_case(0, 64),
        combine_case(0, 64, 1.0),
        dots_case(70_001, 4).folded(),
        dots_case(13, 1 << 16).timed(),
    ]);
    all.extend([combine_case(2, 4 * 70_001, 1.0).folded(), combine_case(13, 1 << 16, 1.0).timed()]);
    all.extend([iterate_case(4 * 70_001, [2.5, 1e-9, flag::RUNNING, 0.0], 0.0).folded()]);
    all.push(iterate_case(1 << 16, [2.5, 0.0, flag::RUNNING, 0.0], 0.1).timed());
    // At its goal, finished one way or the other, and along a direction of negative curvature: x may not move in the
    // last three.
    all.push(iterate_case(260, [2.5, 1e9, flag::RUNNING, 7.0], 0.1));
    all.extend([flag::GOAL, flag::CURVATURE].map(|flag| iterate_case(260, [2.5, 1e-9, flag, 7.0], 0.1)));
    all.push(iterate_case(260, [2.5, 1e-9, flag::RUNNING, 7.0], -1e3));
    all.extend([[f32::INFINITY, f32::NEG_INFINITY], [f32::INFINITY, 1.0], [1e-37, 0.0]].map(bad_product_case));
    all
}

/// Every kernel at one random length.
pub fn random(g: &mut Gen) -> Vec<Case> {
    let (n, rows) = (4 * g.size(1, 5_000), g.size(1, 12));
    let shift = [0.0, 0.1, 2.0][g.below(3)];
    vec![
        dots_case(rows, n),
        combine_case(rows, n, if g.below(2) == 0 { 1.0 } else { -1.0 }),
        iterate_case(n, [2.5, 1e-9, flag::RUNNING, g.below(9) as f32], shift),
    ]
}

fn dots_case(rows: usize, n: usize) -> Case {
    let mut case = Case::new(format!("krylov.dots {rows}x{n}"), Target::default());
    let mut g = Gen::new((rows * 31 + n) as u64);
    let x = case.input("x", g.values(rows * n));
    let w = case.input("w", g.values(n));
    let y = case.output("y", rows);
    dots(&mut case.rec, x, w, y);
    case.tolerance(1e-5, 4e-7 * (n as f64).sqrt().max(1.0))
}

fn combine_case(rows: usize, n: usize, sign: f32) -> Case {
    let mut case = Case::new(format!("krylov.combine {rows}x{n} sign {sign}"), Target::default());
    let mut g = Gen::new((rows * 37 + n) as u64);
    let x = case.input("x", g.values(rows * n));
    let c = case.input("c", g.values(rows));
    let y = case.inout("y", g.values(n));
    combine(&mut case.rec, x, c, y, sign);
    case
}

/// One iteration from a given state, on a q that goes along with d: a product with a positive matrix.
fn iterate_case(n: usize, state: [f32; 4], shift: f32) -> Case {
    let mut case = Case::new(format!("krylov.curvature {n} state {state:?} shift {shift}"), Target::default());
    let mut g = Gen::new(n as u64 + 3);
    let d = g.values(n);
    let q = d.iter().zip(g.between(n, 0.2, 2.0)).map(|(d, w)| d * w).collect();
    record(&mut case, &mut g, d, q, state, shift);
    case.hazard(Hazard::Compared, &["state", "d", "q"]).tolerance(1e-4, 1e-5)
}

/// A product whose sum is no number, or not finite, or so small that the step would be none.
fn bad_product_case(values: [f32; 2]) -> Case {
    let mut case = Case::new(format!("krylov.length of a product with {values:?}"), Target::default());
    let mut g = Gen::new(9);
    let mut q = vec![0.0; 64];
    q[5..7].copy_from_slice(&values);
    record(&mut case, &mut g, vec![1.0; 64], q, [250.0, 1e-9, flag::RUNNING, 3.0], 0.0);
    case.hazard(Hazard::Compared, &["state", "d", "q"])
}

fn record(case: &mut Case, g: &mut Gen, d: Vec<f32>, q: Vec<f32>, state: [f32; 4], shift: f32) {
    let n = d.len();
    let (x, r) = (case.inout("x", g.values(n)), case.inout("r", g.values(n)));
    let (d, q) = (case.inout("d", d), case.inout("q", q));
    let state = case.inout("state", state.to_vec());
    let [alpha, beta] = ["alpha", "beta"].map(|name| case.output(name, 1));
    Cg { x, r, d, q, state, alpha, beta }.iterate(&mut case.rec, shift);
}
