//! The squared error of scores against one-hot classes.

use super::{Direction, Losses, Objective, Of, Outputs, labels, side_by_side};
use crate::engine::Recording;
use crate::error::{Error, Result};
use crate::kernels::{loss, map};
use crate::records::batch::Targets;

/// The squared error of scores against one-hot classes.
pub static SQUARED_ERROR: Objective = Objective {
    name: "squared_error",
    summary: "mean over classes of the squared difference between scores and the one-hot class",
    citation: "Hui & Belkin, Evaluation of neural architectures trained with square loss vs cross-entropy in \
        classification tasks, ICLR 2021",
    of: Of::Classes,
    softmax: false,
    in_place: false,
    kept: one_hot,
    record,
    curvature: Some(curvature),
};

/// Row c [classes] is class c.
fn one_hot(classes: usize) -> Vec<f32> {
    (0..classes * classes).map(|i| if i % (classes + 1) == 0 { 1.0 } else { 0.0 }).collect()
}

fn record(rec: &mut Recording, out: &Outputs, targets: &Targets) -> Result<Losses> {
    let labels = labels(targets)?;
    let one_hot = out.kept.ok_or_else(|| Error::internal("no one-hot classes on the engine"))?;
    let (n, classes) = (out.n, out.classes);
    let (sums, loss, correct) = side_by_side(rec, n);
    // The kernel of the cross-entropy knows whose score is the largest; its loss and gradient go nowhere.
    let (unread, unused) = (rec.temp("cross-entropy", n), rec.temp("its gradient", n * classes));
    loss::softmax_xent(rec, out.logits, labels, unread, unused, correct, n, classes);
    let wanted = rec.temp("one-hot", n * classes);
    map::gather_rows(rec, one_hot, 0, classes, classes, labels, wanted);
    let dlogits = rec.temp("dlogits", n * classes);
    loss::mse(rec, out.logits, wanted, loss, dlogits);
    Ok(Losses { sums, dlogits })
}

/// 2 r / classes, whatever the scores.
fn curvature(rec: &mut Recording, d: &Direction) -> Result<()> {
    map::axpby(rec, 2.0 / d.classes.max(1) as f32, d.along, 0.0, d.out);
    Ok(())
}
