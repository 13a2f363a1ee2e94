use clap::builder::PossibleValuesParser;
use serde_json::Value;

use super::failure::Failure;
use super::output::emit_json;
use super::{Context, Run};
use crate::error::{Error, Result};
use crate::run::schema;

/// Print the JSON Schema of a document: each key with its meaning, unit, range and default
///
/// For editors and validators, as JSON Schema 2020-12. `unlearn list keys` prints the keys of a configuration as a
/// table.
#[derive(clap::Args, Debug)]
pub struct Schema {
    /// `config`: configuration and experiment files; `request`: a line of a request file; `run`: run.json; `metrics`: a
    /// line of metrics.jsonl; `results`: a line of results.jsonl; `error`: what a command that failed prints with
    /// --json
    #[arg(value_parser = PossibleValuesParser::new(DOCUMENTS.iter().map(|document| document.0)))]
    document: String,
}

/// The documents and their schemas.
static DOCUMENTS: &[(&str, fn() -> Value)] = &[
    ("config", schema::config),
    ("request", schema::request),
    ("run", schema::run),
    ("metrics", schema::metrics_line),
    ("results", schema::results),
    ("error", || schema::written::<Failure>("unlearn error", "What a command that failed prints with --json.")),
];

impl Run for Schema {
    fn run(self, _: &Context) -> Result<()> {
        let found = DOCUMENTS.iter().find(|(name, _)| *name == self.document);
        let (_, schema) = found.ok_or_else(|| Error::internal(format!("no document {}", self.document)))?;
        emit_json(&schema())
    }
}
