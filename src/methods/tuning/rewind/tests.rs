//! Rewinding beside a linear model in f64 on the host, and its proof beside the distance that it bounds.

use super::bound::Known;
use crate::base::gaussian_delta;
use crate::data::Samples;
use crate::engine::Engine;
use crate::methods::prelude::*;
use crate::nn::{Model, ModelConfig};
use crate::train::shuffled;

const X: [[f64; 2]; 7] =
    [[1.0, -0.5], [0.25, 2.0], [-1.5, 0.75], [0.5, 0.5], [-0.25, -1.0], [0.75, 1.25], [-0.5, 0.25]];
const Y: [u32; 7] = [0, 1, 0, 1, 0, 1, 1];
const ALL: [u32; 7] = [0, 1, 2, 3, 4, 5, 6];
const RETAIN: [u32; 5] = [0, 1, 3, 4, 6];
const FORGET: [u32; 2] = [2, 5];
const SEED: u64 = 9;

fn recipe() -> TrainConfig {
    TrainConfig { lr: 0.2, momentum: 0.5, batch_size: 2, epochs: 2, steps_per_submission: 3, ..TrainConfig::default() }
}

/// Full batches without momentum: what is proven.
fn plain() -> TrainConfig {
    TrainConfig { momentum: 0.0, batch_size: 8, epochs: 9, weight_decay: 0.05, ..recipe() }
}

/// theta = [W 2×2, b] with its velocity, stepped over batches.
struct Host {
    theta: Vec<f64>,
    velocity: Vec<f64>,
}

impl Host {
    fn at(theta: &[f64]) -> Host {
        Host { theta: theta.to_vec(), velocity: vec![0.0; 6] }
    }

    fn step(&mut self, batch: &[u32], recipe: &TrainConfig) {
        let mut g: Vec<f64> = self.theta.iter().map(|v| recipe.weight_decay * v).collect();
        for record in batch {
            let (x, y) = (X[*record as usize], Y[*record as usize] as usize);
            let z = [0, 1].map(|c| self.theta[2 * c] * x[0] + self.theta[2 * c + 1] * x[1] + self.theta[4 + c]);
            let sum = z[0].exp() + z[1].exp();
            for c in 0..2 {
                let d = (z[c].exp() / sum - f64::from(u8::from(y == c))) / batch.len() as f64;
                g[2 * c] += d * x[0];
                g[2 * c + 1] += d * x[1];
                g[4 + c] += d;
            }
        }
        for ((theta, velocity), g) in self.theta.iter_mut().zip(&mut self.velocity).zip(g) {
            *velocity = recipe.momentum * *velocity + g;
            *theta -= recipe.lr * *velocity;
        }
    }
}

fn batches(records: &[u32], recipe: &TrainConfig) -> Vec<Vec<u32>> {
    let epoch = |e| shuffled(records, SEED, e, 0).chunks(recipe.batch_size).map(<[u32]>::to_vec).collect::<Vec<_>>();
    (0..recipe.epochs as u64).flat_map(epoch).collect()
}

/// Trained on all records and made to forget two: the start, the end of the training, and what is left.
fn run(train: &TrainConfig, settings: &str, past: Past) -> Result<([Vec<f64>; 3], Account)> {
    let x = X.iter().flatten().map(|v| *v as f32).collect();
    let data = Samples { x, y: Y.to_vec(), ..Samples::default() };
    let net = ModelConfig { zoo: Some("logistic".into()), ..Default::default() };
    let model = Model::build(&net, &[2], 2).unwrap();
    let start = model.init(SEED);
    let mut engine = Engine::reference();
    let mut session = Session::new(&mut engine, &model, &data, &Samples::default(), &start).unwrap();
    let terms = [Term { records: Records::train(&ALL), weight: 1.0 }];
    fit_to_end(&mut session, train, SEED, &terms).unwrap();
    let trained = session.read_theta().unwrap();
    let view = View::new(train, &RETAIN, &FORGET).seed(4).past(Past { seed: Some(SEED), ..past });
    let built = (super::ROW.build)(settings.parse().unwrap())?;
    let account = built.forget(&mut session, &view)?;
    let pick = |theta: &[f32]| {
        let part = |name: &str| model.layout.get(name).map(|e| theta[e.offset..e.offset + e.len].to_vec()).unwrap();
        [part("fc.weight"), part("fc.bias")].concat().iter().map(|v| f64::from(*v)).collect::<Vec<f64>>()
    };
    Ok(([pick(&start), pick(&trained), pick(&session.read_theta().unwrap())], account))
}

fn apart(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn rewinding_goes_back_and_on_without_the_records() {
    // 8 steps of the original; a share of 0.4 takes 4 back. Of the retained records there are 3 an epoch, 6 in all.
    let ([start, trained, left], account) = run(&recipe(), "share = 0.4", Past::default()).unwrap();
    let mut host = Host::at(&start);
    batches(&ALL, &recipe()).iter().take(4).for_each(|batch| host.step(batch, &recipe()));
    batches(&RETAIN, &recipe()).iter().skip(4).for_each(|batch| host.step(batch, &recipe()));
    assert!(apart(&left, &host.theta) < 1e-6, "{left:?}, {:?} was wanted", host.theta);
    assert_eq!((account.details.steps, account.details.notes["rewound_to"].as_u64()), (Some(2), Some(4)));
    assert!(apart(&left, &trained) > 1e-3 && account.reads.contains(&Read::ForgetData));
    // All of it taken back is a retrain, with the training's own seed.
    let ([.., whole], _) = run(&recipe(), "share = 1", Past::default()).unwrap();
    let mut retrain = Host::at(&start);
    batches(&RETAIN, &recipe()).iter().for_each(|batch| retrain.step(batch, &recipe()));
    assert!(apart(&whole, &retrain.theta) < 1e-6);
    let ([.., noisy], account) = run(&recipe(), "share = 1\nsigma = 0.1", Past::default()).unwrap();
    assert!((0.05..0.6).contains(&apart(&noisy, &whole)), "noise of {}", apart(&noisy, &whole));
    let why = account.details.notes["not_certified"].as_str().unwrap();
    assert!(account.details.guarantee.is_none() && why.contains("a part of the records"), "{why}");
    let tuned = Past { method: Some("finetune"), ..Past::default() };
    let said = run(&recipe(), "", tuned).unwrap_err().to_string();
    assert!(said.contains("come from method `finetune`"), "{said}");
}

#[test]
fn the_proof_bounds_how_far_apart_both_trainings_end() {
    let longest = X.iter().map(|x| (x[0] * x[0] + x[1] * x[1] + 1.0).sqrt()).fold(0.0, f64::max);
    let mut retrain = None;
    for (share, with) in [("1", 0), ("0.5", 4), ("0.1", 8)] {
        let ([start, _, left], account) = run(&plain(), &format!("share = {share}"), Past::default()).unwrap();
        assert_eq!(account.details.notes["rewound_to"].as_u64(), Some(with));
        let retrain = retrain.get_or_insert_with(|| {
            let mut host = Host::at(&start);
            batches(&RETAIN, &plain()).iter().for_each(|batch| host.step(batch, &plain()));
            host.theta
        });
        let known = Known { records: [7, 2], longest, decay: 0.05 };
        let bound = known.apart([0.2; 9], with);
        let found = apart(&left, retrain);
        assert!(found <= bound + 1e-6 && (with == 0 || found > bound / 50.0), "{found} apart, at most {bound} proven");
        // The planted fault: records that push a fiftieth of what they may.
        let fault = Known { longest: longest / 50.0, ..known };
        assert!(with == 0 || fault.apart([0.2; 9], with) < found);
        let ([.., noisy], account) =
            run(&plain(), &format!("share = {share}\nsigma = 2\ndelta = 1e-3"), Past::default()).unwrap();
        let said = account.details.guarantee.unwrap_or_else(|| panic!("{:?}", account.details.notes));
        assert!(apart(&noisy, &left) > 0.5);
        // What is told is what a Gaussian mechanism of that sensitivity has, with room for rounding alone.
        let delta = gaussian_delta(said.epsilon, bound / 2.0);
        assert!(delta <= 1e-3 && (with == 0 || delta > 0.99e-3), "ε = {} for {delta}", said.epsilon);
    }
}

#[test]
fn what_is_not_proven_is_said() {
    let plain = plain();
    for (train, past, says) in [
        (TrainConfig { momentum: 0.5, ..plain.clone() }, Past::default(), "without momentum"),
        (TrainConfig { clip_norm: 0.1, ..plain.clone() }, Past::default(), "train.clip_norm"),
        (TrainConfig { label_smoothing: 0.1, ..plain.clone() }, Past::default(), "plain cross-entropy"),
        (TrainConfig { objective: Some("squared_error".into()), ..plain.clone() }, Past::default(), "cross-entropy"),
        (plain.clone(), Past { fitted: true, ..Past::default() }, "normalisation"),
        (plain.clone(), Past { method: Some("retrain"), ..Past::default() }, "forgotten before"),
    ] {
        let (_, account) = run(&train, "sigma = 1", past).unwrap();
        let why = account.details.notes["not_certified"].as_str().unwrap_or_default();
        assert!(account.details.guarantee.is_none() && why.contains(says), "{why}");
    }
    let averaged = TrainConfig { ema: 0.5, ..plain };
    let said = run(&averaged, "", Past::default()).unwrap_err().to_string();
    assert!(said.contains("train.ema"), "{said}");
}
