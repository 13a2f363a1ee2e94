//! Steps of several processes: each computes the gradients of its micro-batches, all exchange them, and each updates
//! its own copy of the parameters with all of them, in the order of the micro-batches.

use std::collections::HashMap;
use std::rc::Rc;

use super::batches::Batches;
use super::fit::{Fit, Term};
use super::progress::{Progress, StepReport};
use super::ranks::{Ranks, Together};
use crate::engine::{ALIGN, Data, Program};
use crate::error::{Error, Result};
use crate::kernels::map;
use crate::records::{Load, Session, Shape};

/// Numbers that go before a micro-batch's gradient: sum of losses, right answers.
const SUMS: usize = 2;

impl Fit {
    /// Takes the steps together with others, each of whom calls this with the same data and recipe.
    ///
    /// # Errors
    /// [`Error::Input`] for what cannot be shared out.
    pub fn share(&mut self, session: &Session, ranks: Rc<dyn Ranks>) -> Result<()> {
        let refuse = |what: &str| Err(Error::input(format!("training on {} ranks: {what}", ranks.size())));
        if self.config.accumulate < ranks.size() {
            return refuse(&format!(
                "train.accumulate is {}, the number of micro-batches that a step's records are shared out in, and each \
                 rank takes at least one; set it to {} or a multiple (train.batch_size is the size of one)",
                self.config.accumulate,
                ranks.size()
            ));
        }
        if session.model.keeps_statistics() {
            return refuse(
                "batch_norm's running statistics follow the micro-batches one after another; use group_norm or \
                 layer_norm",
            );
        }
        if self.config.dp.is_some() {
            return refuse("private training ([train.dp]) adds its noise on one rank alone; leave one of them out");
        }
        if self.config.coupled.is_some() {
            return refuse("coupled training ([train.coupled]) keeps a trace on one rank alone; leave one of them out");
        }
        if self.config.slices.is_some() {
            return refuse("a training in slices ([train.slices]) goes by one rank; leave one of them out");
        }
        self.together = Some(Together { ranks, gradients: HashMap::new(), updates: HashMap::new(), stop: false });
        Ok(())
    }

    /// As [`Fit::prepare`]: a step's programs, for the batches that are whole.
    pub(crate) fn prepare_together(&mut self, session: &mut Session, terms: &[Term]) -> Result<()> {
        let list = vec![vec![terms[0].records.indices[..self.batch_size.min(terms[0].records.indices.len())].to_vec()]];
        let loads = self.loads(session, terms, &list, self.state.step).remove(0).remove(0);
        let total = loads.iter().map(|load| load.shape.records()).sum();
        let (first, micro) = (loads[0].shape.clone(), loads.len());
        let gradient = self.gradient_program(session, &terms[0], &(first.clone(), total))?;
        let update = self.update_program(session, terms, micro)?;
        if let Some(together) = &mut self.together {
            together.gradients.insert((first, total), gradient);
            together.updates.insert(micro, update);
        }
        session.engine.reserve_readback(session.model.layout.total(), 1)
    }

    /// As [`Fit::advance`], step by step with the others.
    pub(crate) fn advance_together(
        &mut self,
        session: &mut Session,
        terms: &[Term],
        batches: &Batches,
        observe: &mut dyn FnMut(&StepReport) -> bool,
    ) -> Result<Progress> {
        let per_epoch = self.steps_per_epoch(terms);
        let from = self.state.at;
        while self.state.at < per_epoch {
            let here = self.pause_at.is_some_and(|step| self.state.step >= step) && self.state.at > from;
            let stop = self.together.as_mut().is_some_and(|together| std::mem::take(&mut together.stop));
            if here || stop {
                return Ok(Progress::Paused);
            }
            let at = self.state.at;
            let (metrics, count, factor) = self.step_together(session, terms, &batches.group(at, per_epoch, 1))?;
            let report = self.digest(&metrics, 0, (count, factor), self.state.step, per_epoch)?;
            self.wish |= !observe(&report);
        }
        Ok(Progress::Epoch(self.close_epoch(per_epoch)))
    }

    /// One step: the sums of each micro-batch, the number of records, and the factor on the mean over them.
    fn step_together(
        &mut self,
        session: &mut Session,
        terms: &[Term],
        group: &[Vec<Vec<u32>>],
    ) -> Result<(Data, usize, f64)> {
        let (step, list) = (self.state.step, &group[0][0]);
        let factor = self.mean_factor(session, &terms[0], list)?;
        let loads = self.loads(session, terms, group, step).remove(0).remove(0);
        let micro = loads.len();
        let Some(together) = &self.together else { return Err(Error::internal("a step alone")) };
        let (ranks, total) = (together.ranks.clone(), loads.iter().map(|load| load.shape.records()).sum::<usize>());
        // The wish to stop goes first.
        let mut own = vec![f32::from(u8::from(std::mem::take(&mut self.wish)))];
        for (j, load) in loads.into_iter().enumerate().filter(|(j, _)| j % ranks.size() == ranks.rank()) {
            self.gradient_of(session, terms, (j, load, total, factor), &mut own)?;
        }
        let parts = ranks.gather(bytemuck::cast_slice(&own))?;
        let parts: Vec<Vec<f32>> = parts.iter().map(|part| bytemuck::pod_collect_to_vec(part)).collect();
        let each = SUMS + session.model.layout.total();
        let mut metrics = vec![0.0; micro.max(self.config.accumulate) * ALIGN];
        let mut inputs = Vec::new();
        for j in 0..micro {
            let (rank, at) = (j % ranks.size(), 1 + j / ranks.size() * each);
            let part = parts.get(rank).and_then(|part| part.get(at..at + each)).ok_or_else(|| {
                Error::Device(format!("rank {rank} gave no gradient of micro-batch {j} in step {}", step + 1))
            })?;
            metrics[j * ALIGN..j * ALIGN + SUMS].copy_from_slice(&part[..SUMS]);
            inputs.push(Data::F32(part[SUMS..].to_vec()));
        }
        self.update(session, terms, micro, inputs)?;
        let stop = parts.iter().any(|part| part.first().is_some_and(|wish| *wish != 0.0));
        if let Some(together) = &mut self.together {
            together.stop = stop;
        }
        Ok((Data::F32(metrics), list.len(), factor))
    }

    /// Appends sums and gradient of micro-batch `j`.
    fn gradient_of(
        &mut self,
        session: &mut Session,
        terms: &[Term],
        (j, load, total, factor): (usize, Load, usize, f64),
        own: &mut Vec<f32>,
    ) -> Result<()> {
        let key = (load.shape.clone(), total);
        let known = self.together.as_mut().and_then(|together| together.gradients.remove(&key));
        let program = match known {
            Some(program) => program,
            None => self.gradient_program(session, &terms[0], &key)?,
        };
        let t = self.state.step;
        let word = t.wrapping_mul(self.config.accumulate as u64).wrapping_add(j as u64) as u32;
        let mut inputs = vec![Data::U32(vec![self.seed as u32, (self.seed >> 32) as u32, word, t as u32])];
        if self.reweighs(session) {
            inputs.push(Data::F32(vec![factor as f32]));
        }
        inputs.extend(load.inputs);
        let ticket = session.engine.submit(&program, &inputs)?;
        for output in session.engine.wait(ticket)? {
            own.extend_from_slice(output.f32());
        }
        if let Some(together) = &mut self.together {
            together.gradients.insert(key, program);
        }
        Ok(())
    }

    fn gradient_program(&self, session: &mut Session, term: &Term, key: &(Shape, usize)) -> Result<Program> {
        let mut rec = session.recording();
        let sums = rec.temp("metrics", SUMS);
        let words = rec.temp("step", 4);
        rec.upload(words);
        let factor = self.reweighs(session).then(|| {
            let factor = rec.temp("mean's factor", 1);
            rec.upload(factor);
            factor
        });
        self.record_term(session, &mut rec, (0, term, &key.0, key.1), false, (words, factor), Some(sums))?;
        rec.readback(sums);
        rec.readback(session.grad);
        session.engine.compile(rec)
    }

    /// Adds up the gradients in their order, and takes the step.
    fn update(&mut self, session: &mut Session, terms: &[Term], micro: usize, gradients: Vec<Data>) -> Result<()> {
        let (t, per_epoch) = (self.state.step, self.steps_per_epoch(terms));
        let known = self.together.as_mut().and_then(|together| together.updates.remove(&micro));
        let program = match known {
            Some(program) => program,
            None => self.update_program(session, terms, micro)?,
        };
        let hyper = self.optimizer.hyper(self.lr(t, per_epoch), self.updates(t)).to_vec();
        let mut inputs = vec![Data::F32(hyper)];
        inputs.extend(self.l1_weight(t, per_epoch).map(|weight| Data::F32(vec![weight as f32])));
        inputs.extend(gradients);
        let ticket = session.engine.submit(&program, &inputs)?;
        session.engine.wait(ticket)?;
        if let Some(together) = &mut self.together {
            together.updates.insert(micro, program);
        }
        Ok(())
    }

    fn update_program(&self, session: &mut Session, terms: &[Term], micro: usize) -> Result<Program> {
        let mut rec = session.recording();
        let hyper = rec.temp::<f32>("hyper", 3);
        rec.upload(hyper);
        let l1 = self.l1.as_ref().map(|_| {
            let weight = rec.temp("l1", 1);
            rec.upload(weight);
            weight
        });
        for j in 0..micro {
            let part = rec.temp("micro-batch's gradient", session.grad.len);
            rec.upload(part);
            match j {
                0 => rec.copy(part, session.grad),
                _ => map::axpby(&mut rec, 1.0, part, 1.0, session.grad),
            }
        }
        rec.enter("update");
        self.record_update(session, &mut rec, terms[0].records.indices.len(), hyper, l1);
        rec.leave();
        session.engine.compile(rec)
    }
}
