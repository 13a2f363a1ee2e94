//! Both passes of a network with a derivative beside every buffer of theirs.

use super::{Buffers, Into, Net, Rig, get, numbers, put};
use crate::engine::{Buf, Engine, Program, Target};
use crate::error::{Error, Result};
use crate::kernels::tangent::tangent;

/// A network's two passes, with a derivative beside every buffer of theirs.
pub struct Along {
    /// The buffers of the passes.
    pub at: Buffers,
    /// Beside theta, x, y, dy, dx and sink.
    pub homes: [Buf<f32>; 6],
    /// Forward and backward, without derivatives.
    pub both: Program,
    /// Both, each command followed by its derivative's.
    pub along: Program,
}

impl Along {
    /// Gradients go to `sink` with the scale 1.
    ///
    /// # Errors
    /// The device failed, or a kernel has no derivative.
    pub fn new(engine: &mut Engine, target: Target, net: &Net, n: usize) -> Result<Along> {
        let Rig { at, both, .. } =
            Rig::new(engine, target, net, n, Into::Mean { scale: 1.0, accumulate: false }, true)?;
        let values = at.floats();
        let mut homes = [at.theta; 6];
        for (home, value) in homes.iter_mut().zip(values) {
            *home = engine.alloc("home", value.len)?;
        }
        let mut rec = both.recording().clone();
        let seeds: Vec<_> = values.into_iter().zip(homes).filter(|(value, _)| value.len > 0).collect();
        tangent(&mut rec, &seeds)?;
        Ok(Along { at, homes, both, along: engine.compile(rec)? })
    }
}

impl Buffers {
    /// theta, x, y, dy, dx and sink.
    pub fn floats(&self) -> [Buf<f32>; 6] {
        [self.theta, self.x, self.y, self.dy, self.dx, self.sink]
    }
}

/// The derivatives of y, dx and of the weights' gradient along random directions of theta, x and dy. The values beside
/// them must be what they are without.
///
/// # Errors
/// The device failed, a kernel has no derivative, or values differ.
pub fn derivatives(engine: &mut Engine, target: Target, net: &Net, n: usize) -> Result<[Vec<f64>; 3]> {
    let mark = engine.mark();
    let found = derivatives_from(engine, target, net, n);
    engine.release(mark);
    found
}

fn derivatives_from(engine: &mut Engine, target: Target, net: &Net, n: usize) -> Result<[Vec<f64>; 3]> {
    let rig = Along::new(engine, target, net, n)?;
    let ([theta, x, _, dy, ..], [rtheta, rx, ry, rdy, rdx, rsink]) = (rig.at.floats(), rig.homes);
    let mut u = numbers(theta.len, 25);
    let start = net.theta(5);
    u.iter_mut().zip(&start).filter(|(_, t)| **t == 0.0).for_each(|(u, _)| *u = 0.0);
    put(engine, theta, &start)?;
    put(engine, rtheta, &u)?;
    for (to, seed) in [(x, 21), (dy, 22), (rx, 26), (rdy, 27)] {
        put(engine, to, &numbers(to.len, seed))?;
    }
    let values =
        |engine: &mut Engine| rig.at.floats().into_iter().map(|buf| get(engine, buf)).collect::<Result<Vec<_>>>();
    engine.run(&rig.both, &[])?;
    let alone = values(engine)?;
    engine.run(&rig.along, &[])?;
    if alone != values(engine)? {
        return Err(Error::CheckFailed(format!("{}: values differ beside derivatives", net.name)));
    }
    Ok([get(engine, ry)?, get(engine, rdx)?, get(engine, rsink)?])
}
