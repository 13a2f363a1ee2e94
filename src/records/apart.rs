//! Batches of text whose logits are not held at once. A vocabulary of 50 000 makes of 2048 tokens 400 MB of logits,
//! and as much of their gradients: rows go through the last layer and its loss a part at a time, each part's
//! gradient goes on at once, and only what the last layer is given, and its gradient, lie there whole.

use std::ops::Range;

use super::batch::{Loaded, Shape};
use super::objective::{Of, of_texts, of_tokens};
use super::{Part, Session};
use crate::engine::{ALIGN, Buf, Recording};
use crate::error::Result;
use crate::kernels::{attention, edit, map};
use crate::nn::{Head, Mode, Sink, Tape};

/// Where a pass over a batch sends its gradients: a sink of means, and what every record's is multiplied by.
pub(crate) type Descent = (Sink, Option<Buf<f32>>);

impl Session<'_> {
    /// Rows of a part, where a batch's logits are not held at once.
    fn parted(&self, shape: &Shape) -> Option<usize> {
        let &Shape::Tokens { rows, .. } = shape else { return None };
        let classes = self.model.classes;
        let parted = self.objective.of == Of::Tokens && rows * classes > self.held && self.model.is_parted();
        parted.then(|| (self.held / classes / ALIGN).max(1) * ALIGN)
    }

    /// Records a batch of a shape, its forward pass and its losses and, where there is a sink of means for them, its
    /// gradients: what training and sums over records need. Returns the two halves of [`super::scored::Scored::sums`].
    ///
    /// # Errors
    /// A batch of another kind; what the network and its objective refuse.
    pub(crate) fn record_pass(
        &mut self,
        rec: &mut Recording,
        (part, shape): (Part, &Shape),
        mode: Mode,
        step: Option<Buf<u32>>,
        descent: Option<Descent>,
    ) -> Result<Buf<f32>> {
        let Some(most) = self.parted(shape) else {
            let scored = self.record_summed(rec, part, shape, mode, step)?;
            if let Some((sink, factor)) = descent {
                let dlogits = factor.map_or(scored.dlogits, |factor| times(rec, scored.dlogits, factor));
                self.model.backward(rec, self.theta, &scored.tape, dlogits, step, sink)?;
            }
            return Ok(scored.sums);
        };
        let loaded = self.record_load(rec, part, shape)?;
        let weight = loaded.targets.tokens()?.1;
        let tape = self.model.forward_body(rec, self.values(), &loaded.batch, mode, step)?;
        let sink = descent.map(|(sink, _)| sink);
        let (made, slopes, head) = self.record_parts(rec, &loaded, &tape, (mode, most), sink)?;
        let segments = loaded.segments()?;
        let sums = of_texts(rec, &segments, made, weight, loaded.n);
        if let (Some(sink), Some(slopes)) = (sink, slopes) {
            self.model.backward_body(rec, self.theta, &tape, slopes, step, sink, head)?;
        }
        Ok(sums)
    }

    /// Records the losses of a batch's tokens, and 1 for each that is the likeliest.
    ///
    /// # Errors
    /// Records that are no texts.
    pub(crate) fn record_tokens(&mut self, rec: &mut Recording, part: Part, shape: &Shape) -> Result<[Buf<f32>; 2]> {
        let loaded = self.record_load(rec, part, shape)?;
        let labels = loaded.targets.tokens()?.0;
        let Some(most) = self.parted(shape) else {
            let tape = self.record_forward(rec, &loaded, Mode::Eval, None)?;
            let made = ["losses of tokens", "right tokens"].map(|name| rec.temp(name, labels.len));
            of_tokens(rec, tape.logits, labels, made, self.model.classes);
            return Ok(made);
        };
        let tape = self.model.forward_body(rec, self.values(), &loaded.batch, Mode::Eval, None)?;
        Ok(self.record_parts(rec, &loaded, &tape, (Mode::Eval, most), None)?.0)
    }

    /// Records the logits [rows.len, classes] of some rows of a batch alone.
    ///
    /// # Errors
    /// Those of the network.
    pub(crate) fn record_logits_of(&self, rec: &mut Recording, loaded: &Loaded, rows: Buf<u32>) -> Result<Buf<f32>> {
        let parted = self.model.is_parted();
        let tape = match parted {
            true => self.model.forward_body(rec, self.values(), &loaded.batch, Mode::Eval, None)?,
            false => self.record_forward(rec, loaded, Mode::Eval, None)?,
        };
        let n = loaded.batch.n;
        let width = tape.logits.len.checked_div(n).unwrap_or(0);
        let some = rec.temp("some rows", rows.len * width);
        map::gather_rows(rec, tape.logits, 0, n, width, rows, some);
        match parted {
            true => Ok(self.model.head_forward(rec, self.values(), some, Mode::Eval)?.0),
            false => Ok(some),
        }
    }

    /// Records the last layer and the loss of a batch, `most` rows at a time, and the last layer's gradients where
    /// there is a sink for them; returns the tokens' losses and right answers, the gradients of what the last layer
    /// was given, and what it left for the layers before it.
    #[expect(clippy::type_complexity, reason = "three things that the two callers take apart at once")]
    fn record_parts(
        &self,
        rec: &mut Recording,
        loaded: &Loaded,
        tape: &Tape,
        (mode, most): (Mode, usize),
        sink: Option<Sink>,
    ) -> Result<([Buf<f32>; 2], Option<Buf<f32>>, Option<Head>)> {
        let ((labels, weight), x, rows) = (loaded.targets.tokens()?, tape.logits, loaded.batch.n);
        let (width, classes) = (x.len.checked_div(rows).unwrap_or(0), self.model.classes);
        let made = ["losses of tokens", "right tokens"].map(|name| rec.temp(name, labels.len));
        let slopes = sink.map(|_| rec.temp("slopes of features", x.len));
        let mut head = None;
        for from in (0..rows).step_by(most) {
            let part: Range<usize> = from..rows.min(from + most);
            let of = part.start * width..part.end * width;
            let (logits, saved) = self.model.head_forward(rec, self.values(), x.range(of.clone()), mode)?;
            rec.enter("loss");
            let slope =
                of_tokens(rec, logits, labels.range(part.clone()), made.map(|b| b.range(part.clone())), classes);
            let dlogits = sink.map(|_| rec.temp("dlogits", slope.len));
            if let Some(dlogits) = dlogits {
                attention::scale_heads(rec, slope, weight.range(part), dlogits, classes);
            }
            rec.leave();
            if let (Some(sink), Some(dlogits), Some(slopes)) = (sink, dlogits, slopes) {
                let sink = if from == 0 { sink } else { sink.added() };
                let dx = self.model.head_backward(rec, self.theta, &saved, dlogits, sink, &mut head)?;
                rec.copy(dx, slopes.range(of));
            }
        }
        Ok((made, slopes, head))
    }
}

/// Records `x` times a number.
pub(crate) fn times(rec: &mut Recording, x: Buf<f32>, factor: Buf<f32>) -> Buf<f32> {
    let y = rec.temp("weighted mean", x.len);
    rec.clear(y);
    edit::step(rec, y, x, factor, 1.0);
    y
}

#[cfg(test)]
mod tests;
