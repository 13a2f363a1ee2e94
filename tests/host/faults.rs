//! `tools/faults/faults.toml`: its faults can be planted, and somebody is named who must notice each.

use std::collections::BTreeSet;

use unlearn::harness::check::fault::mutated;
use unlearn::kernels;

#[test]
fn published_faults_can_be_planted() {
    let list: toml::Table = toml::from_str(include_str!("../../tools/faults/faults.toml")).expect("the list is TOML");
    let faults = list["fault"].as_array().expect("a list of faults");
    let mut names = BTreeSet::new();
    for fault in faults {
        let text = |key: &str| fault[key].as_str().unwrap_or_else(|| panic!("{fault} has no {key}"));
        let kernel = kernels::kernels().into_iter().find(|k| k.name == text("kernel"));
        let kernel = kernel.unwrap_or_else(|| panic!("there is no kernel {}", text("kernel")));
        mutated(kernel, text("from"), text("to")).expect("the text is there to be replaced");
        assert!(fault["by"].as_array().is_some_and(|by| !by.is_empty()), "{fault}: nobody must notice");
        assert!(names.insert((text("kernel"), text("name"))), "{fault} is there twice");
    }
    assert!(names.len() >= 20, "{} faults are few", names.len());
}
