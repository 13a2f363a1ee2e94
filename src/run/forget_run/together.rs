//! Retrains of one request with several seeds, each into a folder of its own.

use std::path::PathBuf;

use super::prepare::claimed;
use super::{ForgetJob, Made};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::methods::exact::together::{Retraining, retrain_together, why_alone};
use crate::methods::{Past, Role};
use crate::run::folder::RunFolder;
use crate::run::hold::Hold;
use crate::run::info::RunInfo;
use crate::run::results::AdapterSummary;

impl ForgetJob {
    /// Why this retrain is not made together with others, if it is not.
    pub(in crate::run) fn why_alone(&self) -> Option<String> {
        if self.row.role != Role::Reference || self.is_unseen() {
            return Some("nothing is to be trained".into());
        }
        let (data, _, config) = self.works_on();
        why_alone(data, &config.train)
    }

    /// Retrains with each seed, in the folder beside it; the first is the job's own. `told` hears how many go into a
    /// stack, `made` gets each that is there, by its place. What is there when another fails, or when the process is
    /// ended, stays.
    ///
    /// # Errors
    /// As [`ForgetJob::forget`]; a folder that is taken.
    pub(in crate::run) fn retrain_into(
        mut self,
        engine: &mut Engine,
        places: &[(u64, PathBuf)],
        told: &mut dyn FnMut(&str),
        made: &mut dyn FnMut(usize, RunInfo),
    ) -> Result<()> {
        let mut folders: Vec<(RunFolder, Option<Hold>)> = vec![(self.folder.clone(), self.hold.take())];
        for (_, path) in &places[1..] {
            folders.push(claimed(Some((path, false)))?);
        }
        for ((seed, _), (folder, hold)) in places.iter().zip(&folders) {
            let hold = hold.as_ref().ok_or_else(|| Error::internal("a retrain without its folder"))?;
            self.begin_in((folder, hold), *seed)?;
        }
        let (data, model, config) = self.works_on();
        let target = self.all.as_ref().unwrap_or(&self.target);
        let what = Retraining {
            model,
            data,
            deletion: target.deletion(),
            cuts: &target.split.cuts,
            retain: &target.split.retain,
            train: &config.train,
            past: Past { base: self.base.as_deref(), ..Past::default() },
            theta: &self.theta,
            check_finite: false,
            interrupted: None,
        };
        let seeds: Vec<u64> = places.iter().map(|(seed, _)| *seed).collect();
        let (adapter, before) = (AdapterSummary::of(engine), engine.traffic());
        engine.take_kernels();
        retrain_together(engine, &what, &seeds, told, &mut |one| {
            let up = (one.engine.traffic().up - before.up) / seeds.len() as u64;
            let (seconds, seed, adapter) = (one.account.method_s, seeds[one.at], adapter.clone());
            let (theta, account, folder) = (one.theta, one.account, &folders[one.at].0);
            let written = self.write(one.engine, folder, Made { theta, account, seed, adapter, seconds, up });
            made(one.at, written.inspect_err(|_| folder.discard())?);
            Ok(())
        })
    }
}
