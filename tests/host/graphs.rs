//! Graphs: what the loaders make of them.

use std::path::Path;

use unlearn::data::{Dataset, NodeSplit};

use super::data_files::try_load;

fn embedded(text: &str) -> Dataset {
    try_load(text, Path::new(".")).unwrap()
}

/// Records of each class.
fn counts(labels: &[u32], classes: usize) -> Vec<usize> {
    (0..classes).map(|class| labels.iter().filter(|&&label| label as usize == class).count()).collect()
}

#[test]
fn cora_is_whole_and_drawn_like_planetoid() {
    let data = embedded("loader = 'cora'");
    let graph = data.graph.as_ref().unwrap();
    assert_eq!((graph.graph.nodes, graph.graph.edges.len(), data.shape.clone()), (2708, 2 * 5278, vec![1433]));
    assert_eq!(graph.graph.distinct_edges().len(), 5278);
    assert_eq!(counts(&graph.labels, 7), [298, 418, 818, 426, 217, 180, 351]);
    assert_eq!((graph.train.len(), graph.validation.len(), graph.test.len()), (140, 500, 1000));
    assert_eq!(counts(&data.train.y, 7), [20; 7]);
    assert!(data.train.x.is_empty() && data.train_ids() == graph.train);
    let labels: Vec<u32> = graph.test.iter().map(|&id| graph.labels[id as usize]).collect();
    assert_eq!(data.test.y, labels);
    // The paper of line 0, 31336, has 20 words and cites or is cited by 5 papers.
    let (words, values) = graph.graph.features.row(0);
    assert_eq!((words.len(), graph.graph.edges.iter().filter(|[_, target]| *target == 0).count()), (20, 5));
    assert!(values.iter().all(|&value| value == 0.05));
    assert_eq!(graph.graph.features.val.len(), 49216);
    let raw = embedded("loader = 'cora'\nnormalize = 'none'\nsplit = 'random'");
    let graph = raw.graph.as_ref().unwrap();
    assert!(graph.graph.features.val.iter().all(|&value| value == 1.0));
    assert_eq!((graph.train.len(), graph.validation.len(), graph.test.len()), (2166, 0, 542));
    assert_ne!(embedded("loader = 'cora'\nsplit_seed = 1").train_ids(), data.train_ids());
}

#[test]
fn karate_has_the_identity_for_features() {
    let data = embedded("loader = 'karate'");
    let graph = data.graph.as_ref().unwrap();
    assert_eq!((graph.graph.nodes, graph.graph.edges.len(), data.shape.clone()), (34, 156, vec![34]));
    assert_eq!(counts(&graph.labels, 2), [17, 17]);
    assert_eq!((graph.train.len(), graph.test.len()), (17, 17));
    assert_eq!(graph.graph.features.row(33), (&[33][..], &[1.0][..]));
    assert!(graph.graph.has_edge(0, 1) && graph.graph.has_edge(1, 0) && !graph.graph.has_edge(0, 33));
}

#[test]
fn every_default_of_a_graph_is_written_out() {
    let config = |text: &str| toml::from_str::<unlearn::data::DataConfig>(text).unwrap().resolved().unwrap();
    let cora = config("loader = 'cora'");
    assert_eq!((cora.split, cora.split_seed, cora.test_fraction), (Some(NodeSplit::Planetoid), Some(0), None));
    assert_eq!(cora.resolved().unwrap(), cora);
    let karate = config("loader = 'karate'");
    assert_eq!((karate.split, karate.test_fraction), (Some(NodeSplit::Random), Some(0.5)));
    assert_eq!(karate.resolved().unwrap(), karate);
}
