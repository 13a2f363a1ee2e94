//! Cases of the kernels that draw random numbers.

use super::{FOLDED, LENGTHS, arguments, new};
use crate::engine::case::{Case, Gen, Hazard};
use crate::kernels::map::{
    Binary, Unary, binary, dropout, normal, relu_dropout, relu_dropout_bwd, unary, unary_bwd, words,
};

/// Every kernel at every shape.
pub(super) fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for n in LENGTHS {
        all.push(dropout_case(n, 0.5));
        all.push(relu_dropout_case(n, 0.4));
        all.push(relu_dropout_bwd_case(n, 0.4));
        all.push(words_case(n));
        all.push(normal_case(n));
    }
    for rate in [0.0, 0.1, 0.9] {
        all.push(dropout_case(1021, rate));
        all.push(relu_dropout_case(1021, rate));
    }
    all.extend([1021, 4096].map(same_bits_case));
    all.push(dropout_case(FOLDED, 0.25).folded());
    all.push(relu_dropout_case(FOLDED, 0.25).folded());
    all.push(relu_dropout_bwd_case(FOLDED, 0.25).folded());
    all.push(words_case(FOLDED).folded());
    all.push(normal_case(FOLDED).folded());
    all.push(dropout_case(64 * 4096, 0.5).timed());
    all.push(relu_dropout_case(64 * 4096, 0.5).timed());
    all.push(relu_dropout_bwd_case(64 * 4096, 0.5).timed());
    all.push(normal_case(1 << 18).timed());
    all
}

/// A 64-bit seed, a step, and the padding word.
fn step(case: &mut Case, seed: usize) -> crate::engine::Buf<u32> {
    let mut g = Gen::new(seed as u64);
    case.input_u32("step", vec![g.word() as u32, g.word() as u32, 12_345 + seed as u32, 0])
}

fn dropout_case(n: usize, rate: f32) -> Case {
    let mut case = new(format!("map.dropout {n} rate {rate}"));
    let x = case.input("x", Gen::new(n as u64).values(n));
    let step = step(&mut case, n);
    let y = case.output("y", n);
    dropout(&mut case.rec, x, y, rate, 3, step);
    case.tolerance(1e-6, 0.0)
}

fn relu_dropout_case(n: usize, rate: f32) -> Case {
    let mut case = new(format!("map.relu_dropout {n} rate {rate}"));
    let x = case.input("x", arguments(n));
    let step = step(&mut case, n);
    let y = case.output("y", n);
    relu_dropout(&mut case.rec, x, y, rate, 5, step);
    case.hazard(Hazard::Compared, &["x"]).tolerance(1e-6, 0.0)
}

fn relu_dropout_bwd_case(n: usize, rate: f32) -> Case {
    let mut case = new(format!("map.relu_dropout_bwd {n} rate {rate}"));
    let mut g = Gen::new(n as u64 + 400);
    // As the forward pass leaves it: nothing, or a positive number, tiny ones too.
    let kept = g.values(n).iter().map(|v| if *v > 0.5 { 1e-30 } else { v.max(0.0) }).collect();
    let y = case.input("y", kept);
    let dy = case.input("dy", g.values(n));
    let dx = case.output("dx", n);
    relu_dropout_bwd(&mut case.rec, y, dy, dx, rate);
    case.hazard(Hazard::Compared, &["y"]).tolerance(1e-6, 0.0)
}

/// The fused forms against the two layers one after the other, both passes: what is written is the difference, and it
/// must be 0 to the last bit.
fn same_bits_case(n: usize) -> Case {
    let mut case = new(format!("map.relu_dropout {n} against relu then dropout"));
    let x = case.input("x", arguments(n));
    let dy = case.input("dy", Gen::new(n as u64 + 500).values(n));
    let step = step(&mut case, n);
    let [off, off_dx] = ["y off", "dx off"].map(|name| case.output(name, n));
    let rec = &mut case.rec;
    let [r, d, fused, back, dx, dx_fused] = ["r", "d", "fused", "back", "dx", "dx fused"].map(|t| rec.temp(t, n));
    unary(rec, Unary::Relu, x, r);
    dropout(rec, r, d, 0.3, 7, step);
    relu_dropout(rec, x, fused, 0.3, 7, step);
    binary(rec, Binary::Sub, fused, d, off);
    dropout(rec, dy, back, 0.3, 7, step);
    unary_bwd(rec, Unary::Relu, x, r, back, dx);
    relu_dropout_bwd(rec, fused, dy, dx_fused, 0.3);
    binary(rec, Binary::Sub, dx_fused, dx, off_dx);
    case.hazard(Hazard::Compared, &["x"]).tolerance(0.0, 0.0)
}

fn words_case(n: usize) -> Case {
    let mut case = new(format!("map.philox {n}"));
    let step = step(&mut case, n);
    let y = case.output("y", n);
    words(&mut case.rec, y, 0xdead_beef, step);
    case
}

fn normal_case(n: usize) -> Case {
    let mut case = new(format!("map.normal {n}"));
    let step = step(&mut case, n);
    let y = case.output("y", n);
    normal(&mut case.rec, y, 0.5, 11, step);
    case.tolerance(1e-6, 5e-7)
}
