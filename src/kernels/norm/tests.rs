//! The twins against PyTorch's numbers and against finite differences; the shaders are held to the twins elsewhere.

use super::*;
use crate::engine::{Engine, Lane, Target};

/// Runs group norm and its gradients on the twins, all in f64; returns y, dx, dgamma and dbeta for a given dy.
fn run(s: NormShape, x: &[f64], gamma: &[f64], beta: &[f64], dy: &[f64]) -> [Vec<f64>; 4] {
    let mut engine = Engine::reference();
    let mut put = |values: &[f64]| {
        let buf = engine.alloc::<f32>("", values.len()).expect("memory");
        engine.as_reference().expect("the twins").store(buf.any(), &Lane::F32(values.to_vec()));
        buf
    };
    let [x, gamma, beta, dy] = [x, gamma, beta, dy].map(&mut put);
    let [y, dx, stats] = [s.elements(), s.elements(), s.stats()].map(|n| put(&vec![0.0; n]));
    let [dgamma, dbeta] = [s.c; 2].map(|n| put(&vec![0.0; n]));
    let mut rec = Recording::new(Target::default());
    group(&mut rec, x, gamma, beta, y, stats, s);
    let sink = crate::kernels::Reduction::default();
    group_bwd(&mut rec, x, gamma, stats, dy, dx, (dgamma, dbeta, sink), s);
    let program = engine.compile(rec).expect("a valid recording");
    engine.run(&program, &[]).expect("the twins run");
    [y, dx, dgamma, dbeta].map(|b| engine.as_reference().expect("the twins").load(b.any()).f().to_vec())
}

fn waves(n: usize, pace: f64) -> Vec<f64> {
    (0..n).map(|i| (i as f64 * pace).sin()).collect()
}

/// `torch.nn.functional.group_norm(x, 2, gamma, beta, 1e-5)` in float64, PyTorch 2.
#[test]
fn forward_is_pytorchs() {
    let s = NormShape { n: 1, c: 4, p: 6, groups: 2, eps: 1e-5, centred: true };
    let [y, ..] = run(s, &waves(24, 0.37), &[0.5, -1.0, 2.0, 1.5], &[0.1, 0.2, -0.3, 0.0], &[0.0; 24]);
    let want = [
        (0, -0.1811127258580494),
        (5, 0.6563306668838201),
        (6, -0.6256778033469754),
        (11, 2.157274662276586),
        (12, -2.9684610154966027),
        (17, -0.46027800571164235),
        (18, 0.5802070374596645),
        (23, 1.4034285372411455),
    ];
    for (at, v) in want {
        // eps is an f32 here.
        assert!((y[at] - v).abs() < 1e-9, "y[{at}] is {}, PyTorch has {v}", y[at]);
    }
}

/// Every gradient is the central difference of Σ y·dy, over rows that one thread holds and rows that several share.
#[test]
fn gradients_are_the_slopes() {
    for s in [
        NormShape { n: 2, c: 6, p: 5, groups: 3, eps: 1e-5, centred: true },
        NormShape { n: 3, c: 7, p: 1, groups: 1, eps: 1e-2, centred: true },
        NormShape { n: 1, c: 4, p: 150, groups: 2, eps: 1e-5, centred: true },
    ] {
        let (x, dy) = (waves(s.elements(), 0.7), waves(s.elements(), 1.3));
        let (gamma, beta) = (waves(s.c, 2.1), waves(s.c, 0.2));
        let [_, dx, dgamma, dbeta] = run(s, &x, &gamma, &beta, &dy);
        let value = |operands: &[Vec<f64>; 3]| -> f64 {
            let [y, ..] = run(s, &operands[0], &operands[1], &operands[2], &dy);
            y.iter().zip(&dy).map(|(y, d)| y * d).sum()
        };
        for (which, gradient) in [dx, dgamma, dbeta].iter().enumerate() {
            for at in [0, gradient.len() / 2, gradient.len() - 1] {
                let moved = |by: f64| {
                    let mut operands = [x.clone(), gamma.clone(), beta.clone()];
                    operands[which][at] += by;
                    value(&operands)
                };
                let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!((gradient[at] - slope).abs() < 1e-7, "{s:?} operand {which}[{at}]: {} {slope}", gradient[at]);
            }
        }
    }
}
