//! Every layer and every named architecture on an adapter against the reference engine in f64: outputs, the gradient of
//! the input, what each sink holds, and the derivatives of all of these along a direction, for batches of none, one and
//! several records.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::item::{Item, Verdict, Work};
use super::support::natural;
use crate::engine::{Engine, Recording, Target, Vendor};
use crate::error::Result;
use crate::harness::compare::{self, Distance};
use crate::harness::nets::{Along, Into, Net, Rig, derivatives, numbers, run, small_zoo};
use crate::harness::trial::{Failure, Outcome};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Subject {
    /// Both passes, the weight gradients going to a sink.
    Sink(Into),
    /// Derivatives of both passes along a direction.
    Along,
}

/// With their names.
pub const SUBJECTS: [(Subject, &str); 8] = [
    (Subject::Sink(Into::Mean { scale: 0.3, accumulate: false }), "mean"),
    (Subject::Sink(Into::Mean { scale: 0.3, accumulate: true }), "mean accumulate"),
    (Subject::Sink(Into::SquareSum { accumulate: false }), "squares"),
    (Subject::Sink(Into::SquareSum { accumulate: true }), "squares accumulate"),
    (Subject::Sink(Into::PerSample), "per sample"),
    (Subject::Sink(Into::Norms), "norms"),
    (Subject::Sink(Into::Gram), "inner products"),
    (Subject::Along, "along a direction"),
];

/// Records in a batch.
pub const BATCHES: [usize; 3] = [0, 1, 5];

impl Subject {
    /// Of the largest value of each tensor; the terms of derivatives are larger than their sum.
    fn tolerance(self) -> f64 {
        if self == Subject::Along { 5e-5 } else { 1e-5 }
    }

    /// y, dx, and what the weights' gradient became.
    fn run(self, engine: &mut Engine, target: Target, net: &Net, n: usize) -> Result<[Vec<f64>; 3]> {
        let Subject::Sink(into) = self else { return derivatives(engine, target, net, n) };
        let len = |shape: &[usize]| n * shape.iter().product::<usize>();
        let (x, dy, before) = (numbers(len(&net.input), 21), numbers(len(&net.output), 22), net.theta(23));
        let mark = engine.mark();
        let found = run(engine, target, net, into, [&x, &dy, &before], true);
        engine.release(mark);
        found.map(|found| [found.y, found.dx, found.sink])
    }
}

/// A network and a subject each, named `grad <network>: <subject>`.
pub(super) fn items() -> Result<Vec<Item>> {
    let nets = Net::all()?.into_iter().map(Rc::new);
    let of = |net: Rc<Net>| {
        let item =
            |(subject, word)| Item::named(format!("grad {}: {word}", net.name), Work::Network(net.clone(), subject));
        SUBJECTS.map(item)
    };
    Ok(nets.flat_map(of).collect())
}

/// All batches with the kernel variants for the adapter; where it is software, with those for GPUs too, which may not
/// be at hand.
pub(super) fn check(engine: &mut Engine, net: &Net, subject: Subject) -> Result<Verdict> {
    let own = engine.target();
    let mut targets = vec![own];
    targets.extend(own.software.then_some(Target { software: false, ..own }));
    let mut worst = Distance::default();
    for n in BATCHES {
        let want = reference(net, subject, n)?;
        for target in &targets {
            match against(engine, *target, net, subject, n, &want)? {
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
pub fn compare(engine: &mut Engine, target: Target, net: &Net, subject: Subject, n: usize) -> Result<Outcome> {
    against(engine, target, net, subject, n, &reference(net, subject, n)?)
}

fn reference(net: &Net, subject: Subject, n: usize) -> Result<[Vec<f64>; 3]> {
    subject.run(&mut Engine::reference(), Target::default(), net, n)
}

fn against(
    engine: &mut Engine,
    target: Target,
    net: &Net,
    subject: Subject,
    n: usize,
    want: &[Vec<f64>; 3],
) -> Result<Outcome> {
    let got = subject.run(engine, target, net, n)?;
    let mut worst = Distance::default();
    for ((name, got), want) in ["y", "dx", "gradient"].into_iter().zip(got).zip(want) {
        let got: Vec<f32> = got.iter().map(|v| *v as f32).collect();
        let top = want.iter().fold(0.0, |top: f64, v| top.max(v.abs()));
        let d = match compare::floats(&got, want, 0.0, subject.tolerance() * top) {
            Ok(d) if d.bad == 0 => {
                worst.widen(&d);
                continue;
            }
            Ok(d) => d,
            Err(what) => return Ok(format!("batch {n}: {name}: {what}").into()),
        };
        let (at, limit) = (d.first_bad.unwrap_or(0), subject.tolerance());
        let what = format!(
            "batch {n}: {} is {:e}, expected {:e} ({} of {} elements off by more than {limit:e} of the largest, \
                {top:e})",
            place_of(net, subject, name, at),
            d.got,
            d.want,
            d.bad,
            got.len()
        );
        return Ok(Outcome::Fail(Failure { what, distance: Some(d) }));
    }
    Ok(Outcome::Pass(worst))
}

/// The tensor's name where the element belongs to a parameter, else the buffer's.
fn place_of(net: &Net, subject: Subject, buffer: &str, at: usize) -> String {
    let flat = !matches!(subject, Subject::Sink(Into::Norms | Into::Gram)) && buffer == "gradient";
    let total = net.layout.total().max(1);
    let (row, of_flat) = (at / total, at % total);
    let mut entries = net.layout.entries().iter().filter(|_| flat);
    match entries.find(|e| (e.offset..e.offset + e.len).contains(&of_flat)) {
        Some(e) => format!("the gradient of {}[{}] in row {row}", e.name, of_flat - e.offset),
        None => format!("{buffer}[{at}]"),
    }
}

/// Adapters that variants are chosen for: the CPU with and without subgroups, GPUs with and without.
const TARGETS: [Target; 4] =
    [Target::software(8), Target::software(0), Target::gpu(Vendor::Unknown, 32), Target::gpu(Vendor::Unknown, 0)];

/// Shows what the networks record for some adapters: every subject in small batches, and one training step of each
/// named architecture at its natural size. Nothing is run.
///
/// # Errors
/// An example of the registries is not a network.
pub fn recordings(mut show: impl FnMut(&Recording)) -> Result<()> {
    for target in TARGETS {
        for net in Net::all()? {
            for (subject, _) in SUBJECTS {
                let mut engine = Engine::reference();
                match subject {
                    Subject::Sink(into) => show(Rig::new(&mut engine, target, &net, 40, into, true)?.both.recording()),
                    Subject::Along => show(Along::new(&mut engine, target, &net, 5)?.along.recording()),
                }
            }
        }
        for row in small_zoo() {
            let (input, batch) = natural(row.name);
            let (net, mut engine) = (Net::named(row.name, input)?, Engine::reference());
            let into = Into::Mean { scale: 1.0, accumulate: false };
            show(Rig::new(&mut engine, target, &net, batch, into, false)?.both.recording());
        }
    }
    Ok(())
}

/// The kernels that the networks record.
///
/// # Errors
/// As [`recordings`].
pub fn kernels() -> Result<BTreeSet<&'static str>> {
    let mut all = BTreeSet::new();
    recordings(|rec| all.extend(rec.dispatches().map(|d| d.kernel.name)))?;
    Ok(all)
}
