//! The optimisers against `torch.optim` (2.15, float64): parameters after four steps.

use super::*;
use crate::engine::{Data, Engine};

const START: [f32; 5] = [0.5, -1.25, 2.0, 0.0, -0.3];
const LR: f64 = 0.1;

fn gradient(step: usize) -> Vec<f32> {
    let s = step as f32;
    vec![0.1 * (s + 1.0), -0.2, if step.is_multiple_of(2) { 0.3 } else { -0.3 }, 0.05 * s, 1.0]
}

/// Runs four steps of what `record` records over (theta, grad, two states, hyper), and compares the parameters.
fn check(
    betas: (f64, f64),
    want: [f64; 5],
    record: impl Fn(&mut Recording, Buf<f32>, Buf<f32>, [Buf<f32>; 2], Buf<f32>),
) {
    let mut engine = Engine::reference();
    let mut alloc = |name, len| engine.alloc::<f32>(name, len).unwrap();
    let (theta, grad, m, v) = (alloc("theta", 5), alloc("grad", 5), alloc("m", 5), alloc("v", 5));
    let hyper = alloc("hyper", 3);
    engine.write(theta, &START).unwrap();
    let mut rec = Recording::default();
    rec.upload(grad);
    rec.upload(hyper);
    record(&mut rec, theta, grad, [m, v], hyper);
    let program = engine.compile(rec).unwrap();
    for step in 0..4 {
        let correction = |beta: f64| (1.0 - beta.powi(step as i32 + 1)) as f32;
        let hyper = vec![LR as f32, correction(betas.0), correction(betas.1)];
        engine.run(&program, &[Data::F32(gradient(step)), Data::F32(hyper)]).unwrap();
    }
    for (got, want) in engine.read(theta).unwrap().iter().zip(want) {
        assert!((f64::from(*got) - want).abs() < 5e-7, "{got}, PyTorch has {want}");
    }
}

#[test]
fn sgd_matches_pytorch() {
    let check = |options, want| {
        check((0.0, 0.0), want, move |rec, theta, grad, [v, _], hyper| sgd(rec, theta, grad, v, hyper, options));
    };
    let heavy = Sgd { momentum: 0.9, weight_decay: 0.01, nesterov: false };
    check(Sgd::default(), [0.4, -1.17, 2.0, -0.03, -0.7]);
    check(heavy, [0.310_088_634_7, -1.058_002_495_1, 1.933_246_405_6, -0.047_521_005_0, -1.200_807_116_9]);
    let nesterov = Sgd { nesterov: true, ..heavy };
    check(nesterov, [0.227_432_044_5, -0.992_666_412_2, 1.932_208_422_9, -0.072_707_444_3, -1.507_348_644_8]);
}

#[test]
fn adam_matches_pytorch() {
    let check = |options: Adam, want| {
        check((options.beta1, options.beta2), want, move |rec, theta, grad, [m, v], hyper| {
            adam(rec, theta, grad, m, v, hyper, options);
        });
    };
    let plain = Adam::default();
    check(plain, [0.111_640_672_1, -0.850_000_020_0, 1.876_946_984_1, -0.244_420_218_0, -0.7]);
    let l2 = Adam { beta1: 0.8, beta2: 0.99, eps: 1e-6, weight_decay: 0.01, decoupled: false };
    check(l2, [0.101_105_707_6, -0.850_220_293_7, 1.869_462_474_0, -0.261_394_484_7, -0.699_953_658_3]);
    let adamw = Adam { weight_decay: 0.01, decoupled: true, ..plain };
    check(adamw, [0.110_232_110_2, -0.845_607_115_1, 1.869_281_734_5, -0.244_188_607_9, -0.698_202_194_7]);
}
