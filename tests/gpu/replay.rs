//! Running a compiled program again: the host makes nothing anew, and a second process compiles from what the first one
//! kept.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Instant;

use libtest_mimic::{Failed, Trial};
use unlearn::engine::{AdapterChoice, Engine, GpuOptions, Recording};
use unlearn::kernels::map;

use crate::adapters::Shared;
use crate::shared::binary::{Desk, names};

pub fn trials(device: &Shared) -> Vec<Trial> {
    let trial = |name, run: fn(&Shared) -> Result<(), Failed>| device.trial(&format!("engine {name}"), run);
    vec![
        trial("replays a program without making anything anew", replay),
        trial("keeps the driver's pipelines, and passes a damaged file over", kept),
    ]
}

/// Counts what each thread asks the system for.
struct Counting;

thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is the system allocator's doing; the counter is a plain cell of the thread's own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that is ending counts no more.
        let _ = ASKED.try_with(|asked| asked.set(asked.get() + 1));
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn options(device: &Shared) -> GpuOptions {
    let (adapter, backend) = (Some(device.report.index.to_string()), Some(device.report.backend.clone()));
    GpuOptions { choice: AdapterChoice { adapter, backend }, ..Default::default() }
}

const DISPATCHES: usize = 1000;

/// Allocations a dispatch that wgpu and its back end may make while they encode: none that grows with what is bound. A
/// bind group, a buffer or an encoder for each dispatch is ten or more.
const ALLOWED: f64 = 3.0;

fn tiny(engine: &mut Engine, dispatches: usize) -> Result<Recording, Failed> {
    let (x, y) = (engine.alloc::<f32>("x", 64)?, engine.alloc::<f32>("y", 64)?);
    let mut rec = engine.recording();
    (0..dispatches).for_each(|_| map::axpby(&mut rec, 0.5, x, 1.0, y));
    rec.readback(y);
    Ok(rec)
}

fn replay(device: &Shared) -> Result<(), Failed> {
    let mut engine = Engine::gpu(options(device))?;
    let rec = tiny(&mut engine, DISPATCHES)?;
    let program = engine.compile(rec)?;
    engine.run(&program, &[])?;
    let before = engine.startup();
    let (asked, start) = (ASKED.get(), Instant::now());
    let ticket = engine.submit(&program, &[])?;
    let (took, asked) = (start.elapsed(), ASKED.get() - asked);
    engine.wait(ticket)?;
    let (each, us) = (asked as f64 / DISPATCHES as f64, took.as_secs_f64() * 1e6 / DISPATCHES as f64);
    let (name, backend) = (&device.report.name, &device.report.backend);
    println!("{name}, {backend}: {us:.2} µs of host time and {each:.2} allocations a dispatch");
    match (each < ALLOWED, engine.startup() == before) {
        (true, true) => Ok(()),
        (false, _) => Err(format!("{each:.2} allocations a dispatch on replay, expected under {ALLOWED}").into()),
        (_, false) => Err("a replay made pipelines".into()),
    }
}

/// Owner of a file of the cache, as it stands in the second line.
fn foreign(whole: &[u8]) -> Vec<u8> {
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').take(2).collect();
    [&whole[..ends[0]], b"\nanother driver", &whole[ends[1]..]].concat()
}

/// What stands in the place of a file of the cache must change no result; a file that is no use is written anew.
fn kept(device: &Shared) -> Result<(), Failed> {
    let desk = Desk::new();
    let run = |cache: &str| -> Result<Vec<u8>, Failed> {
        let mut engine = Engine::gpu(GpuOptions { cache: Some(desk.path(cache)), ..options(device) })?;
        let rec = tiny(&mut engine, 1)?;
        let program = engine.compile(rec)?;
        let out = engine.run(&program, &[])?;
        Ok(out[0].bytes().to_vec())
    };
    let folder = desk.path("cache/pipelines");
    let files = |when: &str| match (device.report.features.iter().any(|f| f == "pipeline-cache"), names(&folder)) {
        (true, all) if all.len() == 1 => Ok(Some(folder.join(&all[0]))),
        (false, all) if all.is_empty() => Ok(None),
        (_, all) => Err(Failed::from(format!("{when}: {all:?} in the cache folder"))),
    };
    let first = run("cache")?;
    let Some(file) = files("after a run")? else { return Ok(()) };
    let whole = std::fs::read(&file)?;
    for (what, content) in [("cut short", whole[..whole.len() / 2].to_vec()), ("foreign", foreign(&whole))] {
        std::fs::write(&file, &content)?;
        let again = run("cache")?;
        files(what)?;
        let mended = std::fs::read(&file)?;
        match (first == again, mended != content && mended.starts_with(b"unlearn.pipelines/1\n")) {
            (true, true) => {}
            (false, _) => return Err(format!("results differ beside a file that is {what}").into()),
            (_, false) => return Err(format!("a file that is {what} was not written anew").into()),
        }
    }
    // A disk that takes nothing, as a full one: a file stands where the folder should.
    desk.put("full", "");
    match run("full")? == first && std::fs::read(desk.path("full"))?.is_empty() {
        true => Ok(()),
        false => Err("results differ where nothing can be kept".into()),
    }
}
