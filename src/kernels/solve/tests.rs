//! Factors and solutions against what they are defined by.

use super::*;
use crate::engine::case::Gen;
use crate::engine::{Engine, Lane};

/// L Lᵀ = A and A x = b for a matrix whose size is no multiple of a block.
#[test]
fn factors_multiply_to_the_matrix_and_solutions_solve() {
    let n = 70;
    let g = Gen::new(5).values(n * n);
    let at = |i: usize, j: usize| {
        let sum: f64 = (0..n).map(|k| f64::from(g[i * n + k]) * f64::from(g[j * n + k])).sum();
        ((sum / n as f64) as f32) + if i == j { 0.5 } else { 0.0 }
    };
    let a: Vec<f32> = (0..n * n).map(|e| at(e / n, e % n)).collect();
    let b = Gen::new(6).values(n * 3);
    let mut engine = Engine::reference();
    let [l, x] = [n * n, n * 3].map(|len| engine.alloc::<f32>("", len).unwrap());
    let status = engine.alloc::<u32>("", 1).unwrap();
    engine.write(l, &a).unwrap();
    engine.write(x, &b).unwrap();
    let mut rec = Recording::default();
    cholesky(&mut rec, l, n, status);
    solve(&mut rec, l, Sides::columns(x, n, 3));
    let program = engine.compile(rec).unwrap();
    engine.run(&program, &[]).unwrap();
    assert_eq!(engine.read(status).unwrap(), [0]);
    let mut exact = |buf: Buf<f32>| match engine.as_reference().unwrap().load(buf.any()) {
        Lane::F32(v) => v,
        Lane::U32(_) => unreachable!(),
    };
    let (l, x) = (exact(l), exact(x));
    for i in 0..n {
        for j in 0..=i {
            let got: f64 = (0..=j).map(|k| l[i * n + k] * l[j * n + k]).sum();
            assert!((got - f64::from(a[i * n + j])).abs() < 1e-12, "L Lᵀ at ({i},{j}) is {got}");
        }
        for r in 0..3 {
            let got: f64 = (0..n).map(|j| f64::from(a[i * n + j]) * x[j * 3 + r]).sum();
            assert!((got - f64::from(b[i * 3 + r])).abs() < 1e-10, "A x at ({i},{r}) is {got}");
        }
    }
}
