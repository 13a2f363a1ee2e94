//! The cross-entropy of a softmax over classes.

use super::{Direction, Losses, Objective, Of, Outputs, labels, side_by_side};
use crate::engine::Recording;
use crate::error::Result;
use crate::kernels::loss;
use crate::records::batch::Targets;

/// The cross-entropy of a softmax over classes.
pub static CROSS_ENTROPY: Objective = Objective {
    name: "cross_entropy",
    summary: "negative log-likelihood of each record's class under a softmax",
    citation: "Bridle, Probabilistic interpretation of feedforward classification network outputs, 1990",
    of: Of::Classes,
    softmax: true,
    in_place: true,
    kept: |_| Vec::new(),
    record,
    curvature: Some(curvature),
};

fn record(rec: &mut Recording, out: &Outputs, targets: &Targets) -> Result<Losses> {
    let labels = labels(targets)?;
    let (sums, loss, correct) = side_by_side(rec, out.n);
    let dlogits = rec.temp("dlogits", out.logits.len);
    match out.at {
        Some(at) => {
            rec.clear(dlogits);
            loss::softmax_xent_at(rec, out.logits, labels, at, loss, dlogits, correct, out.classes);
        }
        None => loss::softmax_xent(rec, out.logits, labels, loss, dlogits, correct, out.n, out.classes),
    }
    Ok(Losses { sums, dlogits })
}

/// p ∘ r − p (p · r), p = softmax(z).
fn curvature(rec: &mut Recording, d: &Direction) -> Result<()> {
    loss::softmax_xent_tangent(rec, d.logits, labels(d.targets)?, d.along, d.out, false);
    Ok(())
}
