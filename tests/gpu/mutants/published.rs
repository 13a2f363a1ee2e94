//! The faults of `tools/faults/faults.toml` that a case must catch. The others of that list are for compilers and
//! lints.

use serde::Deserialize;

use super::faults::Mutant;

const LIST: &str = include_str!("../../../tools/faults/faults.toml");

#[derive(Deserialize)]
struct List {
    fault: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    kernel: String,
    name: String,
    from: String,
    to: String,
    by: Vec<String>,
}

/// Leaked, as all that a trial holds lives as long as the program.
pub fn published() -> &'static [Mutant] {
    let list: List = toml::from_str(LIST).expect("tools/faults/faults.toml is a list of faults");
    let caught = list.fault.into_iter().filter(|f| f.by.iter().any(|by| by == "case"));
    let mutants =
        caught.map(|f| Mutant { kernel: f.kernel.leak(), what: f.name.leak(), from: f.from.leak(), to: f.to.leak() });
    mutants.collect::<Vec<_>>().leak()
}
