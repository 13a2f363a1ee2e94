//! The registries besides the kernels, as tables.

use super::Table;
use crate::data::DATASETS;
use crate::error::Result;
use crate::eval::METRICS;
use crate::methods::METHODS;
use crate::nn::{LAYERS, ZOO};
use crate::run::experiments::EXPERIMENTS;
use crate::run::gradients::STATISTICS;
use crate::train::{OPTIMIZERS, SCHEDULES};

pub(super) fn layers() -> Result<Table> {
    let mut table = Table::new(&["type", "summary"]);
    LAYERS.iter().for_each(|l| table.row([l.kind, l.summary]));
    Ok(table)
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

pub(super) fn methods() -> Result<Table> {
    let mut table = Table::new(&["name", "tier", "summary", "citation"]);
    METHODS.iter().for_each(|m| table.row([m.name, m.tier.as_str(), m.summary, m.citation]));
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

pub(super) fn experiments() -> Result<Table> {
    let mut table = Table::new(&["name", "demo", "summary"]);
    EXPERIMENTS.iter().for_each(|e| table.row([e.name, if e.demo { "yes" } else { "no" }, e.summary]));
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
