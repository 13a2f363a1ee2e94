//! Trials of every adapter against PyTorch's second-order and per-record quantities, named
//! `curvature <network> <quantity>@<adapter>`.

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use unlearn::harness::parity::curvature::CurvatureFixture;
use unlearn::harness::parity::judge;

use crate::adapters::Shared;
use crate::shared::curvature::{Measure, fixtures, measure, quantities};

/// One network of each kind of layer; the twins are held to all of them.
const NETWORKS: [&str; 12] = [
    "mlp",
    "mlp_sigmoid",
    "lenet5",
    "gnnet",
    "gcn2_directed",
    "sage_mean2",
    "sage_max2",
    "gat2_directed",
    "gin2",
    "sgc_stack",
    "mixed",
    "graphs_sage_max",
];

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let some = fixtures().into_iter().filter(|f| NETWORKS.contains(&f.net.name()));
    let all: Vec<_> = some.map(Arc::new).collect();
    let of = |adapter: &Shared| -> Vec<Trial> {
        let each = all.iter().flat_map(|f| quantities(f).into_iter().map(move |q| (f.clone(), q)));
        let trial = |(fixture, (name, quantity)): (Arc<CurvatureFixture>, (&str, Measure))| {
            adapter.trial(&format!("curvature {} {name}", fixture.net.name()), move |adapter| {
                let gaps = adapter.with(|engine, _| measure(engine, &fixture, quantity))?;
                judge(&gaps).map_err(Failed::from)
            })
        };
        each.map(trial).collect()
    };
    devices.iter().flat_map(of).collect()
}
