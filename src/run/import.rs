//! `unlearn import`: weights that were trained elsewhere become a run. No training is claimed: the run says where they
//! came from, and what needs the history of a training says that there is none.

mod agree;

use std::path::Path;

use super::config::{Config, Loaded};
use super::evidence::{self, Evidence, Marks};
use super::folder::{RunFolder, State};
use super::hold::Hold;
use super::info::{DataInfo, Imported, Origin, RunInfo, SCHEMA, TrafficInfo};
use super::naming::{self, Named, Naming};
use super::results::AdapterSummary;
use super::written::finish;
use crate::base::sha256;
use crate::data::{Dataset, StateDict};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::methods::Needs;
use crate::nn::Model;

pub use agree::TOLERANCE;

/// A model's file with the network and the data that it is for, ready to become a run.
pub struct ImportJob {
    /// As resolved.
    pub config: Config,
    /// What is to be forgotten from.
    pub data: Dataset,
    /// The network.
    pub model: Model,
    /// Its weights, and what became of names.
    pub named: Named,
    /// Who does it, and why.
    pub marks: Marks,
    imported: Imported,
    folder: RunFolder,
    hold: Hold,
}

impl ImportJob {
    /// Reads everything and refuses what does not fit, before anything is written.
    ///
    /// # Errors
    /// A file that holds no such weights, a configuration that starts from other weights, a folder with a run.
    pub fn prepare(
        mut loaded: Loaded,
        file: &Path,
        (key, naming): (Option<&str>, &Naming),
        out: &Path,
    ) -> Result<ImportJob> {
        let folder = RunFolder::new(out);
        let hold = folder.claim("import", false)?.ok_or_else(|| Error::internal("a folder was not claimed"))?;
        if loaded.config.init.is_some() {
            return Err(Error::input("init: an import takes its weights from MODEL; leave the key out"));
        }
        let (data, model) = loaded.build()?;
        let recipe = loaded.has_recipe;
        let config = Config { no_recipe: !recipe, ..loaded.config };
        let dict = StateDict::read(file, key)?;
        let named = naming::fit(&dict, &model.layout, naming, &file.display().to_string())?;
        let imported = Imported {
            path: std::path::absolute(file).unwrap_or_else(|_| file.to_owned()),
            sha256: evidence::hash_of(file)?,
            format: dict.format.into(),
            key: dict.key,
            renamed: named.renamed.clone(),
            ignored: named.ignored.clone(),
            recipe,
            agreement: None,
        };
        Ok(ImportJob { config, data, model, named, marks: Marks::default(), imported, folder, hold })
    }

    /// Holds the logits to those of a NumPy archive: `logits` for the records `x` as the network takes them or,
    /// without `x`, for the test records in order.
    ///
    /// # Errors
    /// [`Error::CheckFailed`] where they differ by more than `tolerance`; arrays of other shapes.
    pub fn check(&mut self, engine: &mut Engine, file: &Path, tolerance: f64) -> Result<()> {
        let agreement = agree::measure(engine, (&self.model, &self.data, &self.named.theta), file, tolerance)?;
        self.imported.agreement = Some(agreement);
        Ok(())
    }

    /// Writes the run.
    ///
    /// # Errors
    /// What a killed process had begun there was another import; a file that cannot be written.
    pub fn write(&self) -> Result<RunInfo> {
        let digest = self.config.train_digest()?;
        let words = [digest.as_str(), &self.imported.sha256, &format!("{:?}", self.named.renamed)];
        let task = sha256(words.join("\0").as_bytes());
        let other = self.hold.left().is_some_and(|left| left.digest != task);
        if other && self.folder.state() == State::Begun {
            return Err(Error::input(format!(
                "--out {} holds what another import had begun; use another folder",
                self.folder.path.display()
            )));
        }
        self.hold.begin(&task)?;
        let info = self.info(digest);
        finish(&self.folder, &self.config, &self.model, &self.named.theta, &[], info, false)
            .inspect_err(|_| self.folder.discard())
    }

    fn info(&self, config_sha256: String) -> RunInfo {
        RunInfo {
            ensemble: None,
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            adapter: AdapterSummary::none(),
            variants: Default::default(),
            seed: self.config.seed,
            data: DataInfo::of(&self.data),
            parameters: self.model.layout.count(),
            epochs: 0,
            steps: 0,
            dispatches_per_step: 0,
            planned_gpu_bytes: 0,
            traffic: TrafficInfo::default(),
            seconds: 0.0,
            first_step: None,
            model_sha256: String::new(),
            config_sha256,
            privacy: None,
            stopping: None,
            forget: None,
            origin: Origin::Imported,
            imported: Some(self.imported.clone()),
            evidence: Evidence::of(&self.marks, &self.data.sha256()),
            run_sha256: String::new(),
        }
    }
}

/// Refuses what a run of imported weights has not: its training, or a recipe to train by.
///
/// # Errors
/// [`Error::Input`] with the method, and what may be done.
pub(super) fn check_needs(run: &RunInfo, folder: &Path, method: &str, needs: Needs) -> Result<()> {
    let Some(imported) = &run.imported else { return Ok(()) };
    let folder = folder.display();
    match needs {
        Needs::History => Err(Error::input(format!(
            "method `{method}` needs to know how the weights were trained, and {folder} was imported from {}; use a \
             method that needs no history (`unlearn list methods`)",
            imported.path.display()
        ))),
        Needs::Recipe if !imported.recipe => Err(Error::input(format!(
            "method `{method}` trains by the recipe of [train], and {folder} was imported without one; import it again \
             with a [train] section in the configuration"
        ))),
        _ => Ok(()),
    }
}
