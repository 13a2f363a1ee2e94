//! Graph networks on the twins against PyTorch Geometric. The same comparison runs on each adapter in `tests/gpu`.

use std::collections::BTreeSet;
use std::fs;

use unlearn::engine::Engine;
use unlearn::harness::parity::graph_fixture::load_graphs;
use unlearn::train::weights;

use crate::shared::graph_parity::{QUANTITIES, fixtures, measure};

/// The twins compute in f64; their results leave them as f32, as does 1 / records.
const ROUNDING: f64 = 3e-7;

/// What the fixtures state for us to compute from.
fn given(tensor: &str) -> bool {
    ["x", "y", "edges", "weight", "edge_attr", "train", "batch"].contains(&tensor) || tensor.starts_with("param.")
}

#[test]
fn the_reference_engine_agrees_with_pytorch_geometric_on_every_tensor() {
    let mut engine = Engine::reference();
    let all = fixtures();
    assert_eq!(all.len(), 25);
    let mut faults = Vec::new();
    for fixture in all {
        let mut compared = BTreeSet::new();
        for (name, quantity) in QUANTITIES {
            let gaps =
                measure(&mut engine, &fixture, *quantity).unwrap_or_else(|e| panic!("{} {name}: {e}", fixture.name));
            let bad = gaps.iter().filter(|gap| gap.error.is_nan() || gap.error > ROUNDING);
            faults.extend(bad.map(|gap| format!("{} {name}: {gap:?}", fixture.name)));
            compared.extend(gaps.into_iter().map(|gap| gap.tensor));
        }
        let left: Vec<_> = fixture.tensors.keys().filter(|t| !given(t) && !compared.contains(*t)).collect();
        assert!(left.is_empty(), "{}: {left:?} were compared with nothing", fixture.name);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn graph_fixtures_that_were_changed_are_refused() {
    let from = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/parity/graph");
    let dir = tempfile::tempdir().unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), dir.path().join(file.file_name())).unwrap();
    }
    load_graphs(dir.path()).expect("a faithful copy");
    let manifest = dir.path().join("MANIFEST.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    for (was, is, word) in
        [("nodes = 40", "nodes = 41", "expected"), ("parameters = 208", "parameters = 209", "the network's")]
    {
        fs::write(&manifest, text.replacen(was, is, 1)).unwrap();
        let error = load_graphs(dir.path()).err().expect(is).to_string();
        assert!(error.contains("gcn2") && error.contains(word), "{error}");
    }
    fs::write(&manifest, &text).unwrap();
    let config = dir.path().join("gin2.toml");
    fs::write(&config, fs::read_to_string(&config).unwrap().replace("hidden = 6", "hidden = 5")).unwrap();
    let error = load_graphs(dir.path()).err().expect("a changed configuration").to_string();
    assert!(error.contains("gin2.toml") && error.contains("SHA-256"), "{error}");
}

/// GINConv keeps eps as a buffer: a state dict without it is refused by PyTorch, one with it must not be refused here.
#[test]
fn the_eps_of_gin_is_in_the_state_dict_and_is_held_to_the_configuration() {
    let fixture = fixtures().into_iter().find(|f| f.name == "gin3").unwrap();
    let (theta, layout) = (fixture.theta().unwrap(), &fixture.model.layout);
    let dir = tempfile::tempdir().unwrap();
    let (whole, bare) = (dir.path().join("whole.safetensors"), dir.path().join("bare.safetensors"));
    weights::save_model(&whole, layout, &theta, &[]).unwrap();
    weights::save(&bare, layout, &theta, &[]).unwrap();
    let bytes = fs::read(&whole).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    for (name, value) in [("conv1.eps", 0.0f32), ("conv2.eps", 0.25), ("conv3.eps", 0.0)] {
        assert_eq!(file.tensor(name).unwrap().data(), value.to_le_bytes());
    }
    assert_eq!(file.names().len(), layout.entries().len() + 3);
    for path in [&whole, &bare] {
        assert_eq!(weights::load(path, layout).unwrap(), theta);
    }
    let wrong = ["conv2.eps"].map(|n| (n.to_owned(), vec![1], &[0.5f32][..]));
    weights::save_tensors(&whole, &wrong, &[]).unwrap();
    let error = weights::load(&whole, layout).unwrap_err().to_string();
    assert!(error.contains("conv2.eps") && error.contains("0.25"), "{error}");
}
