//! Stacks: the stacked form of every shader, and models of a stack against themselves alone, on the reference engine.

use std::path::Path;

use unlearn::data::{DataConfig, Dataset, load};
use unlearn::engine::wgpu::naga::{AddressSpace, Expression, Function, Module};
use unlearn::engine::{Data, Engine, Recording, composed, parse, stacked_texts};
use unlearn::kernels::kernels;
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Records, Session, Source};
use unlearn::statistics;
use unlearn::train::stack::{Job, fit_many};
use unlearn::train::{EpochReport, Fit, FitState, Flow, Observer, Schedule, Term, TrainConfig, train_to_end};

/// Expressions of a function that index a storage buffer, and how many of their indices begin with a sum.
fn indexed(module: &Module, function: &Function) -> [usize; 2] {
    let storage = |e: &Expression| match e {
        Expression::GlobalVariable(g) => {
            matches!(module.global_variables[*g].space, AddressSpace::Storage { .. })
        }
        _ => false,
    };
    let mut counts = [0; 2];
    for (_, e) in function.expressions.iter() {
        let (base, sum) = match e {
            Expression::Access { base, index } => {
                (*base, matches!(function.expressions[*index], Expression::Binary { .. }))
            }
            Expression::AccessIndex { base, .. } => (*base, false),
            _ => continue,
        };
        if storage(&function.expressions[base]) {
            counts[0] += 1;
            counts[1] += usize::from(sum);
        }
    }
    counts
}

fn all(module: &Module) -> [usize; 2] {
    let functions = module.functions.iter().map(|(_, f)| f).chain(module.entry_points.iter().map(|e| &e.function));
    functions.fold([0; 2], |sum, f| {
        let [a, b] = indexed(module, f);
        [sum[0] + a, sum[1] + b]
    })
}

/// What is wrong with a stacked form, if anything is: an access without its part's first element in front, another
/// number of accesses than in the plain form, something else that is indexed by a part.
fn wrong(name: &str, plain: &str, stacked: &str) -> Option<String> {
    let module = match parse(name, stacked) {
        Ok((module, _)) => module,
        Err(e) => return Some(e.to_string()),
    };
    let (before, after) = (all(&parse(name, plain).expect("parses").0), all(&module));
    let bases = stacked.matches("stack.b").count();
    if before[0] != after[0] || after[0] != after[1] || bases != after[0] {
        return Some(format!("{before:?} accesses became {after:?} with {bases} parts"));
    }
    stacked.contains("arrayLength").then(|| "it takes all models for one".to_owned())
}

#[test]
fn every_access_of_every_stacked_shader_begins_at_its_part() {
    for kernel in kernels() {
        let plain = composed(kernel).expect("composes").text;
        for text in stacked_texts(kernel).unwrap_or_else(|e| panic!("{e}")) {
            if let Some(what) = wrong(kernel.name, &plain, &text) {
                panic!("{} stacked: {what}\n{text}", kernel.name);
            }
        }
    }
}

#[test]
fn a_part_left_out_of_a_stacked_shader_is_seen() {
    let kernel = kernels().into_iter().find(|k| k.name == "optim.sgd").expect("a row");
    let (plain, text) =
        (composed(kernel).expect("composes").text, stacked_texts(kernel).expect("a form").swap_remove(0));
    for (from, to) in [
        ("theta[stack.b2 + (i)]", "theta[i]"),
        ("theta[stack.b2 + (i)]", "theta[stack.n2 + (i)]"),
        ("stack.n2", "arrayLength(&theta)"),
    ] {
        let fault = text.replacen(from, to, 1);
        assert!(fault != text && wrong(kernel.name, &plain, &fault).is_some(), "{from} as {to}:\n{fault}");
    }
}

/// A stack of fits against each alone, on an engine: parameters, optimiser state, losses and logits.
fn same_as_alone(engine: &mut Engine, data: &Dataset, layers: &str, recipe: &TrainConfig, counts: &[usize]) {
    let config: ModelConfig = toml::from_str(layers).expect("TOML");
    let model = Model::build(&config, &data.shape, data.classes).expect("a network");
    let ids = data.train_ids();
    let pick = |(i, count): (usize, &usize)| ids.iter().copied().skip(i).take(*count).collect::<Vec<u32>>();
    let sets: Vec<Vec<u32>> = counts.iter().enumerate().map(pick).collect();
    let starts: Vec<Vec<f32>> = (0..counts.len()).map(|i| model.init(i as u64)).collect();
    let lr = |i: usize| recipe.lr * (1.0 + 0.25 * i as f64);
    let job = |i: usize| Job {
        indices: &sets[i],
        seed: 40 + i as u64,
        lr: Some(lr(i)),
        start: &starts[i],
        validation: &[],
        state: None,
    };
    let jobs: Vec<Job> = (0..counts.len()).map(job).collect();
    let source = Source::new(data, None);
    let mut ended = vec![0; counts.len()];
    let all = fit_many(engine, &model, &source, recipe, &jobs, |i, report| {
        ended[i] += 1;
        assert_eq!(report.epoch, ended[i]);
        Ok(())
    });
    let all = all.expect("a stack");
    let thetas: Vec<&[f32]> = all.iter().map(|one| &one.theta[..]).collect();
    let asked = &ids[..5];
    let logits = {
        let mut session = source.stack(engine, &model, &thetas).expect("a session");
        statistics::logits_of_each(&mut session, Records::train(asked)).expect("logits")
    };
    let mut session = Session::of(engine, &model, data, None, &starts[0]).expect("a session");
    for (i, stacked) in all.iter().enumerate() {
        session.write_theta(&starts[i]).expect("numbers");
        let recipe = TrainConfig { lr: lr(i), ..recipe.clone() };
        let terms = [Term { records: Records::train(&sets[i]), weight: 1.0 }];
        let mut fit = Fit::new(&mut session, &recipe, 40 + i as u64).expect("a fit");
        let mut epochs = Vec::new();
        train_to_end(&mut fit, &mut session, &terms, &mut Epochs(&mut epochs)).expect("a training");
        let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&session.read_theta().expect("numbers")), bits(&stacked.theta), "model {i} of {layers}");
        assert_eq!(fit.state(&mut session).expect("a state"), stacked.state, "model {i} of {layers}");
        assert_eq!(epochs, stacked.epochs, "model {i} of {layers}");
        // The reference engine holds more digits than come back.
        session.write_theta(&stacked.theta).expect("numbers");
        let own = statistics::logits(&mut session, Records::train(asked)).expect("logits");
        assert_eq!(bits(&own), bits(&logits[i]), "logits of model {i} of {layers}");
    }
}

struct Epochs<'a>(&'a mut Vec<EpochReport>);

impl Observer for Epochs<'_> {
    fn epoch(&mut self, _: &mut Session, _: &mut Fit, report: &EpochReport) -> unlearn::Result<Flow> {
        self.0.push(*report);
        Ok(Flow::Continue)
    }
}

fn loaded(name: &str) -> Dataset {
    load(&DataConfig::new(name), Path::new(".")).expect("embedded data")
}

fn recipe(optimizer: &str, epochs: usize) -> TrainConfig {
    TrainConfig {
        optimizer: optimizer.into(),
        lr: 0.02,
        batch_size: 8,
        epochs,
        steps_per_submission: 4,
        ..Default::default()
    }
}

const MLP: &str =
    "layers = [{type='flatten'},{type='linear',out=6},{type='relu'},{type='dropout',p=0.3},{type='linear'}]";

#[test]
fn an_mlp_in_a_stack_is_what_it_is_alone() {
    let data = loaded("digits");
    let mut engine = Engine::reference();
    let (sgd, adam) = (recipe("sgd", 2), TrainConfig { ema: 0.9, clip_norm: 1.0, ..recipe("adam", 2) });
    // Numbers of records that share no number of steps, one below a batch, and one of none but whole batches.
    same_as_alone(&mut engine, &data, MLP, &sgd, &[21, 40, 5, 16, 33]);
    same_as_alone(&mut engine, &data, MLP, &adam, &[21, 40]);
    same_as_alone(&mut engine, &data, MLP, &TrainConfig { accumulate: 2, ..sgd.clone() }, &[21]);
    let frozen = TrainConfig { freeze: vec!["*.bias".into()], schedule: Schedule::Cosine, ..sgd };
    same_as_alone(&mut engine, &data, MLP, &frozen, &[9, 20]);
}

#[test]
fn norms_and_graphs_in_a_stack_are_what_they_are_alone() {
    let (digits, cora) = (loaded("digits"), loaded("cora"));
    let mut engine = Engine::reference();
    let layers = "layers = [{type='conv2d',out=2,kernel=3},{type='batch_norm'},{type='relu'},\
        {type='conv2d',out=2,kernel=3},{type='group_norm',groups=2},{type='flatten'},{type='linear'}]";
    same_as_alone(&mut engine, &digits, layers, &recipe("sgd", 2), &[11, 17]);
    same_as_alone(&mut engine, &cora, "zoo = 'gcn'\nhidden = [4]", &recipe("adam", 2), &[140, 60]);
    same_as_alone(&mut engine, &cora, "zoo = 'gat'\nhidden = [2]", &recipe("adam", 1), &[140, 60]);
}

#[test]
fn a_fit_in_a_stack_goes_on_from_a_saved_state() {
    let (data, mut engine) = (loaded("digits"), Engine::reference());
    let config: ModelConfig = toml::from_str(MLP).expect("TOML");
    let model = Model::build(&config, &data.shape, data.classes).expect("a network");
    let (ids, source) = (data.train_ids(), Source::new(&data, None));
    let (half, whole) = (recipe("adam", 2), recipe("adam", 4));
    let starts = [model.init(1), model.init(2)];
    let mut fit = |recipe: &TrainConfig, from: &[(Vec<f32>, Option<FitState>)]| {
        let job = |(i, (start, state)): (usize, &(Vec<f32>, Option<FitState>))| (i, start.clone(), state.clone());
        let owned: Vec<_> = from.iter().enumerate().map(job).collect();
        let jobs: Vec<Job> = owned
            .iter()
            .map(|(i, start, state)| Job {
                indices: &ids[..20 + 9 * i],
                seed: *i as u64,
                lr: None,
                start,
                validation: &[],
                state: state.clone(),
            })
            .collect();
        fit_many(&mut engine, &model, &source, recipe, &jobs, |_, _| Ok(())).expect("a stack")
    };
    let first = fit(&half, &starts.map(|start| (start, None)));
    let saved: Vec<_> = first.into_iter().map(|one| (one.theta, Some(one.state))).collect();
    let second = fit(&whole, &saved);
    let mut session = Session::of(&mut engine, &model, &data, None, &saved[0].0).expect("a session");
    for (i, ((theta, state), stacked)) in saved.into_iter().zip(&second).enumerate() {
        session.write_theta(&theta).expect("numbers");
        let mut alone = Fit::new(&mut session, &whole, i as u64).expect("a fit");
        alone.restore(&mut session, state.expect("a state")).expect("a state of this recipe");
        let terms = [Term { records: Records::train(&ids[..20 + 9 * i]), weight: 1.0 }];
        train_to_end(&mut alone, &mut session, &terms, &mut ()).expect("a training");
        assert_eq!(session.read_theta().expect("numbers"), stacked.theta, "model {i}");
        assert_eq!(alone.state(&mut session).expect("a state"), stacked.state, "model {i}");
    }
}

#[test]
fn what_a_stack_cannot_do_is_refused_in_words() {
    let mut engine = Engine::reference();
    let (shared, own) = (engine.alloc::<f32>("shared", 3).unwrap(), engine.alloc_parts::<f32>("own", 3, 2).unwrap());
    let says = |e: unlearn::Error, words: &str| assert!(e.to_string().contains(words), "{e}");
    let compile = |engine: &mut Engine, record: &dyn Fn(&mut Recording)| {
        let mut rec = engine.recording().stacked(2);
        record(&mut rec);
        engine.compile(rec)
    };
    let refused = compile(&mut engine, &|rec| rec.clear(shared)).err().expect("a shared buffer is written");
    says(refused, "which the 2 models of a stack share");
    let program = compile(&mut engine, &|rec| {
        rec.upload(own);
    });
    let program = program.expect("parts may be written");
    let six = [Data::F32(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])];
    engine.run(&program, &six).expect("a run of both");
    engine.run_for(&program, &[1], &[Data::F32(vec![7.0; 3])]).expect("a run of one");
    let (first, second) = (engine.part(own, 0), engine.part(own, 1));
    assert_eq!(engine.read(first).unwrap(), [1.0, 2.0, 3.0], "the other model moved");
    assert_eq!(engine.read(second).unwrap(), [7.0; 3]);
    says(engine.run_for(&program, &[2], &six).unwrap_err(), "model 2 of a stack of 2");
    says(engine.run_for(&program, &[1, 1], &six).unwrap_err(), "twice");
    says(engine.run(&program, &[Data::F32(vec![0.0; 3])]).unwrap_err(), "input 0");
    let beyond = engine.part(own, 2);
    assert!(engine.read(beyond).is_err());
    assert!(engine.alloc_parts::<f32>("none", 3, 0).is_err());
    let plain = engine.recording();
    let plain = engine.compile(plain).expect("nothing");
    says(engine.run_for(&plain, &[0], &[]).unwrap_err(), "not one of a stack");
}

#[test]
fn recipes_that_a_stack_does_not_know_are_refused() {
    let (data, mut engine) = (loaded("digits"), Engine::reference());
    let config: ModelConfig = toml::from_str(MLP).expect("TOML");
    let model = Model::build(&config, &data.shape, data.classes).expect("a network");
    let (start, ids) = (model.init(1), data.train_ids());
    let mut refused = |recipe: TrainConfig, indices: &[u32], words: &str| {
        let job = Job { indices, seed: 1, lr: None, start: &start, validation: &[], state: None };
        let made = fit_many(&mut engine, &model, &Source::new(&data, None), &recipe, &[job], |_, _| Ok(()));
        let told = made.expect_err("refused").to_string();
        assert!(told.contains(words), "{told}");
    };
    let stopping = toml::from_str("patience = 2").expect("TOML");
    refused(TrainConfig { early_stopping: Some(stopping), ..recipe("sgd", 1) }, &ids, "train.early_stopping");
    let dp = toml::from_str("clip = 1.0\nnoise_multiplier = 1.0\ndelta = 1e-5").expect("TOML");
    refused(TrainConfig { dp: Some(dp), ..recipe("sgd", 1) }, &ids, "[train.dp]");
    refused(TrainConfig { objective_noise: 1.0, ..recipe("sgd", 1) }, &ids, "objective_noise");
    refused(recipe("sgd", 1), &[], "empty");
    refused(TrainConfig { lr: 1e30, ..recipe("sgd", 9) }, &ids[..64], "model 0 of the stack");
}
