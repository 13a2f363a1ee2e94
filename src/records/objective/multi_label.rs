//! The objective of records with several labels: of each the binary cross-entropy of a logit z against t in {0, 1}, and
//! of a record the mean over its labels, so that a batch's mean is that of PyTorch's `BCEWithLogitsLoss` with its
//! default `reduction="mean"`.
//!
//! With s = 1 − 2 t and m = s z it is softplus(m), its gradient s σ(m) and its curvature σ(m) (1 − σ(m)): nothing
//! cancels, so that the small losses of what is known well keep their digits however large the logits are.

use super::numbers::{mean_of_rows, share, values};
use super::{Direction, Losses, Objective, Of, Outputs, side_by_side};
use crate::engine::{Buf, Recording};
use crate::error::Result;
use crate::kernels::map::{self, Binary, Curve, Unary};
use crate::records::batch::Targets;

/// The binary cross-entropy of several labels.
pub static BINARY_CROSS_ENTROPY: Objective = Objective {
    name: "binary_cross_entropy",
    summary: "mean over a record's labels of the binary cross-entropy of its logits, PyTorch's BCEWithLogitsLoss",
    citation: "Cox, The regression analysis of binary sequences, JRSS B 20(2), 1958",
    of: Of::Labels,
    softmax: false,
    in_place: false,
    kept: |_| Vec::new(),
    record,
    curvature: Some(curvature),
};

/// log(1 + eˣ) without a threshold, beyond which PyTorch's layer is x.
const SOFTPLUS: Curve = Curve { op: Unary::Softplus, a: 1.0, b: f32::MAX };

/// Records s and m = s z [n, labels].
fn signed(rec: &mut Recording, logits: Buf<f32>, targets: &Targets) -> Result<[Buf<f32>; 2]> {
    let [sign, m] = ["sign", "signed logits"].map(|name| rec.temp(name, logits.len));
    map::fill(rec, sign, 1.0);
    map::axpby(rec, -2.0, values(targets)?, 1.0, sign);
    map::binary(rec, Binary::Mul, sign, logits, m);
    Ok([sign, m])
}

fn record(rec: &mut Recording, out: &Outputs, targets: &Targets) -> Result<Losses> {
    let (sums, losses, _) = side_by_side(rec, out.n);
    let [sign, m] = signed(rec, out.logits, targets)?;
    let [terms, slope, gradient, dlogits] =
        ["terms", "sigmoid", "gradient", "dlogits"].map(|name| rec.temp(name, m.len));
    map::unary(rec, SOFTPLUS, m, terms);
    mean_of_rows(rec, terms, losses, out.classes);
    map::unary(rec, Unary::Sigmoid, m, slope);
    map::binary(rec, Binary::Mul, sign, slope, gradient);
    map::axpby(rec, share(out.classes), gradient, 0.0, dlogits);
    Ok(Losses { sums, dlogits })
}

/// σ(m) (1 − σ(m)) r / labels.
fn curvature(rec: &mut Recording, d: &Direction) -> Result<()> {
    let [_, m] = signed(rec, d.logits, d.targets)?;
    let [slope, product] = ["sigmoid", "product"].map(|name| rec.temp(name, m.len));
    map::unary(rec, Unary::Sigmoid, m, slope);
    map::unary_bwd(rec, Unary::Sigmoid, m, slope, d.along, product);
    map::axpby(rec, share(d.classes), product, 0.0, d.out);
    Ok(())
}
