//! Networks compiled for a batch and a sink, run, and their outputs compared.

use super::Net;
use super::blocks::Blocks;
use crate::engine::case::Gen;
use crate::engine::{Buf, Engine, Lane, Program, Recording, Target};
use crate::error::{Error, Result};
use crate::nn::{Sink, SquaredNorms, Values};

/// What becomes of the weight gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Into {
    /// Gradients, summed over the records.
    Mean {
        /// Factor on the sum.
        scale: f32,
        /// Adds where true, replaces else.
        accumulate: bool,
    },
    /// Squares of each record's gradient, summed.
    SquareSum {
        /// Adds where true, replaces else.
        accumulate: bool,
    },
    /// A row for each record.
    PerSample,
    /// Squared norms of each record's gradient.
    Norms,
    /// Inner products of the records' gradients.
    Gram,
}

impl Into {
    /// What a sink starts from; `before` is given per element of the flat vector, the same for every row of a slab.
    /// Norms are overwritten, inner products added to.
    fn start(self, net: &Net, n: usize, before: &[f64]) -> Vec<f64> {
        match self {
            Into::Mean { .. } | Into::SquareSum { .. } => before.to_vec(),
            Into::PerSample => before.repeat(n),
            Into::Norms => vec![-1.0; SquaredNorms::elements(&net.layout, n)],
            Into::Gram => vec![0.5; n * n],
        }
    }
}

/// The kept buffers of a rig.
#[derive(Clone, Copy)]
pub struct Buffers {
    /// Parameters.
    pub theta: Buf<f32>,
    /// Running statistics, where there are any.
    pub state: Option<Buf<f32>>,
    /// Input.
    pub x: Buf<f32>,
    /// Output.
    pub y: Buf<f32>,
    /// Gradient of the loss by the output.
    pub dy: Buf<f32>,
    /// Gradient of the loss by the input.
    pub dx: Buf<f32>,
    /// What became of the weight gradients.
    pub sink: Buf<f32>,
    pub(super) step: Buf<u32>,
    pub(super) blocks: Option<Blocks>,
}

impl Buffers {
    /// What the network computes with.
    pub fn values(&self) -> Values {
        Values { theta: self.theta, state: self.state }
    }
}

/// A network compiled for a batch size and a sink: the forward pass alone, and both passes.
pub struct Rig {
    /// The buffers of both programs.
    pub at: Buffers,
    /// The forward pass alone.
    pub forward: Program,
    /// Forward and backward.
    pub both: Program,
}

impl Rig {
    /// With the kernel variants for `target`. `dx` asks for the input's gradient too, where it has one.
    pub fn new(engine: &mut Engine, target: Target, net: &Net, n: usize, into: Into, dx: bool) -> Result<Rig> {
        let (inputs, outputs) = (n * net.input.iter().product::<usize>(), n * net.output.iter().product::<usize>());
        let (total, state) = (net.layout.total(), net.state(9));
        let dx = dx && !net.sparse;
        let sparse = net.sparse.then(|| net.shape[0]);
        let blocks = if net.graph { Some(Blocks::new(engine, n, sparse, net.edge_dim())?) } else { None };
        let at = Buffers {
            theta: engine.alloc("theta", total)?,
            state: if state.is_empty() { None } else { Some(engine.alloc("state", state.len())?) },
            x: engine.alloc("x", inputs)?,
            y: engine.alloc("y", outputs)?,
            dy: engine.alloc("dy", outputs)?,
            dx: engine.alloc("dx", if net.sparse { 0 } else { inputs })?,
            sink: engine.alloc("sink", into.start(net, n, &vec![0.0; total]).len())?,
            step: engine.alloc("step", 4)?,
            blocks,
        };
        engine.write(at.step, &[7, 0, 3, 0])?;
        if let Some(to) = at.state {
            put(engine, to, &state)?;
        }
        let sink = match into {
            Into::Mean { scale, accumulate } => Sink::Mean { grad: at.sink, scale, accumulate },
            Into::SquareSum { accumulate } => Sink::SquareSum { squares: at.sink, accumulate },
            Into::PerSample => Sink::PerSample { slab: at.sink },
            Into::Norms => Sink::Norms { parts: at.sink },
            Into::Gram => Sink::Gram { gram: at.sink },
        };
        let mut forward = Recording::new(target);
        let (y, _) = net.forward(&mut forward, &at, n)?;
        forward.copy(y, at.y);
        let mut both = Recording::new(target);
        let (y, tape) = net.forward(&mut both, &at, n)?;
        both.copy(y, at.y);
        net.backward(&mut both, &at, &tape, sink, dx)?;
        Ok(Rig { at, forward: engine.compile(forward)?, both: engine.compile(both)? })
    }
}

/// Writes a range, exactly on the reference engine.
///
/// # Errors
/// The device failed.
pub fn put(engine: &mut Engine, to: Buf<f32>, values: &[f64]) -> Result<()> {
    match engine.as_reference() {
        Some(r) => r.store(to.any(), &Lane::F32(values.to_vec())),
        None => engine.write(to, &values.iter().map(|v| *v as f32).collect::<Vec<_>>())?,
    }
    Ok(())
}

/// Reads a range, exactly on the reference engine.
///
/// # Errors
/// The device failed.
pub fn get(engine: &mut Engine, from: Buf<f32>) -> Result<Vec<f64>> {
    match engine.as_reference() {
        Some(r) => Ok(r.load(from.any()).f().to_vec()),
        None => Ok(engine.read(from)?.into_iter().map(f64::from).collect()),
    }
}

/// Random numbers in (−1, 1) that f32 holds exactly.
pub fn numbers(n: usize, seed: u64) -> Vec<f64> {
    Gen::new(seed).values(n).into_iter().map(f64::from).collect()
}

/// The buffers that a run of both passes leaves.
pub struct Found {
    /// The output.
    pub y: Vec<f64>,
    /// Gradient of the loss by the input.
    pub dx: Vec<f64>,
    /// What became of the weight gradients.
    pub sink: Vec<f64>,
}

/// Runs the forward pass alone, then both passes; the outputs must be the same to the last bit. `x` and `dy` hold whole
/// records; `before` is what the sink starts from, given per element of the flat vector (0 between parameters), the
/// same for every row of a slab.
///
/// # Errors
/// The device failed, an adapter lacks a feature, or the two passes disagree.
pub fn run(
    engine: &mut Engine,
    target: Target,
    net: &Net,
    into: Into,
    [x, dy, before]: [&[f64]; 3],
    dx: bool,
) -> Result<Found> {
    let n = x.len() / net.input.iter().product::<usize>();
    let mark = engine.mark();
    let rig = Rig::new(engine, target, net, n, into, dx)?;
    let at = rig.at;
    let start = into.start(net, n, before);
    for (to, values) in [(at.theta, &net.theta(5)[..]), (at.x, x), (at.dy, dy), (at.sink, &start)] {
        put(engine, to, values)?;
    }
    engine.run(&rig.forward, &[])?;
    let alone = get(engine, at.y)?;
    engine.run(&rig.both, &[])?;
    let found = Found { y: get(engine, at.y)?, dx: get(engine, at.dx)?, sink: get(engine, at.sink)? };
    drop(rig);
    engine.release(mark);
    if alone != found.y {
        return Err(Error::CheckFailed(format!("{}: the forward pass alone gives other outputs", net.name)));
    }
    Ok(found)
}

/// Largest difference over the largest reference value; infinite where anything is not a number or lengths differ.
pub fn gap(got: &[f64], want: &[f64]) -> f64 {
    if got.len() != want.len() || got.iter().chain(want).any(|v| !v.is_finite()) {
        return f64::INFINITY;
    }
    let top = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, |a: f64, b| a.max(b.abs()));
    let difference = top(&mut got.iter().zip(want).map(|(g, w)| g - w));
    if difference == 0.0 { 0.0 } else { difference / top(&mut want.iter().copied()) }
}
