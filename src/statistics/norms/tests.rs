//! Clipped sums of batches that are filled up, of records without a gradient, and where records have none of their own.

use crate::statistics::{clipped, norms, record_clipped};
use std::path::Path;

use super::*;
use crate::data::{self, DataConfig, Samples};
use crate::engine::{Data, Engine};
use crate::nn::{Model, ModelConfig};
use crate::records::Part;
use crate::records::Shape;

const FEATURES: usize = 3;

fn net() -> Model {
    let config: ModelConfig =
        toml::from_str("layers = [{type='linear',out=4},{type='tanh'},{type='linear'}]").expect("TOML");
    Model::build(&config, &[FEATURES], 2).expect("a network")
}

fn samples(n: usize) -> Samples {
    let x = (0..n * FEATURES).map(|i| (1.3 * i as f32).sin()).collect();
    Samples { x, y: (0..n as u32).map(|i| i % 2).collect(), ..Samples::default() }
}

/// The clipped sum of some records of a batch, by weights.
fn weighted(session: &mut Session, ids: &[u32], weight: &[f32], clip: f32) -> Vec<f32> {
    let mut rec = session.recording();
    let scored =
        session.record_scored(&mut rec, Part::Train, &Shape::Listed(ids.len()), Mode::Eval, None).expect("a batch");
    let w = rec.temp("weight", weight.len());
    rec.upload(w);
    let sink = Sink::Mean { grad: session.grad, scale: 0.5, accumulate: false };
    record_clipped(session, &mut rec, &scored, (clip, Some(w)), None, sink).expect("a clipped sum");
    let program = session.compile(rec).expect("a program");
    session.engine.run(&program, &[Data::U32(ids.to_vec()), Data::F32(weight.to_vec())]).expect("a run");
    session.engine.read(session.grad).expect("a gradient")
}

#[test]
fn records_that_fill_a_batch_up_count_for_nothing() {
    let (model, mut engine) = (net(), Engine::reference());
    let mut session =
        Session::new(&mut engine, &model, &samples(6), &Samples::default(), &model.init(1)).expect("a session");
    let norms = norms(&mut session, Records::train(&[0, 2, 5])).expect("norms");
    let clip = norms[1];
    clipped(&mut session, Records::train(&[0, 2, 5]), clip, 0.5, false).expect("a clipped sum");
    let want = session.engine.read(session.grad).expect("a gradient");
    assert!(want.iter().any(|g| *g != 0.0));
    let got = weighted(&mut session, &[0, 2, 5, 1, 4], &[1.0, 1.0, 1.0, 0.0, 0.0], clip);
    assert!(got.iter().zip(&want).all(|(a, b)| (a - b).abs() <= 1e-6), "{got:?} is not {want:?}");
    // Nobody counts.
    assert!(weighted(&mut session, &[1, 1], &[0.0, 0.0], clip).iter().all(|g| *g == 0.0));
}

#[test]
fn a_record_without_a_gradient_gives_no_nan() {
    let (model, mut engine) = (net(), Engine::reference());
    // The bias of the right class is so large that its probability is 1 to the last bit.
    let mut theta = vec![0.0; model.layout.total()];
    let bias = model.layout.entries().last().expect("a bias");
    theta[bias.offset] = 1e6;
    let mut session = Session::new(&mut engine, &model, &samples(4), &Samples::default(), &theta).expect("a session");
    assert_eq!(norms(&mut session, Records::train(&[0, 2])).expect("norms"), [0.0, 0.0]);
    clipped(&mut session, Records::train(&[0, 2]), 1.0, 1.0, false).expect("a clipped sum");
    assert!(session.engine.read(session.grad).expect("a gradient").iter().all(|g| *g == 0.0));
    // Beside one that has a gradient, which is clipped.
    clipped(&mut session, Records::train(&[0, 1]), 0.25, 1.0, false).expect("a clipped sum");
    let norm = session.engine.read(session.grad).expect("a gradient").iter().map(|g| g * g).sum::<f32>().sqrt();
    assert!((norm - 0.25).abs() < 1e-6, "{norm}");
}

#[test]
fn a_step_over_a_whole_graph_is_refused() {
    let data = data::load(&DataConfig::new("karate"), Path::new(".")).expect("karate is embedded");
    let config: ModelConfig = toml::from_str("layers = [{type='graph_conv'}]").expect("TOML");
    let model = Model::build(&config, &data.shape, data.classes).expect("a network");
    let mut engine = Engine::reference();
    let mut session = Session::of(&mut engine, &model, &data, None, &model.init(1)).expect("a session");
    let ids = session.ids(Part::Train);
    let mut rec = session.recording();
    let scored =
        session.record_scored(&mut rec, Part::Train, &Shape::Fixed(ids.clone()), Mode::Eval, None).expect("a step");
    let sink = Sink::Mean { grad: session.grad, scale: 1.0, accumulate: false };
    let refused =
        record_clipped(&session, &mut rec, &scored, (1.0, None), None, sink).expect_err("no gradients of their own");
    assert!(refused.to_string().contains("stand alone"), "{refused}");
    // Record by record, each in its surroundings, they have them.
    clipped(&mut session, Records::train(&ids[..3]), 1.0, 1.0, false).expect("a clipped sum");
}
