//! `unlearn bench train`, `fisher`, `unlearn`, `graph`, `stack`.

use std::path::PathBuf;

use super::format::{self, Format};
use crate::base::write_atomic;
use crate::cli::Context;
use crate::cli::output::emit;
use crate::error::{Error, Result};
use crate::harness::whole::{What, WholeOptions, whole};

/// What all of them take.
#[derive(clap::Args, Debug)]
pub(super) struct Whole {
    /// Made-up pictures to train on
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(20..=1_000_000))]
    records: u32,
    /// Rounds; one more before them carries the drivers' compile
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// How cost grows instead: batches, nodes or parameters, up to --most
    #[arg(long)]
    growth: bool,
    /// Largest batch, graph or network of --growth
    #[arg(long, value_name = "N", requires = "growth")]
    most: Option<usize>,
    /// Print as this [default: table]
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    output: Option<Format>,
    /// Also write to files, by their endings: .json .csv .md
    #[arg(long, value_name = "FILE")]
    write: Vec<PathBuf>,
}

impl Whole {
    pub(super) fn run(self, what: What, cx: &Context) -> Result<()> {
        format::writable(&self.write, false)?;
        if matches!(what, What::Unlearn | What::Stack) && self.growth {
            return Err(Error::input("--growth is of `bench train`, `bench graph` and `bench fisher`"));
        }
        self.write.iter().fold(cx.outputs(), |outputs, path| outputs.file("--write", Some(path))).check()?;
        let mut engine = cx.engine()?;
        let options = WholeOptions {
            records: self.records as usize,
            rounds: self.rounds as usize,
            most: self.most.unwrap_or(usize::MAX),
        };
        let bar = cx.bar(0);
        let report = whole(&mut engine, what, self.growth, options, &mut |name| {
            bar.inc(1);
            bar.set_message(name.to_owned());
        })?;
        bar.finish_and_clear();
        cx.write_trace(&report.timings)?;
        let format = if cx.json { Format::Json } else { self.output.unwrap_or_default() };
        emit(&format::whole(&report, format)?)?;
        self.write.iter().try_for_each(|path| {
            let text = format::whole(&report, Format::of(path)?)?;
            write_atomic(path, text.as_bytes())
        })
    }
}
