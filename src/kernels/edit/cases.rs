//! Cases of the `edit` family.

mod asked;

pub use asked::asked;

use super::*;
use crate::engine::Target;
use crate::engine::case::{Case, Gen, Hazard};

/// One thread, ragged tails of every length, a prime, and enough for a few workgroups.
const LENGTHS: &[usize] = &[1, 2, 7, 64, 257, 1999, 4096, 0];

/// A parameter vector of a small network, and one that folds the grid in workgroups of one thread.
const TYPICAL: usize = 1 << 18;
const MANY: usize = 4 * 70_001;

/// Every edit at every length.
pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for make in EDITS {
        all.extend(LENGTHS.iter().map(|n| make(*n)));
        all.push(make(TYPICAL).timed());
        all.push(make(MANY).folded());
    }
    for (outer, axis, inner) in [(1, 1, 1), (5, 7, 1), (120, 400, 1), (16, 6, 25), (3, 1, 4), (1, 31, 2), (0, 3, 5)] {
        all.push(axis_mean_case(outer, axis, inner));
    }
    all.push(axis_mean_case(256, 784, 1).timed());
    all.push(axis_mean_case(70_001, 2, 1).folded());
    // More than the 65 535 turns that llvmpipe gives the loops of a thread, were they single.
    all.push(axis_mean_case(2, 66_667, 1));
    all.extend([0.0, 1.0, 25.0].map(|alpha| dampen_case(500, alpha, 0.5)));
    all.extend([scalar_case("den2 0", 9.0, 0.0), scalar_case("den2 tiny", 1e10, 1e-30)]);
    all.extend([0.0, 0.5].map(clip_case));
    all.extend([precondition_case(100, 0.0, 0.5), precondition_case(100, 0.1, 0.0), ewc_case(100, 0.0)]);
    all.extend([padding_case(5), padding_case(6), padding_case(7), zeros_stay()]);
    all
}

/// Every edit at one random length.
pub fn random(g: &mut Gen) -> Vec<Case> {
    let n = g.size(1, 20_000);
    let mut all: Vec<Case> = EDITS.iter().map(|make| make(n)).collect();
    all.push(axis_mean_case(g.size(1, 60), g.size(1, 60), g.size(1, 30)));
    all
}

/// One case of a given length per edit.
const EDITS: &[fn(usize) -> Case] = &[
    |n| dampen_case(n, 1.5, 1.0),
    |n| noise_case(n, 0),
    noise_from_case,
    variance_case,
    |n| precondition_case(n, 0.1, 0.5),
    rescale_case,
    |n| clip_length(n, 2.0, 9.0),
    |n| ewc_case(n, 0.5),
    mask_case,
    restore_case,
    lerp_case,
    step_case,
    add_sign_case,
    threshold_case,
];

fn new(what: &str, n: usize) -> (Case, Gen) {
    (Case::new(format!("edit.{what} {n}"), Target::default()), Gen::new(n as u64 + 5))
}

fn dampen_case(n: usize, alpha: f32, lambda: f32) -> Case {
    let (mut case, mut g) = new("dampen", n);
    case.name.push_str(&format!(" alpha {alpha} lambda {lambda}"));
    let mut full = g.between(n, 0.0, 1.0);
    let mut forget = g.between(n, 0.0, 3.0);
    // Neither seen, seen by neither, equal: none of them is `greater`.
    for i in (0..n).step_by(5) {
        (full[i], forget[i]) = [(0.0, 0.0), (0.5, 0.0), (0.25, 0.25), (0.0, 0.5)][i / 5 % 4];
    }
    let theta = case.inout("theta", g.values(n));
    let full = case.input("full", full);
    let forget = case.input("forget", forget);
    let mask = case.output("mask", n);
    dampen(&mut case.rec, theta, full, forget, mask, alpha, lambda);
    case.hazard(Hazard::Compared, &["full", "forget"])
}

fn noise_case(n: usize, stream: u32) -> Case {
    let (mut case, mut g) = new("noise", n);
    let mut fisher = g.between(n, 0.0, 0.01);
    // Unseen elements meet the clamp.
    fisher.iter_mut().step_by(3).for_each(|f| *f = 0.0);
    let theta = case.inout("theta", g.values(n));
    let fisher = case.input("fisher", fisher);
    let seed = case.input_u32("seed", vec![n as u32 + 1, 77, 3, 0]);
    noise(&mut case.rec, theta, fisher, Noise { alpha: 0.01, clamp: 1e3, eps: 1e-8, stream }, seed);
    case.hazard(Hazard::Compared, &["fisher"]).tolerance(1e-5, 1e-5)
}

fn noise_from_case(n: usize) -> Case {
    let (mut case, mut g) = new("noise", n);
    case.name.push_str(" from a variance");
    let theta = case.inout("theta", g.values(n));
    let variance = case.input("variance", g.between(n, 0.0, 2.0));
    let seed = case.input_u32("seed", vec![n as u32, u32::MAX, 12, 0]);
    noise_from(&mut case.rec, theta, variance, seed, 9);
    case.tolerance(1e-5, 1e-5)
}

/// A tensor that ends inside a vec4: what follows it in the buffer is padding and gets no noise.
fn padding_case(n: usize) -> Case {
    let (mut case, mut g) = new("noise", n);
    case.name.push_str(" of 12");
    let mut values = g.values(n);
    values.resize(12, 0.0);
    let theta = case.inout("theta", values);
    let fisher = case.input("fisher", vec![0.0; 12]);
    let seed = case.input_u32("seed", vec![1, 2, 3, 0]);
    let options = Noise { alpha: 0.01, clamp: 1e3, eps: 1e-8, stream: 4 };
    noise(&mut case.rec, theta.range(0..n), fisher.range(0..n), options, seed);
    case.hazard(Hazard::Compared, &["fisher"]).tolerance(1e-5, 1e-5)
}

fn variance_case(n: usize) -> Case {
    let (mut case, mut g) = new("variance", n);
    let fisher = case.input("fisher", g.between(n, 0.0, 0.01));
    let out = case.output("variance", n);
    variance(&mut case.rec, fisher, out, 3e-6, 250.0, 1e-4);
    case.hazard(Hazard::Compared, &["fisher"])
}

fn axis_mean_case(outer: usize, axis: usize, inner: usize) -> Case {
    let (mut case, mut g) = new("axis_mean", outer);
    case.name.push_str(&format!("x{axis}x{inner}"));
    let x = case.inout("x", g.values(outer * axis * inner));
    axis_mean(&mut case.rec, x, outer, axis, inner);
    case
}

fn precondition_case(n: usize, delta: f32, mean: f32) -> Case {
    let (mut case, mut g) = new("precondition", n);
    case.name.push_str(&format!(" delta {delta} mean {mean}"));
    let mut fisher = g.between(n, 0.0, 1.0);
    fisher.iter_mut().skip(1).step_by(4).for_each(|f| *f = 0.0);
    let grad = case.input("grad", g.values(n));
    let fisher = case.input("fisher", fisher);
    let mean = case.input("mean_fisher", vec![mean]);
    let d = case.output("d", n);
    precondition(&mut case.rec, grad, fisher, mean, delta, d);
    case.hazard(Hazard::Compared, &["fisher", "mean_fisher"])
}

fn rescale_case(n: usize) -> Case {
    let (mut case, mut g) = new("rescale", n);
    let d = case.inout("d", g.values(n));
    let num2 = case.input("num2", vec![3.7]);
    let den2 = case.input("den2", vec![0.9]);
    rescale(&mut case.rec, d, num2, den2);
    case.hazard(Hazard::Compared, &["den2"])
}

fn scalar_case(note: &str, num2: f32, den2: f32) -> Case {
    let (mut case, mut g) = new("rescale", 99);
    case.name.push_str(&format!(" {note}"));
    let d = case.inout("d", g.between(99, -1e-15, 1e-15));
    let num2 = case.input("num2", vec![num2]);
    let den2 = case.input("den2", vec![den2]);
    rescale(&mut case.rec, d, num2, den2);
    case.hazard(Hazard::Compared, &["den2"])
}

fn clip_case(norm2: f32) -> Case {
    let mut case = clip_length(33, 2.0, norm2);
    case.name.push_str(&format!(" norm2 {norm2}"));
    case
}

fn clip_length(n: usize, max_norm: f32, norm2: f32) -> Case {
    let (mut case, mut g) = new("clip", n);
    let v = case.inout("g", g.values(n));
    let norm2 = case.input("norm2", vec![norm2]);
    clip(&mut case.rec, v, norm2, max_norm);
    case.hazard(Hazard::Compared, &["norm2"])
}

fn ewc_case(n: usize, mean: f32) -> Case {
    let (mut case, mut g) = new("ewc", n);
    case.name.push_str(&format!(" mean {mean}"));
    let grad = case.inout("grad", g.values(n));
    let fisher = case.input("fisher", g.between(n, 0.0, 1.0));
    let mean = case.input("mean_fisher", vec![mean]);
    let theta = case.input("theta", g.values(n));
    let theta0 = case.input("theta0", g.values(n));
    ewc(&mut case.rec, grad, fisher, mean, theta, theta0, 1.7);
    case.hazard(Hazard::Compared, &["mean_fisher"]).tolerance(1e-5, 2e-6)
}

fn mask_case(n: usize) -> Case {
    let (mut case, mut g) = new("mask", n);
    let x = case.inout("x", g.values(n));
    let m = g.values(n).iter().map(|v| f32::from(u8::from(*v > 0.0))).collect();
    let m = case.input("m", m);
    mask(&mut case.rec, x, m);
    case
}

fn restore_case(n: usize) -> Case {
    let (mut case, mut g) = new("restore", n);
    let x = case.inout("x", g.values(n));
    let m = g.values(n).iter().map(|v| f32::from(u8::from(*v > 0.0))).collect();
    let (m, origin) = (case.input("m", m), case.input("origin", g.values(n)));
    restore(&mut case.rec, x, m, origin);
    case.hazard(Hazard::Compared, &["m"]).tolerance(0.0, 0.0)
}

fn lerp_case(n: usize) -> Case {
    let (mut case, mut g) = new("lerp", n);
    let a = case.inout("a", g.values(n));
    let b = case.input("b", g.values(n));
    lerp(&mut case.rec, a, b, 0.3);
    case
}

fn step_case(n: usize) -> Case {
    let (mut case, mut g) = new("step", n);
    let theta = case.inout("theta", g.values(n));
    let d = case.input("d", g.values(n));
    let lr = case.input("lr", vec![0.02]);
    step(&mut case.rec, theta, d, lr, if n.is_multiple_of(2) { 1.0 } else { -1.0 });
    case
}

/// Zeros of either sign among the parameters, as a pruned network has them.
fn add_sign_case(n: usize) -> Case {
    let (mut case, mut draw) = new("add_sign", n);
    let mut values = draw.values(n);
    values.iter_mut().step_by(3).for_each(|v| *v = 0.0);
    values.iter_mut().skip(1).step_by(9).for_each(|v| *v = -0.0);
    let g = case.inout("g", draw.values(n));
    let theta = case.input("theta", values);
    let t = case.input("t", vec![0.03]);
    add_sign(&mut case.rec, g, theta, t);
    case.hazard(Hazard::Compared, &["theta"])
}

fn threshold_case(n: usize) -> Case {
    let (mut case, mut g) = new("threshold", n);
    let mut num = g.between(n, 0.0, 2.0);
    let mut den = g.between(n, 0.0, 2.0);
    for i in (0..n).step_by(6) {
        (num[i], den[i]) = if i % 4 == 0 { (0.0, 0.0) } else { (0.75, 0.5) };
    }
    let num = case.input("num", num);
    let den = case.input("den", den);
    let m = case.output("m", n);
    threshold(&mut case.rec, num, den, 1.5, m);
    case.hazard(Hazard::Compared, &["num", "den"])
}

/// Ranges between tensors hold 0 in parameters, gradients and Fisher diagonals, and keep it through every edit that is
/// recorded over whole vectors.
fn zeros_stay() -> Case {
    let (mut case, _) = new("dampen", 64);
    case.name.push_str(" zeros stay zero through every edit");
    let [theta, grad, x] = ["theta", "grad", "x"].map(|name| case.inout(name, vec![0.0; 64]));
    let [fisher, zero] = ["fisher", "zero"].map(|name| case.input(name, vec![0.0; 64]));
    let one = case.input("one", vec![1.0]);
    let [m, chosen, d] = ["m", "chosen", "d"].map(|name| case.output(name, 64));
    let rec = &mut case.rec;
    dampen(rec, theta, fisher, zero, m, 0.0, 1.0);
    precondition(rec, grad, fisher, one, 0.1, d);
    ewc(rec, grad, fisher, one, theta, zero, 10.0);
    rescale(rec, x, one, one);
    clip(rec, x, one, 0.5);
    mask(rec, x, m);
    restore(rec, x, m, zero);
    lerp(rec, x, zero, 0.5);
    step(rec, theta, d, one, 1.0);
    add_sign(rec, grad, theta, one);
    threshold(rec, fisher, zero, 0.0, chosen);
    case.hazard(Hazard::NotZero, &["one"]).tolerance(0.0, 0.0)
}
