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
pub struct Small {
    pub model: Model,
    pub train: Samples,
    pub validation: Samples,
    pub recipe: TrainConfig,
    pub theta: Vec<f32>,
    pub retain: Vec<u32>,
    pub forget: Vec<u32>,
    pub classes: Vec<u32>,
}

fn clouds(count: usize, salt: usize, spread: f32) -> Samples {
    let noise = |i: usize| ((i * 7919 + salt * 104_729) % 997) as f32 / 498.5 - 1.0;
    let value = |i: usize, d: usize| if i % 3 == d { 1.5 } else { 0.0 } + spread * noise(4 * i + d);
    let x = (0..count).flat_map(|i| (0..4).map(move |d| value(i, d))).collect();
    Samples { x, y: (0..count).map(|i| (i % 3) as u32).collect(), ..Samples::default() }
}

impl Small {
    pub fn new(norm: &str) -> Small {
        Small::spread(norm, 0.9)
    }

    /// With records this far around the middle of their class.
    pub fn spread(norm: &str, spread: f32) -> Small {
        let layers = format!(
            "layers = [{{type='linear',name='fc1',out=6}},{norm}{{type='tanh'}},{{type='linear',name='fc2',out=5}},
                {{type='tanh'}},{{type='linear',name='fc3'}}]"
        );
        let config: ModelConfig = toml::from_str(&layers).unwrap();
        let model = Model::build(&config, &[4], 3).unwrap();
        let recipe = TrainConfig { batch_size: 8, epochs: 12, lr: 0.1, weight_decay: 1e-3, ..TrainConfig::default() };
        let (forget, retain): (Vec<u32>, Vec<u32>) = (0..36).partition(|i| i % 4 == 0);
        let (train, validation) = (clouds(36, 1, spread), clouds(12, 2, spread));
        let theta = model.init(SEED);
        let mut made = Small { model, train, validation, recipe, theta, retain, forget, classes: Vec::new() };
        made.theta = made.trained(SEED, &(0..36).collect::<Vec<_>>());
        made
    }

    pub fn session<T>(&self, work: impl FnOnce(&mut Session, &View) -> Result<T>) -> Result<T> {
        let mut engine = Engine::reference();
        let mut session = Session::new(&mut engine, &self.model, &self.train, &self.validation, &self.theta)?;
        let view = View::new(&self.recipe, &self.retain, &self.forget).seed(SEED).classes(&self.classes);
        work(&mut session, &view)
    }

    pub fn trained(&self, seed: u64, records: &[u32]) -> Vec<f32> {
        let terms = [Term { records: Records::train(records), weight: 1.0 }];
        let train = |session: &mut Session, _: &View| {
            session.write_theta(&self.model.init(seed))?;
            fit_to_end(session, &self.recipe, seed, &terms)?;
            session.read_theta()
        };
        self.session(train).unwrap()
    }

    pub fn run(&self, method: &str, settings: &str) -> (Vec<f32>, Account) {
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
    let steps = "epochs = 2\nlr = 0.05";
    assert_eq!(small.run("cf_k", &format!("k = 3\n{steps}")).0, small.run("finetune", steps).0);
    let said = (find("cf_k").unwrap().build)("k = 4".parse().unwrap()).unwrap().suits(&small.model).unwrap_err();
    assert!(said.to_string().contains("k = 4") && said.to_string().contains("3 layers"), "{said}");
}

/// How far each layer's parameters lie apart, in units of the length of those in `a`.
fn apart(small: &Small, a: &[f32], b: &[f32]) -> Vec<f64> {
    let square = |v: f32| f64::from(v).powi(2);
    let of = |name: &'static str| small.model.layout.tensors().filter(move |(e, _)| e.name.starts_with(name));
    let layer = |name: &'static str| {
        let far: f64 = of(name).flat_map(|(_, at)| at).map(|i| square(a[i] - b[i])).sum();
        (far / of(name).flat_map(|(_, at)| at).map(|i| square(a[i])).sum::<f64>()).sqrt()
    };
    ["fc1", "fc2", "fc3"].map(layer).to_vec()
}

/// On networks as small as these a retrain moves the last layer furthest, as `selective` says of its rule `tail`.
#[test]
fn a_retrain_moves_the_tail_furthest() {
    for class in 0..3 {
        let mut small = Small::new("");
        small.classes = vec![class];
        (small.forget, small.retain) = (0..36).partition(|i| i % 3 == class);
        let mut far = [0.0; 3];
        for seed in 100..104 {
            // From the same start, so that what differs is what the records do.
            let (before, after) = (small.trained(seed, &Vec::from_iter(0..36)), small.trained(seed, &small.retain));
            far.iter_mut().zip(apart(&small, &before, &after)).for_each(|(sum, far)| *sum += far);
        }
        assert!(far[2] > far[0].max(far[1]), "class {class}: {far:?}");
        let (_, account) = small.run("selective", "rule = \"tail\"\nlayers = 1\nepochs = 1");
        assert_eq!(account.details.notes["layers"], serde_json::json!(["fc3"]));
    }
}

/// Scores worked by hand: h = w·x, logits (h, -h), all biases 0. With the error e of a record, its probabilities less
/// its label, the gradient is (e₀ - e₁) (x, 1) in the first layer and (e h, e) in the second.
#[test]
fn layers_are_ranked_by_ratios_of_their_gradients() {
    let layers = "layers = [{type='linear',name='fc1',out=1},{type='linear',name='fc2'}]";
    let model = Model::build(&toml::from_str(layers).unwrap(), &[2], 2).unwrap();
    let mut theta = vec![0.0; model.layout.whole()];
    for (e, place) in model.layout.tensors() {
        match e.name.as_str() {
            "fc1.weight" => theta[place].copy_from_slice(&[0.5, 0.0]),
            "fc2.weight" => theta[place].copy_from_slice(&[1.0, -1.0]),
            _ => {}
        }
    }
    // Forgotten: h = ln 3 / 2, e = (-1/4, 1/4). Retained: h = 0, e = (-1/2, 1/2).
    let log = 3f64.ln();
    let train = Samples { x: vec![log as f32, 0.0, 0.0, 0.5], y: vec![0, 0], ..Samples::default() };
    // Squares: (log²/4, 0, 1/4) and (log²/64 ×2, 1/16 ×2) beside (0, 1/4, 1) and (0 ×2, 1/4 ×2).
    let gradient = [(log * log / 4.0 + 0.25) / 1.25, (log * log / 32.0 + 0.125) / 0.5];
    // Over the means of both records: (2, 0, 0.4) and (2, 2, 0.4, 0.4).
    let fisher = [0.4, 1.2];
    for (rule, scores, first) in [("gradient", gradient, "fc1"), ("fisher", fisher, "fc2"), ("tail", [0.0, 1.0], "fc2")]
    {
        let mut engine = Engine::reference();
        let mut session = Session::new(&mut engine, &model, &train, &Samples::default(), &theta).unwrap();
        let recipe = TrainConfig::default();
        let settings = format!("rule = \"{rule}\"\nlayers = 1\nepochs = 1").parse().unwrap();
        let built = (find("selective").unwrap().build)(settings).unwrap();
        let account = built.forget(&mut session, &View::new(&recipe, &[1], &[0]).seed(SEED)).unwrap();
        let notes = &account.details.notes;
        assert_eq!(notes["layers"], serde_json::json!([first]), "{rule}: {}", notes["scores"]);
        let found: Vec<f64> = serde_json::from_value(notes["scores"].clone()).unwrap();
        let near = found.iter().zip(scores).all(|(found, score)| (found - score).abs() < 1e-5);
        assert!(near, "{rule}: {found:?} is not {scores:?}");
    }
}

#[test]
fn scrub_r_goes_back_to_the_epoch_with_the_error_of_held_out_records() {
    // Records so far from their class that forgetting them shows in their error.
    let mut small = Small::spread("", 1.8);
    let settings = "lr = 0.2\nepochs = 6\nmax_epochs = 4\nforget_batch = 4\nstop = \"never\"";
    let (theta, account) = small.run("scrub_r", settings);
    let notes = &account.details.notes;
    let errors: Vec<f64> = serde_json::from_value(notes["forget_errors"].clone()).unwrap();
    let (goal, epoch) = (notes["reference_error"].as_f64().unwrap(), notes["rewound_to_epoch"].as_u64().unwrap());
    let closest = errors.iter().map(|error| (error - goal).abs()).fold(f64::INFINITY, f64::min);
    assert_eq!((errors[epoch as usize - 1] - goal).abs(), closest, "{account:?}");
    assert!(1 < epoch && epoch < 6, "the first or the last would do: {errors:?} beside {goal}");
    let (then, _) = small.run("scrub", &format!("{settings}\nepochs = {epoch}").replacen("epochs = 6\n", "", 1));
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
    for method in ["boundary_shrink", "boundary_expand"] {
        let (theta, _) = small.run(method, "lr = 0.1\nepochs = 2\nmax_harm = 1");
        assert!(theta != small.theta && theta[state.clone()] == small.theta[state.clone()], "{method}");
    }
    // Beside retained records they follow those alone, whatever is forgotten.
    let settings = "lr = 1e-30\nmomentum = 0\nweight_decay = 0\nepochs = 1";
    let tuned = small.run("finetune", settings).0[state.clone()].to_vec();
    for (method, more) in [
        ("bad_teacher", "share = 1"),
        ("grad_diff", "stop = \"never\""),
        ("npo", "stop = \"never\""),
        ("random_label", ""),
    ] {
        let (theta, _) = small.run(method, &format!("{settings}\nmax_harm = 1\n{more}"));
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

/// An ascent whose push fades leaves the loss where a plain one takes it on, the sooner the larger beta is; one whose
/// push never fades is the plain one.
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
    let after = |method: &str, more: &str, epochs: usize| {
        let settings = format!("lr = 0.1\nepochs = {epochs}\nstop = \"never\"\nmax_harm = 1\nclip_norm = 0\n{more}");
        loss(&small.run(method, &settings).0)
    };
    let (plain, on) = (after("grad_diff", "", 12), after("grad_diff", "", 40));
    let same = after("npo", "beta = 1e-6", 12);
    assert!((same / plain - 1.0).abs() < 0.01 && on > 10.0 * plain, "{plain}, {same} and then {on}");
    let [some, half, two] = ["beta = 0.01", "beta = 0.5", "beta = 2"].map(|beta| after("npo", beta, 40));
    assert!(on > some && some > 5.0 * half && half > two && two > loss(&small.theta), "{on}, {some}, {half}, {two}");
    let before = after("npo", "beta = 0.5", 12);
    assert!(half < 2.0 * before && half < 0.05 * on, "{before}, then {half} beside {on}");
}
