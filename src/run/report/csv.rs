//! The report as CSV: a line for each row, a column for each figure that any row has.

use std::collections::BTreeSet;

use super::page::Page;
use crate::error::{Error, Result};
use crate::run::results::Row;

/// What every line begins with.
const FACTS: [&str; 17] = [
    "experiment",
    "family",
    "dataset",
    "request",
    "records",
    "row",
    "method",
    "tier",
    "seed",
    "seeds",
    "verdict",
    "summary",
    "method_s",
    "precompute_s",
    "retrain_s",
    "times_retrain",
    "adapter",
];

/// The whole table. A figure that was not measured is an empty cell; `sd.` is the sample standard deviation over seeds,
/// `interval.` half the width of the mean's 95 % confidence interval.
///
/// # Errors
/// None that is the caller's.
pub fn render(page: &Page) -> Result<String> {
    let keys: BTreeSet<String> = page.rows.iter().flat_map(figures).map(|(key, _)| key).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| Error::internal(format!("the report as CSV: {error}"));
    writer.write_record(FACTS.into_iter().chain(keys.iter().map(String::as_str))).map_err(failed)?;
    for row in page.rows {
        let figures: std::collections::BTreeMap<String, f64> = figures(row).collect();
        let cells = keys.iter().map(|key| figures.get(key).map_or(String::new(), f64::to_string));
        writer.write_record(facts(row).into_iter().chain(cells)).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| Error::internal(format!("the report as CSV: {error}")))?;
    String::from_utf8(bytes).map_err(|error| Error::internal(format!("the report as CSV: {error}")))
}

fn figures(row: &Row) -> impl Iterator<Item = (String, f64)> {
    let named = |prefix: &'static str| move |(key, value): (&str, f64)| (format!("{prefix}{key}"), value);
    let spread = row.sd.iter().map(named("sd.")).chain(row.interval.iter().map(named("interval.")));
    row.metrics.iter().map(named("")).chain(spread)
}

fn facts(row: &Row) -> [String; FACTS.len()] {
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let verdict = row.verdict.as_ref();
    [
        row.experiment.clone(),
        row.family.to_string(),
        row.dataset.clone(),
        row.request.kind.clone(),
        row.request.count.to_string(),
        row.row.as_str().to_owned(),
        row.method.clone(),
        row.tier.as_str().to_owned(),
        row.seed.to_string(),
        row.seeds.len().max(1).to_string(),
        verdict.map_or(String::new(), |verdict| verdict.outcome.as_str().to_owned()),
        verdict.map_or(String::new(), |verdict| verdict.summary.clone()),
        number(row.times.method_s),
        number(row.times.precompute_s),
        number(row.times.retrain_s),
        number(row.times_retrain()),
        format!("{} ({})", row.adapter.name, row.adapter.backend),
    ]
}
