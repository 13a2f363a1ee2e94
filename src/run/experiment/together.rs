//! Originals and retrains of an experiment as models of stacks.

use std::sync::atomic::Ordering;

use super::watch::interrupted;
use super::{Candidate, ExperimentOptions, Original, Ready};
use crate::engine::Engine;
use crate::error::Result;
use crate::methods::exact::together::{Retraining, retrain_together, why_alone};
use crate::methods::{self, Past};
use crate::records::Source;
use crate::run::effect::Effect;
use crate::run::refit::base;
use crate::run::results::RowKind;
use crate::train::EpochReport;
use crate::train::stack::{Job, Trained, fit_many};

impl Ready {
    /// Originals of these seeds; none where they are not trained together.
    pub(super) fn originals(
        &self,
        engine: &mut Engine,
        digest: &str,
        seeds: &[u64],
        options: ExperimentOptions,
    ) -> Result<Vec<Original>> {
        let (model, data, train) = (&self.model, &self.data, &self.config.train);
        // What is not finite is named by the dispatch that made it where a model is alone.
        let alone = options.one_by_one || options.check_finite || why_alone(data, train).is_some();
        if seeds.len() < 2 || alone {
            return Ok(Vec::new());
        }
        let (base, everything) = (base(&self.config, model)?, data.train_ids());
        let start = |seed: &u64| base.clone().unwrap_or_else(|| model.init(*seed));
        let starts: Vec<Vec<f32>> = seeds.iter().map(start).collect();
        let job = |(seed, start): (&u64, _)| Job::new(&everything, *seed, start);
        let jobs: Vec<Job> = seeds.iter().zip(starts.iter().map(Vec::as_slice)).map(job).collect();
        engine.take_kernels();
        let each = |_: usize, _: &EpochReport| match options.interrupted.load(Ordering::Relaxed) {
            true => Err(interrupted()),
            false => Ok(()),
        };
        let trained = fit_many(engine, model, &Source::new(data, None), train, &jobs, each)?;
        let kernels = engine.take_kernels();
        let original = |(seed, trained): (&u64, Trained)| Original {
            digest: digest.to_owned(),
            seed: *seed,
            theta: trained.theta,
            seconds: None,
            kernels: kernels.clone(),
            points: Vec::new(),
        };
        Ok(seeds.iter().zip(trained).map(original).collect())
    }

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
            cuts: &self.target.split.cuts,
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
