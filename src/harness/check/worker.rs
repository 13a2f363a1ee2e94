//! The side of a run that touches a GPU: a child process that is told names on stdin and answers with one JSON line as
//! each starts and ends, so that whoever reads knows which one it was when the lines stop.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::fault::{self, Fault};
use super::item::{Item, verdict_of};
use super::layered::Watch;
use super::{CaseResult, Selection};
use crate::engine::{AdapterChoice, AdapterReport, Engine, Precision};
use crate::error::{Error, Result};

/// One line of a child's stdout.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Line {
    /// The adapter is open, under these validation layers if any were asked for.
    Hello {
        adapter: AdapterReport,
        layers: Option<String>,
    },
    /// The adapter cannot be opened.
    Refused(String),
    Start(String),
    Done(CaseResult),
    /// Everything that was asked for is done.
    End,
}

/// What a child does.
pub struct Job {
    /// Which cases.
    pub selection: Selection,
    /// On which adapter.
    pub choice: AdapterChoice,
    /// Under the Vulkan validation layers.
    pub validation: bool,
    /// Other than f32: with the adapter's matrix units.
    pub precision: Precision,
}

/// Runs the items named on `input`, one a line, in the order of the selection.
///
/// # Errors
/// The adapter cannot be opened, or was lost; nobody reads the lines; or the names cannot be read.
pub fn work(job: &Job, input: impl BufRead, mut output: impl Write) -> Result<()> {
    let names = input.lines().collect::<std::io::Result<BTreeSet<String>>>();
    let names = names.map_err(Error::io("read", Path::new("stdin")))?;
    let faults = fault::planted()?;
    let mut watch = Watch::new(job.validation, job.precision)?;
    let mut engine = match watch.open(&job.choice) {
        Ok(engine) => engine,
        Err(e) => {
            say(&mut output, &Line::Refused(e.to_string()))?;
            return Err(e);
        }
    };
    if let Some(report) = engine.adapter() {
        let layers = engine.layers().map(str::to_owned);
        say(&mut output, &Line::Hello { adapter: report.clone(), layers })?;
    }
    let selection = Selection { only: Some(names), filter: None, ..job.selection.clone() };
    selection.each(|mut item| {
        say(&mut output, &Line::Start(item.name.clone()))?;
        let (result, failed) = run(&mut engine, &mut item, &faults, &mut watch);
        say(&mut output, &Line::Done(result))?;
        match engine.is_lost() {
            // A process that lost a device may have lost more; the next one starts clean.
            true => Err(Error::Device("the device was lost".to_owned())),
            false if failed => {
                engine = watch.open(&job.choice)?;
                Ok(())
            }
            false => Ok(()),
        }
    })?;
    say(&mut output, &Line::End)
}

/// The item's result, and whether the device failed and has to be opened anew.
fn run(engine: &mut Engine, item: &mut Item, faults: &[Fault], watch: &mut Watch) -> (CaseResult, bool) {
    let started = Instant::now();
    let struck = faults.iter().try_for_each(|f| f.strike(item, engine));
    let found = struck.and_then(|()| item.run(engine));
    let failed = matches!(found, Err(Error::Device(_)));
    let mut verdict = found.unwrap_or_else(|e| verdict_of(e, engine.is_lost()));
    watch.judge(&mut verdict);
    let result = CaseResult {
        case: item.name.clone(),
        kernels: item.kernels.iter().map(|k| (*k).to_owned()).collect(),
        status: verdict.status,
        worst: verdict.worst,
        message: verdict.message,
        expected: None,
        timed: verdict.timed,
        seconds: started.elapsed().as_secs_f64(),
    };
    (result, failed)
}

fn say(output: &mut impl Write, line: &Line) -> Result<()> {
    let text = serde_json::to_string(line);
    let text = text.map_err(|e| Error::internal(format!("a result cannot be written as JSON: {e}")))?;
    let said = writeln!(output, "{text}").and_then(|()| output.flush());
    said.map_err(Error::io("write", Path::new("stdout")))
}
