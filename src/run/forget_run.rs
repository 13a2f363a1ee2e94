//! `unlearn forget`: one method on one run.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::claim;
use super::effect::{self, Effect};
use super::evidence::{self, Evidence, Marks, Parent};
use super::folder::{ForgetInfo, Opened, RunFolder, RunInfo, SCHEMA, TrafficInfo};
use super::residue;
use super::results::{AdapterSummary, RequestSummary};
use super::target::Target;
use super::train_run::finish;
use super::variants;
use crate::base::{sha256, write_atomic};
use crate::data::{Dataset, RecordKind, Request, read_requests};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::methods::{self, Account, Method, MethodRow, Past, Role, View};
use crate::nn::Model;
use crate::records::Session;
use crate::train::TrainConfig;

impl RequestSummary {
    /// What was asked, without the ids.
    pub fn of(requests: &[Request], target: &Target) -> RequestSummary {
        let kinds: Vec<&str> = requests.iter().map(|r| r.kind.name()).collect();
        let mixed = kinds.iter().any(|kind| *kind != kinds[0]);
        let ids: Vec<String> = target.split.forget.iter().map(u32::to_string).collect();
        // On a graph the deleted nodes need not be training records.
        let (what, count) = match target.deletion() {
            Some(deletion) => (serde_json::to_string(deletion).unwrap_or_default(), target.things()),
            None => (ids.join(","), target.split.forget.len()),
        };
        RequestSummary {
            kind: if mixed { "mixed".into() } else { kinds.first().copied().unwrap_or_default().into() },
            count,
            hash: sha256(what.as_bytes()),
            classes: target.classes.clone(),
        }
    }
}

/// What a method works on.
pub struct Stage<'a> {
    /// The network.
    pub model: &'a Model,
    /// Its data set.
    pub data: &'a Dataset,
    /// What to forget.
    pub target: &'a Target,
    /// The recipe of the original.
    pub train: &'a TrainConfig,
    /// Of whatever the method draws.
    pub seed: u64,
    /// Where the parameters come from.
    pub past: Past<'a>,
    /// Look for NaN and Inf after every dispatch.
    pub check_finite: bool,
}

/// Runs one method in a session of its own, without test data; returns the new weights.
///
/// # Errors
/// What the method reports; a loss that is not finite.
pub fn apply(engine: &mut Engine, stage: &Stage, theta: &[f32], method: &dyn Method) -> Result<(Vec<f32>, Account)> {
    let data = stage.data;
    let mut session = Session::of(engine, stage.model, data, stage.target.deletion(), theta)?
        .trained_for(stage.train.objective.as_deref())?;
    session.check_finite = stage.check_finite;
    let split = &stage.target.split;
    let view = View::new(stage.train, &split.retain, &split.forget)
        .seed(stage.seed)
        .classes(&stage.target.whole_classes)
        .on_graph(stage.target.graph_view(data))
        .past(stage.past);
    let account = method.forget(&mut session, &view)?;
    Ok((session.read_theta()?, account))
}

/// A run, a request and a method, ready to forget.
pub struct ForgetJob {
    run: Opened,
    requests: Vec<Request>,
    /// What the run had forgotten before; goes before these requests in the new run.
    earlier: Vec<Request>,
    target: Target,
    row: &'static MethodRow,
    method: Box<dyn Method>,
    theta: Vec<f32>,
    folder: RunFolder,
    request: PathBuf,
    request_sha256: String,
    /// Who forgets, and why.
    pub marks: Marks,
}

impl ForgetJob {
    /// Reads everything and refuses what cannot be done, before anything is written.
    ///
    /// # Errors
    /// Bad runs, requests, names and settings; an `out` that holds a run.
    pub fn prepare(run: &Path, request: &Path, method: &str, settings: toml::Table, out: &Path) -> Result<ForgetJob> {
        let folder = RunFolder::new(out);
        folder.must_be_free("use another folder")?;
        let row = methods::find(method)?;
        let method = (row.build)(settings)?;
        let run = RunFolder::new(run).open()?;
        let requests = read_requests(request)?;
        if let Some(drawn) = requests.iter().find(|r| r.fraction.is_some()) {
            return Err(Error::input(format!("{}: `fraction` goes into a configuration; give ids here", drawn.origin)));
        }
        row.check_data(&run.data)?;
        method.suits_recipe(&run.config.train)?;
        let mut target = Target::of(&requests, &run.data, &run.model, run.config.seed)?;
        // On a graph each request is read by itself, against the whole graph.
        let earlier = run.requests.clone().filter(|_| run.info.forget.is_some() && run.data.kind() == RecordKind::Row);
        let earlier = earlier.unwrap_or_default();
        if !earlier.is_empty() {
            let gone = Target::of(&earlier, &run.data, &run.model, run.config.seed)?.split.forget;
            target.after(&gone, &run.data)?;
        }
        let theta = run.theta()?;
        let (request_sha256, marks) = (evidence::hash_of(request)?, Marks::default());
        let request = request.to_owned();
        Ok(ForgetJob { run, requests, earlier, target, row, method, theta, folder, request, request_sha256, marks })
    }

    /// What the method may know of where the weights come from.
    fn past(&self) -> Past<'_> {
        let (config, info) = (&self.run.config, &self.run.info);
        let Some(forget) = &info.forget else { return Past { seed: Some(config.seed), ..Past::default() } };
        let retrained = methods::role(&forget.method) == Some(Role::Reference);
        let seed = if retrained { info.seed } else { config.seed };
        let certificate = forget.details.certificate.as_ref();
        Past { seed: Some(seed), method: Some(&forget.method), certificate }
    }

    /// Forgets and writes the new run.
    ///
    /// # Errors
    /// What the method reports; weights that are not finite, which are never written.
    pub fn forget(&self, engine: &mut Engine, seed: Option<u64>, check_finite: bool) -> Result<RunInfo> {
        let (run, adapter, before) = (&self.run, AdapterSummary::of(engine), engine.traffic());
        let seed = seed.unwrap_or(run.config.seed);
        let (model, train) = (&run.model, &run.config.train);
        let past = self.past();
        let stage = Stage { model, data: &run.data, target: &self.target, train, seed, past, check_finite };
        engine.take_kernels();
        let start = Instant::now();
        let (theta, account) = apply(engine, &stage, &self.theta, self.method.as_ref())?;
        if theta.iter().any(|v| !v.is_finite()) {
            return Err(Error::Device(format!(
                "method `{}` diverged: its weights are not finite; use a smaller learning rate",
                self.row.name
            )));
        }
        let mut info = RunInfo {
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            adapter,
            variants: variants::of(&engine.take_kernels()),
            seed,
            steps: account.details.steps.unwrap_or(0),
            dispatches_per_step: 0,
            planned_gpu_bytes: 0,
            traffic: TrafficInfo { up_before_start: engine.traffic().up - before.up, ..Default::default() },
            seconds: start.elapsed().as_secs_f64(),
            privacy: None,
            forget: Some(self.account_for(&account, &theta)?),
            evidence: self.evidence(),
            ..run.info.clone()
        };
        self.look_at(engine, &theta, &mut info)?;
        self.claim(&mut info);
        let made = self.folder.create()?;
        let written =
            self.write_request().and_then(|()| finish(&self.folder, &run.config, &run.model, &theta, &[], info, false));
        written.inspect_err(|_| self.folder.discard(made))
    }

    /// Whether the network still works: a retrain is what its recipe gives, and is not asked.
    fn look_at(&self, engine: &mut Engine, theta: &[f32], info: &mut RunInfo) -> Result<()> {
        let Some(forget) = info.forget.as_mut().filter(|_| self.row.role != Role::Reference) else { return Ok(()) };
        let (run, target) = (&self.run, &self.target);
        let [before, after] = effect::retain_accuracy(engine, (&run.model, &run.data), target, [&self.theta, theta])?;
        let chance = effect::chance_of(&run.data, &target.split.retain);
        forget.effect = std::mem::take(&mut forget.effect).or_destroyed(before, after, chance);
        Ok(())
    }

    /// What may be said of the result, and what still holds the records.
    fn claim(&self, info: &mut RunInfo) {
        let Some(mut forget) = info.forget.take() else { return };
        let base = info.evidence.base_sha256.as_deref();
        forget.conditions = claim::conditions(forget.tier, base, forget.details.certificate.as_ref());
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
            read_sha256: before.read_sha256.clone(),
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
            effect: Effect::of(&self.theta, theta, self.row.role, &account.details),
            details: account.details.clone(),
            request: RequestSummary::of(&self.requests, &self.target),
            original_sha256: self.run.model_sha256().to_owned(),
            conditions: Vec::new(),
            residue: Vec::new(),
        })
    }

    fn write_request(&self) -> Result<()> {
        // A CSV request may take several rows; here it is one line.
        let mut whole: Vec<Request> = Vec::new();
        for part in self.earlier.iter().chain(&self.requests) {
            match whole.iter_mut().find(|r| r.request_id == part.request_id && r.kind == part.kind) {
                Some(known) => known.extend(part),
                None => whole.push(part.clone()),
            }
        }
        let mut text = String::new();
        for request in &whole {
            text += &serde_json::to_string(request).map_err(|e| Error::internal(format!("request.jsonl: {e}")))?;
            text.push('\n');
        }
        write_atomic(&self.folder.request(), text.as_bytes())
    }
}
