//! Derivatives along a direction and products with curvature matrices, on the reference engine in f64.

use std::collections::BTreeSet;
use unlearn::statistics::{self, Product};

use unlearn::data::Samples;
use unlearn::engine::{Buf, Engine, Recording};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Records, Session};

use unlearn::harness::nets::{gap, get, numbers, put};

const CLASSES: usize = 3;
const COUNT: usize = 11;

/// Records of a batch: two whole ones and a rest.
const BATCH: usize = 4;

fn model(layers: &str, input: &[usize]) -> Model {
    let config: ModelConfig = toml::from_str(&format!("layers = [{layers}]")).expect("TOML");
    Model::build(&config, input, CLASSES).expect(layers)
}

/// Networks with every kind of curvature.
fn models() -> Vec<Model> {
    vec![
        model("{type='linear',out=5},{type='tanh'},{type='linear',out=4},{type='gelu'},{type='linear'}", &[6]),
        model(
            "{type='conv2d',out=4,kernel=3,padding=1},{type='group_norm',groups=2},{type='relu'},{type='max_pool',\
                kernel=2},\
             {type='flatten'},{type='linear'}",
            &[2, 5, 4],
        ),
    ]
}

/// Runs `work` on a session over random records, at random parameters.
fn with_session(model: &Model, work: impl FnOnce(&mut Session, &[u32])) {
    let x = numbers(COUNT * model.width(), 3).iter().map(|v| 2.0 * *v as f32).collect();
    let train = Samples { x, y: (0..COUNT as u32).map(|i| i % CLASSES as u32).collect(), ..Samples::default() };
    let mut engine = Engine::reference();
    let theta: Vec<f32> =
        model.init(4).iter().zip(numbers(model.layout.total(), 5)).map(|(t, v)| t + 0.1 * v as f32).collect();
    let theta = real(model, theta.into_iter().map(f64::from).collect()).iter().map(|v| *v as f32).collect::<Vec<_>>();
    let mut session = Session::new(&mut engine, model, &train, &Samples::default(), &theta).expect("a session");
    session.batch = BATCH;
    let all: Vec<u32> = (0..COUNT as u32).collect();
    work(&mut session, &all);
}

/// With zeros between tensors.
fn real(model: &Model, mut flat: Vec<f64>) -> Vec<f64> {
    let ranges: Vec<_> = model.layout.entries().iter().map(|e| e.offset..e.offset + e.len).collect();
    (0..flat.len()).filter(|i| !ranges.iter().any(|r| r.contains(i))).for_each(|i| flat[i] = 0.0);
    flat
}

fn direction(session: &mut Session, name: &'static str, seed: u64) -> (Buf<f32>, Vec<f64>) {
    let values = real(session.model, numbers(session.model.layout.total(), seed));
    let u = session.vector(name).expect("a vector");
    put(session.engine, u, &values).expect("a write");
    (u, values)
}

/// What `f` gives at the parameters moved along `u`, differences over 2h.
fn difference(session: &mut Session, u: &[f64], mut f: impl FnMut(&mut Session) -> Vec<f64>) -> Vec<f64> {
    let theta = get(session.engine, session.theta).expect("a read");
    let h = 1e-4;
    let mut at = |by: f64| {
        put(session.engine, session.theta, &theta.iter().zip(u).map(|(t, u)| t + by * u).collect::<Vec<_>>())
            .expect("a write");
        f(session)
    };
    let (up, down) = (at(h), at(-h));
    put(session.engine, session.theta, &theta).expect("a write");
    up.iter().zip(&down).map(|(a, b)| (a - b) / (2.0 * h)).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

#[test]
fn derivatives_of_logits_and_losses_are_those_of_differences_and_of_per_record_gradients() {
    for model in models() {
        with_session(&model, |session, all| {
            let records = Records::train(all);
            let (u, values) = direction(session, "u", 7);
            let along = statistics::jvp(session, records, u).expect("a product");
            assert_eq!(along.len(), COUNT * CLASSES);
            let numeric = difference(session, &values, |s| wide(&statistics::logits(s, records).expect("logits")));
            // Logits come back as f32, which leaves a difference three or four digits.
            assert!(gap(&wide(&along), &numeric) < 2e-3, "logits are off by {:e}", gap(&wide(&along), &numeric));
            let dots = statistics::dots(session, records, u).expect("a product");
            let mut want = Vec::new();
            let each = |_: usize, rows: &[f32]| {
                let dot = |row: &[f32]| row.iter().zip(&values).map(|(g, u)| f64::from(*g) * u).sum::<f64>();
                want.extend(rows.chunks(values.len()).map(dot));
                Ok(())
            };
            statistics::per_sample(session, records, each).expect("gradients");
            assert!(gap(&wide(&dots), &want) < 1e-6, "g·u is off by {:e}", gap(&wide(&dots), &want));
            let none = Records::train(&[]);
            assert!(
                statistics::jvp(session, none, u).expect("nothing").is_empty()
                    && statistics::dots(session, none, u).expect("nothing").is_empty()
            );
        });
    }
}

#[test]
fn gauss_newton_products_are_those_of_the_jacobian() {
    for model in models() {
        with_session(&model, |session, all| {
            let records = Records::train(all);
            let h = statistics::gauss_newton(session, records).expect("a product");
            let mut found = Vec::new();
            for (name, seed) in [("u", 8), ("w", 9)] {
                let (u, values) = direction(session, name, seed);
                put(session.engine, h.u(), &values).expect("a write");
                h.apply(session).expect("a run");
                let once = get(session.engine, h.hu()).expect("a read");
                h.apply(session).expect("a run");
                assert_eq!(once, get(session.engine, h.hu()).expect("a read"), "a second product differs");
                assert_eq!(once, real(&model, once.clone()), "the product is not 0 between tensors");
                found.push((values, once, statistics::jvp(session, records, u).expect("a product")));
            }
            let p = wide(&statistics::logits(session, records).expect("logits"));
            let softmax = |z: &[f64]| {
                let sum: f64 = z.iter().map(|z| z.exp()).sum();
                z.iter().map(|z| z.exp() / sum).collect::<Vec<_>>()
            };
            let p: Vec<f64> = p.chunks(CLASSES).flat_map(softmax).collect();
            let form = |a: &[f32], b: &[f32]| {
                let one = |n: usize| {
                    let k = n * CLASSES..(n + 1) * CLASSES;
                    let mean = |v: &[f32]| k.clone().map(|k| p[k] * f64::from(v[k])).sum::<f64>();
                    k.clone().map(|k| p[k] * f64::from(a[k]) * f64::from(b[k])).sum::<f64>() - mean(a) * mean(b)
                };
                (0..COUNT).map(one).sum::<f64>() / COUNT as f64
            };
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            for (values, _, j) in &found {
                for (_, hu, along) in &found {
                    let (got, want) = (dot(values, hu), form(j, along));
                    assert!((got - want).abs() < 1e-5 * want.abs() + 1e-7, "wᵀHu = {got}, of the Jacobians {want}");
                }
                assert!(form(j, j) > 0.0);
            }
        });
    }
}

#[test]
fn hessian_products_are_differences_of_the_gradient() {
    for model in models() {
        with_session(&model, |session, all| {
            let records = Records::train(all);
            let h = statistics::hessian(session, records).expect("a product");
            let (_, values) = direction(session, "u", 8);
            put(session.engine, h.u(), &values).expect("a write");
            put(session.engine, session.grad, &vec![5.0; values.len()]).expect("a write");
            h.apply(session).expect("a run");
            let got = get(session.engine, h.hu()).expect("a read");
            assert!(
                get(session.engine, session.grad).expect("a read").iter().all(|g| *g == 5.0),
                "the gradient was touched"
            );
            let numeric = difference(session, &values, |s| {
                statistics::gradient(s, records, 1.0 / COUNT as f32, false).expect("a gradient");
                get(s.engine, s.grad).expect("a read")
            });
            let error = gap(&got, &numeric);
            assert!(error < 1e-6, "H u is off by {error:e}");
        });
    }
}

#[test]
fn pieces_of_one_shape_share_a_program_and_no_record_is_needed() {
    with_session(&models()[0], |session, all| {
        let h = statistics::gauss_newton(session, Records::train(all)).expect("a product");
        let runs = h.programs();
        let different: BTreeSet<_> = runs.iter().map(|(program, _)| std::ptr::from_ref(*program)).collect();
        // One clears; two batches of four and one of three follow.
        assert_eq!((runs.len(), different.len()), (4, 3));
        let nothing = statistics::gauss_newton(session, Records::train(&[])).expect("a product");
        put(session.engine, nothing.hu(), &vec![1.0; session.theta.len]).expect("a write");
        nothing.apply(session).expect("a run");
        assert!(get(session.engine, nothing.hu()).expect("a read").iter().all(|v| *v == 0.0));
    });
}

fn flops(rec: &Recording) -> u64 {
    rec.dispatches().map(|d| d.flops).sum()
}

/// (floating point operations, dispatches) of a gradient, a Gauss-Newton and a Hessian product over one batch.
fn costs(zoo: &str) -> [(u64, usize); 3] {
    let config = ModelConfig { zoo: Some(zoo.into()), ..Default::default() };
    let model = Model::build(&config, &[1, 28, 28], 10).expect(zoo);
    let n = 128;
    let train = Samples { x: vec![0.5; n * 784], y: vec![1; n], ..Samples::default() };
    let mut engine = Engine::reference();
    let mut session =
        Session::new(&mut engine, &model, &train, &Samples::default(), &model.init(1)).expect("a session");
    let all: Vec<u32> = (0..n as u32).collect();
    let records = Records::train(&all);
    let mut rec = session.recording();
    session.record_set_gradient(&mut rec, records, 1.0, false).expect("a recording");
    let sum = |product: &dyn Product| {
        let each = product
            .programs()
            .iter()
            .map(|(p, _)| (flops(p.recording()), p.recording().dispatches().count()))
            .collect::<Vec<_>>();
        each.iter().fold((0, 0), |(f, d), (g, e)| (f + g, d + e))
    };
    let gauss_newton = statistics::gauss_newton(&mut session, records).expect("a product");
    let hessian = statistics::hessian(&mut session, records).expect("a product");
    [(flops(&rec), rec.dispatches().count()), sum(&gauss_newton), sum(&hessian)]
}

#[test]
fn a_gauss_newton_product_costs_less_than_two_and_a_half_gradients() {
    for zoo in ["lenet5", "mlp"] {
        let [gradient, gauss_newton, hessian] = costs(zoo);
        let times = |cost: (u64, usize)| cost.0 as f64 / gradient.0 as f64;
        println!(
            "{zoo}: gradient {gradient:?}, Gauss-Newton {gauss_newton:?} = {:.2}, Hessian {hessian:?} = {:.2}",
            times(gauss_newton),
            times(hessian)
        );
        assert!(times(gauss_newton) < 2.5 && times(hessian) < 4.0);
    }
}
