//! Trials of every adapter against PyTorch, named `parity <network> <quantity>@<adapter>`.

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use unlearn::harness::parity::{Fixture, judge, measure, quantities};

use crate::adapters::{Shared, each};
use crate::shared::fixtures::fixtures;
use crate::times;

pub fn trials() -> Vec<Trial> {
    let all: Vec<Arc<Fixture>> = fixtures().into_iter().map(Arc::new).collect();
    each().into_iter().flat_map(|adapter| all.iter().flat_map(move |f| of(&adapter, f)).collect::<Vec<_>>()).collect()
}

fn of(adapter: &Shared, fixture: &Arc<Fixture>) -> Vec<Trial> {
    let trial = |quantity: String| {
        let (adapter, fixture) = (adapter.clone(), fixture.clone());
        times::trial(format!("parity {} {quantity}@{}", fixture.name, adapter.name), move || {
            let gaps = adapter.with(|engine, target| measure(engine, &fixture, &quantity, target))?;
            judge(&gaps).map_err(Failed::from)
        })
    };
    quantities(fixture).into_iter().map(trial).collect()
}
