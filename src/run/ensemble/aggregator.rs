//! The learned weights of an ensemble's members: from what they say of training nodes, as a file beside them.

use super::aggregate::probabilities;
use super::asked::Asked;
use super::weights::{MOST, learned};
use crate::base::write_atomic;
use crate::data::{FitOn, Portion, Request, Shards};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::run::config::{Config, Loaded, without};
use crate::run::folder::RunFolder;
use crate::run::info::{AggregatorInfo, RunInfo};
use crate::run::reading;

/// Name of the one tensor in the file.
const WEIGHTS: &str = "weights";

/// Keeps the draw of the nodes apart from others of the seed.
const DRAW: u64 = 0x6c62_6167_6772;

/// Learns the weights from what the members of the ensemble `config` say of at most 1000 of the training nodes that
/// `requests` leave, drawn each by what it is called: on a graph of training nodes alone, where each member hears its
/// own. Whatever was learned before is not looked at.
pub(super) fn fit(
    engine: &mut Engine,
    config: &Config,
    members: &[(RunFolder, RunInfo)],
    requests: &[Request],
) -> Result<AggregatorInfo> {
    let mut data = config.divided_graph()?.data;
    let keys = data.keys();
    if let Some((deletion, retain)) = without(requests, &data)? {
        data.lose(&deletion, &retain);
    }
    let stay = data.train_ids();
    let places = drawn(&stay, &keys, config.seed);
    let nodes: Vec<u32> = places.iter().map(|at| stay[*at]).collect();
    let label = |id: &u32| data.graph.as_ref().map_or(0, |graph| graph.labels[*id as usize]);
    let labels: Vec<u32> = nodes.iter().map(label).collect();
    let mut said = Vec::new();
    for (folder, info) in members {
        let fit = FitOn::Kept(&info.data.fitted);
        let none = || Error::internal("a member of no graph");
        let alone = |loaded: &Loaded| loaded.config.attached(fit, Some(requests))?.ok_or_else(none);
        let member = Asked::of(folder, info, None, alone)?;
        let all = reading::logits(engine, None, &member.reading(false), &[Portion::Train])?;
        let rows = places.iter().map(|at| &all[0][at * data.classes..][..data.classes]);
        said.push(rows.flat_map(probabilities).collect::<Vec<f64>>());
    }
    let weights = learned(&said, &labels, data.classes, config.seed).into_iter().map(|weight| weight as f32).collect();
    Ok(AggregatorInfo { weights, fitted_on: nodes.iter().map(|id| data.node_id(*id)).collect() })
}

/// Places of at most [`MOST`] of the training nodes `stay`, ascending: each by a number of its own, so that none comes
/// or goes with another but the one that takes its place.
fn drawn(stay: &[u32], keys: &[u64], seed: u64) -> Vec<usize> {
    let share = |at: &usize| Shards::share(keys[stay[*at] as usize], seed ^ DRAW);
    let mut places: Vec<usize> = (0..stay.len()).collect();
    places.sort_by(|a, b| share(a).total_cmp(&share(b)).then(a.cmp(b)));
    places.truncate(MOST);
    places.sort_unstable();
    places
}

/// Writes the weights.
pub(super) fn save(folder: &RunFolder, info: &AggregatorInfo) -> Result<()> {
    let bytes: &[u8] = bytemuck::cast_slice(&info.weights);
    let corrupt = |e| Error::internal(format!("aggregator.safetensors: {e}"));
    let shape = vec![info.weights.len()];
    let tensor = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape, bytes).map_err(corrupt)?;
    write_atomic(&folder.aggregator(), &safetensors::serialize([(WEIGHTS, tensor)], None).map_err(corrupt)?)
}

/// The weights as they were written; the file is one that `run.json` binds.
pub(super) fn load(folder: &RunFolder) -> Result<Vec<f32>> {
    let path = folder.aggregator();
    let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
    let corrupt = |e| Error::input(format!("{}: not a whole safetensors file: {e}", path.display()));
    let file = safetensors::SafeTensors::deserialize(&bytes).map_err(corrupt)?;
    Ok(bytemuck::pod_collect_to_vec(file.tensor(WEIGHTS).map_err(corrupt)?.data()))
}
