//! Steps beside a linear model in f64, noise beside what was asked for, and bounds beside chains that are the worst.

use super::bound::{Steps, model_delta, model_sigma, rho};
use crate::base::philox::{normal, philox};
use crate::data::Samples;
use crate::engine::Engine;
use crate::methods::prelude::*;
use crate::nn::{Model, ModelConfig};
use crate::train::shuffled;

const X: [[f64; 2]; 5] = [[1.0, -0.5], [0.25, 2.0], [-1.5, 0.75], [0.5, 0.5], [-0.25, -1.0]];
const Y: [u32; 5] = [0, 1, 0, 1, 0];

/// A linear model over `width` numbers (the first two are those of [`X`]) made to forget the last record.
fn run(width: usize, settings: &str) -> ([Vec<f64>; 2], Account) {
    let row = |x: &[f64; 2]| (0..width).map(|at| *x.get(at).unwrap_or(&0.0) as f32).collect::<Vec<_>>();
    let data = Samples { x: X.iter().flat_map(row).collect(), y: Y.to_vec(), ..Samples::default() };
    let net = ModelConfig { zoo: Some("logistic".into()), ..Default::default() };
    let model = Model::build(&net, &[width], 2).unwrap();
    let theta = model.init(3);
    let mut engine = Engine::reference();
    let mut session = Session::new(&mut engine, &model, &data, &Samples::default(), &theta).unwrap();
    let recipe = TrainConfig { batch_size: 2, weight_decay: 0.01, ..TrainConfig::default() };
    let (retain, forget) = ([0, 1, 2, 3], [4]);
    let view = View::new(&recipe, &retain, &forget).seed(9);
    let built = (ROW.build)(settings.parse().unwrap()).unwrap();
    let account = built.forget(&mut session, &view).unwrap();
    let pick = |theta: &[f32]| {
        let part = |name: &str| model.layout.get(name).map(|e| theta[e.offset..e.offset + e.len].to_vec()).unwrap();
        [part("fc.weight"), part("fc.bias")].concat().iter().map(|v| f64::from(*v)).collect()
    };
    ([pick(&theta), pick(&session.read_theta().unwrap())], account)
}

use super::ROW;

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn clipped(v: &[f64], most: f64) -> Vec<f64> {
    let factor = (most / norm(v)).min(1.0);
    v.iter().map(|v| v * factor).collect()
}

fn gradient(theta: &[f64], batch: &[u32]) -> Vec<f64> {
    let mut g = vec![0.0; 6];
    for record in batch {
        let (x, y) = (X[*record as usize], Y[*record as usize] as usize);
        let z = [0, 1].map(|c| theta[2 * c] * x[0] + theta[2 * c + 1] * x[1] + theta[4 + c]);
        let sum = z[0].exp() + z[1].exp();
        for c in 0..2 {
            let d = (z[c].exp() / sum - f64::from(u8::from(y == c))) / batch.len() as f64;
            g[2 * c] += d * x[0];
            g[2 * c + 1] += d * x[1];
            g[4 + c] += d;
        }
    }
    g
}

/// As good as no noise: what ε = 1e12 takes is 1e-7 of what is clipped. The epoch behind it moves nothing.
const STILL: &str = "epsilon = 1e12\nlr = 1e-30\nepochs = 1\nnoisy_lr = 0.5\nnoisy_steps = 3\n";

#[test]
fn steps_are_those_worked_out_on_the_host() {
    let batches: Vec<Vec<u32>> = (0..2)
        .flat_map(|e| shuffled(&[0, 1, 2, 3], 9, e, 0).chunks(2).map(<[u32]>::to_vec).collect::<Vec<_>>())
        .collect();
    let step =
        |theta: &[f64], g: &[f64]| -> Vec<f64> { theta.iter().zip(g).map(|(t, g)| t - 0.5 * (g + 0.01 * t)).collect() };
    let ([start, left], account) = run(2, &format!("{STILL}clip = 'gradient'\nradius = 0.6\ngradient = 0.2"));
    let first = clipped(&start, 0.6);
    let by_gradient =
        batches.iter().take(3).fold(first, |theta, batch| step(&theta, &clipped(&gradient(&theta, batch), 0.2)));
    assert!(norm(&start) > 0.6 && near(&left, &by_gradient), "{left:?}, {by_gradient:?} were wanted");
    assert_eq!(account.details.steps, Some(5));
    let ([start, left], _) = run(2, &format!("{STILL}clip = 'model'\nradius = 0.1"));
    let mut beyond = 0;
    let by_model = batches.iter().take(3).fold(start, |theta, batch| {
        let free = step(&theta, &gradient(&theta, batch));
        beyond += usize::from(norm(&free) > 0.11);
        clipped(&free, 0.1)
    });
    assert!(near(&left, &by_model), "{left:?}, {by_model:?} were wanted");
    assert!(beyond > 0, "the ball's edge is not reached, and its clipping not tested");
}

fn near(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
}

#[test]
fn there_is_as_much_noise_as_the_guarantee_says() {
    for (clip, of_steps) in [("gradient", 5f64.sqrt()), ("model", 1.0)] {
        let settings =
            "lr = 1e-30\nepochs = 1\nnoisy_lr = 1e-6\nnoisy_steps = 5\nradius = 0.2\ngradient = 1\nweight_decay = 0";
        let ([_, left], account) = run(900, &format!("clip = '{clip}'\n{settings}"));
        let Guarantee { sigma, epsilon, delta, .. } = account.details.guarantee.unwrap();
        assert_eq!((epsilon, delta), (1.0, 1e-5));
        let rms = norm(&left) / (left.len() as f64).sqrt();
        assert!((rms / (sigma * of_steps) - 1.0).abs() < 0.05, "{clip}: {rms} for {sigma} in 5 steps");
        let ([_, again], _) = run(900, &format!("clip = '{clip}'\n{settings}"));
        assert_eq!(left, again);
    }
}

/// A chain of `count` steps from `start`, 1-d.
fn chain(start: f64, count: u64, run: u32, sigma: f64, step: impl Fn(f64) -> f64) -> f64 {
    (0..count).fold(start, |x, t| step(x) + sigma * normal(philox([run, t as u32, 5, 0], [1, 2]))[0])
}

/// The largest P(x > t) − e^ε Q(x > t) over thresholds t, with Q the law of −x: what tells two such runs apart.
fn told_apart(mut ends: Vec<f64>, epsilon: f64) -> f64 {
    ends.sort_by(f64::total_cmp);
    let (n, mut worst) = (ends.len(), 0.0f64);
    for at in (0..n).step_by(97) {
        let below = ends.partition_point(|x| *x < -ends[at]);
        worst = worst.max((n - at) as f64 - epsilon.exp() * below as f64);
    }
    worst / n as f64
}

/// Two runs that began at both ends of what is allowed, pushed apart by every step as hard as clipping lets it.
#[test]
fn runs_from_both_ends_cannot_be_told_apart_and_with_less_noise_they_can() {
    const RUNS: u32 = 60_000;
    let (epsilon, delta, count) = (1.0, 0.05, 6);
    let slack = 3.0 * (1.0 + f64::exp(epsilon)) / (2.0 * f64::from(RUNS).sqrt());
    for decay in [0.0, 2.0] {
        let steps = Steps { count, lr: 0.1, decay, radius: 1.0, clip: 2.0 };
        let push = |x: f64| (1.0 - 0.1 * decay) * x + 0.1 * 2.0 * x.signum();
        let ends = |sigma: f64| (0..RUNS).map(|run| chain(1.0, count, run, sigma, push)).collect();
        let sigma = steps.sigma(epsilon, delta);
        let apart = told_apart(ends(sigma), epsilon);
        assert!(apart <= delta + slack, "decay {decay}: {apart} with a sigma of {sigma}");
        let fault = told_apart(ends(0.1 * sigma), epsilon);
        assert!(fault > delta + slack, "decay {decay}: a tenth of the noise leaves {fault}");
    }
    let sigma = model_sigma(count, 1.0, epsilon, delta);
    let ends = |sigma: f64| (0..RUNS).map(|run| chain(1.0, count, run, sigma, f64::signum)).collect();
    let (apart, fault) = (told_apart(ends(sigma), epsilon), told_apart(ends(0.5 * sigma), epsilon));
    assert!(apart <= delta + slack && fault > delta + slack, "{apart}, and {fault} with half the noise of {sigma}");
}

#[test]
fn bounds_have_the_forms_of_their_sources() {
    let steps = Steps { count: 40, lr: 0.05, decay: 0.0, radius: 3.0, clip: 2.0 };
    let by_hand = 2.0 * (3.0 + 40.0 * 0.05 * 2.0f64).powi(2) / 40.0;
    assert!((steps.budget() / by_hand - 1.0).abs() < 1e-12);
    // The best number of steps needs less than others.
    let of = |count| Steps { count, ..steps }.budget();
    let best = Steps::best(3.0, 0.05, 2.0);
    assert!(best == 30 && of(30) < of(29) && of(30) < of(31));
    // With decay what is left of the start falls, and far from the best number so does the noise.
    let long = Steps { count: 400, ..steps };
    assert!(Steps { decay: 1.0, ..long }.budget() < long.budget());
    // A short decay is nearly none, and one step forgets at once what the start was clipped to.
    assert!((Steps { decay: 1e-9, ..steps }.budget() / steps.budget() - 1.0).abs() < 1e-6);
    let (epsilon, delta) = (0.7, 1e-6f64);
    let r = rho(epsilon, delta);
    assert!((r + 2.0 * (r * (1.0 / delta).ln()).sqrt() - epsilon).abs() < 1e-9);
    for count in [1, 7, 100] {
        let sigma = model_sigma(count, 0.5, epsilon, delta);
        let said = model_delta(count, 0.5, sigma, epsilon);
        assert!(said <= delta && said > 0.999 * delta, "{said} of {delta}");
    }
    assert!(model_sigma(100, 0.5, epsilon, delta) < 0.3 * model_sigma(1, 0.5, epsilon, delta));
}

#[test]
fn what_is_not_proven_is_refused() {
    let said = |settings: &str, recipe: TrainConfig| {
        let built = (ROW.build)(settings.parse().unwrap()).unwrap();
        built.suits_recipe(&recipe).unwrap_err().to_string()
    };
    let frozen = TrainConfig { freeze: vec!["fc".into()], ..TrainConfig::default() };
    assert!(said("", frozen).contains("train.freeze"));
    let heavy = said("noisy_lr = 10\nweight_decay = 0.2", TrainConfig::default());
    assert!(heavy.contains("lower noisy_lr"), "{heavy}");
}
