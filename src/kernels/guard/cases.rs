//! Cases of the `guard` family.

use super::{ALL_FINITE, finite};
use crate::engine::Target;
use crate::engine::case::{Case, Gen};

/// Clean buffers, each kind of bad value, first and last and several of them, and a flag that is already set.
pub fn cases() -> Vec<Case> {
    const INF: f32 = f32::INFINITY;
    let mut all = Vec::new();
    // Behind the last element the harness leaves NaN, which must not be seen.
    for n in [0, 1, 3, 4, 131, 1021, 4096] {
        all.push(finite_case(n, &[], ALL_FINITE));
    }
    for bad in [f32::NAN, -f32::NAN, INF, -INF, f32::from_bits(0x7f80_0001)] {
        for at in [0, 1, 2, 3, 600, 1020] {
            all.push(finite_case(1021, &[(at, bad)], ALL_FINITE));
        }
    }
    all.push(finite_case(1, &[(0, INF)], ALL_FINITE));
    all.push(finite_case(1021, &[(6, INF), (5, f32::NAN), (4, 0.0), (700, -INF)], ALL_FINITE));
    all.push(finite_case(1021, &[(6, INF)], 3));
    all.push(finite_case(1021, &[(6, INF)], 9));
    let n = 4 * 65_541 + 1;
    all.push(finite_case(n, &[(n - 1, f32::NAN)], ALL_FINITE).folded());
    all.push(finite_case(1 << 20, &[(77_777, f32::NAN), (77_776, INF)], ALL_FINITE).timed());
    all
}

/// One random length with some bad values, or none.
pub fn random(g: &mut Gen) -> Vec<Case> {
    let n = g.size(1, 20_000);
    let any = [f32::NAN, f32::INFINITY, -f32::INFINITY];
    let bad: Vec<_> = (0..g.below(4)).map(|_| (g.below(n), any[g.below(3)])).collect();
    vec![finite_case(n, &bad, ALL_FINITE)]
}

fn finite_case(n: usize, bad: &[(usize, f32)], start: u32) -> Case {
    let listed: Vec<_> = bad.iter().map(|(at, v)| format!("{at}:{:08x}", v.to_bits())).collect();
    let mut case = Case::new(format!("guard.finite {n} [{}] from {start}", listed.join(" ")), Target::default());
    let mut values = Gen::new(n as u64).values(n);
    // The largest and the smallest finite numbers are finite.
    for (v, edge) in values.iter_mut().zip([f32::MAX, f32::MIN, 1e-45, -0.0]) {
        *v = edge;
    }
    for (at, v) in bad {
        values[*at] = *v;
    }
    let x = case.input("x", values);
    let flag = case.inout_u32("flag", vec![start]);
    finite(&mut case.rec, x, flag);
    case
}
