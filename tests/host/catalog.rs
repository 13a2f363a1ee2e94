//! Methods against PyTorch in float64 (`tools/parity/methods.py`), on the twins: given batches, a few steps.

use std::collections::HashMap;

use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use serde::Deserialize;
use unlearn::data::Samples;
use unlearn::engine::Engine;
use unlearn::methods::{Account, Past, View, find};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::Session;
use unlearn::train::TrainConfig;

mod behaviour;
mod graphs;
mod heads;
mod requests;
mod texts;

#[derive(Deserialize)]
struct File {
    recipe: TrainConfig,
    sets: Sets,
    networks: HashMap<String, Network>,
    methods: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Sets {
    retain: Vec<u32>,
    forget: Vec<u32>,
    seed: u64,
}

#[derive(Deserialize)]
struct Network {
    input: Vec<usize>,
    classes: usize,
    layers: Vec<toml::Table>,
}

/// The fixture: tensors by name, and the classes.
struct Parity {
    file: File,
    tensors: HashMap<String, Vec<f32>>,
    y: Vec<u32>,
}

impl Parity {
    fn load() -> Parity {
        let file = toml::from_str(include_str!("../../assets/parity/methods.toml")).unwrap();
        let (mut tensors, mut y) = (HashMap::new(), Vec::new());
        let bytes = include_bytes!("../../assets/parity/methods.safetensors");
        for (name, tensor) in SafeTensors::deserialize(bytes).unwrap().tensors() {
            match tensor.dtype() {
                Dtype::I64 => {
                    y = bytemuck::pod_collect_to_vec::<u8, i64>(tensor.data()).iter().map(|y| *y as u32).collect();
                }
                _ => drop(tensors.insert(name, bytemuck::pod_collect_to_vec::<u8, f32>(tensor.data()))),
            }
        }
        Parity { file, tensors, y }
    }

    fn theta(&self, model: &Model, from: &str) -> Vec<f32> {
        let mut theta = vec![0.0; model.layout.whole()];
        for (e, place) in model.layout.tensors() {
            theta[place].copy_from_slice(&self.tensors[&format!("{from}.{}", e.name)]);
        }
        theta
    }

    /// The largest difference of a method's parameters from PyTorch's, in units of PyTorch's largest step.
    fn apart(&self, method: &str, settings: &str) -> (f64, Account) {
        let name = if method == "ct" { "cnn" } else { "mlp" };
        let Network { input, classes, layers } = &self.file.networks[name];
        let config = ModelConfig { layers: layers.clone(), ..ModelConfig::default() };
        let model = Model::build(&config, input, *classes).unwrap();
        let (theta, fresh) = (self.theta(&model, name), self.theta(&model, &format!("{name}.fresh")));
        let data = Samples { x: self.tensors[&format!("{name}.x")].clone(), y: self.y.clone(), ..Samples::default() };
        let mut engine = Engine::reference();
        let mut session = Session::new(&mut engine, &model, &data, &Samples::default(), &theta).unwrap();
        let Sets { retain, forget, seed } = &self.file.sets;
        let (retain, forget) = if method == "msg" { (forget, retain) } else { (retain, forget) };
        // What looks back finds a run there that began with other weights.
        let before = [fresh.clone()];
        let past = Past { base: Some(&fresh), before: &before, ..Past::default() };
        let view = View::new(&self.file.recipe, retain, forget).seed(*seed).past(past);
        let built = (find(method).unwrap().build)(settings.parse().unwrap()).unwrap();
        let account = built.forget(&mut session, &view).unwrap_or_else(|e| panic!("{method}: {e}"));
        let (got, want) = (session.read_theta().unwrap(), self.theta(&model, method));
        let far = |a: &[f32], b: &[f32]| {
            let apart = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs());
            apart.fold(0.0, |most: f64, next| if next.is_nan() { next } else { most.max(next) })
        };
        (far(&got, &want) / far(&want, &theta), account)
    }
}

/// What each method is not: settings next to those of the fixture, which a comparison must notice.
const OTHERS: [(&str, &str); 24] = [
    ("cf_k", "k = 1"),
    ("eu_k", "k = 1"),
    ("selective", "reset = false"),
    ("random_label", "weight = 1"),
    ("grad_diff", "beta = 1"),
    ("kl_min", "beta = 1"),
    ("npo", "retain = 0.9"),
    ("simnpo", "gamma = 0.3"),
    ("sfr_on", "gamma = 0"),
    ("scrub", "max_epochs = 2"),
    ("bad_teacher", "temperature = 1"),
    ("distill", "beta = 0.5"),
    ("boundary_shrink", "momentum = 0.8"),
    ("boundary_expand", "momentum = 0.8"),
    ("class_mean", "scale = 0.7"),
    ("ewc_ascent", "decay = 0.5"),
    ("datamodel_matching", "ridge = 1"),
    ("msg", "gain = 0.2"),
    ("ct", "schedule = \"constant\""),
    ("trew", "tilt = 0.5"),
    ("ltu", "inner_lr = 0.05"),
    ("wga", "alpha = 0.6"),
    ("undial", "gamma = 2.8"),
    ("rmu", "trained = 4"),
];

#[test]
fn steps_are_those_of_pytorch() {
    let parity = Parity::load();
    let mut named: Vec<&str> = OTHERS.iter().map(|(method, _)| *method).collect();
    let mut known: Vec<&str> = parity.file.methods.keys().map(String::as_str).collect();
    named.sort_unstable();
    known.sort_unstable();
    assert_eq!(named, known, "the fixture and this test have other methods");
    let mut wrong = Vec::new();
    for (method, other) in OTHERS {
        let settings = &parity.file.methods[method];
        let (apart, account) = parity.apart(method, settings);
        if apart.is_nan() || apart > 1e-4 {
            wrong.push(format!("{method} is {apart:e} of a step from PyTorch's parameters: {account:?}"));
        }
        let mut changed: toml::Table = settings.parse().unwrap();
        changed.extend(other.parse::<toml::Table>().unwrap());
        let (apart, _) = parity.apart(method, &changed.to_string());
        if apart < 1e-3 {
            wrong.push(format!("{method} with {other} is not told from itself: {apart:e}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
