//! Trials of statistics over sets of records, named `statistics <network> <what>@<adapter>`.

use libtest_mimic::{Failed, Trial};

use crate::adapters::Shared;
use crate::shared::statistics::{CHECKS, NETS, check, footprint};

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let of = |device: &Shared| {
        let each = NETS.into_iter().flat_map(|net| CHECKS.map(|(name, what)| (net, name, what)));
        let checks = each.map(|(net, name, what)| {
            device.trial(&format!("statistics {} {name}", net.0), move |device| {
                device.with(|engine, _| Ok(check(engine, net, what)))?.map_err(Failed::from)
            })
        });
        let memory = device.trial("statistics memory of a Fisher pass", |device| {
            device.with(|engine, _| Ok(footprint(engine)))?.map_err(Failed::from)
        });
        checks.chain([memory]).collect::<Vec<_>>()
    };
    devices.iter().flat_map(of).collect()
}
