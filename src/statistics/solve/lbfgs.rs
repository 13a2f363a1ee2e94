//! L-BFGS over stored pairs: products with an approximate inverse Hessian.

use std::collections::VecDeque;

use crate::engine::{Buf, Data, Program};
use crate::error::Result;
use crate::kernels::krylov;
use crate::records::Session;

/// Up to `capacity` pairs (s, y): a step, and the change of the gradient along it, or y = H s. Two rings of rows in one
/// buffer, s first. What the recursion needs of them is their inner products, which the host keeps.
pub struct Pairs {
    rows: Buf<f32>,
    capacity: usize,
    /// Slots in use, oldest first.
    order: VecDeque<usize>,
    /// Inner products of the rows, [2 capacity, 2 capacity].
    gram: Vec<Vec<f64>>,
    /// Inner products of the rows with what `given` holds.
    products: Program,
    /// `made` = the sum of the rows and of `given`, weighted by the inputs.
    sum: Program,
    given: Buf<f32>,
    made: Buf<f32>,
}

/// Least s · y in parts of ‖s‖ ‖y‖: below it a pair says nothing but rounding.
const LEAST_CURVATURE: f64 = 1e-6;

impl Pairs {
    /// No pairs yet. One set lives under `name` in a session at a time.
    ///
    /// # Errors
    /// More pairs than one binding holds.
    pub fn new(session: &mut Session, name: &'static str, capacity: usize) -> Result<Pairs> {
        let capacity = capacity.max(1);
        let total = session.model.layout.total();
        let rows = session.block(name, 2 * capacity * total)?;
        let (given, made) = (session.vector("lbfgs.given")?, session.vector("lbfgs.made")?);
        // Slots without a pair count with weight 0, which does not make a number of what was there before.
        session.run(|rec| {
            rec.clear(rows);
            Ok(())
        })?;
        let mut rec = session.recording();
        let products = rec.temp("products", 2 * capacity);
        krylov::dots(&mut rec, rows, given, products);
        rec.readback(products);
        let products = session.compile(rec)?;
        let mut rec = session.recording();
        let (weights, own) = (rec.temp("weights", 2 * capacity), rec.temp("own", 1));
        rec.upload(weights);
        rec.upload(own);
        rec.clear(made);
        krylov::combine(&mut rec, given, own, made, 1.0);
        krylov::combine(&mut rec, rows, weights, made, 1.0);
        let sum = session.compile(rec)?;
        let gram = vec![vec![0.0; 2 * capacity]; 2 * capacity];
        Ok(Pairs { rows, capacity, order: VecDeque::new(), gram, products, sum, given, made })
    }

    /// Pairs held.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is no pair yet; the product is then a multiple of the identity.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Stores a pair in place of the oldest; false, and none stored, where s · y is not clearly positive.
    pub fn push(&mut self, session: &mut Session, s: Buf<f32>, y: Buf<f32>) -> Result<bool> {
        let out = session.run(|rec| {
            for (a, b) in [(s, s), (s, y), (y, y)] {
                let product = rec.temp("product", 1);
                krylov::dots(rec, a, b, product);
                rec.readback(product);
            }
            Ok(())
        })?;
        let [ss, sy, yy] = [0, 1, 2].map(|i| f64::from(out[i].f32()[0]));
        if sy.is_nan() || sy <= LEAST_CURVATURE * (ss * yy).sqrt() {
            return Ok(false);
        }
        let slot = match self.order.len() < self.capacity {
            true => self.order.len(),
            false => self.order.pop_front().unwrap_or(0),
        };
        for (row, v) in [(slot, s), (self.capacity + slot, y)] {
            let place = self.rows.range(row * v.len..(row + 1) * v.len);
            session.run(|rec| {
                rec.copy(v, place);
                Ok(())
            })?;
        }
        for (row, v) in [(slot, s), (self.capacity + slot, y)] {
            for (other, product) in self.along(session, v)?.into_iter().enumerate() {
                (self.gram[row][other], self.gram[other][row]) = (product, product);
            }
        }
        self.order.push_back(slot);
        Ok(true)
    }

    /// Inner products of every row with `v`.
    fn along(&mut self, session: &mut Session, v: Buf<f32>) -> Result<Vec<f64>> {
        let given = self.given;
        session.run(|rec| {
            rec.copy(v, given);
            Ok(())
        })?;
        let out = session.engine.run(&self.products, &[])?;
        Ok(out[0].f32().iter().map(|v| f64::from(*v)).collect())
    }

    /// Sets `out` to the approximate H⁻¹ v of the pairs (Nocedal & Wright 2006, algorithm 7.4), to v without any. The
    /// two loops run on the weights of the rows (Chen, Wang & Zhou, NIPS 2014, "Large-scale L-BFGS using MapReduce"):
    /// two dispatches of inner products, two of sums, however many pairs there are.
    pub fn inverse(&mut self, session: &mut Session, v: Buf<f32>, out: Buf<f32>) -> Result<()> {
        let along = self.along(session, v)?;
        let (weights, own) = self.weights(&along);
        let narrow = |v: &[f64]| Data::F32(v.iter().map(|v| *v as f32).collect());
        session.engine.run(&self.sum, &[narrow(&weights), narrow(&[own])])?;
        let made = self.made;
        session.run(|rec| {
            rec.copy(made, out);
            Ok(())
        })?;
        Ok(())
    }

    /// Weights of the rows and of v in H⁻¹ v, from the rows' inner products with v.
    fn weights(&self, along: &[f64]) -> (Vec<f64>, f64) {
        let m = self.capacity;
        let (mut weights, mut own) = (vec![0.0; 2 * m], 1.0);
        let product = |row: usize, weights: &[f64], own: f64| {
            own * along[row] + weights.iter().zip(&self.gram[row]).map(|(w, g)| w * g).sum::<f64>()
        };
        let mut lengths = vec![0.0; m];
        for &i in self.order.iter().rev() {
            lengths[i] = product(i, &weights, own) / self.gram[i][m + i];
            weights[m + i] -= lengths[i];
        }
        if let Some(&last) = self.order.back() {
            let gamma = self.gram[last][m + last] / self.gram[m + last][m + last];
            weights.iter_mut().for_each(|w| *w *= gamma);
            own = gamma;
        }
        for &i in &self.order {
            let back = product(m + i, &weights, own) / self.gram[i][m + i];
            weights[i] += lengths[i] - back;
        }
        (weights, own)
    }
}
