//! The section of one experiment.

use super::html::{anchor, element, escape, table};
use super::{accuracy, classes, cost, curves, graph, layers, membership, records, texts, verdicts, words};
use crate::run::cells::{ABSENT, columns, heading};
use crate::run::curve::Curve;
use crate::run::results::{Row, RowKind};

/// Everything about one experiment, folded unless `open`. The anchor lies inside, so that a link unfolds it.
pub(super) fn section(place: usize, name: &str, rows: &[&Row], curve: Option<&Curve>, open: bool) -> String {
    let columns = columns(rows);
    let header: Vec<String> = columns.iter().map(|column| column.heading.clone()).collect();
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| columns.iter().map(|column| (column.cell)(row)).collect()).collect();
    let open = if open { " open" } else { "" };
    let mut out = format!(
        "<details class=\"experiment\"{open}><summary><h2>{}</h2> <span>{}</span></summary>\n<div id=\"{}\">\n",
        escape(name),
        escape(&words::done(rows)),
        anchor(place, name)
    );
    out.push_str(&words::plain(rows).map_or(String::new(), |said| element("p", &said)));
    out.push_str(&element("p", &format!("{} {}", words::asked(rows), words::recommendation(rows))));
    out.push_str(&format!("<p class=\"soft\">{}</p>\n", escape(&heading(name, rows))));
    out.push_str(&verdicts::sentences(rows));
    out.push_str(&table("Comparison", &header, &cells));
    out.push_str(&intervals(rows));
    out.push_str(&notes(rows));
    out.push_str(&texts::figure(rows));
    for figure in [accuracy::figure, graph::hops, graph::traces, membership::roc, membership::scores, cost::figure] {
        out.push_str(&figure(rows));
    }
    for figure in [classes::per_class, classes::confusion, records::figure, layers::importance, layers::distance] {
        out.push_str(&figure(rows));
    }
    out.push_str(&curve.map_or(String::new(), |curve| curves::of_experiment(curve, rows)));
    out.push_str(&verdicts::checks(rows));
    out.push_str(&verdicts::provenance(rows));
    out.push_str("<p class=\"up\"><a href=\"#summary\">Summary</a></p>\n</div>\n</details>\n");
    out
}

/// What the means over seeds are known to, where there are several seeds.
fn intervals(rows: &[&Row]) -> String {
    let [forget, retain, test] = accuracy::accuracies(rows);
    let auc = match membership::is_same_class(rows) {
        true => "membership_same_class.auc",
        false => "membership.auc",
    };
    let keys = [forget, retain, test, ("JS forget", "js.forget"), ("membership AUC", auc)];
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
    let caption = "95 % confidence intervals of the means over seeds (Student's t)";
    super::html::folded("more", false, caption, &table(caption, &header, &rows.iter().map(line).collect::<Vec<_>>()))
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
