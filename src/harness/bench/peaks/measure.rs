//! How the peaks are measured: small kernels, buffers beyond the caches, chains whose links depend on one another.

use std::time::{Duration, Instant};

use super::super::numbers::{mad, median};
use super::super::timed::Timed;
use super::{Peak, Peaks, SCHEMA, host_threads};
use crate::base::utc_now;
use crate::engine::{Buf, Engine, Recording};
use crate::error::{Error, Result};
use crate::kernels::peak;

/// Elements of one buffer: beyond the caches of a processor, and of a large GPU.
const SOFTWARE: usize = 16 << 20;
const GPU: usize = 64 << 20;

/// At least so many samples of each.
const SAMPLES: usize = 7;

/// Dispatches of a chain: so many that its one submission is lost among them.
const LINKS: usize = 1024;

/// Elements of what crosses the bus.
const CARGO: usize = 16 << 20;

/// Measures everything on this adapter, for about `min_time` each; `progress` hears the name of each before it starts.
///
/// # Errors
/// The engine is the reference engine, or the device failed.
pub fn measure(engine: &mut Engine, min_time: Duration, mut progress: impl FnMut(&str)) -> Result<Peaks> {
    let adapter = engine.adapter().cloned().ok_or_else(|| Error::internal("only a GPU engine has peaks"))?;
    let mut peaks = Vec::new();
    for (name, unit, one) in MEASURES {
        progress(name);
        let mut bench = Measure { engine: &mut *engine, software: adapter.is_software(), min_time };
        let base = bench.engine.mark();
        let measured = one(&mut bench);
        engine.release(base);
        peaks.push(measured?.peak(name, unit));
    }
    Ok(Peaks {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: option_env!("UNLEARN_COMMIT").map(str::to_owned),
        measured: utc_now(),
        host_threads: host_threads(),
        adapter,
        peaks,
    })
}

/// Something measured: its name, its unit, how.
type Row = (&'static str, &'static str, fn(&mut Measure) -> Result<Found>);

const MEASURES: &[Row] = &[
    ("copy", "GB/s", |m| m.copy()),
    ("triad", "GB/s", |m| m.triad()),
    ("fma", "GFLOP/s", |m| m.fma()),
    ("shared", "GB/s", |m| m.shared()),
    ("dispatch", "µs", |m| m.dispatch()),
    ("submit", "µs", |m| m.submit()),
    ("upload", "GB/s", |m| m.upload()),
    ("readback", "GB/s", |m| m.readback()),
];

/// Samples in the unit of their row.
struct Found {
    values: Vec<f64>,
    timer: &'static str,
    how: String,
}

impl Found {
    fn peak(self, name: &str, unit: &str) -> Peak {
        let low = unit == "µs";
        let best = self.values.iter().copied().reduce(if low { f64::min } else { f64::max }).unwrap_or(0.0);
        Peak {
            name: name.to_owned(),
            value: median(&self.values),
            best,
            unit: unit.to_owned(),
            mad: mad(&self.values),
            samples: self.values.len(),
            timer: self.timer.to_owned(),
            how: self.how,
        }
    }
}

struct Measure<'e> {
    engine: &'e mut Engine,
    software: bool,
    min_time: Duration,
}

impl Measure<'_> {
    /// Elements of a large buffer that the adapter can bind and the budget hold, `count` of them.
    fn large(&self, count: usize) -> usize {
        let mut len = (if self.software { SOFTWARE } else { GPU }).min(self.engine.max_binding()) & !1023;
        while len > 1 << 16 && self.engine.must_hold("a peak's buffer", len * count).is_err() {
            len /= 2;
        }
        len
    }

    fn buffers<const N: usize>(&mut self, len: usize) -> Result<[Buf<f32>; N]> {
        let mut all = Vec::with_capacity(N);
        for _ in 0..N {
            all.push(self.engine.alloc::<f32>("peak", len)?);
        }
        all.try_into().map_err(|_| Error::internal("another number of buffers"))
    }

    fn repeat(&mut self, mut one: impl FnMut(&mut Engine) -> Result<f64>) -> Result<Vec<f64>> {
        let (started, mut all) = (Instant::now(), Vec::new());
        while all.len() < SAMPLES || (started.elapsed() < self.min_time && all.len() < 200) {
            all.push(one(self.engine)?);
        }
        Ok(all)
    }

    /// Rates of a recording that does `amount` of something, in amounts a nanosecond.
    fn rate(&mut self, rec: &Recording, amount: u64, how: String) -> Result<Found> {
        let mut timed = Timed::prepare(self.engine, rec)?;
        let mut none = Vec::new();
        self.repeat(|engine| timed.wall(engine).and_then(|_| timed.gpu(engine, &mut none)).map(|()| 0.0))?;
        let gpu = !timed.samples.gpu.is_empty();
        let ns = if gpu { timed.samples.gpu } else { timed.samples.wall };
        let values = ns.into_iter().map(|ns| amount as f64 / ns).collect();
        Ok(Found { values, timer: if gpu { "gpu" } else { "wall" }, how })
    }

    fn recording(&self) -> Recording {
        Recording::new(self.engine.target())
    }

    fn copy(&mut self) -> Result<Found> {
        let len = self.large(2);
        let [x, y] = self.buffers(len)?;
        let mut rec = self.recording();
        peak::copy(&mut rec, x, y);
        self.rate(&rec, 8 * len as u64, format!("y = x over {} MiB, read and written", len >> 18))
    }

    fn triad(&mut self) -> Result<Found> {
        let len = self.large(3);
        let [a, b, y] = self.buffers(len)?;
        let mut rec = self.recording();
        peak::triad(&mut rec, a, b, 0.75, y);
        self.rate(&rec, 12 * len as u64, format!("y = a + s b over {} MiB each", len >> 18))
    }

    /// The better of two ways to write a multiply-add: drivers differ in which one they make one instruction of.
    fn fma(&mut self) -> Result<Found> {
        let (threads, turns) = if self.software { (1 << 14, 32) } else { (1 << 20, 64) };
        let [x, y] = self.buffers(threads)?;
        let mut best: Option<Found> = None;
        for fused in [true, false] {
            let mut rec = self.recording();
            peak::fma(&mut rec, x, y, turns, fused);
            let flops = rec.dispatches().map(|d| d.flops).sum();
            let way = if fused { "fma(v, a, b)" } else { "v a + b" };
            let found = self.rate(&rec, flops, format!("{} chains of {way} a thread, f32", peak::CHAINS))?;
            if best.as_ref().is_none_or(|b| median(&b.values) < median(&found.values)) {
                best = Some(found);
            }
        }
        best.ok_or_else(|| Error::internal("nothing was measured"))
    }

    fn shared(&mut self) -> Result<Found> {
        let (threads, turns) = if self.software { (1 << 14, 256) } else { (1 << 20, 256) };
        let ([x], [y]) = (self.buffers(peak::TILE)?, self.buffers(threads)?);
        let mut rec = self.recording();
        peak::shared(&mut rec, x, y, turns);
        let bytes = rec.dispatches().map(|d| d.bytes).sum();
        self.rate(&rec, bytes, "vec4 loads from a tile of 4 KiB".to_owned())
    }

    /// A chain of dispatches, each of which reads what the one before wrote.
    fn dispatch(&mut self) -> Result<Found> {
        let [a, b] = self.buffers(64)?;
        let mut rec = self.recording();
        for link in 0..LINKS {
            let (from, to) = if link % 2 == 0 { (a, b) } else { (b, a) };
            peak::copy(&mut rec, from, to);
        }
        let values = self.microseconds(rec, LINKS)?;
        Ok(Found { values, timer: "wall", how: format!("a chain of {LINKS} dependent dispatches, each one's share") })
    }

    /// Samples of a recording, submitted and waited for, in microseconds for each of its `parts`.
    fn microseconds(&mut self, rec: Recording, parts: usize) -> Result<Vec<f64>> {
        let program = self.engine.compile(rec)?;
        self.engine.set_profile(false);
        self.engine.run(&program, &[])?;
        self.repeat(|engine| {
            let started = Instant::now();
            engine.run(&program, &[])?;
            Ok(started.elapsed().as_secs_f64() * 1e6 / parts as f64)
        })
    }

    fn submit(&mut self) -> Result<Found> {
        let [a, b] = self.buffers(64)?;
        let mut rec = self.recording();
        peak::copy(&mut rec, a, b);
        let values = self.microseconds(rec, 1)?;
        Ok(Found { values, timer: "wall", how: "a submission of one small dispatch, waited for".to_owned() })
    }

    fn upload(&mut self) -> Result<Found> {
        let len = CARGO.min(self.large(1));
        let [x] = self.buffers(len)?;
        let cargo = vec![1.0f32; len];
        let last = x.range(0..64.min(len));
        let values = self.repeat(|engine| {
            let started = Instant::now();
            engine.write(x, &cargo)?;
            // Reading a little back waits until all of it has arrived.
            engine.read(last)?;
            Ok(4.0 * len as f64 / (started.elapsed().as_secs_f64() * 1e9))
        })?;
        Ok(Found { values, timer: "wall", how: format!("{} MiB from the host, until all is there", len >> 18) })
    }

    fn readback(&mut self) -> Result<Found> {
        let len = CARGO.min(self.large(1));
        let [x] = self.buffers(len)?;
        let values = self.repeat(|engine| {
            let started = Instant::now();
            engine.read(x)?;
            Ok(4.0 * len as f64 / (started.elapsed().as_secs_f64() * 1e9))
        })?;
        Ok(Found { values, timer: "wall", how: format!("{} MiB to the host", len >> 18) })
    }
}
