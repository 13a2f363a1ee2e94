use clap::builder::PossibleValuesParser;
use serde_json::Value;

use super::failure::Failure;
use super::output::emit_json;
use super::{Context, Run};
use crate::error::{Error, Result};
use crate::run::export::Encoder;
use crate::run::pack::Certificate;
use crate::run::schema;

/// Print the JSON Schema of a document: each key with its meaning, unit, range and default
///
/// For editors and validators, as JSON Schema 2020-12. `unlearn list keys` prints the keys of a configuration as a
/// table.
#[derive(clap::Args, Debug)]
pub struct Schema {
    /// `config`: configuration and experiment files; `request`: a line of a request file; `run`: run.json; `metrics`: a
    /// line of metrics.jsonl; `results`: a line of results.jsonl; `eval`: what `eval` prints; `audit`: audit.json;
    /// `search`: search.json; `certificate`: certificate.json of a pack; `encoder`: what `export --encoder` writes;
    /// `error`: what a command that failed prints with --json
    #[arg(value_parser = PossibleValuesParser::new(DOCUMENTS.iter().map(|document| document.name)))]
    document: String,
}

/// A document that can be described.
struct Document {
    name: &'static str,
    schema: fn() -> Value,
}

static DOCUMENTS: &[Document] = &[
    Document { name: "config", schema: schema::config },
    Document { name: "request", schema: schema::request },
    Document { name: "run", schema: schema::run },
    Document { name: "metrics", schema: schema::metrics_line },
    Document { name: "results", schema: schema::results },
    Document { name: "eval", schema: schema::evaluation },
    Document { name: "audit", schema: schema::audit },
    Document { name: "plan", schema: schema::plan },
    Document { name: "outcome", schema: schema::outcome },
    Document { name: "standing", schema: schema::standing },
    Document { name: "entry", schema: schema::entry },
    Document { name: "search", schema: schema::search },
    Document { name: "certificate", schema: certificate },
    Document { name: "encoder", schema: encoder },
    Document { name: "error", schema: error },
];

fn encoder() -> Value {
    let about = "How cells of a table become the network's input; `export --encoder` writes it.";
    schema::written::<Encoder>("unlearn encoder", about)
}

fn certificate() -> Value {
    let about = "`certificate.json` of a pack that `pack` writes: what was asked, done, guaranteed and tested.";
    schema::written::<Certificate>("unlearn certificate", about)
}

fn error() -> Value {
    schema::written::<Failure>("unlearn error", "What a command that failed prints on stdout with --json.")
}

impl Run for Schema {
    fn run(self, _: &Context) -> Result<()> {
        let found = DOCUMENTS.iter().find(|document| document.name == self.document);
        let found = found.ok_or_else(|| Error::internal(format!("no document {}", self.document)))?;
        emit_json(&(found.schema)())
    }
}
