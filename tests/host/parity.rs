//! The twins, and through them every layer, against PyTorch. The same comparison runs on each adapter in `tests/gpu`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use unlearn::engine::{Engine, Target};
use unlearn::harness::parity::{judge, load, measure, quantities};

use crate::shared::fixtures::fixtures;

/// What the fixtures state for us to compute from.
fn given(tensor: &str) -> bool {
    ["x", "y", "kl_targets", "mse_targets"].contains(&tensor)
        || tensor.starts_with("param.")
        || tensor.starts_with("state.")
}

#[test]
fn the_reference_engine_agrees_with_pytorch_on_every_tensor() {
    let mut engine = Engine::reference();
    let all = fixtures();
    assert_eq!(
        all.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(),
        ["bnnet", "gnnet", "lenet5", "mlp", "mlp_sigmoid", "line", "resnet"]
    );
    for fixture in all {
        let mut compared = BTreeSet::new();
        for quantity in quantities(&fixture) {
            let gaps = measure(&mut engine, &fixture, &quantity, Target::default()).unwrap();
            judge(&gaps).unwrap_or_else(|e| panic!("{} {quantity}: {e}", fixture.name));
            compared.extend(gaps.iter().map(|g| g.tensor.split('[').next().unwrap().to_owned()));
        }
        let left: Vec<_> = fixture.tensors.keys().filter(|t| !given(t) && !compared.contains(*t)).collect();
        assert!(left.is_empty(), "{}: {left:?} were compared with nothing", fixture.name);
    }
}

#[test]
fn fixtures_that_were_changed_are_refused() {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/parity");
    let dir = tempfile::tempdir().unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        if file.path().is_file() {
            fs::copy(file.path(), dir.path().join(file.file_name())).unwrap();
        }
    }
    load(dir.path()).expect("a faithful copy");
    let config = dir.path().join("mlp.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("out = 32", "out = 31")).unwrap();
    let error = load(dir.path()).err().expect("a changed configuration").to_string();
    assert!(error.contains("mlp.toml") && error.contains("SHA-256"), "{error}");
    fs::remove_file(&config).unwrap();
    load(dir.path()).err().expect("a missing configuration");
}
