//! Certified removal on the reference engine, in f64: the stated bound is never below the true residual, the budget
//! runs out, and what is not proven is refused.

mod graph;

use unlearn::base::philox::{normal, philox, unit};
use unlearn::data::Samples;
use unlearn::engine::Engine;
use unlearn::methods::second_order::certificate::{Certificate, newton_bound, softmax_lipschitz, spectral_bound};
use unlearn::methods::{Account, Past, View, find};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Records, Session};
use unlearn::statistics::Moments;
use unlearn::train::{TrainConfig, objective_noise};

/// A small linear problem.
struct Problem {
    data: Samples,
    model: Model,
    train: TrainConfig,
    width: usize,
    classes: usize,
    seed: u64,
}

fn words(seed: u64, i: u32, what: u32) -> [u32; 4] {
    philox([i, what, 0, 0], [seed as u32, 77])
}

impl Problem {
    fn new(seed: u64, [records, width, classes]: [usize; 3], [decay, sigma]: [f64; 2]) -> Problem {
        let x: Vec<f32> = (0..records * width).map(|i| normal(words(seed, i as u32, 1))[0] as f32).collect();
        let y = (0..records).map(|i| words(seed, i as u32, 2)[0] % classes as u32).collect();
        let net = ModelConfig { zoo: Some("logistic".into()), ..Default::default() };
        let model = Model::build(&net, &[width], classes).unwrap();
        let train = TrainConfig {
            weight_decay: decay,
            objective_noise: sigma,
            lr: 0.3,
            momentum: 0.9,
            batch_size: records,
            epochs: 300,
            ..Default::default()
        };
        Problem { data: Samples { x, y, ..Samples::default() }, model, train, width, classes, seed }
    }

    fn trained(&self, epochs: usize) -> Vec<f32> {
        let all: Vec<u32> = (0..self.data.len() as u32).collect();
        let config = TrainConfig { epochs, ..self.train.clone() };
        self.session(&self.model.init(self.seed), |session| {
            let terms = [unlearn::train::Term { records: Records::train(&all), weight: 1.0 }];
            let mut fit = unlearn::train::Fit::new(session, &config, self.seed).unwrap();
            while let unlearn::train::Progress::Epoch(_) = fit.advance(session, &terms, |_| true).unwrap() {}
            session.read_theta().unwrap()
        })
    }

    fn session<T>(&self, theta: &[f32], work: impl FnOnce(&mut Session) -> T) -> T {
        let mut engine = Engine::reference();
        let mut session = Session::new(&mut engine, &self.model, &self.data, &Samples::default(), theta).unwrap();
        work(&mut session)
    }

    fn forget(
        &self,
        theta: &[f32],
        settings: &str,
        [retain, forget]: [&[u32]; 2],
        past: Past,
    ) -> Result<(Vec<f32>, Account), String> {
        let method =
            (find("certified_removal").unwrap().build)(settings.parse().unwrap()).map_err(|e| e.to_string())?;
        self.session(theta, |session| {
            let view = View::new(&self.train, retain, forget).seed(self.seed).past(past);
            let account = method.forget(session, &view).map_err(|e| e.to_string())?;
            Ok((session.read_theta().unwrap(), account))
        })
    }

    /// ‖∇L‖ of the sum's objective over `records`, by its definition.
    fn gradient_norm(&self, theta: &[f32], records: &[u32], noise_seed: u64) -> f64 {
        let layout = &self.model.layout;
        let (w, b) = (layout.get("fc.weight").unwrap(), layout.get("fc.bias").unwrap());
        let tilt = objective_noise(layout, noise_seed, self.train.objective_noise);
        let decay = self.train.weight_decay * records.len() as f64;
        let mut gradient: Vec<f64> =
            theta.iter().zip(&tilt).map(|(t, b)| decay * f64::from(*t) + f64::from(*b)).collect();
        for record in records.iter().map(|r| *r as usize) {
            let x = &self.data.x[record * self.width..(record + 1) * self.width];
            let logit = |c: usize| {
                let row = &theta[w.offset + c * self.width..];
                f64::from(theta[b.offset + c])
                    + x.iter().zip(row).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum::<f64>()
            };
            let z: Vec<f64> = (0..self.classes).map(logit).collect();
            let top = z.iter().fold(f64::NEG_INFINITY, |m: f64, z| m.max(*z));
            let sum: f64 = z.iter().map(|z| (z - top).exp()).sum();
            for c in 0..self.classes {
                let d = (z[c] - top).exp() / sum - f64::from(u8::from(self.data.y[record] as usize == c));
                gradient[b.offset + c] += d;
                x.iter().enumerate().for_each(|(i, x)| gradient[w.offset + c * self.width + i] += d * f64::from(*x));
            }
        }
        gradient.iter().map(|g| g * g).sum::<f64>().sqrt()
    }
}

/// What a step can have left, by its part.
fn left(account: &Account, part: &str) -> f64 {
    account.details.notes["left"][part].as_f64().unwrap_or(f64::NAN)
}

/// A trial: any records, any start not far from the optimum, any strength of decay and noise.
fn trial(seed: u64) -> (f64, f64) {
    let draw = |what: u32, from: f64, to: f64| from + (to - from) * f64::from(unit(words(seed, 0, what)[0]));
    let size = |what, from: f64, to: f64| draw(what, from, to) as usize;
    let shape = [size(3, 12.0, 40.0), size(4, 1.0, 6.0), size(5, 2.0, 5.0)];
    let problem = Problem::new(seed, shape, [10f64.powf(draw(6, -2.3, -0.5)), 10f64.powf(draw(7, -1.5, 0.3))]);
    let theta = problem.trained(size(8, 3.0, 25.0));
    let forget: Vec<u32> = (0..size(9, 1.0, shape[0] as f64 / 3.0) as u32).collect();
    let retain: Vec<u32> = (forget.len() as u32..shape[0] as u32).collect();
    let settings = format!("epsilon = 1e9\ntolerance = 1e-{}\nsteps = {}", size(10, 1.0, 7.0), size(11, 1.0, 3.0));
    let (after, account) = problem.forget(&theta, &settings, [&retain, &forget], Past::default()).unwrap();
    assert_eq!(account.details.notes["retrained"], false, "trial {seed}");
    let bound = left(&account, "newton") + left(&account, "solver");
    (bound, problem.gradient_norm(&after, &retain, seed))
}

#[test]
fn the_bound_holds_in_a_thousand_random_trials() {
    let mut ratios = Vec::new();
    for seed in 0..1000 {
        let (bound, true_residual) = trial(seed);
        // Parameters, decay and noise cross the bus as f32.
        let slack = 2e-5;
        assert!(
            true_residual <= bound * (1.0 + 1e-6) + slack,
            "trial {seed}: {true_residual} is left, {bound} was said"
        );
        ratios.extend((bound > 1e-3).then(|| true_residual / bound));
    }
    ratios.sort_by(f64::total_cmp);
    let (median, largest) = (ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
    println!("{} trials above rounding: true / bound is {median:.3} in the middle, {largest:.3} at most", ratios.len());
    // A bound that is far from everything would hold whatever the method did.
    assert!(ratios.len() > 500 && median > 0.02 && largest > 0.3, "{median} {largest}");
}

#[test]
fn the_constant_is_attained_and_no_distribution_exceeds_it() {
    let gamma = softmax_lipschitz();
    let third = |p: &[f64], a: &[f64]| {
        let mean: f64 = p.iter().zip(a).map(|(p, a)| p * a).sum();
        p.iter().zip(a).map(|(p, a)| p * (a - mean).powi(3)).sum::<f64>().abs()
    };
    let q = 0.5 + 0.5 / 3f64.sqrt();
    let half = 0.5f64.sqrt();
    assert!((third(&[q, 1.0 - q], &[half, -half]) - gamma).abs() < 1e-12);
    for seed in 0..20_000 {
        let k = 2 + seed as usize % 5;
        let numbers: Vec<f64> = (0..2 * k as u32).flat_map(|i| normal(words(seed, i, 20))).collect();
        let p: Vec<f64> = numbers[..k].iter().map(|v| (2.0 * v).exp()).collect();
        let (sum, a) = (p.iter().sum::<f64>(), &numbers[k..2 * k]);
        let p: Vec<f64> = p.iter().map(|v| v / sum).collect();
        let norm = a.iter().map(|v| v * v).sum::<f64>().sqrt();
        let a: Vec<f64> = a.iter().map(|v| v / norm).collect();
        assert!(third(&p, &a) <= gamma + 1e-12, "{p:?} {a:?}");
    }
}

#[test]
fn the_spectral_bound_is_above_the_largest_singular_value_and_near_it() {
    for seed in 0..50 {
        let (n, side) = (30, 3 + seed as usize % 9);
        let x: Vec<f64> = (0..n * side).map(|i| normal(words(seed, i as u32, 30))[0]).collect();
        let mut values = vec![0.0; side * side];
        for (i, j) in (0..side).flat_map(|i| (0..side).map(move |j| (i, j))) {
            values[i * side + j] = (0..n).map(|r| x[r * side + i] * x[r * side + j]).sum();
        }
        // Many power iterations: the value itself, from below.
        let mut v = vec![1.0; side];
        let mut largest = 0.0;
        for _ in 0..2000 {
            let w: Vec<f64> = (0..side).map(|i| (0..side).map(|j| values[i * side + j] * v[j]).sum()).collect();
            largest = w.iter().map(|w: &f64| w * w).sum::<f64>().sqrt();
            v = w.iter().map(|w| w / largest).collect();
        }
        let (bound, value) = (spectral_bound(&Moments { side, values }, n), f64::sqrt(largest));
        assert!(bound >= value * (1.0 - 1e-9) && bound <= 1.1 * value, "{bound} for {value}");
    }
    assert_eq!(spectral_bound(&Moments { side: 2, values: vec![0.0; 4] }, 0), 0.0);
    // A shift of all logits is no change.
    assert!(newton_bound(1.0, &[5.0, 5.0, 5.0], 3) < 1e-12);
}

#[test]
fn the_budget_runs_out_into_a_retrain() {
    let problem = Problem::new(5, [120, 3, 3], [0.05, 2.0]);
    let mut theta = problem.trained(300);
    let mut certificate: Option<Certificate> = None;
    let (mut retrained, mut spent, mut served) = (false, 0.0, 0);
    for request in 0..40_u32 {
        let retain: Vec<u32> = (request + 1..120).collect();
        let past = Past {
            method: certificate.as_ref().map(|_| "certified_removal"),
            certificate: certificate.as_ref(),
            seed: Some(5),
            ..Past::default()
        };
        let (after, account) = problem.forget(&theta, "steps = 1", [&retain, &[request]], past).unwrap();
        let now = account.details.certificate.clone().unwrap();
        assert!(now.spent <= now.budget);
        // What is certified is the retained records' gradient, under the noise that the certificate names.
        let residual = problem.gradient_norm(&after, &retain, now.noise_seed);
        assert!(residual <= now.spent + 1e-4, "request {request}: {residual}, {now:?}");
        if account.details.notes["retrained"] == true {
            assert!(now.noise_seed == 6 && now.requests == 0, "{now:?}");
            assert!(account.details.notes["why_retrained"].as_str().unwrap().contains("budget"));
            retrained = true;
            break;
        }
        assert!(now.spent > spent && now.requests == request as usize + 1 && now.noise_seed == 5, "{now:?}");
        (theta, spent, served) = (after, now.spent, served + 1);
        certificate = Some(now);
    }
    assert!(retrained && served >= 2, "{served} requests were served, and the budget never ran out");
}

#[test]
fn what_is_not_proven_is_refused() {
    let good = Problem::new(3, [60, 3, 3], [0.05, 2.0]);
    let theta = good.trained(300);
    let (retain, forget): (Vec<u32>, Vec<u32>) = ((5..60).collect(), (0..5).collect());
    let ask = |problem: &Problem, theta: &[f32], settings: &str, past: Past| {
        problem.forget(theta, settings, [&retain, &forget], past).map(|(_, account)| account).map_err(|e| e.to_string())
    };
    ask(&good, &theta, "", Past::default()).unwrap();
    let change = |f: &dyn Fn(&mut Problem)| {
        let mut bad = Problem::new(3, [60, 3, 3], [0.05, 2.0]);
        f(&mut bad);
        let theta = if bad.model.layout.total() == theta.len() { theta.clone() } else { bad.model.init(1) };
        ask(&bad, &theta, "", Past::default()).unwrap_err()
    };
    let layers = |tables: &[&str]| {
        let table = |layer: &&str| layer.parse().unwrap();
        let net = ModelConfig { layers: tables.iter().map(table).collect(), ..Default::default() };
        move |p: &mut Problem| p.model = Model::build(&net, &[3], 3).unwrap()
    };
    for (says, why) in [
        ("train.weight_decay is 0", change(&|p| p.train.weight_decay = 0.0)),
        ("train.objective_noise is 0", change(&|p| p.train.objective_noise = 0.0)),
        ("adamw", change(&|p| p.train.optimizer = "adamw".into())),
        ("one linear layer", change(&layers(&["type = 'dropout'\np = 0.5", "type = 'linear'"]))),
        ("one linear layer", change(&layers(&["type = 'linear'\nout = 4", "type = 'relu'", "type = 'linear'"]))),
        ("train longer", change(&|p| p.train.weight_decay = 0.5)),
        (
            "train.dp",
            change(&|p| {
                p.train.dp =
                    Some(unlearn::train::DpConfig { clip: 1.0, noise_multiplier: 1.0, delta: 1e-5, poisson: true });
            }),
        ),
        (
            "keeps no certificate",
            ask(&good, &theta, "", Past { method: Some("finetune"), ..Past::default() }).unwrap_err(),
        ),
    ] {
        assert!(why.contains(says), "{why} does not say {says}");
    }
    let (_, account) = good.forget(&theta, "", [&retain, &forget], Past::default()).unwrap();
    let certificate = account.details.certificate.as_ref();
    let other = Past { method: Some("certified_removal"), certificate, ..Past::default() };
    let why = ask(&good, &theta, "epsilon = 2", other).unwrap_err();
    assert!(why.contains("one budget"), "{why}");
}

#[test]
fn another_objective_than_that_of_the_proof_is_refused() {
    let method = (find("certified_removal").expect("a row").build)(toml::Table::new()).expect("defaults");
    let recipe = |objective: Option<&str>| TrainConfig {
        weight_decay: 1e-2,
        objective_noise: 1.0,
        objective: objective.map(str::to_owned),
        ..TrainConfig::default()
    };
    for proven in [None, Some("cross_entropy")] {
        method.suits_recipe(&recipe(proven)).expect("the proof's objective");
    }
    let said = method.suits_recipe(&recipe(Some("squared_error"))).expect_err("another objective").to_string();
    assert!(said.contains("certified_removal") && said.contains("squared_error"), "{said}");
}
