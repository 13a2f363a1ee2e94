//! Cases of the `solve` family.

use super::{Sides, cholesky, damp, triangular};
use crate::engine::Target;
use crate::engine::case::{Case, Gen, Hazard};

/// One row, a prime below a block, a block exactly, some blocks and a row, and enough for long sums.
const SIZES: [usize; 8] = [0, 1, 5, 31, 32, 64, 129, 257];

/// Every kernel at every size.
pub fn cases() -> Vec<Case> {
    let mut all: Vec<Case> = SIZES.into_iter().map(damped).collect();
    all.push(damped(259).folded());
    all.extend(SIZES.map(|n| factor(n, 1.0)));
    all.extend([67, 129].map(|n| factor(n, 1e-4)));
    all.push(factor(400, 1.0).timed());
    all.extend([(1, 0), (37, 5), (64, 40), (129, 128)].map(|(n, at)| indefinite(n, at)));
    for transposed in [false, true] {
        for by_rows in [false, true] {
            for (n, sides) in [(1, 1), (1, 7), (31, 1), (33, 5), (64, 64), (129, 3), (131, 67), (0, 4), (9, 0)] {
                all.push(solved(n, sides, transposed, by_rows));
            }
            all.push(solved(5, 65_541, transposed, by_rows).folded());
        }
        all.push(solved(150, 400, transposed, false).timed());
        // Two blocks of rows and enough sides that the update between them folds as well.
        all.push(solved(64, 32_772, transposed, false).folded());
    }
    all
}

/// Every kernel at one random size.
pub fn random(g: &mut Gen) -> Vec<Case> {
    let (n, sides) = (g.size(1, 170), g.size(1, 90));
    let at = g.below(n);
    vec![damped(n), factor(n, 1.0), indefinite(n, at), solved(n, sides, g.below(2) == 0, g.below(2) == 0)]
}

/// B Bᵀ / n + damping I with B of half as many columns as rows: half of the spectrum is the damping alone.
fn positive(n: usize, damping: f32) -> Vec<f32> {
    let half = n.div_ceil(2);
    let b = Gen::new(n as u64 + 3).values(n * half);
    let entry = |i: usize, j: usize| -> f64 {
        (0..half).map(|k| f64::from(b[i * half + k]) * f64::from(b[j * half + k])).sum::<f64>() / n as f64
    };
    let shift = |i, j| if i == j { f64::from(damping) } else { 0.0 };
    (0..n * n).map(|at| (entry(at / n, at % n) + shift(at / n, at % n)) as f32).collect()
}

fn damped(n: usize) -> Case {
    let mut case = Case::new(format!("solve.damp {n}x{n}"), Target::default());
    let a = case.input("a", Gen::new(n as u64).values(n * n));
    let y = case.output("y", n * n);
    damp(&mut case.rec, a, y, n, 0.375);
    case
}

fn factor(n: usize, damping: f32) -> Case {
    let mut case = Case::new(format!("solve.cholesky {n}x{n} damping {damping:e}"), Target::default());
    let mut a = positive(n, damping);
    // What lies above the diagonal must not be read.
    (0..n).for_each(|i| a[i * n + i + 1..(i + 1) * n].fill(1e30));
    let a = case.inout("a", a);
    let status = case.inout_u32("status", vec![7]);
    cholesky(&mut case.rec, a, n, status);
    // The factor's error grows with the condition, of which the damping is the lower end.
    case.hazard(Hazard::Compared, &["a"]).tolerance(1e-5, 2e-6 / f64::from(damping).min(1.0).sqrt())
}

/// The row `at` has a pivot that is far below 0, and a later one has too.
fn indefinite(n: usize, at: usize) -> Case {
    let mut case = Case::new(format!("solve.cholesky {n}x{n} indefinite at {at}"), Target::default());
    let mut a = positive(n, 1.0);
    a[at * n + at] -= 9.0;
    a[n * n - 1] -= 9.0;
    let a = case.inout("a", a);
    let status = case.inout_u32("status", vec![0]);
    cholesky(&mut case.rec, a, n, status);
    case.hazard(Hazard::Compared, &["a"]).tolerance(1e-5, 1e-5)
}

fn solved(n: usize, sides: usize, transposed: bool, by_rows: bool) -> Case {
    let name = format!(
        "solve.triangular {n}x{n} for {sides}{}{}",
        if transposed { " transposed" } else { "" },
        if by_rows { " by rows" } else { "" }
    );
    let mut case = Case::new(name, Target::default());
    let mut g = Gen::new((n * 7 + sides) as u64);
    let (off, diagonal) = (g.values(n * n), g.between(n, 1.0, 2.0));
    let scale = 1.0 / (n.max(1) as f32).sqrt();
    let entry = |i: usize, j: usize| match i.cmp(&j) {
        std::cmp::Ordering::Greater => scale * off[i * n + j],
        std::cmp::Ordering::Equal => diagonal[i],
        // Not to be read.
        std::cmp::Ordering::Less => 1e30,
    };
    let l = case.input("l", (0..n * n).map(|at| entry(at / n, at % n)).collect());
    let b = case.inout("b", g.values(n * sides));
    let b = if by_rows { Sides::rows(b, n, sides) } else { Sides::columns(b, n, sides) };
    triangular(&mut case.rec, l, b, transposed);
    case.hazard(Hazard::NotZero, &["l"]).tolerance(1e-5, 5e-6)
}
