//! The same on an ensemble of shards and on a graph.

use std::collections::BTreeSet;

use super::*;
use crate::shared::papers::network;

/// Two requests merge, and what was published is exact.
fn merged(desk: &Desk, original: &Path, ids: [&[String]; 3], kind: &str) -> (Plan, Outcome) {
    let project = create(&desk.path("project"), original);
    deliver(&project, &[line("one", kind, ids[0]), line("two", kind, ids[1])].concat()).unwrap();
    let made = planned(&project, &Wish::default());
    let outcome = done(&project).remove(0);
    assert!(outcome.passed(), "{outcome:?}");
    deliver(&project, &line("three", kind, ids[2])).unwrap();
    planned(&project, &Wish::default());
    assert!(done(&project)[0].passed());
    assert!(serving(&project).ends_with("batches/0002/run"));
    assert_eq!(state(&project, "three"), "published");
    whole(&project);
    (made, outcome)
}

#[test]
fn an_ensemble_trains_the_shards_again_that_had_the_records() {
    let desk = Desk::new();
    let original = trained(&desk, "original", "[ensemble]\nkind = \"sisa\"\nshards = 4\n");
    let (made, outcome) = merged(&desk, &original, [&[id(1)], &[id(2)], &[id(3)]], "sample");
    assert_eq!(made.method.as_deref(), Some("sisa"));
    let shards = made.touched.shards.unwrap();
    assert!(!shards.is_empty() && shards.len() <= 2, "{shards:?}");
    let predicted = made.predicted.unwrap();
    assert!(predicted.of_retrain < 0.75, "{predicted:?}");
    assert!(outcome.seconds.unwrap() > 0.0);
}

#[test]
fn a_graph_loses_nodes_and_says_how_far_that_reaches() {
    let desk = Desk::new();
    let papers = network(&desk, "whole", &BTreeSet::new(), &[]);
    let text = format!(
        "seed = 3\n[data]\nloader = \"cora_text\"\npath = '{papers}'\nsplit = \"random\"\ntest_fraction = 0.2\n\
         [model]\nlayers = [{{type='graph_conv',out=6}},{{type='relu'}},{{type='graph_conv'}}]\n\
         [train]\noptimizer = \"adam\"\nlr = 0.02\nepochs = 12\n"
    );
    let original = train(&desk.put("graph.toml", text), &desk.path("original"));
    let node = |number: usize| vec![format!("p{number}")];
    let (made, _) = merged(&desk, &original, [&node(1), &node(2), &node(3)], "node");
    assert_eq!(
        (made.method.as_deref(), made.touched.things.kinds.as_slice()),
        (Some("retrain"), &["node".to_owned()][..])
    );
    assert!(made.touched.influenced.unwrap() > 0);
}
