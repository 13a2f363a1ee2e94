//! Shards of a graph that are trained again, and what may be said of that.

use std::sync::atomic::AtomicBool;

use super::EnsembleForget;
use crate::data::Request;
use crate::engine::Engine;
use crate::error::Result;
use crate::methods::{Details, Read, Tier};
use crate::run::claim;
use crate::run::config::{Aggregate, Loaded};
use crate::run::effect::{Became, Effect};
use crate::run::ensemble::eraser::LEAK;
use crate::run::evidence::{Parent, Residue};
use crate::run::info::{ForgetInfo, RunInfo};
use crate::run::residue;
use crate::run::train_run::{TrainJob, TrainOptions};

impl EnsembleForget {
    /// What was forgotten before and now.
    pub(super) fn all_requests(&self) -> Vec<Request> {
        self.earlier.requests.iter().chain(&self.requests).cloned().collect()
    }

    /// Trains a shard from the start on what stays of it; what a killed process did is taken up.
    pub(super) fn shard(&self, engine: &mut Engine, index: usize, seed: u64, check_finite: bool) -> Result<RunInfo> {
        let mut loaded = Loaded::read(&self.top.folder.config(), &[], None)?;
        loaded.config.seed = seed;
        let mut member = loaded.member(index);
        if let Some(ensemble) = member.config.ensemble.as_mut() {
            // Another seed trains otherwise, and divides no nodes anew.
            ensemble.seed = Some(self.top.config.seed);
            ensemble.without = self.all_requests();
        }
        let to = self.folder.member(index);
        let Some(mut job) = TrainJob::prepare(member, &to.path, true)? else { return to.read_info() };
        job.marks = self.marks.clone();
        let never = AtomicBool::new(false);
        let options =
            TrainOptions { resume: true, keep_checkpoint: false, check_finite, interrupted: &never, ranks: None };
        job.train(engine, options, &mut |_| {})
    }

    /// What the shards that were trained again come to.
    pub(super) fn of_shards(&self, again: &[(usize, &RunInfo)], seconds: f64, told: ForgetInfo) -> ForgetInfo {
        let same = |(index, info): &(usize, &RunInfo)| self.members[*index].1.model_sha256 == info.model_sha256;
        let details = Details { steps: Some(again.iter().map(|(_, info)| info.steps).sum()), ..Details::default() };
        let effect = match (again.is_empty(), again.iter().all(same)) {
            (true, _) => Effect::unseen(),
            (false, true) => Effect::of(&[], &[], self.row.role, &details),
            (false, false) => Effect { result: Became::Changed, reason: None },
        };
        let tier = if self.leaks() { Tier::Approximate } else { self.row.tier };
        let reads = if again.is_empty() { Vec::new() } else { vec![Read::RetainData] };
        ForgetInfo { tier, reads, method_s: seconds, effect, details, ..told }
    }

    fn leaks(&self) -> bool {
        self.top.config.ensemble.as_ref().is_some_and(|ensemble| ensemble.partition.reads_others())
    }

    /// The conditions of the tier, and what still holds something of the nodes: weights that saw nothing of them, and a
    /// division that may have.
    pub(super) fn claim_of_shards(&self, forget: &mut ForgetInfo, parents: &[Parent]) {
        let weights = ForgetInfo { tier: Tier::Exact, ..forget.clone() };
        forget.conditions = claim::conditions(Tier::Exact, None, (None, None), false);
        forget.residue = residue::of(&self.top, parents, &weights, &self.request);
        let learned = |ensemble: &crate::run::config::EnsembleConfig| ensemble.aggregate == Aggregate::Learned;
        if self.top.config.ensemble.as_ref().is_some_and(learned) {
            forget.conditions.push("the members' weights were learned anew, from retained nodes alone".into());
        }
        if self.leaks() {
            forget.conditions.push(format!("not exact: {LEAK}"));
            forget.residue.push(Residue::new("division into shards", None, LEAK, false));
        }
    }
}
