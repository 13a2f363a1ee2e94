//! Backward passes under the labels that an estimator takes: the records' own, every class, or classes drawn from the
//! model. One pass over the data for everything that is an expectation over labels.

use super::batches;
use super::estimator::Estimator;
use crate::engine::Recording;
use crate::error::Result;
use crate::nn::{Mode, Sink};
use crate::records::{Records, Session, Use};

/// One backward pass of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct LabelPass {
    /// No other pass of any batch goes before it.
    pub first: bool,
    /// No other pass of its batch goes before it.
    pub first_of_batch: bool,
    /// What a sum over it counts for in the expectation.
    pub weight: f64,
}

/// Runs `records` in batches in which every record has its rows to itself, dropout off, and records into
/// `sink(recording, pass)` a backward pass for each label that `how` takes. Returns the weight of a pass.
///
/// # Errors
/// A record that does not exist or has no class; a layer that the sink does not suit.
pub(super) fn each_label(
    session: &mut Session,
    records: Records,
    how: Estimator,
    mut sink: impl FnMut(&mut Recording, LabelPass) -> Sink,
) -> Result<f64> {
    let classes = session.model.classes;
    let (passes, weight) = if how == Estimator::PerSample { (1, 1.0) } else { how.passes(classes) };
    batches(session, (records, session.batch, Use::Each), None, |s, rec, shape, first| {
        let loaded = s.record_load(rec, records.part, shape)?;
        let ids = loaded.targets.ids()?;
        if how == Estimator::PerSample {
            let scored = s.record_losses(rec, &loaded, Mode::Eval, None)?;
            let sink = sink(rec, LabelPass { first, first_of_batch: true, weight });
            return s.model.backward(rec, s.theta, &scored.tape, scored.dlogits, None, sink);
        }
        let tape = s.record_forward(rec, &loaded, Mode::Eval, None)?;
        for pass in 0..passes {
            let dlogits = how.record_pass(rec, pass, tape.logits, ids, classes);
            let first_of_batch = pass == 0;
            let sink = sink(rec, LabelPass { first: first && first_of_batch, first_of_batch, weight });
            s.model.backward(rec, s.theta, &tape, dlogits, None, sink)?;
        }
        Ok(())
    })?;
    Ok(weight)
}
