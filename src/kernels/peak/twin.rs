//! Twins of the `peak` family.

use super::{CHAINS, Chains, STEPS, Triad, Walk};
use crate::engine::TwinCall;

/// Bindings x y.
pub fn copy(call: &mut TwinCall) {
    let [x, y] = call.bufs();
    y.f_mut().copy_from_slice(x.f());
}

/// Bindings a b y.
pub fn triad(call: &mut TwinCall) {
    let p: Triad = call.params();
    let [a, b, y] = call.bufs();
    for (y, (a, b)) in y.f_mut().iter_mut().zip(a.f().iter().zip(b.f())) {
        *y = a + f64::from(p.s) * b;
    }
}

/// Bindings x y.
pub fn fma(call: &mut TwinCall) {
    let p: Chains = call.params();
    let (slope, offset) = (f64::from(p.slope), f64::from(p.offset));
    let [x, y] = call.bufs();
    for (y, x) in y.f_mut().iter_mut().zip(x.f()) {
        let chain = |j: usize| (0..p.turns as usize * STEPS).fold(x + j as f64 / 32.0, |v, _| v * slope + offset);
        *y = (0..CHAINS).map(chain).sum();
    }
}

/// Bindings x y.
pub fn shared(call: &mut TwinCall) {
    let p: Walk = call.params();
    let group = call.set("WG") as usize;
    let [x, y] = call.bufs();
    let quad = |at: usize| x.f()[4 * (at % 256)..][..4].iter().sum::<f64>();
    for (i, y) in y.f_mut().iter_mut().enumerate() {
        let turn = |turn: usize| (0..4).map(|load| quad(i % group + turn + 64 * load)).sum::<f64>();
        *y = (0..p.turns as usize).map(turn).sum();
    }
}
