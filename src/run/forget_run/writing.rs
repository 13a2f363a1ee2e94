//! A forgetting's result as a run: what is claimed of it, what binds it to the run before, and its files.

use super::{ForgetJob, Made};
use crate::base::write_atomic;
use crate::data::{Dataset, Tokenizer, request_lines};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::methods::{Account, Role};
use crate::nn::Model;
use crate::run::config::Config;
use crate::run::effect::{self, Effect};
use crate::run::evidence::{Evidence, Parent};
use crate::run::folder::RunFolder;
use crate::run::info::{DataInfo, ForgetInfo, Origin, RunInfo, SCHEMA, TrafficInfo};
use crate::run::results::RequestSummary;
use crate::run::written::{EpochLine, finish};
use crate::run::{claim, residue, variants, whom};

impl ForgetJob {
    /// Writes the new run.
    pub(super) fn write(&self, engine: &mut Engine, to: &RunFolder, made: Made) -> Result<RunInfo> {
        let (run, (data, model, config)) = (&self.run, self.works_on());
        let Made { theta, mut account, seed, adapter, seconds, up } = made;
        let student = account.network(model)?;
        let of_student = student.as_ref().map(|student| Config { model: student.config(), ..config.clone() });
        let (model, config) = (student.as_ref().unwrap_or(model), of_student.as_ref().unwrap_or(config));
        if theta.iter().any(|v| !v.is_finite()) {
            return Err(Error::Device(format!(
                "method `{}` diverged: its weights are not finite; use a smaller learning rate",
                self.row.name
            )));
        }
        let anew = self.row.role == Role::Reference && !self.is_unseen();
        let mut info = RunInfo {
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            adapter,
            variants: variants::ran(engine),
            seed,
            steps: account.details.steps.unwrap_or(0),
            dispatches_per_step: 0,
            planned_gpu_bytes: 0,
            traffic: TrafficInfo { up_before_start: up, ..Default::default() },
            seconds,
            first_step: None,
            privacy: None,
            stopping: None,
            forget: Some(self.account_for(&account, &theta)?),
            evidence: self.evidence(),
            data: DataInfo::of(data),
            // A retrain owes nothing to the file.
            origin: if anew { Origin::Trained } else { run.info.origin },
            imported: run.info.imported.clone().filter(|_| !anew),
            ..run.info.clone()
        };
        self.look_at(engine, (model, data), &theta, &mut info)?;
        self.claim(&mut info);
        self.write_request(to)?;
        if let Some(trace) = &mut account.trace {
            trace.save(&to.path)?;
        }
        let lines: Vec<EpochLine> = account.trail.iter().map(EpochLine::from).collect();
        finish(to, config, model, &theta, &lines, info, false)
    }

    /// Whether the network still works: a retrain is what its recipe gives, and is not asked.
    fn look_at(&self, engine: &mut Engine, given: (&Model, &Dataset), theta: &[f32], info: &mut RunInfo) -> Result<()> {
        let Some(forget) = info.forget.as_mut().filter(|_| self.row.role != Role::Reference) else { return Ok(()) };
        let (run, target) = (&self.run, &self.target);
        let both = [((&run.model, &run.data), &self.theta[..]), (given, theta)];
        let [before, after] = effect::retain_worth(engine, target, both)?;
        let chance = effect::chance_of(&run.data, &target.split.retain);
        forget.effect = std::mem::take(&mut forget.effect).or_destroyed(before, after, chance);
        Ok(())
    }

    /// What may be said of the result, and what still holds the records.
    fn claim(&self, info: &mut RunInfo) {
        let Some(mut forget) = info.forget.take() else { return };
        let base = info.evidence.base_sha256.as_deref();
        let replayed = forget.details.replayed.is_some_and(|replayed| replayed.from > 0);
        let proofs = (forget.details.certificate.as_ref(), forget.details.guarantee.as_ref());
        forget.conditions = claim::conditions(forget.tier, base, proofs, replayed);
        if matches!(self.works_on().0.tokenizer, Some(Tokenizer::Bpe { .. })) {
            claim::of_word_pieces(&mut forget.conditions);
        }
        forget.residue = residue::of(&self.run, &info.evidence.parents, &forget, &self.request);
        info.forget = Some(forget);
    }

    /// What binds the new run to this one.
    fn evidence(&self) -> Evidence {
        let (folder, before) = (&self.run.folder, &self.run.info.evidence);
        let parent = Parent {
            path: std::path::absolute(&folder.path).unwrap_or_else(|_| folder.path.clone()),
            run_sha256: self.run.run_sha256.clone(),
            model_sha256: self.run.model_sha256().to_owned(),
        };
        Evidence {
            request_sha256: Some(self.request_sha256.clone()),
            base_sha256: before.base_sha256.clone(),
            read_sha256: self.read_sha256.clone(),
            retained: self.retained.clone(),
            parents: std::iter::once(parent).chain(before.parents.iter().cloned()).collect(),
            ..Evidence::of(&self.marks, &before.data_sha256)
        }
    }

    fn account_for(&self, account: &Account, theta: &[f32]) -> Result<ForgetInfo> {
        Ok(ForgetInfo {
            method: self.row.name.into(),
            tier: claim::tier(self.row.tier, account),
            settings: self.method.settings(),
            reads: account.reads.clone(),
            method_s: account.method_s,
            precompute_s: account.precompute_s,
            effect: match self.is_unseen() {
                true => Effect::unseen(),
                false => Effect::of(&self.theta, theta, self.row.role, &account.details),
            },
            details: account.details.clone(),
            request: RequestSummary::of(&self.requests, &self.target),
            original_sha256: self.run.model_sha256().to_owned(),
            conditions: Vec::new(),
            residue: Vec::new(),
        })
    }

    /// What was forgotten before and now, as it is kept.
    pub(super) fn request_text(&self) -> Result<String> {
        request_lines(self.earlier.iter().chain(&self.requests))
    }

    fn write_request(&self, to: &RunFolder) -> Result<()> {
        write_atomic(&to.request(), self.request_text()?.as_bytes())?;
        write_atomic(&to.forgotten(), whom::json_lines(self.forgotten.iter().chain(self.lines()))?.as_bytes())
    }
}
