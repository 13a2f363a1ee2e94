//! Every record's own gradient, in slabs of rows.

use super::load::Use;
use super::session::{Records, Session};
use crate::engine::{Buf, Data, Recording};
use crate::error::{Error, Result};
use crate::kernels::map;
use crate::nn::{Mode, Sink};

/// Bytes that a slab of per-sample gradients may take.
pub(super) const SLAB_BYTES: usize = 64 << 20;

impl Session<'_> {
    /// Records whose gradients a slab holds.
    ///
    /// # Errors
    /// It does not hold one.
    pub(super) fn slab_records(&self) -> Result<usize> {
        let (total, most) = (self.model.layout.total(), (SLAB_BYTES / 4).min(self.engine.max_binding()));
        match most / total.max(1) {
            0 => Err(Error::input(format!(
                "one record's gradient has {total} elements, more than a slab of {most} may hold"
            ))),
            fits => Ok(fits.min(self.batch)),
        }
    }

    /// A buffer of [`Session::slab_records`] rows, two at least, that stays with the session: lanes between parameters are 0 in it
    /// for good.
    pub(super) fn slab(&mut self) -> Result<Buf<f32>> {
        let need = self.slab_records()?.max(2) * self.model.layout.total();
        if let Some(slab) = self.slab.filter(|slab| slab.len >= need) {
            return Ok(slab);
        }
        if self.slab.is_some() {
            // Programs over a slab that was too small would not see this one.
            self.programs.clear();
        }
        let made = self.engine.alloc("per-sample gradients", need)?;
        self.slab = Some(made);
        Ok(made)
    }

    /// Every record's own gradient, handed over in chunks: `each(first record's place, rows of one flat vector each)`.
    pub fn per_sample(&mut self, records: Records, mut each: impl FnMut(usize, &[f32]) -> Result<()>) -> Result<()> {
        let batch = self.slab_records()?;
        self.check_records(records, true)?;
        let slab = self.slab()?;
        let mut done = 0;
        for chunk in self.pieces(records, batch, Use::Each) {
            let piece = Records { indices: &chunk, ..records };
            let runs = self.fill_slab(piece, slab, Some("per_sample"), |rec, rows, _| {
                rec.readback(rows);
                Ok(())
            })?;
            each(done, runs[0][0].f32())?;
            done += chunk.len();
        }
        Ok(())
    }

    /// Every record's own gradient, used where it lies: `each(recording, rows, n)` records what is done with the `n` rows of a
    /// batch, [n, parameters of the flat vector], before the next batch takes their place. Called once for each shape of a batch;
    /// what it reads back is returned batch by batch.
    pub fn per_sample_on_device(
        &mut self,
        records: Records,
        each: impl FnMut(&mut Recording, Buf<f32>, usize) -> Result<()>,
    ) -> Result<Vec<Vec<Data>>> {
        let slab = self.slab()?;
        self.fill_slab(records, slab, None, each)
    }

    /// Runs the records in batches that `slab` holds, and what `each` records behind each.
    pub(super) fn fill_slab(
        &mut self,
        records: Records,
        slab: Buf<f32>,
        keep: Option<&'static str>,
        mut each: impl FnMut(&mut Recording, Buf<f32>, usize) -> Result<()>,
    ) -> Result<Vec<Vec<Data>>> {
        self.check_records(records, true)?;
        let total = self.model.layout.total();
        let batch = self.slab_records()?.min((slab.len / total.max(1)).max(1));
        self.batches((records, batch, Use::Each), keep, |s, rec, shape, _| {
            let scored = s.record_scored(rec, records.part, shape, Mode::Eval, None)?;
            let rows = slab.range(0..scored.n * total);
            if s.is_graph() {
                // Of sparse features only elements that have entries are written.
                map::fill(rec, rows, 0.0);
            }
            s.model.backward(rec, s.theta, &scored.tape, scored.dlogits, None, Sink::PerSample { slab: rows })?;
            each(rec, rows, scored.n)
        })
    }
}
