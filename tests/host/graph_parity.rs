//! Graph networks on the twins against PyTorch Geometric. The same comparison runs on each adapter in `tests/gpu`.

use std::collections::BTreeSet;
use std::fs;

use unlearn::engine::Engine;
use unlearn::harness::parity::graph::load_graphs;

use super::graph_fixtures::{QUANTITIES, fixtures, measure};

/// The twins compute in f64; their results leave them as f32, as does 1 / records.
const ROUNDING: f64 = 3e-7;

/// What the fixtures state for us to compute from.
fn given(tensor: &str) -> bool {
    ["x", "y", "edges", "train", "batch"].contains(&tensor) || tensor.starts_with("param.")
}

#[test]
fn the_reference_engine_agrees_with_pytorch_geometric_on_every_tensor() {
    let mut engine = Engine::reference();
    let all = fixtures();
    assert_eq!(all.len(), 18);
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
