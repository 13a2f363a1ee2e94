//! CPU twins of the `loss` family.

use super::{Clip, Label, Logits, Xent};
use crate::engine::TwinCall;

/// log Σ exp(z).
fn log_sum_exp(z: &[f64]) -> f64 {
    let top = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    top + z.iter().map(|v| (v - top).exp()).sum::<f64>().ln()
}

/// The rows of a [rows, classes] buffer as ranges.
fn ranges(p: Logits) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> {
    let c = p.classes as usize;
    (0..p.rows as usize).map(move |i| (i, i * c..(i + 1) * c))
}

/// Bindings z labels at loss dz correct; see `softmax_xent.wgsl`.
pub fn softmax_xent(call: &mut TwinCall) {
    let p: Xent = call.params();
    let through = call.set("AT") == 1;
    let [z, labels, at, loss, dz, correct] = call.bufs();
    let (labels, at, loss, dz, correct) = (labels.u(), at.u(), loss.f_mut(), dz.f_mut(), correct.f_mut());
    for (i, _) in ranges(Logits { rows: p.rows, classes: p.classes }) {
        (loss[i], correct[i]) = (0.0, 0.0);
        let row = if through { at[i] as usize } else { i };
        if row >= p.sources as usize {
            continue;
        }
        let range = row * p.classes as usize..(row + 1) * p.classes as usize;
        let (z, dz, label) = (&z.f()[range.clone()], &mut dz[range], labels[i] as usize);
        dz.fill(0.0);
        let Some(own) = z.get(label) else { continue };
        let lse = log_sum_exp(z);
        loss[i] = lse - own;
        for (d, v) in dz.iter_mut().zip(z) {
            *d = (v - lse).exp();
        }
        dz[label] -= 1.0;
        // The lowest maximum: no smaller index is as large, no larger index is larger.
        let first = z[..label].iter().all(|v| v < own) && z[label..].iter().all(|v| v <= own);
        // Among logits that are not numbers nobody knows which is the largest.
        correct[i] = if lse.is_nan() { f64::NAN } else { f64::from(u8::from(first)) };
    }
}

/// Bindings z labels r hr; see `softmax_xent_tangent.wgsl`.
pub fn softmax_xent_tangent(call: &mut TwinCall) {
    let p: Logits = call.params();
    let counted = call.set("COUNTED") == 1;
    let [z, labels, r, hr] = call.bufs();
    for (i, range) in ranges(p) {
        let (z, r, hr) = (&z.f()[range.clone()], &r.f()[range.clone()], &mut hr.f_mut()[range]);
        hr.fill(0.0);
        if counted && labels.u()[i] >= p.classes {
            continue;
        }
        let lse = log_sum_exp(z);
        let mean: f64 = z.iter().zip(r).map(|(z, r)| (z - lse).exp() * r).sum();
        for ((hr, z), r) in hr.iter_mut().zip(z).zip(r) {
            *hr = (z - lse).exp() * (r - mean);
        }
    }
}

/// Bindings z t loss dz; see `soft_kl.wgsl`.
pub fn soft_kl(call: &mut TwinCall) {
    let p: Logits = call.params();
    let [z, t, loss, dz] = call.bufs();
    for (i, range) in ranges(p) {
        let (z, t) = (&z.f()[range.clone()], &t.f()[range.clone()]);
        let (lse, mass) = (log_sum_exp(z), t.iter().sum::<f64>());
        let terms = z.iter().zip(t).filter(|(_, t)| **t > 0.0).map(|(z, t)| t * (t.ln() - (z - lse)));
        loss.f_mut()[i] = terms.sum();
        for ((d, z), t) in dz.f_mut()[range].iter_mut().zip(z).zip(t) {
            *d = (z - lse).exp() * mass - t;
        }
    }
}

/// Bindings y t loss dy; see `mse.wgsl`.
pub fn mse(call: &mut TwinCall) {
    let p: Logits = call.params();
    let [y, t, loss, dy] = call.bufs();
    let c = f64::from(p.classes);
    for (i, range) in ranges(p) {
        let (y, t) = (&y.f()[range.clone()], &t.f()[range.clone()]);
        loss.f_mut()[i] = y.iter().zip(t).map(|(y, t)| (y - t) * (y - t) / c).sum();
        for ((d, y), t) in dy.f_mut()[range].iter_mut().zip(y).zip(t) {
            *d = 2.0 * (y - t) / c;
        }
    }
}

/// Bindings z prob; see `softmax.wgsl`.
pub fn softmax(call: &mut TwinCall) {
    let p: Logits = call.params();
    let [z, prob] = call.bufs();
    for (_, range) in ranges(p) {
        let z = &z.f()[range.clone()];
        let lse = log_sum_exp(z);
        for (out, v) in prob.f_mut()[range].iter_mut().zip(z) {
            *out = (v - lse).exp();
        }
    }
}

/// Bindings z dz; see `label_score.wgsl`.
pub fn label_score(call: &mut TwinCall) {
    let Label { rows, classes, label } = call.params();
    let [z, dz] = call.bufs();
    for (_, range) in ranges(Logits { rows, classes }) {
        let z = &z.f()[range.clone()];
        let lse = log_sum_exp(z);
        let weight = (0.5 * (z[label as usize] - lse)).exp();
        for (c, (out, v)) in dz.f_mut()[range].iter_mut().zip(z).enumerate() {
            *out = weight * ((v - lse).exp() - f64::from(u8::from(c == label as usize)));
        }
    }
}

/// Bindings x squares weight y; see `clip_rows.wgsl`.
pub fn clip_rows(call: &mut TwinCall) {
    let p: Clip = call.params();
    let weighted = call.set("WEIGHT") == 1;
    let [x, squares, weight, y] = call.bufs();
    let (x, squares, weight, clip) = (x.f(), squares.f(), weight.f(), f64::from(p.clip));
    for (i, y) in y.f_mut().iter_mut().enumerate() {
        let n = i / p.classes as usize;
        let norm = squares[n].sqrt();
        let bounded = if norm > clip { clip / norm } else { 1.0 };
        let factor = bounded * if weighted { weight[n] } else { 1.0 };
        *y = if factor == 0.0 { 0.0 } else { factor * x[i] };
    }
}
