//! The engine itself on each adapter: memory, submissions, transfers, timing, the watch for NaN, divergence.

use std::time::Instant;

use libtest_mimic::{Failed, Trial};
use unlearn::engine::case::Gen;
use unlearn::engine::{AdapterChoice, Buf, Data, Engine, GpuOptions, Recording, Traffic, chrome_trace, totals};
use unlearn::harness::divergence::first_divergence;
use unlearn::kernels::guard::{ALL_FINITE, finite};
use unlearn::kernels::linear::{MATMUL, Mat, Product, product_as};
use unlearn::{Error, Result};

use crate::adapters::Shared;
use crate::shared::fused::relu_pool;

pub fn trials(device: &Shared) -> Vec<Trial> {
    let trial = |name, run: fn(&Shared) -> Result<(), Failed>| device.trial(&format!("engine {name}"), run);
    vec![
        trial("choice by index, name and backend", choice),
        trial("refuses memory over the budget and over the limits", memory),
        trial("splits submissions without changing a bit", work_cap),
        trial("counts the bytes that cross the bus", traffic),
        trial("keeps runs in flight apart", in_flight),
        trial("moves data as the reference engine does", transfers),
        trial("shares memory between temporaries", temporaries),
        trial("gives released memory back", release),
        trial("times every dispatch", timings),
        trial("finds NaN and infinity by their bits", nan_guard),
        trial("names the first dispatch that diverges", divergence),
        trial("does a relu and the pool behind it in one pass with the same bits", |device| {
            device.with(|engine, _| Ok(relu_pool(engine)))?.map_err(Failed::from)
        }),
    ]
}

fn options(device: &Shared) -> GpuOptions {
    let (adapter, backend) = (Some(device.report.index.to_string()), Some(device.report.backend.clone()));
    GpuOptions { choice: AdapterChoice { adapter, backend }, ..Default::default() }
}

/// Holds, or says where it did not.
fn ensure(holds: bool, what: impl Into<String>) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(what.into().into()) }
}

fn choice(device: &Shared) -> Result<(), Failed> {
    let open = |adapter: Option<&str>, backend: Option<&str>| {
        let choice = AdapterChoice { adapter: adapter.map(str::to_owned), backend: backend.map(str::to_owned) };
        Engine::gpu(GpuOptions { choice, ..Default::default() })
    };
    let (index, backend) = (device.report.index.to_string(), device.report.backend.clone());
    let name: String = device.report.name.to_uppercase().chars().take(6).collect();
    for engine in [open(Some(&index), None)?, open(Some(&name), Some(&backend))?] {
        let report = engine.adapter().ok_or("no report")?;
        ensure((&report.name, &report.backend) == (&device.report.name, &backend), report.describe())?;
    }
    let unknown = open(Some("no such adapter"), None).err().ok_or("an unknown name was accepted")?;
    ensure(unknown.exit_code() == 2 && unknown.to_string().contains(&device.report.name), unknown.to_string())?;
    let backend = open(None, Some("opengl")).err().ok_or("an unknown backend was accepted")?;
    ensure(backend.exit_code() == 2, backend.to_string())
}

fn refused<T>(result: Result<T>, says: &[&str]) -> Result<(), Failed> {
    match result {
        Err(e @ Error::TooLarge { .. }) if says.iter().all(|s| e.to_string().contains(s)) => Ok(()),
        Err(other) => Err(format!("expected {says:?}: {other}").into()),
        Ok(_) => Err(format!("accepted, expected {says:?}").into()),
    }
}

fn memory(device: &Shared) -> Result<(), Failed> {
    let mut engine = Engine::gpu(GpuOptions { max_memory: Some(1 << 20), ..options(device) })?;
    engine.alloc::<f32>("fits", 1 << 17)?;
    refused(engine.alloc::<f32>("weights", 1 << 18), &["weights", "1048576 bytes", "524288 held"])?;
    // A recording is refused before anything of it runs, by the name of the temporary.
    let mut rec = Recording::new(engine.target());
    let big = rec.temp::<f32>("activations", 1 << 18);
    rec.clear(big);
    refused(engine.compile(rec), &["activations", "budget", "1048576"])?;
    let limits = device.report.limits.clone();
    let mut engine = Engine::gpu(options(device))?;
    let over = (limits.max_buffer_bytes / 4 + 64) as usize;
    refused(engine.alloc::<f32>("huge", over), &["huge", "max_buffer_size", &limits.max_buffer_bytes.to_string()])?;
    let binding = limits.max_storage_buffer_binding_bytes;
    if binding >= limits.max_buffer_bytes || binding > 1 << 28 {
        return Ok(());
    }
    let x = engine.alloc::<f32>("wide", (binding / 4 + 64) as usize)?;
    let flag = engine.alloc::<u32>("flag", 1)?;
    let mut rec = Recording::new(engine.target());
    finite(&mut rec, x, flag);
    refused(engine.compile(rec), &["guard.finite", "`x`", "max_storage_buffer_binding_size", &binding.to_string()])
}

const N: usize = 96;

/// a, and three products in a row of it with itself through temporaries; the last one is read back.
fn chain(engine: &mut Engine) -> Result<(Recording, Buf<f32>)> {
    let a = engine.alloc::<f32>("a", N * N)?;
    let bias = engine.alloc::<f32>("bias", N)?;
    let scaled: Vec<f32> = Gen::new(5).values(N * N).iter().map(|v| v / 8.0).collect();
    engine.write(a, &scaled)?;
    let mut rec = Recording::new(engine.target());
    let mut last = a;
    for step in 0..3 {
        rec.enter(&format!("step{step}"));
        let next = rec.temp::<f32>("product", N * N);
        let square = |b| Mat::new(b, N, N);
        product_as(&mut rec, &MATMUL, square(last), square(a), bias, next, Product::default());
        rec.leave();
        last = next;
    }
    rec.readback(last);
    Ok((rec, a))
}

fn run_chain(engine: &mut Engine) -> Result<Data> {
    let base = engine.mark();
    let (rec, _) = chain(engine)?;
    let program = engine.compile(rec)?;
    let mut out = engine.run(&program, &[])?;
    drop(program);
    engine.release(base);
    Ok(out.remove(0))
}

fn work_cap(device: &Shared) -> Result<(), Failed> {
    let whole = device.with(|engine, _| run_chain(engine))?;
    let mut split = Engine::gpu(GpuOptions { work_cap: Some(1), ..options(device) })?;
    ensure(run_chain(&mut split)?.bytes() == whole.bytes(), "other bits with one dispatch per submission")?;
    ensure(whole.f32().iter().any(|v| v.abs() > 1e-3), "the products are all zero")
}

fn traffic(device: &Shared) -> Result<(), Failed> {
    let mut engine = Engine::gpu(options(device))?;
    let kept = engine.alloc::<f32>("kept", 100)?;
    engine.write(kept, &[1.0; 100])?;
    let mut rec = Recording::new(engine.target());
    let (small, other) = (rec.temp::<u32>("small", 7), rec.temp::<f32>("other", 100));
    rec.upload(small);
    rec.copy(kept, other);
    rec.readback(small);
    rec.readback(other.range(0..3));
    let program = engine.compile(rec)?;
    ensure(engine.traffic() == Traffic { up: 400, down: 0 }, format!("{:?} before the runs", engine.traffic()))?;
    for _ in 0..5 {
        engine.run(&program, &[Data::U32(vec![9; 7])])?;
    }
    let expected = Traffic { up: 400 + 5 * 28, down: 5 * (28 + 12) };
    ensure(engine.traffic() == expected, format!("{:?}, expected {expected:?}", engine.traffic()))?;
    engine.read(kept)?;
    ensure(engine.traffic().down == expected.down + 400, "a read counts too")
}

fn in_flight(device: &Shared) -> Result<(), Failed> {
    device.with(|engine, _| {
        let mut rec = Recording::new(engine.target());
        let t = rec.temp::<u32>("t", 1000);
        rec.upload(t);
        rec.readback(t);
        let program = engine.compile(rec)?;
        let input = |i: u32| Data::U32((0..1000).map(|k| k * 7 + i).collect());
        let tickets: Vec<_> = (0..4).map(|i| engine.submit(&program, &[input(i)])).collect::<Result<_>>()?;
        // Fetched in another order than submitted.
        let mut numbered: Vec<_> = tickets.into_iter().enumerate().collect();
        numbered.swap(0, 2);
        for (i, ticket) in numbered {
            let out = engine.wait(ticket)?;
            if out[0] != input(i as u32) {
                return Err(Error::CheckFailed(format!("run {i} returned another run's data")));
            }
        }
        Ok(())
    })
}

/// Uploads, copies between ranges, clears, empty ranges; the reference engine says what must come out.
fn transfers(device: &Shared) -> Result<(), Failed> {
    let run = |engine: &mut Engine| -> Result<(Vec<Data>, Vec<f32>)> {
        let base = engine.mark();
        let kept = engine.alloc::<f32>("kept", 300)?;
        engine.write(kept, &Gen::new(3).values(300))?;
        let mut rec = Recording::new(engine.target());
        let t = rec.temp::<f32>("t", 300);
        let empty = rec.temp::<f32>("empty", 0);
        rec.upload(t.range(0..100));
        rec.copy(kept.range(7..107), t.range(100..200));
        rec.clear(t.range(150..160));
        rec.copy(t.range(90..110), kept.range(0..20));
        rec.clear(empty);
        rec.readback(empty);
        rec.readback(t.range(0..200));
        rec.readback(kept.range(0..64));
        let program = engine.compile(rec)?;
        let out = engine.run(&program, &[Data::F32(Gen::new(4).values(100))])?;
        let after = engine.read(kept)?;
        engine.release(base);
        Ok((out, after))
    };
    let want = run(&mut Engine::reference())?;
    ensure(device.with(|engine, _| run(engine))? == want, "the GPU's transfers differ from the reference engine's")
}

fn temporaries(device: &Shared) -> Result<(), Failed> {
    let mut engine = Engine::gpu(options(device))?;
    let (rec, _) = chain(&mut engine)?;
    let program = engine.compile(rec)?;
    let all = 3 * N * N * 4;
    ensure(program.temp_bytes == (2 * N * N * 4) as u64, format!("{} of {all} bytes", program.temp_bytes))?;
    let got = engine.run(&program, &[])?;
    let want = run_chain(&mut Engine::reference())?;
    let close = got[0].f32().iter().zip(want.f32()).all(|(g, w)| (g - w).abs() <= 1e-5);
    ensure(close, "the chain through shared temporaries differs from the twins")
}

fn release(device: &Shared) -> Result<(), Failed> {
    let mut engine = Engine::gpu(options(device))?;
    let before = engine.held_bytes();
    let mark = engine.mark();
    engine.alloc::<f32>("much", 1 << 20)?;
    ensure(engine.held_bytes() >= before + (4 << 20), "an allocation is not counted")?;
    engine.release(mark);
    ensure(engine.held_bytes() == before, format!("{} bytes held, {before} before", engine.held_bytes()))
}

fn timings(device: &Shared) -> Result<(), Failed> {
    let mut engine = Engine::gpu(GpuOptions { profile: true, ..options(device) })?;
    let (mut rec, _) = chain(&mut engine)?;
    let once = rec.commands.clone();
    (0..9).for_each(|_| rec.commands.splice(0..0, once[..3].iter().cloned()).for_each(drop));
    let program = engine.compile(rec)?;
    // The first run of a pipeline carries the driver's compile.
    engine.run(&program, &[])?;
    engine.take_timings();
    let started = Instant::now();
    engine.run(&program, &[])?;
    let wall = started.elapsed().as_nanos() as f64;
    let timings = engine.take_timings();
    if !device.report.features.iter().any(|f| f == "timestamps") {
        return ensure(timings.is_empty(), "timings without timestamps");
    }
    ensure(timings.len() == 30, format!("{} timings of 30 dispatches", timings.len()))?;
    let sum: u64 = timings.iter().map(|t| t.duration_ns).sum();
    let part = sum as f64 / wall;
    ensure((0.05..=1.1).contains(&part), format!("the dispatches took {sum} ns of {wall} ns by the host's clock"))?;
    ensure(timings.iter().any(|t| t.label == "step2"), "labels are lost")?;
    ensure(timings.iter().all(|t| t.flops == (2 * N * N * N) as u64), "work is lost")?;
    let total = totals(&timings)["linear.matmul"].clone();
    ensure(total.count == 30 && total.total_ns == sum && total.gflops > 0.0, format!("{total:?}"))?;
    let trace: serde_json::Value = serde_json::from_str(&chrome_trace(&timings)).map_err(|e| e.to_string())?;
    let events = trace["traceEvents"].as_array().map_or(0, Vec::len);
    ensure(events == 30, format!("{events} events in the trace"))?;
    ensure(engine.take_timings().is_empty(), "timings are handed out once")
}

fn nan_guard(device: &Shared) -> Result<(), Failed> {
    device.with(|engine, _| {
        let base = engine.mark();
        let (x, flag) = (engine.alloc::<f32>("x", 1001)?, engine.alloc::<u32>("flag", 1)?);
        let mut rec = Recording::new(engine.target());
        finite(&mut rec, x, flag);
        let program = engine.compile(rec)?;
        let plain = Gen::new(8).values(1001);
        let specials = [(None, 0.0), (Some(0), f32::NAN), (Some(1000), f32::INFINITY), (Some(517), f32::NEG_INFINITY)];
        for (at, special) in specials {
            let mut values = plain.clone();
            if let Some(at) = at {
                values[at] = special;
            }
            engine.write(x, &values)?;
            engine.write(flag, &[ALL_FINITE])?;
            engine.run(&program, &[])?;
            let found = engine.read(flag)?[0];
            if found != at.map_or(ALL_FINITE, |i| i as u32) {
                return Err(Error::CheckFailed(format!("{special} at {at:?} was reported at {found}")));
            }
        }
        drop(program);
        engine.release(base);
        Ok(())
    })
}

fn divergence(device: &Shared) -> Result<(), Failed> {
    let found = |spoil: bool| {
        device.with(|engine, _| {
            let base = engine.mark();
            let (rec, a) = chain(engine)?;
            let rec = rec.rebased(0);
            let mut reference = Engine::reference();
            // The reference numbers its buffers from zero, so this engine must too.
            let skipped = base;
            for _ in 0..skipped {
                reference.alloc::<f32>("unused", 0)?;
            }
            chain(&mut reference)?;
            if spoil {
                let mut values = engine.read(a)?;
                values[5] += 0.5;
                engine.write(a, &values)?;
            }
            let result = first_divergence(engine, &mut reference, &rec, &[], (1e-4, 1e-5));
            engine.release(base);
            result
        })
    };
    ensure(found(false)?.is_none(), "equal engines diverge")?;
    let at = found(true)?.ok_or("a changed operand was not noticed")?;
    ensure(at.at.label == "step0" && at.at.binding == "y" && at.to_string().contains("linear.matmul"), at.to_string())
}
