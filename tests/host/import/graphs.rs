//! Networks of PyTorch Geometric over a graph whose edges carry something: tools/parity/graph_round_trip.py wrote them.

use std::fs;

use unlearn::data::{Id, StateDict};
use unlearn::engine::Engine;
use unlearn::run::forget_run::ForgetJob;
use unlearn::run::naming::Naming;
use unlearn::run::predict::PredictJob;

use super::{Place, fixture};

const NETWORKS: [&str; 4] = ["gat_edges", "gatv2_edges", "gatv2_shared", "gcn_weighted"];

/// A run of the weights under `name`.
fn imported(name: &str) -> Place {
    let of = |file: &str| fixture(&format!("graphs/{file}"));
    let place = Place::new(&fs::read_to_string(of(&format!("{name}.toml"))).unwrap());
    for file in ["edges.csv", "features.csv", "labels.csv"] {
        place.put(file, fs::read(of(file)).unwrap());
    }
    place
        .import(&of(&format!("{name}.pt")), &Naming::default())
        .unwrap_or_else(|e| panic!("{name}: {e}"))
        .write()
        .unwrap();
    place
}

#[test]
fn names_of_nodes_have_the_logits_that_pytorch_geometric_gave() {
    for name in NETWORKS {
        let place = imported(name);
        let said = PredictJob::read(&place.path("run"), "all").unwrap().predict(&mut Engine::reference()).unwrap();
        let wanted = fs::read_to_string(fixture(&format!("graphs/{name}.csv"))).unwrap();
        assert_eq!(said.ids.len(), wanted.lines().count(), "{name}");
        for line in wanted.lines() {
            let (node, want) = line.split_once(',').unwrap();
            let at = said
                .ids
                .iter()
                .position(|id| *id == Id::Name(node.to_owned()))
                .unwrap_or_else(|| panic!("{name}: no {node}"));
            let got = &said.logits[3 * at..3 * at + 3];
            for (got, want) in got.iter().zip(want.split(',')) {
                let want: f32 = want.parse().unwrap();
                assert!((got - want).abs() < 3e-5, "{name} {node}: {got}, PyTorch has {want}");
            }
        }
    }
}

#[test]
fn what_a_request_by_name_leaves_has_the_names_that_pytorch_loads() {
    for name in NETWORKS {
        let place = imported(name);
        let request = place.put("r.jsonl", "{\"request_id\":\"r\",\"kind\":\"node\",\"ids\":[\"n03\",\"n07\"]}\n");
        for method in ["ssd", "finetune"] {
            let out = place.path(method);
            let job = ForgetJob::prepare(&place.path("run"), &request, method, toml::Table::new(), &out).unwrap();
            job.forget(&mut Engine::reference(), None, false).unwrap_or_else(|e| panic!("{name} {method}: {e}"));
            let shapes = |file| {
                let read = StateDict::read(file, None).unwrap();
                let mut all: Vec<_> = read.tensors.into_iter().map(|t| (t.name, t.shape)).collect();
                all.sort();
                all
            };
            let given = fixture(&format!("graphs/{name}.pt"));
            assert_eq!(shapes(&out.join("model.safetensors")), shapes(&given), "{name} {method}");
            let document = fs::read_to_string(out.join("forgotten.jsonl")).unwrap();
            assert!(document.contains("n03") && document.contains("n07"), "{document}");
        }
    }
}
