//! Pictures that are changed in training.

use unlearn::data::Samples;
use unlearn::engine::Engine;
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Records, Session};
use unlearn::statistics;
use unlearn::train::{Fit, Term, TrainConfig, train_to_end};

use super::{apart, recipe};

const N: usize = 24;

fn pictures() -> (Samples, Model) {
    let x = (0..N * 36).map(|i| (i as f32 * 0.37).sin()).collect();
    let data = Samples { x, y: (0..N as u32).map(|i| i % 3).collect(), ..Samples::default() };
    let layers = "layers = [{type='conv2d',out=2,kernel=3},{type='relu'},{type='flatten'},{type='linear'}]";
    let model = Model::build(&toml::from_str::<ModelConfig>(layers).unwrap(), &[1, 6, 6], 3).unwrap();
    (data, model)
}

fn session<'e>(engine: &'e mut Engine, (data, model): &'e (Samples, Model)) -> Session<'e> {
    Session::new(engine, model, data, &Samples::default(), &model.init(5)).unwrap()
}

/// Weights after training on some records, and the loss of all of them as they are.
fn trained(problem: &(Samples, Model), recipe: &TrainConfig, records: &[u32], seed: u64) -> (Vec<f32>, f64) {
    let mut engine = Engine::reference();
    let mut session = session(&mut engine, problem);
    let mut fit = Fit::new(&mut session, recipe, seed).unwrap();
    let terms = [Term { records: Records::train(records), weight: 1.0 }];
    train_to_end(&mut fit, &mut session, &terms, &mut ()).unwrap();
    let all: Vec<u32> = (0..N as u32).collect();
    let loss = statistics::score(&mut session, Records::train(&all)).unwrap().loss;
    (session.read_theta().unwrap(), loss)
}

#[test]
fn pictures_are_changed_in_training_and_nowhere_else() {
    let problem = pictures();
    let all: Vec<u32> = (0..N as u32).collect();
    let plain = recipe("batch_size = 8\nepochs = 2\nlr = 0.01");
    let (still, loss) = trained(&problem, &plain, &all, 5);
    let mut seen = vec![still.clone()];
    for key in ["crop_padding = 2", "flip = true", "cutout = 3"] {
        let changed = recipe(&format!("batch_size = 8\nepochs = 2\nlr = 0.01\naugment = {{ {key} }}"));
        let (theta, _) = trained(&problem, &changed, &all, 5);
        assert_eq!(trained(&problem, &changed, &all, 5).0, theta, "{key}: twice the same");
        assert!(seen.iter().all(|other| apart(other, &theta) > 1e-4), "{key} changed nothing");
        seen.push(theta);
    }
    // A step of nothing leaves the weights, and the records are read as they are.
    let none = recipe("batch_size = 24\nepochs = 1\nlr = 1e-30\nmomentum = 0.0\naugment = { cutout = 4, flip = true }");
    let mut engine = Engine::reference();
    let mut session = session(&mut engine, &problem);
    let before = statistics::score(&mut session, Records::train(&all)).unwrap().loss;
    drop(session);
    assert_eq!(trained(&problem, &none, &all, 5).1, before);
    assert_ne!(loss, before);
}

/// What becomes of a picture goes by its step and its record: not by its place, nor by its micro-batch.
#[test]
fn changes_go_by_the_record_and_the_step() {
    let problem = pictures();
    let keys = "epochs = 1\nlr = 0.1\nmomentum = 0.0\naugment = { crop_padding = 2, flip = true, cutout = 2 }";
    let all: Vec<u32> = (0..N as u32).collect();
    let whole = trained(&problem, &recipe(&format!("batch_size = 24\n{keys}")), &all, 5).0;
    let parts = trained(&problem, &recipe(&format!("batch_size = 7\naccumulate = 4\n{keys}")), &all, 5).0;
    assert!(apart(&whole, &parts) < 1e-6, "{}", apart(&whole, &parts));
    let again = trained(&problem, &recipe(&format!("batch_size = 24\n{keys}")), &all, 6).0;
    assert!(apart(&whole, &again) > 1e-4, "another seed");
}

/// torchvision's `Normalize`: numbers of values in 0…1, fitted on nothing.
#[test]
fn pictures_are_normalised_by_given_numbers() {
    let load = |keys: &str| {
        let config: unlearn::data::DataConfig = toml::from_str(&format!("loader = 'digits'\n{keys}")).expect("TOML");
        unlearn::data::load(&config, std::path::Path::new("."))
    };
    let unit = load("").expect("the loader's own way");
    let given = load("normalize = { mean = [0.3], std = [0.4] }").expect("by numbers");
    let want = unit.train.x.iter().map(|x| (f64::from(*x) - 0.3) / 0.4);
    assert!(given.train.x.iter().zip(want).all(|(got, want)| (f64::from(*got) - want).abs() < 1e-6));
    assert_eq!((given.normalization.offset, given.normalization.scale), (vec![0.3 * 16.0], vec![0.4 * 16.0]));
    for (keys, says) in [
        ("normalize = { mean = [0.1, 0.2], std = [1, 1] }", "takes 1"),
        ("normalize = { mean = [0.1], std = [0] }", "positive"),
        ("normalize = { mean = [0.1], std = [] }", "1 means and 0 deviations"),
        ("normalize = 'given'", "must be a table"),
    ] {
        let said = load(keys).expect_err("refused").to_string();
        assert!(said.contains("data.normalize") && said.contains(says), "{said}");
    }
}

#[test]
fn what_is_no_picture_is_refused() {
    let problem = pictures();
    let mut engine = Engine::reference();
    let mut own = session(&mut engine, &problem);
    let mut refused = |text: &str| {
        let recipe = recipe(&format!("augment = {{ {text} }}"));
        Fit::new(&mut own, &recipe, 5).err().expect("refused").to_string()
    };
    assert!(refused("cutout = 6").contains("train.augment.cutout is 6"));
    assert!(refused("crop_padding = 9").contains("train.augment.crop_padding is 9"));
    drop(own);
    let (data, model) = super::problem(0.0);
    let mut rows = Session::of(&mut engine, &model, &data, None, &model.init(5)).unwrap();
    let said = Fit::new(&mut rows, &recipe("augment = { flip = true }"), 5).err().expect("refused").to_string();
    assert!(said.contains("train.augment") && said.contains("[4]"), "{said}");
}
