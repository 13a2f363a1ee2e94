//! Steps with weights of classes and smoothed labels, against PyTorch's weighted mean
//! (`tools/parity/weighted_loss.py`).

use std::collections::HashMap;

use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use unlearn::data::Samples;
use unlearn::engine::Engine;
use unlearn::methods::{View, find};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Records, Session};
use unlearn::train::{Fit, StepReport, Term, TrainConfig, train_to_end};

use super::{apart, recipe};

const CLASSES: usize = 4;

fn fixture() -> (HashMap<String, Vec<f64>>, Samples) {
    let file = include_bytes!("../../../assets/parity/weighted_loss.safetensors");
    let (mut all, mut y) = (HashMap::new(), Vec::new());
    for (name, tensor) in SafeTensors::deserialize(file).unwrap().tensors() {
        if tensor.dtype() == Dtype::F64 {
            all.insert(name, bytemuck::pod_collect_to_vec::<u8, f64>(tensor.data()));
        } else {
            y = bytemuck::pod_collect_to_vec::<u8, i64>(tensor.data()).iter().map(|y| *y as u32).collect();
        }
    }
    let x = all["z"].iter().map(|v| *v as f32).collect();
    (all, Samples { x, y, ..Samples::default() })
}

/// A layer whose weights are the identity, so that logits are features.
fn identity() -> (Model, Vec<f32>) {
    let layers: ModelConfig = toml::from_str("layers = [{type='linear',bias=false}]").unwrap();
    let model = Model::build(&layers, &[CLASSES], CLASSES).unwrap();
    let mut theta = vec![0.0; model.layout.total()];
    (0..CLASSES).for_each(|c| theta[c * CLASSES + c] = 1.0);
    (model, theta)
}

struct Last(Option<StepReport>);

impl unlearn::train::Observer for Last {
    fn step(&mut self, report: &StepReport) -> bool {
        self.0 = Some(*report);
        true
    }
}

/// One step of length 1 over some records; the negative of the mean's gradient, and the loss that is told.
fn step(data: &Samples, records: &[u32], recipe: &TrainConfig) -> (Vec<f32>, f64) {
    let (model, theta) = identity();
    let mut engine = Engine::reference();
    let mut session = Session::new(&mut engine, &model, data, &Samples::default(), &theta).unwrap();
    let mut fit = Fit::new(&mut session, recipe, 1).unwrap();
    let mut last = Last(None);
    let terms = [Term { records: Records::train(records), weight: 1.0 }];
    train_to_end(&mut fit, &mut session, &terms, &mut last).unwrap();
    let after = session.read_theta().unwrap();
    (after.iter().zip(&theta).map(|(a, b)| a - b).collect(), last.0.expect("a step").loss)
}

#[test]
fn a_steps_mean_is_pytorchs_weighted_mean() {
    let (all, data) = fixture();
    let weights = "class_weights = [0.5, 2.0, 0.25, 1.5]\n";
    for (name, keys) in [
        ("plain", String::new()),
        ("smooth", "label_smoothing = 0.1\n".into()),
        ("weights", weights.into()),
        ("both", format!("{weights}label_smoothing = 0.2\n")),
    ] {
        for batches in ["batch_size = 6", "batch_size = 4\naccumulate = 2"] {
            let text = format!("{keys}{batches}\nepochs = 1\nlr = 1.0\nmomentum = 0.0");
            let (moved, loss) = step(&data, &[0, 1, 2, 3, 4, 5], &recipe(&text));
            let mut want = vec![0.0f32; moved.len()];
            for (dz, x) in all[&format!("{name}.mean_gradient")].chunks(CLASSES).zip(all["z"].chunks(CLASSES)) {
                for (c, dz) in dz.iter().enumerate() {
                    x.iter().enumerate().for_each(|(i, x)| want[c * CLASSES + i] -= (dz * x) as f32);
                }
            }
            assert!(apart(&want, &moved) < 1e-5, "{name}, {batches}: {}", apart(&want, &moved));
            let mean = all[&format!("{name}.mean")][0];
            assert!((loss - mean).abs() < 1e-5 * mean, "{name}, {batches}: {loss}, PyTorch has {mean}");
        }
    }
}

/// Balance is over the records that are trained on: what is forgotten has no part in it.
#[test]
fn balanced_weights_are_those_of_the_records_that_are_trained_on() {
    let (_, data) = fixture();
    // Classes 2, 0, 3, 1, 0, 2: of the first four each has one, of all six two have two.
    let of = |weights: &str| recipe(&format!("{weights}\nbatch_size = 6\nepochs = 1\nlr = 1.0\nmomentum = 0.0"));
    let balanced = of("class_weights = \"balanced\"");
    let all = [0, 1, 2, 3, 4, 5];
    let given = of("class_weights = [0.75, 1.5, 0.75, 1.5]");
    assert_eq!(step(&data, &all, &balanced), step(&data, &all, &given));
    assert_eq!(step(&data, &all[..4], &balanced).0, step(&data, &all[..4], &of("class_weights = [1, 1, 1, 1]")).0);
    let (model, theta) = identity();
    let mut engine = Engine::reference();
    let mut session = Session::new(&mut engine, &model, &data, &Samples::default(), &theta).unwrap();
    let method = (find("retrain").unwrap().build)(toml::Table::new()).unwrap();
    let view = View::new(&balanced, &all[..4], &all[4..]).seed(9);
    method.forget(&mut session, &view).unwrap();
    let retrained = session.read_theta().unwrap();
    drop(session);
    let mut session = Session::new(&mut engine, &model, &data, &Samples::default(), &theta).unwrap();
    let even = of("class_weights = [1, 1, 1, 1]");
    method.forget(&mut session, &View::new(&even, &all[..4], &all[4..]).seed(9)).unwrap();
    assert_eq!(session.read_theta().unwrap(), retrained);
}

#[test]
fn weights_that_fit_nothing_are_refused() {
    let (_, data) = fixture();
    let (model, theta) = identity();
    let mut engine = Engine::reference();
    let mut session = Session::new(&mut engine, &model, &data, &Samples::default(), &theta).unwrap();
    let mut refused = |text: &str, says: [&str; 2]| {
        let said = Fit::new(&mut session, &recipe(text), 1).err().expect("refused").to_string();
        assert!(says.iter().all(|word| said.contains(word)), "{text}: {said}");
    };
    refused("class_weights = [1, 2]", ["2 weights", "4 classes"]);
    refused("class_weights = [1, 2, -1, 1]", ["train.class_weights", "0 or more"]);
    refused("objective = \"squared_error\"\nlabel_smoothing = 0.1", ["train.label_smoothing", "squared_error"]);
    // The session keeps the objective that the last recipe asked for, so this one names its own.
    refused("objective = \"squared_error\"\nclass_weights = \"balanced\"", ["train.class_weights", "squared_error"]);
    for (method, text) in [
        ("certified_removal", "label_smoothing = 0.1\nweight_decay = 0.1\nobjective_noise = 1.0"),
        ("delta_grad", "class_weights = \"balanced\""),
    ] {
        let method = (find(method).unwrap().build)(toml::Table::new()).unwrap();
        let said = method.suits_recipe(&recipe(text)).unwrap_err().to_string();
        assert!(said.contains("label_smoothing") || said.contains("class_weights"), "{said}");
    }
}
