//! Every layer and every named architecture on each adapter against the reference engine, for each sink and for
//! batches of none, one and several records. Named `layer <network>@<adapter>`.

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use unlearn::harness::check::grad::{BATCHES, SINKS, compare};
use unlearn::harness::nets::Net;
use unlearn::harness::trial::Outcome;

use crate::adapters::{Shared, each};

pub fn trials() -> Vec<Trial> {
    let nets: Vec<Arc<Net>> = Net::all().expect("networks").into_iter().map(Arc::new).collect();
    let of = |adapter: &Shared, net: &Arc<Net>| {
        let (adapter, net) = (adapter.clone(), net.clone());
        let name = format!("layer {}@{}", net.name, adapter.name);
        Trial::test(name, move || BATCHES.into_iter().try_for_each(|n| check(&adapter, &net, n)))
    };
    each().iter().flat_map(|adapter| nets.iter().map(|net| of(adapter, net)).collect::<Vec<_>>()).collect()
}

fn check(adapter: &Shared, net: &Net, n: usize) -> Result<(), Failed> {
    for (into, word) in SINKS {
        match adapter.with(|engine, target| compare(engine, target, net, into, n))? {
            Outcome::Pass(_) => {}
            Outcome::Fail(failure) => return Err(format!("{word}, {failure}").into()),
            Outcome::Unsupported(feature) => return Err(feature.into()),
        }
    }
    Ok(())
}
