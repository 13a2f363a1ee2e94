//! What an exact method begins with: data and network as if the forgotten records had never been there.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::config::Config;
use super::folder::{Opened, RunFolder};
use super::naming;
use super::target::Target;
use crate::base::sha256;
use crate::data::{Absent, Dataset, FitOn, Normalize, Origins, Portion};
use crate::error::{Error, Result};
use crate::nn::Model;

/// The records of a run, scaled and encoded by what the retained ones teach, and the network that fits them.
pub struct Refit {
    /// Parts and positions are those of the run's data.
    pub data: Dataset,
    /// Its network.
    pub model: Model,
    /// With the model as resolved for these data.
    pub config: Config,
}

impl Refit {
    /// What a method needs that fits all `anew`, without the records that were forgotten `before` too; none for others,
    /// or where the retained records alone teach the same. `absent` are records that the source has no more.
    ///
    /// # Errors
    /// Data that cannot be read any more; a single class that is retained.
    pub fn of(
        anew: bool,
        config: &Config,
        (data, absent): (&Dataset, &Absent),
        target: &Target,
        before: &Origins,
    ) -> Result<Option<Refit>> {
        if !anew || !reads_records(data, target) {
            return Ok(None);
        }
        let origins = &origins(data, target) | before;
        let fit = FitOn::Without(&origins);
        let fitted = config.load_without(fit, absent)?;
        let model = config.network(&fitted, fit)?;
        if fitted.fitted() == data.fitted() {
            return Ok(None);
        }
        let config = Config { model: model.config(), ..config.clone() };
        Ok(Some(Refit { data: fitted, model, config }))
    }
}

/// Whether something that was fitted may be another without the forgotten: if not, nothing need be read again.
pub fn reads_records(data: &Dataset, target: &Target) -> bool {
    let plain = matches!(data.normalization.kind, Normalize::None | Normalize::Row | Normalize::Given);
    let targets = data.targets.as_ref().is_some_and(|fit| !fit.offset.is_empty());
    !(plain && !targets && data.columns.is_empty() && target.whole_classes.is_empty())
}

/// Where the training records that are not retained came from, and the nodes that are deleted, whatever part they are
/// in.
pub fn origins(data: &Dataset, target: &Target) -> Origins {
    let retained: HashSet<u32> = target.split.retain.iter().copied().collect();
    let numbered = data.train_ids().into_iter().zip(data.places(Portion::Train));
    let gone = numbered.filter(|(number, _)| !retained.contains(number)).map(|(_, place)| place);
    let deleted = target.deletion().map_or(&[][..], |deletion| &deletion.nodes);
    let nodes = deleted.iter().map(|node| (Portion::Train, u64::from(*node)));
    gone.map(|place| data.origin(place)).chain(nodes).collect()
}

/// The weights that the configuration begins with, where it names some.
///
/// # Errors
/// A file that holds no such weights.
pub fn base(config: &Config, model: &Model) -> Result<Option<Vec<f32>>> {
    let start = |path: &PathBuf| naming::start(path, model, config.train.new_head, config.seed);
    config.init.as_ref().map(start).transpose()
}

/// Refuses a base model that an exact method cannot start from: one that saw the forgotten records.
///
/// # Errors
/// The base is the run's own model, or another one that was trained on its data.
pub fn check_base(run: &Opened) -> Result<()> {
    let Some(path) = &run.config.init else { return Ok(()) };
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let beside = RunFolder::new(path.parent().unwrap_or(Path::new("")));
    let sibling = beside.info().exists().then(|| beside.read_info()).transpose()?;
    let why = match sibling {
        _ if sha256(&bytes) == run.info.model_sha256 => "is the trained model itself",
        Some(info) if info.evidence.data_sha256 == run.info.evidence.data_sha256 => "was trained on the same records",
        _ => return Ok(()),
    };
    Err(Error::input(format!(
        "init: {} {why}, so a training that starts from it is not one without the forgotten records; use a base model \
         that never saw them, or a configuration without init",
        path.display()
    )))
}
