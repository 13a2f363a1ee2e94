//! Which shard each training node of a graph is in.

use serde::{Deserialize, Serialize};

use super::communities::{EMBEDDING, embedding, k_means, label_propagation};
use crate::data::{Dataset, Shards};

/// How the training nodes of a graph are divided into shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GraphDivision {
    /// Each drawn by what it is called and by the seed, so that no other node moves it: forgetting is exact.
    #[default]
    Random,
    /// Balanced label propagation: a node goes where most of its neighbours are. It reads all training nodes at once,
    /// so that where one is may tell of another that is forgotten.
    Blpa,
    /// Balanced k-means over features averaged along edges: alike nodes go together. It reads all training nodes at
    /// once, as `blpa` does.
    Bekm,
}

impl GraphDivision {
    /// Whether where a node is depends on other nodes, so that it goes on telling of those that are forgotten.
    pub fn reads_others(self) -> bool {
        self != GraphDivision::Random
    }
}

impl Dataset {
    /// The shard of each training node, in the order of their ids; empty where the records are no nodes.
    pub fn divide_nodes(&self, how: GraphDivision, shards: Shards) -> Vec<usize> {
        let Some(data) = &self.graph else { return Vec::new() };
        let (graph, train) = (&data.graph, &data.train);
        match how {
            GraphDivision::Random => {
                let keys = self.keys();
                train.iter().map(|id| shards.of(keys[*id as usize])).collect()
            }
            GraphDivision::Blpa => label_propagation(graph, train, shards.shards, shards.seed),
            GraphDivision::Bekm => {
                let rows = embedding(graph, train, shards.seed);
                k_means(&rows, EMBEDDING, shards.shards, shards.seed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::data::{DataConfig, load};

    #[test]
    fn neighbours_stay_together_where_nodes_are_not_drawn() {
        let config = DataConfig { split: Some(crate::data::NodeSplit::Random), ..DataConfig::new("cora") };
        let data = load(&config, Path::new("")).unwrap();
        let (train, graph) = (data.train_ids(), &data.graph.as_ref().unwrap().graph);
        let kept = |how: GraphDivision| {
            let of = data.divide_nodes(how, Shards { shards: 10, seed: 1, levels: None });
            let shard = |id: &u32| train.binary_search(id).ok().map(|at| of[at]);
            let pairs: Vec<_> = graph.edges.iter().filter_map(|[u, v]| Some((shard(u)?, shard(v)?))).collect();
            pairs.iter().filter(|(u, v)| u == v).count() as f64 / pairs.len() as f64
        };
        let [random, blpa, bekm] = [GraphDivision::Random, GraphDivision::Blpa, GraphDivision::Bekm].map(kept);
        assert!((0.07..0.13).contains(&random) && blpa > 0.6 && bekm > 0.6, "{random} {blpa} {bekm}");
    }

    /// What a division keeps of a node that is gone shows in where the others are.
    #[test]
    fn a_random_division_knows_nothing_of_a_node_that_is_gone_and_the_others_do() {
        let data = load(&DataConfig::new("cora"), Path::new("")).unwrap();
        let shards = Shards { shards: 5, seed: 2, levels: None };
        let train = data.train_ids();
        let moved = |how: GraphDivision| {
            let before = data.divide_nodes(how, shards.clone());
            let mut without = data.clone();
            let retain = [&train[..20], &train[21..]].concat();
            without.lose(&crate::data::Deletion { nodes: vec![train[20]], ..Default::default() }, &retain);
            let after = without.divide_nodes(how, shards.clone());
            let others = before[..20].iter().chain(&before[21..]);
            others.zip(&after).filter(|(a, b)| a != b).count()
        };
        assert_eq!(moved(GraphDivision::Random), 0);
        assert!(moved(GraphDivision::Blpa) > 0 && moved(GraphDivision::Bekm) > 0);
    }
}
