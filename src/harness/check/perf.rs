//! A short timing of every kernel: does it run in a sane time at all? `unlearn bench` measures.

use std::collections::BTreeSet;
use std::time::Duration;

use super::item::{Item, Verdict, Work};
use super::{Status, Timed, kernels_of};
use crate::engine::Engine;
use crate::engine::case::Case;
use crate::error::Result;
use crate::harness::bench::{BenchOptions, Clocks, Timer, bench};
use crate::kernels::Family;

const OPTIONS: BenchOptions =
    BenchOptions { min_time: Duration::from_millis(20), min_samples: 3, max_samples: 50, clocks: Clocks::Both };

fn work(case: &Case) -> u64 {
    case.rec.dispatches().map(|d| d.flops.max(d.bytes)).sum()
}

/// Of each kernel of a family the smallest timed case; of one without, the case with the most work.
pub(super) fn items(family: &Family) -> Vec<Item> {
    let mut cases = family.cases();
    let chosen_for = |kernel: &str| {
        let of = |c: &&Case| kernels_of(c).contains(&kernel);
        let timed = cases.iter().filter(|c| c.bench).filter(of).min_by_key(|c| work(c));
        timed.or_else(|| cases.iter().filter(of).max_by_key(|c| work(c))).map(|c| c.name.clone())
    };
    let chosen: BTreeSet<String> = family.kernels.iter().filter_map(|k| chosen_for(k.name)).collect();
    cases.retain(|c| chosen.contains(&c.name));
    cases.into_iter().map(|c| Item::of(Work::Timed(Box::new(c)))).collect()
}

/// Checks a case, then times it.
pub(super) fn time(engine: &mut Engine, case: &Case) -> Result<Verdict> {
    let report = bench(engine, std::slice::from_ref(case), OPTIONS, |_| {})?;
    if let Some(refused) = report.refused.first() {
        let status = if refused.wrong { Status::Fail } else { Status::Unsupported };
        return Ok(Verdict::new(status, &refused.why));
    }
    let timed = report.rows.first().map(|row| Timed {
        median_ns: row.median_ns,
        gflops: row.gflops,
        gbps: row.gbps,
        timer: if row.timer == Timer::Gpu { "gpu" } else { "wall" }.to_owned(),
    });
    let worst = report.rows.first().map(|row| row.check.clone());
    Ok(Verdict { worst, timed, ..Verdict::pass() })
}
