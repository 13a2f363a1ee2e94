//! Every case of every kernel against its twin: poison, guard zones, both lanes bit for bit, repeats.

use std::sync::{Arc, Mutex};

use libtest_mimic::Trial;
use unlearn::engine::Lane;
use unlearn::engine::case::Case;
use unlearn::harness::trial::{Outcome, expected, trial_against};

use crate::adapters::Shared;

/// The twins' answer of the case that ran last: adapters take turns at each case, so one entry is enough.
type Last = Arc<Mutex<(String, Arc<Vec<Lane>>)>>;

/// One trial per case and adapter, named `kernel shape@adapter`.
pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let last = Last::default();
    let mut all = Vec::new();
    for case in unlearn::kernels::cases().into_iter().filter(|c| c.test) {
        let case = Arc::new(case);
        let once = in_tiles(&case) && devices.iter().all(|device| device.report.is_software());
        for device in &devices[..if once { 1.min(devices.len()) } else { devices.len() }] {
            let (case, last) = (case.clone(), last.clone());
            let name = case.name.clone();
            all.push(device.trial(&name, move |device| {
                let want = answer(&last, &case)?;
                match device.with(|engine, _| trial_against(engine, &case, &want))? {
                    Outcome::Pass(_) | Outcome::Unsupported(_) => Ok(()),
                    Outcome::Fail(failure) => Err(failure.into()),
                }
            }));
        }
    }
    all
}

/// Whether a form for GPUs runs that takes a software adapter's compiler seconds, the same on each: one of them is
/// enough here, and the matrix has every adapter.
fn in_tiles(case: &Case) -> bool {
    case.rec.dispatches().any(|d| ["#import tile4", "#import tile8"].iter().any(|tile| d.kernel.source.contains(tile)))
}

fn answer(last: &Last, case: &Case) -> unlearn::Result<Arc<Vec<Lane>>> {
    let mut last = last.lock().unwrap_or_else(|e| e.into_inner());
    if last.0 != case.name {
        *last = (case.name.clone(), Arc::new(expected(case)?));
    }
    Ok(last.1.clone())
}
