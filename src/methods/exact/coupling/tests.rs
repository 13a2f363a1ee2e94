//! The engine's path: its trace held against a plain f64 model step by step, and what a folder keeps of it.

use super::couple::{Decision, Moved, decide};
use crate::data::Samples;
use crate::engine::Engine;
use crate::methods::prelude::*;
use crate::methods::{View, find};
use crate::nn::{Model, ModelConfig};
use crate::train::coupled::{CoupledConfig, Trace, draw};

const RECORDS: usize = 20;
const LR: f64 = 0.5;

fn data() -> Samples {
    let x = (0..3 * RECORDS as u32).map(|i| ((i * 37 + 11) % 29) as f32 / 14.0 - 1.0).collect();
    Samples { x, y: (0..RECORDS as u32).map(|i| (i * i + i / 3) % 2).collect(), targets: None }
}

fn recipe(sigma: f64, kappa: u64) -> TrainConfig {
    let coupled = CoupledConfig { steps: 24, sigma, clip: 0.4, radius: Some(2.0), kappa };
    TrainConfig {
        lr: LR,
        momentum: 0.0,
        weight_decay: 0.01,
        batch_size: 5,
        epochs: 3,
        coupled: Some(coupled),
        ..TrainConfig::default()
    }
}

fn model() -> Model {
    let net = ModelConfig { zoo: Some("logistic".into()), ..Default::default() };
    Model::build(&net, &[3], 2).unwrap()
}

/// Keeps a training's trace as `unlearn train` does.
struct Tracing(Trace);

impl Observer for Tracing {
    fn step(&mut self, _report: &StepReport) -> bool {
        false
    }

    fn epoch(&mut self, session: &mut Session, fit: &mut Fit, _report: &EpochReport) -> Result<Flow> {
        self.paused(session, fit)
    }

    fn paused(&mut self, session: &mut Session, fit: &mut Fit) -> Result<Flow> {
        self.0.pass(fit.steps_taken(), &session.read_theta()?);
        fit.pause_at(Some(fit.steps_taken() + 1));
        Ok(Flow::Continue)
    }
}

/// A model that was trained with `seed`, and its trace.
fn trained(train: &TrainConfig, seed: u64) -> (Vec<f32>, Trace) {
    let (data, model, mut engine) = (data(), model(), Engine::reference());
    let start = model.init(seed);
    let mut session = Session::new(&mut engine, &model, &data, &Samples::default(), &start).unwrap();
    let all: Vec<u32> = (0..RECORDS as u32).collect();
    let mut fit = Fit::new(&mut session, train, seed).unwrap();
    let mut tracing = Tracing(Trace::begin(train, seed, RECORDS, &start).unwrap());
    fit.pause_at(Some(1));
    let terms = [Term { records: Records::train(&all), weight: 1.0 }];
    assert_eq!(train_to_end(&mut fit, &mut session, &terms, &mut tracing).unwrap(), 24);
    (session.read_theta().unwrap(), tracing.0)
}

/// Forgets `forget`, after `before` was forgotten.
fn forget(
    train: &TrainConfig,
    seed: u64,
    theta: &[f32],
    trace: Option<&Trace>,
    (before, forget): (&[u32], &[u32]),
) -> Result<(Vec<f32>, Account)> {
    let (data, model, mut engine) = (data(), model(), Engine::reference());
    let mut session = Session::new(&mut engine, &model, &data, &Samples::default(), theta).unwrap();
    let retain: Vec<u32> = (0..RECORDS as u32).filter(|i| !forget.contains(i) && !before.contains(i)).collect();
    let past = Past { seed: Some(seed), trace, ..Past::default() };
    let view = View::new(train, &retain, forget).seed(seed).past(past);
    let method = (find("coupling").unwrap().build)(toml::Table::new()).unwrap();
    let account = method.forget(&mut session, &view)?;
    Ok((session.read_theta().unwrap(), account))
}

/// Mean clipped gradient of a linear model with two classes, theta = [W 2×3, b] behind the layout's padding.
fn mean(model: &Model, theta: &[f32], batch: &[u32], clip: f64) -> Vec<f64> {
    let (data, mut sum) = (data(), vec![0.0; theta.len()]);
    let at = |name: &str| model.layout.get(name).unwrap().offset;
    let (w, b) = (at("fc.weight"), at("fc.bias"));
    for record in batch {
        let x = &data.x[3 * *record as usize..][..3];
        let z = [0, 1].map(|c: usize| {
            let row = (0..3).map(|i| f64::from(theta[w + 3 * c + i]) * f64::from(x[i])).sum::<f64>();
            row + f64::from(theta[b + c])
        });
        let total = z[0].exp() + z[1].exp();
        let d = [0, 1].map(|c| z[c].exp() / total - f64::from(u8::from(data.y[*record as usize] as usize == c)));
        let square = (1.0 + x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>()) * (d[0] * d[0] + d[1] * d[1]);
        let factor = (clip / square.sqrt()).min(1.0) / batch.len() as f64;
        for c in 0..2 {
            (0..3).for_each(|i| sum[w + 3 * c + i] += factor * d[c] * f64::from(x[i]));
            sum[b + c] += factor * d[c];
        }
    }
    sum
}

/// Every decision of a request, and what it leaves in the trace, agrees with those of a model in f64 that is given the
/// training's iterates: for a dozen seeds, some of which keep every step and some reflect one.
#[test]
fn a_trace_agrees_step_by_step_with_a_plain_model() {
    // No projection, so that a step can be taken back.
    let coupled = CoupledConfig { radius: None, ..recipe(0.08, 1).coupled.unwrap() };
    let (train, model) = (TrainConfig { coupled: Some(coupled), ..recipe(0.08, 1) }, model());
    let CoupledConfig { steps, sigma, clip, .. } = coupled;
    let all: Vec<u32> = (0..RECORDS as u32).collect();
    let retain: Vec<u32> = all.iter().copied().filter(|r| *r != 3).collect();
    let (mut kept, mut turned) = (0, 0);
    for seed in 0..12 {
        let (theta, trace) = trained(&train, seed);
        let (after, account) = forget(&train, seed, &theta, Some(&trace), (&[], &[3])).unwrap();
        let new = account.trace.unwrap();
        let anew = trace.next_seed(seed);
        let mut expected = None;
        for step in 0..steps {
            let now = draw::batch(&all, 5, seed, step);
            let then = draw::replaced(&now, |r| r == 3, &retain, anew, step);
            if now == then {
                continue;
            }
            let (w, next) = (trace.before(step).unwrap().1, trace.before(step + 1).unwrap().1);
            let xi = w.iter().zip(&next).map(|(w, n)| (f64::from(*w) - f64::from(*n)) / LR - 0.01 * f64::from(*w));
            let xi: Vec<f64> = xi.collect();
            let (before, after) = (mean(&model, &w, &now, clip), mean(&model, &w, &then, clip));
            let delta: Vec<f64> = after.iter().zip(&before).map(|(a, b)| a - b).collect();
            let dot = (0..delta.len()).map(|i| (xi[i] - before[i]) * delta[i]).sum();
            let moved = Moved { dot, square: delta.iter().map(|d| d * d).sum() };
            let edit = new.edit(step).unwrap();
            assert_eq!(edit.batch, then);
            let (decision, along) = match decide(moved, sigma, draw::coin(anew, step)) {
                Decision::Keep => (None, 0.0),
                Decision::Turn { along } => (Some(step), along),
            };
            for (i, noisy) in edit.noisy.iter().enumerate() {
                let want = xi[i] + along * delta[i];
                let near = (f64::from(*noisy) - want).abs() < 2e-6;
                assert!(near, "seed {seed}, step {step}, {along}: {:?}, {xi:?} + {delta:?} was wanted", edit.noisy);
            }
            if decision.is_some() {
                expected = decision;
                break;
            }
        }
        assert_eq!(account.details.notes["recomputed_from"], serde_json::json!(expected), "seed {seed}");
        match expected {
            None => {
                kept += 1;
                assert_eq!((after, account.details.stopped_by), (theta, Some(StoppedBy::Accepted)));
            }
            Some(step) => {
                turned += 1;
                assert_eq!(new.before(step).unwrap().1, trace.before(step).unwrap().1);
                assert_eq!(new.before(steps).unwrap(), (steps, after.clone()), "the trace ends elsewhere");
                assert_ne!(after, theta);
            }
        }
    }
    assert!(kept >= 2 && turned >= 2, "{kept} kept, {turned} turned: the seeds show one of both only");
}

/// How many iterates are kept changes nothing, nor whether any is: steps are computed again to the same bits. A second
/// request goes on from the trace that the first one left.
#[test]
fn iterates_in_between_come_out_the_same_and_requests_follow_each_other() {
    for sigma in [0.08, 0.0] {
        let dense = recipe(sigma, 1);
        let (theta, trace) = trained(&dense, 4);
        let sparse = recipe(sigma, 7);
        let (same, seven) = trained(&sparse, 4);
        assert_eq!(same, theta);
        let runs = [(&dense, Some(&trace)), (&sparse, Some(&seven)), (&sparse, None)];
        let first: Vec<(Vec<f32>, Account)> =
            runs.iter().map(|(train, trace)| forget(train, 4, &theta, *trace, (&[], &[3, 11])).unwrap()).collect();
        // The reference engine has f64 between iterates that are kept in f32; on an adapter they are the same bytes.
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(first.windows(2).all(|pair| near(&pair[0].0, &pair[1].0)), "sigma {sigma}: κ changes the result");
        let second = first.iter().zip([&dense, &sparse, &sparse]).map(|((theta, account), train)| {
            let trace = account.trace.as_deref();
            forget(train, 4, theta, trace, (&[3, 11], &[0])).unwrap()
        });
        let second: Vec<(Vec<f32>, Account)> = second.collect();
        let same = |pair: &[(Vec<f32>, Account)]| near(&pair[0].0, &pair[1].0);
        assert!(second.windows(2).all(same), "sigma {sigma}: κ changes the second");
        let trace = second[0].1.trace.as_deref().unwrap();
        assert_eq!((trace.gone(), trace.requests()), (&[0, 3, 11][..], 2));
        let left: Vec<u32> = (0..20).filter(|r| ![0, 3, 11].contains(r)).collect();
        let draws = trace.draws(&left, &[]).unwrap();
        for step in 0..trace.steps() {
            let batch = trace.edit(step).map_or_else(|| draws.step(step).1, |edit| edit.batch.clone());
            assert!(batch.iter().all(|r| ![0, 3, 11].contains(r)), "step {step} has a forgotten record");
        }
        // What was forgotten cannot be there again.
        let said = forget(&dense, 4, &second[0].0, Some(trace), (&[3], &[5])).unwrap_err().to_string();
        assert!(said.contains("is retained again"), "{said}");
    }
}

/// A folder's pages give back the trace, a training that is resumed goes on with those that it had, and a page that was
/// changed is refused.
#[test]
fn a_folder_keeps_the_trace() {
    let dir = tempfile::tempdir().unwrap();
    let train = recipe(0.08, 7);
    let (theta, mut trace) = trained(&train, 5);
    trace.save(dir.path()).unwrap();
    let (_, mut account) = forget(&train, 5, &theta, Some(&trace), (&[], &[3, 11])).unwrap();
    let mut read = Trace::load(dir.path()).unwrap().unwrap();
    for step in [0, 6, 7, 13, 14, 24] {
        assert_eq!(read.before(step).unwrap(), trace.before(step).unwrap());
    }
    let again = forget(&train, 5, &theta, Some(&read), (&[], &[3, 11])).unwrap();
    assert_eq!(again.1.details.notes, account.details.notes);
    let other = tempfile::tempdir().unwrap();
    let left = account.trace.as_mut().unwrap();
    left.save(other.path()).unwrap();
    let back = Trace::load(other.path()).unwrap().unwrap();
    assert!((0..24).all(|step| back.edit(step) == left.edit(step)) && back.gone() == [3, 11]);
    let mut resumed = Trace::begin(&train, 5, RECORDS, &trace.before(0).unwrap().1).unwrap();
    resumed.resume(dir.path(), 15).unwrap();
    assert!(resumed.wants(21) && resumed.before(20).unwrap() == trace.before(20).unwrap());
    resumed.resume(dir.path(), 99).expect_err("more than was kept");
    let page = dir.path().join("trace.00000.safetensors");
    let mut bytes = std::fs::read(&page).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&page, bytes).unwrap();
    assert!(read.before(7).unwrap_err().to_string().contains("changed or damaged"));
    assert!(read.save(dir.path()).is_err() || read.before(7).is_err());
}

/// What the coupling is not exact for is refused by name.
#[test]
fn what_it_cannot_do_is_refused_by_name() {
    let good = recipe(0.08, 7);
    for (key, bad) in [
        ("momentum", TrainConfig { momentum: 0.9, ..good.clone() }),
        ("optimizer", TrainConfig { optimizer: "adam".into(), ..good.clone() }),
        ("ema", TrainConfig { ema: 0.9, ..good.clone() }),
        ("steps", TrainConfig { epochs: 5, ..good.clone() }),
        ("clip_norm", TrainConfig { clip_norm: 1.0, ..good.clone() }),
    ] {
        let said = bad.check().unwrap_err().to_string();
        assert!(said.contains("train.") && said.contains(key), "{key}: {said}");
    }
    good.check().unwrap();
    let bare = TrainConfig { coupled: None, ..good.clone() };
    let (theta, trace) = trained(&good, 1);
    let said = forget(&bare, 1, &theta, Some(&trace), (&[], &[3])).unwrap_err().to_string();
    assert!(said.contains("[train.coupled]"), "{said}");
    let wide: Vec<u32> = (0..16).collect();
    let said = forget(&good, 1, &theta, Some(&trace), (&[], &wide)).unwrap_err().to_string();
    assert!(said.contains("4 are retained"), "{said}");
}
