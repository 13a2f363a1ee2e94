//! Norms of records' gradients, and sums of gradients no longer than a bound.

#[cfg(test)]
mod tests;

use super::batches;
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::loss;
use crate::nn::{Mode, Sink, SquaredNorms};
use crate::records::Use;
use crate::records::scored::{Scored, record_totals};
use crate::records::{Records, Session};

/// ‖g_n‖ over all parameters for each record, in the records' order, dropout off. No gradient is stored: the work is
/// that of a gradient pass at most.
pub fn norms(session: &mut Session, records: Records) -> Result<Vec<f32>> {
    session.check_records(records, true)?;
    let runs = batches(session, (records, session.batch, Use::Each), Some("norms"), |s, rec, shape, _| {
        let scored = s.record_scored(rec, records.part, shape, Mode::Eval, None)?;
        let squares = record_squared_norms(s, rec, &scored)?;
        rec.readback(squares);
        Ok(())
    })?;
    Ok(runs.iter().flat_map(|r| r[0].f32().iter().map(|s| f64::from(*s).sqrt() as f32)).collect())
}

/// `grad = scale · Σ min(1, clip / ‖g_n‖) g_n` over the records (added to what is there if `accumulate`), dropout off.
/// Returns the mean loss. Exact: a backward pass is linear in a record's logit gradient, so its factor may go to any of
/// the gradients on the way. Where records are single rows of dense numbers the weights' sums are made of what the pass
/// of norms leaves; else there is a second backward pass, of scaled logit gradients.
///
/// # Errors
/// A bound that is not a number above 0.
pub fn clipped(session: &mut Session, records: Records, clip: f32, scale: f32, accumulate: bool) -> Result<f64> {
    session.check_records(records, true)?;
    let grad = session.grad;
    let runs = batches(session, (records, session.batch, Use::Each), None, |s, rec, shape, first| {
        let scored = s.record_scored(rec, records.part, shape, Mode::Eval, None)?;
        let sink = Sink::Mean { grad, scale, accumulate: accumulate || !first };
        record_clipped(s, rec, &scored, (clip, None), None, sink)?;
        record_totals(rec, scored.sums);
        Ok(())
    })?;
    if records.indices.is_empty() && !accumulate {
        session.run(|rec| {
            rec.clear(grad);
            Ok(())
        })?;
    }
    let n = records.indices.len().max(1);
    Ok(runs.iter().map(|r| f64::from(r[0].f32()[0])).sum::<f64>() / n as f64)
}

/// Records what becomes of a scored batch in `sink` when no record's gradient counts for more than `clip`, for steps of
/// differentially private training: `Mean { scale, .. }` gets `scale · Σ weight_n min(1, clip / ‖g_n‖) g_n`. `weight`
/// [n] is 0 for records that only fill the batch up; absent, every record counts once. `step` holds the words of the
/// step where dropout is on. Returns ‖g_n‖² [n].
///
/// # Errors
/// A bound that is not a number above 0; nodes of one graph, whose gradients need a batch of their own surroundings
/// each.
pub(crate) fn record_clipped(
    session: &Session,
    rec: &mut Recording,
    scored: &Scored,
    (clip, weight): (f32, Option<Buf<f32>>),
    step: Option<Buf<u32>>,
    sink: Sink,
) -> Result<Buf<f32>> {
    check_clip(clip)?;
    let norms = apart(session, rec, scored)?;
    let (model, theta) = (&session.model, session.theta);
    let kept = model.backward_kept(rec, theta, &scored.tape, scored.dlogits, step, &norms)?;
    let squares = norms.record_sum(rec);
    let times = |rec: &mut Recording, rows: Buf<f32>| {
        let clipped = rec.temp("clipped", rows.len);
        loss::clip_rows(rec, rows, squares, weight, clipped, clip);
        clipped
    };
    match kept {
        Some(kept) => kept.record_sum(rec, &model.layout, sink, times)?,
        None => {
            let dlogits = times(rec, scored.dlogits);
            model.backward(rec, theta, &scored.tape, dlogits, step, sink)?;
        }
    }
    Ok(squares)
}

/// Records ‖g_n‖² of a scored batch whose records have their rows to themselves.
fn record_squared_norms(session: &Session, rec: &mut Recording, scored: &Scored) -> Result<Buf<f32>> {
    let norms = apart(session, rec, scored)?;
    let sink = Sink::Norms { parts: norms.parts };
    session.model.backward(rec, session.theta, &scored.tape, scored.dlogits, None, sink)?;
    Ok(norms.record_sum(rec))
}

/// Room for the norms of a batch whose records have their rows to themselves.
fn apart(session: &Session, rec: &mut Recording, scored: &Scored) -> Result<SquaredNorms> {
    match scored.tape.records_apart() {
        true => Ok(SquaredNorms::record(rec, &session.model.layout, scored.n)),
        false => Err(Error::input(
            "records that are nodes of one graph in a step have no gradients of their own there; norms and clipping \
                need records that stand alone, or graphs that are records",
        )),
    }
}

fn check_clip(clip: f32) -> Result<()> {
    match clip > 0.0 && clip.is_finite() {
        true => Ok(()),
        false => Err(Error::input(format!("gradients are clipped to a norm above 0, not to {clip}"))),
    }
}
