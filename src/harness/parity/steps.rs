//! Full-batch training steps of each optimiser, recorded once and run again and again.

use super::{Fixture, Gap, Optimizer, Session, relative_error};
use crate::engine::{Buf, Data, Engine, Recording, Target};
use crate::error::{Error, Result};
use crate::kernels::optim::{self, Adam, Sgd};
use crate::nn::{Init, Mode, Sink};

/// What one step reads: the learning rate and Adam's bias corrections, t counted from 1.
fn hyper(o: &Optimizer, t: usize) -> Vec<f32> {
    let [b1, b2] = o.betas.unwrap_or_default().map(|b| (1.0 - b.powi(t as i32)) as f32);
    vec![o.lr as f32, b1, b2]
}

/// Records one update of theta by the optimiser that `name` starts with.
fn update(
    rec: &mut Recording,
    name: &str,
    o: &Optimizer,
    theta: Buf<f32>,
    grad: Buf<f32>,
    hyper: Buf<f32>,
    [m, v]: [Buf<f32>; 2],
) -> Result<()> {
    match (name.split('_').next(), o.betas, o.eps) {
        (Some("sgd"), None, None) => {
            let options = Sgd { momentum: o.momentum, weight_decay: o.weight_decay, nesterov: o.nesterov };
            optim::sgd(rec, theta, grad, m, hyper, options);
        }
        (Some(kind @ ("adam" | "adamw")), Some([beta1, beta2]), Some(eps)) => {
            let decoupled = kind == "adamw";
            let options = Adam { beta1, beta2, eps, weight_decay: o.weight_decay, decoupled };
            optim::adam(rec, theta, grad, m, v, hyper, options);
        }
        _ => return Err(Error::input(format!("[optimizers.{name}] is neither sgd, adam nor adamw: {o:?}"))),
    }
    Ok(())
}

/// Mean losses before each step and after the last.
pub(super) fn losses(engine: &mut Engine, fixture: &Fixture, name: &str, target: Target) -> Result<Vec<Gap>> {
    let unknown = || Error::input(format!("parity has no quantity `{name}`"));
    let o = fixture.optimizers.get(name).ok_or_else(unknown)?;
    let s = Session::open(engine, fixture)?;
    let total = s.theta.len;
    // Zeroed by the engine, as PyTorch starts its state.
    let (m, v) = (engine.alloc("m", total)?, engine.alloc("v", total)?);
    let mut rec = Recording::new(target);
    let step = rec.temp("hyper", 3);
    rec.upload(step);
    let grad = rec.temp("grad", total);
    // The lanes between parameters are not a sink's; the update walks over them.
    rec.clear(grad);
    let loss = s.both(&mut rec, Sink::Mean { grad, scale: s.share(), accumulate: false }, Mode::Train)?;
    update(&mut rec, name, o, s.theta, grad, step, [m, v])?;
    rec.readback(loss);
    let program = engine.compile(rec)?;
    let mut means = Vec::new();
    for t in 1..=fixture.steps + 1 {
        let out = engine.run(&program, &[Data::F32(hyper(o, t))])?;
        let each = out[0].f32();
        means.push((each.iter().map(|l| f64::from(*l)).sum::<f64>() / each.len() as f64) as f32);
    }
    let tensor = format!("{name}_losses");
    let want = &fixture.tensor(&tensor)?.values;
    if means.len() != want.len() {
        return Err(Error::input(format!("`{tensor}` holds {} losses, expected {}", want.len(), means.len())));
    }
    // Loss by loss: a loss near the end may be far smaller than the first.
    let gaps = means.iter().zip(want).map(|(got, want)| relative_error(&[*got], &[*want]));
    let mut all: Vec<Gap> =
        gaps.enumerate().map(|(t, error)| Gap { tensor: format!("{tensor}[{t}]"), record: None, error }).collect();
    let Some(state) = s.state else { return Ok(all) };
    let found = engine.read(state)?;
    for e in fixture.model.layout.state().iter().filter(|e| e.init != Init::Count) {
        let tensor = format!("{name}_state.{}", e.name);
        let error = relative_error(&found[e.offset..][..e.len], &fixture.tensor(&tensor)?.values);
        all.push(Gap { tensor, record: None, error });
    }
    Ok(all)
}
