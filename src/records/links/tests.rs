//! The loss against its definition, its gradient against central differences, and what a deletion leaves of both.

use std::path::Path;

use crate::data::{self, DataConfig, Dataset, Deletion, Task};
use crate::engine::{Buf, Engine, Lane, Recording};
use crate::kernels::graph;
use crate::nn::{Mode, Model, ModelConfig, Sink};
use crate::records::{Part, Session, Shape};
use crate::statistics;

fn karate() -> Dataset {
    let config = DataConfig { task: Some(Task::Link), ..DataConfig::new("karate") };
    data::load(&config, Path::new(".")).expect("karate is embedded")
}

fn net(data: &Dataset) -> Model {
    let layers = "layers = [{type='graph_conv',out=5},{type='elu'},{type='graph_conv',out=3}]";
    let config: ModelConfig = toml::from_str(layers).expect("TOML");
    Model::build(&config, &data.shape, 3).expect("a network")
}

/// [mean loss, right answers] of the training edges in step `t` as a function of theta, and the gradient; all in f64.
struct Step<'e> {
    session: Session<'e>,
    program: crate::engine::Program,
    out: Buf<f32>,
}

impl<'e> Step<'e> {
    fn of(mut session: Session<'e>, part: Part, records: usize, t: u32) -> Step<'e> {
        let (words, out) = (session.engine.alloc("step", 4).unwrap(), session.engine.alloc("out", 2).unwrap());
        session.engine.write(words, &[7u32, 0, t, 0]).unwrap();
        let mut rec = session.recording();
        let shape = Shape::Links(records);
        let scored = session.record_scored(&mut rec, part, &shape, Mode::Train, Some(words)).unwrap();
        if part != Part::Validation {
            let sink = Sink::Mean { grad: session.grad, scale: 1.0 / records as f32, accumulate: false };
            let (theta, dz) = (session.theta, scored.dlogits);
            session.model.backward(&mut rec, theta, &scored.tape, dz, Some(words), sink).unwrap();
        }
        scored.record_sums(&mut rec, out);
        let program = session.compile(rec).unwrap();
        Step { session, program, out }
    }

    fn at(&mut self, theta: &[f64]) -> ([f64; 2], Vec<f64>) {
        let Session { engine, theta: to, grad, .. } = &mut self.session;
        engine.as_reference().unwrap().store(to.any(), &Lane::F32(theta.to_vec()));
        engine.run(&self.program, &[]).unwrap();
        let twins = engine.as_reference().unwrap();
        let out = twins.load(self.out.any()).f().to_vec();
        ([out[0], out[1]], twins.load(grad.any()).f().to_vec())
    }
}

fn start(model: &Model) -> Vec<f64> {
    model.init(3).iter().map(|v| f64::from(*v)).collect()
}

#[test]
fn the_gradient_of_the_loss_agrees_with_central_differences() {
    let data = karate();
    let (model, mut engine) = (net(&data), Engine::reference());
    let theta = start(&model);
    let session = Session::of(&mut engine, &model, &data, None, &model.init(3)).unwrap();
    let n = data.train.len();
    let mut step = Step::of(session, Part::Train, n, 5);
    let (_, gradient) = step.at(&theta);
    let mut worst: f64 = 0.0;
    for e in model.layout.entries() {
        for i in (e.offset..e.offset + e.len).step_by(3) {
            let mut loss = |by: f64| {
                let mut moved = theta.clone();
                moved[i] += by;
                step.at(&moved).0[0] / n as f64
            };
            let numeric = (loss(1e-5) - loss(-1e-5)) / 2e-5;
            worst = worst.max((numeric - gradient[i]).abs());
        }
    }
    let size = gradient.iter().map(|g| g.abs()).fold(0.0, f64::max);
    // 1/n and the weight of negatives are f32.
    assert!(size > 1e-3 && worst < 1e-6 * size.max(1.0), "off by {worst} of {size}");
}

/// Rows of the output, in f32.
fn embeddings(session: &mut Session, part: Part, nodes: usize) -> Vec<f32> {
    let ids: Vec<u32> = (0..nodes as u32).collect();
    statistics::logits(session, crate::records::Records { part, indices: &ids }).unwrap()
}

fn bce(z: &[f32], [u, v]: [u32; 2], goal: f64) -> [f64; 2] {
    let row = |node: u32| &z[3 * node as usize..][..3];
    let s: f64 = row(u).iter().zip(row(v)).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    let right = f64::from(u8::from(if goal == 1.0 { s > 0.0 } else { s < 0.0 }));
    [s.max(0.0) - s * goal + (-s.abs()).exp().ln_1p(), right]
}

fn close(got: [f64; 2], want: [f64; 2]) {
    assert!((got[0] - want[0]).abs() < 1e-4 && (got[1] - want[1]).abs() < 1e-4, "{got:?} is not {want:?}");
}

#[test]
fn held_out_pairs_are_scored_by_their_definition() {
    let data = karate();
    let (model, mut engine) = (net(&data), Engine::reference());
    let mut session = Session::of(&mut engine, &model, &data, None, &model.init(3)).unwrap();
    let z = embeddings(&mut session, Part::Train, 34);
    let links = data.links().unwrap();
    let each = links.validation.iter().map(|pair| bce(&z, *pair, 1.0));
    let want = each.chain(links.validation_never.iter().map(|pair| bce(&z, *pair, 0.0)));
    let want = want.fold([0.0, 0.0], |sum, one| [sum[0] + one[0], sum[1] + one[1]]);
    let n = data.validation.len();
    close(Step::of(session, Part::Validation, n, 0).at(&start(&model)).0, want);
}

/// The sum over edges, once each, and over as many negatives as the step draws, both by half.
fn expected(z: &[f32], edges: &[[u32; 2]], t: u32) -> [f64; 2] {
    let (nodes, rounds) = (34, edges.len().div_ceil(34));
    let mut engine = Engine::reference();
    let bufs = [4, nodes, nodes].map(|len| engine.alloc::<u32>("words", len).unwrap());
    engine.write(bufs[0], &[7u32, 0, t, 0]).unwrap();
    let mut negatives = Vec::new();
    for stream in 0..rounds {
        let mut rec = Recording::new(engine.target());
        graph::negatives(&mut rec, bufs[0], stream as u32, nodes, bufs[1], bufs[2]);
        let program = engine.compile(rec).unwrap();
        engine.run(&program, &[]).unwrap();
        negatives.extend((0..).zip(engine.read(bufs[1]).unwrap()).map(|(u, v): (u32, u32)| bce(z, [u, v], 0.0)));
    }
    let mean = |all: &[[f64; 2]], i: usize| all.iter().map(|one| one[i]).sum::<f64>() / all.len() as f64;
    let edges: Vec<[f64; 2]> = edges.iter().map(|pair| bce(z, *pair, 1.0)).collect();
    [0, 1].map(|i| 0.5 * edges.len() as f64 * (mean(&edges, i) + mean(&negatives, i)))
}

#[test]
fn deleted_edges_leave_messages_and_loss() {
    let data = karate();
    let (model, mut engine) = (net(&data), Engine::reference());
    let all = data.graph.as_ref().unwrap().graph.distinct_edges();
    let (gone, kept) = all.split_at(4);
    let mut edges: Vec<[u32; 2]> = gone.iter().flat_map(|&[u, v]| [[u, v], [v, u]]).collect();
    edges.sort_by_key(|[u, v]| (*v, *u));
    let deletion = Deletion { edges, ..Deletion::default() };
    let mut seen = Vec::new();
    for (part, edges) in [(Part::Before, &all[..]), (Part::Train, kept)] {
        let mut session = Session::of(&mut engine, &model, &data, Some(&deletion), &model.init(3)).unwrap();
        let z = embeddings(&mut session, part, 34);
        let got = Step::of(session, part, edges.len(), 9).at(&start(&model)).0;
        close(got, expected(&z, edges, 9));
        seen.push(z);
    }
    assert_ne!(seen[0], seen[1]);
    // What is left is what a graph without the edges says.
    let mut less = data.clone();
    let graph = less.graph.as_mut().unwrap();
    graph.graph = graph.graph.without(&deletion);
    let mut session = Session::of(&mut engine, &model, &less, None, &model.init(3)).unwrap();
    let fresh = embeddings(&mut session, Part::Train, 34);
    assert!(fresh.iter().zip(&seen[1]).all(|(a, b)| (a - b).abs() < 1e-6));
}
