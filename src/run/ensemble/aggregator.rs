//! The learned weights of an ensemble's members: from what they say of training nodes, as a file beside them.

use super::aggregate::probabilities;
use super::read::Read;
use super::weights::{MOST, learned};
use crate::base::write_atomic;
use crate::data::{Dataset, FitOn, Portion, Request, Shards};
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
    let nodes = drawn(&data, &keys, config.seed);
    let label = |id: &u32| data.graph.as_ref().map_or(0, |graph| graph.labels[*id as usize]);
    let labels: Vec<u32> = nodes.iter().map(label).collect();
    let mut said = Vec::new();
    for (folder, info) in members {
        let fit = FitOn::Kept(&info.data.fitted);
        let none = || Error::internal("a member of no graph");
        let alone = |loaded: &Loaded| loaded.config.attached(fit, Some(requests))?.ok_or_else(none);
        let member = Read::of(folder, info, None, alone)?;
        let all = reading::logits(engine, None, &member.reading(false), &[Portion::Train])?;
        let of = member.data.train_ids();
        let row = |id: &u32| of.binary_search(id).ok().map(|at| &all[0][at * data.classes..][..data.classes]);
        said.push(nodes.iter().filter_map(row).flat_map(probabilities).collect::<Vec<f64>>());
    }
    let weights = learned(&said, &labels, data.classes, config.seed).into_iter().map(|weight| weight as f32).collect();
    Ok(AggregatorInfo { weights, fitted_on: nodes.iter().map(|id| data.node_id(*id).to_string()).collect() })
}

/// At most [`MOST`] training nodes, ascending: each by a number of its own, so that none comes or goes with another but
/// the one that takes its place.
fn drawn(data: &Dataset, keys: &[u64], seed: u64) -> Vec<u32> {
    let share = |id: &u32| Shards::share(keys[*id as usize], seed ^ DRAW);
    let mut nodes = data.train_ids();
    nodes.sort_by(|a, b| share(a).total_cmp(&share(b)).then(a.cmp(b)));
    nodes.truncate(MOST);
    nodes.sort_unstable();
    nodes
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
