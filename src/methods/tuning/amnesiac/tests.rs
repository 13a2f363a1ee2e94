//! Amnesiac unlearning beside a linear model in f64 on the host; what a run keeps is tested with runs.

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

/// A step of SGD with momentum; theta = [W 2×2, b].
fn step(theta: &mut [f64], velocity: &mut [f64], batch: &[u32], lr: f64, momentum: f64) {
    let mut g = [0.0; 6];
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
    for i in 0..6 {
        velocity[i] = momentum * velocity[i] + g[i];
        theta[i] -= lr * velocity[i];
    }
}

fn batches(records: &[u32], seed: u64, epochs: u64) -> Vec<Vec<u32>> {
    (0..epochs).flat_map(|e| shuffled(records, seed, e, 0).chunks(2).map(<[u32]>::to_vec).collect::<Vec<_>>()).collect()
}

/// Trained on all records and made to forget two: the start, the end of the training, and what is left.
fn run(settings: &str, past: Past) -> Result<([Vec<f64>; 3], Account)> {
    let x = X.iter().flatten().map(|v| *v as f32).collect();
    let data = Samples { x, y: Y.to_vec(), ..Samples::default() };
    let net = ModelConfig { zoo: Some("logistic".into()), ..Default::default() };
    let model = Model::build(&net, &[2], 2).unwrap();
    let start = model.init(SEED);
    let mut engine = Engine::reference();
    let mut session = Session::new(&mut engine, &model, &data, &Samples::default(), &start).unwrap();
    let terms = [Term { records: Records::train(&ALL), weight: 1.0 }];
    fit_to_end(&mut session, &recipe(), SEED, &terms).unwrap();
    let trained = session.read_theta().unwrap();
    let train = recipe();
    let view = View::new(&train, &RETAIN, &FORGET).seed(4).past(Past { seed: Some(SEED), ..past });
    let built = (super::ROW.build)(settings.parse().unwrap())?;
    let account = built.forget(&mut session, &view)?;
    let pick = |theta: &[f32]| {
        let part = |name: &str| model.layout.get(name).map(|e| theta[e.offset..e.offset + e.len].to_vec()).unwrap();
        [part("fc.weight"), part("fc.bias")].concat().iter().map(|v| f64::from(*v)).collect::<Vec<f64>>()
    };
    Ok(([pick(&start), pick(&trained), pick(&session.read_theta().unwrap())], account))
}

fn near(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() < 2e-6)
}

#[test]
fn amnesia_takes_off_what_the_batches_added() {
    let ([start, trained, left], account) = run("lr = 0.1\nmomentum = 0\nepochs = 1", Past::default()).unwrap();
    let (mut theta, mut velocity) = (start, vec![0.0; 6]);
    let (mut sum, mut hit) = (vec![0.0; 6], 0);
    for batch in batches(&ALL, SEED, 2) {
        let before = theta.clone();
        step(&mut theta, &mut velocity, &batch, 0.2, 0.5);
        if batch.iter().any(|record| FORGET.contains(record)) {
            hit += 1;
            (0..6).for_each(|i| sum[i] += theta[i] - before[i]);
        }
    }
    assert!(near(&trained, &theta) && hit > 1 && hit < 8, "{hit} batches");
    let bare: Vec<f64> = theta.iter().zip(&sum).map(|(a, b)| a - b).collect();
    let (mut repaired, mut velocity) = (bare.clone(), vec![0.0; 6]);
    batches(&RETAIN, 4, 1).iter().for_each(|batch| step(&mut repaired, &mut velocity, batch, 0.1, 0.0));
    assert!(near(&left, &repaired), "{left:?}, {repaired:?} was wanted");
    assert_eq!(account.details.notes["steps_subtracted"].as_u64(), Some(hit));
    assert!(account.reads.contains(&Read::ForgetData) && !account.reads.contains(&Read::StoredStatistics));
    let ([.., left], account) = run("repair = false", Past::default()).unwrap();
    assert!(near(&left, &bare) && account.details.steps == Some(0), "{left:?}, {bare:?} was wanted");
    // The planted fault: without the subtraction it is fine-tuning, which is somewhere else.
    assert!(!near(&bare, &trained));
    let tuned = Past { method: Some("finetune"), ..Past::default() };
    let said = run("", tuned).unwrap_err().to_string();
    assert!(said.contains("come from method `finetune`"), "{said}");
}
