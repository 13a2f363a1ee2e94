//! Where a training was and went, step by step, and what that says of another one beside it.

use std::collections::HashMap;

use crate::engine::{Buf, Data, Program, Recording};
use crate::error::{Error, Result};
use crate::kernels::linear::{self, Mat};
use crate::kernels::map::{self, Binary};
use crate::kernels::{edit, reduce};
use crate::train::{Replay, Session};

/// w_t and g_t of every step, on the engine, in as many buffers as bindings ask for.
pub(super) struct Trajectory {
    /// Parameters, gradients.
    tables: [Vec<Buf<f32>>; 2],
    /// Steps of a buffer.
    per_chunk: usize,
    width: usize,
}

impl Trajectory {
    /// Bytes that so many steps take.
    pub fn bytes(session: &Session, steps: usize) -> u64 {
        8 * (steps * session.model.layout.total()) as u64
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

/// Pairs that a correction keeps; the source's m.
const PAIRS: usize = 2;

/// Columns that one thread of a product adds up: fewer than a software adapter's loops take.
const COLUMNS: usize = 4096;

/// Least s · y in parts of ‖s‖ ‖y‖: below it a pair is rounding, or the loss is not convex along it.
const LEAST_CURVATURE: f64 = 1e-4;

/// The last pairs (s, y) of a replay beside a trajectory: s = w' − w_j, y = ∇J_j(w') − g_j.
pub(super) struct Pairs {
    /// [2 PAIRS, parameters]: s of each slot, then y of each.
    rows: Buf<f32>,
    /// Slots in use, oldest first.
    order: Vec<usize>,
    /// K of B = sigma I + rowsᵀ K rows, and sigma.
    matrix: Buf<f32>,
    sigma: Buf<f32>,
    /// grad = g_t + B (w' − w_t) for the step given.
    correct: Program,
    /// s and y of the step given, with their inner products.
    look: Program,
    s: Buf<f32>,
    y: Buf<f32>,
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
        let look = Pairs::observation(session, kept, s, y)?;
        Ok(Pairs { rows, order: Vec::new(), matrix, sigma, correct, look, s, y, rescale: HashMap::new() })
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

    fn observation(session: &mut Session, kept: &Trajectory, s: Buf<f32>, y: Buf<f32>) -> Result<Program> {
        let (theta, grad) = (session.theta, session.grad);
        let mut rec = session.recording();
        let t = rec.temp::<u32>("step", 1);
        rec.upload(t);
        for (table, now, out) in [(0, theta, s), (1, grad, y)] {
            let then = rec.temp("then", now.len);
            kept.record_row(&mut rec, table, t, then);
            map::binary(&mut rec, Binary::Sub, now, then, out);
        }
        for (a, b) in [(s, s), (s, y), (y, y)] {
            let (each, sum) = (rec.temp("each", a.len), rec.temp("sum", 1));
            map::binary(&mut rec, Binary::Mul, a, b, each);
            reduce::total(&mut rec, each, sum, 1.0, false);
            rec.readback(sum);
        }
        session.compile(rec)
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Learns from step `t`, whose whole batch's gradient lies in the session's scratch vector.
    pub fn learn(&mut self, session: &mut Session, replay: &mut Replay, t: usize) -> Result<()> {
        replay.wait(session)?;
        let out = session.engine.run(&self.look, &[Data::U32(vec![t as u32])])?;
        let [ss, sy, yy] = [0, 1, 2].map(|i| f64::from(out[i].f32()[0]));
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
        if !self.rescale.contains_key(&key) {
            let mut rec = session.recording();
            let (zero, grad) = (rec.temp("zero", session.grad.len), session.grad);
            rec.clear(zero);
            map::axpby(&mut rec, 0.0, zero, (key.0 as f64 / key.1 as f64) as f32, grad);
            let program = session.compile(rec)?;
            self.rescale.insert(key, program);
        }
        let program = self.rescale.get(&key).ok_or_else(|| Error::internal("a program vanished"))?;
        replay.submit(session, program, &[])
    }
}

/// Records `out` = A B for a wide A of `total` columns, `b(columns of A)` being the rows of B that go with them; `bias` is bound
/// and unused.
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

/// sigma and K, [2 PAIRS, 2 PAIRS], of the L-BFGS matrix B = sigma I + rowsᵀ K rows that starts from sigma I, sigma = s·y / s·s of
/// the last pair: the compact form of Byrd, Nocedal & Schnabel (1994, theorem 2.3),
///
/// B = sigma I − [sigma S  Y] [[sigma SᵀS, L], [Lᵀ, −D]]⁻¹ [sigma S  Y]ᵀ,   L_ij = s_i·y_j for i > j,   D = diag(s_i·y_i).
///
/// `gram` are the inner products of the rows; slots that are not in `order` (oldest first) take no part.
fn compact(gram: &[f64], order: &[usize]) -> Result<(f64, Vec<f64>)> {
    let (p, side) = (order.len(), 2 * PAIRS);
    let of = |a: usize, b: usize| gram[a * side + b];
    let (s, y) = (|i: usize| order[i], |i: usize| PAIRS + order[i]);
    let last = p - 1;
    let sigma = of(s(last), y(last)) / of(s(last), s(last));
    let mut m = vec![vec![0.0; 2 * p]; 2 * p];
    for (i, j) in (0..p).flat_map(|i| (0..p).map(move |j| (i, j))) {
        m[i][j] = sigma * of(s(i), s(j));
        if i > j {
            m[i][p + j] = of(s(i), y(j));
            m[p + j][i] = of(s(i), y(j));
        }
    }
    (0..p).for_each(|i| m[p + i][p + i] = -of(s(i), y(i)));
    let inverse = inverse(m).ok_or_else(|| Error::Device("DeltaGrad: the pairs of its correction are one".into()))?;
    let place = |a: usize| if a < p { (s(a), sigma) } else { (y(a - p), 1.0) };
    let mut k = vec![0.0; side * side];
    for (a, b) in (0..2 * p).flat_map(|a| (0..2 * p).map(move |b| (a, b))) {
        let ((row, of_row), (col, of_col)) = (place(a), place(b));
        k[row * side + col] = -of_row * inverse[a][b] * of_col;
    }
    Ok((sigma, k))
}

/// The inverse of a small matrix by elimination with the largest pivots; none if it has none.
fn inverse(mut m: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    let n = m.len();
    for (i, row) in m.iter_mut().enumerate() {
        row.extend((0..n).map(|j| if i == j { 1.0 } else { 0.0 }));
    }
    for col in 0..n {
        let pivot = (col..n).max_by(|a, b| m[*a][col].abs().total_cmp(&m[*b][col].abs()))?;
        m.swap(col, pivot);
        let lead = m[col][col];
        if lead == 0.0 || !lead.is_finite() {
            return None;
        }
        m[col].iter_mut().for_each(|v| *v /= lead);
        let row = m[col].clone();
        for (_, other) in m.iter_mut().enumerate().filter(|(i, _)| *i != col) {
            let factor = other[col];
            other.iter_mut().zip(&row).for_each(|(v, r)| *v -= factor * r);
        }
    }
    Some(m.into_iter().map(|row| row[n..].to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::philox::{normal, philox};

    /// B by the recursion itself: B += y yᵀ / (y·s) − B s sᵀ B / (s·B s), from sigma I.
    fn bfgs(pairs: &[(Vec<f64>, Vec<f64>)]) -> Vec<Vec<f64>> {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (s, y) = &pairs[pairs.len() - 1];
        let n = s.len();
        let sigma = dot(s, y) / dot(s, s);
        let mut b: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| if i == j { sigma } else { 0.0 }).collect()).collect();
        for (s, y) in pairs {
            let bs: Vec<f64> = b.iter().map(|row| dot(row, s)).collect();
            let (sbs, ys) = (dot(s, &bs), dot(y, s));
            for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
                b[i][j] += y[i] * y[j] / ys - bs[i] * bs[j] / sbs;
            }
        }
        b
    }

    #[test]
    fn the_compact_form_is_the_recursion() {
        let n = 5;
        let vector = |what: u32| -> Vec<f64> { (0..n).map(|i| normal(philox([i, what, 0, 0], [3, 4]))[0]).collect() };
        let curved = |s: &[f64], what: u32| -> Vec<f64> {
            let noise = vector(what);
            s.iter().zip(&noise).enumerate().map(|(i, (s, e))| (1.0 + i as f64) * s + 0.1 * e).collect()
        };
        let made = |a: u32| (vector(a), curved(&vector(a), a + 10));
        for (pairs, order) in
            [(vec![made(1)], vec![0]), (vec![made(1), made(2)], vec![0, 1]), (vec![made(3), made(2)], vec![1, 0])]
        {
            // Rows as the engine holds them: a slot that was never filled is 0.
            let mut rows = vec![vec![0.0; n as usize]; 2 * PAIRS];
            for (slot, (s, y)) in order.iter().zip(&pairs) {
                (rows[*slot], rows[PAIRS + slot]) = (s.clone(), y.clone());
            }
            let dot = |a: &Vec<f64>, b: &Vec<f64>| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let gram: Vec<f64> = rows.iter().flat_map(|a| rows.iter().map(move |b| dot(a, b))).collect();
            let (sigma, k) = compact(&gram, &order).unwrap();
            let want = bfgs(&pairs);
            for (i, j) in (0..n as usize).flat_map(|i| (0..n as usize).map(move |j| (i, j))) {
                let terms = (0..2 * PAIRS).flat_map(|a| (0..2 * PAIRS).map(move |b| (a, b)));
                let low: f64 = terms.map(|(a, b)| rows[a][i] * k[a * 2 * PAIRS + b] * rows[b][j]).sum();
                let got = low + if i == j { sigma } else { 0.0 };
                assert!((got - want[i][j]).abs() < 1e-9, "{order:?} {i} {j}: {got}, {} was wanted", want[i][j]);
            }
        }
    }
}
