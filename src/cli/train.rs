mod ranks;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use self::ranks::Seat;
use super::failure::{self, Failure};
use super::marks::MarkArgs;
use super::output::{emit, emit_json, talk};
use super::{Context, Run};
use crate::base::quoted;
use crate::error::{Error, Result};
use crate::run::config::Loaded;
use crate::run::ensemble::{EnsembleEvent, EnsembleJob};
use crate::run::folder::RunFolder;
use crate::run::info::RunInfo;
use crate::run::naming::head;
use crate::run::train_run::{Event, TrainJob, TrainOptions};

/// Train a network as a configuration says
#[derive(clap::Args, Debug)]
pub struct Train {
    /// Configuration file (TOML)
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
    /// Folder to write the run to
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// Change a setting: `--set train.epochs=5`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Continue the run in --out from its last checkpoint; with a larger train.epochs, beyond its last epoch
    ///
    /// With `schedule` `constant` or `step` a longer training has the bytes that it would have had from the start.
    /// Other schedules are laid out over all epochs: see --stretch-schedule. A finished run needs the checkpoint that
    /// --keep-checkpoint left, and is another run then: what was made from the shorter one does not know it.
    #[arg(long)]
    resume: bool,
    /// With --resume and a larger train.epochs: go on along the schedule of the longer training
    ///
    /// The learning rate of the next step is that of the longer schedule, as a rule a higher one than the last.
    #[arg(long, requires = "resume")]
    stretch_schedule: bool,
    /// Leave the last checkpoint in the folder
    #[arg(long)]
    keep_checkpoint: bool,
    /// Train together with the other processes of an MPI launcher: `mpirun -n 4 unlearn train … --data-parallel`
    ///
    /// train.accumulate is the number of micro-batches that a step's records are shared out in. Their gradients are
    /// added up in one order, so that any number of ranks gives the same bytes.
    #[arg(long)]
    data_parallel: bool,
    /// Train the members of an ensemble one after another, and not in stacks
    ///
    /// Members of one architecture and recipe are trained in one set of dispatches. Their bytes are the same either
    /// way.
    #[arg(long)]
    one_by_one: bool,
    #[command(flatten)]
    marks: MarkArgs,
}

/// Exit code of an interruption.
const INTERRUPTED: i32 = 130;

/// Set when the user presses Ctrl-C or the process is asked to end (SIGTERM); a second time ends it at once. SIGHUP is
/// left alone, for nohup has it ignored.
#[cfg(unix)]
pub(super) fn interruption() -> Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag::{register, register_conditional_shutdown};

    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag down and raises it.
        let caught = register_conditional_shutdown(signal, INTERRUPTED, flag.clone())
            .and_then(|_| register(signal, flag.clone()));
        caught.map_err(|e| Error::internal(format!("signal {signal} cannot be caught: {e}")))?;
    }
    Ok(flag)
}

/// Set when the user presses Ctrl-C or closes the console; a second time ends the process at once.
#[cfg(windows)]
pub(super) fn interruption() -> Result<Arc<AtomicBool>> {
    use std::sync::atomic::Ordering;

    let flag = Arc::new(AtomicBool::new(false));
    let seen = flag.clone();
    let handler = move || {
        if seen.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
    };
    ctrlc::set_handler(handler).map_err(|e| Error::internal(format!("Ctrl-C cannot be caught: {e}")))?;
    Ok(flag)
}

impl Run for Train {
    fn run(self, cx: &Context) -> Result<()> {
        let seat = Seat::take(&self.out, self.data_parallel, self.resume)?;
        let trained = self.on(cx, &seat);
        if let (Err(error), Some(ranks)) = (&trained, &seat.ranks) {
            // The others wait for this one, so that it ends them all; nothing is said after that.
            talk(&format!("error: rank {}: {error}", ranks.rank()));
            if seat.leads() {
                failure::tell(cx.json, &Failure::of(error));
            }
            seat.leave();
            ranks.abort(error.exit_code());
        }
        trained
    }
}

impl Train {
    fn on(&self, cx: &Context, seat: &Seat) -> Result<()> {
        let loaded = Loaded::read(&self.config, &self.set, cx.seed)?;
        let mut outputs = cx.outputs().folder("--out", &seat.out).reads(loaded.config.reads());
        // A run that goes on may go on by its own copy of the configuration.
        if !(self.resume && RunFolder::new(&seat.out).is_ours()) {
            outputs = outputs.reads([&self.config]);
        }
        outputs.check()?;
        if loaded.config.whole_ensemble().is_some() {
            return self.ensemble(cx, loaded);
        }
        let prepared = match self.resume {
            true => TrainJob::resume(loaded, &seat.out, self.stretch_schedule)?,
            false => TrainJob::prepare(loaded, &seat.out, false)?,
        };
        seat.agree("what there is to do", if prepared.is_some() { "a training" } else { "nothing" })?;
        let Some(mut job) = prepared else {
            RunFolder::new(&seat.out).tidy(self.keep_checkpoint);
            cx.note(&format!("{} is already finished; nothing to do", seat.out.display()));
            return if cx.json { emit_json(&RunFolder::new(&seat.out).read_info()?) } else { Ok(()) };
        };
        job.marks = self.marks.marks();
        if let (true, Some(base), Some(head)) = (job.config.train.new_head, &job.config.init, head(&job.model)) {
            cx.note(&format!("the last layer, `{head}`, is drawn anew; the others begin with {}", base.display()));
        }
        let interrupted = interruption()?;
        let mut engine = cx.engine()?;
        seat.agree("adapter, data and recipe", &job.like(&engine))?;
        let bar = cx.bar(0);
        let options = TrainOptions {
            resume: self.resume,
            keep_checkpoint: self.keep_checkpoint,
            check_finite: cx.check_finite,
            interrupted: &interrupted,
            ranks: seat.ranks.as_ref(),
        };
        let trained = job.train(&mut engine, options, &mut |event| match event {
            _ if !seat.leads() => {}
            // Of several models.
            Event::Stack { .. } | Event::Stepped(_) | Event::Told(_) => {}
            Event::Start { done, steps, planned_bytes, kept, deltas } => {
                bar.set_length(steps);
                bar.set_position(done);
                cx.note(&format!("{} parameters, {planned_bytes} bytes of GPU memory", job.model.layout.count()));
                keeps(kept, deltas).iter().for_each(|line| cx.note(line));
            }
            Event::FirstStep(first) => bar.suspend(|| cx.note(&first.line())),
            Event::Step(step) => {
                bar.set_position(step.step);
                bar.set_message(format!("loss {:.4}", step.loss));
            }
            Event::Epoch(e) => bar.suspend(|| {
                let validation = e.validation.map_or(String::new(), |v| match v.accuracy {
                    Some(share) => format!(", validation {:.2} %", 100.0 * share),
                    None => format!(", validation loss {:.4}", v.loss),
                });
                let accuracy = e.accuracy.map_or(String::new(), |share| format!(", accuracy {:.2} %", 100.0 * share));
                cx.note(&format!("epoch {}: loss {:.4}{accuracy}{validation}, {:.2} s", e.epoch, e.loss, e.seconds));
            }),
        });
        bar.finish_and_clear();
        let info = trained.inspect_err(|error| {
            if matches!(error, Error::Interrupted(_)) {
                cx.note(&format!("continue with: {}", self.resume_command(cx)));
            }
        })?;
        seat.agree("the model", &info.model_sha256)?;
        if !seat.leads() {
            return Ok(());
        }
        cx.write_trace(&engine.take_timings())?;
        if cx.json { emit_json(&info) } else { emit(&self.text(&info)) }
    }

    /// The same of several networks.
    fn ensemble(&self, cx: &Context, loaded: Loaded) -> Result<()> {
        let Some(mut job) = EnsembleJob::prepare(loaded, &self.out, self.resume)? else {
            cx.note(&format!("{} is already finished; nothing to do", self.out.display()));
            return if cx.json { emit_json(&RunFolder::new(&self.out).read_info()?) } else { Ok(()) };
        };
        (job.marks, job.one_by_one) = (self.marks.marks(), self.one_by_one);
        let interrupted = interruption()?;
        let mut engine = cx.engine()?;
        let (bar, keep_checkpoint) = (cx.bar(0), self.keep_checkpoint);
        let (resume, check_finite) = (self.resume, cx.check_finite);
        let options = TrainOptions { resume, keep_checkpoint, check_finite, interrupted: &interrupted, ranks: None };
        let trained = job.train(&mut engine, options, &mut |EnsembleEvent { member, of, event }| match event {
            Event::Start { done, steps, planned_bytes, kept, deltas } => {
                bar.set_length(steps);
                bar.set_position(done);
                keeps(kept, deltas).iter().for_each(|line| bar.suspend(|| cx.note(line)));
                bar.suspend(|| cx.note(&format!("member {member} of {of}: {planned_bytes} bytes of GPU memory")));
            }
            Event::Stack { models, done, steps, planned_bytes } => {
                bar.set_length(steps);
                bar.set_position(done);
                bar.suspend(|| {
                    cx.note(&format!("{models} of {of} members in one stack: {planned_bytes} bytes of GPU memory"));
                });
            }
            Event::Told(what) => bar.suspend(|| cx.note(&format!("member {member} of {of}: {what}"))),
            Event::Step(step) => bar.set_position(step.step),
            Event::Stepped(steps) => bar.inc(steps as u64),
            Event::FirstStep(_) | Event::Epoch(_) => {}
        });
        bar.finish_and_clear();
        let info = trained.inspect_err(|error| {
            if matches!(error, Error::Interrupted(_)) {
                cx.note(&format!("continue with: {}", self.resume_command(cx)));
            }
        })?;
        cx.write_trace(&engine.take_timings())?;
        if cx.json { emit_json(&info) } else { emit(&self.text(&info)) }
    }

    fn text(&self, info: &RunInfo) -> String {
        let run = self.out.display();
        let mut text = format!("{run}: {} epochs, {} steps, model {}\n", info.epochs, info.steps, info.model_sha256);
        if let Some(p) = &info.privacy {
            text += &format!(
                "private to ({:.4}, {:e}): noise multiplier {}, clip {}, {} sampling at rate {:.6}, {} steps, Rényi \
                    order {}; it holds against whoever does not know the seed\n",
                p.epsilon, p.delta, p.noise_multiplier, p.clip, p.sampling, p.rate, p.steps, p.order
            );
        }
        text
    }

    fn resume_command(&self, cx: &Context) -> String {
        let mut words = vec!["unlearn".to_owned(), "train".into(), self.config.display().to_string()];
        words.extend(["--out".into(), self.out.display().to_string()]);
        words.extend(self.set.iter().flat_map(|set| ["--set".to_owned(), set.clone()]));
        words.extend(cx.seed.iter().flat_map(|seed| ["--seed".to_owned(), seed.to_string()]));
        if !cx.precision.is_f32() {
            words.extend(["--precision".to_owned(), cx.precision.word().to_owned()]);
        }
        words.extend(self.data_parallel.then(|| "--data-parallel".to_owned()));
        words.extend(self.keep_checkpoint.then(|| "--keep-checkpoint".to_owned()));
        words.extend(self.one_by_one.then(|| "--one-by-one".to_owned()));
        words.extend(self.marks.words());
        words.push("--resume".into());
        words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

/// What stays in the folder besides the weights.
fn keeps(kept: (u64, u64), deltas: (u64, u64)) -> Vec<String> {
    let line = |(count, bytes): (u64, u64), what: &str| {
        (count > 0).then(|| format!("{count} {what} stay in the folder, {bytes} bytes at most"))
    };
    line(kept, "checkpoints").into_iter().chain(line(deltas, "steps")).collect()
}
