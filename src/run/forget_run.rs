//! `unlearn forget`: one method on one run.

mod prepare;
mod together;
mod writing;

pub(in crate::run) use prepare::refitted;
pub(super) use prepare::{Asked, gone_places};

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::config::Config;
use super::deltas::KeptDeltas;
use super::evidence::{Marks, Retained};
use super::folder::{Opened, RunFolder, State};
use super::hold::Hold;
use super::info::RunInfo;
use super::kept::{Belongs, Kept};
use super::refit::Refit;
use super::results::{AdapterSummary, RequestSummary};
use super::stage::{Stage, apply};
use super::target::Target;
use crate::base::sha256;
use crate::data::{Dataset, Line, Request};
use crate::engine::{Engine, Precision};
use crate::error::{Error, Result};
use crate::methods::{self, Account, Method, MethodRow, Past, Role};
use crate::nn::Model;
use crate::train::coupled::Trace;
use crate::train::{Deltas, Keeper};

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
    /// The weights of the runs that it came from, where the method looks back.
    before: Vec<Vec<f32>>,
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
        let (trace, before) = (self.trace.as_ref(), &self.before[..]);
        let Some(forget) = &info.forget else {
            let seed = Some(config.seed);
            return Past {
                seed,
                base,
                trace,
                before,
                checkpoints: kept,
                deltas,
                fitted: self.fitted,
                ..Past::default()
            };
        };
        let retrained = methods::role(&forget.method) == Some(Role::Reference);
        let seed = if retrained { info.seed } else { config.seed };
        let (seed, method) = (Some(seed), Some(&forget.method[..]));
        let (certificate, guarantee) = (forget.details.certificate.as_ref(), forget.details.guarantee.as_ref());
        Past {
            seed,
            method,
            certificate,
            guarantee,
            fitted: self.fitted,
            before,
            base,
            trace,
            checkpoints: kept,
            deltas,
        }
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
