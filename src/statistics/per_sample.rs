//! Every record's own gradient, in slabs of rows.

use super::batches;
use crate::engine::{Buf, Data, Recording};
use crate::error::{Error, Result};
use crate::kernels::map;
use crate::nn::{Mode, Sink};
use crate::records::Use;
use crate::records::{Records, Session};

/// Bytes that a slab of per-sample gradients may take.
pub(crate) const SLAB_BYTES: usize = 64 << 20;

/// Records whose gradients a slab holds.
///
/// # Errors
/// It does not hold one.
pub(crate) fn slab_records(session: &Session) -> Result<usize> {
    let (total, most) = (session.model.layout.total(), (SLAB_BYTES / 4).min(session.engine.max_binding()));
    match most / total.max(1) {
        0 => Err(Error::input(format!(
            "one record's gradient has {total} elements, more than a slab of {most} may hold"
        ))),
        fits => Ok(fits.min(session.batch)),
    }
}

/// A buffer of [`slab_records`] rows, two at least, that stays with the session: lanes between parameters are 0 in it
/// for good.
pub(crate) fn slab(session: &mut Session) -> Result<Buf<f32>> {
    let need = slab_records(session)?.max(2) * session.model.layout.total();
    if let Some(slab) = session.slab.filter(|slab| slab.len >= need) {
        return Ok(slab);
    }
    if session.slab.is_some() {
        // Programs over a slab that was too small would not see this one.
        session.programs.clear();
    }
    let made = session.engine.alloc("per-sample gradients", need)?;
    session.slab = Some(made);
    Ok(made)
}

/// Every record's own gradient, handed over in chunks: `each(first record's place, rows of one flat vector each)`.
pub fn per_sample(
    session: &mut Session,
    records: Records,
    mut each: impl FnMut(usize, &[f32]) -> Result<()>,
) -> Result<()> {
    let batch = slab_records(session)?;
    session.check_records(records, true)?;
    let slab = slab(session)?;
    let mut done = 0;
    for chunk in session.pieces(records, batch, Use::Each) {
        let piece = Records { indices: &chunk, ..records };
        let runs = fill_slab(session, piece, slab, Some("per_sample"), |rec, rows, _| {
            rec.readback(rows);
            Ok(())
        })?;
        each(done, runs[0][0].f32())?;
        done += chunk.len();
    }
    Ok(())
}

/// Every record's own gradient, used where it lies: `each(recording, rows, n)` records what is done with the `n` rows
/// of a batch, [n, parameters of the flat vector], before the next batch takes their place. Called once for each shape
/// of a batch; what it reads back is returned batch by batch.
pub fn per_sample_on_device(
    session: &mut Session,
    records: Records,
    each: impl FnMut(&mut Recording, Buf<f32>, usize) -> Result<()>,
) -> Result<Vec<Vec<Data>>> {
    let slab = slab(session)?;
    fill_slab(session, records, slab, None, each)
}

/// Runs the records in batches that `slab` holds, and what `each` records behind each.
pub(crate) fn fill_slab(
    session: &mut Session,
    records: Records,
    slab: Buf<f32>,
    keep: Option<&'static str>,
    mut each: impl FnMut(&mut Recording, Buf<f32>, usize) -> Result<()>,
) -> Result<Vec<Vec<Data>>> {
    session.check_records(records, true)?;
    let total = session.model.layout.total();
    let batch = slab_records(session)?.min((slab.len / total.max(1)).max(1));
    batches(session, (records, batch, Use::Each), keep, |s, rec, shape, _| {
        let loaded = s.record_load(rec, records.part, shape)?;
        let scored = s.record_losses(rec, &loaded, Mode::Eval, None)?;
        let rows = slab.range(0..scored.n * total);
        if loaded.batch.x.pattern().is_some() {
            // Of sparse features only elements that have entries are written.
            map::fill(rec, rows, 0.0);
        }
        s.model.backward(rec, s.theta, &scored.tape, scored.dlogits, None, Sink::PerSample { slab: rows })?;
        each(rec, rows, scored.n)
    })
}
