use std::io::IsTerminal;
use std::path::PathBuf;

use serde_json::Value;

use super::output::{Table, emit, emit_json};
use super::{Context, Run};
use crate::error::{Error, Result};
use crate::run::evaluate::EvalJob;

/// Score a run on every split, alone or against retrained runs
///
/// Prints JSON; on a terminal a table, unless --json is given. With --original and enough references there is a
/// verdict, and the exit code is its: 0 for a pass, 4 for a fail, 3 where it is inconclusive.
#[derive(clap::Args, Debug)]
pub struct Eval {
    /// Folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// A run retrained without the forgotten records; may be given several times
    #[arg(long, value_name = "RUN3")]
    reference: Vec<PathBuf>,
    /// The run before forgetting: the control that must fail
    #[arg(long, value_name = "RUN0")]
    original: Option<PathBuf>,
    /// Request file in place of the one that the run was made with
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// Exit with 0 whatever the verdict (a failed one gives 4, an inconclusive one 3)
    #[arg(long)]
    allow_fail: bool,
}

impl Run for Eval {
    fn run(self, cx: &Context) -> Result<()> {
        let runs = [&self.run].into_iter().chain(&self.reference).chain(&self.original);
        cx.outputs().reads_runs(runs).reads(&self.request).check()?;
        let (original, request) = (self.original.as_deref(), self.request.as_deref());
        let inputs = EvalJob { run: &self.run, references: &self.reference, original, request }.read()?;
        let mut engine = cx.engine()?;
        let measured = inputs.measure(&mut engine)?;
        cx.write_trace(&engine.take_timings())?;
        let document = serde_json::to_value(&measured).map_err(|e| Error::internal(format!("an evaluation: {e}")))?;
        if cx.json || !std::io::stdout().is_terminal() {
            emit_json(&document)?;
        } else {
            let mut table = Table::new(&["metric", "value"]);
            flatten("", &document, &mut table);
            emit(&table.to_string())?;
        }
        if let Some(source) = &measured.source {
            cx.note(&format!("{}: {source}", self.run.display()));
        }
        let error =
            measured.verdict.filter(|_| !self.allow_fail).and_then(|verdict| verdict.outcome.error(&verdict.summary));
        error.map_or(Ok(()), Err)
    }
}

/// One row for each value, keys joined by dots.
fn flatten(prefix: &str, value: &Value, table: &mut Table) {
    match value {
        Value::Object(children) => children.iter().for_each(|(name, child)| {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            flatten(&key, child, table);
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| flatten(&format!("{prefix}.{i}"), item, table))
        }
        Value::String(text) => table.row([prefix, text]),
        other => table.row([prefix.to_owned(), other.to_string()]),
    }
}
