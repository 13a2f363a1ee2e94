//! The inverse of a damped empirical Fisher matrix from the gradients of a few records, exact.

use super::{fill_slab, slab_records};
use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::linear::{self, Mat, Product};
use crate::kernels::map;
use crate::kernels::solve::{self, Sides};
use crate::nn::ParamLayout;
use crate::records::Use;
use crate::records::{Records, Session};

/// Which parameters curve together; curvature between blocks is taken for 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocks {
    /// All of them: the whole matrix.
    Whole,
    /// Those of a layer.
    Layers,
    /// Those of one tensor.
    Tensors,
}

impl Blocks {
    /// Ranges of the flat vector, zeros between tensors included.
    fn of(self, layout: &ParamLayout) -> Vec<Range<usize>> {
        let layer = |name: &str| match self {
            Blocks::Whole => String::new(),
            Blocks::Layers => name.rsplit_once('.').map_or(name, |(layer, _)| layer).to_owned(),
            Blocks::Tensors => name.to_owned(),
        };
        let mut all: Vec<(String, Range<usize>)> = Vec::new();
        for entry in layout.entries() {
            let (name, end) = (layer(&entry.name), entry.offset + entry.len);
            match all.last_mut() {
                Some((last, range)) if *last == name => range.end = end,
                _ => all.push((name, entry.offset..end)),
            }
        }
        all.into_iter().map(|(_, range)| range).collect()
    }
}

/// What is added to the diagonal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Damping {
    /// This number on the diagonal.
    Absolute(f64),
    /// In units of the mean of the Fisher diagonal over the real parameters.
    Relative(f64),
}

/// (δ I + F)⁻¹ for F = (1/N) Σ g_n g_nᵀ, the empirical Fisher matrix of N records at the parameters where it was made,
/// dropout off, or for the blocks of F on its diagonal. With the rows g_n of a matrix G, Woodbury's identity makes it
///
/// (δ I + F)⁻¹ v = (v − Gᵀ (δ N I + G Gᵀ)⁻¹ G v) / δ,
///
/// a system of N equations: one Gram matrix and one Cholesky factorisation, then two passes over G for each product.
/// WoodFisher's recursion over single records (Singh & Alistarh, NeurIPS 2020, eq. 4) ends at the same matrix, but
/// holds a dense one on its way. Keeps the N gradients on the engine.
pub struct Woodbury {
    /// G, [N, parameters].
    rows: Buf<f32>,
    /// Cholesky factor of δ N I + G Gᵀ, of each block.
    factors: Vec<Buf<f32>>,
    blocks: Vec<Range<usize>>,
    kind: Blocks,
    /// N.
    pub count: usize,
    /// δ.
    pub damping: f64,
}

/// Columns that one thread of a product adds up: fewer than a software adapter's loops take.
const COLUMNS: usize = 4096;

impl Woodbury {
    /// Computes the records' gradients and factors their Gram matrices.
    ///
    /// # Errors
    /// No records, more than a binding holds, one without a class; a damping that is not positive, or too small in f32.
    pub fn new(session: &mut Session, records: Records, damping: Damping, blocks: Blocks) -> Result<Woodbury> {
        session.check_records(records, true)?;
        let (count, total) = (records.indices.len(), session.model.layout.total());
        let fits = session.engine.max_binding() / total.max(1);
        if count == 0 || count > fits {
            return Err(Error::input(format!(
                "an inverse Fisher matrix keeps the gradients of its records: {count} were asked for, of {total} \
                    numbers each; take from 1 to {fits}"
            )));
        }
        let (kind, blocks) = (blocks, blocks.of(&session.model.layout));
        let rows = session.engine.alloc("woodbury.rows", count * total)?;
        fill_rows(session, records, rows)?;
        let mut factors = Vec::new();
        for _ in &blocks {
            factors.push(session.engine.alloc("woodbury.factor", count * count)?);
        }
        let mut made = Woodbury { rows, factors, blocks, kind, count, damping: 0.0 };
        let squares = made.grams(session)?;
        made.damping = match damping {
            Damping::Absolute(damping) => damping,
            Damping::Relative(part) => part * squares / (count * session.model.layout.count().max(1)) as f64,
        };
        if !made.damping.is_finite() || made.damping <= 0.0 {
            return Err(Error::input(format!(
                "an inverse Fisher matrix with a damping of {}: it must be a positive number, and the gradients not \
                    all 0",
                made.damping
            )));
        }
        made.factor(session)?;
        Ok(made)
    }

    fn mat(&self) -> Mat {
        Mat::new(self.rows, self.count, self.rows.len / self.count)
    }

    /// Puts the blocks' Gram matrices where their factors go; returns Σ ‖g_n‖².
    fn grams(&self, session: &mut Session) -> Result<f64> {
        let n = self.count;
        let traces = session.run(|rec| {
            let ones = rec.temp("ones", n);
            map::fill(rec, ones, 1.0);
            for (block, gram) in self.blocks.iter().zip(&self.factors) {
                for (part, beta) in parts(block) {
                    let part = self.mat().columns(part);
                    linear::product(rec, part, part.t(), ones, *gram, Product { beta, ..Default::default() });
                }
                let trace = rec.temp("trace", 1);
                linear::product(rec, Mat::diagonal(*gram, n), Mat::new(ones, n, 1), ones, trace, Product::default());
                rec.readback(trace);
            }
            Ok(())
        })?;
        Ok(traces.iter().map(|t| f64::from(t.f32()[0])).sum())
    }

    /// Factors the Gram matrices in their place.
    fn factor(&self, session: &mut Session) -> Result<()> {
        let n = self.count;
        let shift = (self.damping * n as f64) as f32;
        let found = session.run(|rec| {
            for gram in &self.factors {
                let (damped, status) = (rec.temp("damped", n * n), rec.temp("status", 1));
                solve::damp(rec, *gram, damped, n, shift);
                solve::cholesky(rec, damped, n, status);
                rec.copy(damped, *gram);
                rec.readback(status);
            }
            Ok(())
        })?;
        match found.iter().any(|status| status.u32()[0] != 0) {
            true => Err(Error::input(format!(
                "an inverse Fisher matrix with a damping of {:e}: too small beside the gradients of {n} records in \
                    f32; raise it",
                self.damping
            ))),
            false => Ok(()),
        }
    }

    /// Records `out = (δ I + F)⁻¹ v`, both in the parameters' layout and two buffers.
    pub fn record_apply(&self, rec: &mut Recording, v: Buf<f32>, out: Buf<f32>) {
        let n = self.count;
        let each = (1.0 / self.damping) as f32;
        map::axpby(rec, each, v, 0.0, out);
        for (block, factor) in self.blocks.iter().zip(&self.factors) {
            let along = rec.temp("along", n);
            for (part, beta) in parts(block) {
                let u = Mat::new(v.range(part.clone()), part.len(), 1);
                let how = Product { beta, ..Default::default() };
                linear::product(rec, self.mat().columns(part), u, v, along, how);
            }
            solve::solve(rec, *factor, Sides::columns(along, n, 1));
            let how = Product { alpha: -each, beta: 1.0, ..Default::default() };
            let rows = self.mat().columns(block.clone()).t();
            linear::product(rec, rows, Mat::new(along, n, 1), v, out.range(block.clone()), how);
        }
    }

    /// `out = (δ I + F)⁻¹ v`, both in the parameters' layout and two buffers.
    pub fn apply(&self, session: &mut Session, v: Buf<f32>, out: Buf<f32>) -> Result<()> {
        session.run(|rec| {
            self.record_apply(rec, v, out);
            Ok(())
        })?;
        Ok(())
    }

    /// For a method's details and for files.
    pub fn describe(&self) -> serde_json::Value {
        json!({
            "curvature": "wood_fisher",
            "estimator": "per_sample",
            "blocks": self.kind,
            "count": self.count,
            "damping": self.damping,
        })
    }
}

/// A range in pieces that one thread can add up, with 0 for the first and 1 for the others.
fn parts(block: &Range<usize>) -> impl Iterator<Item = (Range<usize>, f32)> {
    let (start, end) = (block.start, block.end);
    (start..end)
        .step_by(COLUMNS)
        .map(move |from| (from..end.min(from + COLUMNS), if from == start { 0.0 } else { 1.0 }))
}

/// Fills `rows` [records, parameters], all 0 before, with each record's own gradient.
fn fill_rows(session: &mut Session, records: Records, rows: Buf<f32>) -> Result<()> {
    let (total, batch) = (session.model.layout.total(), slab_records(session)?);
    let mut done = 0;
    for chunk in session.pieces(records, batch, Use::Each) {
        let place = rows.range(done * total..(done + chunk.len()) * total);
        fill_slab(session, Records { indices: &chunk, ..records }, place, None, |_, _, _| Ok(()))?;
        done += chunk.len();
    }
    Ok(())
}
