//! Batches whose losses a lesson makes, and what lessons know of single records.

use super::batch::{Loaded, Shape};
use super::objective::{Lesson, Outputs, Towards, side_by_side, steered};
use super::part::{Part, Records};
use super::scored::Scored;
use super::session::Session;
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::map;
use crate::nn::Mode;

impl Session<'_> {
    /// Records a batch of a shape, its forward pass and what a lesson makes of its losses.
    pub(crate) fn record_taught(
        &mut self,
        rec: &mut Recording,
        (part, shape): (Part, &Shape),
        lesson: Lesson,
        mode: Mode,
        step: Option<Buf<u32>>,
    ) -> Result<Scored> {
        let loaded = self.record_load(rec, part, shape)?;
        let loaded = self.augmented(rec, loaded, mode, step)?;
        if let Lesson::Steered { layers, towards, weight } = lesson {
            return self.record_steered(rec, &loaded, (layers, towards, weight), (mode, step));
        }
        let taught = match lesson.teacher() {
            Some(values) => {
                rec.enter("teacher");
                let tape = self.model.forward(rec, values, &loaded.batch, Mode::Eval, None)?;
                rec.leave();
                Some(tape.logits)
            }
            None => None,
        };
        let tape = self.record_forward(rec, &loaded, mode, step)?;
        let (n, classes, kept, delta) = (loaded.n, self.model.classes, self.kept, self.delta);
        rec.enter("lesson");
        let outputs = Outputs { batch: &loaded.batch, logits: tape.logits, at: None, n, classes, kept, delta, step };
        let made = (self.objective.record)(rec, &outputs, &loaded.targets)?;
        lesson.record(rec, &outputs, &loaded.targets, &made, taught)?;
        rec.leave();
        Ok(Scored { tape, n, sums: made.sums, dlogits: made.dlogits })
    }

    /// Records what the first layers make of a batch, and how far that is from where it is steered. No answer is right
    /// or wrong.
    fn record_steered(
        &mut self,
        rec: &mut Recording,
        loaded: &Loaded,
        (layers, towards, weight): (usize, Towards, f64),
        how: (Mode, Option<Buf<u32>>),
    ) -> Result<Scored> {
        let (n, batch) = (loaded.n, &loaded.batch);
        if batch.segments.is_none() && batch.n != n {
            return Err(Error::internal("activations of rows that are no records"));
        }
        let tape = self.model.forward_first(rec, self.values(), batch, how, layers)?;
        let h = tape.logits;
        let t = match towards {
            Towards::Direction(direction) => {
                let t = rec.temp("direction of rows", h.len);
                rec.clear(t);
                map::bias(rec, t, direction, batch.n, direction.len, 1);
                t
            }
            Towards::Those(values) => {
                rec.enter("teacher");
                let tape = self.model.forward_first(rec, values, batch, (Mode::Eval, None), layers)?;
                rec.leave();
                tape.logits
            }
        };
        let (classes, kept, delta, step) = (self.model.classes, self.kept, self.delta, how.1);
        rec.enter("lesson");
        let outputs = Outputs { batch, logits: h, at: None, n, classes, kept, delta, step };
        let (sums, losses, _) = side_by_side(rec, n);
        let dlogits = steered(rec, &outputs, &loaded.targets, [h, t], (weight, losses))?;
        rec.leave();
        Ok(Scored { tape, n, sums, dlogits })
    }

    /// Puts numbers of records, `width` each, where a lesson finds them by the records' ids; `name` keeps tables apart.
    ///
    /// # Errors
    /// No memory; not `width` numbers a record.
    pub fn table(&mut self, name: &'static str, records: Records, width: usize, numbers: &[f32]) -> Result<Buf<f32>> {
        let rows = records.indices.iter().max().map_or(0, |last| *last as usize + 1);
        if numbers.len() != records.indices.len() * width {
            let (len, count) = (numbers.len(), records.indices.len());
            return Err(Error::internal(format!("{name}: {len} numbers of {count} records")));
        }
        let mut all = vec![0.0; rows * width];
        for (id, row) in records.indices.iter().zip(numbers.chunks_exact(width)) {
            all[*id as usize * width..(*id as usize + 1) * width].copy_from_slice(row);
        }
        let table = self.block(name, all.len())?;
        self.engine.write(table, &all)?;
        Ok(table)
    }
}
