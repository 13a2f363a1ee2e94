//! What a network is trained for, and a batch's forward pass with its loss: what training, statistics and full-set
//! steps record alike.

use super::batch::{Loaded, Shape, Targets, Use};
use super::objective::{self, Aim, Direction, Losses, Objective, Outputs};
use super::{Part, Records, Session};
use crate::engine::{ALIGN, Buf, Data, Recording};
use crate::error::{Error, Result};
use crate::kernels::edit;
use crate::kernels::{Reduction, reduce};
use crate::nn::{Mode, Sink, Tape};

/// A recorded forward pass with its loss.
pub(crate) struct Scored {
    pub tape: Tape,
    /// Records.
    pub n: usize,
    /// Two halves: losses, and 1 for each right answer, both with 0 between and behind them.
    pub sums: Buf<f32>,
    /// Gradients to the tape's logits [rows, classes], not divided by the number of records.
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
        record_halves(rec, self.sums, out);
    }
}

/// Records `out = [Σ loss, Σ correct]` of the two halves of [`Scored::sums`].
pub(crate) fn record_halves(rec: &mut Recording, sums: Buf<f32>, out: Buf<f32>) {
    if sums.len <= 2 * FEW {
        return reduce::rows(rec, sums, out);
    }
    let parts = rec.temp("partial sums", sums.len / ALIGN);
    reduce::rows(rec, sums, parts);
    reduce::rows(rec, parts, out);
}

/// Records the sums of losses and of right answers as one output of two numbers.
pub(crate) fn record_totals(rec: &mut Recording, sums: Buf<f32>) {
    let totals = rec.temp("totals", 2);
    record_halves(rec, sums, totals);
    rec.readback(totals);
}

impl Session<'_> {
    /// What the network is trained for.
    pub fn objective(&self) -> &'static Objective {
        self.objective
    }

    /// Records the Hessian of each record's loss in its outputs `logits` times the direction `along`, into `out`.
    ///
    /// # Errors
    /// An objective without.
    pub(crate) fn record_curvature(
        &self,
        rec: &mut Recording,
        targets: &Targets,
        [logits, along, out]: [Buf<f32>; 3],
    ) -> Result<()> {
        let curvature = self.objective.curvature.ok_or_else(|| {
            let name = self.objective.name;
            Error::input(format!("the objective `{name}` has no curvature in the outputs of single records"))
        })?;
        let (classes, kept, delta) = (self.model.classes, self.kept, self.delta);
        curvature(rec, &Direction { logits, targets, along, out, classes, kept, delta })
    }

    /// This session, trained for something else: see [`Session::set_aim`].
    ///
    /// # Errors
    /// Those of [`Session::set_aim`].
    pub fn trained_for(mut self, aim: impl Into<Aim>) -> Result<Self> {
        self.set_aim(&aim.into())?;
        Ok(self)
    }

    /// Changes what the network is trained for; without a name it stays.
    ///
    /// # Errors
    /// An unknown objective, or one that these records cannot have.
    pub fn set_objective(&mut self, name: Option<&str>) -> Result<()> {
        let Some(found) = name.map(objective::find).transpose()? else { return Ok(()) };
        if found.name == self.objective.name {
            return Ok(());
        }
        let own = self.resident.objective();
        if found.of != own.of {
            return Err(Error::input(format!(
                "train.objective: `{}` is of {}, which these records are not; leave the key out for `{}`",
                found.name,
                found.of.records(),
                own.name
            )));
        }
        let numbers = (found.kept)(self.model.classes);
        self.kept = match numbers.is_empty() {
            true => None,
            false => {
                let kept = self.engine.alloc("objective", numbers.len())?;
                self.engine.write(kept, &numbers)?;
                Some(kept)
            }
        };
        self.objective = found;
        // Kept programs have the other loss.
        self.programs.clear();
        Ok(())
    }

    /// # Errors
    /// An objective that is not the likelihood of a softmax, on which `what` rests.
    pub fn needs_softmax(&self, what: &str) -> Result<()> {
        objective::needs_softmax(self.objective, what)
    }

    /// Records a batch of a shape, its forward pass and its losses.
    pub(crate) fn record_scored(
        &mut self,
        rec: &mut Recording,
        part: Part,
        shape: &Shape,
        mode: Mode,
        step: Option<Buf<u32>>,
    ) -> Result<Scored> {
        let loaded = self.record_load(rec, part, shape)?;
        let loaded = self.augmented(rec, loaded, mode, step)?;
        self.record_losses(rec, &loaded, mode, step)
    }

    /// [`Session::record_scored`] for whoever needs sums and gradients alone. Where the records are some rows of a
    /// graph and the objective can, it reads their logits where they lie and writes the gradient of every row: the
    /// tape's logits and `dlogits` are then those of all rows, and nothing is copied between the network and its loss.
    pub(crate) fn record_summed(
        &mut self,
        rec: &mut Recording,
        part: Part,
        shape: &Shape,
        mode: Mode,
        step: Option<Buf<u32>>,
    ) -> Result<Scored> {
        let loaded = self.record_load(rec, part, shape)?;
        let loaded = self.augmented(rec, loaded, mode, step)?;
        if loaded.batch.seeds.is_none() || !self.objective.in_place {
            return self.record_losses(rec, &loaded, mode, step);
        }
        let tape = self.model.forward_rows(rec, self.values(), &loaded.batch, mode, step)?;
        self.record_objective(rec, &loaded, tape, loaded.batch.seeds, step)
    }

    /// Records the forward pass of a batch.
    pub(crate) fn record_forward(
        &self,
        rec: &mut Recording,
        loaded: &Loaded,
        mode: Mode,
        step: Option<Buf<u32>>,
    ) -> Result<Tape> {
        self.model.forward(rec, self.values(), &loaded.batch, mode, step)
    }

    /// Records the forward pass and the objective of a batch.
    pub(crate) fn record_losses(
        &self,
        rec: &mut Recording,
        loaded: &Loaded,
        mode: Mode,
        step: Option<Buf<u32>>,
    ) -> Result<Scored> {
        let tape = self.record_forward(rec, loaded, mode, step)?;
        self.record_objective(rec, loaded, tape, None, step)
    }

    /// Records the objective of a batch from the tape's logits, which are the records' or, with `at`, those of all
    /// rows.
    fn record_objective(
        &self,
        rec: &mut Recording,
        loaded: &Loaded,
        tape: Tape,
        at: Option<Buf<u32>>,
        step: Option<Buf<u32>>,
    ) -> Result<Scored> {
        let (n, classes, kept, delta) = (loaded.n, self.model.classes, self.kept, self.delta);
        rec.enter("loss");
        let outputs = Outputs { batch: &loaded.batch, logits: tape.logits, at, n, classes, kept, delta, step };
        let Losses { sums, dlogits } = (self.objective.record)(rec, &outputs, &loaded.targets)?;
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
            let sink = Sink::Mean { grad: self.grad, scale, accumulate: accumulate || i > 0 };
            let of = (records.part, &load.shape);
            let sums = self.record_pass(rec, of, Mode::Eval, None, Some((sink, None)))?;
            record_halves(rec, sums, each.range(i * ALIGN..i * ALIGN + 2));
        }
        let means = rec.temp("means", ALIGN);
        let mean = Reduction { alpha: 1.0 / records.indices.len().max(1) as f32, ..Reduction::default() };
        reduce::channels(rec, each, means, pieces.len(), ALIGN, 1, mean);
        Ok((inputs, means.range(0..2)))
    }
}
