//! Host tests of the `graph` family: the definitions against hand-worked numbers.

use super::*;
use crate::engine::{Engine, Recording, Target, Vendor};

/// Runs a recording of one twin after another and returns `out`.
fn run(engine: &mut Engine, rec: Recording, out: Buf<f32>) -> Vec<f32> {
    let program = engine.compile(rec).expect("compiles");
    engine.run(&program, &[]).expect("runs");
    engine.read(out).expect("reads")
}

fn put<T: crate::engine::Element>(engine: &mut Engine, values: &[T]) -> Buf<T> {
    let buf = engine.alloc("test", values.len()).expect("alloc");
    engine.write(buf, values).expect("write");
    buf
}

#[test]
fn the_norms_of_a_path_are_those_of_gcn_norm() {
    // 0 - 1 - 2 both ways, self-loops added (weight 0); node 2 has a real one.
    let mut e = Engine::reference();
    let a = Csr { ptr: put(&mut e, &[0, 2, 5, 7]), idx: put(&mut e, &[0, 1, 0, 1, 2, 1, 2]), perm: None, heavy: false };
    let weight = put(&mut e, &[0.0f32, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
    let (sym, mean) = (put(&mut e, &[0.0f32; 7]), put(&mut e, &[0.0f32; 7]));
    let mut rec = Recording::new(Target::default());
    degree_norms(&mut rec, &a, weight, sym, mean);
    let got = run(&mut e, rec, sym);
    // Degrees with one self-loop each: 2, 3, 2.
    let (two, three) = (1.0 / 2.0f32.sqrt(), 1.0 / 3.0f32.sqrt());
    let want = [two * two, two * three, two * three, three * three, two * three, two * three, two * two];
    assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-6), "{got:?}");
    assert_eq!(e.read(mean).expect("reads"), [0.0, 1.0, 0.5, 0.0, 0.5, 0.5, 0.5]);
}

#[test]
fn the_laplacian_of_a_path_is_that_of_cheb_conv() {
    // 0 - 1 - 2 both ways and 3 alone; node 2 has a real self-loop, which takes no part.
    let mut e = Engine::reference();
    let (ptr, idx) = (put(&mut e, &[0, 2, 5, 7, 8]), put(&mut e, &[0, 1, 0, 1, 2, 1, 2, 3]));
    let a = Csr { ptr, idx, perm: None, heavy: false };
    let weight = put(&mut e, &[0.0f32, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0]);
    let [sym, mean, lap] = [0, 1, 2].map(|_| put(&mut e, &[0.0f32; 8]));
    let mut rec = Recording::new(Target::default());
    degree_norms(&mut rec, &a, weight, sym, mean);
    laplacian(&mut rec, &a, weight, sym, lap);
    let got = run(&mut e, rec, lap);
    // Degrees 1, 2, 1, 0.
    let v = -1.0 / 2.0f32.sqrt();
    assert!(got.iter().zip([0.0, v, v, 0.0, v, v, 0.0, 0.0]).all(|(g, w)| (g - w).abs() < 1e-6), "{got:?}");
}

#[test]
fn a_matrix_is_heavy_if_one_row_is_far_over_the_mean() {
    assert!(!is_heavy(&[0]));
    assert!(!is_heavy(&[0, 0, 0]));
    assert!(!is_heavy(&[0, 5]));
    // 100 rows, one of them with 100 entries: mean 1, rounded up.
    let ends = |n: u32| [vec![0], vec![n; 100]].concat();
    assert!(is_heavy(&ends(33)) && is_heavy(&ends(100)));
    assert!(!is_heavy(&ends(32)));
}

#[test]
fn the_form_follows_the_matrix_and_the_adapter() {
    let (software, gpu) = (Target::software(8), Target::gpu(Vendor::Unknown, 32));
    assert_eq!(choose(software, 2708, 13_264, false, 16), Form::Quads(4));
    assert_eq!(choose(software, 2708, 13_264, false, 12), Form::Quads(3));
    assert_eq!(choose(software, 2708, 13_264, false, 256), Form::Quads(4));
    assert_eq!(choose(software, 2708, 13_264, false, 40), Form::Quads(2));
    assert_eq!(choose(software, 2708, 13_264, false, 15), Form::Narrow);
    assert_eq!(choose(gpu, 2708, 13_264, false, 16), Form::Quads(1));
    assert_eq!(choose(software, 5, 9, false, 0), Form::Narrow);
    assert_eq!(choose(software, 2708, 13_264, false, 17), Form::Plain);
    assert_eq!(choose(software, 2708, 13_264, false, 7), Form::Narrow);
    assert_eq!(choose(gpu, 2708, 13_264, false, 7), Form::Plain);
    assert_eq!(choose(gpu, 169_343, 2_315_598, false, 8), Form::Quads(2));
    assert_eq!(choose(gpu, 169_343, 2_315_598, false, 7), Form::Narrow);
    assert_eq!(choose(gpu, 169_343, 2_315_598, false, 9), Form::Plain);
    // A star: one row holds half of all entries.
    assert_eq!(choose(software, 100_001, 200_000, true, 16), Form::Balanced);
    assert_eq!(choose(gpu, 100_001, 200_000, true, 1), Form::Balanced);
    // Too small to be worth two kernels.
    assert_eq!(choose(software, 2708, 13_264, true, 17), Form::Plain);
    // A team walks the longest row.
    assert_eq!(choose(gpu, 2708, 13_264, true, 16), Form::Team);
    assert_eq!(choose(gpu, 2708, 13_264, true, 7), Form::Team);
    assert_eq!(choose(gpu, 20_000, 40_000, true, 16), Form::Balanced);
    assert_eq!(choose(gpu, 100, 200, true, 17), Form::Plain);
    // Even rows, but each may be longer than llvmpipe lets a thread walk.
    assert_eq!(choose(gpu, 100, 1_000_000, false, 16), Form::Balanced);
}

#[test]
fn no_thread_of_a_balanced_product_walks_more_than_every_adapter_lets_it() {
    for (rows, entries) in [(1, 1), (100_001, 200_000), (1 << 20, 1 << 24), (u32::MAX as usize, 1 << 26)] {
        let p = balanced::Chunked::new(rows, entries, 16, 0.0);
        assert!(p.turns() < 65_535, "{rows} rows, {entries} entries: {}", p.turns());
        assert!(p.fix_turns() < 65_535 + 8, "{rows} rows, {entries} entries: {}", p.fix_turns());
    }
}

#[test]
fn partners_are_a_permutation_and_its_inverse_anew_in_every_step_and_stream() {
    let of = |n: usize, stream: u32, step: [u32; 4]| -> (Vec<u32>, Vec<u32>) {
        let mut e = Engine::reference();
        let step = put(&mut e, &step);
        let (partner, inverse) = (put(&mut e, &vec![0; n]), put(&mut e, &vec![0; n]));
        let mut rec = Recording::new(Target::default());
        negatives(&mut rec, step, stream, n, partner, inverse);
        let program = e.compile(rec).expect("compiles");
        e.run(&program, &[]).expect("runs");
        (e.read(partner).expect("reads"), e.read(inverse).expect("reads"))
    };
    for n in [1, 2, 3, 5, 16, 17, 97, 1000, 2708] {
        let (partner, inverse) = of(n, 0, [7, 8, 9, 0]);
        let mut sorted = partner.clone();
        sorted.sort_unstable();
        assert!(sorted.iter().copied().eq(0..n as u32), "{n}");
        assert!((0..n).all(|u| inverse[partner[u] as usize] as usize == u), "{n}");
        let p = link::Permutation::new(n, 0);
        let keys = p.keys(&[7, 8, 9, 0]);
        assert!((0..n).all(|u| p.apply(&keys, u as u32, true) == inverse[u]), "{n}: the inverse by itself");
    }
    let (first, _) = of(1000, 0, [7, 8, 9, 0]);
    assert_eq!(first, of(1000, 0, [7, 8, 9, 0]).0);
    for (stream, step) in [(1, [7, 8, 9, 0]), (0, [7, 8, 10, 0]), (0, [7, 9, 9, 0]), (0, [6, 8, 9, 0])] {
        let (other, _) = of(1000, stream, step);
        let same = first.iter().zip(&other).filter(|(a, b)| a == b).count();
        // One is expected; ten would be a wonder.
        assert!(same < 10, "stream {stream} step {step:?}: {same} partners are the same");
    }
}

#[test]
fn partners_are_spread_evenly() {
    // Over many steps, how often node u of 20 gets partner v: 100 times each, give or take.
    let (n, steps) = (20, 2000);
    let p = link::Permutation::new(n, 5);
    let mut counts = vec![0.0; n * n];
    for step in 0..steps {
        let keys = p.keys(&[1, 2, step, 0]);
        (0..n).for_each(|u| counts[u * n + p.apply(&keys, u as u32, false) as usize] += 1.0);
    }
    let expected = f64::from(steps) / n as f64;
    let chi: f64 = counts.iter().map(|c| (c - expected) * (c - expected) / expected).sum();
    // (n - 1)^2 = 361 degrees of freedom, standard deviation 27: five of those.
    assert!((chi - 361.0).abs() < 135.0, "chi-square {chi}");
}
