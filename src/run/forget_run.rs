//! `unlearn forget`: one method on one run.

mod prepare;
mod together;

pub(in crate::run) use prepare::refitted;
pub(super) use prepare::{Asked, gone_places};

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::claim;
use super::config::Config;
use super::deltas::KeptDeltas;
use super::effect::{self, Effect};
use super::evidence::{Evidence, Marks, Parent, Retained};
use super::folder::{Opened, RunFolder, State};
use super::hold::Hold;
use super::info::{DataInfo, ForgetInfo, Origin, RunInfo, SCHEMA, TrafficInfo};
use super::kept::{Belongs, Kept};
use super::refit::Refit;
use super::residue;
use super::results::{AdapterSummary, RequestSummary};
use super::stage::{Stage, apply};
use super::target::Target;
use super::written::{EpochLine, finish};
use super::{variants, whom};
use crate::base::{sha256, write_atomic};
use crate::data::{Dataset, Line, Request, request_lines};
use crate::engine::{Engine, Precision};
use crate::error::{Error, Result};
use crate::methods::{self, Account, Method, MethodRow, Past, Role};
use crate::nn::Model;
use crate::train::coupled::Trace;
use crate::train::{Deltas, Keeper};

impl RequestSummary {
    /// What was asked, without the ids.
    pub fn of(requests: &[Request], target: &Target) -> RequestSummary {
        let kinds: Vec<&str> = requests.iter().map(|r| r.kind.name()).collect();
        let mixed = kinds.iter().any(|kind| *kind != kinds[0]);
        let mut ids: Vec<String> =
            target.split.lines.iter().flat_map(|line| &line.records).map(|who| who.id.to_string()).collect();
        ids.sort_unstable();
        // On a graph the deleted nodes need not be training records.
        let (what, count) = match target.deletion() {
            Some(deletion) => (serde_json::to_string(deletion).unwrap_or_default(), target.things()),
            None => (ids.join(","), ids.len()),
        };
        RequestSummary {
            kind: if mixed { "mixed".into() } else { kinds.first().copied().unwrap_or_default().into() },
            count,
            hash: sha256(what.as_bytes()),
            classes: target.classes.clone(),
            what: None,
        }
    }
}

/// What a method made.
struct Made {
    theta: Vec<f32>,
    account: Account,
    seed: u64,
    adapter: AdapterSummary,
    seconds: f64,
    /// Bytes that went up.
    up: u64,
}

/// A run, a request and a method, ready to forget.
pub struct ForgetJob {
    run: Opened,
    requests: Vec<Request>,
    /// What the run had forgotten before; goes before these requests in the new run.
    earlier: Vec<Request>,
    /// What that was found to mean.
    forgotten: Vec<Line>,
    target: Target,
    /// What it means together with what came before, for a retrain on a whole graph.
    all: Option<Target>,
    row: &'static MethodRow,
    method: Box<dyn Method>,
    theta: Vec<f32>,
    /// What an exact method works on in the place of the run's data and network.
    refit: Option<Refit>,
    /// What is fitted on records may be another without the forgotten, and was not fitted again.
    fitted: bool,
    /// The retained records are given to the network as they were, so that kept checkpoints are of use.
    given: bool,
    /// The weights that the run began with, where its configuration names some.
    base: Option<Vec<f32>>,
    /// The trace that the run has, where the method goes on from it.
    trace: Option<Trace>,
    folder: RunFolder,
    /// The right to write there; none where a finished run is to be resumed, or nothing is to be written.
    hold: Option<Hold>,
    request: PathBuf,
    request_sha256: String,
    /// Hash of the records as the new run's model is given them.
    read_sha256: String,
    /// What binds it to the records that stay.
    retained: Option<Retained>,
    /// Who forgets, and why.
    pub marks: Marks,
}

impl ForgetJob {
    /// Reads everything and refuses what cannot be done, before anything is written. A forgetting that was killed in
    /// `out` begins anew.
    ///
    /// # Errors
    /// Bad runs, requests, names and settings; an `out` that holds another run, or this one finished.
    pub fn prepare(run: &Path, request: &Path, method: &str, settings: toml::Table, out: &Path) -> Result<ForgetJob> {
        ForgetJob::of(run, request, method, settings, Some((out, false)))
    }

    /// As [`ForgetJob::prepare`], where this one may be finished: ask [`ForgetJob::finished`].
    ///
    /// # Errors
    /// As [`ForgetJob::prepare`].
    pub fn resume(run: &Path, request: &Path, method: &str, settings: toml::Table, out: &Path) -> Result<ForgetJob> {
        ForgetJob::of(run, request, method, settings, Some((out, true)))
    }

    /// As [`ForgetJob::prepare`], to ask what it would do: it cannot forget.
    ///
    /// # Errors
    /// As [`ForgetJob::prepare`].
    pub fn dry(run: &Path, request: &Path, method: &str, settings: toml::Table) -> Result<ForgetJob> {
        ForgetJob::of(run, request, method, settings, None)
    }

    /// What the method may know of where the weights come from.
    fn past<'a>(&'a self, kept: Option<&'a dyn Keeper>, deltas: Option<&'a dyn Deltas>) -> Past<'a> {
        let (config, info) = (&self.run.config, &self.run.info);
        let base = self.base.as_deref();
        let trace = self.trace.as_ref();
        let Some(forget) = &info.forget else {
            let seed = Some(config.seed);
            return Past { seed, base, trace, checkpoints: kept, deltas, fitted: self.fitted, ..Past::default() };
        };
        let retrained = methods::role(&forget.method) == Some(Role::Reference);
        let seed = if retrained { info.seed } else { config.seed };
        let (seed, method) = (Some(seed), Some(&forget.method[..]));
        let (certificate, guarantee) = (forget.details.certificate.as_ref(), forget.details.guarantee.as_ref());
        Past { seed, method, certificate, guarantee, fitted: self.fitted, base, trace, checkpoints: kept, deltas }
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
        match same && original.as_deref() == Some(self.run.model_sha256()) && info.seed == self.seed(seed) {
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
        match &self.hold {
            Some(hold) => self.begin_in((&self.folder, hold), seed),
            None => Err(self.another()),
        }
    }

    fn begin_in(&self, (folder, hold): (&RunFolder, &Hold), seed: u64) -> Result<()> {
        let (method, settings) = (self.row.name, self.method.settings().to_string());
        let words = [method, &settings, &seed.to_string(), &self.request_text()?, self.run.model_sha256()];
        let digest = sha256(words.join("\0").as_bytes());
        match hold.left().is_some_and(|left| left.digest != digest) && folder.state() == State::Begun {
            true => Err(self.another()),
            false => {
                folder.drop_kept();
                hold.begin(&digest)
            }
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
        let (adapter, before) = (AdapterSummary::of(engine), engine.traffic());
        let (data, model, config) = self.works_on();
        let kept = self.kept(model, engine.precision());
        let from = (&self.run.folder, &self.run.info.evidence);
        let deltas = KeptDeltas::of(from, &self.folder, model.layout.total())?;
        let known = deltas.as_ref().map(|deltas| deltas as &dyn Deltas);
        let stage = Stage {
            model,
            data,
            target: self.all.as_ref().unwrap_or(&self.target),
            train: &config.train,
            seed,
            past: self.past(Some(&kept), known),
            check_finite,
        };
        engine.take_kernels();
        let start = Instant::now();
        let (theta, account) = apply(engine, &stage, &self.theta, self.method.as_ref())?;
        if self.is_unseen() {
            kept.steps.iter().try_for_each(|step| kept.carry(*step))?;
            deltas.as_ref().map_or(Ok(()), KeptDeltas::carry)?;
        }
        let (seconds, up) = (start.elapsed().as_secs_f64(), engine.traffic().up - before.up);
        self.write(engine, &self.folder, Made { theta, account, seed, adapter, seconds, up })
    }

    /// Data, network and configuration that the method works on.
    fn works_on(&self) -> (&Dataset, &Model, &Config) {
        match &self.refit {
            Some(refit) => (&refit.data, &refit.model, &refit.config),
            None => (&self.run.data, &self.run.model, &self.run.config),
        }
    }

    /// Writes the new run.
    fn write(&self, engine: &mut Engine, to: &RunFolder, made: Made) -> Result<RunInfo> {
        let (run, (data, model, config)) = (&self.run, self.works_on());
        let Made { theta, mut account, seed, adapter, seconds, up } = made;
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
        self.look_at(engine, &theta, &mut info)?;
        self.claim(&mut info);
        self.write_request(to)?;
        if let Some(trace) = &mut account.trace {
            trace.save(&to.path)?;
        }
        let lines: Vec<EpochLine> = account.trail.iter().map(EpochLine::from).collect();
        finish(to, config, model, &theta, &lines, info, false)
    }

    /// The checkpoints that the run kept; none where what is fitted anew gives the network other numbers.
    fn kept<'a>(&'a self, model: &'a Model, precision: Precision) -> Kept<'a> {
        let info = &self.run.info;
        let steps = if self.given { self.run.folder.kept_steps() } else { Vec::new() };
        let belongs = Belongs {
            config_sha256: info.config_sha256.clone(),
            data_sha256: info.evidence.data_sha256.clone(),
            base_sha256: info.evidence.base_sha256.clone(),
            precision,
        };
        let from = Some((&self.run.folder, &info.evidence));
        Kept { from, to: &self.folder, layout: &model.layout, belongs, steps }
    }

    /// Whether the network still works: a retrain is what its recipe gives, and is not asked.
    fn look_at(&self, engine: &mut Engine, theta: &[f32], info: &mut RunInfo) -> Result<()> {
        let Some(forget) = info.forget.as_mut().filter(|_| self.row.role != Role::Reference) else { return Ok(()) };
        let (run, target) = (&self.run, &self.target);
        let own = (&run.model, &run.data);
        let given = self.refit.as_ref().map_or(own, |refit| (&refit.model, &refit.data));
        let both = [(own, &self.theta[..]), (given, theta)];
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
    fn request_text(&self) -> Result<String> {
        request_lines(self.earlier.iter().chain(&self.requests))
    }

    fn write_request(&self, to: &RunFolder) -> Result<()> {
        write_atomic(&to.request(), self.request_text()?.as_bytes())?;
        write_atomic(&to.forgotten(), whom::json_lines(self.forgotten.iter().chain(self.lines()))?.as_bytes())
    }

    /// What the run's source no longer has, in a sentence; none where it is as it was.
    pub fn lost(&self) -> Option<String> {
        self.run.lost()
    }

    /// What is known of the cost before it begins, a sentence each.
    pub fn foretold(&self) -> Vec<String> {
        let (data, recipe) = (&self.run.data, &self.run.config.train);
        let of_method = self.method.foretells(data.kind(), data.train_ids().len(), recipe);
        let kept = self.row.tier.is_exact() && self.run.folder.kept().exists() && !self.given;
        let useless = kept.then(|| {
            "what is fitted on records is other without these, so that no kept checkpoint is of use and training \
             begins anew"
                .to_owned()
        });
        of_method.into_iter().chain(useless).collect()
    }

    /// What each line of the request was found to mean.
    pub fn lines(&self) -> &[Line] {
        &self.target.split.lines
    }

    /// Whether the run has no recipe, so that what the method takes of one has defaults.
    pub fn lacks_recipe(&self) -> bool {
        self.run.config.no_recipe
    }

    /// Whether no parameter saw what the request names.
    pub fn is_unseen(&self) -> bool {
        self.target.is_unseen()
    }
}
