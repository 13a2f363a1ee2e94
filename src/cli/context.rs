//! The flags every command has, and what they give a command: an engine, talk on stderr, progress bars.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Instant;

use clap::builder::FalseyValueParser;

use super::output;
use crate::base::{cache_folder, write_atomic};
use crate::engine::{AdapterChoice, Advice, Choices, Engine, GpuOptions, Precision, Timing, chrome_trace};
use crate::error::Result;
use crate::kernels::linear;
use crate::run::outputs::Outputs;
use crate::run::tuned;

/// The common flags.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Common options")]
pub struct Context {
    /// Adapter to use: an index from `unlearn adapters` or a part of a name
    #[arg(long, global = true, value_name = "INDEX|NAME", env = "UNLEARN_ADAPTER")]
    pub adapter: Option<String>,
    /// Graphics interface to use
    #[arg(long, global = true, value_parser = ["vulkan", "metal", "dx12", "gl"], env = "UNLEARN_BACKEND")]
    pub backend: Option<String>,
    /// Seed of everything random
    #[arg(long, global = true, value_name = "N", env = "UNLEARN_SEED")]
    pub seed: Option<u64>,
    /// Only errors on stderr
    #[arg(short, long, global = true, env = "UNLEARN_QUIET")]
    #[arg(conflicts_with = "verbose", value_parser = FalseyValueParser::new())]
    pub quiet: bool,
    /// More talk on stderr (-vv: even more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count, env = "UNLEARN_VERBOSE")]
    pub verbose: u8,
    /// Write a Chrome trace of every dispatch (slower: one pass each)
    #[arg(long, global = true, value_name = "FILE", env = "UNLEARN_TRACE")]
    pub trace: Option<PathBuf>,
    /// Hold at most so much GPU memory: bytes, or with KiB, MiB, GiB
    #[arg(long, global = true, value_name = "BYTES", value_parser = bytes, env = "UNLEARN_MAX_MEMORY")]
    pub max_memory: Option<u64>,
    /// Numbers that products are computed in: f32; `mixed`: operands rounded to f16, sums in f32; `split`: three
    /// products of f16 for one of f32. Both need matrix units (matrices8 or matrices16 in `unlearn adapters`)
    #[arg(long, global = true, value_name = "f32|mixed|split", value_parser = precision, env = "UNLEARN_PRECISION")]
    #[arg(default_value = "f32", hide_default_value = true)]
    pub precision: Precision,
    /// Replace result files that exist; what a command reads, and the files of a run, are never replaced
    #[arg(long, global = true)]
    pub force: bool,
    /// Look for NaN and Inf after every dispatch of a training step and name the kernel (slow)
    #[arg(long, global = true, value_parser = FalseyValueParser::new(), env = "UNLEARN_CHECK_FINITE")]
    pub check_finite: bool,
    /// Keep nothing compiled and nothing measured from one process to the next, and take nothing kept
    #[arg(long, global = true, value_parser = FalseyValueParser::new(), env = "UNLEARN_NO_CACHE")]
    pub no_cache: bool,
    /// What is kept of measurements on the adapter.
    #[arg(skip)]
    choices: OnceLock<Option<Choices>>,
    /// Print one JSON document instead of tables; set by `--json` before or after the command.
    #[arg(skip)]
    pub json: bool,
}

/// `4096`, `64KiB`, `512 MiB`, `2GiB`.
fn bytes(text: &str) -> Result<u64, String> {
    let units = [("KiB", 1u64 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1)];
    let unit = units.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, size)));
    let parsed = unit.and_then(|(number, size)| number.trim().parse::<u64>().ok()?.checked_mul(*size));
    parsed.ok_or_else(|| "expected a number of bytes, such as 536870912 or 512MiB".to_owned())
}

fn precision(text: &str) -> Result<Precision, String> {
    let all = Precision::ALL.map(Precision::word).join(", ");
    Precision::of(text).ok_or_else(|| format!("expected one of {all}"))
}

impl Context {
    /// What `--adapter` and `--backend` say.
    pub fn choice(&self) -> AdapterChoice {
        AdapterChoice { adapter: self.adapter.clone(), backend: self.backend.clone() }
    }

    /// Opens the chosen GPU and says on stderr which one it is; profiled if a trace is wanted.
    ///
    /// # Errors
    /// As [`Engine::gpu`].
    pub fn engine(&self) -> Result<Engine> {
        self.engine_with(GpuOptions::default())
    }

    /// [`Context::engine`] with a command's own options; profiling, and the adapter where a command names none, come
    /// from the flags.
    ///
    /// # Errors
    /// As [`Engine::gpu`].
    pub fn engine_with(&self, options: GpuOptions) -> Result<Engine> {
        let engine = self.another_engine(options)?;
        if let Some(report) = engine.adapter() {
            let precision = match engine.precision() {
                Precision::F32 => String::new(),
                other => format!(", products in {}", other.word()),
            };
            self.note(&format!("adapter {}: {}{precision}", report.index, report.describe()));
        }
        if let Some(choices) = self.measured(&engine) {
            let order = if choices.any_order { ", of any order of sums" } else { "" };
            self.note(&format!("variants for {} shapes by `unlearn tune`{order}", choices.choices.len()));
        }
        Ok(engine)
    }

    /// [`Context::engine_with`] without a word; matrix units that `--precision` asks for have passed their self-test.
    ///
    /// # Errors
    /// As [`Engine::gpu`] and [`linear::prove`].
    pub fn another_engine(&self, options: GpuOptions) -> Result<Engine> {
        let profile = options.profile || self.trace.is_some();
        let max_memory = options.max_memory.or(self.max_memory);
        let cache = if self.no_cache { None } else { cache_folder() };
        let own = options.choice.adapter.is_some();
        let (choice, precision) = (if own { options.choice.clone() } else { self.choice() }, self.precision);
        let mut engine = Engine::gpu(GpuOptions { choice, profile, max_memory, cache, precision, ..options })?;
        linear::prove(&mut engine)?;
        // All engines of a command: what one of them computes does not depend on which it was.
        let advice = self.measured(&engine).map(Advice::measured);
        engine.advise(advice);
        Ok(engine)
    }

    /// What `unlearn tune` measured on this adapter; read once.
    fn measured(&self, engine: &Engine) -> Option<&Choices> {
        let read = || engine.adapter().filter(|_| !self.no_cache).and_then(tuned::read);
        self.choices.get_or_init(read).as_ref()
    }

    /// The trace: what a command writes besides is added to this, and all of it is checked before any work.
    pub fn outputs(&self) -> Outputs {
        self.outputs_over(false)
    }

    /// [`Context::outputs`] where a killed process has written some of it.
    pub fn outputs_over(&self, left: bool) -> Outputs {
        Outputs::new(self.force || left).file("--trace", self.trace.as_deref())
    }

    /// Writes the Chrome trace of these dispatches, if `--trace` asks for one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_trace(&self, timings: &[Timing]) -> Result<()> {
        let Some(path) = &self.trace else { return Ok(()) };
        if timings.is_empty() {
            self.note("this adapter has no timestamps: the trace is empty");
        }
        write_atomic(path, chrome_trace(timings).as_bytes())
    }

    /// Talk: a line on stderr unless `-q`.
    pub fn note(&self, line: &str) {
        if !self.quiet {
            output::talk(line);
        }
    }

    /// A progress bar on stderr; invisible when that is not a terminal or `-q` was given.
    pub fn bar(&self, steps: u64) -> indicatif::ProgressBar {
        if self.quiet || !std::io::stderr().is_terminal() {
            return indicatif::ProgressBar::hidden();
        }
        let style = indicatif::ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}");
        indicatif::ProgressBar::new(steps).with_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()))
    }

    pub(super) fn start_log(&self) {
        let level = match (self.quiet, self.verbose) {
            (true, _) => "off",
            (_, 0) => "error,unlearn=warn",
            (_, 1) => "warn,unlearn=info",
            (_, 2) => "info,unlearn=debug",
            _ => "debug,unlearn=trace",
        };
        let mut log = env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(level));
        let start = Instant::now();
        log.format(move |out, record| {
            let (seconds, level) = (start.elapsed().as_secs_f64(), record.level());
            let style = out.default_level_style(level);
            writeln!(out, "[{seconds:8.3}s {style}{level:<5}{style:#} {}] {}", record.target(), record.args())
        });
        // A second start in one process (tests) changes nothing.
        log.try_init().ok();
    }
}
