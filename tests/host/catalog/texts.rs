//! Methods on texts against PyTorch in float64 (`tools/parity/language_methods.py`), on the twins: of one text a span
//! is forgotten, of another all of it.

use std::collections::HashMap;

use safetensors::SafeTensors;
use serde::Deserialize;
use unlearn::Result;
use unlearn::data::{Cut, DataConfig, Dataset, load};
use unlearn::engine::Engine;
use unlearn::methods::{Account, View, find};
use unlearn::nn::{Model, ModelConfig, Sizes};
use unlearn::records::Session;
use unlearn::train::TrainConfig;

#[derive(Deserialize)]
struct File {
    seed: u64,
    vocabulary: usize,
    texts: Vec<String>,
    retain: Vec<u32>,
    forget: Vec<u32>,
    cut: Vec<u32>,
    sizes: Sizes,
    recipe: TrainConfig,
    methods: HashMap<String, String>,
}

struct Parity {
    file: File,
    tensors: HashMap<String, Vec<f32>>,
    data: Dataset,
    model: Model,
}

impl Parity {
    fn load() -> Parity {
        let file: File = toml::from_str(include_str!("../../../assets/parity/language_methods.toml")).unwrap();
        let bytes = include_bytes!("../../../assets/parity/language_methods.safetensors");
        let all = SafeTensors::deserialize(bytes).unwrap();
        let floats = |data: &[u8]| bytemuck::pod_collect_to_vec::<u8, f32>(data);
        let tensors = all.tensors().into_iter().map(|(name, tensor)| (name, floats(tensor.data()))).collect();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.txt"), file.texts.join("\n")).unwrap();
        let (path, context) = (Some("a.txt".into()), file.sizes.context);
        let data = DataConfig { path, context, test_fraction: Some(0.0), ..DataConfig::new("text") };
        let data = load(&data, folder.path()).unwrap();
        assert_eq!((data.classes, data.train.len()), (file.vocabulary, file.texts.len()));
        let config = ModelConfig { zoo: Some("gpt".into()), sizes: Some(file.sizes.clone()), ..Default::default() };
        let model = Model::build(&config, &data.model_input(), data.classes).unwrap();
        Parity { file, tensors, data, model }
    }

    fn theta(&self, prefix: &str) -> Vec<f32> {
        let mut theta = vec![0.0; self.model.layout.whole()];
        for (entry, place) in self.model.layout.tensors() {
            theta[place].copy_from_slice(&self.tensors[&format!("{prefix}{}", entry.name)]);
        }
        theta
    }

    fn forgotten(&self, method: &str, settings: &str, cut: &[u32]) -> Result<(Vec<f32>, Account)> {
        let cuts = [Cut { record: 0, tokens: cut.to_vec() }];
        let mut engine = Engine::reference();
        let training = self.data.training_without(&cuts);
        let mut session = Session::of(&mut engine, &self.model, training, None, &self.theta(""))?;
        let view = View::new(&self.file.recipe, &self.file.retain, &self.file.forget).seed(self.file.seed);
        let view = view.tokenizer(self.data.tokenizer.as_ref());
        let account = (find(method)?.build)(settings.parse().unwrap())?.forget(&mut session, &view)?;
        Ok((session.read_theta()?, account))
    }

    /// The largest difference of a method's parameters from PyTorch's, in units of PyTorch's largest step.
    fn apart(&self, method: &str, settings: &str, cut: &[u32]) -> f64 {
        let (got, _) = self.forgotten(method, settings, cut).unwrap_or_else(|e| panic!("{method}: {e}"));
        let (start, want) = (self.theta(""), self.theta(&format!("{method}.")));
        let far = |a: &[f32], b: &[f32]| {
            let apart = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs());
            apart.fold(0.0, |most: f64, next| if next.is_nan() { next } else { most.max(next) })
        };
        far(&got, &want) / far(&want, &start)
    }
}

/// What each method is not, which a comparison must notice.
const OTHERS: [(&str, &str); 6] = [
    ("grad_diff", "beta = 0.9"),
    ("kl_min", "beta = 1.2"),
    ("wga", "alpha = 0.6"),
    ("undial", "gamma = 1.5"),
    ("rmu", "times = 1.9"),
    ("idk_dpo", "beta = 0.2"),
];

#[test]
fn steps_on_texts_are_those_of_pytorch() {
    let parity = Parity::load();
    assert_eq!(parity.file.methods.len(), OTHERS.len(), "the fixture and this test have other methods");
    let (mut wrong, cut) = (Vec::new(), parity.file.cut.clone());
    for (method, other) in OTHERS {
        let settings = &parity.file.methods[method];
        let apart = parity.apart(method, settings, &cut);
        if apart.is_nan() || apart > 1e-4 {
            wrong.push(format!("{method} is {apart:e} of a step from PyTorch's parameters"));
        }
        let mut changed: toml::Table = settings.parse().unwrap();
        changed.extend(other.parse::<toml::Table>().unwrap());
        let apart = parity.apart(method, &changed.to_string(), &cut);
        if apart < 1e-3 {
            wrong.push(format!("{method} with {other} is not told from itself: {apart:e}"));
        }
        // Another span is another request.
        let apart = parity.apart(method, settings, &cut[..1]);
        if apart < 1e-3 {
            wrong.push(format!("{method} does not look at the span: {apart:e}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Layers that RMU does not train keep their bits; what it cannot steer, and a refusal that the context does not hold,
/// are refused.
#[test]
fn what_cannot_be_steered_or_refused_is_said_in_a_sentence() {
    let parity = Parity::load();
    let (start, cut) = (parity.theta(""), &parity.file.cut);
    let (theta, account) = parity.forgotten("rmu", "layer = 4\ntrained = 1\nweight_decay = 0.1", cut).unwrap();
    assert_eq!(account.details.notes["layer"], 4);
    for (entry, place) in parity.model.layout.tensors() {
        let moved = theta[place.clone()] != start[place];
        let trained = [".ln_2.", ".mlp."].iter().any(|part| entry.name.contains(part));
        assert_eq!(moved, trained, "{}", entry.name);
    }
    let refused = |method: &str, settings: &str, says: &str| {
        let said = parity.forgotten(method, settings, cut).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(said.contains(says), "{method} {settings}: {said}");
    };
    refused("rmu", "layer = 6", "layer = 6, and the network has 6 layers");
    refused("idk_dpo", "refusals = [\"I do not know.\"]", "a refusal of 15 tokens");
    let targets = unlearn::data::TargetKind::Class;
    let method = (find("idk_dpo").unwrap().build)(toml::Table::new()).unwrap();
    assert!(method.suits_targets(targets).is_err_and(|e| e.to_string().contains("prefers a refusal")));
}

/// Where every record that a request names stays without a part of it, what removes records has the part to remove.
#[test]
fn methods_of_second_order_and_fisher_values_reach_a_span() {
    let mut parity = Parity::load();
    (parity.file.forget, parity.file.retain) = (vec![0], vec![0, 1, 2, 3, 4]);
    for (method, settings) in [
        ("influence", ""),
        ("ssd", "alpha = 1.5"),
        ("fisher_removal", "gamma = 0.01"),
        ("fisher_forgetting", "gamma = 0.01"),
        ("gradient_ascent", "target_loss = 50\nmax_steps = 2"),
    ] {
        let (theta, account) = parity.forgotten(method, settings, &[3, 4]).unwrap_or_else(|e| panic!("{method}: {e}"));
        let moved = account.details.relative_change.unwrap();
        assert!(moved > 1e-6 && theta.iter().all(|v| v.is_finite()), "{method} moved {moved}");
    }
}
