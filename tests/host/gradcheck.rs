//! Finite differences through the reference engine: the way a layer's gradient is checked.

use unlearn::engine::case::Gen;
use unlearn::engine::{Buf, Engine, Recording};
use unlearn::harness::gradcheck::{GradCheck, projection, upstream};
use unlearn::kernels::linear::{MATMUL, Mat, Product, product_as};

const M: usize = 5;
const K: usize = 7;
const N: usize = 3;

/// An engine with a [M,K], b [K,N], u and y [M,N], da [M,K] and a bias of zeros.
fn buffers() -> (Engine, [Buf<f32>; 6]) {
    let mut engine = Engine::reference();
    let bufs = [M * K, K * N, M * N, M * N, M * K, K].map(|len| engine.alloc::<f32>("x", len).expect("allocates"));
    for (i, buf) in bufs[..2].iter().enumerate() {
        engine.write(*buf, &Gen::new(i as u64 + 1).values(buf.len)).expect("writes");
    }
    (engine, bufs)
}

/// Checks da = u Bᵀ (scaled by `alpha`) as the gradient of Σ u · (A B).
fn check(alpha: f32) -> unlearn::Result<f64> {
    let (mut engine, [a, b, u, y, da, bias]) = buffers();
    let direction = upstream(M * N, 9);
    engine.write(u, &direction.iter().map(|x| *x as f32).collect::<Vec<_>>())?;
    let mut forward = Recording::new(engine.target());
    product_as(&mut forward, &MATMUL, Mat::new(a, M, K), Mat::new(b, K, N), bias, y, Product::default());
    let mut backward = Recording::new(engine.target());
    let scaled = Product { alpha, ..Default::default() };
    product_as(&mut backward, &MATMUL, Mat::new(u, M, N), Mat::new(b, K, N).t(), bias, da, scaled);
    let (forward, backward) = (engine.compile(forward)?, engine.compile(backward)?);
    engine.run(&backward, &[])?;
    let gradient: Vec<f64> = engine.read(da)?.iter().map(|x| f64::from(*x)).collect();
    let at: Vec<f64> = engine.read(a)?.iter().map(|x| f64::from(*x)).collect();
    let f = projection(&mut engine, &forward, a.any(), y.any(), &direction);
    Ok(GradCheck::default().scalar(f, &at, &gradient)?.worst)
}

#[test]
fn the_gradient_of_a_product_agrees_with_central_differences() {
    // The gradient was read back as f32; nothing else rounds.
    assert!(check(1.0).expect("agrees") < 1e-6);
}

#[test]
fn a_gradient_one_part_in_a_thousand_off_is_noticed() {
    let error = check(1.001).expect_err("is off");
    assert_eq!(error.exit_code(), 4);
    assert!(error.to_string().contains("central differences"), "{error}");
}
