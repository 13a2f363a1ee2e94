//! The `[forget]` table: what an experiment asks to be forgotten, and by which methods.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::place;
use crate::data::{Dataset, Request, read_requests};
use crate::error::{Error, Result};
use crate::methods::composite::Step;
use crate::methods::{self, Method, MethodRow};
use crate::nn::Model;
use crate::train::TrainConfig;

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

    /// Writes the default of `methods` out: what works on this network, on what the recipe trains, and on these data,
    /// but for what costs several retrains.
    pub fn complete(&mut self, data: &Dataset, model: &Model, recipe: &TrainConfig) {
        if self.methods.is_empty() {
            let suits = |row: &&&MethodRow| {
                let kind = data.target_kind();
                let fits = |m: Box<dyn Method>| {
                    let suits = m.suits(model).and(m.suits_recipe(recipe)).and(m.suits_targets(kind));
                    suits.is_ok() && !m.is_costly()
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
    pub(super) fn fold_steps(&mut self) -> Result<()> {
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

    /// # Errors
    /// Methods, settings or numbers that cannot be.
    pub(super) fn check(&self) -> Result<()> {
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

/// A method's complaint about its settings, with the place of the settings and a suggestion.
fn in_settings(method: &str, error: Error) -> Error {
    Error::input(format!("forget.settings.{method}: {}", place::with_suggestion(&error.to_string())))
}
