//! Planted shader faults: each must be caught by some case of its kernel, or the cases are too weak.

mod faults;
mod graphs;
mod language;
mod published;

use std::sync::{Arc, Mutex, OnceLock};

use faults::{EQUIVALENTS, FAULTS, Mutant};
use libtest_mimic::{Failed, Trial};
use unlearn::engine::case::Case;
use unlearn::engine::{Engine, Lane};
use unlearn::harness::check::fault::{mutated, replace};
use unlearn::harness::trial::{Outcome, expected, trial_against};
use unlearn::kernels;

use crate::adapters::Shared;

/// Floating point operations above which a case is left to `kernels.rs`.
const SMALL: u64 = 40_000_000;

/// A case, and its twin's answer once a fault has asked for it: no fault is planted in a twin.
type Tried = (Case, OnceLock<Vec<Lane>>);

/// The cases of the family that was asked for last. Faults come family by family, so that its cases, which take longer
/// to make than most of them to run, are made once.
type Last = Arc<Mutex<(&'static str, Arc<Vec<Tried>>)>>;

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let Some(first) = devices.first() else { return Vec::new() };
    let last = Last::default();
    let trial = |m: &'static Mutant, equivalent: bool| {
        let (last, word) = (last.clone(), if equivalent { "equivalent" } else { "mutant" });
        first.trial(&format!("{word} {} {}", m.kernel, m.what), move |device| {
            match (caught(device, m, &last)?, equivalent) {
                (Some(_), false) | (None, true) => Ok(()),
                (Some(why), true) => Err(why.into()),
                (None, false) => Err(format!("no case of {} notices: {}", m.kernel, m.what).into()),
            }
        })
    };
    let faults =
        FAULTS.iter().chain(graphs::FAULTS).chain(language::FAULTS).chain(published::published()).map(|m| (m, false));
    let mut all: Vec<_> = faults.chain(EQUIVALENTS.iter().map(|m| (m, true))).collect();
    all.sort_by_key(|(m, _)| m.kernel.split('.').next());
    all.into_iter().map(|(m, equivalent)| trial(m, equivalent)).collect()
}

/// The first case that fails with the planted kernel in place of the real one, and why.
fn caught(device: &Shared, m: &Mutant, last: &Last) -> Result<Option<String>, Failed> {
    let of = kernels::kernels().into_iter().find(|k| k.name == m.kernel);
    let of = of.ok_or_else(|| format!("there is no kernel {}", m.kernel))?;
    let planted = mutated(of, m.from, m.to)?;
    let cases = cases(last, of.family());
    let mut tried: Vec<_> =
        cases.iter().filter(|(c, _)| c.rec.dispatches().any(|d| std::ptr::eq(d.kernel, of))).collect();
    // Those that speak of the fault first, then small ones: one that does not notice may cost the driver's compiler or
    // the twin seconds.
    tried.sort_by_key(|(case, _)| {
        (!named_alike(&case.name, m.what), case.rec.dispatches().map(|d| d.flops).sum::<u64>())
    });
    for (case, answer) in tried {
        let mut case = case.clone();
        replace(&mut case, of, planted);
        let want = match answer.get() {
            Some(want) => want,
            None => {
                let found = expected(&case)?;
                answer.get_or_init(|| found)
            }
        };
        if let Some(why) = device.with(|engine, _| failure(engine, &case, want))? {
            return Ok(Some(format!("{}: {why}", case.name)));
        }
    }
    Ok(None)
}

/// Whether a word of the fault, or its beginning, is in the case's name.
fn named_alike(case: &str, fault: &str) -> bool {
    let stem = |word: &str| word.chars().take(5).collect::<String>();
    fault.split(' ').filter(|word| word.len() > 3).any(|word| case.contains(&stem(word)))
}

fn cases(last: &Last, family: &'static str) -> Arc<Vec<Tried>> {
    let mut last = last.lock().unwrap_or_else(|e| e.into_inner());
    if last.0 != family {
        let of = kernels::FAMILIES.iter().find(|f| f.name == family);
        let all = of.map(|f| f.cases()).unwrap_or_default().into_iter();
        let small = all.filter(|c| c.rec.dispatches().map(|d| d.flops).sum::<u64>() <= SMALL);
        *last = (family, Arc::new(small.map(|case| (case, OnceLock::new())).collect()));
    }
    last.1.clone()
}

fn failure(engine: &mut Engine, case: &Case, want: &[Lane]) -> unlearn::Result<Option<String>> {
    match trial_against(engine, case, want)? {
        Outcome::Fail(why) => Ok(Some(why.what)),
        Outcome::Pass(_) | Outcome::Unsupported(_) => Ok(None),
    }
}
