//! Losses, gradients and Fisher diagonals over sets of records, all on the GPU; and how a set is run in batches.

use std::collections::{HashMap, VecDeque};

use super::load::{Load, Shape, Use};
use super::scored::record_totals;
use super::session::{Records, Session};
use crate::engine::{Buf, Data, Program, Recording};
use crate::error::{Error, Result};
use crate::kernels::map::{self, Unary};
use crate::nn::{Mode, Sink};

/// Mean loss and accuracy of a set.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Score {
    pub loss: f64,
    pub accuracy: f64,
    pub count: usize,
}

impl Session<'_> {
    /// Runs `records` through a program per shape of batch; each run takes a batch and returns the outputs. Programs
    /// under a name are kept for the next call.
    pub(super) fn batches(
        &mut self,
        (records, batch, how): (Records, usize, Use),
        keep: Option<&'static str>,
        mut record: impl FnMut(&mut Self, &mut Recording, &Shape, bool) -> Result<()>,
    ) -> Result<Vec<Vec<Data>>> {
        let mut programs: HashMap<(Shape, bool), Program> = HashMap::new();
        let mut out = Vec::new();
        let mut flying = VecDeque::new();
        for (i, indices) in self.pieces(records, batch, how).iter().enumerate() {
            let Load { shape, inputs } = self.load(records.part, indices, how);
            // Surroundings of nodes hardly ever have the same size twice.
            let recurs = how == Use::Together || !matches!(shape, Shape::Part { .. });
            let kept = keep.filter(|_| recurs).map(|name| (name, records.part, shape.clone()));
            let key = (shape, i == 0);
            let known = kept.as_ref().is_some_and(|k| self.programs.contains_key(k)) || programs.contains_key(&key);
            if !known {
                let mut rec = self.recording();
                record(self, &mut rec, &key.0, key.1)?;
                let program = self.engine.compile(rec)?;
                self.planned = self.planned.max(program.temp_bytes);
                match &kept {
                    Some(k) => drop(self.programs.insert(k.clone(), program)),
                    None => drop(programs.insert(key.clone(), program)),
                }
            }
            let program = kept.as_ref().and_then(|k| self.programs.get(k)).or_else(|| programs.get(&key));
            let program = program.ok_or_else(|| Error::internal("a program vanished"))?;
            flying.push_back(self.engine.submit(program, &inputs)?);
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

    /// Logits of each record, row after row, dropout off.
    pub fn logits(&mut self, records: Records) -> Result<Vec<f32>> {
        self.check_records(records, false)?;
        let runs = self.batches((records, self.batch, Use::Together), Some("logits"), |s, rec, shape, _| {
            let batch = s.record_load(rec, records.part, shape)?;
            let tape = s.record_forward(rec, &batch, Mode::Eval, None)?;
            rec.readback(tape.logits);
            Ok(())
        })?;
        Ok(runs.iter().flat_map(|r| r[0].f32().to_vec()).collect())
    }

    /// Mean loss and accuracy; two scalars a batch come back.
    pub fn score(&mut self, records: Records) -> Result<Score> {
        self.check_records(records, true)?;
        let runs = self.batches((records, self.batch, Use::Together), Some("score"), |s, rec, shape, _| {
            let scored = s.record_scored(rec, records.part, shape, Mode::Eval, None)?;
            record_totals(rec, &scored);
            Ok(())
        })?;
        let sum = |i: usize| runs.iter().map(|r| f64::from(r[0].f32()[i])).sum::<f64>();
        let n = records.indices.len();
        Ok(Score { loss: sum(0) / n as f64, accuracy: sum(1) / n as f64, count: n })
    }

    /// `grad = scale · Σ g_n` over the records (added to what is there if `accumulate`), dropout off. Returns the mean loss.
    pub fn gradient(&mut self, records: Records, scale: f32, accumulate: bool) -> Result<f64> {
        self.check_records(records, true)?;
        let grad = self.grad;
        let runs = self.batches((records, self.batch, Use::Together), None, |s, rec, shape, first| {
            let scored = s.record_scored(rec, records.part, shape, Mode::Eval, None)?;
            let sink = Sink::Mean { grad, scale, accumulate: accumulate || !first };
            s.model.backward(rec, s.theta, &scored.tape, scored.dlogits, None, sink)?;
            record_totals(rec, &scored);
            Ok(())
        })?;
        let n = records.indices.len().max(1);
        Ok(runs.iter().map(|r| f64::from(r[0].f32()[0])).sum::<f64>() / n as f64)
    }

    /// The quantity that SSD's public code calls importance: the mean over batches of the squared batch-mean gradient.
    /// It depends on the batch size and is not the Fisher diagonal. Clobbers `grad`.
    pub fn batch_mean_squares(&mut self, records: Records, batch: usize, out: Buf<f32>) -> Result<()> {
        self.check_records(records, true)?;
        let grad = self.grad;
        let count = self.pieces(records, batch, Use::Together).len().max(1);
        self.batches((records, batch, Use::Together), None, |s, rec, shape, first| {
            let scored = s.record_scored(rec, records.part, shape, Mode::Eval, None)?;
            let sink = Sink::Mean { grad, scale: 1.0 / scored.n as f32, accumulate: false };
            s.model.backward(rec, s.theta, &scored.tape, scored.dlogits, None, sink)?;
            let squares = rec.temp("squares", grad.len);
            map::unary(rec, Unary::Square, grad, squares);
            map::axpby(rec, 1.0 / count as f32, squares, if first { 0.0 } else { 1.0 }, out);
            Ok(())
        })?;
        Ok(())
    }
}
