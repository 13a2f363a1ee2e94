//! EKFAC: the curvature's diagonal in the basis of its Kronecker factors' eigenvectors (George et al., NeurIPS 2018).

use super::eigen::eigenvectors;
use super::estimator::Estimator;
use super::kfac::{Factor, Kfac, read_squares};
use super::labels::{LabelPass, each_label};
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::linear::{self, Mat, Product};
use crate::kernels::{edit, map};
use crate::nn::factors::FactorBlock;
use crate::nn::rotation::Rotation;
use crate::nn::{ParamLayout, Sink};
use crate::records::{Records, Session};

/// For each weight U_Aᵀ, U_G of A and G of [`Kfac`], and the exact second moments E[(U_Gᵀ g_n U_A)²] of the per-record
/// gradients in that basis; for each vector of parameters those of G. Of all curvatures that are diagonal in the basis
/// this is the nearest to the true block (George et al. 2018, proposition 2); A ⊗ G is another of them.
pub struct Ekfac {
    /// The factors whose eigenvectors are the basis.
    pub kfac: Kfac,
    /// An eigenvector a row, in the factors' layout.
    pub bases: Buf<f32>,
    /// In the parameters' layout, 0 between tensors.
    pub moments: Buf<f32>,
}

impl Ekfac {
    /// Measures factors and moments over `records`: two passes over them, and between them eigenvectors on the host.
    ///
    /// # Errors
    /// Those of [`Kfac::measure`].
    pub fn measure(session: &mut Session, records: Records, how: Estimator) -> Result<Ekfac> {
        let kfac = Kfac::measure(session, records, how)?;
        let bases = session.engine.alloc("ekfac.bases", kfac.layout.total)?;
        for block in &kfac.layout.blocks {
            for square in block.a.into_iter().chain([block.g]) {
                let factor = session.engine.read(square.of(kfac.factors))?;
                session.engine.write(square.of(bases), &eigenvectors(&factor, square.size))?;
            }
        }
        let moments = session.engine.alloc("ekfac.moments", session.model.layout.total())?;
        rotated_squares(session, records, how, bases, moments)?;
        Ok(Ekfac { kfac, bases, moments })
    }

    /// The eigenvectors on the host, a row each, named as in [`Kfac::read`].
    pub fn read_bases(&self, session: &mut Session) -> Result<Vec<Factor>> {
        read_squares(session, &self.kfac.layout, self.bases)
    }

    /// Records `out = (F + damping I)⁻¹ v`, exact in the basis; `params` is the layout of `v` and `out`, two buffers.
    pub fn record_apply(
        &self,
        rec: &mut Recording,
        params: &ParamLayout,
        v: Buf<f32>,
        out: Buf<f32>,
        damping: f64,
    ) -> Result<()> {
        let one = rec.temp("one", 1);
        map::fill(rec, one, 1.0);
        rec.copy(v, out);
        for block in &self.kfac.layout.blocks {
            let x = params.slice(out, &block.param)?;
            let (turned, scaled) = (rec.temp("turned", x.len), rec.temp("scaled", x.len));
            self.record_turn(rec, block, x, turned, false);
            edit::precondition(rec, turned, params.slice(self.moments, &block.param)?, one, damping as f32, scaled);
            self.record_turn(rec, block, scaled, x, true);
        }
        Ok(())
    }

    /// `out = (F + damping I)⁻¹ v` in the parameters' layout, two buffers.
    ///
    /// # Errors
    /// A damping that is not positive.
    pub fn apply_inverse(&self, session: &mut Session, v: Buf<f32>, out: Buf<f32>, damping: f64) -> Result<()> {
        if !damping.is_finite() || damping <= 0.0 {
            return Err(Error::input(format!("EKFAC: a damping of {damping}; it must be a positive number")));
        }
        let model = session.model;
        session.run(|rec| self.record_apply(rec, &model.layout, v, out, damping))?;
        Ok(())
    }

    /// Records `y = U_G x U_Aᵀ` with an eigenvector a row, or `y = U_Gᵀ x U_A` if `back`.
    fn record_turn(&self, rec: &mut Recording, block: &FactorBlock, x: Buf<f32>, y: Buf<f32>, back: bool) {
        let (rows, cols) = (block.g.size, x.len / block.g.size.max(1));
        let g = Mat::new(block.g.of(self.bases), rows, rows);
        let g = if back { g.t() } else { g };
        let Some(a) = block.a else {
            return linear::product(rec, g, Mat::new(x, rows, cols), x, y, Product::default());
        };
        let half = rec.temp("half", x.len);
        linear::product(rec, g, Mat::new(x, rows, cols), x, half, Product::default());
        let a = Mat::new(a.of(self.bases), cols, cols);
        let a = if back { a } else { a.t() };
        linear::product(rec, Mat::new(half, rows, cols), a, half, y, Product::default());
    }

    /// For a method's details and for files.
    pub fn describe(&self) -> serde_json::Value {
        let mut said = self.kfac.describe();
        said["curvature"] = "ekfac".into();
        said
    }
}

/// `out` = the mean over records of squared gradients in other bases, whose labels as `how` says.
fn rotated_squares(
    session: &mut Session,
    records: Records,
    how: Estimator,
    bases: Buf<f32>,
    out: Buf<f32>,
) -> Result<()> {
    let squares = session.vector("ekfac.squares")?;
    let rotated =
        |_: &mut Recording, pass: LabelPass| Sink::Rotated(Rotation { bases, squares, accumulate: !pass.first });
    let weight = each_label(session, records, how, rotated)?;
    let mean = (weight / records.indices.len().max(1) as f64) as f32;
    session.run(|rec| {
        map::axpby(rec, mean, squares, 0.0, out);
        Ok(())
    })?;
    Ok(())
}
