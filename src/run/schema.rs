//! JSON Schemas of what people write and of what the program writes, made from the types that read and write it, and
//! from the registries where keys, ranges and defaults are rows: loaders, layers, methods, metrics.
//!
//! Beside the words of the standard a key has `unit` (SI's, `1` for a plain number, or what is counted), and a key of
//! `[data]` has `loaders`, those that read it, and `defaults` where they differ.

mod data;
mod keys;
mod registries;
mod tidy;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

pub use keys::{Key, keys};
pub(crate) use registries::{figures, metrics, settings_by_method, settings_of_a_method};

use super::audit::Audit;
use super::config::Config;
use super::evaluate::Document;
use super::experiment::search::Found;
use super::info::RunInfo;
use super::requests::{Outcome, Plan};
use super::results::Row;
use super::written::EpochLine;
use crate::data::Request;
use crate::ledger::{Entry, Standing};

/// The schema of a configuration or experiment file, which is TOML.
pub fn config() -> Value {
    let about = "A file for `unlearn train` and `unlearn run`, as TOML.";
    let mut schema = read::<Config>("unlearn configuration", about, &registries::define_layers);
    data::complete(&mut schema);
    registries::complete(&mut schema);
    tidy::complete(&mut schema);
    schema
}

/// The schema of a request: a line of a request file, or the table `forget.request`.
pub fn request() -> Value {
    let about = "A line of a request file (JSON Lines), or the table `forget.request` of an experiment. A CSV request \
        has the columns request_id, kind and ids.";
    let mut schema = read::<Request>("unlearn request", about, &|_| ());
    tidy::complete(&mut schema);
    schema
}

/// The schema of a run folder's `run.json`, which `train` and `forget` print with `--json`.
pub fn run() -> Value {
    written::<RunInfo>("unlearn run", "`run.json` of a run's folder; `train --json` and `forget --json` print it too.")
}

/// The schema of a line of `metrics.jsonl` in a run's folder.
pub fn metrics_line() -> Value {
    written::<EpochLine>(
        "unlearn metrics",
        "A line of `metrics.jsonl` in a run's folder: an epoch of what trained it, or made it forget.",
    )
}

/// The schema of a line of `results.jsonl`, which `run` and `demo` write and print with `--json`.
pub fn results() -> Value {
    written::<Row>("unlearn result", "A line of `results.jsonl`; `run --json` and `demo --json` have them as `rows`.")
}

/// The schema of what `eval` prints.
pub fn evaluation() -> Value {
    let mut schema = written::<Document>("unlearn evaluation", "What `eval` prints, as JSON.");
    // The run's own metrics stand beside the other keys.
    let metrics = metrics(&mut SchemaSettings::draft2020_12().into_generator());
    if let (Some(keys), Some(own)) = (schema["properties"].as_object_mut(), metrics.get("properties")) {
        keys.extend(own.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
    }
    schema
}

/// The schema of `plan.json`, which `requests plan` writes and prints with `--json`.
pub fn plan() -> Value {
    written::<Plan>("unlearn plan", "`plan.json` of a batch of requests; `requests plan --json` prints it too.")
}

/// The schema of `outcome.json`, which `requests run` writes and prints with `--json`.
pub fn outcome() -> Value {
    let about = "`outcome.json` of a batch of requests; `requests run --json` has them as `outcomes`.";
    written::<Outcome>("unlearn outcome", about)
}

/// The schema of a request as `requests list`, `show` and `due` print it.
pub fn standing() -> Value {
    let about = "Where a request stands: `requests list --json` and `due --json` have them as `requests`.";
    written::<Standing>("unlearn standing", about)
}

/// The schema of a line of the ledger.
pub fn entry() -> Value {
    written::<Entry>("unlearn entry", "A line of `ledger.jsonl` in a project, as canonical JSON (RFC 8785).")
}

/// The schema of `audit.json`, which `audit` writes and prints with `--json`.
pub fn audit() -> Value {
    written::<Audit>("unlearn audit", "`audit.json` beside a run that forgot; `audit --json` prints it too.")
}

/// The schema of `search.json`.
pub fn search() -> Value {
    written::<Found>("unlearn search", "`search.json` of a search's folder; `search --json` prints it.")
}

/// The schema of what this program reads, with what `define` adds to its definitions.
fn read<T: JsonSchema>(title: &str, about: &str, define: &dyn Fn(&mut SchemaGenerator)) -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    define(&mut generator);
    let mut schema = named(&generator.into_root_schema_for::<T>(), title, about);
    tidy::without_null(&mut schema);
    schema
}

/// The schema of a document that this program writes.
pub fn written<T: JsonSchema>(title: &str, about: &str) -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = named(&generator.into_root_schema_for::<T>(), title, about);
    tidy::complete(&mut schema);
    schema
}

fn named(schema: &Schema, title: &str, about: &str) -> Value {
    let mut schema = schema.as_value().clone();
    schema["title"] = title.into();
    schema["description"] = about.into();
    schema
}

/// `ensemble.without`, which nobody writes by hand: requests as tables.
pub(crate) fn requests_key(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "object" } })
}

/// `forget.request`: a path or a table.
pub(crate) fn request_key(generator: &mut SchemaGenerator) -> Schema {
    let table = generator.subschema_for::<Request>();
    json_schema!({ "anyOf": [{ "type": "string", "description": "Path of a request file." }, table] })
}
