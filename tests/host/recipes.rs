//! Recipes on the reference engine: gradient accumulation, the weights' average and early stopping are what they say,
//! a training that was broken off goes on to the same bytes, and
//! so does one that several processes share.

mod augmented;
mod frozen;
mod ranks;
mod resumed;
mod weighted;

use std::path::Path;

use unlearn::data::{self, DataConfig, Dataset};
use unlearn::engine::Engine;
use unlearn::methods::{Read, View, find};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Part, Records, Session};
use unlearn::statistics;
use unlearn::train::{Fit, Flow, Observer, Replay, Term, TrainConfig, train_to_end};

/// Noisy blobs with a validation part, and a network with a layer that draws no random numbers.
fn problem(validation: f64) -> (Dataset, Model) {
    let mut config = DataConfig::new("synth");
    (config.samples, config.classes, config.noise) = (Some(72), Some(3), Some(3.0));
    (config.validation_fraction, config.shape) = (Some(validation), Some(vec![4]));
    let data = data::load(&config, Path::new(".")).expect("made of a seed");
    let layers: ModelConfig = toml::from_str("layers = [{type='linear',out=6},{type='tanh'},{type='linear'}]").unwrap();
    let model = Model::build(&layers, &data.shape, data.classes).expect("a network");
    (data, model)
}

fn recipe(text: &str) -> TrainConfig {
    toml::from_str(text).expect("a recipe")
}

/// The weights that a recipe ends with, and what `watch` saw.
fn trained(data: &Dataset, model: &Model, recipe: &TrainConfig, watch: &mut dyn Observer) -> (Vec<f32>, u64) {
    let (mut engine, all) = (Engine::reference(), data.train_ids());
    let mut session = Session::of(&mut engine, model, data, None, &model.init(5)).expect("a session");
    let terms = [Term { records: Records::train(&all), weight: 1.0 }];
    let mut fit = Fit::new(&mut session, recipe, 5).expect("a fit");
    let steps = train_to_end(&mut fit, &mut session, &terms, watch).expect("trained");
    (session.read_theta().expect("weights"), steps)
}

fn apart(a: &[f32], b: &[f32]) -> f64 {
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b))) / norm(&mut a.iter().map(|a| f64::from(*a)))
}

#[test]
fn accumulated_batches_are_one_batch() {
    let (data, model) = problem(0.0);
    for common in ["momentum = 0.9", "optimizer = \"adam\"\nlr = 0.01\nclip_norm = 0.5"] {
        // 54 records: the last step of an epoch is a smaller one, of an odd micro-batch.
        let parts = recipe(&format!("{common}\nbatch_size = 5\naccumulate = 3\nepochs = 3\nsteps_per_submission = 5"));
        let whole = recipe(&format!("{common}\nbatch_size = 15\nepochs = 3"));
        let (a, steps) = trained(&data, &model, &parts, &mut ());
        let (b, again) = trained(&data, &model, &whole, &mut ());
        assert_eq!((steps, again), (12, 12), "as many updates");
        assert!(apart(&a, &b) < 1e-6, "{common}: {}", apart(&a, &b));
        assert!(apart(&a, &model.init(5)) > 1e-2, "it trained");
    }
}

/// What an epoch says is a mean over the records, however many batches made a step.
#[test]
fn the_epochs_loss_counts_every_micro_batch() {
    struct Losses(Vec<f64>);
    impl Observer for Losses {
        fn epoch(
            &mut self,
            _: &mut Session,
            _: &mut Fit,
            report: &unlearn::train::EpochReport,
        ) -> unlearn::error::Result<Flow> {
            self.0.push(report.loss);
            Ok(Flow::Continue)
        }
    }
    let (data, model) = problem(0.0);
    let of = |text: &str| {
        let mut seen = Losses(Vec::new());
        trained(&data, &model, &recipe(text), &mut seen);
        seen.0
    };
    let (parts, whole) = (of("batch_size = 4\naccumulate = 4\nepochs = 2"), of("batch_size = 16\nepochs = 2"));
    assert!(parts.iter().zip(&whole).all(|(a, b)| (a - b).abs() < 1e-6), "{parts:?} {whole:?}");
}

/// Micro-batches of a step draw their dropout apart.
#[test]
fn dropout_differs_between_micro_batches() {
    let (data, _) = problem(0.0);
    let layers = "layers = [{type='linear',out=6},{type='dropout',p=0.5},{type='linear'}]";
    let model = Model::build(&toml::from_str::<ModelConfig>(layers).unwrap(), &data.shape, data.classes).unwrap();
    let run = |accumulate: usize, record: &[u32]| {
        let mut engine = Engine::reference();
        let mut session = Session::of(&mut engine, &model, &data, None, &model.init(5)).unwrap();
        let text = format!("batch_size = 1\naccumulate = {accumulate}\nepochs = 1\nlr = 1.0\nmomentum = 0.0");
        let terms = [Term { records: Records::train(record), weight: 1.0 }];
        let mut fit = Fit::new(&mut session, &recipe(&text), 5).unwrap();
        train_to_end(&mut fit, &mut session, &terms, &mut ()).unwrap();
        session.read_theta().unwrap()
    };
    // The same record twice under one mask would be the step of the record alone.
    assert!(apart(&run(1, &[3]), &run(2, &[3, 3])) > 1e-4);
}

#[test]
fn replays_take_the_steps_of_an_accumulating_fit() {
    let (data, model) = problem(0.0);
    let recipe = recipe("batch_size = 5\naccumulate = 2\nepochs = 2\nschedule = \"step\"\nmilestones = [1]");
    let (want, steps) = trained(&data, &model, &recipe, &mut ());
    let (mut engine, all) = (Engine::reference(), data.train_ids());
    let mut session = Session::of(&mut engine, &model, &data, None, &model.init(5)).unwrap();
    let mut replay = Replay::new(&mut session, &recipe, 5, &all).unwrap();
    assert_eq!(replay.steps() as u64, steps);
    for t in 0..replay.steps() {
        let batch = replay.batch(t);
        replay.gradient(&mut session, &batch, (1.0 / batch.len() as f64) as f32, false).unwrap();
        replay.update(&mut session, t).unwrap();
    }
    replay.wait(&mut session).unwrap();
    assert!(apart(&want, &session.read_theta().unwrap()) < 1e-6);
}

/// The weights after each epoch, and what validation says of them.
#[derive(Default)]
struct Path3 {
    theta: Vec<Vec<f32>>,
    loss: Vec<f64>,
}

impl Observer for Path3 {
    fn epoch(
        &mut self,
        session: &mut Session,
        fit: &mut Fit,
        _: &unlearn::train::EpochReport,
    ) -> unlearn::error::Result<Flow> {
        let raw = session.read_theta()?;
        let ids = session.ids(Part::Validation);
        if !ids.is_empty() {
            let records = Records { part: Part::Validation, indices: &ids };
            self.loss.push(fit.with_served(session, |session| statistics::score(session, records))?.loss);
        }
        assert_eq!(session.read_theta()?, raw, "the weights that are trained are as they were");
        self.theta.push(raw);
        Ok(Flow::Continue)
    }
}

#[test]
fn the_average_is_what_training_ends_with() {
    let (data, model) = problem(0.0);
    // An epoch is one step here.
    let common = "batch_size = 54\nepochs = 6\nlr = 0.3";
    let (mut plain, mut averaged) = (Path3::default(), Path3::default());
    let (last, _) = trained(&data, &model, &recipe(common), &mut plain);
    let (served, _) = trained(&data, &model, &recipe(&format!("{common}\nema = 0.75")), &mut averaged);
    assert_eq!(plain.theta, averaged.theta, "the steps are the same");
    assert_eq!(plain.theta.last(), Some(&last));
    let mut want: Vec<f64> = model.init(5).iter().map(|v| f64::from(*v)).collect();
    for theta in &plain.theta {
        want.iter_mut().zip(theta).for_each(|(a, t)| *a = 0.75 * *a + 0.25 * f64::from(*t));
    }
    let want: Vec<f32> = want.into_iter().map(|v| v as f32).collect();
    assert!(apart(&want, &served) < 1e-6 && apart(&last, &served) > 1e-2, "{}", apart(&want, &served));
}

#[test]
fn early_stopping_ends_with_the_best_weights() {
    let (data, model) = problem(0.2);
    for ema in ["", "\nema = 0.5"] {
        let common = format!("batch_size = 8\nepochs = 40\nlr = 0.4{ema}");
        let (mut whole, mut short) = (Path3::default(), Path3::default());
        trained(&data, &model, &recipe(&common), &mut whole);
        let stopping = format!("{common}\nearly_stopping = {{ patience = 3 }}");
        let (served, steps) = trained(&data, &model, &recipe(&stopping), &mut short);
        let ends = short.loss.len();
        assert_eq!(short.loss[..], whole.loss[..ends], "the epochs until then are those of the whole training");
        let best = (0..ends).min_by(|a, b| short.loss[*a].total_cmp(&short.loss[*b])).unwrap();
        assert_eq!((ends, steps), (best + 1 + 3, 6 * ends as u64), "{:?}", short.loss);
        assert!(ends < 40, "it stopped");
        if ema.is_empty() {
            assert_eq!(served, short.theta[best]);
        }
    }
}

#[test]
fn early_stopping_needs_a_validation_part_and_is_a_reading_of_it() {
    let (data, model) = problem(0.0);
    let stopping = recipe("epochs = 3\nearly_stopping = { patience = 1, monitor = \"accuracy\" }");
    let mut engine = Engine::reference();
    let mut session = Session::of(&mut engine, &model, &data, None, &model.init(5)).unwrap();
    let said = Fit::new(&mut session, &stopping, 5).err().expect("nothing to stop by").to_string();
    assert!(said.contains("train.early_stopping") && said.contains("data.validation_fraction"), "{said}");
    drop(session);
    let (data, model) = problem(0.2);
    let (retain, forget): (Vec<u32>, Vec<u32>) = data.train_ids().into_iter().partition(|id| id % 7 > 0);
    let mut read = |method: &str| {
        let mut session = Session::of(&mut engine, &model, &data, None, &model.init(5)).unwrap();
        let method = (find(method).unwrap().build)(toml::Table::new()).unwrap();
        method.forget(&mut session, &View::new(&stopping, &retain, &forget).seed(5)).map(|account| account.reads)
    };
    assert_eq!(read("retrain").unwrap(), [Read::RetainData, Read::ValidationData]);
    assert_eq!(read("finetune").unwrap(), [Read::RetainData], "a method has epochs of its own");
    let said = read("delta_grad").unwrap_err().to_string();
    assert!(said.contains("delta_grad") && said.contains("train.early_stopping"), "{said}");
}

#[test]
fn whole_steps_are_not_accumulated() {
    let data = data::load(&DataConfig::new("karate"), Path::new(".")).expect("karate is embedded");
    let config: ModelConfig = toml::from_str("layers = [{type='graph_conv'}]").unwrap();
    let model = Model::build(&config, &data.shape, data.classes).unwrap();
    let mut engine = Engine::reference();
    let mut session = Session::of(&mut engine, &model, &data, None, &model.init(1)).unwrap();
    let said = Fit::new(&mut session, &recipe("accumulate = 2"), 1).err().expect("refused").to_string();
    assert!(said.contains("train.accumulate") && said.contains("fanout"), "{said}");
    assert!(Fit::new(&mut session, &recipe("accumulate = 2\nbatch_size = 3\nfanout = [2]"), 1).is_ok());
}
