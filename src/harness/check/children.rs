//! The side of a run that touches no GPU: one child process per adapter, a time limit per case, and a new child behind
//! every case that its child did not survive.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use super::expect::Expectations;
use super::process::Process;
use super::worker::Line;
use super::{AdapterResult, CaseResult, CheckReport, Planned, Selection, Status, fault, layered};
use crate::engine::{AdapterReport, Precision};
use crate::error::{Error, Result};

/// An adapter to check, and the environment that makes it appear.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its short name.
    pub label: String,
    /// What it said of itself.
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
    /// Failures that are known.
    pub expectations: &'a Expectations,
    /// Adapters that are checked at the same time.
    pub jobs: usize,
    /// Under the Vulkan validation layers: a case during which they complain fails, and other adapters are left out.
    pub validation: bool,
    /// Other than f32: with the adapters' matrix units, whose kernels are left out otherwise.
    pub precision: Precision,
}

/// Children that may die in a row without ending a case, before the rest is skipped.
const DEATHS: usize = 3;

/// Runs what is planned on every adapter, calling `progress` after each item.
///
/// # Errors
/// The program cannot be started, no adapter has the validation layers that are asked for, or an example of the
/// registries is not a network. What happens to an adapter is a result, not an error.
pub fn check(
    columns: &[Column],
    plan: &[Planned],
    options: &Options,
    progress: impl Fn(&Column, &CaseResult) + Sync,
) -> Result<CheckReport> {
    let (columns, left_out) = layered::split(columns, options.validation)?;
    let adapters = side_by_side(options.jobs, &columns, |column| Run::new(column, options, plan).whole(&progress))?;
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

/// The results of all columns in their order, so many of them worked on at a time.
fn side_by_side(
    jobs: usize,
    columns: &[&Column],
    work: impl Fn(&Column) -> Result<AdapterResult> + Sync,
) -> Result<Vec<AdapterResult>> {
    let next = AtomicUsize::new(0);
    let some = || -> Result<Vec<(usize, AdapterResult)>> {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(column) = columns.get(at) else { return Ok(done) };
            done.push((at, work(column)?));
        }
    };
    let mut all = Vec::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs.clamp(1, columns.len().max(1))).map(|_| scope.spawn(some)).collect();
        threads.into_iter().try_for_each(|thread| {
            let done =
                thread.join().unwrap_or_else(|_| Err(Error::internal("a thread that followed a child panicked")));
            all.extend(done?);
            Ok(())
        })
    })?;
    all.sort_by_key(|(at, _)| *at);
    Ok(all.into_iter().map(|(_, result)| result).collect())
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

impl<'a> Run<'a> {
    fn new(column: &'a Column, options: &'a Options<'a>, plan: &'a [Planned]) -> Run<'a> {
        let left = plan.iter().map(|p| p.name.clone()).collect();
        Run { column, options, plan, left, cases: Vec::new(), layers: None, deaths: 0 }
    }

    fn whole(mut self, progress: &(impl Fn(&Column, &CaseResult) + Sync)) -> Result<AdapterResult> {
        self.skip_expected();
        if let Some((status, why)) = &self.column.dead {
            self.give_up(*status, why, progress);
        }
        while !self.left.is_empty() {
            self.child(progress)?;
        }
        Ok(self.result())
    }

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

    fn record(&mut self, mut result: CaseResult, progress: &impl Fn(&Column, &CaseResult)) {
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
    fn child(&mut self, progress: &impl Fn(&Column, &CaseResult)) -> Result<()> {
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
                    let why = format!("did not end within {limit} s; its process was stopped and a new one continues");
                    child.stop();
                    self.lost(pending.take(), Status::Timeout, &why, progress);
                    break None;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let why = format!("the process ended with {}; a new one continues", child.end());
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
        progress: &impl Fn(&Column, &CaseResult),
    ) {
        if let Some((name, since)) = pending {
            let seconds = since.elapsed().as_secs_f64();
            self.record(CaseResult { seconds, ..CaseResult::new(&name, status, why) }, progress);
        }
    }

    /// The first of what is left has this status, the others are skipped.
    fn give_up(&mut self, first: Status, why: &str, progress: &impl Fn(&Column, &CaseResult)) {
        for (i, name) in std::mem::take(&mut self.left).into_iter().enumerate() {
            let status = if i == 0 { first } else { Status::Skipped };
            self.record(CaseResult::new(&name, status, why), progress);
        }
    }
}
