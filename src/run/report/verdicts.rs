//! Each method's verdict: a sentence for everybody, and every check with its figures for who wants them.

use super::html::{element, escape, folded, table};
use super::words;
use crate::eval::Outcome;
use crate::run::cells::ABSENT;
use crate::run::results::{Row, RowKind};

/// A paragraph for each method.
pub(super) fn sentences(rows: &[&Row]) -> String {
    let mut out = String::new();
    let mut methods: Vec<&&Row> = rows.iter().filter(|row| row.row == RowKind::Method).collect();
    // Passes first.
    methods.sort_by_key(|row| row.verdict.as_ref().map(|verdict| verdict.outcome) != Some(Outcome::Pass));
    for row in methods {
        let outcome = row.verdict.as_ref().map_or("inconclusive", |verdict| verdict.outcome.as_str());
        out.push_str(&format!(
            "<li class=\"{outcome}\"><b>{}</b> <span>{}</span></li>\n",
            escape(row.label()),
            escape(&words::verdict(row))
        ));
    }
    if out.is_empty() { out } else { format!("<ul class=\"verdicts\">\n{out}</ul>\n") }
}

/// Every check of every method, folded.
pub(super) fn checks(rows: &[&Row]) -> String {
    let mut out = String::new();
    for row in rows {
        let Some(verdict) = &row.verdict else { continue };
        let name = verdict.outcome.as_str();
        out.push_str(&format!(
            "<h5>{}: <span class=\"{name}\">{name}</span> · tier {}</h5>\n",
            escape(row.label()),
            row.tier.as_str()
        ));
        out.push_str(&element("p", &verdict.summary));
        let mut extra = Vec::new();
        extra.extend(verdict.grade.as_ref().map(|grade| format!("Average gap: {grade}.")));
        extra.extend(verdict.fast.map(|fast| match fast {
            true => "May be called fast: under a fifth of a retrain, precomputation included.".to_owned(),
            false => "May not be called fast: a fifth of a retrain or more, precomputation included.".to_owned(),
        }));
        if !verdict.not_measured.is_empty() {
            extra.push(format!("Not measured: {}.", verdict.not_measured.join(", ")));
        }
        out.push_str(&element("p", &extra.join(" ")));
        out.push_str("<ul>\n");
        for check in &verdict.checks {
            let (name, outcome) = (escape(&check.name), check.outcome.as_str());
            let reason = escape(&check.reason);
            out.push_str(&format!("<li><b>{name}</b>: <span class=\"{outcome}\">{outcome}</span>. {reason}</li>\n"));
        }
        out.push_str("</ul>\n");
    }
    if out.is_empty() { out } else { folded("more", false, "Every check of every method", &out) }
}

/// Where each row comes from, folded.
pub(super) fn provenance(rows: &[&Row]) -> String {
    let header = ["row", "tier", "seeds", "read", "adapter", "driver", "variants", "settings"].map(str::to_owned);
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let seeds = if row.seeds.is_empty() { vec![row.seed] } else { row.seeds.clone() };
            let variants = row.variants.iter().map(|(kernel, variant)| format!("{kernel} → {variant}"));
            vec![
                row.label().to_owned(),
                row.tier.as_str().to_owned(),
                joined(seeds.iter().map(u64::to_string)),
                joined(row.reads.iter().map(|read| read.as_str().to_owned())),
                format!("{} ({})", row.adapter.name, row.adapter.backend),
                row.adapter.driver.clone(),
                joined(variants),
                if row.settings.is_null() { ABSENT.to_owned() } else { row.settings.to_string() },
            ]
        })
        .collect();
    let hash = rows.first().map_or(String::new(), |row| format!(" Request {}.", row.request.hash));
    let table = table(&format!("How each row came about.{hash}"), &header, &cells);
    folded("more long", false, "Where each row comes from: seeds, settings, adapter, kernels", &table)
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    let text = parts.collect::<Vec<_>>().join(", ");
    if text.is_empty() { ABSENT.to_owned() } else { text }
}
