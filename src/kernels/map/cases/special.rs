//! Numbers at the ends of f32: subnormal ones, which an adapter may take for 0, and infinite ones.

use super::super::{Binary, Unary, axpby, binary, unary, unary_bwd};
use super::{activation, new, slope};
use crate::engine::case::{Case, Gen};

const N: usize = 131;

pub fn cases() -> Vec<Case> {
    let mut all: Vec<Case> = Unary::ALL.map(subnormal_unary).into();
    all.extend(Unary::ALL.map(subnormal_bwd));
    all.extend(Binary::ALL.map(subnormal_binary));
    all.extend([Unary::Copy, Unary::Relu, Unary::LeakyRelu, Unary::Relu6].map(infinite_unary));
    all.push(infinite_sum());
    all
}

/// `n` subnormal numbers of both signs.
fn subnormal(n: usize) -> Vec<f32> {
    Gen::new(n as u64 + 7).values(n).iter().map(|v| v * 1e-38).collect()
}

/// A result may be off by what was taken for 0.
fn flushed(case: Case) -> Case {
    case.tolerance(1e-6, 2.0 * f64::from(f32::MIN_POSITIVE))
}

fn subnormal_unary(op: Unary) -> Case {
    let mut case = new(format!("map.unary {op:?} {N} subnormal"));
    let (x, y) = (case.input("x", subnormal(N)), case.output("y", N));
    unary(&mut case.rec, op, x, y);
    flushed(activation(case, op))
}

fn subnormal_bwd(op: Unary) -> Case {
    let mut case = new(format!("map.unary_bwd {op:?} {N} subnormal"));
    // Slopes are taken well away from 0, where flushing could change a side.
    let mut g = Gen::new(9);
    let (x, y) = (case.input("x", g.between(N, 0.5, 1.0)), case.input("y", g.between(N, 0.5, 1.0)));
    let (dy, dx) = (case.input("dy", subnormal(N)), case.output("dx", N));
    unary_bwd(&mut case.rec, op, x, y, dy, dx);
    flushed(slope(case, op))
}

fn subnormal_binary(op: Binary) -> Case {
    let mut case = new(format!("map.binary {op:?} {N} subnormal"));
    let a = case.input("a", subnormal(N));
    let b = match op {
        Binary::Mul => case.input("b", Gen::new(11).values(N)),
        _ => case.input("b", subnormal(N).into_iter().rev().collect()),
    };
    let y = case.output("y", N);
    binary(&mut case.rec, op, a, b, y);
    flushed(case)
}

/// Every third number is infinite, of both signs.
fn infinite(n: usize) -> Vec<f32> {
    let mut x = Gen::new(n as u64 + 13).values(n);
    x.iter_mut().step_by(6).for_each(|v| *v = f32::INFINITY);
    x.iter_mut().skip(3).step_by(6).for_each(|v| *v = f32::NEG_INFINITY);
    x
}

fn infinite_unary(op: Unary) -> Case {
    let mut case = new(format!("map.unary {op:?} {N} infinite"));
    let (x, y) = (case.input("x", infinite(N)), case.output("y", N));
    unary(&mut case.rec, op, x, y);
    activation(case, op).tolerance(1e-6, 0.0)
}

fn infinite_sum() -> Case {
    let mut case = new(format!("map.axpby {N} infinite"));
    let x = case.input("x", infinite(N));
    let y = case.inout("y", Gen::new(15).values(N));
    axpby(&mut case.rec, -2.0, x, 1.0, y);
    case.tolerance(1e-6, 1e-6)
}
