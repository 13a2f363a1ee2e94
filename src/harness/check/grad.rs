//! Every layer and every named architecture on an adapter against the reference engine in f64: outputs, the gradient of
//! the input, and what each sink holds, for batches of none, one and several records.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::item::{Item, Verdict, Work};
use crate::engine::{Engine, Target};
use crate::error::Result;
use crate::harness::compare::{self, Distance};
use crate::harness::nets::{Found, Into, Net, Rig, numbers, run};
use crate::harness::trial::{Failure, Outcome};

/// Of the largest value of each tensor.
pub const TOLERANCE: f64 = 1e-5;

/// What becomes of the weight gradients, with its name.
pub const SINKS: [(Into, &str); 5] = [
    (Into::Mean { scale: 0.3, accumulate: false }, "mean"),
    (Into::Mean { scale: 0.3, accumulate: true }, "mean accumulate"),
    (Into::SquareSum { accumulate: false }, "squares"),
    (Into::SquareSum { accumulate: true }, "squares accumulate"),
    (Into::PerSample, "per sample"),
];

/// Records in a batch.
pub const BATCHES: [usize; 3] = [0, 1, 5];

/// A network and a sink each, named `grad <network>: <sink>`.
pub(super) fn items() -> Result<Vec<Item>> {
    let nets = Net::all()?.into_iter().map(Rc::new);
    let of = |net: Rc<Net>| {
        SINKS.map(|(sink, word)| Item::named(format!("grad {}: {word}", net.name), Work::Network(net.clone(), sink)))
    };
    Ok(nets.flat_map(of).collect())
}

/// All batches with the kernel variants for the adapter; where it is software, with those for GPUs too, which may not be
/// at hand.
pub(super) fn check(engine: &mut Engine, net: &Net, into: Into) -> Result<Verdict> {
    let own = engine.target();
    let mut targets = vec![own];
    targets.extend(own.software.then_some(Target { software: false, ..own }));
    let mut worst = Distance::default();
    for n in BATCHES {
        let want = reference(net, into, n)?;
        for target in &targets {
            match against(engine, *target, net, into, n, &want)? {
                Outcome::Pass(d) => worst.widen(&d),
                Outcome::Fail(f) => {
                    let forms = if target.software == own.software { "" } else { " with GPU forms" };
                    return Ok(Outcome::Fail(Failure { what: format!("{}{forms}", f.what), ..f }).into());
                }
                other => return Ok(other.into()),
            }
        }
    }
    Ok(Outcome::Pass(worst).into())
}

/// One batch size with the kernel variants for `target`.
///
/// # Errors
/// The device failed, or a recording does not fit its shaders.
pub fn compare(engine: &mut Engine, target: Target, net: &Net, into: Into, n: usize) -> Result<Outcome> {
    against(engine, target, net, into, n, &reference(net, into, n)?)
}

fn reference(net: &Net, into: Into, n: usize) -> Result<Found> {
    on(&mut Engine::reference(), Target::default(), net, into, n)
}

fn on(engine: &mut Engine, target: Target, net: &Net, into: Into, n: usize) -> Result<Found> {
    let len = |shape: &[usize]| n * shape.iter().product::<usize>();
    let (x, dy, before) = (numbers(len(&net.input), 21), numbers(len(&net.output), 22), net.theta(23));
    let mark = engine.mark();
    let found = run(engine, target, net, into, [&x, &dy, &before], true);
    engine.release(mark);
    found
}

fn against(engine: &mut Engine, target: Target, net: &Net, into: Into, n: usize, want: &Found) -> Result<Outcome> {
    let got = on(engine, target, net, into, n)?;
    let mut worst = Distance::default();
    for (name, got, want) in [("y", got.y, &want.y), ("dx", got.dx, &want.dx), ("sink", got.sink, &want.sink)] {
        let got: Vec<f32> = got.iter().map(|v| *v as f32).collect();
        let top = want.iter().fold(0.0, |top: f64, v| top.max(v.abs()));
        let d = match compare::floats(&got, want, 0.0, TOLERANCE * top) {
            Ok(d) if d.bad == 0 => {
                worst.widen(&d);
                continue;
            }
            Ok(d) => d,
            Err(what) => return Ok(format!("batch {n}: {name}: {what}").into()),
        };
        let place = place_of(net, name, d.first_bad.unwrap_or(0));
        let what = format!(
            "batch {n}: {place} is {:e}, expected {:e} ({} of {} elements off by more than {TOLERANCE:e} of the largest, {top:e})",
            d.got,
            d.want,
            d.bad,
            got.len()
        );
        return Ok(Outcome::Fail(Failure { what, distance: Some(d) }));
    }
    Ok(Outcome::Pass(worst))
}

/// The tensor's name where the element is a parameter's, else the buffer's.
fn place_of(net: &Net, buffer: &str, at: usize) -> String {
    let total = net.layout.total();
    let (record, of_flat) = (at.checked_div(total).unwrap_or(0), at.checked_rem(total).unwrap_or(0));
    let mut entries = net.layout.entries().iter().filter(|_| buffer == "sink");
    match entries.find(|e| (e.offset..e.offset + e.len).contains(&of_flat)) {
        Some(e) => format!("the gradient of {}[{}] (row {record})", e.name, of_flat - e.offset),
        None => format!("`{buffer}`[{at}]"),
    }
}

/// The kernels that the networks record for some adapters: with and without subgroups, software and not.
///
/// # Errors
/// An example of the registries is not a network.
pub fn kernels() -> Result<BTreeSet<&'static str>> {
    let mut all = BTreeSet::new();
    for net in Net::all()? {
        for (sink, _) in SINKS {
            for target in [(true, 8), (true, 0), (false, 32)].map(|(software, subgroup)| Target { software, subgroup })
            {
                let rig = Rig::new(&mut Engine::reference(), target, &net, 40, sink, true)?;
                all.extend(rig.both.recording().dispatches().map(|d| d.kernel.name));
            }
        }
    }
    Ok(all)
}
