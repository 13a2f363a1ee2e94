//! The section of one experiment.

use super::charts::{self, Level, Line, ORIGINAL, RETRAIN, method_colour};
use super::graph;
use super::html::{element, escape, figure, table};
use crate::run::cells::{ABSENT, columns, heading, percent, plain, seconds};
use crate::run::results::{Row, RowKind};

/// Everything about one experiment: comparison, charts, verdicts and where each row comes from.
pub(super) fn section(name: &str, rows: &[&Row]) -> String {
    let columns = columns(rows);
    let header: Vec<String> = columns.iter().map(|column| column.heading.clone()).collect();
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| columns.iter().map(|column| (column.cell)(row)).collect()).collect();
    let mut out = format!("<section>\n{}", element("h2", name));
    out.push_str(&element("p", &heading(name, rows)));
    out.push_str(&table("Comparison", &header, &cells));
    out.push_str(&intervals(rows));
    out.push_str(&notes(rows));
    out.push_str(&accuracy_figure(rows));
    out.push_str(&graph::hops(rows));
    out.push_str(&graph::traces(rows));
    out.push_str(&membership_figure(rows));
    out.push_str(&cost_figure(rows));
    out.push_str(&verdicts(rows));
    out.push_str(&provenance(rows));
    out.push_str("</section>\n");
    out
}

/// What the means over seeds are known to, where there are several seeds.
fn intervals(rows: &[&Row]) -> String {
    let [forget, retain, test] = accuracies(rows);
    let keys = [forget, retain, test, ("JS forget", "js.forget"), ("membership AUC", "membership.auc")];
    let known = |(_, key): &&(&str, &str)| rows.iter().any(|row| row.interval.get(key).is_some());
    let keys: Vec<&(&str, &str)> = keys.iter().filter(known).collect();
    if keys.is_empty() {
        return String::new();
    }
    let header: Vec<String> =
        ["row", "seeds"].into_iter().chain(keys.iter().map(|(name, _)| *name)).map(str::to_owned).collect();
    let cell = |row: &Row, key: &str| match (row.metrics.get(key), row.interval.get(key)) {
        (Some(mean), Some(half)) => format!("{:.4} to {:.4}", mean - half, mean + half),
        _ => ABSENT.to_owned(),
    };
    let line = |row: &&Row| {
        let each = keys.iter().map(|(_, key)| cell(row, key));
        [row.label().to_owned(), row.seeds.len().max(1).to_string()].into_iter().chain(each).collect()
    };
    table(
        "95 % confidence intervals of the means over seeds (Student's t)",
        &header,
        &rows.iter().map(line).collect::<Vec<_>>(),
    )
}

fn notes(rows: &[&Row]) -> String {
    let mut out = String::new();
    for kind in [RowKind::Original, RowKind::Retrain, RowKind::AnotherRetrain] {
        if rows.iter().all(|row| row.row != kind) {
            out.push_str(&element(
                "p",
                &format!("The row “{}” is missing: no claim can be controlled.", kind.as_str()),
            ));
        }
    }
    for row in rows {
        if let Some(note) = &row.note {
            out.push_str(&element("p", &format!("{}: {note}", row.label())));
        }
    }
    out
}

/// Each row with its colour: original, retrains, then the methods in their order.
pub(super) fn coloured<'a>(rows: &[&'a Row]) -> Vec<(&'a Row, &'static str)> {
    let mut methods = 0;
    rows.iter()
        .map(|&row| match row.row {
            RowKind::Original => (row, ORIGINAL),
            RowKind::Retrain | RowKind::AnotherRetrain => (row, RETRAIN),
            RowKind::Method => {
                methods += 1;
                (row, method_colour(methods - 1))
            }
        })
        .collect()
}

/// Title and key of the three accuracies; for class requests test means the retained classes.
fn accuracies(rows: &[&Row]) -> [(&'static str, &'static str); 3] {
    let test = match rows.iter().any(|row| row.request.is_class()) {
        true => ("test accuracy, retained classes", "class_request.retained_test_accuracy"),
        false => ("test accuracy", "splits.test.accuracy"),
    };
    [("forget accuracy", "splits.forget.accuracy"), ("retain accuracy", "splits.retain.accuracy"), test]
}

fn accuracy_figure(rows: &[&Row]) -> String {
    let retrain = rows.iter().find(|row| row.row == RowKind::Retrain);
    let (mut absolute, mut relative) = (Vec::new(), Vec::new());
    for (title, key) in accuracies(rows) {
        let mut values: Vec<(&str, f64, &str)> = coloured(rows)
            .into_iter()
            .filter_map(|(row, colour)| Some((row.label(), 100.0 * row.metrics.get(key)?, colour)))
            .collect();
        let mean = retrain.and_then(|row| row.metrics.get(key)).map(|mean| 100.0 * mean);
        let sd = retrain.and_then(|row| row.sd.get(key)).map_or(0.0, |sd| 100.0 * sd);
        if values.is_empty() {
            continue;
        }
        absolute.push(charts::bars(title, &values, mean.map(|mean| (mean, sd))));
        if let Some(mean) = mean {
            values.iter_mut().for_each(|value| value.1 -= mean);
            relative.push(charts::differences(&format!("{title} − retrain"), &values, sd));
        }
    }
    if absolute.is_empty() {
        return String::new();
    }
    let names = accuracies(rows).map(|(title, _)| format!("{title}, %"));
    let header: Vec<String> = std::iter::once("row".to_owned()).chain(names).collect();
    let cell = |row: &Row| accuracies(rows).map(|(_, key)| percent(row, key));
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| std::iter::once(row.label().to_owned()).chain(cell(row)).collect()).collect();
    figure(
        "Accuracy before, after and retrained: on the whole scale, and as the difference to the retrain. The line and \
         the band are the retrain's mean ± standard deviation: the target.",
        &[absolute, relative].concat(),
        &table("Accuracy, mean ± standard deviation", &header, &cells),
    )
}

fn membership_figure(rows: &[&Row]) -> String {
    let curves: Vec<Line> = coloured(rows)
        .into_iter()
        .filter(|(row, _)| !row.roc.is_empty())
        .map(|(row, colour)| Line {
            label: row.label(),
            colour,
            points: row.roc.iter().map(|p| (p[0], p[1])).collect(),
        })
        .collect();
    if curves.is_empty() {
        return String::new();
    }
    let (attack, held_out) = match rows.iter().any(|row| row.metrics.get("membership_same_class.auc").is_some()) {
        true => ("membership_same_class", "test records of the same class"),
        false => ("membership", "test records"),
    };
    let header = ["row", "AUC", "standard error", "TPR at 1 % FPR, %"].map(str::to_owned);
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let key = |name: &str| format!("{attack}.{name}");
            let (auc, se) = (plain(row, &key("auc"), 3), plain(row, &key("se"), 3));
            vec![row.label().to_owned(), auc, se, percent(row, &key("tpr_at_1_fpr"))]
        })
        .collect();
    let caption = format!(
        "Loss-threshold membership attack, forgotten records against {held_out}. The target is the retrain's curve; a \
         curve far below it betrays the forgotten records as well as one far above. Rates under 0.001 are drawn there."
    );
    figure(&caption, &[charts::roc("membership attack", &curves)], &table("Membership attack", &header, &cells))
}

fn cost_figure(rows: &[&Row]) -> String {
    let points: Vec<(&str, f64, f64, &str)> = coloured(rows)
        .into_iter()
        .filter_map(|(row, colour)| {
            let cost = row.times_retrain().filter(|&ratio| ratio > 0.0)?;
            Some((row.label(), cost, row.metrics.get("js.forget")?, colour))
        })
        .collect();
    if points.is_empty() {
        return String::new();
    }
    let level = |kind: RowKind, key: &str| rows.iter().find(|row| row.row == kind).and_then(|row| row.metrics.get(key));
    let mut levels = Vec::new();
    if let Some(value) = level(RowKind::Original, "js.forget") {
        levels.push(Level { label: "doing nothing", colour: ORIGINAL, value });
    }
    if let Some(value) = level(RowKind::Retrain, "js.noise_floor_forget") {
        levels.push(Level { label: "noise floor", colour: RETRAIN, value });
    }
    let header =
        ["row", "method, s", "precomputation, s", "retrain, s", "× of retrain", "JS forget"].map(str::to_owned);
    let time = |value: Option<f64>| value.map_or(ABSENT.to_owned(), seconds);
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.label().to_owned(),
                time(row.times.method_s),
                time(row.times.precompute_s),
                time(row.times.retrain_s),
                row.times_retrain().map_or(ABSENT.to_owned(), |ratio| format!("{ratio:.3}")),
                plain(row, "js.forget", 4),
            ]
        })
        .collect();
    figure(
        "Cost against forgetting: Jensen–Shannon divergence to the retrains on the forget set (lower is nearer), and \
            time \
         with precomputation as a multiple of one retrain. Left of 0.2 a method may be called fast.",
        &[charts::scatter("cost against forgetting", "time, × of a retrain", "JS on the forget set", &points, &levels)],
        &table("Cost and divergence", &header, &cells),
    )
}

fn verdicts(rows: &[&Row]) -> String {
    let mut out = String::new();
    for row in rows {
        let Some(verdict) = &row.verdict else { continue };
        let name = verdict.outcome.as_str();
        out.push_str(&format!(
            "<h3>{}: <span class=\"{name}\">{name}</span> · tier {}</h3>\n",
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
    out
}

fn provenance(rows: &[&Row]) -> String {
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
    table(&format!("How each row came about.{hash}"), &header, &cells)
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    let text = parts.collect::<Vec<_>>().join(", ");
    if text.is_empty() { ABSENT.to_owned() } else { text }
}
