//! The short test of `unlearn doctor`: a few kernels, a few training steps against the reference engine, all repeated
//! and compared bit for bit.

use std::rc::Rc;

use super::grad::Subject;
use super::item::{Item, Verdict, Work};
use super::{Status, kernels_of};
use crate::engine::case::{Case, Gen};
use crate::engine::{Engine, Recording, Target};
use crate::error::{Error, Result};
use crate::harness::compare;
use crate::harness::nets::{Into, Net};
use crate::harness::trial::{Failure, Outcome};
use crate::kernels::loss::softmax_xent;
use crate::kernels::optim::{Sgd, sgd};
use crate::kernels::{FAMILIES, Family};
use crate::nn::{Batch, Mode, Model, ModelConfig, Sink};

/// Kernels of every kind of work: products, windows, sums, exponentials, updates, gathers.
const KERNELS: [&str; 6] =
    ["linear.matmul", "conv.conv2d", "loss.softmax_xent", "map.dropout", "optim.sgd", "graph.spmm"];

/// Records of a batch, classes, steps, and how often everything is repeated.
const RECORDS: usize = 16;
const CLASSES: usize = 5;
const STEPS: usize = 3;
const REPEATS: usize = 3;

/// Largest difference of trained parameters over the largest parameter: some steps' rounding.
const TOLERANCE: f64 = 1e-4;

pub(super) fn items() -> Result<Vec<Item>> {
    let mut items: Vec<Item> = FAMILIES.iter().flat_map(kernels).collect();
    for (zoo, input) in [("mlp", &[2, 3, 2][..]), ("lenet5", &[1, 12, 12])] {
        let config = ModelConfig { zoo: Some(zoo.into()), ..Default::default() };
        let model = Model::build(&config, input, CLASSES)?;
        let width = input.iter().product();
        let run = move |engine: &mut Engine| train(engine, &model, width);
        items.push(Item::named(format!("{STEPS} training steps of {zoo}"), Work::Other(Box::new(run))));
    }
    let graph = Net::named("gcn", &[7])?;
    let mean = Into::Mean { scale: 1.0, accumulate: false };
    items.push(Item::named("gradients of gcn", Work::Network(Rc::new(graph), Subject::Sink(mean))));
    Ok(items)
}

/// Of each chosen kernel of a family the largest of its small cases, which is compared, repeated and run with guards.
fn kernels(family: &Family) -> Vec<Item> {
    let chosen: Vec<&str> = KERNELS.into_iter().filter(|k| family.kernels.iter().any(|own| own.name == *k)).collect();
    if chosen.is_empty() {
        return Vec::new();
    }
    let work = |c: &Case| c.rec.dispatches().map(|d| d.flops.max(d.bytes)).sum::<u64>();
    let mut cases = family.cases();
    cases.retain(|c| c.test && work(c) < 200_000);
    let largest = |kernel: &str| cases.iter().filter(|c| kernels_of(c).contains(&kernel)).max_by_key(|c| work(c));
    chosen.into_iter().filter_map(largest).map(|c| Item::of(Work::Case(Box::new(c.clone())))).collect()
}

/// Trains on the adapter and on the reference engine, and on the adapter again.
fn train(engine: &mut Engine, model: &Model, width: usize) -> Result<Verdict> {
    let target = engine.target();
    let want: Vec<f64> =
        steps(&mut Engine::reference(), Target::default(), model, width)?.into_iter().map(f64::from).collect();
    let got = steps(engine, target, model, width)?;
    for repeat in 1..REPEATS {
        let again = steps(engine, target, model, width)?;
        if let Some(at) = (0..got.len()).find(|i| got[*i].to_bits() != again[*i].to_bits()) {
            let what = format!("parameter {at} is {:e}, in repeat {repeat} {:e}", got[at], again[at]);
            return Ok(Verdict::new(Status::Fail, what));
        }
    }
    let top = want.iter().fold(0.0, |top: f64, v| top.max(v.abs()));
    let distance = compare::floats(&got, &want, 0.0, TOLERANCE * top).map_err(Error::internal)?;
    if distance.bad == 0 {
        let message = Some(format!("{REPEATS} times, the same to the last bit"));
        return Ok(Verdict { message, ..Outcome::Pass(distance).into() });
    }
    let at = distance.first_bad.unwrap_or(0);
    let what = format!("parameter {at} is {:e}, expected {:e}", distance.got, distance.want);
    Ok(Outcome::Fail(Failure { what, distance: Some(distance) }).into())
}

/// The parameters after some steps of SGD with momentum on made-up records.
fn steps(engine: &mut Engine, target: Target, model: &Model, width: usize) -> Result<Vec<f32>> {
    let mark = engine.mark();
    let (n, total) = (RECORDS, model.layout.total());
    let mut g = Gen::new(3);
    let flat = |engine: &mut Engine, name: &str| engine.alloc::<f32>(name, total);
    let (theta, grad, velocity) = (flat(engine, "theta")?, flat(engine, "grad")?, flat(engine, "velocity")?);
    let (x, hyper) = (engine.alloc::<f32>("x", n * width)?, engine.alloc::<f32>("hyper", 1)?);
    let labels = engine.alloc::<u32>("labels", n)?;
    engine.write(theta, &model.init(1))?;
    engine.write(velocity, &vec![0.0; total])?;
    engine.write(x, &g.values(n * width))?;
    engine.write(hyper, &[0.05])?;
    engine.write(labels, &g.indices(n, CLASSES))?;
    let mut rec = Recording::new(target);
    for _ in 0..STEPS {
        let tape = model.forward(&mut rec, theta, &Batch::dense(x, n), Mode::Eval, None)?;
        let (loss, correct) = (rec.temp("loss", n), rec.temp("correct", n));
        let dlogits = rec.temp("dlogits", n * CLASSES);
        softmax_xent(&mut rec, tape.logits, labels, loss, dlogits, correct, n, CLASSES);
        let sink = Sink::Mean { grad, scale: 1.0 / n as f32, accumulate: false };
        model.backward(&mut rec, theta, &tape, dlogits, None, sink)?;
        sgd(&mut rec, theta, grad, velocity, hyper, Sgd { momentum: 0.9, weight_decay: 1e-3, nesterov: false });
    }
    let program = engine.compile(rec)?;
    engine.run(&program, &[])?;
    let trained = engine.read(theta);
    drop(program);
    engine.release(mark);
    trained
}
