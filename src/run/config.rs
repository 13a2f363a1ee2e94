//! The experiment file: one TOML with `[data]`, `[model]`, `[train]` and `[forget]`. Every complaint names file, line
//! and key; every default is written back to the resolved copy.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use self::place::Place;
use crate::base::sha256;
use crate::data::{self, Absent, DataConfig, Dataset, FitOn};
use crate::error::{Error, Result};
use crate::nn::{Model, ModelConfig};
use crate::train::TrainConfig;

mod ensemble;
mod eraser;
mod forget;
mod inputs;
mod overrides;
mod place;

pub use ensemble::{Aggregate, EnsembleConfig, EnsembleKind, Fitting, RatesConfig};
pub use eraser::DividedGraph;
pub(in crate::run) use eraser::without;
pub use forget::ForgetConfig;
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

/// Columns of an embedding where the last layer does not say.
const EMBEDDING: usize = 16;

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
        Model::build(&model, &data.model_input(), outputs)
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
        if let Some(file) = self.data.tokenizer_file().map(|file| absolute(base, Path::new(file))) {
            self.data.tokenizer = Some(file.display().to_string());
        }
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
        all.extend(self.data.tokenizer_file().map(PathBuf::from));
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
