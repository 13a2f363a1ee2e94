//! What a batch will cost: from what the training took, and from what methods were measured to take here.

use serde::{Deserialize, Serialize};

use super::rates::{Amounts, Rate};
use super::sight::Sight;
use crate::error::Result;
use crate::methods::{MethodRow, Role};
use crate::run::curve::read_curve;
use crate::run::folder::RunFolder;
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

/// Members of an ensemble: their trainings, and what they were trained on.
struct Hit {
    seconds: f64,
    records: usize,
}

/// What is known of costs.
pub(super) struct Known {
    /// The run that was trained.
    root: RunInfo,
    rates: Vec<Rate>,
    /// Training records that stay.
    retained: usize,
    /// Members of an ensemble that will be trained again; none where it is one network.
    hit: Option<Hit>,
    /// Seconds of the epochs of the training, without what was looked at between them.
    trained: f64,
    /// Records of a batch.
    batch: usize,
    /// Whether the training kept checkpoints.
    pub kept: bool,
}

impl Known {
    pub fn of(sight: &Sight, rates: Vec<Rate>, retained: usize, hit: Option<&[usize]>) -> Result<Known> {
        let folder = RunFolder::new(&sight.root()?);
        let root = folder.read_info()?;
        let hit = hit.map(|hit| {
            let all = sight.run.info.ensemble.as_ref().map_or(&[][..], |ensemble| &ensemble.members);
            let these = || hit.iter().filter_map(|at| all.get(*at));
            Hit { seconds: these().map(|one| one.seconds).sum(), records: these().map(|one| one.records).sum() }
        });
        let epochs = read_curve(&folder.metrics(), "").map(|curve| curve.pairs(|point| point.seconds));
        let epochs: f64 = epochs.unwrap_or_default().iter().map(|(_, seconds)| seconds).sum();
        let trained = if epochs > 0.0 { epochs } else { root.seconds };
        let batch = sight.run.config.train.batch_size;
        Ok(Known { kept: sight.run.folder.kept().exists(), root, rates, retained, hit, trained, batch })
    }

    /// Seconds of training all again without the records; none where the training was not seen.
    pub fn retrain(&self) -> Option<f64> {
        let trained = self.root.data.sizes.train.max(1) as f64;
        let members = self.root.ensemble.as_ref().map(|all| all.members.iter().map(|member| member.seconds).sum());
        let seconds = members.unwrap_or(self.trained);
        let known = self.root.imported.is_none() && seconds > 0.0;
        known.then(|| self.setup() + seconds * self.retained as f64 / trained)
    }

    /// Seconds before the first step of a network: many have little after the first, and the first is not known.
    fn setup(&self) -> f64 {
        self.root.first_step.map_or(0.0, |first| first.setup_s())
    }

    /// Seconds of the members of an ensemble that were asked for.
    pub fn of_hit(&self) -> f64 {
        self.hit.as_ref().map_or(0.0, |hit| hit.seconds)
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
            let shards = self.hit.as_ref().map_or(0, |hit| hit.records);
            let (retained, batch, setup) = (self.retained, self.batch, self.setup());
            let seconds = rate.seconds_of(&Amounts { retained, forgotten, shards, batch, setup });
            let (then, now) = (rate.forgotten, forgotten);
            let basis = format!("measured on {adapter} with {then} records, for {now}");
            return self.predicted(seconds, basis);
        }
        if row.role == Role::Reference {
            return self.predicted(self.retrain()?, format!("the training on {adapter}, of the records that stay"));
        }
        let hit = self.hit.as_ref()?;
        self.predicted(hit.seconds, format!("the trainings on {adapter} of the shards that had the records"))
    }

    /// What doing so many requests together saves.
    pub fn saving(&self, together: &Predicted, alone: &[f64]) -> Option<Saving> {
        (alone.len() > 1).then(|| Saving { alone_s: alone.iter().sum(), together_s: together.seconds })
    }
}
