//! From a configuration to jobs, each named by the hash of its inputs.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::unit::Unit;
use crate::base::{Digest, sha256, write_atomic};
use crate::data::{Absent, Dataset, FitOn, Request, read_requests, request_lines};
use crate::error::{Error, Result};
use crate::methods::{self, Role};
use crate::run::config::{Config, Loaded};
use crate::run::evidence::{self, hash_of};

const SCHEMA: &str = "unlearn.jobs/1";
const SELF: &str = "plan_sha256";
const FILE: &str = "plan.json";

/// A file as it was when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Where it was.
    pub path: PathBuf,
    /// Its hash.
    pub sha256: String,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// From the hash of its inputs.
    pub id: String,
    /// What to do.
    pub unit: Unit,
}

/// `plan.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    schema: String,
    /// Of the program that made it, and that alone may work by it.
    pub version: String,
    /// The configuration that was given.
    pub config: Source,
    /// SHA-256 of the folder's `config.toml`.
    pub config_sha256: String,
    /// SHA-256 of the records.
    pub data_sha256: String,
    /// SHA-256 of the weights that trainings begin with, where the configuration names some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_sha256: Option<String>,
    /// SHA-256 of the folder's `request.jsonl`, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_sha256: Option<String>,
    /// In an order in which each comes behind what it needs.
    pub jobs: Vec<Job>,
    plan_sha256: String,
}

/// What to plan besides what the configuration says.
#[derive(Clone, Debug, Default)]
pub struct PlanOptions {
    /// Seeds of trainings; those of the configuration if empty.
    pub seeds: Vec<u64>,
    /// What to forget, in the place of the configuration's `[forget]`.
    pub request: Option<PathBuf>,
    /// So many retrains as references, beside `request`.
    pub references: usize,
}

impl Plan {
    /// Plans a configuration, and the work of its `[forget]` table where it has one: originals, the retrains of the
    /// reference with one more as the control, and each method in each original.
    ///
    /// # Errors
    /// What is wrong with configuration, data, methods or requests; requests whose records are drawn.
    fn of(mut loaded: Loaded, source: &Path, options: &PlanOptions) -> Result<(Plan, String, Option<String>)> {
        let config = Source {
            path: std::path::absolute(source).unwrap_or_else(|_| source.to_owned()),
            sha256: hash_of(source)?,
        };
        if let Some(ensemble) = loaded.config.whole_ensemble() {
            let shards = ensemble.shards;
            return Plan::of_ensemble(loaded, config, shards, options);
        }
        let (data, model) = loaded.build()?;
        let recipe = loaded.config.train.clone();
        let mut forget = loaded.config.forget.take().filter(|_| options.request.is_none());
        forget.iter_mut().for_each(|forget| forget.complete(&data, &model, &recipe));
        let requests = match (&options.request, &forget) {
            (Some(file), _) => Some(read_requests(file)?),
            (None, Some(forget)) => Some(forget.requests()?),
            (None, None) => None,
        };
        let request = requests.as_deref().map(explicit).transpose()?;
        let (mut plan, text) = Plan::empty(&loaded, config, &data, request.as_deref())?;
        let seeds = match (&forget, options.seeds.as_slice()) {
            (Some(forget), []) => forget.original_seeds(loaded.config.seed),
            (None, []) => vec![loaded.config.seed],
            (_, given) => given.to_vec(),
        };
        let originals: Vec<String> = seeds.iter().map(|seed| plan.add(Unit::Train { seed: *seed })).collect();
        let Some(first) = originals.first() else { return Err(Error::input("--seeds names none")) };
        let references = forget.as_ref().map_or(options.references, |forget| forget.references + 1);
        let free = (1..).map(|i| loaded.config.seed.wrapping_add(i)).filter(|seed| !seeds.contains(seed));
        for seed in free.take(references) {
            let (method, settings) = (methods::reference().name.to_owned(), toml::Table::new());
            plan.add(Unit::Forget { of: first.clone(), method, settings, seed });
        }
        for method in forget.iter().flat_map(|forget| &forget.methods) {
            let row = methods::find(method)?;
            row.check_data(&data)?;
            if methods::role(method) == Some(Role::Reference) {
                continue;
            }
            let settings = forget.as_ref().map(|forget| forget.settings_of(method)).unwrap_or_default();
            (row.build)(settings.clone())?.suits_recipe(&recipe)?;
            for (of, seed) in originals.iter().zip(&seeds) {
                let (of, method, settings) = (of.clone(), method.clone(), settings.clone());
                plan.add(Unit::Forget { of, method, settings, seed: *seed });
            }
        }
        Ok((plan, text, request))
    }

    /// A plan without jobs, and the configuration's text.
    fn empty(loaded: &Loaded, config: Source, data: &Dataset, request: Option<&str>) -> Result<(Plan, String)> {
        let text = loaded.config.to_toml()?;
        let plan = Plan {
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            config,
            config_sha256: sha256(text.as_bytes()),
            data_sha256: data.sha256(),
            base_sha256: loaded.config.init.as_deref().map(hash_of).transpose()?,
            request_sha256: request.map(|text| sha256(text.as_bytes())),
            jobs: Vec::new(),
            plan_sha256: String::new(),
        };
        Ok((plan, text))
    }

    /// Plans the members of an ensemble with each seed, and the ensemble behind them.
    ///
    /// # Errors
    /// A request: its shards are told by the ensemble that is trained.
    fn of_ensemble(
        loaded: Loaded,
        config: Source,
        members: usize,
        options: &PlanOptions,
    ) -> Result<(Plan, String, Option<String>)> {
        if options.request.is_some() || options.references > 0 || loaded.config.forget.is_some() {
            return Err(Error::input(
                "a plan of an ensemble trains it: which members forget is told by the trained one; use `unlearn \
                 forget` on it, and leave [forget], --request and --references out",
            ));
        }
        let (mut plan, text) = Plan::empty(&loaded, config, &loaded.load(FitOn::Training, &Absent::default())?, None)?;
        let seeds = if options.seeds.is_empty() { vec![loaded.config.seed] } else { options.seeds.clone() };
        for seed in seeds {
            let member = |member| plan.add(Unit::Member { seed, member });
            let members = (0..members).map(member).collect();
            plan.add(Unit::Ensemble { seed, members });
        }
        Ok((plan, text, None))
    }

    /// Adds a job, once.
    fn add(&mut self, unit: Unit) -> String {
        let mut digest = Digest::new("unlearn.job/1");
        let optional = |hash: &Option<String>| hash.clone().unwrap_or_default();
        digest.field("version", self.version.as_bytes()).field("config", self.config_sha256.as_bytes());
        digest.field("data", self.data_sha256.as_bytes()).field("base", optional(&self.base_sha256).as_bytes());
        if !unit.needs().is_empty() {
            digest.field("request", optional(&self.request_sha256).as_bytes());
        }
        unit.digest(&mut digest);
        let id = digest.finish()[..16].to_owned();
        if self.jobs.iter().all(|job| job.id != id) {
            self.jobs.push(Job { id: id.clone(), unit });
        }
        id
    }

    /// Makes a plan and writes it to a folder, where the same plan or one with other seeds may be already: what is done
    /// there stays done.
    ///
    /// # Errors
    /// As above; a folder with other files, or with a plan of other inputs.
    pub fn write(loaded: Loaded, source: &Path, folder: &Path, options: &PlanOptions) -> Result<Plan> {
        let (plan, config, request) = Plan::of(loaded, source, options)?;
        let known = folder.join(FILE).exists();
        if known {
            plan.fits(&Plan::read(folder)?, folder)?;
        } else if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Error::input(format!("--out {} holds other files; use another folder", folder.display())));
        }
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        for name in ["claims", "begun", "jobs"] {
            fs::create_dir_all(folder.join(name)).map_err(Error::io("create", &folder.join(name)))?;
        }
        write_atomic(&folder.join("config.toml"), config.as_bytes())?;
        if let Some(request) = request {
            write_atomic(&folder.join("request.jsonl"), request.as_bytes())?;
        }
        let text = evidence::seal(evidence::json(&plan, FILE)?, SELF);
        write_atomic(&folder.join(FILE), text.as_bytes())?;
        Ok(plan)
    }

    /// Refuses a folder whose plan has other inputs.
    fn fits(&self, there: &Plan, folder: &Path) -> Result<()> {
        let pairs = [
            ("configuration", Some(&self.config_sha256), Some(&there.config_sha256)),
            ("data", Some(&self.data_sha256), Some(&there.data_sha256)),
            ("base model", self.base_sha256.as_ref(), there.base_sha256.as_ref()),
            ("request", self.request_sha256.as_ref(), there.request_sha256.as_ref()),
        ];
        match pairs.iter().find(|(_, ours, theirs)| ours != theirs) {
            None => Ok(()),
            Some((what, ..)) => Err(Error::input(format!(
                "--out {} holds a plan of another {what}; use another folder",
                folder.display()
            ))),
        }
    }

    /// Reads the plan of a folder.
    ///
    /// # Errors
    /// None there; one that was changed, or that another version made.
    pub(super) fn read(folder: &Path) -> Result<Plan> {
        let path = folder.join(FILE);
        let bytes = fs::read(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::input(format!(
                "{} holds no plan; make one with `unlearn jobs plan CONFIG --out {}`",
                folder.display(),
                folder.display()
            )),
            _ => Error::io("read", &path)(e),
        })?;
        let plan: Plan = evidence::unseal(&path, &bytes, SCHEMA, SELF)?;
        let own = env!("CARGO_PKG_VERSION");
        match plan.version == own {
            true => Ok(plan),
            false => Err(Error::input(format!(
                "{} was planned by unlearn {}, and this is {own}, whose jobs may come out otherwise; use that version, \
                 or plan into another folder",
                folder.display(),
                plan.version
            ))),
        }
    }

    /// Refuses to go on where what was planned is no longer what is there.
    ///
    /// # Errors
    /// The folder's files, or the configuration that was given, were changed since.
    pub(super) fn check(&self, folder: &Path) -> Result<()> {
        let copy = folder.join("config.toml");
        let own = [(copy, Some(&self.config_sha256)), (folder.join("request.jsonl"), self.request_sha256.as_ref())];
        for (path, then) in own.into_iter().filter_map(|(path, then)| Some((path, then?))) {
            if hash_of(&path)? != *then {
                return Err(Error::input(format!(
                    "{} was changed since `unlearn jobs plan` wrote it; plan into another folder",
                    path.display()
                )));
            }
        }
        // On another machine it need not be there.
        let source = &self.config.path;
        match hash_of(source) {
            Ok(now) if now != self.config.sha256 => Err(Error::input(format!(
                "{} was changed since {} was planned by it; put it back, or plan into another folder",
                source.display(),
                folder.display()
            ))),
            _ => Ok(()),
        }
    }

    /// The configuration of all jobs, for whoever wants to know what it reads.
    ///
    /// # Errors
    /// The folder's copy cannot be read.
    pub fn config(folder: &Path) -> Result<Config> {
        Loaded::read(&folder.join("config.toml"), &[], None).map(|loaded| loaded.config)
    }
}

/// Requests as lines, which mean the same records whatever the seed.
fn explicit(requests: &[Request]) -> Result<String> {
    match requests.iter().find(|request| request.fraction.is_some()) {
        Some(_) => Err(Error::input(
            "forget.request: `fraction` draws other records with another seed; give ids, or the path of a request file",
        )),
        None => request_lines(requests),
    }
}
