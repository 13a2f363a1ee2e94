//! Rounds: each form of a group once, then all of them again, and a control among them that must not change.

use std::time::Instant;

use super::super::trial::place;
use super::numbers::{mad, median, range};
use super::timed::Timed;
use super::work::{Group, same_inputs};
use super::{BenchOptions, BenchReport, Clocks, Row, Timer, Verified};
use crate::engine::case::Case;
use crate::engine::{Engine, Recording};
use crate::error::Result;
use crate::kernels::peak;

/// Work that is bound by arithmetic alone and the same in every round: what it takes longer, the machine got slower.
pub(super) struct Control {
    timed: Timed,
    /// What it took in every round so far.
    all: Vec<f64>,
}

/// Nanoseconds that the control's dispatch takes, about.
const CONTROL_NS: f64 = 1e6;

/// Turns of the control's chains.
const TURNS: usize = 16;

impl Control {
    /// Sized by the roof for multiply-adds, operations a nanosecond.
    pub fn prepare(engine: &mut Engine, (fma, _): (f64, f64)) -> Result<Control> {
        let each = (2 * peak::CHAINS * peak::STEPS * TURNS) as f64;
        let threads = ((fma * CONTROL_NS / each) as usize).next_multiple_of(64).clamp(64, 1 << 22);
        let [x, y] = [engine.alloc::<f32>("control", threads)?, engine.alloc::<f32>("control", threads)?];
        let mut rec = Recording::new(engine.target());
        peak::fma(&mut rec, x, y, TURNS, true);
        Ok(Control { timed: Timed::prepare(engine, &rec)?, all: Vec::new() })
    }

    /// What it took in the middle of all rounds, nanoseconds.
    pub fn usual(&self) -> f64 {
        median(&self.all)
    }
}

fn sample(timed: &mut Timed, engine: &mut Engine) -> Result<f64> {
    let before = timed.samples.gpu.len();
    timed.gpu(engine, &mut Vec::new())?;
    match timed.samples.gpu.get(before) {
        Some(ns) => Ok(*ns),
        None => timed.wall(engine),
    }
}

/// Times the cases of a group in turns and adds their rows to the report.
pub(super) fn time(
    engine: &mut Engine,
    group: &Group,
    right: Vec<(Case, Verified)>,
    options: BenchOptions,
    control: Option<&mut Control>,
    report: &mut BenchReport,
) -> Result<()> {
    let base = engine.mark();
    let done = time_from(engine, group, &right, options, control, report);
    engine.set_profile(false);
    engine.release(base);
    done
}

fn time_from(
    engine: &mut Engine,
    group: &Group,
    right: &[(Case, Verified)],
    options: BenchOptions,
    mut control: Option<&mut Control>,
    report: &mut BenchReport,
) -> Result<()> {
    let mut ready: Vec<Timed> = Vec::new();
    let mut placed: Option<(&Case, usize)> = None;
    for (case, _) in right {
        // Forms with the same inputs share their buffers.
        let base = match placed.filter(|(of, _)| same_inputs(of, case)) {
            Some((_, base)) => base,
            None => {
                let base = engine.mark();
                place(engine, case)?;
                placed = Some((case, base));
                base
            }
        };
        ready.push(Timed::prepare(engine, &case.rec.clone().rebased(base))?);
    }
    let started = Instant::now();
    let clocks = if options.clocks == Clocks::Both { 2 } else { 1 };
    let time = options.min_time * (ready.len() * clocks) as u32;
    let (mut round, mut controls) = (0, Vec::new());
    while round < options.min_samples || (started.elapsed() < time && round < options.max_samples) {
        // One submission of each is enough for a trace.
        let mut trace = Vec::new();
        for timed in &mut ready {
            if options.clocks != Clocks::Gpu || !timed.stamped {
                timed.wall(engine)?;
            }
            if options.clocks != Clocks::Wall {
                timed.gpu(engine, &mut trace)?;
            }
        }
        if round == 0 {
            report.timings.append(&mut trace);
        }
        if let Some(control) = control.as_deref_mut() {
            controls.push(sample(&mut control.timed, engine)?);
        }
        round += 1;
    }
    let drift = control.map(|control| {
        control.all.extend(&controls);
        median(&controls)
    });
    for ((case, verified), timed) in right.iter().zip(ready) {
        let row = row(group, case, verified, timed, drift, report);
        report.rows.push(row);
    }
    Ok(())
}

fn row(
    group: &Group,
    case: &Case,
    verified: &Verified,
    timed: Timed,
    control: Option<f64>,
    report: &BenchReport,
) -> Row {
    let first = case.rec.dispatches().next().map(|d| d.kernel);
    let (flop, bytes) = group.needs;
    let repeats = timed.repeats;
    let samples = timed.samples;
    let (timer, samples_ns) = match samples.gpu.is_empty() {
        true => (Timer::Wall, samples.wall.clone()),
        false => (Timer::Gpu, samples.gpu),
    };
    let (min_ns, max_ns) = range(&samples_ns);
    let median_ns = median(&samples_ns);
    let least = report.peaks.as_ref().and_then(|p| p.least_ns(flop, bytes));
    let sets = case.rec.dispatches().flat_map(|d| d.consts.iter().map(|(n, v)| ((*n).to_owned(), *v)));
    Row {
        commit: report.commit,
        adapter: report.adapter.name.clone(),
        driver: format!("{} {}", report.adapter.driver, report.adapter.driver_info),
        op: group.op,
        shape: group.shape.clone(),
        kernel: first.map_or(String::new(), |k| k.name.to_owned()),
        variant: first.map_or(String::new(), |k| k.stem().to_owned()),
        chosen: group.chosen.map(|(chosen, _)| first.is_some_and(|k| k.name == chosen)),
        tuned: group.chosen.map(|(chosen, tuned)| tuned && first.is_some_and(|k| k.name == chosen)),
        case: case.name.clone(),
        dtype: "f32",
        overrides: sets.collect(),
        median_ns,
        mad_ns: mad(&samples_ns),
        min_ns,
        max_ns,
        flop,
        bytes,
        gflops: flop as f64 / median_ns.max(1.0),
        gbps: bytes as f64 / median_ns.max(1.0),
        ai: if bytes > 0 { flop as f64 / bytes as f64 } else { 0.0 },
        bound: least.map(|(_, bound)| bound),
        roof_pct: least.map(|(ns, _)| 100.0 * ns / median_ns.max(1.0)),
        timer,
        wall_ns: median(&samples.wall),
        wall_mad_ns: mad(&samples.wall),
        repeats,
        control,
        verified: verified.how.clone(),
        check: verified.distance.clone(),
        samples_ns,
    }
}
