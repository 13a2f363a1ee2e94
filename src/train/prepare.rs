//! The memory of a fit, held before its first step: what fits then fits to the end.

use super::advance::{IN_FLIGHT, narrowed};
use super::fit::{Fit, Term};
use super::private;
use super::progress::FitState;
use super::step::{Key, key};
use crate::error::Result;
use crate::records::{Session, Shape};

impl Fit {
    /// Compiles every program of the coming epochs and makes the buffers that read metrics, parameters and the
    /// optimiser's vectors back, so that the memory they take is held before the first step; where batches are drawn,
    /// for every size that is to be expected.
    ///
    /// # Errors
    /// A budget or an adapter that cannot hold it.
    pub fn prepare(&mut self, session: &mut Session, terms: &[Term]) -> Result<()> {
        self.check_terms(session, terms)?;
        session.balance(terms[0].records.indices)?;
        if self.together.is_some() {
            return self.prepare_together(session, terms);
        }
        if self.state.at > 0 {
            // A resumed epoch goes on by other groups than a whole one.
            self.prepare_epoch(session, terms, &self.state.clone())?;
        }
        let mut step = self.state.step - self.state.at as u64;
        for epoch in self.state.epoch..self.config.epochs {
            let per_epoch = self.prepare_epoch(session, terms, &FitState { epoch, step, ..FitState::default() })?;
            step += per_epoch as u64;
            // What recurs is compiled once a stage.
            if self.config.slices.is_some() {
                continue;
            }
            // Parts of a graph have other sizes in each epoch; all else recurs.
            let varies = |key: &Key| key.iter().flatten().flatten().any(|shape| matches!(shape, Shape::Part { .. }));
            if !self.programs.keys().any(varies) {
                break;
            }
        }
        if self.draws_records() {
            let indices = terms[0].records.indices;
            for size in private::sizes(self.batch_size, indices.len()) {
                let drawn = vec![vec![indices[..size.min(indices.len())].to_vec()]];
                let loads = self.loads(session, terms, &drawn, self.state.step);
                self.compiled(session, terms, &key(&loads))?;
            }
        }
        for made in self.programs.values() {
            let elements = made.program.recording().outputs.iter().map(|span| span.len).sum();
            session.engine.reserve_readback(elements, IN_FLIGHT)?;
        }
        session.engine.reserve_readback(session.model.layout.total(), 1)
    }

    /// Compiles what an epoch needs from where `state` stands in it; returns its steps.
    fn prepare_epoch(&mut self, session: &mut Session, terms: &[Term], state: &FitState) -> Result<usize> {
        let stage = self.stage(session, terms[0].records.indices, state.epoch)?;
        let terms = &narrowed(terms, &stage)[..];
        let (per_epoch, batches) = (self.steps_per_epoch(terms), self.batches(session, state, terms, &stage));
        let most = self.steps_at_once(session);
        let mut at = state.at;
        while at < per_epoch {
            let group = batches.group(at, per_epoch, most);
            let first = state.step - state.at as u64 + at as u64;
            let loads = self.loads(session, terms, &group, first);
            self.compiled(session, terms, &key(&loads))?;
            at += group.len();
        }
        Ok(per_epoch)
    }
}
