//! What the methods promise besides their steps: what stays, what is refused, what is gone back to.

use unlearn::Result;
use unlearn::data::{Samples, TargetKind};
use unlearn::engine::Engine;
use unlearn::methods::{Account, View, find};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Records, Session};
use unlearn::statistics;
use unlearn::train::{Term, TrainConfig, fit_to_end};

const SEED: u64 = 5;

/// Three clouds in four dimensions, of which every fourth record is forgotten, and a network trained on them.
struct Small {
    model: Model,
    train: Samples,
    validation: Samples,
    recipe: TrainConfig,
    theta: Vec<f32>,
    retain: Vec<u32>,
    forget: Vec<u32>,
    classes: Vec<u32>,
}

fn clouds(count: usize, salt: usize) -> Samples {
    let noise = |i: usize| ((i * 7919 + salt * 104_729) % 997) as f32 / 498.5 - 1.0;
    let value = |i: usize, d: usize| if i % 3 == d { 1.5 } else { 0.0 } + 0.9 * noise(4 * i + d);
    let x = (0..count).flat_map(|i| (0..4).map(move |d| value(i, d))).collect();
    Samples { x, y: (0..count).map(|i| (i % 3) as u32).collect(), ..Samples::default() }
}

impl Small {
    fn new(norm: &str) -> Small {
        let layers = format!(
            "layers = [{{type='linear',name='fc1',out=6}},{norm}{{type='tanh'}},{{type='linear',name='fc2',out=5}},
                {{type='tanh'}},{{type='linear',name='fc3'}}]"
        );
        let config: ModelConfig = toml::from_str(&layers).unwrap();
        let model = Model::build(&config, &[4], 3).unwrap();
        let recipe = TrainConfig { batch_size: 8, epochs: 12, lr: 0.1, weight_decay: 1e-3, ..TrainConfig::default() };
        let (forget, retain): (Vec<u32>, Vec<u32>) = (0..36).partition(|i| i % 4 == 0);
        let (train, validation) = (clouds(36, 1), clouds(12, 2));
        let theta = model.init(SEED);
        let mut made = Small { model, train, validation, recipe, theta, retain, forget, classes: Vec::new() };
        made.theta = made.trained(SEED, &(0..36).collect::<Vec<_>>());
        made
    }

    fn session<T>(&self, work: impl FnOnce(&mut Session, &View) -> Result<T>) -> Result<T> {
        let mut engine = Engine::reference();
        let mut session = Session::new(&mut engine, &self.model, &self.train, &self.validation, &self.theta)?;
        let view = View::new(&self.recipe, &self.retain, &self.forget).seed(SEED).classes(&self.classes);
        work(&mut session, &view)
    }

    fn trained(&self, seed: u64, records: &[u32]) -> Vec<f32> {
        let terms = [Term { records: Records::train(records), weight: 1.0 }];
        let train = |session: &mut Session, _: &View| {
            session.write_theta(&self.model.init(seed))?;
            fit_to_end(session, &self.recipe, seed, &terms)?;
            session.read_theta()
        };
        self.session(train).unwrap()
    }

    fn run(&self, method: &str, settings: &str) -> (Vec<f32>, Account) {
        let work = |session: &mut Session, view: &View| {
            let account = (find(method)?.build)(settings.parse().unwrap())?.forget(session, view)?;
            Ok((session.read_theta()?, account))
        };
        self.session(work).unwrap_or_else(|e| panic!("{method}: {e}"))
    }

    /// Which layers have other bits.
    fn moved(&self, theta: &[f32]) -> Vec<bool> {
        let of = |name: &'static str| self.model.layout.tensors().filter(move |(e, _)| e.name.starts_with(name));
        ["fc1", "fc2", "fc3"].map(|name| of(name).any(|(_, at)| theta[at.clone()] != self.theta[at])).to_vec()
    }
}

#[test]
fn layers_that_are_held_keep_their_bits() {
    let small = Small::new("");
    for (method, settings, layers) in [
        ("cf_k", "k = 1\nweight_decay = 0.1", [false, false, true]),
        ("cf_k", "weight_decay = 0.1", [false, true, true]),
        ("eu_k", "k = 1", [false, false, true]),
        ("selective", "rule = \"tail\"\nlayers = 2", [false, true, true]),
        ("selective", "rule = \"tail\"\nlayers = 1\nreset = false", [false, false, true]),
    ] {
        let (theta, account) = small.run(method, settings);
        assert_eq!(small.moved(&theta), layers, "{method} {settings}");
        assert_eq!(account.details.notes["layers"].as_array().unwrap().len(), layers.iter().filter(|m| **m).count());
    }
    // With every layer new, nothing is left of the original.
    assert_eq!(small.run("eu_k", "k = 3").0, small.run("retrain", "").0);
    assert_eq!(small.run("cf_k", "k = 3\nepochs = 2").0, small.run("finetune", "epochs = 2").0);
    let said = (find("cf_k").unwrap().build)("k = 4".parse().unwrap()).unwrap().suits(&small.model).unwrap_err();
    assert!(said.to_string().contains("k = 4") && said.to_string().contains("3 layers"), "{said}");
}

/// The distance of each layer's parameters, in units of those of the first.
fn apart(small: &Small, a: &[f32], b: &[f32]) -> Vec<f64> {
    let square = |v: f32| f64::from(v).powi(2);
    let of = |name: &'static str| small.model.layout.tensors().filter(move |(e, _)| e.name.starts_with(name));
    let layer = |name: &'static str| {
        let far: f64 = of(name).flat_map(|(_, at)| at).map(|i| square(a[i] - b[i])).sum();
        (far / of(name).flat_map(|(_, at)| at).map(|i| square(a[i])).sum::<f64>()).sqrt()
    };
    ["fc1", "fc2", "fc3"].map(layer).to_vec()
}

/// The rules' first layer is the one that a retrain moves furthest beyond what two seeds differ by.
#[test]
fn the_layers_that_are_chosen_are_those_that_a_retrain_moves() {
    let mut small = Small::new("");
    small.classes = vec![2];
    (small.forget, small.retain) = (0..36).partition(|i| i % 3 == 2);
    // From the same start, so that what differs is what the records do.
    let far = apart(&small, &small.theta, &small.trained(SEED, &small.retain));
    let oracle = (0..3).max_by(|a, b| far[*a].total_cmp(&far[*b])).unwrap();
    for rule in ["gradient", "fisher"] {
        let (_, account) = small.run("selective", &format!("rule = \"{rule}\"\nlayers = 1\nepochs = 1"));
        let chosen = account.details.notes["layers"][0].as_str().unwrap().to_owned();
        assert_eq!(chosen, format!("fc{}", oracle + 1), "{rule}: {far:?}, {:?}", account.details.notes["scores"]);
    }
}

#[test]
fn scrub_r_goes_back_to_the_epoch_with_the_error_of_held_out_records() {
    let mut small = Small::new("");
    let settings = "lr = 0.05\nepochs = 5\nmax_epochs = 4\nforget_batch = 4";
    let (theta, account) = small.run("scrub_r", settings);
    let notes = &account.details.notes;
    let errors: Vec<f64> = serde_json::from_value(notes["forget_errors"].clone()).unwrap();
    let (goal, epoch) = (notes["reference_error"].as_f64().unwrap(), notes["rewound_to_epoch"].as_u64().unwrap());
    let closest = errors.iter().map(|error| (error - goal).abs()).fold(f64::INFINITY, f64::min);
    assert_eq!((errors[epoch as usize - 1] - goal).abs(), closest, "{account:?}");
    assert!(errors.iter().any(|error| (error - goal).abs() > closest), "every epoch would do: {errors:?}");
    let (then, _) = small.run("scrub", &format!("{settings}\nepochs = {epoch}").replacen("epochs = 5\n", "", 1));
    assert_eq!(theta, then, "not the parameters of epoch {epoch}");
    small.validation = Samples::default();
    let refused =
        small.session(|session, view| (find("scrub_r")?.build)(toml::Table::new())?.forget(session, view).map(drop));
    assert!(refused.unwrap_err().to_string().contains("data.validation_fraction"));
    // Nobody who never saw a class names it: no held-out record is asked.
    small.classes = vec![2];
    assert_eq!(small.run("scrub_r", settings).1.details.notes["reference_error"], 1.0);
}

#[test]
fn running_statistics_never_follow_forgotten_records() {
    let small = Small::new("{type='batch_norm',name='bn'},");
    let state = small.model.layout.total()..small.theta.len();
    assert!(!state.is_empty());
    let (theta, _) = small.run("boundary_shrink", "lr = 0.1\nepochs = 2");
    assert!(theta != small.theta && theta[state.clone()] == small.theta[state.clone()], "boundary_shrink");
    // Beside retained records they follow those alone, whatever is forgotten.
    let settings = "lr = 1e-30\nmomentum = 0\nweight_decay = 0\nepochs = 1";
    let tuned = small.run("finetune", settings).0[state.clone()].to_vec();
    for (method, more) in [
        ("bad_teacher", "share = 1"),
        ("grad_diff", "stop = \"never\""),
        ("npo", "stop = \"never\""),
        ("random_label", ""),
    ] {
        let (theta, _) = small.run(method, &format!("{settings}\n{more}"));
        assert_eq!(theta[state.clone()], tuned, "{method}");
    }
}

#[test]
fn what_needs_classes_refuses_other_targets() {
    for method in
        ["random_label", "scrub", "scrub_r", "bad_teacher", "distill", "kl_min", "npo", "simnpo", "boundary_shrink"]
    {
        let built = (find(method).unwrap().build)(toml::Table::new()).unwrap();
        built.suits_targets(TargetKind::Class).unwrap();
        for kind in [TargetKind::Real, TargetKind::MultiLabel] {
            let said = built.suits_targets(kind).unwrap_err().to_string();
            assert!(said.contains(&format!("method `{method}`")) && said.contains(kind.records()), "{said}");
        }
    }
    let ct = (find("ct").unwrap().build)(toml::Table::new()).unwrap();
    assert!(ct.suits(&Small::new("").model).unwrap_err().to_string().contains("convolutions"));
}

/// An ascent whose push fades leaves the loss where a plain one takes it on.
#[test]
fn a_fading_push_is_bounded() {
    let small = Small::new("");
    let loss = |theta: &[f32]| {
        let score = |session: &mut Session, _: &View| {
            session.write_theta(theta)?;
            statistics::score(session, Records::before(&small.forget))
        };
        small.session(score).unwrap().loss
    };
    let settings = "lr = 0.1\nepochs = 12\nstop = \"never\"\nclip_norm = 0";
    let plain = loss(&small.run("grad_diff", settings).0);
    let faded = loss(&small.run("npo", &format!("{settings}\nbeta = 2")).0);
    assert!(faded > loss(&small.theta) && faded < 0.2 * plain, "{faded} beside {plain}");
}
