//! Trials of every adapter against PyTorch's language models, named `language parity <network> <quantity>@<adapter>`.

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use unlearn::harness::parity::judge;

use crate::adapters::Shared;
use crate::shared::language::{QUANTITIES, fixtures, measure};

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let all: Vec<_> = fixtures().into_iter().map(Arc::new).collect();
    let of = |adapter: &Shared| -> Vec<Trial> {
        let each = all.iter().flat_map(|f| QUANTITIES.map(|quantity| (f.clone(), quantity)));
        let trial = |(fixture, quantity): (Arc<_>, &'static str)| {
            let fixture: Arc<unlearn::harness::parity::language::LanguageFixture> = fixture;
            adapter.trial(&format!("language parity {} {quantity}", fixture.name), move |adapter| {
                let gaps = adapter.with(|engine, _| measure(engine, &fixture, quantity))?;
                judge(&gaps).map_err(Failed::from)
            })
        };
        each.map(trial).collect()
    };
    devices.iter().flat_map(of).collect()
}
