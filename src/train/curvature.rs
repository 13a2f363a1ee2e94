//! Products with the Gauss-Newton matrix of the mean cross-entropy, exact.

use super::load::Use;
use super::product::Product;
use super::session::{Records, Session};
use crate::engine::{Buf, Data, Program, Recording};
use crate::error::Result;
use crate::kernels::linear::{self, Mat};
use crate::kernels::{loss, map};
use crate::nn::{Mode, Sink};

/// H = (1/N) Σ_n J_nᵀ (diag(p_n) − p_n p_nᵀ) J_n over N records at the parameters where it was made, dropout off; J_n is
/// the derivative of record n's logits, p_n their softmax.
///
/// With g_ny the gradient of −log p(y | x_n), Σ_y p_ny g_ny g_nyᵀ is the n-th term: for softmax and cross-entropy the Fisher
/// information is the Gauss-Newton matrix (Martens, JMLR 2020, section 9.2). So H u = Aᵀ (A u) / N for the matrix A with a row
/// sqrt(p_ny) g_ny for each record and class, from per-record gradients: no derivative of the backward pass is needed, and
/// uᵀ H u is never negative. Costs a per-record gradient a class, kept if they all fit and computed at each product if not.
pub struct GaussNewton {
    u: Buf<f32>,
    hu: Buf<f32>,
    /// Records.
    count: usize,
    /// Run one after another: the first clears the product, each adds some records' part.
    programs: Vec<(Program, Vec<Data>)>,
}

/// Bytes that the rows of A may take to be kept.
const KEPT_BYTES: usize = 256 << 20;

/// Columns that one thread of a product adds up: fewer than a software adapter's loops take.
const COLUMNS: usize = 4096;

impl Session<'_> {
    /// The Gauss-Newton matrix over `records`. One at a time: it lives in vectors of the session.
    ///
    /// # Errors
    /// A record's gradient that is larger than a binding.
    pub fn gauss_newton(&mut self, records: Records) -> Result<GaussNewton> {
        self.gauss_newton_within(records, KEPT_BYTES)
    }

    /// [`Session::gauss_newton`] with so many bytes for the rows of A; they are computed at each product if that is too little.
    pub fn gauss_newton_within(&mut self, records: Records, bytes: usize) -> Result<GaussNewton> {
        self.check_records(records, false)?;
        let (u, hu) = (self.vector("gauss_newton.u")?, self.vector("gauss_newton.hu")?);
        let (count, rows) = (records.indices.len(), records.indices.len() * self.model.classes);
        let mut clear = self.recording();
        clear.clear(hu);
        let mut h = GaussNewton { u, hu, count, programs: vec![(self.compile(clear)?, Vec::new())] };
        let keep = rows * self.model.layout.total() * 4 <= bytes;
        let batch = self.slab_records()?;
        for piece in self.pieces(records, batch, Use::Each) {
            let piece = Records { indices: &piece, ..records };
            if keep {
                self.keep_rows(&mut h, piece)?;
            } else {
                h.programs.push(self.rows_and_product(&h, piece)?);
            }
        }
        Ok(h)
    }

    /// Computes a piece's rows of A for good, and adds their product.
    fn keep_rows(&mut self, h: &mut GaussNewton, piece: Records) -> Result<()> {
        let mut kept = Vec::new();
        for _ in 0..self.model.classes {
            kept.push(self.engine.alloc("gauss_newton.rows", piece.indices.len() * self.model.layout.total())?);
        }
        let mut rec = self.recording();
        let inputs = self.record_rows(&mut rec, piece, |rec, class, rows| rec.copy(rows, kept[class]))?;
        let program = self.compile(rec)?;
        self.engine.run(&program, &inputs)?;
        let mut rec = self.recording();
        for rows in kept {
            h.record_part(&mut rec, rows);
        }
        h.programs.push((self.compile(rec)?, Vec::new()));
        Ok(())
    }

    /// A program that computes a piece's rows of A and adds their product.
    fn rows_and_product(&mut self, h: &GaussNewton, piece: Records) -> Result<(Program, Vec<Data>)> {
        let mut rec = self.recording();
        let inputs = self.record_rows(&mut rec, piece, |rec, _, rows| h.record_part(rec, rows))?;
        Ok((self.compile(rec)?, inputs))
    }

    /// Records `each(class, rows)` for the rows [records, parameters] of every class; returns the inputs.
    fn record_rows(
        &mut self,
        rec: &mut Recording,
        piece: Records,
        mut each: impl FnMut(&mut Recording, usize, Buf<f32>),
    ) -> Result<Vec<Data>> {
        let load = self.load(piece.part, piece.indices, Use::Each);
        let batch = self.record_load(rec, piece.part, &load.shape)?;
        let tape = self.record_forward(rec, &batch, Mode::Eval, None)?;
        let classes = self.model.classes;
        for class in 0..classes {
            let (dlogits, slab) =
                (rec.temp("dlogits", batch.n * classes), rec.temp("slab", batch.n * self.model.layout.total()));
            loss::label_score(rec, tape.logits, dlogits, classes, class);
            map::fill(rec, slab, 0.0);
            self.model.backward(rec, self.theta, &tape, dlogits, None, Sink::PerSample { slab })?;
            each(rec, class, slab);
        }
        Ok(load.inputs)
    }
}

impl Product for GaussNewton {
    fn u(&self) -> Buf<f32> {
        self.u
    }

    fn hu(&self) -> Buf<f32> {
        self.hu
    }

    fn programs(&self) -> &[(Program, Vec<Data>)] {
        &self.programs
    }
}

impl GaussNewton {
    /// Records `hu += rowsᵀ (rows u) / N`.
    fn record_part(&self, rec: &mut Recording, rows: Buf<f32>) {
        let total = self.u.len;
        let n = rows.len / total.max(1);
        if n == 0 {
            return;
        }
        let (a, along) = (Mat::new(rows, n, total), rec.temp("along", n));
        for from in (0..total).step_by(COLUMNS) {
            let part = from..total.min(from + COLUMNS);
            let (u, beta) = (Mat::new(self.u.range(part.clone()), part.len(), 1), if from == 0 { 0.0 } else { 1.0 });
            linear::product(
                rec,
                a.columns(part),
                u,
                self.u,
                along,
                linear::Product { beta, ..linear::Product::default() },
            );
        }
        let mean = linear::Product { alpha: (1.0 / self.count as f64) as f32, beta: 1.0, ..linear::Product::default() };
        linear::product(rec, a.t(), Mat::new(along, n, 1), self.u, self.hu, mean);
    }
}
