//! Planted shader faults: each must be caught by some case of its kernel, or the cases are too weak.

mod faults;
mod graphs;
mod published;

use faults::{EQUIVALENTS, FAULTS, Mutant};
use libtest_mimic::{Failed, Trial};
use unlearn::engine::Engine;
use unlearn::engine::case::Case;
use unlearn::harness::check::fault::{mutated, replace};
use unlearn::harness::trial::{Outcome, expected, trial_against};
use unlearn::kernels;

use crate::adapters::Shared;

/// Floating point operations above which a case is left to `kernels.rs`.
const SMALL: u64 = 40_000_000;

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let Some(first) = devices.first() else { return Vec::new() };
    let fault = |m: &'static Mutant| {
        first.trial(&format!("mutant {} {}", m.kernel, m.what), |device| match caught(device, m)? {
            Some(_) => Ok(()),
            None => Err(format!("no case of {} notices: {}", m.kernel, m.what).into()),
        })
    };
    let equivalent = |m: &'static Mutant| {
        first.trial(&format!("equivalent {} {}", m.kernel, m.what), |device| match caught(device, m)? {
            Some(why) => Err(why.into()),
            None => Ok(()),
        })
    };
    FAULTS
        .iter()
        .chain(graphs::FAULTS)
        .chain(published::published())
        .map(fault)
        .chain(EQUIVALENTS.iter().map(equivalent))
        .collect()
}

/// The first case that fails with the planted kernel in place of the real one, and why.
fn caught(device: &Shared, m: &Mutant) -> Result<Option<String>, Failed> {
    let of = kernels::kernels().into_iter().find(|k| k.name == m.kernel);
    let of = of.ok_or_else(|| format!("there is no kernel {}", m.kernel))?;
    let planted = mutated(of, m.from, m.to)?;
    let family = kernels::FAMILIES.iter().find(|f| f.name == of.family());
    for mut case in family.map(|f| f.cases()).unwrap_or_default() {
        if !replace(&mut case, of, planted) || case.rec.dispatches().map(|d| d.flops).sum::<u64>() > SMALL {
            continue;
        }
        if let Some(why) = device.with(|engine, _| failure(engine, &case))? {
            return Ok(Some(format!("{}: {why}", case.name)));
        }
    }
    Ok(None)
}

fn failure(engine: &mut Engine, case: &Case) -> unlearn::Result<Option<String>> {
    match trial_against(engine, case, &expected(case)?)? {
        Outcome::Fail(why) => Ok(Some(why.what)),
        Outcome::Pass(_) | Outcome::Unsupported(_) => Ok(None),
    }
}
