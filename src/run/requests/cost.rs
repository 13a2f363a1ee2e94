//! What a batch will cost: from what the training took, and from what methods were measured to take here.

use serde::{Deserialize, Serialize};

use super::rates::{Per, Rate};
use super::sight::Sight;
use crate::error::Result;
use crate::methods::{MethodRow, Role};
use crate::run::info::RunInfo;

/// A cost that is expected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Predicted {
    /// Seconds of the method.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "s", "minimum" = 0)))]
    pub seconds: f64,
    /// The same beside training all again without the records.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1", "minimum" = 0)))]
    pub of_retrain: f64,
    /// GPU memory that is held, as the training held it.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "bytes")))]
    pub gpu_bytes: u64,
    /// What it is taken from, and the adapter that it was measured on.
    pub basis: String,
}

/// What one batch saves beside as many as there are requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Saving {
    /// Seconds of doing each request alone, one after another.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "s", "minimum" = 0)))]
    pub alone_s: f64,
    /// Seconds of doing them together.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "s", "minimum" = 0)))]
    pub together_s: f64,
}

/// What is known of costs.
pub(super) struct Known {
    /// The run that was trained.
    root: RunInfo,
    rates: Vec<Rate>,
    /// Training records that stay.
    retained: usize,
    /// Members of an ensemble that will be trained again, with the seconds of each; all where it is one network.
    hit: Option<f64>,
    /// Whether the training kept checkpoints.
    pub kept: bool,
}

impl Known {
    pub fn of(sight: &Sight, rates: Vec<Rate>, retained: usize, hit: Option<&[usize]>) -> Result<Known> {
        let root = crate::run::folder::RunFolder::new(&sight.root()?).read_info()?;
        let members = sight.run.info.ensemble.as_ref().map(|ensemble| &ensemble.members);
        let seconds = |hit: &[usize]| {
            hit.iter().filter_map(|at| members.and_then(|members| members.get(*at))).map(|member| member.seconds).sum()
        };
        Ok(Known { kept: sight.run.folder.kept().exists(), root, rates, retained, hit: hit.map(seconds) })
    }

    /// Seconds of training all again without the records; none where the training was not seen.
    pub fn retrain(&self) -> Option<f64> {
        let trained = self.root.data.sizes.train.max(1) as f64;
        let members = self.root.ensemble.as_ref().map(|all| all.members.iter().map(|member| member.seconds).sum());
        let seconds = members.unwrap_or(self.root.seconds);
        // Of many networks each has its own, and compiles little after the first.
        let setup = self.root.first_step.map_or(0.0, |first| first.setup_s());
        let known = self.root.imported.is_none() && seconds > 0.0;
        known.then(|| setup + seconds * self.retained as f64 / trained)
    }

    /// Seconds of the members of an ensemble that were asked for.
    pub fn of_hit(&self) -> f64 {
        self.hit.unwrap_or(0.0)
    }

    fn predicted(&self, seconds: f64, basis: String) -> Option<Predicted> {
        let of_retrain = seconds / self.retrain()?;
        Some(Predicted { seconds, of_retrain, gpu_bytes: self.root.planned_gpu_bytes, basis })
    }

    /// What a method will cost: as it was measured here before, or what of a training it repeats.
    pub fn of_method(&self, row: &MethodRow, settings: &toml::Table, forgotten: usize) -> Option<Predicted> {
        let adapter = &self.root.adapter.name;
        let last = self.rates.iter().rev().find(|rate| {
            (rate.method == row.name, &rate.adapter, &rate.config_sha256) == (true, adapter, &self.root.config_sha256)
                && rate.settings == super::rates::settings(settings)
        });
        if let Some(rate) = last {
            let seconds = rate.seconds_of(|per| match per {
                Per::Retained => self.retained as f64,
                Per::Forgotten => forgotten as f64,
                Per::Shards => self.of_hit(),
            });
            let (then, now) = (rate.forgotten, forgotten);
            let basis = format!("measured on {adapter} with {then} records, for {now}");
            return self.predicted(seconds, basis);
        }
        if row.role == Role::Reference {
            return self.predicted(self.retrain()?, format!("the training on {adapter}, of the records that stay"));
        }
        match self.hit {
            Some(seconds) => {
                self.predicted(seconds, format!("the trainings on {adapter} of the shards that had the records"))
            }
            None => None,
        }
    }

    /// What doing so many requests together saves.
    pub fn saving(&self, together: &Predicted, alone: &[f64]) -> Option<Saving> {
        (alone.len() > 1).then(|| Saving { alone_s: alone.iter().sum(), together_s: together.seconds })
    }
}
