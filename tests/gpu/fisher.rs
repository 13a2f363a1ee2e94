//! Steps along the Fisher information and its inverses, against the host's arithmetic on per-sample gradients.

use libtest_mimic::Trial;
use unlearn::Result;
use unlearn::methods::Account;
use unlearn::records::Records;
use unlearn::statistics::{self, Estimator, Importance, Kfac, Set};

use crate::adapters::Shared;
use crate::methods::{Small, hold};

type Test = fn(&mut Small) -> Result<()>;

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let tests: [(&str, Test); 8] = [
        ("preconditioned step", preconditioned_step),
        ("step along an inverse Fisher", woodfisher_step),
        ("step along an inverse of Kronecker factors", kfac_step),
        ("elastic step", elastic_step),
        ("fisher erases the rows of a class", fisher_rows),
        ("ssd dampens what it counts", ssd_counts),
        ("importance keeps the zeros between tensors", importance_padding),
        ("model fisher", model_fisher),
    ];
    let trial = |device: &Shared, (name, test): (&str, Test)| {
        device.trial(&format!("method: {name}"), move |d| Small::with(d, test))
    };
    devices.iter().flat_map(|device| tests.map(|test| trial(device, test))).collect()
}

/// Gradient of the forget loss, Fisher diagonal of the retained records and its mean, on the host.
pub fn statistics(small: &mut Small) -> Result<(Vec<f32>, Vec<f32>, f64)> {
    let parameters = small.model.layout.count() as f64;
    small.session(|session, view| {
        statistics::gradient(session, Records::train(view.forget), 1.0 / view.forget.len() as f32, false)?;
        let grad = session.engine.read(session.grad)?;
        let values = session.vector("test.fisher")?;
        statistics::fisher(session, Records::train(view.retain), values)?;
        let fisher = session.engine.read(values)?;
        let mean = fisher.iter().map(|v| f64::from(*v)).sum::<f64>() / parameters;
        Ok((grad, fisher, mean))
    })
}

/// The largest distance of the step that was taken to the one that was wanted, in parts of the latter's largest
/// element.
pub fn step_error(small: &Small, theta: &[f32], want: &[f64]) -> f64 {
    let largest = want.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let taken = theta.iter().zip(&small.theta).map(|(a, b)| f64::from(*a) - f64::from(*b));
    taken.zip(want).fold(0.0, |m: f64, (got, want)| m.max((got - want).abs())) / largest
}

const ONE_STEP: &str = "max_steps = 1\ntarget_loss = 1e4\nclip_norm = 0\nlr = 0.5";

fn preconditioned_step(small: &mut Small) -> Result<()> {
    let (grad, fisher, mean) = statistics(small)?;
    let d: Vec<f64> = grad.iter().zip(&fisher).map(|(g, f)| f64::from(*g) / (f64::from(*f) + 0.3 * mean)).collect();
    let length = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let scale = 0.5 * length(&grad.iter().map(|g| f64::from(*g)).collect::<Vec<_>>()) / length(&d);
    let want: Vec<f64> = d.iter().map(|v| scale * v).collect();
    let (theta, _) = small.run("fisher_ascent", &format!("{ONE_STEP}\ndelta = 0.3"))?;
    let error = step_error(small, &theta, &want);
    hold(error < 1e-4, || format!("the preconditioned step is off by {error:e}"))
}

/// `length(grad) / length(d) · d`, half of it: where one step of an ascent along d ends.
fn half_as_long(grad: &[f32], d: &[f64]) -> Vec<f64> {
    let length = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let scale = 0.5 * length(&grad.iter().map(|g| f64::from(*g)).collect::<Vec<_>>()) / length(d);
    d.iter().map(|v| scale * v).collect()
}

/// Against WoodFisher's recursion (Singh & Alistarh 2020, eq. 4) with F_k⁻¹ u = u / δ − Σ_{j ≤ k} a_j (a_jᵀ u) / (N +
/// g_jᵀ a_j), a_j = F_{j−1}⁻¹ g_j.
fn woodfisher_step(small: &mut Small) -> Result<()> {
    let (grad, _, mean) = statistics(small)?;
    let (total, retain) = (small.model.layout.total(), small.retain.clone());
    let mut rows: Vec<Vec<f64>> = Vec::new();
    small.session(|session, _| {
        statistics::per_sample(session, Records::train(&retain), |_, slab| {
            rows.extend(slab.chunks(total).map(|row| row.iter().map(|g| f64::from(*g)).collect::<Vec<f64>>()));
            Ok(())
        })
    })?;
    let (n, delta) = (rows.len() as f64, 0.3 * mean);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let mut done: Vec<(Vec<f64>, f64)> = Vec::new();
    let inverse = |done: &[(Vec<f64>, f64)], u: &[f64]| {
        let mut out: Vec<f64> = u.iter().map(|v| v / delta).collect();
        for (a, below) in done {
            let along = dot(a, u) / below;
            out.iter_mut().zip(a).for_each(|(o, v)| *o -= along * v);
        }
        out
    };
    for g in &rows {
        let a = inverse(&done, g);
        let below = n + dot(g, &a);
        done.push((a, below));
    }
    let d = inverse(&done, &grad.iter().map(|g| f64::from(*g)).collect::<Vec<f64>>());
    let want = half_as_long(&grad, &d);
    let (theta, account) = small.run("woodfisher", &format!("{ONE_STEP}\ndelta = 0.3\nrecords = 1000"))?;
    let error = step_error(small, &theta, &want);
    hold(error < 1e-3, || format!("the step is off by {error:e}: {account:?}"))?;
    let said = &account.details.notes["inverse"];
    hold(said["count"] == rows.len() && said["curvature"] == "wood_fisher", || format!("{said}"))?;
    // Fewer records and smaller blocks are other matrices.
    for settings in ["records = 5", "blocks = \"tensors\""] {
        let (other, _) = small.run("woodfisher", &format!("{ONE_STEP}\ndelta = 0.3\n{settings}"))?;
        let moved = step_error(small, &other, &want);
        hold(moved > 0.01, || format!("{settings} changes nothing"))?;
    }
    Ok(())
}

fn kfac_step(small: &mut Small) -> Result<()> {
    let (grad, _, _) = statistics(small)?;
    let d = small.session(|session, view| {
        let mut kfac = Kfac::measure(session, Records::train(view.retain), Estimator::PerSample)?;
        let (v, out) = (session.vector("test.v")?, session.vector("test.out")?);
        session.engine.write(v, &grad)?;
        let damping = 0.3 * kfac.mean_diagonal();
        kfac.apply_inverse(session, v, out, damping)?;
        session.engine.read(out)
    })?;
    let d: Vec<f64> = d.iter().map(|v| f64::from(*v)).collect();
    let want = half_as_long(&grad, &d);
    let (theta, _) = small.run("woodfisher", &format!("{ONE_STEP}\ndelta = 0.3\ncurvature = \"kfac\""))?;
    let error = step_error(small, &theta, &want);
    hold(error < 1e-4, || format!("the step is off by {error:e}"))
}

fn elastic_step(small: &mut Small) -> Result<()> {
    let (grad, fisher, mean) = statistics(small)?;
    // At the start the penalty has no slope; taken implicitly it divides the step by 1 + lr lambda F / mean F.
    let step = |(g, f): (&f32, &f32)| 0.5 * f64::from(*g) / (1.0 + 0.5 * 2.0 * f64::from(*f) / mean);
    let want: Vec<f64> = grad.iter().zip(&fisher).map(step).collect();
    let (theta, _) = small.run("ewc_ascent", &format!("{ONE_STEP}\nlambda = 2"))?;
    let error = step_error(small, &theta, &want);
    hold(error < 1e-4, || format!("the elastic step is off by {error:e}"))?;
    let far = "max_steps = 40\ntarget_loss = 1e4\nlr = 0.1";
    let plain = small.run("gradient_ascent", far)?.1;
    let tied = small.run("ewc_ascent", &format!("{far}\nlambda = 100"))?.1;
    let moved = |a: &Account| a.details.relative_change.unwrap_or(f64::NAN);
    let (tied, plain) = (moved(&tied), moved(&plain));
    hold(tied < 0.3 * plain, || format!("tied parameters moved {tied}, free ones {plain}"))
}

fn fisher_rows(small: &mut Small) -> Result<()> {
    small.forget_class();
    let (theta, _) = small.run("fisher", "alpha = 0\nclass_variance = 0")?;
    let mut want = small.theta.clone();
    for name in ["fc2.weight", "fc2.bias"] {
        let entry = small.model.layout.get(name)?;
        let row = entry.len / 4;
        want[entry.offset + 2 * row..entry.offset + 3 * row].fill(0.0);
    }
    hold(theta == want, || "without noise only the class's rows of the last layer may change, to 0".into())?;
    let (noisy, _) = small.run("fisher", "alpha = 0\nclass_variance = 0.04\nlast_layer_factor = 1")?;
    let entry = small.model.layout.get("fc2.weight")?;
    let row = &noisy[entry.offset + 2 * 13..entry.offset + 3 * 13];
    let sd = (row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / 13.0).sqrt();
    // Thirteen normal numbers: their root mean square lies within a factor of two of 0.2 but for one case in 1e4.
    hold((0.1..0.4).contains(&sd), || format!("the class's row has a spread of {sd}, 0.2 was wanted"))
}

fn ssd_counts(small: &mut Small) -> Result<()> {
    small.forget_class();
    let mut dampened = Vec::new();
    for estimator in
        ["", "estimator = \"batch_mean\"\nbatch = 8", "estimator.model_sampled = { samples = 2, seed = 1 }"]
    {
        let (theta, account) = small.run("ssd", &format!("alpha = 2\nlambda = 0.5\n{estimator}"))?;
        let changed = theta.iter().zip(&small.theta).filter(|(a, b)| a != b).count();
        let share = changed as f64 / small.model.layout.count() as f64;
        let said = account.details.notes["dampened_fraction"].as_f64().unwrap_or(f64::NAN);
        // A parameter that is 0 already is dampened and does not change.
        hold(share > 0.0 && said >= share && said < share + 0.2, || format!("{said} dampened, {share} changed"))?;
        let grown = theta.iter().zip(&small.theta).any(|(a, b)| a.abs() > b.abs());
        hold(!grown, || "dampening made a parameter larger".into())?;
        dampened.push(theta);
    }
    let apart = dampened[0] != dampened[1] && dampened[1] != dampened[2] && dampened[0] != dampened[2];
    hold(apart, || "two estimators dampen alike".into())
}

fn importance_padding(small: &mut Small) -> Result<()> {
    let sampled = Estimator::ModelSampled { samples: 2, seed: 1 };
    for (estimator, batch) in
        [(Estimator::PerSample, 0), (Estimator::Model, 0), (sampled, 0), (Estimator::BatchMean, 16)]
    {
        let flat = small.session(|session, view| {
            // What a method leaves in the scratch vector may not end up between tensors.
            let found = Importance::measure(session, "test.importance", Set::Retain, view.retain, estimator, batch)?;
            session.engine.read(found.values)
        })?;
        let stray = small.stray(&flat);
        hold(stray.is_none(), || format!("{estimator:?}: not 0 between tensors, at {stray:?}"))?;
        let good = flat.iter().all(|v| *v >= 0.0) && flat.iter().any(|v| *v > 0.0);
        hold(good, || format!("{estimator:?}: an importance is not positive"))?;
    }
    Ok(())
}

/// The expectation over the model's labels, from per-sample gradients under each label and the probabilities on the
/// host.
fn model_fisher(small: &mut Small) -> Result<()> {
    let (classes, total) = (small.data.classes, small.model.layout.total());
    let records: Vec<u32> = (0..30).collect();
    let (logits, got) = small.session(|session, _| {
        let values = session.vector("test.fisher")?;
        statistics::model_fisher(session, Records::train(&records), values)?;
        Ok((statistics::logits(session, Records::train(&records))?, session.engine.read(values)?))
    })?;
    let mut want = vec![0.0; total];
    let labels = small.data.train.y.clone();
    for label in 0..classes {
        small.data.train.y.fill(label as u32);
        small.session(|session, _| {
            statistics::per_sample(session, Records::train(&records), |first, rows| {
                for (n, row) in rows.chunks(total).enumerate() {
                    let z = &logits[(first + n) * classes..(first + n + 1) * classes];
                    let sum: f64 = z.iter().map(|v| f64::from(*v).exp()).sum();
                    let weight = f64::from(z[label]).exp() / sum / records.len() as f64;
                    want.iter_mut().zip(row).for_each(|(w, g)| *w += weight * f64::from(*g).powi(2));
                }
                Ok(())
            })
        })?;
    }
    small.data.train.y = labels;
    let largest = want.iter().fold(0.0, |m: f64, v| m.max(*v));
    let error = got.iter().zip(&want).fold(0.0, |m: f64, (g, w)| m.max((f64::from(*g) - w).abs())) / largest;
    hold(error < 1e-5, || format!("off by {error:e} of the largest value"))
}
