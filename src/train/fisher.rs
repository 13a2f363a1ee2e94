//! The empirical Fisher diagonal over one set of records or several, and the memory that it takes.

use super::load::Use;
use super::session::{Records, Session};
use crate::engine::Buf;
use crate::error::Result;
use crate::kernels::map;
use crate::nn::{Mode, Sink};

/// Bytes of a pass over records, beside the parameters and the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Footprint {
    /// By the memory plan of its programs, and the vectors that it fills.
    pub planned: u64,
    /// Held by the engine for it at the most; on the reference engine the vectors alone.
    pub measured: u64,
}

impl Session<'_> {
    /// Empirical Fisher diagonal: `out = (1/N) Σ g_n²`, exact per sample. Clobbers `grad`.
    pub fn fisher(&mut self, records: Records, out: Buf<f32>) -> Result<()> {
        self.fisher_sets(&[(records, out)])
    }

    /// [`Session::fisher`] of several sets, one vector each (by class, or of what stays and what goes), in one pass over the
    /// data: no batch holds records of two sets, and all share their programs. Clobbers `grad`.
    pub fn fisher_sets(&mut self, sets: &[(Records, Buf<f32>)]) -> Result<()> {
        sets.iter().try_for_each(|(records, _)| self.check_records(*records, true))?;
        let squares = self.grad;
        self.run(|rec| {
            rec.clear(squares);
            Ok(())
        })?;
        for (records, out) in sets {
            self.batches((*records, self.batch, Use::Each), Some("fisher"), |s, rec, shape, _| {
                let scored = s.record_scored(rec, records.part, shape, Mode::Eval, None)?;
                let sink = Sink::SquareSum { squares, accumulate: true };
                s.model.backward(rec, s.theta, &scored.tape, scored.dlogits, None, sink)
            })?;
            let mean = (1.0 / records.indices.len().max(1) as f64) as f32;
            self.run(|rec| {
                map::axpby(rec, mean, squares, 0.0, *out);
                rec.clear(squares);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Runs [`Session::fisher`] and says what memory it took. Programs and temporaries of earlier work are given back first.
    pub fn fisher_footprint(&mut self, records: Records, out: Buf<f32>) -> Result<Footprint> {
        self.programs.clear();
        let mark = self.engine.mark();
        // Of kept buffers none is younger than this mark: only the temporaries go.
        self.engine.release(mark);
        let before = self.engine.held_bytes();
        self.engine.take_peak();
        self.planned = 0;
        self.fisher(records, out)?;
        let vectors = 4 * (self.grad.len + out.len) as u64;
        let held = self.engine.take_peak().saturating_sub(before);
        Ok(Footprint { planned: self.planned + vectors, measured: held + vectors })
    }
}
