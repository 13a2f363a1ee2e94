//! CPU twins of the `edit` family.

use super::rows::{
    AddSign, AxisMean, Clip, Dampen, Ewc, Lerp, Masked, Noised, Precondition, Rescale, Step, Threshold, Variance,
};
use crate::base::philox::{normal, philox};
use crate::engine::TwinCall;

/// Bindings full forget theta mask; see `dampen.wgsl`.
pub fn dampen(call: &mut TwinCall) {
    let p: Dampen = call.params();
    let [full, forget, theta, mask] = call.bufs();
    let (full, forget, theta, mask) = (full.f(), forget.f(), theta.f_mut(), mask.f_mut());
    for i in 0..p.len as usize {
        let chosen = forget[i] > f64::from(p.alpha) * full[i];
        mask[i] = f64::from(u8::from(chosen));
        if chosen {
            theta[i] *= (f64::from(p.lambda) * full[i] / forget[i]).min(1.0);
        }
    }
}

/// The variance of Fisher forgetting.
fn inverse(fisher: f64, alpha: f32, clamp: f32, eps: f32) -> f64 {
    f64::from(alpha) * (1.0 / (fisher + f64::from(eps))).min(f64::from(clamp))
}

/// Bindings source seed theta; see `noise.wgsl`.
pub fn noise(call: &mut TwinCall) {
    let p: Noised = call.params();
    let is_variance = call.set("VARIANCE") == 1;
    let [source, seed, theta] = call.bufs();
    let (source, seed, theta) = (source.f(), seed.u(), theta.f_mut());
    for i in 0..p.len as usize {
        let v = if is_variance { source[i] } else { inverse(source[i], p.alpha, p.clamp_at, p.eps) };
        let z = normal(philox([i as u32 / 4, p.stream, seed[2], 0], [seed[0], seed[1]]));
        theta[i] += v.sqrt() * z[i % 4];
    }
}

/// Bindings fisher variance; see `variance.wgsl`.
pub fn variance(call: &mut TwinCall) {
    let p: Variance = call.params();
    let [fisher, variance] = call.bufs();
    let (fisher, variance) = (fisher.f(), variance.f_mut());
    (0..p.len as usize).for_each(|i| variance[i] = inverse(fisher[i], p.alpha, p.clamp_at, p.eps));
}

/// Binding x; see `axis_mean.wgsl`.
pub fn axis_mean(call: &mut TwinCall) {
    let p: AxisMean = call.params();
    let [x] = call.bufs();
    let x = x.f_mut();
    let (axis, inner) = (p.axis as usize, p.inner as usize);
    for (o, i) in (0..p.outer as usize).flat_map(|o| (0..inner).map(move |i| (o, i))) {
        let at = |a: usize| (o * axis + a) * inner + i;
        let mean = (0..axis).map(|a| x[at(a)]).sum::<f64>() / axis as f64;
        (0..axis).for_each(|a| x[at(a)] = mean);
    }
}

/// Bindings grad fisher mean_fisher d; see `precondition.wgsl`.
pub fn precondition(call: &mut TwinCall) {
    let p: Precondition = call.params();
    let [grad, fisher, mean_fisher, d] = call.bufs();
    let (grad, fisher, mean_fisher, d) = (grad.f(), fisher.f(), mean_fisher.f()[0], d.f_mut());
    for i in 0..p.len as usize {
        let divisor = fisher[i] + f64::from(p.delta) * mean_fisher;
        d[i] = if divisor == 0.0 { 0.0 } else { grad[i] / divisor };
    }
}

/// Bindings num2 den2 d; see `rescale.wgsl`.
pub fn rescale(call: &mut TwinCall) {
    let p: Rescale = call.params();
    let [num2, den2, d] = call.bufs();
    let (num2, den2, d) = (num2.f()[0], den2.f()[0], d.f_mut());
    let factor = if den2 > 0.0 { (num2 / den2).sqrt() } else { 0.0 };
    d[..p.len as usize].iter_mut().for_each(|v| *v *= factor);
}

/// Bindings norm2 g; see `clip.wgsl`.
pub fn clip(call: &mut TwinCall) {
    let p: Clip = call.params();
    let [norm2, g] = call.bufs();
    let (norm, g) = (norm2.f()[0].sqrt(), g.f_mut());
    let factor = if norm > f64::from(p.max_norm) { f64::from(p.max_norm) / norm } else { 1.0 };
    g[..p.len as usize].iter_mut().for_each(|v| *v *= factor);
}

/// Bindings fisher mean_fisher theta theta0 grad; see `ewc.wgsl`.
pub fn ewc(call: &mut TwinCall) {
    let p: Ewc = call.params();
    let [fisher, mean_fisher, theta, theta0, grad] = call.bufs();
    let (fisher, mean, theta, theta0) = (fisher.f(), mean_fisher.f()[0], theta.f(), theta0.f());
    let grad = grad.f_mut();
    if mean > 0.0 {
        (0..p.len as usize).for_each(|i| grad[i] += f64::from(p.lambda) * fisher[i] / mean * (theta[i] - theta0[i]));
    }
}

/// Bindings m x; see `mask.wgsl`.
pub fn mask(call: &mut TwinCall) {
    let p: Masked = call.params();
    let [m, x] = call.bufs();
    let (m, x) = (m.f(), x.f_mut());
    (0..p.len as usize).for_each(|i| x[i] *= m[i]);
}

/// Bindings m origin x; see `restore.wgsl`.
pub fn restore(call: &mut TwinCall) {
    let p: Masked = call.params();
    let [m, origin, x] = call.bufs();
    let (m, origin, x) = (m.f(), origin.f(), x.f_mut());
    (0..p.len as usize).filter(|i| m[*i] == 0.0).for_each(|i| x[i] = origin[i]);
}

/// Bindings b a; see `lerp.wgsl`.
pub fn lerp(call: &mut TwinCall) {
    let p: Lerp = call.params();
    let [b, a] = call.bufs();
    let (b, a) = (b.f(), a.f_mut());
    (0..p.len as usize).for_each(|i| a[i] += f64::from(p.t) * (b[i] - a[i]));
}

/// Bindings d lr theta; see `step.wgsl`.
pub fn step(call: &mut TwinCall) {
    let p: Step = call.params();
    let [d, lr, theta] = call.bufs();
    let (d, lr, theta) = (d.f(), lr.f()[0], theta.f_mut());
    (0..p.len as usize).for_each(|i| theta[i] += f64::from(p.sign) * lr * d[i]);
}

/// Bindings theta t g; see `add_sign.wgsl`.
pub fn add_sign(call: &mut TwinCall) {
    let p: AddSign = call.params();
    let [theta, t, g] = call.bufs();
    let (theta, t, g) = (theta.f(), t.f()[0], g.f_mut());
    // Not `signum`, which gives a zero the sign that it carries.
    let sign = |v: f64| f64::from(i8::from(v > 0.0) - i8::from(v < 0.0));
    (0..p.len as usize).for_each(|i| g[i] += t * sign(theta[i]));
}

/// Bindings num den m; see `threshold.wgsl`.
pub fn threshold(call: &mut TwinCall) {
    let p: Threshold = call.params();
    let [num, den, m] = call.bufs();
    let (num, den, m) = (num.f(), den.f(), m.f_mut());
    (0..p.len as usize).for_each(|i| m[i] = f64::from(u8::from(num[i] > f64::from(p.gamma) * den[i])));
}
