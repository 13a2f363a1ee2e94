//! Losses, gradients and curvature against PyTorch's `CrossEntropyLoss` in float64 (`tools/parity/weighted_loss.py`).

use std::collections::HashMap;

use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use super::*;
use crate::engine::{Engine, Lane};
use crate::kernels::tangent::tangent;
use crate::nn::Batch;

const N: usize = 6;
const CLASSES: usize = 4;

/// The fixture's tensors of floating-point numbers, and its labels.
fn fixture() -> (HashMap<String, Vec<f64>>, Vec<u32>) {
    let file = SafeTensors::deserialize(include_bytes!("../../../../assets/parity/weighted_loss.safetensors")).unwrap();
    let (mut all, mut labels) = (HashMap::new(), Vec::new());
    for (name, tensor) in file.tensors() {
        if tensor.dtype() == Dtype::F64 {
            all.insert(name, bytemuck::pod_collect_to_vec::<u8, f64>(tensor.data()));
        } else {
            labels = bytemuck::pod_collect_to_vec::<u8, i64>(tensor.data()).iter().map(|y| *y as u32).collect();
        }
    }
    (all, labels)
}

fn near(got: &[f64], want: &[f64], what: &str) {
    let top = want.iter().fold(0f64, |top, v| top.max(v.abs()));
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        // Weights cross the bus as f32; a confident answer's own gradient is small beside the others.
        assert!((got - want).abs() <= 1e-6 * want.abs() + 1e-13 * top, "{what} {i}: {got}, PyTorch has {want}");
    }
}

#[test]
fn losses_gradients_and_curvature_are_pytorchs() {
    let (all, labels) = fixture();
    let even = vec![1.0; CLASSES];
    for (name, weights, smoothing, objective) in [
        ("plain", &even, 0.0, &WEIGHTED),
        ("plain", &even, 0.0, &SMOOTHED),
        ("weights", &all["w"], 0.0, &WEIGHTED),
        ("smooth", &even, 0.1, &SMOOTHED),
        ("both", &all["w"], 0.2, &SMOOTHED),
    ] {
        let mut engine = Engine::reference();
        let numbers = Table::numbers(weights, smoothing);
        let mut vector = |len| engine.alloc::<f32>("vector", len).unwrap();
        let [z, r, gradient, product, along] = [(); 5].map(|()| vector(N * CLASSES));
        let (kept, loss) = (vector(numbers.len()), vector(N));
        let y = engine.alloc::<u32>("labels", N).unwrap();
        engine.write(y, &labels).unwrap();
        let twins = engine.as_reference().unwrap();
        let wide: Vec<f64> = numbers.iter().map(|v| f64::from(*v)).collect();
        for (to, values) in [(z, &all["z"]), (r, &all["r"]), (kept, &wide)] {
            twins.store(to.any(), &Lane::F32(values.clone()));
        }
        let mut rec = engine.recording();
        let batch = Batch::dense(z, N);
        let out = Outputs {
            batch: &batch,
            logits: z,
            at: None,
            n: N,
            classes: CLASSES,
            kept: Some(kept),
            delta: 1.0,
            step: None,
        };
        let made = (objective.record)(&mut rec, &out, &Targets::Classes { ids: y, labels: y }).unwrap();
        // The derivative of the gradient along r is the curvature's product, by the kernels' own rules.
        let turned = tangent(&mut rec, &[(z, r)]).unwrap().of(made.dlogits).unwrap();
        rec.copy(turned, along);
        rec.copy(made.sums.range(0..N), loss);
        rec.copy(made.dlogits, gradient);
        let curvature = objective.curvature.unwrap();
        let targets = Targets::Classes { ids: y, labels: y };
        let (classes, kept) = (CLASSES, Some(kept));
        let direction = Direction { logits: z, targets: &targets, along: r, out: product, classes, kept, delta: 1.0 };
        curvature(&mut rec, &direction).unwrap();
        let program = engine.compile(rec).unwrap();
        engine.run(&program, &[]).unwrap();
        let twins = engine.as_reference().unwrap();
        let mut read = |buf: Buf<f32>| twins.load(buf.any()).f().to_vec();
        for (got, part) in [(loss, "loss"), (gradient, "gradient"), (product, "product"), (along, "product")] {
            near(&read(got), &all[&format!("{name}.{part}")], &format!("{name} {part}"));
        }
    }
}
