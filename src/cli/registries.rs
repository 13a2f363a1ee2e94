//! The registries besides the kernels, as tables.

use super::Table;
use super::markdown::{codes, of_table};
use crate::data::{DATASETS, DatasetRow};
use crate::error::{Error, Result};
use crate::eval::METRICS;
use crate::methods::{self, METHODS};
use crate::nn::{LAYERS, ZOO, parse_layer};
use crate::records::OBJECTIVES;
use crate::run::experiments::EXPERIMENTS;
use crate::run::gradients::STATISTICS;
use crate::run::schema;
use crate::train::{OPTIMIZERS, SCHEDULES};

pub(super) fn layers() -> Result<Table> {
    let mut table = Table::new(&["type", "summary"]);
    LAYERS.iter().for_each(|l| table.row([l.kind, l.summary]));
    Ok(table)
}

/// An example of each layer in a configuration, the one that the tests run, every key written out.
pub(super) fn layer_keys() -> Result<String> {
    let mut text = String::new();
    for l in LAYERS {
        let example = toml::from_str(l.example).map_err(|e| Error::internal(format!("{}: {e}", l.kind)))?;
        let keys = toml::to_string(&parse_layer(example)?.config());
        let keys = keys.map_err(|e| Error::internal(format!("{}: {e}", l.kind)))?;
        text +=
            &format!("## `{}`\n\nOver inputs `{:?}`, for example:\n\n```toml\n{keys}```\n\n", l.kind, l.example_input);
    }
    Ok(text.trim_end().to_owned() + "\n")
}

pub(super) fn models() -> Result<Table> {
    let mut table = Table::new(&["zoo", "summary"]);
    ZOO.iter().for_each(|z| table.row([z.name, z.summary]));
    Ok(table)
}

pub(super) fn optimizers() -> Result<Table> {
    let mut table = Table::new(&["name", "kind", "summary"]);
    OPTIMIZERS.iter().for_each(|o| table.row([o.name, "optimizer", o.summary]));
    SCHEDULES.iter().for_each(|(name, summary)| table.row([name, "schedule", summary]));
    Ok(table)
}

pub(super) fn objectives() -> Result<Table> {
    let mut table = Table::new(&["name", "summary", "citation"]);
    OBJECTIVES.iter().for_each(|o| table.row([o.name, o.summary, o.citation]));
    Ok(table)
}

pub(super) fn methods() -> Result<Table> {
    let mut table = Table::new(&["name", "tier", "summary", "citation"]);
    METHODS.iter().for_each(|m| table.row([m.name, m.tier.as_str(), m.summary, m.citation]));
    Ok(table)
}

/// The settings of each method, for `--set` and `[forget.settings.NAME]`, with their defaults.
pub(super) fn method_settings() -> Result<String> {
    let mut text = String::new();
    for m in METHODS {
        let table = settings(m.name)?;
        let settings = if table.rows.is_empty() { "No settings.\n".to_owned() } else { of_table(&table) };
        text += &format!(
            "## `{}`\n\n*{}*: {}. Source: {}.\n\n{settings}\n",
            m.name,
            m.tier.as_str(),
            m.summary,
            m.citation
        );
    }
    Ok(text.trim_end().to_owned() + "\n")
}

/// The settings of a method, a row each; a default of `-` is chosen by the method.
///
/// # Errors
/// No method has this name.
pub(super) fn settings(method: &str) -> Result<Table> {
    let mut table = Table::new(&["setting", "default", "takes", "meaning"]);
    for setting in methods::find(method)?.settings() {
        let words = setting.words().iter().map(|(word, meaning)| format!("{word}: {meaning}")).collect::<Vec<_>>();
        let meaning = [setting.doc.to_owned(), words.join("; ")].join(" ");
        let default = setting.default().unwrap_or("-").to_owned();
        table.row([setting.key.to_owned(), default, setting.takes(), meaning.trim_end().to_owned()]);
    }
    Ok(table)
}

pub(super) fn metrics() -> Result<Table> {
    let mut table = Table::new(&["name", "keys", "range", "target", "citation"]);
    METRICS.iter().for_each(|m| {
        table.row([m.name.to_owned(), m.keys.join(" "), m.range.into(), m.target.as_str().into(), m.citation.into()]);
    });
    Ok(table)
}

pub(super) fn datasets() -> Result<Table> {
    let mut table = Table::new(&["loader", "summary", "licence", "citation"]);
    DATASETS.iter().for_each(|d| table.row([d.name, d.summary, d.licence, d.citation]));
    Ok(table)
}

/// The keys of `[data]` that each loader reads.
pub(super) fn loader_keys() -> Result<String> {
    let keys = |d: &&DatasetRow| format!("## `{}`\n\nKeys: {}.\n", d.name, codes(d.keys));
    Ok(DATASETS.iter().map(keys).collect::<Vec<_>>().join("\n"))
}

pub(super) fn experiments() -> Result<Table> {
    let mut table = Table::new(&["name", "demo", "summary"]);
    EXPERIMENTS.iter().for_each(|e| table.row([e.name, if e.demo { "yes" } else { "no" }, e.summary]));
    Ok(table)
}

/// Every key of a configuration.
pub(super) fn keys() -> Result<Table> {
    let mut table = Table::new(&["key", "takes", "default", "unit", "meaning"]);
    schema::keys().into_iter().for_each(|k| table.row([k.name, k.takes, k.default, k.unit, k.meaning]));
    Ok(table)
}

pub(super) fn statistics() -> Result<Table> {
    let mut table = Table::new(&["kind", "summary", "options"]);
    STATISTICS.iter().for_each(|s| {
        let options: Vec<_> = s.options.iter().map(|o| format!("--{o}")).collect();
        table.row([s.name, s.summary, &options.join(" ")]);
    });
    Ok(table)
}
