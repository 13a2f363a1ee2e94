//! The retrains of an experiment as models of a stack.

use super::{Candidate, ExperimentOptions, Original, Ready};
use crate::engine::Engine;
use crate::error::Result;
use crate::methods::exact::together::{Retraining, retrain_together, why_alone};
use crate::methods::{self, Past};
use crate::run::effect::Effect;
use crate::run::refit::base;
use crate::run::results::RowKind;

impl Ready {
    /// Retrains of these kinds and seeds; none where they are not made together.
    pub(super) fn together(
        &self,
        engine: &mut Engine,
        original: &Original,
        asked: Vec<(RowKind, u64)>,
        options: ExperimentOptions,
    ) -> Result<Vec<Candidate>> {
        let row = methods::reference();
        let (model, data) = self.works_on(row);
        if asked.len() < 2 || self.target.is_unseen() || why_alone(data, &self.config.train).is_some() {
            return Ok(Vec::new());
        }
        let base = base(&self.config, model)?;
        let what = Retraining {
            model,
            data,
            deletion: self.target.deletion(),
            retain: &self.target.split.retain,
            train: &self.config.train,
            past: Past { base: base.as_deref(), ..Past::default() },
            theta: &original.theta,
            check_finite: options.check_finite,
            interrupted: Some(options.interrupted),
        };
        let settings = (row.build)(toml::Table::new())?.settings();
        let (seeds, mut all): (Vec<u64>, _) = (asked.iter().map(|(_, seed)| *seed).collect(), Vec::new());
        engine.take_kernels();
        retrain_together(engine, &what, &seeds, &mut |_| {}, &mut |one| {
            let (kind, seed) = asked[one.at];
            let effect = Effect::of(&original.theta, &one.theta, row.role, &one.account.details);
            let finite = one.theta.iter().all(|v| v.is_finite());
            let made = finite.then_some((one.theta, one.account)).ok_or("its weights are not finite".to_owned());
            let kernels = one.engine.kernels();
            let (method, row, settings) = (row.name, Some(row), settings.clone());
            all.push(Candidate { kind, method, row, effect, settings, seed, kernels, stacked: true, made });
            Ok(())
        })?;
        Ok(all)
    }
}
