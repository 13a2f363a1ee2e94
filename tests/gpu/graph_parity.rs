//! Trials of every adapter against PyTorch Geometric, named `graph parity <network> <quantity>@<adapter>`.

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use unlearn::harness::parity::graph_fixture::GraphFixture;
use unlearn::harness::parity::judge;

use crate::adapters::Shared;
use crate::shared::graph_parity::{Measure, QUANTITIES, fixtures, measure};

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let all: Vec<_> = fixtures().into_iter().map(Arc::new).collect();
    let of = |adapter: &Shared| -> Vec<Trial> {
        let each = all.iter().flat_map(|f| QUANTITIES.iter().map(move |q| (f.clone(), q)));
        let trial = |(fixture, (name, quantity)): (Arc<GraphFixture>, &(&str, Measure))| {
            let quantity = *quantity;
            adapter.trial(&format!("graph parity {} {name}", fixture.name), move |adapter| {
                let gaps = adapter.with(|engine, _| measure(engine, &fixture, quantity))?;
                judge(&gaps).map_err(Failed::from)
            })
        };
        each.map(trial).collect()
    };
    devices.iter().flat_map(of).collect()
}
