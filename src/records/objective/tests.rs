//! The squared error through a small network: against its definition, its gradient and curvature against differences,
//! and who refuses it.

use super::SQUARED_ERROR;
use crate::data::Samples;
use crate::engine::{Buf, Engine, Lane, Program};
use crate::nn::{Mode, Model, ModelConfig, Sink};
use crate::records::{Part, Records, Session, Shape};
use crate::statistics::{self, Estimator, Product};

const N: usize = 5;
const CLASSES: usize = 3;

fn samples() -> Samples {
    let x = (0..2 * N).map(|i| (i as f32 * 0.7).sin()).collect();
    Samples { x, y: (0..N as u32).map(|i| i * i % 3).collect(), ..Samples::default() }
}

fn net() -> Model {
    let layers = "layers = [{type='linear',out=4},{type='tanh'},{type='linear',out=3}]";
    let config: ModelConfig = toml::from_str(layers).expect("TOML");
    Model::build(&config, &[2], CLASSES).expect("a network")
}

fn session<'e>(engine: &'e mut Engine, model: &'e Model) -> Session<'e> {
    let none = Samples::default();
    let made = Session::new(engine, model, &samples(), &none, &model.init(4)).expect("a session");
    made.trained_for(Some("squared_error")).expect("records with classes")
}

/// Loss, right answers and gradient of the mean loss as a function of theta, in f64.
struct Step<'e> {
    session: Session<'e>,
    program: Program,
    sums: Buf<f32>,
    logits: Buf<f32>,
}

impl<'e> Step<'e> {
    fn of(mut session: Session<'e>) -> Step<'e> {
        let sums = session.engine.alloc("sums", 2).expect("memory");
        let logits = session.engine.alloc("kept logits", N * CLASSES).expect("memory");
        let mut rec = session.recording();
        let shape = Shape::Listed(N);
        let scored = session.record_scored(&mut rec, Part::Train, &shape, Mode::Eval, None).expect("a forward pass");
        let sink = Sink::Mean { grad: session.grad, scale: 1.0, accumulate: false };
        let theta = session.theta;
        session.model.backward(&mut rec, theta, &scored.tape, scored.dlogits, None, sink).expect("a backward pass");
        scored.record_sums(&mut rec, sums);
        rec.copy(scored.tape.logits, logits);
        let program = session.compile(rec).expect("a valid recording");
        Step { session, program, sums, logits }
    }

    /// [Σ loss, right answers], the gradient of the sum, and the scores.
    fn at(&mut self, theta: &[f64]) -> ([f64; 2], Vec<f64>, Vec<f64>) {
        let Session { engine, theta: to, grad, .. } = &mut self.session;
        engine.as_reference().expect("twins").store(to.any(), &Lane::F32(theta.to_vec()));
        let all = crate::engine::Data::U32((0..N as u32).collect());
        engine.run(&self.program, &[all]).expect("the twins run");
        let twins = engine.as_reference().expect("twins");
        let mut read = |buf: Buf<f32>| twins.load(buf.any()).f().to_vec();
        let (sums, grad, logits) = (read(self.sums), read(*grad), read(self.logits));
        ([sums[0], sums[1]], grad, logits)
    }
}

fn start(model: &Model) -> Vec<f64> {
    model.init(4).iter().map(|v| f64::from(*v)).collect()
}

#[test]
fn the_squared_error_is_its_definition_and_counts_the_largest_scores() {
    let (model, mut engine) = (net(), Engine::reference());
    let (sums, _, scores) = Step::of(session(&mut engine, &model)).at(&start(&model));
    let (mut loss, mut right) = (0.0, 0.0);
    for (row, label) in scores.chunks(CLASSES).zip(samples().y) {
        let apart = |(c, score): (usize, &f64)| (score - if c == label as usize { 1.0 } else { 0.0 }).powi(2);
        loss += row.iter().enumerate().map(apart).sum::<f64>() / CLASSES as f64;
        right += if row.iter().all(|score| *score <= row[label as usize]) { 1.0 } else { 0.0 };
    }
    assert!((sums[0] - loss).abs() < 1e-9 && sums[1] == right, "{sums:?} is not {loss} and {right}");
}

#[test]
fn the_gradient_of_the_squared_error_agrees_with_central_differences() {
    let (model, mut engine) = (net(), Engine::reference());
    let theta = start(&model);
    let mut step = Step::of(session(&mut engine, &model));
    let (_, gradient, _) = step.at(&theta);
    let mut largest: f64 = 0.0;
    for e in model.layout.entries() {
        for i in e.offset..e.offset + e.len {
            let mut loss = |by: f64| {
                let mut moved = theta.clone();
                moved[i] += by;
                step.at(&moved).0[0]
            };
            let numeric = (loss(1e-5) - loss(-1e-5)) / 2e-5;
            assert!((numeric - gradient[i]).abs() < 1e-8, "{} {i}: {} is not {numeric}", e.name, gradient[i]);
            largest = largest.max(numeric.abs());
        }
    }
    assert!(largest > 1e-2, "nothing was tested: {largest}");
}

/// Products with a Gauss-Newton matrix and a Hessian, which are one where the outputs are linear in the parameters.
#[test]
fn the_curvature_of_the_squared_error_is_that_of_its_gradient() {
    let config: ModelConfig = toml::from_str("layers = [{type='linear',out=3}]").expect("TOML");
    let (model, mut engine) = (Model::build(&config, &[2], CLASSES).expect("a network"), Engine::reference());
    let mut session = session(&mut engine, &model);
    let ids: Vec<u32> = (0..N as u32).collect();
    let direction: Vec<f32> = (0..model.layout.total()).map(|i| (i as f32).cos()).collect();
    let gauss_newton = statistics::gauss_newton(&mut session, Records::train(&ids)).expect("a product");
    let hessian = statistics::hessian(&mut session, Records::train(&ids)).expect("a product");
    let mut products = Vec::new();
    for product in [&gauss_newton as &dyn Product, &hessian] {
        let mut lanes = vec![0.0; direction.len()];
        model.layout.entries().iter().for_each(|e| {
            lanes[e.offset..e.offset + e.len].copy_from_slice(&direction[e.offset..e.offset + e.len]);
        });
        session.engine.write(product.u(), &lanes).expect("a vector");
        product.apply(&mut session).expect("the twins run");
        products.push(session.engine.read(product.hu()).expect("a vector"));
    }
    // By hand: 2 / (classes N) Σ (u_c · x̃) x̃, the second moments of the records.
    let (x, weight) = (samples().x, &model.layout.entries()[0]);
    let (u, bias) = (&direction[weight.offset..], &direction[model.layout.entries()[1].offset..]);
    let by_hand = (0..N).map(|n| (u[0] * x[2 * n] + u[1] * x[2 * n + 1] + bias[0]) * x[2 * n]).sum::<f32>();
    let by_hand = by_hand * 2.0 / (CLASSES * N) as f32;
    assert!((products[0][weight.offset] - by_hand).abs() < 1e-5, "{} is not {by_hand}", products[0][weight.offset]);
    assert!(by_hand.abs() > 1e-2);
    assert!(products[0].iter().zip(&products[1]).all(|(a, b)| (a - b).abs() < 1e-6), "{products:?}");
}

#[test]
fn what_rests_on_softmax_refuses_the_squared_error_by_name() {
    let (model, mut engine) = (net(), Engine::reference());
    let mut session = session(&mut engine, &model);
    let out = session.vector("out").expect("memory");
    let records = Records::train(&[0, 1]);
    for estimator in [Estimator::Model, Estimator::ModelSampled { samples: 1, seed: 0 }] {
        let said = statistics::importance(&mut session, records, estimator, 2, out).unwrap_err().to_string();
        assert!(said.contains(SQUARED_ERROR.name) && said.contains(estimator.name()), "{said}");
        let said = statistics::Kfac::measure(&mut session, records, estimator).err().expect("refused").to_string();
        assert!(said.contains(SQUARED_ERROR.name), "{said}");
    }
    statistics::importance(&mut session, records, Estimator::PerSample, 2, out).expect("true classes need no softmax");
}

#[test]
fn an_objective_that_records_cannot_have_is_refused() {
    let (model, mut engine) = (net(), Engine::reference());
    let mut session = session(&mut engine, &model);
    let said = session.set_objective(Some("link")).unwrap_err().to_string();
    assert!(said.contains("link") && said.contains("cross_entropy"), "{said}");
    let said = session.set_objective(Some("squared_eror")).unwrap_err().to_string();
    assert!(said.contains("squared_error"), "{said}");
    assert_eq!(session.objective().name, "squared_error");
}
