//! What an adapter offers against what the kernels and the named architectures need: every kernel is compiled, every
//! architecture at its natural size is planned and compiled, and the limits are held side by side.

use super::item::{Item, Verdict, Work};
use super::{Status, kernels_of};
use crate::engine::case::Case;
use crate::engine::{AdapterReport, Checks, Command, Engine, Recording, composed};
use crate::error::{Error, Result};
use crate::harness::nets::{Into, Net, Rig, small_zoo};
use crate::harness::trial::{lacks, place};
use crate::kernels::map::fill;
use crate::kernels::reduce::rows;
use crate::kernels::{self, Family};

/// Each kernel of a family, by the smallest case that records it.
pub(super) fn kernels(family: &Family) -> Vec<Item> {
    let mut cases: Vec<Case> = family.cases().into_iter().filter(|c| c.rec.dispatches().count() > 0).collect();
    cases.sort_by_key(|c| c.rec.dispatches().map(|d| d.flops.max(d.bytes)).sum::<u64>());
    let of = |name: &'static str| {
        let case = cases.iter().find(|c| kernels_of(c).contains(&name))?;
        Some(Item {
            kernels: vec![name],
            ..Item::named(format!("kernel {name}"), Work::Compiled(Box::new(case.clone())))
        })
    };
    family.kernels.iter().filter_map(|k| of(k.name)).collect()
}

/// Compiles a case with the run-time guards on and off.
pub(super) fn compile(engine: &mut Engine, case: &Case) -> Result<Verdict> {
    if let Some(feature) = lacks(engine, case) {
        return Ok(Verdict::new(Status::Unsupported, feature));
    }
    let base = engine.mark();
    let compiled = [Checks::Checked, Checks::Trusted].into_iter().try_for_each(|checks| {
        engine.set_checks(checks);
        place(engine, case)?;
        engine.compile(case.rec.clone().rebased(base))?;
        engine.release(base);
        Ok(())
    });
    engine.set_checks(Checks::Trusted);
    engine.release(base);
    compiled.map(|()| Verdict::pass())
}

/// Inputs of the named architectures as the embedded experiments and the literature have them, and records in a batch.
pub(super) fn natural(zoo: &str) -> (&'static [usize], usize) {
    match zoo {
        "lenet5" => (&[1, 28, 28], 128),
        "vgg_gn" => (&[3, 32, 32], 64),
        "mlp" | "logistic" => (&[1, 28, 28], 256),
        // Cora's 1 433 words; five nodes a record.
        _ => (&[1433], 540),
    }
}

/// Each named architecture: one training step's forward and backward pass, compiled.
pub(super) fn networks() -> Result<Vec<Item>> {
    let of = |name: &'static str| {
        let (input, batch) = natural(name);
        let net = Net::named(name, input)?;
        let shape: Vec<String> = input.iter().map(usize::to_string).collect();
        let named = format!("network {name} {} batch {batch}", shape.join("x"));
        Ok(Item::named(named, Work::Other(Box::new(move |engine| network(engine, &net, batch)))))
    };
    small_zoo().map(|row| of(row.name)).collect()
}

fn network(engine: &mut Engine, net: &Net, batch: usize) -> Result<Verdict> {
    let mark = engine.mark();
    let into = Into::Mean { scale: 1.0, accumulate: false };
    let target = engine.target();
    let bytes = Rig::new(engine, target, net, batch, into, false).map(|rig| rig.both.temp_bytes);
    engine.release(mark);
    let bytes = bytes?;
    let what = format!("{} parameters, {} KiB of temporaries", net.layout.count(), bytes >> 10);
    Ok(Verdict { message: Some(what), ..Verdict::pass() })
}

/// A buffer as large as one binding may be, up to what WebGPU promises, is filled to its last element: more workgroups
/// than one side of the grid holds, and byte offsets up to 2^27.
fn widest(engine: &mut Engine) -> Result<Verdict> {
    let len = engine.max_binding().min(PROMISED_BINDING / 4);
    let mark = engine.mark();
    let read = fill_whole(engine, len);
    engine.release(mark);
    let wrong = read?.into_iter().find(|(_, v)| *v != VALUE);
    let said = format!("{} bytes in one binding", 4 * len);
    Ok(match wrong {
        None => Verdict { message: Some(said), ..Verdict::pass() },
        Some((at, v)) => Verdict::new(Status::Fail, format!("{said}: element {at} is {v:e}, expected {VALUE:e}")),
    })
}

/// One element more than a binding may span is refused, by the kernel's name and the limit's, and the device lives on.
fn too_wide(engine: &mut Engine) -> Result<Verdict> {
    let len = engine.max_binding() + 1;
    let said = format!("{} bytes in one binding", 4 * len);
    let held = engine.adapter().is_some_and(|a| a.limits.max_buffer_bytes >= 4 * len as u64);
    if held && len > LARGEST_TRIED {
        return Ok(Verdict::new(Status::Skipped, format!("{said}: too large to be tried")));
    }
    let mark = engine.mark();
    let refused = fill_whole(engine, len);
    engine.release(mark);
    let Err(error) = refused else { return Ok(Verdict::new(Status::Fail, format!("{said}: not refused"))) };
    let small = fill_whole(engine, 64);
    engine.release(mark);
    small?;
    let text = error.to_string();
    // Where a buffer may be no longer than a binding, it is the buffer that is refused.
    let named = ["map.fill", "whole"].iter().any(|name| text.contains(name));
    Ok(if named && matches!(error, Error::Input(_) | Error::TooLarge { .. } | Error::Unsupported(_)) {
        Verdict { message: Some(text), ..Verdict::pass() }
    } else {
        Verdict::new(Status::Fail, format!("{said}: expected a refusal that names the kernel or the buffer: {text}"))
    })
}

/// Elements of a buffer that every machine can hold.
const LARGEST_TRIED: usize = 1 << 28;

const PROMISED_BINDING: usize = 1 << 27;
const VALUE: f32 = 0.375;

/// Fills a buffer of `len` elements and returns some of them, the first and the last among them, with their places.
fn fill_whole(engine: &mut Engine, len: usize) -> Result<Vec<(usize, f32)>> {
    let whole = engine.alloc::<f32>("whole", len)?;
    let mut rec = Recording::new(engine.target());
    fill(&mut rec, whole, VALUE);
    let program = engine.compile(rec)?;
    engine.run(&program, &[])?;
    let mut found = Vec::new();
    for start in [0, len / 2, len - len.min(64)] {
        let values = engine.read(whole.range(start..(start + 64).min(len)))?;
        found.extend(values.into_iter().enumerate().map(|(i, v)| (start + i, v)));
    }
    Ok(found)
}

/// Loop turns that one invocation is given: no driver may stop before a loop's own condition says so, and none of those
/// that count says that it stopped.
const TURNS: usize = 70_001;

/// Adds up as many ones in one invocation. The recording's own statement of its turns, by which the engine refuses such
/// a program where it is known to come out wrong, is taken back: this is what looks.
fn long_loop(engine: &mut Engine) -> Result<Verdict> {
    let mark = engine.mark();
    let made = add_ones(engine);
    engine.release(mark);
    let made = made?;
    Ok(if made == TURNS as f32 {
        Verdict { message: Some(format!("{TURNS} turns in one invocation")), ..Verdict::pass() }
    } else {
        let said = format!("a loop of {TURNS} turns in one invocation was left after {made}, and nothing said so");
        Verdict::new(Status::Fail, said)
    })
}

fn add_ones(engine: &mut Engine) -> Result<f32> {
    let (x, y) = (engine.alloc::<f32>("x", TURNS)?, engine.alloc::<f32>("y", 1)?);
    let mut rec = Recording::new(engine.target());
    fill(&mut rec, x, 1.0);
    rows(&mut rec, x, y);
    for command in &mut rec.commands {
        if let Command::Dispatch(d) = command {
            d.turns = 0;
        }
    }
    let program = engine.compile(rec)?;
    engine.run(&program, &[])?;
    Ok(engine.read(y)?[0])
}

/// A limit: what it is, how much some kernel needs, how much there is.
struct Limit {
    name: &'static str,
    needed: u64,
    offered: fn(&AdapterReport) -> u64,
    /// What goes missing below it; `None` where nothing works.
    without: Option<&'static str>,
    /// The offer must not be larger than the need.
    at_most: bool,
}

const fn limit(name: &'static str, needed: u64, offered: fn(&AdapterReport) -> u64) -> Limit {
    Limit { name, needed, offered, without: None, at_most: false }
}

/// The limits that decide, one item each.
pub(super) fn limits() -> Result<Vec<Item>> {
    let (mut bindings, mut workgroup, mut shared) = (0, 0, 0);
    for kernel in kernels::kernels() {
        let shader = composed(kernel)?.reflection;
        bindings = bindings.max(shader.storage.len() as u64);
        workgroup = workgroup.max(u64::from(shader.workgroup));
        shared = shared.max(u64::from(shader.shared_bytes));
    }
    let all = [
        limit("storage buffers per shader", bindings, |a| u64::from(a.limits.max_storage_buffers)),
        limit("invocations per workgroup", workgroup, |a| u64::from(a.limits.max_invocations_per_workgroup)),
        limit("bytes of workgroup memory", shared, |a| u64::from(a.limits.max_workgroup_storage_bytes)),
        limit("workgroups per dimension", 65_535, |a| u64::from(a.limits.max_workgroups_per_dimension)),
        limit("bytes in one binding", PROMISED_BINDING as u64, |a| a.limits.max_storage_buffer_binding_bytes),
        limit("bytes in one buffer", 1 << 28, |a| a.limits.max_buffer_bytes),
        Limit {
            at_most: true,
            ..limit("alignment of a binding", 256, |a| u64::from(a.limits.min_storage_offset_alignment))
        },
        Limit {
            without: Some("the broadcast variants of products and convolutions do not run; others are chosen"),
            ..limit("lanes of a subgroup", 8, |a| u64::from(a.subgroup_min))
        },
        Limit {
            without: Some("--precision mixed and split are refused; products are computed in f32"),
            ..limit("side of matrix units", 8, |a| u64::from(a.matrices().unwrap_or_default()))
        },
        Limit {
            without: Some("timings come from the host's clock"),
            ..limit("timestamps", 1, |a| u64::from(a.features.iter().any(|f| f == "timestamps")))
        },
    ];
    let mut items: Vec<Item> = all.into_iter().map(Limit::item).collect();
    items.push(Item::named("limit widest binding filled", Work::Other(Box::new(widest))));
    items.push(Item::named("limit turns of a loop", Work::Other(Box::new(long_loop))));
    items.push(Item::named("limit wider binding refused", Work::Other(Box::new(too_wide))));
    Ok(items)
}

impl Limit {
    fn item(self) -> Item {
        let name = format!("limit {}", self.name);
        let run = move |engine: &mut Engine| {
            let adapter = engine.adapter().ok_or_else(|| Error::internal("the reference engine has no limits"))?;
            Ok(self.verdict(adapter))
        };
        Item::named(name, Work::Other(Box::new(run)))
    }

    fn verdict(&self, adapter: &AdapterReport) -> Verdict {
        let offered = (self.offered)(adapter);
        let enough = if self.at_most { offered <= self.needed } else { offered >= self.needed };
        let said = format!("{} needed, {offered} offered", self.needed);
        match (enough, self.without) {
            (true, _) => Verdict { message: Some(said), ..Verdict::pass() },
            (false, Some(without)) => Verdict::new(Status::Unsupported, format!("{said}: {without}")),
            (false, None) => Verdict::new(Status::Fail, said),
        }
    }
}
