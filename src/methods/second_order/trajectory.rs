//! Where a training was and went, step by step, and what that says of another one beside it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::engine::{Buf, Data, Program, Recording};
use crate::error::Result;
use crate::kernels::linear::{self, Mat};
use crate::kernels::map::{self, Binary};
use crate::kernels::{edit, reduce};
use crate::methods::second_order::compact::{PAIRS, compact};
use crate::records::Session;
use crate::train::Replay;

/// w_t and g_t of every step, on the engine, in as many buffers as bindings ask for.
pub(in crate::methods) struct Trajectory {
    /// Parameters, gradients.
    tables: [Vec<Buf<f32>>; 2],
    /// Steps of a buffer.
    per_chunk: usize,
    width: usize,
}

impl Trajectory {
    /// Bytes that so many steps take.
    pub fn bytes(session: &Session, steps: usize) -> u64 {
        (steps as u64).saturating_mul(8 * session.model.layout.total() as u64)
    }

    /// # Errors
    /// No memory.
    pub fn new(session: &mut Session, steps: usize) -> Result<Trajectory> {
        let width = session.model.layout.total();
        let per_chunk = (session.engine.max_binding() / width.max(1)).max(1);
        let mut tables = [Vec::new(), Vec::new()];
        for (name, table) in ["trajectory.w", "trajectory.g"].into_iter().zip(&mut tables) {
            for first in (0..steps).step_by(per_chunk) {
                table.push(session.engine.alloc(name, per_chunk.min(steps - first) * width)?);
            }
        }
        Ok(Trajectory { tables, per_chunk, width })
    }

    /// Keeps the session's parameters and what lies in its scratch vector as those of step `t`.
    pub fn keep(&mut self, session: &mut Session, replay: &mut Replay, t: usize) -> Result<()> {
        let from = t % self.per_chunk * self.width;
        let place = |table: &Vec<Buf<f32>>| table[t / self.per_chunk].range(from..from + self.width);
        let (w, g) = (place(&self.tables[0]), place(&self.tables[1]));
        let (theta, grad) = (session.theta, session.grad);
        replay.run(session, |rec| {
            rec.copy(theta, w);
            rec.copy(grad, g);
            Ok(())
        })?;
        Ok(())
    }

    /// Records `out` = row `t` [1] of the parameters (table 0) or of the gradients (table 1).
    fn record_row(&self, rec: &mut Recording, table: usize, t: Buf<u32>, out: Buf<f32>) {
        for (i, chunk) in self.tables[table].iter().enumerate() {
            map::gather_rows(rec, *chunk, i * self.per_chunk, chunk.len / self.width, self.width, t, out);
        }
    }
}

/// Columns that one thread of a product adds up: fewer than a software adapter's loops take.
const COLUMNS: usize = 4096;

/// Least s · y in parts of ‖s‖ ‖y‖: below it the loss is not convex along s, and the matrix of such a pair blows up.
const LEAST_CURVATURE: f64 = 0.1;

/// The last pairs (s, y) of a replay beside a trajectory: s = w' − w_j, y = ∇J_j(w') − g_j.
pub(in crate::methods) struct Pairs {
    /// [2 PAIRS, parameters]: s of each slot, then y of each.
    rows: Buf<f32>,
    /// Slots in use, oldest first.
    order: Vec<usize>,
    /// K of B = sigma I + rowsᵀ K rows, and sigma.
    matrix: Buf<f32>,
    sigma: Buf<f32>,
    /// grad = g_t + B (w' − w_t) for the step given.
    correct: Program,
    /// Keeps what a correction said.
    foresee: Program,
    /// s and y of the step given, with their inner products and the squared error of what was foreseen.
    look: Program,
    s: Buf<f32>,
    y: Buf<f32>,
    /// Whether the last correction that was looked at was near enough.
    trusted: bool,
    /// grad *= all / left.
    rescale: HashMap<(usize, usize), Program>,
}

impl Pairs {
    /// No pairs yet. One set in a session at a time.
    pub fn new(session: &mut Session, kept: &Trajectory) -> Result<Pairs> {
        let total = session.model.layout.total();
        let rows = session.engine.alloc("delta_grad.rows", 2 * PAIRS * total)?;
        let matrix = session.engine.alloc("delta_grad.matrix", 4 * PAIRS * PAIRS)?;
        let sigma = session.scalar("delta_grad.sigma")?;
        let (s, y) = (session.vector("delta_grad.s")?, session.vector("delta_grad.y")?);
        session.run(|rec| {
            rec.clear(rows);
            rec.clear(matrix);
            Ok(())
        })?;
        let correct = Pairs::correction(session, kept, rows, matrix, sigma)?;
        let (foreseen, grad) = (session.vector("delta_grad.foreseen")?, session.grad);
        let mut rec = session.recording();
        rec.copy(grad, foreseen);
        let foresee = session.compile(rec)?;
        let look = Pairs::observation(session, kept, [s, y, foreseen])?;
        let (order, rescale, trusted) = (Vec::new(), HashMap::new(), true);
        Ok(Pairs { rows, order, matrix, sigma, correct, foresee, look, s, y, trusted, rescale })
    }

    fn correction(
        session: &mut Session,
        kept: &Trajectory,
        rows: Buf<f32>,
        matrix: Buf<f32>,
        sigma: Buf<f32>,
    ) -> Result<Program> {
        let (theta, grad) = (session.theta, session.grad);
        let mut rec = session.recording();
        let t = rec.temp::<u32>("step", 1);
        rec.upload(t);
        let [w, v] = ["w", "v"].map(|name| rec.temp(name, theta.len));
        let [along, weights] = ["along", "weights"].map(|name| rec.temp(name, 2 * PAIRS));
        kept.record_row(&mut rec, 0, t, w);
        map::binary(&mut rec, Binary::Sub, theta, w, v);
        kept.record_row(&mut rec, 1, t, grad);
        let (a, side) = (Mat::new(rows, 2 * PAIRS, theta.len), 2 * PAIRS);
        record_products(&mut rec, (a, theta.len), v, |part| Mat::new(v.range(part.clone()), part.len(), 1), along);
        let k = Mat::new(matrix, side, side);
        linear::product(&mut rec, k, Mat::new(along, side, 1), along, weights, linear::Product::default());
        edit::step(&mut rec, grad, v, sigma, 1.0);
        let add = linear::Product { beta: 1.0, ..linear::Product::default() };
        linear::product(&mut rec, a.t(), Mat::new(weights, side, 1), weights, grad, add);
        session.compile(rec)
    }

    fn observation(session: &mut Session, kept: &Trajectory, [s, y, foreseen]: [Buf<f32>; 3]) -> Result<Program> {
        let (theta, grad) = (session.theta, session.grad);
        let mut rec = session.recording();
        let t = rec.temp::<u32>("step", 1);
        rec.upload(t);
        for (table, now, out) in [(0, theta, s), (1, grad, y)] {
            let then = rec.temp("then", now.len);
            kept.record_row(&mut rec, table, t, then);
            map::binary(&mut rec, Binary::Sub, now, then, out);
        }
        let error = rec.temp("error", grad.len);
        map::binary(&mut rec, Binary::Sub, grad, foreseen, error);
        for (a, b) in [(s, s), (s, y), (y, y), (error, error)] {
            let (each, sum) = (rec.temp("each", a.len), rec.temp("sum", 1));
            map::binary(&mut rec, Binary::Mul, a, b, each);
            reduce::total(&mut rec, each, sum, 1.0, false);
            rec.readback(sum);
        }
        session.compile(rec)
    }

    /// Whether there is a correction, and the last one that was looked at was near enough.
    pub fn serve(&self) -> bool {
        self.trusted && !self.order.is_empty()
    }

    /// Submits what the correction says of step `t`, to be held against the gradient in [`Pairs::learn`].
    pub fn foresee(&self, session: &mut Session, replay: &mut Replay, t: usize) -> Result<()> {
        self.correct(session, replay, t)?;
        replay.submit(session, &self.foresee, &[])
    }

    /// Learns from step `t`, which was foreseen and whose whole batch's gradient lies in the session's scratch vector.
    /// The correction is trusted as long as its error is at most `trust` times what it corrects.
    pub fn learn(&mut self, session: &mut Session, replay: &mut Replay, t: usize, trust: f64) -> Result<()> {
        replay.wait(session)?;
        let out = session.engine.run(&self.look, &[Data::U32(vec![t as u32])])?;
        let [ss, sy, yy, error] = [0, 1, 2, 3].map(|i| f64::from(out[i].f32()[0]));
        if !self.order.is_empty() && yy > 0.0 {
            self.trusted = error <= trust * trust * yy;
        }
        // Also before the first forgotten record was due, when both are where they were.
        if sy.is_nan() || sy <= LEAST_CURVATURE * (ss * yy).sqrt() {
            return Ok(());
        }
        let slot = if self.order.len() < PAIRS { self.order.len() } else { self.order.remove(0) };
        self.order.push(slot);
        let (rows, total, s, y) = (self.rows, session.theta.len, self.s, self.y);
        let row = |i: usize| rows.range(i * total..(i + 1) * total);
        let out = session.run(|rec| {
            rec.copy(s, row(slot));
            rec.copy(y, row(PAIRS + slot));
            let (a, gram) = (Mat::new(rows, 2 * PAIRS, total), rec.temp("gram", 4 * PAIRS * PAIRS));
            record_products(rec, (a, total), s, |part| a.columns(part).t(), gram);
            rec.readback(gram);
            Ok(())
        })?;
        let gram: Vec<f64> = out[0].f32().iter().map(|v| f64::from(*v)).collect();
        let (sigma, k) = compact(&gram, &self.order)?;
        session.engine.write(self.sigma, &[sigma as f32])?;
        session.engine.write(self.matrix, &k.iter().map(|v| *v as f32).collect::<Vec<_>>())
    }

    /// Submits grad = g_t + B (w' − w_t).
    pub fn correct(&self, session: &mut Session, replay: &mut Replay, t: usize) -> Result<()> {
        replay.submit(session, &self.correct, &[Data::U32(vec![t as u32])])
    }

    /// Submits grad *= all / left.
    pub fn rescale(&mut self, session: &mut Session, replay: &mut Replay, key: (usize, usize)) -> Result<()> {
        let program = match self.rescale.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let mut rec = session.recording();
                let (zero, grad) = (rec.temp("zero", session.grad.len), session.grad);
                rec.clear(zero);
                map::axpby(&mut rec, 0.0, zero, (key.0 as f64 / key.1 as f64) as f32, grad);
                free.insert(session.compile(rec)?)
            }
        };
        replay.submit(session, program, &[])
    }
}

/// Records `out` = A B for a wide A of `total` columns, `b(columns of A)` being the rows of B that go with them; `bias`
/// is bound and unused.
fn record_products(
    rec: &mut Recording,
    (a, total): (Mat, usize),
    bias: Buf<f32>,
    b: impl Fn(std::ops::Range<usize>) -> Mat,
    out: Buf<f32>,
) {
    for from in (0..total).step_by(COLUMNS) {
        let part = from..total.min(from + COLUMNS);
        let beta = if from == 0 { 0.0 } else { 1.0 };
        let product = linear::Product { beta, ..linear::Product::default() };
        linear::product(rec, a.columns(part.clone()), b(part), bias, out, product);
    }
}
