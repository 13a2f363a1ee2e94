//! K-FAC: the curvature of a network of linear and convolution layers and normalisations as Kronecker factors, and the
//! product with its damped inverse, all on the GPU.

use super::estimator::Estimator;
use super::labels::each_label;
use crate::engine::{ALIGN, Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::linear::{self, Mat, Product};
use crate::kernels::map;
use crate::kernels::solve::{self, Sides};
use crate::nn::factors::{FactorBlock, FactorLayout, Factors, Square};
use crate::nn::{ParamLayout, Sink};
use crate::records::{Records, Session};

/// Block-diagonal curvature of the mean loss, A ⊗ G for each weight and G for each vector of parameters (definitions in
/// [`crate::nn::factors`]), at the parameters where it was measured, dropout off.
pub struct Kfac {
    /// Where each layer's factors lie in the flat vector.
    pub layout: FactorLayout,
    /// The factors, flat.
    pub factors: Buf<f32>,
    /// Whose labels g is of.
    pub estimator: Estimator,
    /// Records.
    pub count: usize,
    /// Mean eigenvalues of A and G of each block, 1 for the A that there is not.
    means: Vec<[f64; 2]>,
    /// Cholesky factors of the damped factors.
    cholesky: Buf<f32>,
    /// The damping that they have.
    damping: Option<f64>,
}

/// One factor on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Factor {
    /// The parameter's name.
    pub param: String,
    /// `a`, of the layer's inputs, or `g`, of its outputs.
    pub which: &'static str,
    /// Rows and columns.
    pub size: usize,
    /// Row-major.
    pub values: Vec<f32>,
}

/// The matrices of a flat vector of factors, in the layout's order.
pub(crate) fn read_squares(session: &mut Session, layout: &FactorLayout, flat: Buf<f32>) -> Result<Vec<Factor>> {
    let mut all = Vec::new();
    for block in &layout.blocks {
        for (which, square) in [("a", block.a), ("g", Some(block.g))] {
            if let Some(square) = square {
                let values = session.engine.read(square.of(flat))?;
                all.push(Factor { param: block.param.clone(), which, size: square.size, values });
            }
        }
    }
    Ok(all)
}

impl Kfac {
    /// Measures the factors over `records`. `how` says whose labels the gradients are of: [`Estimator::Model`] takes
    /// the expectation over the model's exactly, a backward pass a class (KFLR: Botev, Ritter & Barber, ICML 2017);
    /// [`Estimator::ModelSampled`] draws them (K-FAC proper: Martens & Grosse, ICML 2015); [`Estimator::PerSample`]
    /// takes the true ones, which gives factors of the empirical Fisher matrix.
    ///
    /// # Errors
    /// No records; a layer without Kronecker factors, by name; `BatchMean`, which has none; a record without a class.
    pub fn measure(session: &mut Session, records: Records, how: Estimator) -> Result<Kfac> {
        how.check()?;
        how.suits(session.objective())?;
        session.check_records(records, true)?;
        let count = records.indices.len();
        if count == 0 || how == Estimator::BatchMean {
            return Err(Error::input(
                "K-FAC factors are means over one record or more, with the estimator model, model_sampled or \
                    per_sample",
            ));
        }
        let layout = FactorLayout::of(&session.model.layout);
        let factors = session.engine.alloc("kfac.factors", layout.total)?;
        let each = 1.0 / count as f64;
        each_label(session, records, how, |rec, pass| {
            if pass.first {
                rec.clear(factors);
            }
            let inputs = pass.first_of_batch.then_some(each as f32);
            Sink::Factors(Factors { out: factors, inputs, outputs: (pass.weight * each) as f32 })
        })?;
        let means = means(session, &layout, factors)?;
        let cholesky = session.engine.alloc("kfac.cholesky", layout.total)?;
        Ok(Kfac { layout, factors, estimator: how, count, means, cholesky, damping: None })
    }

    /// Factors the damped factors, unless they have that damping already; see [`Kfac::apply_inverse`].
    ///
    /// # Errors
    /// A damping that is not positive, or too small for a factor in f32: the factor is named.
    pub fn damp(&mut self, session: &mut Session, damping: f64) -> Result<()> {
        if self.damping == Some(damping) {
            return Ok(());
        }
        if !damping.is_finite() || damping <= 0.0 {
            return Err(Error::input(format!("K-FAC: a damping of {damping}; it must be a positive number")));
        }
        self.damping = None;
        let squares: Vec<(Square, f64, String)> = self
            .layout
            .blocks
            .iter()
            .zip(&self.means)
            .flat_map(|(block, means)| damped(block, *means, damping))
            .collect();
        let (from, to) = (self.factors, self.cholesky);
        let found = session.run(|rec| {
            let status = rec.temp("status", squares.len() * ALIGN);
            for (i, (square, shift, _)) in squares.iter().enumerate() {
                solve::damp(rec, square.of(from), square.of(to), square.size, *shift as f32);
                solve::cholesky(rec, square.of(to), square.size, status.range(i * ALIGN..i * ALIGN + 1));
            }
            rec.readback(status);
            Ok(())
        })?;
        for ((_, shift, name), status) in squares.iter().zip(found[0].u32().chunks(ALIGN)) {
            if status[0] != 0 {
                return Err(Error::input(format!(
                    "K-FAC: {name} with {shift:e} on its diagonal is not positive definite in f32 (row {}); raise the \
                        damping above {damping:e}",
                    status[0] - 1
                )));
            }
        }
        self.damping = Some(damping);
        Ok(())
    }

    /// Records `out = F⁻¹ v` with the damping of the last [`Kfac::damp`]; `params` is the layout of `v` and `out`,
    /// which are two buffers.
    pub fn record_apply(&self, rec: &mut Recording, params: &ParamLayout, v: Buf<f32>, out: Buf<f32>) -> Result<()> {
        if self.damping.is_none() {
            return Err(Error::internal("K-FAC factors were applied before they were damped"));
        }
        rec.copy(v, out);
        for block in &self.layout.blocks {
            let x = params.slice(out, &block.param)?;
            let (rows, cols) = (block.g.size, x.len / block.g.size.max(1));
            solve::solve(rec, block.g.of(self.cholesky), Sides::columns(x, rows, cols));
            if let Some(a) = block.a {
                solve::solve(rec, a.of(self.cholesky), Sides::rows(x, cols, rows));
            }
        }
        Ok(())
    }

    /// `out = F⁻¹ v` in the parameters' layout: for each weight (G + √λ/π I)⁻¹ V (A + π√λ I)⁻¹ with λ = `damping` and
    /// π² the ratio of A's mean eigenvalue to G's (Martens & Grosse 2015, section 6.3), for each bias, scale or shift
    /// (G + λ I)⁻¹ v. `v` and `out` are two buffers. The Cholesky factors are kept for further calls with one damping.
    ///
    /// # Errors
    /// Those of [`Kfac::damp`].
    pub fn apply_inverse(&mut self, session: &mut Session, v: Buf<f32>, out: Buf<f32>, damping: f64) -> Result<()> {
        self.damp(session, damping)?;
        let model = session.model;
        session.run(|rec| self.record_apply(rec, &model.layout, v, out))?;
        Ok(())
    }

    /// Mean of the diagonal of the approximated matrix over all parameters: the trace of A ⊗ G is the product of the
    /// traces.
    pub fn mean_diagonal(&self) -> f64 {
        let count = |b: &FactorBlock| (b.a.map_or(1, |a| a.size) * b.g.size) as f64;
        let trace: f64 = self.layout.blocks.iter().zip(&self.means).map(|(b, [a, g])| count(b) * a * g).sum();
        trace / self.layout.blocks.iter().map(count).sum::<f64>().max(1.0)
    }

    /// The factors on the host, in the layout's order.
    pub fn read(&self, session: &mut Session) -> Result<Vec<Factor>> {
        read_squares(session, &self.layout, self.factors)
    }

    /// For a method's details and for files.
    pub fn describe(&self) -> serde_json::Value {
        let mut said = self.estimator.describe();
        said["curvature"] = "kfac".into();
        said["count"] = self.count.into();
        said
    }
}

/// What is added to the diagonals of a block's factors, and what they are called.
fn damped(block: &FactorBlock, [a, g]: [f64; 2], damping: f64) -> Vec<(Square, f64, String)> {
    // π² of Martens & Grosse.
    let ratio = if a > 0.0 && g > 0.0 { a / g } else { 1.0 };
    let name = |which| format!("factor {which} of `{}`", block.param);
    match block.a {
        Some(a) => vec![(a, (ratio * damping).sqrt(), name("A")), (block.g, (damping / ratio).sqrt(), name("G"))],
        None => vec![(block.g, damping, name("G"))],
    }
}

/// Mean eigenvalues of A and G of each block; 1 for an A that there is not.
fn means(session: &mut Session, layout: &FactorLayout, factors: Buf<f32>) -> Result<Vec<[f64; 2]>> {
    let squares: Vec<Square> = layout.blocks.iter().flat_map(|b| b.a.into_iter().chain([b.g])).collect();
    let largest = squares.iter().map(|s| s.size).max().unwrap_or(0);
    let means = session.run(|rec| {
        let ones = rec.temp("ones", largest);
        map::fill(rec, ones, 1.0);
        for square in &squares {
            let mean = rec.temp("mean", 1);
            let (diagonal, ones) = (Mat::diagonal(square.of(factors), square.size), ones.range(0..square.size));
            let how = Product { alpha: 1.0 / square.size.max(1) as f32, ..Default::default() };
            linear::product(rec, diagonal, Mat::new(ones, square.size, 1), ones, mean, how);
            rec.readback(mean);
        }
        Ok(())
    })?;
    let mut means = means.iter().map(|m| f64::from(m.f32()[0]));
    let mut next = || means.next().unwrap_or(0.0);
    let each = |block: &FactorBlock| match block.a.map(|_| next()) {
        Some(a) => [a, next()],
        None => [1.0, next()],
    };
    Ok(layout.blocks.iter().map(each).collect())
}
