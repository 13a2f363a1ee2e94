//! What a network says of records beside the given ones: where the loss grows fastest.

use super::batches;
use crate::error::{Error, Result};
use crate::kernels::{edit, map};
use crate::nn::{Batch, Mode, Sink};
use crate::records::Use;
use crate::records::{Records, Session};

/// Logits of each record after the step `size` · sign(∇ℓ) of its features (Goodfellow, Shlens & Szegedy, ICLR 2015, the
/// fast gradient sign method), row after row, dropout off. Clobbers `grad`.
///
/// # Errors
/// Records that do not stand alone.
pub fn logits_beside(session: &mut Session, records: Records, size: f64) -> Result<Vec<f32>> {
    session.check_records(records, true)?;
    session.needs_alone(|| "steps of a record's features are of records that stand alone, not of graphs".to_owned())?;
    let grad = session.grad;
    let runs = batches(session, (records, session.batch, Use::Together), None, |s, rec, shape, _| {
        let loaded = s.record_load(rec, records.part, shape)?;
        let (n, x) = (loaded.n, loaded.batch.x.values());
        let scored = s.record_losses(rec, &loaded, Mode::Eval, None)?;
        let sink = Sink::Mean { grad, scale: 1.0, accumulate: false };
        let dx = s.model.backward_to_input(rec, s.theta, &scored.tape, scored.dlogits, None, sink)?;
        let dx = dx.ok_or_else(|| Error::input("the network has no gradient to its input"))?;
        let (step, near) = (rec.temp("step size", 1), rec.temp("beside", x.len));
        map::fill(rec, step, size as f32);
        map::axpby(rec, 1.0, x, 0.0, near);
        edit::add_sign(rec, near, dx, step);
        let tape = s.model.forward(rec, s.values(), &Batch::dense(near, n), Mode::Eval, None)?;
        rec.readback(tape.logits);
        Ok(())
    })?;
    Ok(runs.iter().flat_map(|r| r[0].f32().to_vec()).collect())
}
