//! Batch normalisation on the reference engine: its gradients in training form, and what unlearning could get wrong
//! with statistics that follow records.

use unlearn::base::philox::{normal, philox};
use unlearn::data::Samples;
use unlearn::engine::{Engine, Precision, Recording, Target};
use unlearn::methods::{View, find};
use unlearn::nn::{Batch, Mode, Model, ModelConfig, Sink, Values};
use unlearn::records::{Records, Session};
use unlearn::train::checkpoint::Checkpoint;
use unlearn::train::{
    DpConfig, EpochReport, Fit, Flow, Observer, StepReport, Term, TrainConfig, train_to_end, weights,
};

const WIDTH: usize = 4;
const CLASSES: usize = 3;
const COUNT: usize = 30;

fn model() -> Model {
    network(
        "layers = [{type='batch_norm',name='first'},{type='linear',name='fc1',out=5,bias=false},\
         {type='batch_norm',name='second'},{type='relu'},{type='linear',name='fc2'}]",
        &[WIDTH],
    )
}

fn network(layers: &str, input: &[usize]) -> Model {
    let config: ModelConfig = toml::from_str(layers).expect("TOML");
    Model::build(&config, input, CLASSES).expect("a network")
}

fn samples() -> Samples {
    let draw = |i: usize, what| philox([i as u32, what, 0, 0], [5, 7]);
    let x = (0..COUNT * WIDTH).map(|i| normal(draw(i, 1))[0] as f32).collect();
    Samples { x, y: (0..COUNT).map(|i| draw(i, 2)[0] % CLASSES as u32).collect(), ..Samples::default() }
}

fn recipe() -> TrainConfig {
    TrainConfig { lr: 0.05, momentum: 0.9, batch_size: 7, epochs: 3, steps_per_submission: 1, ..Default::default() }
}

fn on<T>(data: &Samples, theta: &[f32], work: impl FnOnce(&mut Session) -> T) -> T {
    let (mut engine, model) = (Engine::reference(), model());
    let mut session = Session::new(&mut engine, &model, data, &Samples::default(), theta).expect("a session");
    work(&mut session)
}

fn train(session: &mut Session, records: &[u32], observer: &mut dyn Observer) -> Fit {
    let mut fit = Fit::new(session, &recipe(), 3).expect("a fit");
    let terms = [Term { records: Records::train(records), weight: 1.0 }];
    train_to_end(&mut fit, session, &terms, observer).expect("a training");
    fit
}

fn trained(data: &Samples) -> Vec<f32> {
    let all: Vec<u32> = (0..COUNT as u32).collect();
    on(data, &model().init(3), |session| {
        train(session, &all, &mut ());
        session.read_theta().expect("numbers")
    })
}

/// The numbers of a network after a method, some settings in TOML.
fn forgotten(data: &Samples, theta: &[f32], name: &str, settings: &str, forget: &[u32]) -> Vec<f32> {
    let method = (find(name).expect("a method").build)(settings.parse().expect("TOML")).expect("settings");
    let retain: Vec<u32> = (0..COUNT as u32).filter(|id| !forget.contains(id)).collect();
    on(data, theta, |session| {
        let config = recipe();
        method.forget(session, &View::new(&config, &retain, forget).seed(3)).expect("forgetting");
        session.read_theta().expect("numbers")
    })
}

fn state(numbers: &[f32]) -> &[f32] {
    &numbers[model().layout.total()..]
}

fn range(numbers: &[f32], name: &str) -> Vec<f32> {
    let model = model();
    let (_, at) = model.layout.tensors().find(|(e, _)| e.name == name).expect("a tensor");
    numbers[at].to_vec()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|v| v.to_bits()).collect()
}

/// Σ dy · y of a batch in training form, and its gradients in the parameters and in x.
fn both_passes(model: &Model, theta: &[f64], x: &[f64], n: usize) -> (f64, Vec<f64>, Vec<f64>) {
    use unlearn::harness::nets::{get, put};
    let mut engine = Engine::reference();
    let total = model.layout.total();
    let [at, input, grad, out] = [("theta", total), ("x", x.len()), ("grad", total), ("dx", x.len())]
        .map(|(name, len)| engine.alloc::<f32>(name, len).expect("memory"));
    let state = engine.alloc("state", model.layout.state_total()).expect("memory");
    put(&mut engine, at, theta).expect("theta");
    put(&mut engine, input, x).expect("x");
    let dy: Vec<f64> = (0..n * CLASSES).map(|i| (i as f64 * 1.7).sin()).collect();
    let weight = engine.alloc("dy", dy.len()).expect("memory");
    put(&mut engine, weight, &dy).expect("dy");
    let logits = engine.alloc("logits", dy.len()).expect("memory");
    let mut rec = Recording::new(Target::default());
    let values = Values { theta: at, state: Some(state) };
    let tape = model.forward(&mut rec, values, &Batch::dense(input, n), Mode::Train, None).expect("a forward pass");
    rec.copy(tape.logits, logits);
    let sink = Sink::Mean { grad, scale: 1.0, accumulate: false };
    let dx = model.backward_to_input(&mut rec, at, &tape, weight, None, sink).expect("a backward pass").expect("dx");
    rec.copy(dx, out);
    let program = engine.compile(rec).expect("a program");
    engine.run(&program, &[]).expect("a run");
    let y = get(&mut engine, logits).expect("logits");
    let value = y.iter().zip(&dy).map(|(y, d)| y * d).sum();
    (value, get(&mut engine, grad).expect("a gradient"), get(&mut engine, out).expect("dx"))
}

#[test]
fn gradients_in_training_form_are_those_of_finite_differences() {
    let pictures = network(
        "layers = [{type='batch_norm',name='a'},{type='tanh'},{type='conv2d',name='c',out=3,kernel=2},\
         {type='batch_norm',name='b'},{type='tanh'},{type='flatten'},{type='linear',name='f'}]",
        &[2, 3, 4],
    );
    for (model, n) in [(model(), 6), (pictures, 3)] {
        let width = model.width();
        let mut theta: Vec<f64> = model.init(1).into_iter().take(model.layout.total()).map(f64::from).collect();
        for e in model.layout.entries() {
            (0..e.len).for_each(|i| theta[e.offset + i] += 0.3 * ((e.offset + i) as f64).cos());
        }
        let mut x: Vec<f64> = (0..n * width).map(|i| (i as f64 * 0.73).sin() + 0.1).collect();
        let (_, grad, dx) = both_passes(&model, &theta, &x, n);
        let value = |theta: &[f64], x: &[f64]| both_passes(&model, theta, x, n).0;
        let close = |what: &str, i: usize, found: f64, ahead: f64, behind: f64| {
            let slope = (ahead - behind) / 2e-5;
            assert!((slope - found).abs() < 1e-6 * (1.0 + slope.abs()), "{what} {i}: {found}, slope {slope}");
        };
        for e in model.layout.entries() {
            for i in (e.offset..e.offset + e.len).step_by(3) {
                let kept = theta[i];
                let [ahead, behind] = [1e-5, -1e-5].map(|step| {
                    theta[i] = kept + step;
                    value(&theta, &x)
                });
                theta[i] = kept;
                close(&e.name, i, grad[i], ahead, behind);
            }
        }
        for i in (0..x.len()).step_by(5) {
            let kept = x[i];
            let [ahead, behind] = [1e-5, -1e-5].map(|step| {
                x[i] = kept + step;
                value(&theta, &x)
            });
            x[i] = kept;
            close("x", i, dx[i], ahead, behind);
        }
    }
}

#[test]
fn a_record_of_a_batch_normalised_by_itself_has_no_gradient_of_its_own() {
    let model = model();
    let mut rec = Recording::new(Target::default());
    let mut engine = Engine::reference();
    let mut alloc = |name, len| engine.alloc::<f32>(name, len).expect("memory");
    let total = model.layout.total();
    let (theta, x, into) = (alloc("theta", total), alloc("x", 6 * WIDTH), alloc("into", 6 * total));
    let (dy, state) = (alloc("dy", 6 * CLASSES), Some(alloc("state", model.layout.state_total())));
    let values = Values { theta, state };
    let tape = model.forward(&mut rec, values, &Batch::dense(x, 6), Mode::Train, None).expect("a forward pass");
    let sinks = [
        Sink::SquareSum { squares: into.range(0..total), accumulate: false },
        Sink::PerSample { slab: into },
        Sink::Norms { parts: into },
        Sink::Gram { gram: into.range(0..36) },
    ];
    for sink in sinks {
        let error = model.backward(&mut rec, theta, &tape, dy, None, sink).expect_err("a refusal").to_string();
        assert!(error.contains("`second`") && error.contains("evaluation form"), "{error}");
    }
    for mode in [Mode::Eval, Mode::Still] {
        let tape = model.forward(&mut rec, values, &Batch::dense(x, 6), mode, None).expect("a forward pass");
        model.backward(&mut rec, theta, &tape, dy, None, sinks[1]).expect("records have gradients");
    }
}

#[test]
fn ascent_leaves_running_statistics_alone() {
    let data = samples();
    let start = trained(&data);
    let forget = [1, 5, 8, 13, 21];
    for method in ["gradient_ascent", "fisher_ascent"] {
        let after = forgotten(&data, &start, method, "target_loss = 3.0", &forget);
        assert_ne!(bits(&start[..10]), bits(&after[..10]), "{method} moved nothing");
        assert_eq!(bits(state(&start)), bits(state(&after)), "{method}");
    }
    // The first layer's statistics are those of the batches alone: of the retained ones, as fine-tuning sees them.
    let settings = "lr = 0.01\nepochs = 2";
    let both = forgotten(&data, &start, "neg_grad_plus", &format!("{settings}\ntarget_loss = 1e3"), &forget);
    let tuned = forgotten(&data, &start, "finetune", settings, &forget);
    for part in ["first.running_mean", "first.running_var", "first.num_batches_tracked"] {
        assert_eq!(bits(&range(&both, part)), bits(&range(&tuned, part)), "{part}");
    }
    assert_ne!(bits(state(&tuned)), bits(state(&start)), "fine-tuning follows what is retained");
}

#[test]
fn a_retraining_owes_nothing_to_the_forgotten() {
    let data = samples();
    let forget = [2, 3, 17];
    let mut other = data.clone();
    for id in forget {
        other.x[id as usize * WIDTH..][..WIDTH].fill(1e3);
    }
    let [one, two] = [&data, &other].map(|data| forgotten(data, &trained(data), "retrain", "", &forget));
    assert_eq!(bits(&one), bits(&two));
    assert!(range(&one, "first.num_batches_tracked") == [12.0], "four batches an epoch from 0 on");
}

/// Stops once, at a step within an epoch.
struct Once(u64);

impl Observer for Once {
    fn step(&mut self, report: &StepReport) -> bool {
        report.step != self.0
    }

    fn paused(&mut self, _: &mut Session, _: &mut Fit) -> unlearn::Result<Flow> {
        Ok(Flow::Stop)
    }
}

#[test]
fn a_training_repeats_and_goes_on_from_a_checkpoint_to_the_same_bytes() {
    let data = samples();
    let all: Vec<u32> = (0..COUNT as u32).collect();
    let want = trained(&data);
    assert_eq!(bits(&want), bits(&trained(&data)));
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("checkpoint.safetensors");
    let layout = &model().layout;
    on(&data, &model().init(3), |session| {
        let fit = train(session, &all, &mut Once(7));
        let (theta, fit) = (session.read_theta().expect("numbers"), fit.state(session).expect("a state"));
        assert!(fit.at > 0, "a pause within an epoch, not at step {}", fit.step);
        let text = String::new;
        let [config_sha256, data_sha256, metrics_sha256] = [text(), text(), text()];
        let precision = Precision::F32;
        Checkpoint { theta, fit, config_sha256, data_sha256, base_sha256: None, precision, metrics_sha256 }
            .save(&path)
            .expect("saved");
    });
    let saved = Checkpoint::load(&path, layout).expect("a checkpoint");
    on(&data, &saved.theta, |session| {
        let mut fit = Fit::new(session, &recipe(), 3).expect("a fit");
        fit.restore(session, saved.fit).expect("restored");
        let terms = [Term { records: Records::train(&all), weight: 1.0 }];
        train_to_end(&mut fit, session, &terms, &mut ()).expect("a training");
        // Engines of f32 go on to the same bytes (tests/gpu/resume.rs); this one computes in f64 between two files.
        let found = session.read_theta().expect("numbers");
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-5 * (1.0 + b.abs());
        assert!(found.iter().zip(&want).all(near), "{found:?} {want:?}");
    });
}

/// The network's numbers after each epoch.
struct Epochs(Vec<Vec<f32>>);

impl Observer for Epochs {
    fn epoch(&mut self, session: &mut Session, _: &mut Fit, _: &EpochReport) -> unlearn::Result<Flow> {
        self.0.push(session.read_theta()?);
        Ok(Flow::Continue)
    }
}

#[test]
fn early_stopping_serves_the_running_statistics_of_its_best_epoch() {
    let data = samples();
    let held = Samples { x: data.x[..10 * WIDTH].to_vec(), y: data.y[..10].to_vec(), ..Samples::default() };
    let config: TrainConfig =
        toml::from_str("lr = 0.5\nbatch_size = 7\nepochs = 12\nearly_stopping = { patience = 3 }").expect("TOML");
    let (mut engine, model) = (Engine::reference(), model());
    let mut session = Session::new(&mut engine, &model, &data, &held, &model.init(3)).expect("a session");
    let all: Vec<u32> = (0..COUNT as u32).collect();
    let terms = [Term { records: Records::train(&all), weight: 1.0 }];
    let (mut fit, mut epochs) = (Fit::new(&mut session, &config, 3).expect("a fit"), Epochs(Vec::new()));
    train_to_end(&mut fit, &mut session, &terms, &mut epochs).expect("a training");
    let best = fit.best_epoch().expect("a best epoch");
    assert!(best < epochs.0.len(), "the last epoch of {} is the best", epochs.0.len());
    assert_eq!(bits(&session.read_theta().expect("numbers")), bits(&epochs.0[best - 1]));
}

#[test]
fn a_state_dict_holds_pytorchs_names_and_comes_back() {
    let (data, model) = (samples(), model());
    let theta = trained(&data);
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("model.safetensors");
    weights::save_model(&path, &model.layout, &theta, &[("format", "pt".to_owned())]).expect("saved");
    let bytes = std::fs::read(&path).expect("a file");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
    let count = file.tensor("second.num_batches_tracked").expect("a count");
    assert_eq!((count.dtype(), count.shape()), (safetensors::Dtype::I64, &[][..]));
    assert_eq!(count.data(), 15i64.to_le_bytes());
    assert_eq!(file.tensor("first.running_var").expect("variances").shape(), [WIDTH]);
    assert_eq!(bits(&weights::load(&path, &model.layout).expect("weights")), bits(&theta));
    assert_eq!(bits(&unlearn::run::naming::weights(&path, &model.layout).expect("imported")), bits(&theta));
}

#[test]
fn a_single_record_is_normalised_by_what_is_known() {
    let data = samples();
    // Batches of 7, 7 and 1 record.
    let some: Vec<u32> = (0..15).collect();
    let theta = on(&data, &model().init(3), |session| {
        train(session, &some, &mut ());
        session.read_theta().expect("numbers")
    });
    assert!(theta.iter().all(|v| v.is_finite()));
    assert_eq!(range(&theta, "first.num_batches_tracked"), [6.0], "two of three batches have a spread");
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let data = samples();
    let dp = DpConfig { clip: 1.0, noise_multiplier: 1.0, delta: 1e-5, poisson: true };
    let private = TrainConfig { dp: Some(dp), ..recipe() };
    let error = on(&data, &model().init(3), |session| Fit::new(session, &private, 3).err()).expect("a refusal");
    assert!(error.to_string().contains("batch_norm"), "{error}");
    let method = (find("delta_grad").expect("a method").build)(toml::Table::new()).expect("settings");
    let error = method.suits(&model()).expect_err("a refusal").to_string();
    assert!(error.contains("delta_grad") && error.contains("batch_norm"), "{error}");
    let bad = |layers: &str| {
        let config: ModelConfig = toml::from_str(&format!("layers = [{layers},{{type='linear'}}]")).expect("TOML");
        Model::build(&config, &[WIDTH], CLASSES).err().expect("a refusal").to_string()
    };
    assert!(bad("{type='batch_norm',momentum=1.5}").contains("momentum must be 0 to 1, it is 1.5"));
    assert!(bad("{type='batch_norm',eps=-1.0}").contains("eps"));
    assert!(bad("{type='batch_norm',moments=1}").contains("moments"));
}
