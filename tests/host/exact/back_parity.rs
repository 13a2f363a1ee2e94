//! Methods that go back into a training beside PyTorch's float64 (`tools/parity/back.py`), step for step.

use safetensors::SafeTensors;
use unlearn::data::Samples;
use unlearn::engine::Engine;
use unlearn::methods::{Past, View, find};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Records, Session};
use unlearn::train::{Term, TrainConfig, fit_to_end};

const SEED: u64 = 7;
const RETAIN: [u32; 9] = [0, 1, 3, 4, 5, 6, 7, 9, 10];
const FORGET: [u32; 2] = [2, 8];
/// PyTorch's names and those of the layers here.
const NAMES: [(&str, &str); 4] =
    [("0.weight", "a.weight"), ("0.bias", "a.bias"), ("2.weight", "b.weight"), ("2.bias", "b.bias")];

fn numbers(file: &SafeTensors, name: &str) -> Vec<f32> {
    bytemuck::pod_collect_to_vec(file.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}")).data())
}

/// A set of parameters, in the layout's places.
fn theta(file: &SafeTensors, model: &Model, name: &str) -> Vec<f32> {
    let mut flat = vec![0.0; model.layout.whole()];
    for (theirs, ours) in NAMES {
        let entry = model.layout.get(ours).unwrap();
        flat[entry.offset..entry.offset + entry.len].copy_from_slice(&numbers(file, &format!("{name}.{theirs}")));
    }
    flat
}

fn apart(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn rewinding_amnesia_and_noisy_steps_are_those_of_pytorch() {
    let bytes = include_bytes!("../../../assets/parity/back.safetensors");
    let file = SafeTensors::deserialize(bytes).unwrap();
    let layers = "layers = [{type='linear',name='a',out=4},{type='tanh'},{type='linear',name='b'}]";
    let net: ModelConfig = toml::from_str(layers).unwrap();
    let model = Model::build(&net, &[5], 3).unwrap();
    let y = (0..11).map(|record| record % 3).collect();
    let data = Samples { x: numbers(&file, "x"), y, ..Samples::default() };
    let (start, mut all) = (theta(&file, &model, "start"), [RETAIN.to_vec(), FORGET.to_vec()].concat());
    all.sort_unstable();
    // What is left of the noise: some 2e-7 a parameter and step.
    let still =
        "epsilon = 1e14\nlr = 1e-30\nepochs = 1\nnoisy_steps = 5\nnoisy_lr = 0.5\nradius = 1.5\ngradient = 0.1\n";
    for (optimizer, lr) in [("sgd", 0.1), ("adam", 0.02)] {
        let train = TrainConfig {
            optimizer: optimizer.into(),
            lr,
            weight_decay: 0.01,
            batch_size: 4,
            epochs: 3,
            ..TrainConfig::default()
        };
        for (name, method, settings) in [
            ("trained", "", String::new()),
            ("rewind", "rewind", "share = 0.5".into()),
            ("amnesiac", "amnesiac", "repair = false".into()),
            ("noisy_model", "noisy_finetune", format!("{still}clip = 'model'")),
            ("noisy_gradient", "noisy_finetune", format!("{still}clip = 'gradient'")),
        ] {
            let mut engine = Engine::reference();
            let mut session = Session::new(&mut engine, &model, &data, &Samples::default(), &start).unwrap();
            let terms = [Term { records: Records::train(&all), weight: 1.0 }];
            fit_to_end(&mut session, &train, SEED, &terms).unwrap();
            let before = session.read_theta().unwrap();
            if !method.is_empty() {
                let built = (find(method).unwrap().build)(settings.parse().unwrap()).unwrap();
                let past = Past { seed: Some(SEED), base: Some(&start), ..Past::default() };
                let view = View::new(&train, &RETAIN, &FORGET).seed(SEED).past(past);
                built.forget(&mut session, &view).unwrap_or_else(|e| panic!("{e}"));
            }
            let (ours, theirs) = (session.read_theta().unwrap(), theta(&file, &model, &format!("{name}.{optimizer}")));
            let step = apart(&theirs, if method.is_empty() { &start } else { &before });
            let error = apart(&ours, &theirs);
            assert!(step > 1e-2 && error < 1e-4 * step, "{name} {optimizer}: {error} of a step of {step}");
        }
    }
}
