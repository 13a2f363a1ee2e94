//! Gradients of the losses against central differences of the losses, in f64.

use super::*;
use crate::engine::{Engine, Lane};

const ROWS: usize = 3;
const CLASSES: usize = 4;

/// Exact in f32, so that the two sides of a difference are what they say.
const H: f32 = 1.0 / 1024.0;

type Record = fn(&mut Recording, Buf<f32>, Buf<f32>, Buf<f32>, Buf<f32>);

/// Per-row losses and their gradient at `z`, at full precision.
fn evaluate(record: Record, z: &[f32], t: &[f32]) -> (Vec<f64>, Vec<f64>) {
    let mut engine = Engine::reference();
    let mut alloc = |name, len| engine.alloc::<f32>(name, len).unwrap();
    let [zb, tb, dz] = ["z", "t", "dz"].map(|name| alloc(name, ROWS * CLASSES));
    let loss = alloc("loss", ROWS);
    engine.write(zb, z).unwrap();
    engine.write(tb, t).unwrap();
    let mut rec = Recording::default();
    record(&mut rec, zb, tb, loss, dz);
    let program = engine.compile(rec).unwrap();
    engine.run(&program, &[]).unwrap();
    let reference = engine.as_reference().unwrap();
    let Lane::F32(loss) = reference.load(loss.any()) else { panic!("loss is f32") };
    let Lane::F32(dz) = reference.load(dz.any()) else { panic!("dz is f32") };
    (loss, dz)
}

fn check(record: Record) {
    let z = [0.5, -1.25, 2.0, 0.25, 0.0, 0.0, 3.0, -2.0, 1.0, 1.0, 1.0, -0.75];
    let t = [0.125, 0.5, 0.25, 0.125, 0.0, 1.0, 0.0, 0.0, 0.75, 0.0, 0.125, 0.125];
    let (_, gradient) = evaluate(record, &z, &t);
    for (i, exact) in gradient.iter().enumerate() {
        let shifted = |h: f32| {
            let mut z = z;
            z[i] += h;
            evaluate(record, &z, &t).0[i / CLASSES]
        };
        let numeric = (shifted(H) - shifted(-H)) / f64::from(2.0 * H);
        assert!((numeric - exact).abs() < 1e-6, "element {i}: gradient {exact}, difference quotient {numeric}");
    }
}

#[test]
fn soft_kl_gradient() {
    check(soft_kl);
}

#[test]
fn mse_gradient() {
    check(mse);
}

/// Temporaries start at 0 in the reference engine, so every label is 0.
#[test]
fn softmax_xent_gradient() {
    check(|rec, z, _, loss, dz| {
        let labels = rec.temp::<u32>("labels", ROWS);
        let correct = rec.temp::<f32>("correct", ROWS);
        softmax_xent(rec, z, labels, loss, dz, correct, ROWS, CLASSES);
    });
}
