//! A batch's forward pass with its loss: what training, statistics and full-set steps record alike.

use super::load::{Batch, Shape, Use};
use super::{Part, Records, Session};
use crate::engine::{ALIGN, Buf, Data, Recording};
use crate::error::Result;
use crate::kernels::edit;
use crate::kernels::loss;
use crate::kernels::{Reduction, reduce};
use crate::nn::{Mode, Sink, Tape};

/// A recorded forward pass with its loss.
pub(crate) struct Scored {
    pub tape: Tape,
    /// Records.
    pub n: usize,
    /// Two halves: losses, and 1 for each right answer, both with 0 between and behind them.
    pub sums: Buf<f32>,
    /// Unscaled gradients [n, classes].
    pub dlogits: Buf<f32>,
}

/// Records whose losses one thread sums.
const FEW: usize = 4096;

impl Scored {
    /// Records each loss and each right answer times its record's weight.
    pub fn record_weighting(&self, rec: &mut Recording, weight: Buf<f32>) {
        let second = self.sums.len / 2;
        edit::mask(rec, self.sums.range(0..self.n), weight);
        edit::mask(rec, self.sums.range(second..second + self.n), weight);
    }

    /// Records `out = [Σ loss, Σ correct]`.
    pub fn record_sums(&self, rec: &mut Recording, out: Buf<f32>) {
        if self.sums.len <= 2 * FEW {
            return reduce::rows(rec, self.sums, out);
        }
        let parts = rec.temp("partial sums", self.sums.len / ALIGN);
        reduce::rows(rec, self.sums, parts);
        reduce::rows(rec, parts, out);
    }
}

/// Records the sums of losses and of right answers as one output of two numbers.
pub(crate) fn record_totals(rec: &mut Recording, scored: &Scored) {
    let totals = rec.temp("totals", 2);
    scored.record_sums(rec, totals);
    rec.readback(totals);
}

impl Session<'_> {
    /// Records a batch of a shape, its forward pass and its cross-entropy.
    pub(crate) fn record_scored(
        &mut self,
        rec: &mut Recording,
        part: Part,
        shape: &Shape,
        mode: Mode,
        step: Option<Buf<u32>>,
    ) -> Result<Scored> {
        if let Shape::Links(records) = shape {
            return self.record_links(rec, part, *records, mode, step);
        }
        let batch = self.record_load(rec, part, shape)?;
        self.record_losses(rec, &batch, mode, step)
    }

    /// Records the forward pass and the cross-entropy of a batch.
    pub(crate) fn record_losses(
        &self,
        rec: &mut Recording,
        batch: &Batch,
        mode: Mode,
        step: Option<Buf<u32>>,
    ) -> Result<Scored> {
        let n = batch.n;
        let tape = self.record_forward(rec, batch, mode, step)?;
        rec.enter("loss");
        // Side by side, so that one dispatch sums both.
        let stride = n.next_multiple_of(ALIGN);
        let sums = rec.temp("loss_and_correct", 2 * stride);
        rec.clear(sums);
        let (loss, correct) = (sums.range(0..n), sums.range(stride..stride + n));
        let dlogits = rec.temp("dlogits", n * self.model.classes);
        loss::softmax_xent(rec, tape.logits, batch.labels, loss, dlogits, correct, n, self.model.classes);
        rec.leave();
        Ok(Scored { tape, n, sums, dlogits })
    }

    /// Records `grad = scale · Σ g_n` (added to what is there if `accumulate`) over a set, in as many batches as it
    /// takes. For full-set steps that are compiled once and run again and again: each run takes the inputs that come
    /// back, and the buffer that comes with them gets [mean loss, accuracy].
    pub fn record_set_gradient(
        &mut self,
        rec: &mut Recording,
        records: Records,
        scale: f32,
        accumulate: bool,
    ) -> Result<(Vec<Data>, Buf<f32>)> {
        self.check_records(records, true)?;
        let pieces = self.pieces(records, self.batch, Use::Together);
        // One row per batch, of which the first two elements are used.
        let each = rec.temp("set sums", pieces.len() * ALIGN);
        rec.clear(each);
        let mut inputs = Vec::new();
        for (i, indices) in pieces.iter().enumerate() {
            let load = self.load(records.part, indices, Use::Together);
            inputs.extend(load.inputs);
            let scored = self.record_scored(rec, records.part, &load.shape, Mode::Eval, None)?;
            let sink = Sink::Mean { grad: self.grad, scale, accumulate: accumulate || i > 0 };
            self.model.backward(rec, self.theta, &scored.tape, scored.dlogits, None, sink)?;
            scored.record_sums(rec, each.range(i * ALIGN..i * ALIGN + 2));
        }
        let means = rec.temp("means", ALIGN);
        let mean = Reduction { alpha: 1.0 / records.indices.len().max(1) as f32, ..Reduction::default() };
        reduce::channels(rec, each, means, pieces.len(), ALIGN, 1, mean);
        Ok((inputs, means.range(0..2)))
    }
}
