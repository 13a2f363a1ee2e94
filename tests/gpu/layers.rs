//! Every layer and every named architecture on each adapter against the reference engine, for each sink and for
//! batches of none, one and several records; and the derivatives of both passes along a direction. Named `layer
//! <network>@<adapter>` and `tangent <network>@<adapter>`.

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use unlearn::harness::check::grad::{BATCHES, SUBJECTS, Subject, compare};
use unlearn::harness::nets::Net;
use unlearn::harness::trial::Outcome;

use crate::adapters::{Shared, each};
use crate::times;

pub fn trials() -> Vec<Trial> {
    let nets: Vec<Arc<Net>> = Net::all().expect("networks").into_iter().map(Arc::new).collect();
    let of = |adapter: &Shared, net: &Arc<Net>, moving: bool| {
        let (adapter, net) = (adapter.clone(), net.clone());
        let name = format!("{} {}@{}", if moving { "tangent" } else { "layer" }, net.name, adapter.name);
        times::trial(name, move || {
            let chosen = SUBJECTS.into_iter().filter(|(subject, _)| (*subject == Subject::Along) == moving);
            chosen.into_iter().try_for_each(|(subject, word)| check(&adapter, &net, subject, word))
        })
    };
    let both = |adapter: &Shared| {
        nets.iter().flat_map(|net| [of(adapter, net, false), of(adapter, net, true)]).collect::<Vec<_>>()
    };
    each().iter().flat_map(both).collect()
}

fn check(adapter: &Shared, net: &Net, subject: Subject, word: &str) -> Result<(), Failed> {
    for n in BATCHES {
        match adapter.with(|engine, target| compare(engine, target, net, subject, n))? {
            Outcome::Pass(_) => {}
            Outcome::Fail(failure) => return Err(format!("{word}, {failure}").into()),
            Outcome::Unsupported(feature) => return Err(feature.into()),
        }
    }
    Ok(())
}
