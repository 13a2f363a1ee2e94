//! The experiment file: one TOML with `[data]`, `[model]`, `[train]` and `[forget]`. Every complaint names file, line
//! and key; every default is written back to the resolved copy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use self::place::Place;
use crate::base::sha256;
use crate::data::{self, Absent, DataConfig, Dataset, FitOn, Request, read_requests};
use crate::error::{Error, Result};
use crate::methods::composite::Step;
use crate::methods::{self, Method, MethodRow};
use crate::nn::{Model, ModelConfig};
use crate::train::TrainConfig;

mod ensemble;
mod eraser;
mod inputs;
mod overrides;
mod place;

pub use ensemble::{Aggregate, EnsembleConfig, EnsembleKind, Fitting, RatesConfig};
pub use eraser::DividedGraph;
pub(in crate::run) use eraser::without;
pub use overrides::settings;

/// The whole file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Seed of initialisation, order and dropout; of drawn requests too. The split has its own.
    #[serde(default)]
    pub seed: u64,
    /// Weights to start from instead of fresh ones: the folder of a run, a file of safetensors, or one that
    /// `torch.save` wrote of a state dict. A retrain starts from them too: what they know is not forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<PathBuf>,
    /// The table `[data]`.
    pub data: DataConfig,
    /// The table `[model]`.
    pub model: ModelConfig,
    /// The table `[train]`.
    #[serde(default)]
    pub train: TrainConfig,
    /// Several networks in the place of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensemble: Option<EnsembleConfig>,
    /// No `[train]` came with the weights: none is written, and what trains is refused. Of imported runs.
    #[serde(skip)]
    pub no_recipe: bool,
    /// Read by `run`; `train` ignores it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forget: Option<ForgetConfig>,
}

/// The `[forget]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ForgetConfig {
    /// `{ kind = "sample", fraction = 0.1 }`, `{ kind = "class", ids = [3] }`, or the path of a request file.
    #[cfg_attr(feature = "cli", schemars(schema_with = "crate::run::schema::request_key"))]
    pub request: toml::Value,
    /// Names from `unlearn list methods`; all that suit data and network if absent.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Retrained models that form the reference; one more is trained as the control.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 2, "maximum" = 100, "unit" = "models")))]
    #[serde(default = "default_references")]
    pub references: usize,
    /// Seeds of each method: so many originals are trained, the method forgets in each, and its row has mean and
    /// spread.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "maximum" = 100)))]
    #[serde(default = "default_seeds")]
    pub seeds: usize,
    /// Seed of a drawn request; the configuration's if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw_seed: Option<u64>,
    /// What the method `composite` does, one after another: the same as `forget.settings.composite.steps`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Settings of a method, by its name.
    #[cfg_attr(feature = "cli", schemars(schema_with = "crate::run::schema::settings_by_method"))]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, toml::Table>,
}

fn default_references() -> usize {
    3
}

fn default_seeds() -> usize {
    3
}

impl ForgetConfig {
    /// The requests, read from their file where `request` is a path.
    ///
    /// # Errors
    /// A file that cannot be read or is malformed; an inline table that is no request.
    pub fn requests(&self) -> Result<Vec<Request>> {
        match &self.request {
            toml::Value::String(path) => read_requests(Path::new(path)),
            table => {
                let parsed = table.clone().try_into::<Request>();
                let what = |e: toml::de::Error| place::with_suggestion(e.message());
                Ok(vec![parsed.map_err(|e| Error::input(format!("forget.request: {}", what(e))))?])
            }
        }
    }

    /// Writes the default of `methods` out: what works on this network, on what the recipe trains, and on these data.
    pub fn complete(&mut self, data: &Dataset, model: &Model, recipe: &TrainConfig) {
        if self.methods.is_empty() {
            let suits = |row: &&&MethodRow| {
                let kind = data.target_kind();
                let fits = |m: Box<dyn Method>| {
                    m.suits(model).is_ok() && m.suits_recipe(recipe).is_ok() && m.suits_targets(kind).is_ok()
                };
                row.takes.contains(&data.kind()) && (row.build)(toml::Table::new()).is_ok_and(fits)
            };
            self.methods = methods::METHODS.iter().filter(suits).map(|row| row.name.to_owned()).collect();
        }
    }

    /// Seeds of the originals: the configuration's, and further ones that no retrain has.
    pub fn original_seeds(&self, seed: u64) -> Vec<u64> {
        let further = (1..self.seeds as u64).map(|k| seed.wrapping_add(1000 + k));
        std::iter::once(seed).chain(further).collect()
    }

    /// The settings of one method; empty where the file has none.
    pub fn settings_of(&self, method: &str) -> toml::Table {
        self.settings.get(method).cloned().unwrap_or_default()
    }

    /// Moves the steps of a composite to its settings.
    ///
    /// # Errors
    /// It has such settings besides.
    fn fold_steps(&mut self) -> Result<()> {
        if self.steps.is_empty() {
            return Ok(());
        }
        let name = "composite".to_owned();
        let steps = toml::Value::try_from(std::mem::take(&mut self.steps));
        let steps = steps.map_err(|e| Error::internal(format!("forget.steps: {e}")))?;
        if !self.methods.is_empty() && !self.methods.contains(&name) {
            self.methods.push(name.clone());
        }
        match self.settings.entry(name).or_default().insert("steps".into(), steps) {
            Some(_) => Err(Error::input("forget.steps and forget.settings.composite.steps are the same; keep one")),
            None => Ok(()),
        }
    }

    fn check(&self) -> Result<()> {
        if !matches!(self.request, toml::Value::String(_)) {
            self.requests()?;
        }
        for name in &self.methods {
            (methods::find(name)?.build)(self.settings_of(name)).map_err(|e| in_settings(name, e))?;
        }
        for (name, settings) in self.settings.iter().filter(|_| self.methods.is_empty()) {
            (methods::find(name)?.build)(settings.clone()).map_err(|e| in_settings(name, e))?;
        }
        let stray = |name: &&String| !self.methods.is_empty() && !self.methods.contains(name);
        if let Some(stray) = self.settings.keys().find(stray) {
            let near = crate::base::did_you_mean(stray, self.methods.iter().map(String::as_str));
            return Err(Error::input(format!("forget.settings.{stray}: forget.methods does not name it{near}")));
        }
        if !(1..=100).contains(&self.seeds) {
            return Err(Error::input(format!(
                "forget.seeds is {}; expected 1 to 100, and at least three for an interval",
                self.seeds
            )));
        }
        match self.references {
            2..=100 => Ok(()),
            n => Err(Error::input(format!(
                "forget.references is {n}; expected 2 to 100, for a spread needs at least two retrains"
            ))),
        }
    }
}

/// Columns of an embedding where the last layer does not say.
const EMBEDDING: usize = 16;

/// A method's complaint about its settings, with the place of the settings and a suggestion.
fn in_settings(method: &str, error: Error) -> Error {
    Error::input(format!("forget.settings.{method}: {}", place::with_suggestion(&error.to_string())))
}

/// A configuration and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// As resolved.
    pub config: Config,
    /// Stem of the file: the name of the experiment.
    pub name: String,
    /// Whether it has a table `[train]`.
    pub has_recipe: bool,
    place: Place,
}

impl Loaded {
    /// Reads a file, applies `--set` overrides and the seed, and makes its paths absolute.
    ///
    /// # Errors
    /// [`Error::Input`] with file and line.
    pub fn read(path: &Path, sets: &[String], seed: Option<u64>) -> Result<Loaded> {
        let text = std::fs::read_to_string(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::InvalidData => Error::input(format!("{}: is not UTF-8 text", path.display())),
            _ => Error::io("read", path)(e),
        })?;
        let base = path.parent().unwrap_or(Path::new(""));
        Loaded::parse(&text, &path.display().to_string(), base, sets, seed)
    }

    /// As [`Loaded::read`] for text in memory; `file` stands in the messages, paths start at `base`.
    pub fn parse(text: &str, file: &str, base: &Path, sets: &[String], seed: Option<u64>) -> Result<Loaded> {
        let place = Place { file: file.to_owned(), text: text.to_owned() };
        let mut table: toml::Table = toml::from_str(text).map_err(|e| place.of(&e))?;
        let changed = !sets.is_empty() || seed.is_some();
        for set in sets {
            overrides::apply(&mut table, set)?;
        }
        if let Some(seed) = seed {
            let seed = i64::try_from(seed).map_err(|_| Error::input(format!("--seed {seed} is above {}", i64::MAX)))?;
            table.insert("seed".into(), toml::Value::Integer(seed));
        }
        let has_recipe = table.contains_key("train");
        // The text is parsed too, since only its errors know their line; an override may have mended or broken it.
        let mut config: Config = match (toml::Value::Table(table).try_into(), toml::from_str::<Config>(text)) {
            (Ok(config), _) => config,
            (Err(_), Err(in_text)) => return Err(place.of(&in_text)),
            (Err(e), Ok(_)) if changed => {
                return Err(Error::input(format!("--set: {}", place::with_suggestion(e.message()))));
            }
            (Err(e), Ok(_)) => return Err(Error::internal(format!("{file}: {e}"))),
        };
        config.check().map_err(|e| place.add(e))?;
        config.absolute(base);
        let name = Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Loaded { config, name, has_recipe, place })
    }

    /// The configuration of a member of the ensemble that this one is of.
    pub fn member(&self, index: usize) -> Loaded {
        Loaded { config: self.config.member(index), ..self.clone() }
    }

    /// Loads the data and builds the network; the configuration then holds every default, the zoo's layers included.
    ///
    /// # Errors
    /// Whatever is wrong with files, layers or shapes.
    pub fn build(&mut self) -> Result<(Dataset, Model)> {
        if self.config.whole_ensemble().is_some() {
            let what =
                "ensemble: `train` makes several networks of this table, and this command works on one; leave it out";
            return Err(self.place.add(Error::input(what)));
        }
        self.build_on(FitOn::Training)
    }

    /// As [`Loaded::build`], with what is fitted on records taken from elsewhere.
    fn build_on(&mut self, fit: FitOn) -> Result<(Dataset, Model)> {
        let data = self.load(fit, &Absent::default())?;
        let model = self.model(&data, fit)?;
        Ok((data, model))
    }

    /// The data alone, from a source that may have lost records.
    ///
    /// # Errors
    /// Whatever is wrong with the files.
    pub fn load(&self, fit: FitOn, absent: &Absent) -> Result<Dataset> {
        self.config.load_without(fit, absent).map_err(|e| self.place.add(e))
    }

    /// The network for these data; the configuration then holds every default.
    ///
    /// # Errors
    /// Whatever is wrong with layers or shapes.
    pub fn model(&mut self, data: &Dataset, fit: FitOn) -> Result<Model> {
        let model = self.config.network(data, fit).map_err(|e| self.place.add(e))?;
        self.config.model = model.config();
        Ok(model)
    }
}

impl Config {
    /// The data alone.
    ///
    /// # Errors
    /// Whatever is wrong with the files.
    pub fn load(&self) -> Result<Dataset> {
        self.load_without(FitOn::Training, &Absent::default())
    }

    /// The data, with what is fitted on records taken from elsewhere, from a source that may have lost records.
    ///
    /// # Errors
    /// Whatever is wrong with the files.
    pub fn load_without(&self, fit: FitOn, absent: &Absent) -> Result<Dataset> {
        match self.shard() {
            Some(shard) => self.load_shard(fit, absent, shard),
            None if self.graph_member().is_some() => self.load_nodes(fit),
            None => data::load_without(&self.data, Path::new(""), fit, absent),
        }
    }

    /// The network for data that were fitted so.
    ///
    /// # Errors
    /// Whatever is wrong with layers or shapes.
    pub fn network(&self, data: &Dataset, fit: FitOn) -> Result<Model> {
        let outputs = data.outputs(self.model.width().unwrap_or(EMBEDDING));
        let fewer = matches!(fit, FitOn::Without(_)) || self.is_shard() && fit.kept().is_none();
        let mut model = match fewer && outputs < data.classes {
            // What was resolved for all classes says how many there were.
            true => self.model.open_ended(),
            false => self.model.clone(),
        };
        let columns = inputs::columns(data);
        let over = model.inputs.iter().map(|input| input.over(&columns, &data.name));
        model.inputs = over.collect::<Result<Vec<_>>>()?.concat();
        Model::build(&model, &data.shape, outputs)
    }

    fn check(&mut self) -> Result<()> {
        self.data = self.data.resolved()?;
        match (self.train.base.take(), &self.init) {
            (Some(_), Some(_)) => {
                return Err(Error::input("train.base must be left out beside `init`, which is the same"));
            }
            (Some(base), None) => self.init = Some(base),
            (None, _) => {}
        }
        if self.train.new_head && self.init.is_none() {
            return Err(Error::input("train.new_head = true needs train.base, the weights that it is the new head of"));
        }
        self.train.check()?;
        if self.ensemble.is_some() && self.train.deltas.is_some() {
            return Err(Error::input(
                "train.deltas does not go with [ensemble], whose members forget exactly by `sisa`; leave one out",
            ));
        }
        self.ensemble.as_ref().map_or(Ok(()), EnsembleConfig::check)?;
        self.check_graph_ensemble()?;
        self.forget.as_mut().map_or(Ok(()), ForgetConfig::fold_steps)?;
        self.forget.as_ref().map_or(Ok(()), ForgetConfig::check)
    }

    /// Makes every path absolute, so that a copy elsewhere still finds the files.
    fn absolute(&mut self, base: &Path) {
        let d = &mut self.data;
        if d.loader == "idx" {
            // The folder goes into the names, so that each stands by itself.
            let folder = d.clone();
            let names = [&mut d.train_images, &mut d.train_labels, &mut d.test_images, &mut d.test_labels];
            names.into_iter().flatten().for_each(|name| *name = folder.beside_path(name));
            d.path = None;
        }
        self.paths().for_each(|path| *path = absolute(base, path));
        if let Some(folder) = self.init.take_if(|path| path.is_dir()) {
            // What a run's folder calls its weights.
            self.init = Some(folder.join("model.safetensors"));
        }
        if let Some(ForgetConfig { request: toml::Value::String(path), .. }) = &mut self.forget {
            *path = absolute(base, Path::new(path)).display().to_string();
        }
    }

    /// Every path in it but that of the request of [`ForgetConfig`].
    pub(in crate::run) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let d = &mut self.data;
        let single = [
            &mut d.path,
            &mut d.test_path,
            &mut d.events,
            &mut d.train_images,
            &mut d.train_labels,
            &mut d.test_images,
            &mut d.test_labels,
            &mut d.edges,
            &mut d.node_features,
            &mut d.labels,
        ];
        let lists = [&mut d.train_files, &mut d.test_files];
        let sensitive = self.train.deltas.as_mut().and_then(|deltas| deltas.request.as_mut());
        let rates = self.ensemble.as_mut().and_then(|ensemble| ensemble.rates.as_mut());
        let named = sensitive.into_iter().chain(rates.map(|rates| &mut rates.file));
        single.into_iter().flatten().chain(lists.into_iter().flatten().flatten()).chain(&mut self.init).chain(named)
    }

    /// Files and folders that it is about.
    pub fn reads(&self) -> Vec<PathBuf> {
        let mut all: Vec<PathBuf> = self.clone().paths().map(|path| path.clone()).collect();
        if let Some(ForgetConfig { request: toml::Value::String(path), .. }) = &self.forget {
            all.push(path.into());
        }
        all
    }

    /// The file as TOML, every default written out.
    pub fn to_toml(&self) -> Result<String> {
        if let Some(path) = self.reads().iter().find(|path| path.to_str().is_none()) {
            return Err(Error::input(format!(
                "{}: the name is not UTF-8, and a configuration's copy can hold no other; rename the file or folder",
                path.display()
            )));
        }
        let text = match self.no_recipe {
            false => toml::to_string(self),
            true => toml::Table::try_from(self).and_then(|mut table| {
                table.remove("train");
                toml::to_string(&table)
            }),
        };
        text.map_err(|e| Error::input(format!("the configuration cannot be written as TOML: {e}")))
    }

    /// Digest of everything that training depends on.
    pub fn train_digest(&self) -> Result<String> {
        let training = Config { forget: None, ..self.clone() };
        Ok(sha256(training.to_toml()?.as_bytes()))
    }
}

fn absolute(base: &Path, path: &Path) -> PathBuf {
    let joined = base.join(path);
    std::path::absolute(&joined).unwrap_or(joined)
}
