//! A recording made ready for timing: repeated until a sample is far longer than what its clock cannot see.

use std::time::{Duration, Instant};

use super::numbers::median;
use crate::engine::{Engine, Program, Recording, Timing};
use crate::error::Result;

/// Host time of one sample, at least: far above the clock's resolution and the cost of a submission.
const SAMPLE: Duration = Duration::from_millis(4);

/// Most repeats in one sample.
const REPEATS: f64 = 256.0;

/// Samples of one program by both clocks, nanoseconds a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples {
    pub gpu: Vec<f64>,
    pub wall: Vec<f64>,
}

/// A program of so many repeats of one recording, run once already.
pub(super) struct Timed {
    program: Program,
    pub repeats: usize,
    dispatches: usize,
    /// The GPU's clock answers.
    pub stamped: bool,
    pub samples: Samples,
}

impl Timed {
    /// Compiles and runs a recording over buffers that are there, and finds how often to repeat it. The first run
    /// carries the driver's compile.
    pub fn prepare(engine: &mut Engine, rec: &Recording) -> Result<Timed> {
        engine.set_profile(false);
        let once = engine.compile(rec.clone())?;
        engine.run(&once, &[])?;
        let single = seconds(engine, &once)?;
        let repeats = (SAMPLE.as_secs_f64() / single.max(1e-7)).ceil().clamp(1.0, REPEATS) as usize;
        let program = engine.compile(repeated(rec, repeats))?;
        engine.run(&program, &[])?;
        let dispatches = rec.dispatches().count().max(1);
        let stamped = engine.adapter().is_some_and(|a| a.features.iter().any(|f| f == "timestamps"));
        Ok(Timed { program, repeats, dispatches, stamped, samples: Samples::default() })
    }

    /// One sample by the host's clock.
    pub fn wall(&mut self, engine: &mut Engine) -> Result<f64> {
        engine.set_profile(false);
        let ns = seconds(engine, &self.program)? * 1e9 / self.repeats as f64;
        self.samples.wall.push(ns);
        Ok(ns)
    }

    /// One sample by the GPU's clock, if it has one: the median of the repeats of one run. Its dispatches are added to
    /// `trace`.
    pub fn gpu(&mut self, engine: &mut Engine, trace: &mut Vec<Timing>) -> Result<()> {
        if !self.stamped {
            return Ok(());
        }
        engine.set_profile(true);
        engine.take_timings();
        let ran = engine.run(&self.program, &[]);
        engine.set_profile(false);
        ran?;
        let timings = engine.take_timings();
        let each: Vec<f64> =
            timings.chunks_exact(self.dispatches).map(|c| c.iter().map(|t| t.duration_ns as f64).sum()).collect();
        let ns = median(&each);
        // A clock that stands still is none.
        match ns > 0.0 {
            true => self.samples.gpu.push(ns),
            false => self.stamped = false,
        }
        trace.extend(timings);
        Ok(())
    }
}

/// Seconds of one run by the host's clock.
fn seconds(engine: &mut Engine, program: &Program) -> Result<f64> {
    let started = Instant::now();
    engine.run(program, &[])?;
    Ok(started.elapsed().as_secs_f64())
}

/// A recording several times behind itself.
pub(super) fn repeated(rec: &Recording, times: usize) -> Recording {
    let mut all = rec.clone();
    for _ in 1..times {
        all.commands.extend(rec.commands.iter().cloned());
    }
    all
}
