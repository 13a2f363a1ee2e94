use super::*;
use crate::data::Graph;
use crate::data::{Known, Sight, UNLABELLED};
use crate::records::Part;

/// Whatever is added to what a method sees must be added here, with the thought that it may not be test data.
#[test]
fn a_method_cannot_see_the_test_split() {
    let train = TrainConfig::default();
    let view = View::new(&train, &[], &[]);
    let View { retain: _, forget: _, forgotten_classes: _, train: _, seed: _, graph: _, tokenizer: _, past: _ } = view;
    // The whole graph's structure, and no label.
    let _ = |g: GraphView| {
        let GraphView { graph: Graph { nodes: _, edges: _, undirected: _, features: _, edge_data: _ }, .. } = g;
        let GraphView { graph: _, deletion: _, influenced: _, influenced_train: _ } = g;
    };
    // The last part takes what a reader alone can make, and no method may name a reader (tests/host/layers.rs).
    match Part::Train {
        Part::Train | Part::Before | Part::Pairs | Part::Validation | Part::Read(_) => {}
    }
    // Sessions are made of this, which has no test records: of rows no third part, of a graph no such labels.
    let data = crate::data::load(&crate::data::DataConfig::new("karate"), std::path::Path::new(".")).unwrap();
    let training = data.training();
    match training.known() {
        Known::Nodes(seen) => {
            let Sight { graph: _, labels, train: _, validation: _ } = seen;
            let graph = data.graph.as_ref().unwrap();
            assert!(!graph.test.is_empty() && graph.test.iter().all(|id| labels[*id as usize] == UNLABELLED));
            assert!(graph.train.iter().all(|id| labels[*id as usize] == graph.labels[*id as usize]));
        }
        Known::Rows { train: _, validation: _, before: _ } | Known::Graphs(..) | Known::Links(..) => {
            panic!("karate's nodes")
        }
    }
}

#[test]
fn names_are_unique_and_found() {
    for (i, row) in METHODS.iter().enumerate() {
        assert!(METHODS[..i].iter().all(|other| other.name != row.name), "{} is there twice", row.name);
        assert_eq!(find(row.name).unwrap().name, row.name);
        assert!(!row.summary.is_empty() && !row.citation.is_empty() && !row.takes.is_empty(), "{}", row.name);
    }
    let of = |role: Role| METHODS.iter().filter(|row| row.role == role).map(|row| row.name).collect::<Vec<_>>();
    assert_eq!((of(Role::Reference), of(Role::Floor).len()), (vec![reference().name], 1));
    assert!(find("retrian").err().unwrap().to_string().contains("retrain"));
}
