//! Where an ascent goes.

use crate::engine::{Buf, Recording};
use crate::error::Result;
use crate::kernels::map::{self, Unary};
use crate::kernels::{edit, reduce};
use crate::records::Session;
use crate::statistics::{Importance, Kfac, Woodbury};

/// Where to go.
#[derive(Clone, Copy)]
pub enum Direction<'a> {
    /// ∇L_F.
    Gradient,
    /// ∇L_F / (F + delta · mean F), brought back to the length of ∇L_F.
    Preconditioned { fisher: Importance, delta: f32 },
    /// ∇L_F − lambda (F / mean F) (θ − θ₀), the penalty taken implicitly.
    Elastic { fisher: Importance, lambda: f32 },
    /// (δ I + F)⁻¹ ∇L_F with the inverse of an empirical Fisher matrix, brought back to the length of ∇L_F.
    Inverse(&'a Woodbury),
    /// The same with the inverse of damped Kronecker factors.
    Kronecker(&'a Kfac),
}

impl Direction<'_> {
    /// Records the heading from the gradient of the mean forget loss, which it may overwrite.
    pub(in crate::methods) fn record(
        &self,
        rec: &mut Recording,
        session: &Session,
        lr: f64,
        origin: Buf<f32>,
        heading: Buf<f32>,
    ) -> Result<()> {
        let (grad, parameters) = (session.grad, session.model.layout.count());
        match self {
            Direction::Gradient => map::unary(rec, Unary::Copy, grad, heading),
            Direction::Preconditioned { fisher, delta } => {
                let mean = rec.temp("mean", 1);
                fisher.record_mean(rec, parameters, mean);
                edit::precondition(rec, grad, fisher.values, mean, *delta, heading);
                record_length(rec, grad, heading);
            }
            Direction::Inverse(inverse) => {
                inverse.record_apply(rec, grad, heading);
                record_length(rec, grad, heading);
            }
            Direction::Kronecker(kfac) => {
                kfac.record_apply(rec, &session.model.layout, grad, heading)?;
                record_length(rec, grad, heading);
            }
            Direction::Elastic { fisher, lambda } => {
                let (mean, mean2, one) = (rec.temp("mean", 1), rec.temp("mean2", 1), rec.temp("one", 1));
                fisher.record_mean(rec, parameters, mean);
                // The largest F is hundreds of times the mean, so that an explicit step lr·lambda·F/mean would
                // oscillate and grow. The implicit one divides by 1 + lr·lambda·F/mean, which is
                // (F + mean/(lr·lambda)) / (mean/(lr·lambda)): a preconditioning and a factor.
                let stiffness = 1.0 / (lr * f64::from(*lambda));
                edit::ewc(rec, grad, fisher.values, mean, session.theta, origin, -lambda);
                edit::precondition(rec, grad, fisher.values, mean, stiffness as f32, heading);
                reduce::total(rec, mean, mean2, (stiffness * stiffness) as f32, true);
                map::fill(rec, one, 1.0);
                edit::rescale(rec, heading, mean2, one);
            }
        }
        Ok(())
    }
}

/// Records the bringing of `heading` to the length of `grad`.
fn record_length(rec: &mut Recording, grad: Buf<f32>, heading: Buf<f32>) {
    let (ours, theirs) = (rec.temp("norm2", 1), rec.temp("norm2", 1));
    reduce::total(rec, grad, ours, 1.0, true);
    reduce::total(rec, heading, theirs, 1.0, true);
    edit::rescale(rec, heading, ours, theirs);
}

/// Records the shortening of `heading` to `clip_norm`; 0 leaves it alone.
pub(in crate::methods) fn record_clip(rec: &mut Recording, heading: Buf<f32>, clip_norm: f64) {
    if clip_norm > 0.0 {
        let norm2 = rec.temp("norm2", 1);
        reduce::total(rec, heading, norm2, 1.0, true);
        edit::clip(rec, heading, norm2, clip_norm as f32);
    }
}
