//! Cases of the `optim` family.

mod asked;

pub use asked::asked;

use super::{Adam, Sgd, adam, sgd};
use crate::engine::Target;
use crate::engine::case::{Case, Gen, Hazard};

const LENGTHS: [usize; 6] = [0, 1, 3, 131, 256, 1021];

/// Elements whose quads need more than 65 535 groups of one.
const FOLDED: usize = 4 * 65_541 + 1;

/// Parameters of a small network.
const MODEL: usize = 1 << 20;

/// Every kernel, every option, every length.
pub fn cases() -> Vec<Case> {
    let momentum = Sgd { momentum: 0.9, weight_decay: 5e-4, nesterov: false };
    let nesterov = Sgd { nesterov: true, ..momentum };
    let adam = Adam::default();
    let l2 = Adam { weight_decay: 1e-2, ..adam };
    let adamw = Adam { decoupled: true, beta1: 0.8, beta2: 0.99, eps: 1e-6, ..l2 };
    let mut all = Vec::new();
    for n in LENGTHS {
        all.extend(
            [Sgd::default(), Sgd { weight_decay: 0.1, ..Default::default() }, momentum, nesterov]
                .map(|o| sgd_case(n, o)),
        );
        all.extend([adam, l2, adamw].map(|o| adam_case(n, o)));
    }
    all.push(sgd_case(FOLDED, momentum).folded());
    all.push(adam_case(FOLDED, adamw).folded());
    all.push(sgd_case(MODEL, momentum).timed());
    all.push(adam_case(MODEL, l2).timed());
    all
}

/// Every kernel at one random length with random options.
pub fn random(g: &mut Gen) -> Vec<Case> {
    let (n, weight_decay) = (g.size(1, 20_000), [0.0, 5e-4, 0.1][g.below(3)]);
    let momentum = [0.0, 0.5, 0.9][g.below(3)];
    let nesterov = momentum > 0.0 && g.below(2) == 0;
    let decoupled = g.below(2) == 0;
    vec![
        sgd_case(n, Sgd { momentum, weight_decay, nesterov }),
        adam_case(n, Adam { weight_decay, decoupled, ..Default::default() }),
    ]
}

/// Steps of one case: the second and third read what the first wrote.
const STEPS: usize = 3;

fn sgd_case(n: usize, options: Sgd) -> Case {
    let Sgd { momentum, weight_decay, nesterov } = options;
    let nesterov = if nesterov { " nesterov" } else { "" };
    let name = format!("optim.sgd {n} momentum {momentum} decay {weight_decay}{nesterov}");
    let mut case = Case::new(name, Target::default());
    let mut g = Gen::new(n as u64);
    let theta = case.inout("theta", g.values(n));
    let velocity = case.inout("velocity", g.values(n));
    let hyper = case.input("hyper", vec![0.05, f32::NAN, f32::NAN]);
    for _ in 0..STEPS {
        let grad = case.input("grad", g.values(n));
        sgd(&mut case.rec, theta, grad, velocity, hyper, options);
    }
    case.tolerance(1e-6, 1e-6)
}

fn adam_case(n: usize, options: Adam) -> Case {
    let Adam { beta1, weight_decay, decoupled, .. } = options;
    let decoupled = if decoupled { " decoupled" } else { "" };
    let mut case =
        Case::new(format!("optim.adam {n} beta1 {beta1} decay {weight_decay}{decoupled}"), Target::default());
    let mut g = Gen::new(n as u64 + 1);
    let theta = case.inout("theta", g.values(n));
    let m = case.inout("m", g.values(n));
    let v = case.inout("v", g.between(n, 0.0, 1.0));
    let hyper = case.input("hyper", vec![0.05, 0.271, 0.002_997]);
    for step in 0..STEPS {
        let mut grad = g.values(n);
        // Where every gradient so far is 0, the step is 0 / (0 + eps).
        grad.iter_mut().step_by(5).for_each(|v| *v = if step == 0 { 0.0 } else { *v });
        let grad = case.input("grad", grad);
        adam(&mut case.rec, theta, grad, m, v, hyper, options);
    }
    case.hazard(Hazard::NotZero, &["hyper"]).tolerance(2e-6, 1e-6)
}
