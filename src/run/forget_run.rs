//! `unlearn forget`: one method on one run.

use std::path::Path;
use std::time::Instant;

use super::folder::{ForgetInfo, Opened, RunFolder, RunInfo, SCHEMA, State, TrafficInfo};
use super::hold::Hold;
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
    /// The right to write there; none where a finished run is to be resumed.
    hold: Option<Hold>,
}

impl ForgetJob {
    /// Reads everything and refuses what cannot be done, before anything is written. A forgetting that was killed in
    /// `out` begins anew.
    ///
    /// # Errors
    /// Bad runs, requests, names and settings; an `out` that holds another run, or this one finished.
    pub fn prepare(run: &Path, request: &Path, method: &str, settings: toml::Table, out: &Path) -> Result<ForgetJob> {
        ForgetJob::of(run, request, method, settings, out, false)
    }

    /// As [`ForgetJob::prepare`], where this one may be finished: ask [`ForgetJob::finished`].
    ///
    /// # Errors
    /// As [`ForgetJob::prepare`].
    pub fn resume(run: &Path, request: &Path, method: &str, settings: toml::Table, out: &Path) -> Result<ForgetJob> {
        ForgetJob::of(run, request, method, settings, out, true)
    }

    fn of(
        run: &Path,
        request: &Path,
        method: &str,
        settings: toml::Table,
        out: &Path,
        resume: bool,
    ) -> Result<ForgetJob> {
        let folder = RunFolder::new(out);
        let hold = folder.claim("forget", resume)?;
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
        Ok(ForgetJob { run, requests, earlier, target, row, method, theta, folder, hold })
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

    /// Whether this very forgetting is finished already.
    ///
    /// # Errors
    /// The folder holds another run.
    pub fn finished(&self, seed: Option<u64>) -> Result<bool> {
        if self.hold.is_some() {
            return Ok(false);
        }
        let info = self.folder.read_info()?;
        let same = info.forget.as_ref().is_some_and(|known| {
            let request = RequestSummary::of(&self.requests, &self.target);
            known.method == self.row.name && known.settings == self.method.settings() && known.request == request
        });
        let original = info.forget.map(|known| known.original_sha256);
        match same && original == Some(self.run.model_sha256()?) && info.seed == self.seed(seed) {
            true => Ok(true),
            false => Err(self.another()),
        }
    }

    fn seed(&self, seed: Option<u64>) -> u64 {
        seed.unwrap_or(self.run.config.seed)
    }

    fn another(&self) -> Error {
        Error::input(format!(
            "--out {} belongs to another command line (run, request, method, settings or seed); use the same \
                one, or another folder",
            self.folder.path.display()
        ))
    }

    /// Takes the folder: from a killed process only if it was at the same work.
    fn begin(&self, seed: u64) -> Result<()> {
        let Some(hold) = &self.hold else { return Err(self.another()) };
        let (method, settings) = (self.row.name, self.method.settings().to_string());
        let words = [method, &settings, &seed.to_string(), &self.request_text()?, &self.run.model_sha256()?];
        let digest = sha256(words.join("\0").as_bytes());
        match hold.left().is_some_and(|left| left.digest != digest) && self.folder.state() == State::Begun {
            true => Err(self.another()),
            false => hold.begin(&digest),
        }
    }

    /// Forgets and writes the new run; an error leaves nothing of it.
    ///
    /// # Errors
    /// What the method reports; weights that are not finite, which are never written.
    pub fn forget(&self, engine: &mut Engine, seed: Option<u64>, check_finite: bool) -> Result<RunInfo> {
        let seed = self.seed(seed);
        self.begin(seed)?;
        self.run(engine, seed, check_finite).inspect_err(|_| self.folder.discard())
    }

    fn run(&self, engine: &mut Engine, seed: u64, check_finite: bool) -> Result<RunInfo> {
        let (run, adapter, before) = (&self.run, AdapterSummary::of(engine), engine.traffic());
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
        let info = RunInfo {
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
            forget: Some(self.account_for(&account)?),
            ..run.info.clone()
        };
        self.write_request()?;
        finish(&self.folder, &run.config, &run.model, &theta, &[], info, false)
    }

    fn account_for(&self, account: &Account) -> Result<ForgetInfo> {
        Ok(ForgetInfo {
            method: self.row.name.into(),
            tier: self.row.tier,
            settings: self.method.settings(),
            reads: account.reads.clone(),
            method_s: account.method_s,
            precompute_s: account.precompute_s,
            details: account.details.clone(),
            request: RequestSummary::of(&self.requests, &self.target),
            original_sha256: self.run.model_sha256()?,
        })
    }

    fn request_text(&self) -> Result<String> {
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
        Ok(text)
    }

    fn write_request(&self) -> Result<()> {
        write_atomic(&self.folder.request(), self.request_text()?.as_bytes())
    }
}
