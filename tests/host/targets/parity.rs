//! Losses, gradients, Fisher, a Gauss-Newton product and ten steps against PyTorch in float64
//! (`tools/parity/target_losses.py`), on the reference engine.

use std::fs;
use std::path::Path;

use safetensors::SafeTensors;
use unlearn::data::{Samples, TargetKind, TargetTable};
use unlearn::engine::Engine;
use unlearn::harness::nets::{gap, get, put};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::objective::Aim;
use unlearn::records::{Records, Session};
use unlearn::statistics::{self, Estimator, Kfac, Product};
use unlearn::train::{Fit, Term, TrainConfig};

const N: usize = 9;
const DELTA: f64 = 0.7;

struct Fixture {
    name: &'static str,
    kind: TargetKind,
    all: std::collections::HashMap<String, Vec<f64>>,
}

fn fixtures() -> Vec<Fixture> {
    let of = |name: &'static str, kind| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("assets/parity/targets/{name}.safetensors"));
        let bytes = fs::read(path).expect("the fixture");
        let file = SafeTensors::deserialize(&bytes).expect("safetensors");
        let wide = |data: &[u8]| data.chunks_exact(8).map(|v| f64::from_le_bytes(v.try_into().unwrap())).collect();
        let all = file.tensors().into_iter().map(|(name, tensor)| (name, wide(tensor.data()))).collect();
        Fixture { name, kind, all }
    };
    vec![
        of("mean_squared_error", TargetKind::Real),
        of("huber", TargetKind::Real),
        of("binary_cross_entropy", TargetKind::MultiLabel),
    ]
}

impl Fixture {
    fn samples(&self) -> Samples {
        let single = |name: &str| self.all[name].iter().map(|v| *v as f32).collect::<Vec<f32>>();
        let targets = TargetTable { kind: self.kind, width: 3, values: single("t") };
        Samples { x: single("x"), y: vec![0; N], targets: Some(targets) }
    }

    fn aim(&self) -> Aim {
        let huber_delta = (self.name == "huber").then_some(DELTA);
        Aim { objective: Some(self.name.to_owned()), huber_delta, ..Aim::default() }
    }

    /// A vector of the parameters, one after the other, at their places.
    fn padded(&self, model: &Model, name: &str) -> Vec<f64> {
        let (mut flat, mut from) = (vec![0.0; model.layout.total()], self.all[name].iter());
        for entry in model.layout.entries() {
            flat[entry.offset..entry.offset + entry.len].iter_mut().zip(&mut from).for_each(|(to, v)| *to = *v);
        }
        flat
    }
}

fn net() -> Model {
    let layers = "layers = [{type='linear',out=7},{type='tanh'},{type='linear'}]";
    let config: ModelConfig = toml::from_str(layers).expect("TOML");
    Model::build(&config, &[5], 3).expect("a network")
}

/// Relative to the largest number of what is compared.
fn near(fixture: &Fixture, what: &str, got: &[f64], want: &[f64], most: f64) {
    assert_eq!(got.len(), want.len(), "{} {what}", fixture.name);
    let off = gap(got, want);
    assert!(off < most, "{} {what}: off by {off:e}\n{got:?}\n{want:?}", fixture.name);
}

#[test]
fn first_and_second_order_quantities_are_pytorchs() {
    let model = net();
    for fixture in fixtures() {
        let mut engine = Engine::reference();
        let theta = fixture.padded(&model, "theta");
        let start: Vec<f32> = theta.iter().map(|v| *v as f32).collect();
        let mut session = Session::new(&mut engine, &model, &fixture.samples(), &Samples::default(), &start)
            .and_then(|session| session.trained_for(fixture.aim()))
            .expect("a session");
        session.batch = 4;
        let all: Vec<u32> = (0..N as u32).collect();
        let records = Records::train(&all);
        let single = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<f64>>();
        let outputs = single(statistics::logits(&mut session, records).unwrap());
        near(&fixture, "outputs", &outputs, &fixture.all["outputs"], 1e-6);
        let losses: Vec<f64> =
            all.iter().map(|i| statistics::score(&mut session, Records::train(&[*i])).unwrap().loss).collect();
        for (got, want) in losses.iter().zip(&fixture.all["losses"]) {
            assert!((got - want).abs() <= 2e-6 * want.abs(), "{}: a loss of {got}, PyTorch has {want}", fixture.name);
        }
        assert_eq!(statistics::score(&mut session, records).unwrap().accuracy, None);
        statistics::gradient(&mut session, records, (1.0 / N as f64) as f32, false).unwrap();
        let grad = session.grad;
        near(&fixture, "gradient", &get(session.engine, grad).unwrap(), &fixture.padded(&model, "gradient"), 1e-6);
        let fisher = session.vector("fisher").unwrap();
        statistics::fisher(&mut session, records, fisher).unwrap();
        near(&fixture, "fisher", &get(session.engine, fisher).unwrap(), &fixture.padded(&model, "fisher"), 1e-6);
        let h = statistics::gauss_newton(&mut session, records).unwrap();
        put(session.engine, h.u(), &fixture.padded(&model, "u")).unwrap();
        h.apply(&mut session).unwrap();
        near(&fixture, "product", &get(session.engine, h.hu()).unwrap(), &fixture.padded(&model, "product"), 1e-5);
    }
}

#[test]
fn ten_steps_lose_what_pytorchs_do() {
    let model = net();
    for fixture in fixtures() {
        let mut engine = Engine::reference();
        let start: Vec<f32> = fixture.padded(&model, "theta").iter().map(|v| *v as f32).collect();
        let mut session =
            Session::new(&mut engine, &model, &fixture.samples(), &Samples::default(), &start).expect("a session");
        let Aim { objective, huber_delta, .. } = fixture.aim();
        let config =
            TrainConfig { lr: 0.2, batch_size: N, epochs: 10, objective, huber_delta, ..TrainConfig::default() };
        let mut fit = Fit::new(&mut session, &config, 1).expect("a fit");
        let all: Vec<u32> = (0..N as u32).collect();
        let terms = [Term { records: Records::train(&all), weight: 1.0 }];
        let mut losses = Vec::new();
        for _ in 0..10 {
            fit.advance(&mut session, &terms, |step| {
                assert!(step.accuracy.is_none(), "an accuracy of numbers");
                losses.push(step.loss);
                true
            })
            .expect("an epoch");
        }
        near(&fixture, "steps", &losses, &fixture.all["steps"], 1e-5);
    }
}

/// K-FAC and the other estimators: by the records' own losses they work, by the model's labels they are refused.
#[test]
fn what_rests_on_a_softmax_is_refused_by_name() {
    let model = net();
    for fixture in fixtures() {
        let mut engine = Engine::reference();
        let start: Vec<f32> = fixture.padded(&model, "theta").iter().map(|v| *v as f32).collect();
        let mut session =
            Session::new(&mut engine, &model, &fixture.samples(), &Samples::default(), &start).expect("a session");
        let said = session.needs_softmax("this").unwrap_err().to_string();
        assert!(said.contains("softmax") && said.contains("data.targets"), "{said}");
        let all: Vec<u32> = (0..N as u32).collect();
        Kfac::measure(&mut session, Records::train(&all), Estimator::PerSample).expect("own losses");
        assert!(Kfac::measure(&mut session, Records::train(&all), Estimator::Model).is_err());
        let said = session.draw_labels(Records::before(&all), 1, false).unwrap_err().to_string();
        assert!(said.contains("no classes"), "{said}");
        let said = session.set_objective(Some("cross_entropy")).unwrap_err().to_string();
        assert!(said.contains("records with a class each") && said.contains("leave the key out"), "{said}");
        let weights = Aim { label_smoothing: 0.1, ..Aim::default() };
        let said = session.set_aim(&weights).unwrap_err().to_string();
        assert!(said.contains("train.label_smoothing") && said.contains("cross_entropy"), "{said}");
    }
}
