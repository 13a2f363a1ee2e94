//! The side of a run that touches no GPU: one child process per adapter, a time limit per case, and a new child behind
//! every case that its child did not survive.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::expect::Expectations;
use super::worker::Line;
use super::{AdapterResult, CaseResult, CheckReport, Planned, Selection, Status, fault, layered};
use crate::engine::AdapterReport;
use crate::error::{Error, Result};

/// An adapter to check, and the environment that makes it appear.
#[derive(Clone, Debug)]
pub struct Column {
    pub label: String,
    pub adapter: AdapterReport,
    /// Everything that its children's environment needs.
    pub env: Vec<(String, String)>,
    /// The part of it that the user gave.
    pub given: BTreeMap<String, String>,
    /// The flags that give this column again.
    pub flags: String,
    /// What became of the process that should have listed it; nothing is tried on such an adapter.
    pub dead: Option<(Status, String)>,
}

/// How a run goes about it.
pub struct Options<'a> {
    /// The program that the children run: `PROGRAM check KIND --worker …`.
    pub program: PathBuf,
    /// Of kind, shapes and seed; what is run is planned.
    pub selection: Selection,
    /// Longest that opening an adapter or one case may take.
    pub timeout: Duration,
    pub expectations: &'a Expectations,
    /// Under the Vulkan validation layers: a case during which they complain fails, and other adapters are left out.
    pub validation: bool,
}

/// Children that may die in a row without ending a case, before the rest is skipped.
const DEATHS: usize = 3;

/// Runs what is planned on every adapter in turn, calling `progress` after each item.
///
/// # Errors
/// The program cannot be started, no adapter has the validation layers that are asked for, or an example of the
/// registries is not a network. What happens to an adapter is a result, not an error.
pub fn check(
    columns: &[Column],
    plan: &[Planned],
    options: &Options,
    mut progress: impl FnMut(&Column, &CaseResult),
) -> Result<CheckReport> {
    let (columns, left_out) = layered::split(columns, options.validation)?;
    let mut adapters = Vec::new();
    for column in columns {
        let left = plan.iter().map(|p| p.name.clone()).collect();
        let mut run = Run { column, options, plan, left, cases: Vec::new(), layers: None, deaths: 0 };
        run.skip_expected();
        if let Some((status, why)) = &column.dead {
            run.give_up(*status, why, &mut progress);
        }
        while !run.left.is_empty() {
            run.child(&mut progress)?;
        }
        adapters.push(run.result());
    }
    let planted = fault::planted()?.iter().map(fault::Fault::describe).collect();
    Ok(CheckReport {
        schema: 1,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kind: options.selection.kind,
        shapes: options.selection.shapes.to_string(),
        seed: options.selection.seed,
        stale: options.expectations.stale(&adapters, plan)?,
        adapters,
        planted,
        left_out,
    })
}

/// One adapter's run, over as many children as it takes.
struct Run<'a> {
    column: &'a Column,
    options: &'a Options<'a>,
    plan: &'a [Planned],
    left: VecDeque<String>,
    cases: Vec<CaseResult>,
    layers: Option<String>,
    deaths: usize,
}

impl Run<'_> {
    fn result(self) -> AdapterResult {
        let Column { label, adapter, given, flags, .. } = self.column.clone();
        AdapterResult { label, adapter, env: given, layers: self.layers, flags, cases: self.cases }
    }

    fn skip_expected(&mut self) {
        for name in std::mem::take(&mut self.left) {
            match self.options.expectations.skip(&self.column.adapter, &name) {
                Some(why) => self.cases.push(CaseResult::new(&name, Status::Skipped, why)),
                None => self.left.push_back(name),
            }
        }
    }

    fn record(&mut self, mut result: CaseResult, progress: &mut impl FnMut(&Column, &CaseResult)) {
        self.left.retain(|name| *name != result.case);
        // A child that died could not say which kernels it was at.
        if let Some(planned) = self.plan.iter().find(|p| p.name == result.case) {
            result.kernels = planned.kernels.iter().map(|k| (*k).to_owned()).collect();
        }
        self.options.expectations.judge(&self.column.adapter, &mut result);
        progress(self.column, &result);
        self.cases.push(result);
    }

    /// Starts a child on what is left and follows it to its end.
    fn child(&mut self, progress: &mut impl FnMut(&Column, &CaseResult)) -> Result<()> {
        let before = self.cases.len();
        let mut child = Process::start(self.column, self.options, &self.left)?;
        let mut pending: Option<(String, Instant)> = None;
        let refused = loop {
            match child.lines.recv_timeout(self.options.timeout) {
                Ok(Line::Hello { layers, .. }) => self.layers = layers,
                Ok(Line::Start(name)) => pending = Some((name, Instant::now())),
                Ok(Line::Done(result)) => {
                    pending = None;
                    self.record(result, progress);
                }
                Ok(Line::Refused(why)) => break Some(why),
                Ok(Line::End) => break None,
                Err(RecvTimeoutError::Timeout) => {
                    let limit = self.options.timeout.as_secs_f64();
                    let why = format!("did not end within {limit} s; its process was stopped and a new one goes on");
                    child.stop();
                    self.lost(pending.take(), Status::Timeout, &why, progress);
                    break None;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let why = format!("the process ended with {}; a new one goes on", child.end());
                    self.lost(pending.take(), Status::Crash, &why, progress);
                    break None;
                }
            }
        };
        child.stop();
        if let Some(why) = refused {
            self.give_up(Status::Crash, &format!("the adapter cannot be opened: {why}"), progress);
        }
        self.deaths = if self.cases.len() > before { 0 } else { self.deaths + 1 };
        if self.deaths >= DEATHS {
            self.give_up(Status::Crash, &format!("{DEATHS} processes in a row ended before a case did"), progress);
        }
        Ok(())
    }

    /// A case that its child did not survive; nothing if it died between two.
    fn lost(
        &mut self,
        pending: Option<(String, Instant)>,
        status: Status,
        why: &str,
        progress: &mut impl FnMut(&Column, &CaseResult),
    ) {
        if let Some((name, since)) = pending {
            let seconds = since.elapsed().as_secs_f64();
            self.record(CaseResult { seconds, ..CaseResult::new(&name, status, why) }, progress);
        }
    }

    /// The first of what is left has this status, the others are skipped.
    fn give_up(&mut self, first: Status, why: &str, progress: &mut impl FnMut(&Column, &CaseResult)) {
        for (i, name) in std::mem::take(&mut self.left).into_iter().enumerate() {
            let status = if i == 0 { first } else { Status::Skipped };
            self.record(CaseResult::new(&name, status, why), progress);
        }
    }
}

/// A running child.
struct Process {
    child: Child,
    lines: Receiver<Line>,
    /// The end of what it said on stderr.
    talk: Option<JoinHandle<String>>,
}

impl Process {
    fn start(column: &Column, options: &Options, names: &VecDeque<String>) -> Result<Process> {
        let Selection { kind, shapes, seed, .. } = &options.selection;
        let mut command = Command::new(&options.program);
        command.args(["check", kind.word(), "--worker", "--shapes", &shapes.to_string(), "--seed", &seed.to_string()]);
        command.args(["--adapter", &column.adapter.index.to_string(), "--backend", &column.adapter.backend]);
        if options.validation {
            command.arg("--validation").envs(layered::env());
        }
        command.envs(column.env.iter().map(|(k, v)| (k, v)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(Error::io("start", &options.program))?;
        let names: String = names.iter().flat_map(|n| [n, "\n"]).collect();
        if let Some(mut stdin) = child.stdin.take() {
            // A child that died at once reads nothing; its end says so.
            std::thread::spawn(move || stdin.write_all(names.as_bytes()).ok());
        }
        let (send, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            // What a driver prints there is no line of ours.
            let ours = |text: std::io::Result<String>| serde_json::from_str::<Line>(&text.ok()?).ok();
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stdout).lines().filter_map(ours);
                // Nobody listens any more once the child was stopped.
                while lines.next().is_some_and(|line| send.send(line).is_ok()) {}
            });
        }
        let talk = child.stderr.take().map(|stderr| std::thread::spawn(move || last_words(stderr)));
        Ok(Process { child, lines, talk })
    }

    /// Waits for the end and tells how it came, with the last words of the child.
    fn end(&mut self) -> String {
        let status = self.child.wait().map_or_else(|e| e.to_string(), |s| s.to_string());
        let words = self.talk.take().and_then(|t| t.join().ok()).unwrap_or_default();
        if words.is_empty() { status } else { format!("{status}: {words}") }
    }

    /// Ends the child, if it still runs.
    fn stop(&mut self) {
        // Both fail only where it has ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The last lines of a stream, as one.
pub(super) fn last_words(stream: impl Read) -> String {
    let mut last = VecDeque::new();
    for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        let noise = line.is_empty() || line.contains("XDG_RUNTIME_DIR") || line.starts_with("note: run with");
        if !noise {
            last.push_back(line);
        }
        if last.len() > 3 {
            last.pop_front();
        }
    }
    Vec::from(last).join(" | ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn last_words_are_few_and_hold_no_noise() {
        let text = b"a\nb\n\nc\nerror: XDG_RUNTIME_DIR is invalid\nd\n\xff\n";
        assert_eq!(super::last_words(&text[..]), "c | d | \u{fffd}");
    }
}
