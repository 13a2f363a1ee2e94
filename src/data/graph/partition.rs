//! Which nodes, or which graphs, train, validate and test.

use serde::{Deserialize, Serialize};

use super::UNLABELLED;
use crate::base::splitmix::SplitMix64;
use crate::data::DataConfig;
use crate::data::key::Key;
use crate::data::split::{self, Plan};
use crate::error::{Error, Result};

/// The key `split` of graphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NodeSplit {
    /// The one that the files hold.
    Standard,
    /// The sizes of Planetoid's (Yang, Cohen, Salakhutdinov 2016), drawn: 20 training nodes of each class, 500 for
    /// validation, 1000 for the test, the latter two stratified. On a small graph: at most half of a class trains, a
    /// third of the rest validates.
    Planetoid,
    /// `test_fraction` and `validation_fraction`, stratified.
    Random,
}

impl NodeSplit {
    fn name(self) -> &'static str {
        match self {
            NodeSplit::Standard => "standard",
            NodeSplit::Planetoid => "planetoid",
            NodeSplit::Random => "random",
        }
    }
}

/// Stream of the validation draw, apart from the test's.
const VALIDATION: u64 = 0x7661_6c69_6461_7465;

/// Refuses fractions that a split does not read.
pub(crate) fn check_keys(config: &DataConfig) -> Result<()> {
    let fractions = [("test_fraction", config.test_fraction), ("validation_fraction", config.validation_fraction)];
    if let (Some(split), Some((key, _))) = (config.split, fractions.iter().find(|(_, value)| value.is_some()))
        && split != NodeSplit::Random
    {
        let split = split.name();
        return Err(Error::input(format!("data.{key}: goes with split = \"random\"; the split is \"{split}\"")));
    }
    match (config.folds, config.fold, config.test_fraction) {
        (None, Some(_), _) => Err(Error::input("data.fold: needs data.folds, the number of folds")),
        (Some(_), _, Some(_)) => {
            Err(Error::input("data.test_fraction: excludes data.folds, which makes the test part"))
        }
        (Some(folds), fold, _) if folds < 2 || fold.unwrap_or(0) >= folds => Err(Error::input(format!(
            "data.fold {} of data.folds {folds}; expected at least 2 folds and a fold from 0 to folds - 1",
            fold.unwrap_or(0)
        ))),
        _ => Ok(()),
    }
}

/// Ids of each part. `labels` by id, [`UNLABELLED`] ids are in no part of a drawn split; `keys` by id are what a random
/// split draws by; `own` is the split of the files.
pub(crate) fn partition(
    labels: &[u32],
    keys: &[Key],
    config: &DataConfig,
    own: Option<Plan>,
    origin: &str,
) -> Result<Plan> {
    let split = config.split.unwrap_or(NodeSplit::Random);
    if split == NodeSplit::Standard {
        return own
            .ok_or_else(|| Error::input(format!("data.split: {origin} holds no split; draw one: planetoid, random")));
    }
    let ids: Vec<u32> = (0..labels.len() as u32).filter(|&id| labels[id as usize] != UNLABELLED).collect();
    let y: Vec<u32> = ids.iter().map(|&id| labels[id as usize]).collect();
    let seed = config.split_seed.unwrap_or(0);
    let plan = match (split, config.folds) {
        (NodeSplit::Planetoid, _) => planetoid(&y, seed),
        (_, Some(folds)) => fold(&y, &of(keys, &ids), config, folds, seed, origin)?,
        _ => split::plan(&of(keys, &ids), config, false, false, origin)?,
    };
    let placed = |places: Vec<u32>| places.into_iter().map(|place| ids[place as usize]).collect();
    Ok(Plan { train: placed(plan.train), validation: placed(plan.validation), test: placed(plan.test) })
}

/// Splits `positions` into (kept, drawn), both ascending: ⌈fraction · n⌉ drawn, shared out over the classes by largest
/// remainder, and never the last record of a class.
fn divide(positions: &[u32], y: &[u32], fraction: f64, seed: u64) -> (Vec<u32>, Vec<u32>) {
    let classes = positions.iter().map(|&p| y[p as usize] as usize + 1).max().unwrap_or(0);
    let mut members: Vec<Vec<u32>> = vec![vec![]; classes];
    for &position in positions {
        members[y[position as usize] as usize].push(position);
    }
    // The small slack keeps 0.1 · 30 at 3 although its product is a little above.
    let total = (fraction * positions.len() as f64 - 1e-9).ceil().max(0.0) as usize;
    let mut quota: Vec<usize> = members.iter().map(|m| (fraction * m.len() as f64 + 1e-9) as usize).collect();
    let mut order: Vec<usize> = (0..classes).collect();
    let remainder = |class: &usize| fraction * members[*class].len() as f64 - quota[*class] as f64;
    order.sort_by(|a, b| remainder(b).total_cmp(&remainder(a)).then(a.cmp(b)));
    for class in order {
        if quota.iter().sum::<usize>() < total && quota[class] + 1 < members[class].len() {
            quota[class] += 1;
        }
    }
    let mut rng = SplitMix64::new(seed);
    let (mut kept, mut drawn) = (vec![], vec![]);
    for (mut members, quota) in members.into_iter().zip(quota) {
        rng.shuffle(&mut members);
        kept.extend_from_slice(&members[quota..]);
        drawn.extend_from_slice(&members[..quota]);
    }
    kept.sort_unstable();
    drawn.sort_unstable();
    (kept, drawn)
}

fn planetoid(y: &[u32], seed: u64) -> Plan {
    let (mut train, mut rest) = (vec![], vec![]);
    let mut rng = SplitMix64::new(seed);
    for mut members in members(y) {
        rng.shuffle(&mut members);
        let count = members.len().div_ceil(2).min(20);
        train.extend_from_slice(&members[..count]);
        rest.extend_from_slice(&members[count..]);
    }
    train.sort_unstable();
    rest.sort_unstable();
    let share = |count: usize, of: &[u32]| count as f64 / of.len().max(1) as f64;
    let validation = (rest.len() / 3).min(500);
    let (rest, test) = divide(&rest, y, share((rest.len() - validation).min(1000), &rest), seed);
    let (_, validation) = divide(&rest, y, share(validation, &rest), seed ^ VALIDATION);
    Plan { train, validation, test }
}

/// Fold `config.fold` of `folds` is the test part: each class is shuffled and dealt out, one class going on where the
/// last stopped, so that folds and their classes differ by one at most.
fn fold(y: &[u32], keys: &[Key], config: &DataConfig, folds: usize, seed: u64, origin: &str) -> Result<Plan> {
    if folds > y.len() {
        return Err(Error::input(format!("data.folds: {folds} folds of the {} records of {origin}", y.len())));
    }
    let wanted = config.fold.unwrap_or(0);
    let mut rng = SplitMix64::new(seed);
    let (mut rest, mut test) = (vec![], vec![]);
    let mut dealt = 0;
    for mut members in members(y) {
        rng.shuffle(&mut members);
        for member in members {
            (if dealt % folds == wanted { &mut test } else { &mut rest }).push(member);
            dealt += 1;
        }
    }
    rest.sort_unstable();
    test.sort_unstable();
    // What is left is divided as any records without a test part of their own.
    let plan = split::plan(&of(keys, &rest), config, true, false, origin)?;
    let placed = |places: Vec<u32>| places.into_iter().map(|place| rest[place as usize]).collect();
    Ok(Plan { train: placed(plan.train), validation: placed(plan.validation), test })
}

/// What nodes are drawn by: their names or, without names, their numbers.
pub(crate) fn node_keys(nodes: usize, names: Option<&[String]>) -> Vec<Key> {
    match names {
        Some(names) => names.iter().map(|name| Key::of_text(name)).collect(),
        None => (0..nodes as u64).map(|node| Key::of([node])).collect(),
    }
}

/// The keys of some records.
fn of(keys: &[Key], ids: &[u32]) -> Vec<Key> {
    ids.iter().map(|id| keys[*id as usize]).collect()
}

/// Places of each class.
fn members(y: &[u32]) -> Vec<Vec<u32>> {
    let mut members = vec![vec![]; y.iter().map(|&class| class as usize + 1).max().unwrap_or(0)];
    y.iter().zip(0..).for_each(|(&class, place)| members[class as usize].push(place));
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(labels: &[u32], config: &DataConfig) -> Result<Plan> {
        super::partition(labels, &node_keys(labels.len(), None), config, None, "here")
    }

    fn config(split: NodeSplit) -> DataConfig {
        DataConfig { split: Some(split), ..DataConfig::new("cora") }
    }

    fn disjoint(plan: &Plan) -> usize {
        let mut all = [&plan.train[..], &plan.validation, &plan.test].concat();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "an id is in two parts");
        assert!([&plan.train, &plan.validation, &plan.test].iter().all(|part| part.is_sorted()));
        count
    }

    #[test]
    fn planetoid_draws_twenty_of_each_class_and_leaves_out_the_unlabelled() {
        let labels: Vec<u32> = (0..3000).map(|id| if id % 10 == 9 { UNLABELLED } else { id % 3 }).collect();
        let plan = partition(&labels, &config(NodeSplit::Planetoid)).unwrap();
        assert_eq!((plan.train.len(), plan.validation.len(), plan.test.len()), (60, 500, 1000));
        disjoint(&plan);
        for class in 0..3 {
            assert_eq!(plan.train.iter().filter(|&&id| labels[id as usize] == class).count(), 20);
            let tested = plan.test.iter().filter(|&&id| labels[id as usize] == class).count();
            assert!((333..=334).contains(&tested), "{tested}");
        }
        let all = [&plan.train[..], &plan.validation, &plan.test].concat();
        assert!(all.iter().all(|&id| labels[id as usize] != UNLABELLED));
        let other = DataConfig { split_seed: Some(1), ..config(NodeSplit::Planetoid) };
        assert_ne!(partition(&labels, &other).unwrap().train, plan.train);
    }

    #[test]
    fn a_small_graph_gets_what_there_is() {
        let labels: Vec<u32> = (0..34).map(|id| id % 2).collect();
        let plan = partition(&labels, &config(NodeSplit::Planetoid)).unwrap();
        assert_eq!((plan.train.len(), plan.validation.len(), plan.test.len()), (18, 5, 11));
        disjoint(&plan);
    }

    #[test]
    fn folds_are_disjoint_and_cover_everything_once() {
        let labels: Vec<u32> = (0..103).map(|id| u32::from(id % 4 == 0)).collect();
        let mut tested = vec![];
        for fold in 0..10 {
            let config = DataConfig { folds: Some(10), fold: Some(fold), ..DataConfig::new("tudataset") };
            let plan = partition(&labels, &config).unwrap();
            assert_eq!(disjoint(&plan), 103);
            assert!((10..=11).contains(&plan.test.len()));
            let rare = plan.test.iter().filter(|&&id| labels[id as usize] == 1).count();
            assert!((2..=3).contains(&rare), "{rare}");
            tested.extend(plan.test);
        }
        tested.sort_unstable();
        assert_eq!(tested, (0..103).collect::<Vec<u32>>());
    }

    #[test]
    fn keys_that_exclude_each_other_are_refused() {
        let refused = |config: DataConfig, word: &str| {
            let error = check_keys(&config).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        };
        refused(DataConfig { test_fraction: Some(0.2), ..config(NodeSplit::Planetoid) }, "data.test_fraction");
        refused(DataConfig { fold: Some(1), ..DataConfig::new("tudataset") }, "data.folds");
        refused(DataConfig { folds: Some(3), fold: Some(3), ..DataConfig::new("tudataset") }, "0 to folds - 1");
        refused(DataConfig { folds: Some(3), test_fraction: Some(0.1), ..DataConfig::new("tudataset") }, "excludes");
        let error = partition(&[0, 1], &config(NodeSplit::Standard)).unwrap_err().to_string();
        assert!(error.contains("here holds no split"), "{error}");
    }
}
