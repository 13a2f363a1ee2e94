//! Objectives of records with numbers to predict: squared error and Huber's loss. Of several numbers the loss of a
//! record is the mean over them, so that a batch's mean is that of PyTorch's `MSELoss` and `HuberLoss` with their
//! default `reduction="mean"`.

use super::{Direction, Losses, Objective, Of, Outputs, side_by_side};
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::map::{self, Binary, Curve, Unary};
use crate::kernels::{loss, reduce};
use crate::records::batch::Targets;

/// The squared error of numbers.
pub static MEAN_SQUARED_ERROR: Objective = Objective {
    name: "mean_squared_error",
    summary: "mean over a record's targets of the squared difference, PyTorch's MSELoss",
    citation: "Gauss 1809; Legendre 1805 (least squares)",
    of: Of::Numbers,
    softmax: false,
    in_place: false,
    kept: |_| Vec::new(),
    record: squares,
    curvature: Some(squares_curvature),
};

/// Squared near the target, linear further off.
pub static HUBER: Objective = Objective {
    name: "huber",
    summary: "mean over a record's targets of r²/2 where |r| <= train.huber_delta, else of delta |r| - delta²/2",
    citation: "Huber, Robust estimation of a location parameter, Annals of Mathematical Statistics 35(1), 1964",
    record: huber,
    curvature: Some(huber_curvature),
    ..MEAN_SQUARED_ERROR
};

/// The targets of a batch [n, outputs].
///
/// # Errors
/// Records without.
pub(super) fn values(targets: &Targets) -> Result<Buf<f32>> {
    match targets {
        Targets::Numbers { values, .. } => Ok(*values),
        _ => Err(Error::internal("an objective of numbers over records without")),
    }
}

/// Records the mean over a record's outputs of terms [n, outputs] into `losses` \[n\].
pub(super) fn mean_of_rows(rec: &mut Recording, terms: Buf<f32>, losses: Buf<f32>, outputs: usize) {
    let sums = rec.temp("sums", losses.len);
    reduce::rows(rec, terms, sums);
    map::axpby(rec, share(outputs), sums, 0.0, losses);
}

/// What an output counts for in the mean over them.
pub(super) fn share(outputs: usize) -> f32 {
    (1.0 / outputs.max(1) as f64) as f32
}

fn squares(rec: &mut Recording, out: &Outputs, targets: &Targets) -> Result<Losses> {
    let wanted = values(targets)?;
    let (sums, losses, _) = side_by_side(rec, out.n);
    let dlogits = rec.temp("dlogits", out.n * out.classes);
    loss::mse(rec, out.logits, wanted, losses, dlogits);
    Ok(Losses { sums, dlogits })
}

/// 2 r / outputs, whatever the outputs are.
fn squares_curvature(rec: &mut Recording, d: &Direction) -> Result<()> {
    map::axpby(rec, 2.0 * share(d.classes), d.along, 0.0, d.out);
    Ok(())
}

/// Records y − t.
fn apart(rec: &mut Recording, outputs: Buf<f32>, targets: &Targets) -> Result<Buf<f32>> {
    let r = rec.temp("apart", outputs.len);
    map::binary(rec, Binary::Sub, outputs, values(targets)?, r);
    Ok(r)
}

/// With c = r held to [−delta, delta], the loss is c (r − c / 2) on either side of delta and the gradient c.
fn huber(rec: &mut Recording, out: &Outputs, targets: &Targets) -> Result<Losses> {
    let (sums, losses, _) = side_by_side(rec, out.n);
    let r = apart(rec, out.logits, targets)?;
    let [held, terms, dlogits] = ["held", "terms", "dlogits"].map(|name| rec.temp(name, r.len));
    map::unary(rec, Curve { op: Unary::Hardtanh, a: out.delta, b: 0.0 }, r, held);
    map::axpby(rec, -0.5, held, 1.0, r);
    map::binary(rec, Binary::Mul, held, r, terms);
    mean_of_rows(rec, terms, losses, out.classes);
    map::axpby(rec, share(out.classes), held, 0.0, dlogits);
    Ok(Losses { sums, dlogits })
}

/// r / outputs where the output is within delta of its target, 0 further off.
fn huber_curvature(rec: &mut Recording, d: &Direction) -> Result<()> {
    let r = apart(rec, d.logits, d.targets)?;
    let within = rec.temp("within delta", r.len);
    map::unary_bwd(rec, Curve { op: Unary::Hardtanh, a: d.delta, b: 0.0 }, r, r, d.along, within);
    map::axpby(rec, share(d.classes), within, 0.0, d.out);
    Ok(())
}
