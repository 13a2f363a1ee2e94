//! The `[ensemble]` table, and the configuration of each member.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Config;
use crate::data::{self, Absent, Dataset, FitOn, GraphDivision, Levels, Origins, Portion, RecordKind, Request, Shards};
use crate::error::{Error, Result};
use crate::train::{Carry, Slices};

/// What members are trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EnsembleKind {
    /// Each on a shard of the records, slice by slice (Bourtoule et al., IEEE S&P 2021).
    Sisa,
    /// Each on a shard of a graph's training nodes and on the edges among them (Chen et al., CCS 2022); nodes of no
    /// training are shown to every one of them when it is asked.
    GraphEraser,
    /// Each on all records, from a seed of its own (Lakshminarayanan et al., NeurIPS 2017).
    DeepEnsemble,
}

/// How what members say becomes what the ensemble says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// The class with the most votes, the first of equal ones; its probability is its share of them, with a vote more
    /// spread over all classes.
    #[default]
    Vote,
    /// The mean of the members' probabilities.
    Mean,
    /// The same, members weighted by how many records they were trained on.
    Weighted,
    /// `graph_eraser`: the same, with weights that are learned from what the members say of at most 1000 training nodes
    /// (the source's LBAggr), anew whenever something is forgotten.
    Learned,
}

/// What numbers of a shard's preprocessing are fitted on; classes are those of the whole shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Fitting {
    /// The shard's first slice: a record of a later one changes nothing that an earlier stage was given.
    #[default]
    Slice,
    /// The whole shard: any record changes them, and then the shard begins anew.
    Shard,
}

/// The table `[ensemble.rates]`: how likely records are to be deleted, so that those that likely go share few shards. A
/// record's rate says which shards it may be in and its name which of them, so that no deletion moves another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RatesConfig {
    /// A CSV file with the columns `id` and `rate`, from 0 to 1: names of records (`data.id`), or of persons where
    /// `data.subject` says. Whoever is not in it has the rate 0.
    pub file: PathBuf,
    /// Where the levels part, ascending: a record is of as many levels above the lowest as there are numbers that its
    /// rate is not below.
    pub above: Vec<f64>,
    /// Shards of each level, the lowest first; `ensemble.shards` in all.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "shards")))]
    pub shards: Vec<usize>,
}

impl RatesConfig {
    fn check(&self, shards: usize) -> Result<()> {
        let bounds = self.above.iter().all(|bound| *bound > 0.0 && *bound <= 1.0);
        let rules = [
            ("above", bounds && !self.above.is_empty() && self.above.is_sorted(), "numbers above 0 up to 1, ascending"),
            ("shards", self.shards.len() == self.above.len() + 1, "one number more than ensemble.rates.above has"),
            ("shards", self.shards.iter().all(|count| *count > 0), "1 or more of each level"),
            ("shards", self.shards.iter().sum::<usize>() == shards, "ensemble.shards in all"),
        ];
        match rules.iter().find(|(_, good, _)| !good) {
            Some((key, _, want)) => Err(Error::input(format!("ensemble.rates.{key} must be {want}"))),
            None => Ok(()),
        }
    }
}

/// The table `[ensemble]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EnsembleConfig {
    /// What members are trained on.
    pub kind: EnsembleKind,
    /// Members; with `sisa` shards, of about one size: a record's is drawn by what it is called or holds, and by the
    /// seed, so that no other record's coming or going moves it.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "maximum" = 1000)))]
    #[serde(alias = "members")]
    pub shards: usize,
    /// `sisa`: slices R of each shard. Each stage has 2 E / (R + 1) epochs, E of `train.epochs`, so that all stages
    /// together go through as many records as E epochs do.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "maximum" = 64)))]
    #[serde(default = "one")]
    pub slices: usize,
    /// `sisa`: what becomes of the optimiser's state between stages.
    #[serde(default)]
    pub optimizer: Carry,
    /// `sisa`: what numbers of the preprocessing are fitted on.
    #[serde(default)]
    pub fit: Fitting,
    /// `graph_eraser`: how the training nodes are divided.
    #[cfg_attr(feature = "cli", schemars(extend("default" = "random")))]
    #[serde(default, skip_serializing_if = "is_default")]
    pub partition: GraphDivision,
    /// How what members say becomes what the ensemble says.
    #[serde(default)]
    pub aggregate: Aggregate,
    /// `sisa`: deletion rates, where such are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates: Option<RatesConfig>,
    /// In the folder of a member: which one it is, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<usize>,
    /// In the folder of a member: the ensemble's seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// In the folder of a member of `graph_eraser`: what had been forgotten when it was trained, and so was not there.
    #[cfg_attr(feature = "cli", schemars(schema_with = "crate::run::schema::requests_key"))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<Request>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn one() -> usize {
    1
}

/// Apart in seeds, so that seeds of neighbouring ensembles share no member.
const SEEDS: u64 = 1_000_003;

impl EnsembleConfig {
    pub(super) fn check(&self) -> Result<()> {
        let graph = self.kind == EnsembleKind::GraphEraser;
        let rules = [
            ("shards", (1..=1000).contains(&self.shards), "from 1 to 1000"),
            ("slices", (1..=64).contains(&self.slices), "from 1 to 64"),
            ("slices", self.kind == EnsembleKind::Sisa || self.slices == 1, "left out unless kind = \"sisa\""),
            ("rates", self.kind == EnsembleKind::Sisa || self.rates.is_none(), "left out unless kind = \"sisa\""),
            ("member", self.member.is_none_or(|member| member < self.shards), "below ensemble.shards"),
            ("partition", graph || self.partition == GraphDivision::Random, "left out unless kind = \"graph_eraser\""),
            ("aggregate", graph || self.aggregate != Aggregate::Learned, "another than \"learned\" with this kind"),
            ("without", graph && self.member.is_some() || self.without.is_empty(), "left out"),
        ];
        match rules.iter().find(|(_, good, _)| !good) {
            Some((key, _, want)) => Err(Error::input(format!("ensemble.{key} must be {want}"))),
            None => self.rates.as_ref().map_or(Ok(()), |rates| rates.check(self.shards)),
        }
    }

    /// How records that stand alone are divided; none where each member has all, or where the records are nodes.
    ///
    /// # Errors
    /// Deletion rates that cannot be read.
    pub fn division(&self, seed: u64) -> Result<Option<Shards>> {
        if self.kind != EnsembleKind::Sisa {
            return Ok(None);
        }
        let levels = |rates: &RatesConfig| Levels::read(&rates.file, &rates.above, &rates.shards).map(Arc::new);
        let levels = self.rates.as_ref().map(levels).transpose()?;
        Ok(Some(Shards { shards: self.shards, seed: self.seed.unwrap_or(seed), levels }))
    }

    /// Epochs of a stage: 2 E / (R + 1), rounded, at least one.
    pub fn stage_epochs(&self, epochs: usize) -> usize {
        ((4 * epochs).div_ceil(self.slices + 1) / 2).max(1)
    }
}

impl Config {
    /// Whether the configuration is that of a whole ensemble, and not of one member.
    pub fn whole_ensemble(&self) -> Option<&EnsembleConfig> {
        self.ensemble.as_ref().filter(|ensemble| ensemble.member.is_none())
    }

    /// The configuration of a member, from that of the ensemble.
    pub fn member(&self, index: usize) -> Config {
        let Some(ensemble) = self.whole_ensemble() else { return self.clone() };
        let mut member = Config { forget: None, ..self.clone() };
        member.seed = (self.seed.wrapping_add(index as u64 * SEEDS)) & i64::MAX as u64;
        if ensemble.kind == EnsembleKind::Sisa {
            let count = ensemble.slices;
            member.train.epochs = ensemble.stage_epochs(self.train.epochs) * count;
            member.train.slices = Some(Slices { count, optimizer: ensemble.optimizer });
        }
        member.ensemble = Some(EnsembleConfig { member: Some(index), seed: Some(self.seed), ..ensemble.clone() });
        member
    }

    /// The data of a member's configuration: all records, fitted as the member has them.
    pub fn beyond_shard(&self) -> Config {
        Config { ensemble: None, ..self.clone() }
    }

    /// The shard that a configuration is about, with its division; none where it is about all records.
    pub(super) fn shard(&self) -> Option<(usize, &EnsembleConfig)> {
        let ensemble = self.ensemble.as_ref().filter(|ensemble| ensemble.kind == EnsembleKind::Sisa)?;
        Some((ensemble.member?, ensemble))
    }

    /// The data of a shard, with what is fitted on records fitted on its own alone.
    pub(super) fn load_shard(
        &self,
        fit: FitOn,
        absent: &Absent,
        (index, ensemble): (usize, &EnsembleConfig),
    ) -> Result<Dataset> {
        let Some(division) = ensemble.division(self.seed)? else { return Err(Error::internal("no shards")) };
        let load = |fit| data::load_without(&self.data, Path::new(""), fit, absent);
        let mine = |key: u64| division.of(key) == index;
        if let FitOn::Kept(_) = fit {
            let mut data = load(fit)?;
            division.levels.as_ref().map_or(Ok(()), |_| data.takes_rates())?;
            data.keep_training(mine);
            return Ok(data);
        }
        let whole = load(FitOn::Training)?;
        if whole.kind() != RecordKind::Row {
            return Err(Error::input(format!(
                "ensemble.kind = \"sisa\" divides records that stand alone, and those of `{}` are {}s",
                whole.name,
                whole.kind().name()
            )));
        }
        division.levels.as_ref().map_or(Ok(()), |_| whole.takes_rates())?;
        let none = Origins::new();
        let gone = if let FitOn::Without(gone) = fit { gone } else { &none };
        let slice = |key: u64| Shards::slice(key, self.seed, ensemble.slices);
        let records = || whole.places(Portion::Train).map(|place| (whole.origin(place), whole.who.of(place).key));
        let own: Vec<_> = records().filter(|(origin, key)| mine(*key) && !gone.contains(origin)).collect();
        let Some(first) = own.iter().map(|(_, key)| slice(*key)).min() else {
            return Err(Error::input(format!(
                "shard {index} of {} has no training record; use fewer ensemble.shards, or another seed",
                division.shards
            )));
        };
        let all = ensemble.fit == Fitting::Shard;
        let taught: HashSet<_> = own.iter().map(|(origin, _)| *origin).collect();
        let fitted: HashSet<_> =
            own.iter().filter(|(_, key)| all || slice(*key) == first).map(|(origin, _)| *origin).collect();
        let but = |set: &Origins| records().map(|(origin, _)| origin).filter(|origin| !set.contains(origin)).collect();
        let (numbers, classes): (Origins, Origins) = (but(&fitted), but(&taught));
        let mut data = load(FitOn::Shard { numbers: &numbers, classes: &classes }).map_err(|e| match e {
            Error::Input(what) => Error::input(format!("shard {index} of {}: {what}", division.shards)),
            other => other,
        })?;
        data.keep_training(mine);
        Ok(data)
    }
}
