//! The empirical Fisher diagonal over one set of records or several, and the memory that it takes.

use super::batches;
use crate::engine::Buf;
use crate::error::Result;
use crate::kernels::map;
use crate::nn::{Mode, Sink};
use crate::records::Use;
use crate::records::{Records, Session};

/// Bytes of a pass over records, beside the parameters and the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Footprint {
    /// By the memory plan of its programs, and the vectors that it fills.
    pub planned: u64,
    /// Held by the engine for it at the most; on the reference engine the vectors alone.
    pub measured: u64,
}

/// Empirical Fisher diagonal: `out = (1/N) Σ g_n²`, exact per sample. Clobbers `grad`.
pub fn fisher(session: &mut Session, records: Records, out: Buf<f32>) -> Result<()> {
    fisher_sets(session, &[(records, out)])
}

/// [`fisher`] of several sets, one vector each (by class, or of the retained and the forgotten records), in one pass
/// over the data: no batch holds records of two sets, and all share their programs. Clobbers `grad`.
pub fn fisher_sets(session: &mut Session, sets: &[(Records, Buf<f32>)]) -> Result<()> {
    sets.iter().try_for_each(|(records, _)| session.check_records(*records, true))?;
    let squares = session.grad;
    session.run(|rec| {
        rec.clear(squares);
        Ok(())
    })?;
    for (records, out) in sets {
        batches(session, (*records, session.batch, Use::Each), Some("fisher"), |s, rec, shape, _| {
            let scored = s.record_scored(rec, records.part, shape, Mode::Eval, None)?;
            let sink = Sink::SquareSum { squares, accumulate: true };
            s.model.backward(rec, s.theta, &scored.tape, scored.dlogits, None, sink)
        })?;
        let mean = (1.0 / records.indices.len().max(1) as f64) as f32;
        session.run(|rec| {
            map::axpby(rec, mean, squares, 0.0, *out);
            rec.clear(squares);
            Ok(())
        })?;
    }
    Ok(())
}

/// Runs [`fisher`] and says what memory it took. Programs and temporaries of earlier work are given back first.
pub fn fisher_footprint(session: &mut Session, records: Records, out: Buf<f32>) -> Result<Footprint> {
    session.programs.clear();
    let mark = session.engine.mark();
    // Of kept buffers none is younger than this mark: only the temporaries go.
    session.engine.release(mark);
    let before = session.engine.held_bytes();
    session.engine.take_peak();
    session.planned = 0;
    fisher(session, records, out)?;
    let vectors = 4 * (session.grad.len + out.len) as u64;
    let held = session.engine.take_peak().saturating_sub(before);
    Ok(Footprint { planned: session.planned + vectors, measured: held + vectors })
}
