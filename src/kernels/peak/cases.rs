//! Cases of the `peak` family.

use super::{TILE, copy, fma, shared, triad};
use crate::engine::Target;
use crate::engine::case::{Case, Gen};
use crate::kernels::asked::Op;

const LENGTHS: [usize; 6] = [0, 1, 3, 131, 256, 1021];

/// Elements whose quads need more than 65 535 groups of one.
const FOLDED: usize = 4 * 65_541 + 1;

/// Every kernel at every length.
pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for n in LENGTHS {
        all.extend([copy_case(n), triad_case(n), fma_case(n, 3, true), fma_case(n, 1, false), shared_case(n, 37)]);
    }
    // No turn at all, and walks that come round to where they began.
    all.extend([fma_case(67, 0, true), shared_case(67, 300)]);
    all.extend([copy_case(FOLDED).folded(), triad_case(FOLDED).folded(), fma_case(65_541, 0, true).folded()]);
    all.push(shared_case(65_541, 1).folded());
    all.extend([copy_case(1 << 20), triad_case(1 << 20), fma_case(1 << 12, 4, true)].map(Case::timed));
    all.push(shared_case(1 << 14, 64).timed());
    all
}

/// Every kernel at one random length.
pub fn random(g: &mut Gen) -> Vec<Case> {
    let (n, turns) = (g.size(1, 20_000), g.size(1, 40));
    vec![copy_case(n), triad_case(n), fma_case(g.size(1, 500), turns, g.below(2) == 0), shared_case(n / 4 + 1, turns)]
}

/// What `unlearn bench --op` times of the family.
pub fn asked() -> Vec<Op> {
    vec![
        Op::of_length("copy", "y = x, the copy that memory roofs are measured with", copy_case),
        Op::of_length("triad", "y = a + s b, STREAM's triad", triad_case),
    ]
}

fn new(name: String) -> Case {
    Case::new(name, Target::default())
}

fn copy_case(n: usize) -> Case {
    let mut case = new(format!("peak.copy {n}"));
    let x = case.input("x", Gen::new(n as u64).values(n));
    let y = case.output("y", n);
    copy(&mut case.rec, x, y);
    case.tolerance(0.0, 0.0)
}

fn triad_case(n: usize) -> Case {
    let mut case = new(format!("peak.triad {n}"));
    let mut g = Gen::new(n as u64 + 1);
    let (a, b) = (case.input("a", g.values(n)), case.input("b", g.values(n)));
    let y = case.output("y", n);
    triad(&mut case.rec, a, b, 0.75, y);
    case.tolerance(1e-6, 1e-7)
}

fn fma_case(n: usize, turns: usize, fused: bool) -> Case {
    let fusing = if fused { "" } else { " apart" };
    let mut case = new(format!("peak.fma {n} turns {turns}{fusing}"));
    let x = case.input("x", Gen::new(n as u64 + 2).values(n));
    let y = case.output("y", n);
    fma(&mut case.rec, x, y, turns, fused);
    case.tolerance(2e-6, 1e-5)
}

fn shared_case(n: usize, turns: usize) -> Case {
    let mut case = new(format!("peak.shared {n} turns {turns}"));
    let x = case.input("x", Gen::new(n as u64 + 3).values(TILE));
    let y = case.output("y", n);
    shared(&mut case.rec, x, y, turns);
    case.tolerance(1e-5, 2e-6 * (16.0 * turns as f64).sqrt().max(1.0))
}
