//! Host tests of the `graph` family: the definitions against hand-worked numbers.

use super::*;
use crate::engine::{Engine, Recording, Target};

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
fn a_matrix_is_heavy_if_one_row_is_far_over_the_mean() {
    assert!(!is_heavy(&[0]));
    assert!(!is_heavy(&[0, 0, 0]));
    assert!(!is_heavy(&[0, 5]));
    // 100 rows, one of them with 100 entries: mean 1, rounded up.
    let ends = |n: u32| [vec![0], vec![n; 100]].concat();
    assert!(is_heavy(&ends(33)) && is_heavy(&ends(100)));
    assert!(!is_heavy(&ends(32)));
}
