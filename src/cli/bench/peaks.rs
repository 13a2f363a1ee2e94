//! `unlearn bench peaks`.

use std::path::PathBuf;
use std::time::Duration;

use super::format::{self, Format};
use super::seconds;
use crate::base::write_atomic;
use crate::cli::output::emit;
use crate::cli::{Context, Run};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::harness::bench::peaks::{Peaks, load, measure, store};

/// Measure what this adapter can do at most, and keep it for `bench kernels`
///
/// Copy, triad, multiply-adds, workgroup memory, a dependent dispatch, a submission, upload and readback. The numbers
/// are kept for this adapter and driver in the user's cache.
#[derive(clap::Args, Debug)]
pub(super) struct PeaksCommand {
    /// Measure each for at least so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5, value_parser = seconds)]
    min_time: f64,
    /// Print as this [default: table]
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    output: Option<Format>,
    /// Also write to files, by their endings: .json .csv .md
    #[arg(long, value_name = "FILE")]
    write: Vec<PathBuf>,
}

/// Seconds for each peak where somebody needs them for something else.
const IN_PASSING: f64 = 0.15;

impl Run for PeaksCommand {
    fn run(self, cx: &Context) -> Result<()> {
        format::writable(&self.write, false)?;
        self.write.iter().fold(cx.outputs(), |outputs, path| outputs.file("--write", Some(path))).check()?;
        let mut engine = cx.engine()?;
        let peaks = anew(&mut engine, cx, self.min_time)?;
        let format = if cx.json { Format::Json } else { self.output.unwrap_or_default() };
        emit(&format::peaks(&peaks, format)?)?;
        self.write.iter().try_for_each(|path| {
            let text = format::peaks(&peaks, Format::of(path)?)?;
            write_atomic(path, text.as_bytes())
        })
    }
}

/// The peaks kept for this adapter and driver; measured where there are none, or where `fresh` asks for it.
///
/// # Errors
/// As [`measure`].
pub(super) fn kept(engine: &mut Engine, cx: &Context, fresh: bool) -> Result<Peaks> {
    let adapter = engine.adapter().cloned().ok_or_else(|| Error::internal("only a GPU engine has peaks"))?;
    match load(&adapter).filter(|_| !fresh) {
        Some(peaks) => Ok(peaks),
        None => anew(engine, cx, IN_PASSING),
    }
}

fn anew(engine: &mut Engine, cx: &Context, seconds: f64) -> Result<Peaks> {
    let bar = cx.bar(8);
    let peaks = measure(engine, Duration::from_secs_f64(seconds), |name| {
        bar.inc(1);
        bar.set_message(format!("peak {name}"));
    });
    bar.finish_and_clear();
    let peaks = peaks?;
    match store(&peaks) {
        Ok(Some(path)) => cx.note(&format!("peaks of this adapter are kept in {}", path.display())),
        Ok(None) => {}
        // What was measured counts all the same.
        Err(e) => cx.note(&format!("peaks are not kept: {e}")),
    }
    Ok(peaks)
}
