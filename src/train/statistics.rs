//! Losses, gradients, Fisher diagonals and per-sample gradients over sets of records, all on the GPU.

use super::session::{Records, Session};
use crate::engine::{ALIGN, Buf, Data, Program, Recording};
use crate::error::{Error, Result};
use crate::kernels::map::{self, Unary};
use crate::kernels::{loss, reduce};
use crate::nn::{Mode, Sink, Tape};

/// Mean loss and accuracy of a set.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Score {
    pub loss: f64,
    pub accuracy: f64,
    pub count: usize,
}

/// A recorded forward pass with its loss.
pub(super) struct Scored {
    pub tape: Tape,
    pub loss: Buf<f32>,
    pub correct: Buf<f32>,
    pub dlogits: Buf<f32>,
}

/// Bytes that a slab of per-sample gradients may take.
const SLAB_BYTES: usize = 64 << 20;

impl Session<'_> {
    /// Records gather, forward and cross-entropy of the records that `idx` lists.
    pub(super) fn record_scored(
        &self,
        rec: &mut Recording,
        part: super::Part,
        idx: Buf<u32>,
        mode: Mode,
        step: Option<Buf<u32>>,
    ) -> Result<Scored> {
        rec.enter("batch");
        let (x, labels) = self.part(part)?.gather(rec, idx);
        rec.leave();
        let n = idx.len;
        let tape = self.model.forward(rec, self.theta, x, n, mode, step)?;
        rec.enter("loss");
        let (loss, correct) = (rec.temp("loss", n), rec.temp("correct", n));
        let dlogits = rec.temp("dlogits", n * self.model.classes);
        loss::softmax_xent(rec, tape.logits, labels, loss, dlogits, correct, n, self.model.classes);
        rec.leave();
        Ok(Scored { tape, loss, correct, dlogits })
    }

    /// Runs `records` through a program per batch size; each run takes an index list and returns one output.
    fn batches(
        &mut self,
        records: Records,
        batch: usize,
        mut record: impl FnMut(&mut Self, &mut Recording, Buf<u32>, bool) -> Result<()>,
    ) -> Result<Vec<Vec<Data>>> {
        self.check_records(records)?;
        let mut programs: Vec<((usize, bool), Program)> = Vec::new();
        let mut out = Vec::new();
        let mut flying = std::collections::VecDeque::new();
        for (i, indices) in records.indices.chunks(batch).enumerate() {
            let key = (indices.len(), i == 0);
            if !programs.iter().any(|(k, _)| *k == key) {
                let mut rec = self.recording();
                let idx = rec.temp("idx", indices.len());
                rec.upload(idx);
                record(self, &mut rec, idx, i == 0)?;
                programs.push((key, self.engine.compile(rec)?));
            }
            let Some((_, program)) = programs.iter().find(|(k, _)| *k == key) else { continue };
            flying.push_back(self.engine.submit(program, &[Data::U32(indices.to_vec())])?);
            if flying.len() >= 3
                && let Some(ticket) = flying.pop_front()
            {
                out.push(self.engine.wait(ticket)?);
            }
        }
        for ticket in flying {
            out.push(self.engine.wait(ticket)?);
        }
        Ok(out)
    }

    fn check_records(&self, records: Records) -> Result<()> {
        let len = self.part(records.part)?.len;
        match records.indices.iter().find(|i| **i as usize >= len) {
            Some(i) => {
                Err(Error::input(format!("record {i} does not exist: the {:?} split has {len} records", records.part)))
            }
            None => Ok(()),
        }
    }

    /// Logits of each record, row after row, dropout off.
    pub fn logits(&mut self, records: Records) -> Result<Vec<f32>> {
        let batch = self.batch;
        let runs = self.batches(records, batch, |s, rec, idx, _| {
            let (x, _) = s.part(records.part)?.gather(rec, idx);
            let tape = s.model.forward(rec, s.theta, x, idx.len, Mode::Eval, None)?;
            rec.readback(tape.logits);
            Ok(())
        })?;
        Ok(runs.iter().flat_map(|r| r[0].f32().to_vec()).collect())
    }

    /// Mean loss and accuracy; two scalars a batch come back.
    pub fn score(&mut self, records: Records) -> Result<Score> {
        let batch = self.batch;
        let runs = self.batches(records, batch, |s, rec, idx, _| {
            let scored = s.record_scored(rec, records.part, idx, Mode::Eval, None)?;
            record_totals(rec, &scored);
            Ok(())
        })?;
        let sum = |i: usize| runs.iter().map(|r| f64::from(r[i].f32()[0])).sum::<f64>();
        let n = records.indices.len();
        Ok(Score { loss: sum(0) / n as f64, accuracy: sum(1) / n as f64, count: n })
    }

    /// `grad = scale · Σ g_n` over the records (added to what is there if `accumulate`), dropout off. Returns the mean loss.
    pub fn gradient(&mut self, records: Records, scale: f32, accumulate: bool) -> Result<f64> {
        let (batch, grad) = (self.batch, self.grad);
        let runs = self.batches(records, batch, |s, rec, idx, first| {
            let scored = s.record_scored(rec, records.part, idx, Mode::Eval, None)?;
            let sink = Sink::Mean { grad, scale, accumulate: accumulate || !first };
            s.model.backward(rec, s.theta, &scored.tape, scored.dlogits, None, sink)?;
            record_totals(rec, &scored);
            Ok(())
        })?;
        let n = records.indices.len().max(1);
        Ok(runs.iter().map(|r| f64::from(r[0].f32()[0])).sum::<f64>() / n as f64)
    }

    /// Empirical Fisher diagonal: `out = (1/N) Σ g_n²`, exact per sample. Clobbers `grad`.
    pub fn fisher(&mut self, records: Records, out: Buf<f32>) -> Result<()> {
        let (batch, squares) = (self.batch, self.grad);
        self.batches(records, batch, |s, rec, idx, first| {
            let scored = s.record_scored(rec, records.part, idx, Mode::Eval, None)?;
            let sink = Sink::SquareSum { squares, accumulate: !first };
            s.model.backward(rec, s.theta, &scored.tape, scored.dlogits, None, sink)
        })?;
        let mean = (1.0 / records.indices.len().max(1) as f64) as f32;
        self.run(|rec| {
            map::axpby(rec, mean, squares, 0.0, out);
            Ok(())
        })?;
        Ok(())
    }

    /// Fisher information diagonal: `out = (1/N) Σ_n Σ_y p(y|x_n) (∂ log p(y|x_n))²`, the expectation over the model's own
    /// labels instead of the true ones, exact per sample. One backward pass per class. Clobbers `grad`.
    pub fn model_fisher(&mut self, records: Records, out: Buf<f32>) -> Result<()> {
        let (batch, squares, classes) = (self.batch, self.grad, self.model.classes);
        self.batches(records, batch, |s, rec, idx, first| {
            let (x, _) = s.part(records.part)?.gather(rec, idx);
            let tape = s.model.forward(rec, s.theta, x, idx.len, Mode::Eval, None)?;
            for label in 0..classes {
                let dlogits = rec.temp("dlogits", idx.len * classes);
                loss::label_score(rec, tape.logits, dlogits, classes, label);
                let sink = Sink::SquareSum { squares, accumulate: !first || label > 0 };
                s.model.backward(rec, s.theta, &tape, dlogits, None, sink)?;
            }
            Ok(())
        })?;
        let mean = (1.0 / records.indices.len().max(1) as f64) as f32;
        self.run(|rec| {
            map::axpby(rec, mean, squares, 0.0, out);
            Ok(())
        })?;
        Ok(())
    }

    /// The quantity that SSD's public code calls importance: the mean over batches of the squared batch-mean gradient.
    /// It depends on the batch size and is not the Fisher diagonal. Clobbers `grad`.
    pub fn batch_mean_squares(&mut self, records: Records, batch: usize, out: Buf<f32>) -> Result<()> {
        let grad = self.grad;
        let count = records.indices.len().div_ceil(batch).max(1);
        self.batches(records, batch, |s, rec, idx, first| {
            let scored = s.record_scored(rec, records.part, idx, Mode::Eval, None)?;
            let sink = Sink::Mean { grad, scale: 1.0 / idx.len as f32, accumulate: false };
            s.model.backward(rec, s.theta, &scored.tape, scored.dlogits, None, sink)?;
            let squares = rec.temp("squares", grad.len);
            map::unary(rec, Unary::Square, grad, squares);
            map::axpby(rec, 1.0 / count as f32, squares, if first { 0.0 } else { 1.0 }, out);
            Ok(())
        })?;
        Ok(())
    }

    /// Every record's own gradient, handed over in chunks: `each(first record's place, rows of one flat vector each)`.
    pub fn per_sample(&mut self, records: Records, mut each: impl FnMut(usize, &[f32]) -> Result<()>) -> Result<()> {
        let total = self.model.layout.total();
        let fits = (SLAB_BYTES / 4).min(self.engine.max_binding()) / total.max(1);
        if fits == 0 {
            return Err(Error::input(format!(
                "one record's gradient has {total} elements, more than a slab of {} may hold",
                (SLAB_BYTES / 4).min(self.engine.max_binding())
            )));
        }
        let batch = fits.min(self.batch);
        let mut done = 0;
        for chunk in records.indices.chunks(batch) {
            let runs = self.batches(Records { indices: chunk, ..records }, batch, |s, rec, idx, _| {
                let scored = s.record_scored(rec, records.part, idx, Mode::Eval, None)?;
                let slab = rec.temp("slab", idx.len * total);
                map::fill(rec, slab, 0.0);
                s.model.backward(rec, s.theta, &scored.tape, scored.dlogits, None, Sink::PerSample { slab })?;
                rec.readback(slab);
                Ok(())
            })?;
            each(done, runs[0][0].f32())?;
            done += chunk.len();
        }
        Ok(())
    }

    /// Records `grad = scale · Σ g_n` (added to what is there if `accumulate`) over an index list, in as many batches as
    /// it takes, and the set's mean loss and accuracy into one element each. For full-set steps that are compiled once
    /// and run again and again.
    pub fn record_set_gradient(
        &self,
        rec: &mut Recording,
        part: super::Part,
        idx: Buf<u32>,
        scale: f32,
        accumulate: bool,
        [mean_loss, accuracy]: [Buf<f32>; 2],
    ) -> Result<()> {
        // Ranges of the list must start aligned.
        let batch = self.batch.next_multiple_of(ALIGN);
        let len = idx.len.div_ceil(batch) * ALIGN;
        let (losses, corrects) = (rec.temp("losses", len), rec.temp("corrects", len));
        map::fill(rec, losses, 0.0);
        map::fill(rec, corrects, 0.0);
        for (i, start) in (0..idx.len).step_by(batch).enumerate() {
            let some = idx.range(start..(start + batch).min(idx.len));
            let scored = self.record_scored(rec, part, some, Mode::Eval, None)?;
            let sink = Sink::Mean { grad: self.grad, scale, accumulate: accumulate || i > 0 };
            self.model.backward(rec, self.theta, &scored.tape, scored.dlogits, None, sink)?;
            reduce::total(rec, scored.loss, losses.range(i * ALIGN..i * ALIGN + 1), 1.0, false);
            reduce::total(rec, scored.correct, corrects.range(i * ALIGN..i * ALIGN + 1), 1.0, false);
        }
        let each = 1.0 / idx.len.max(1) as f32;
        reduce::total(rec, losses, mean_loss, each, false);
        reduce::total(rec, corrects, accuracy, each, false);
        Ok(())
    }
}

/// Records the sums of losses and of correct answers as two scalar outputs.
fn record_totals(rec: &mut Recording, scored: &Scored) {
    let (loss, correct) = (rec.temp("loss_sum", 1), rec.temp("correct_sum", 1));
    reduce::total(rec, scored.loss, loss, 1.0, false);
    reduce::total(rec, scored.correct, correct, 1.0, false);
    rec.readback(loss);
    rec.readback(correct);
}
