//! What a report shows of a request on a graph: accuracy by distance, deleted edges, planted classes.

use super::charts::{self, Axis, Line, key};
use super::html::{Figure, panel, table};
use super::inks::inks;
use crate::run::cells::{percent, plain};
use crate::run::results::{Row, RowKind};

/// Groups of hops as the metrics name them.
const HOPS: [&str; 5] = ["0", "1", "2", "3", "far"];

/// Test accuracy by hops from what was deleted, as the difference to the retrain: do the neighbours suffer?
pub(super) fn hops(rows: &[&Row]) -> String {
    let has = |hop: &str| rows.iter().any(|row| row.metrics.get(&accuracy(hop)).is_some());
    let hops: Vec<&str> = HOPS.into_iter().filter(|hop| has(hop)).collect();
    let retrain = rows.iter().find(|row| row.row == RowKind::Retrain);
    let (Some(retrain), false) = (retrain, hops.is_empty()) else { return String::new() };
    let place = |hop: &str| HOPS.iter().position(|name| *name == hop).map_or(0.0, |at| at as f64);
    let inks = inks(rows);
    let lines: Vec<Line> = inks
        .iter()
        .map(|(row, ink)| {
            let point = |hop: &&str| Some((place(hop), 100.0 * row.metrics.get(&accuracy(hop))?));
            Line { ink: *ink, points: hops.iter().filter_map(point).collect() }
        })
        .collect();
    let (low, high) = lines
        .iter()
        .flat_map(|line| &line.points)
        .fold((100.0, 0.0), |(low, high), point| (f64::min(low, point.1), f64::max(high, point.1)));
    let y = Axis::linear("test accuracy, %", ((low - 5.0f64).max(0.0), (high + 5.0f64).min(100.0)));
    let name = "accuracy by hop";
    let x = Axis::linear("hops from the deletion", (0.0, 4.0));
    let picture = charts::lines(name, &x, &y, &lines, &[], false);
    let count = |hop: &str| retrain.metrics.get(&format!("hops.{hop}.count")).map_or(0.0, |n| n);
    let heading = |hop: &str| match hop {
        "far" => format!("4 and more ({} nodes), %", count(hop)),
        hop => format!("{hop} ({} nodes), %", count(hop)),
    };
    let header: Vec<String> = std::iter::once("row".to_owned()).chain(hops.iter().map(|hop| heading(hop))).collect();
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let each = hops.iter().map(|hop| percent(row, &accuracy(hop)));
            std::iter::once(row.label().to_owned()).chain(each).collect()
        })
        .collect();
    Figure {
        title: "Are the neighbours harmed?",
        caption: "Test accuracy by hops from what was deleted; 4 stands for four and more, or not connected. A method \
                  should lie where the retrain lies, near the deletion too.",
        body: panel(name, &picture),
        key: key(inks.iter().map(|(row, ink)| (row.label(), *ink))),
        numbers: table("Test accuracy by hop, mean ± standard deviation", &header, &cells),
    }
    .html()
}

fn accuracy(hop: &str) -> String {
    format!("hops.{hop}.accuracy")
}

/// Deleted edges told from strangers, and nodes still predicted as a planted class, where either was measured.
pub(super) fn traces(rows: &[&Row]) -> String {
    let columns: Vec<(&str, &str)> = [
        ("edges.deleted_auc", "deleted edges against strangers, AUC"),
        ("replay.forget", "deleted nodes predicted as the planted class, %"),
        ("replay.test", "test nodes predicted as the planted class, %"),
    ]
    .into_iter()
    .filter(|(key, _)| rows.iter().any(|row| row.metrics.get(key).is_some()))
    .collect();
    if columns.is_empty() {
        return String::new();
    }
    let heads = columns.iter().map(|(_, head)| (*head).to_owned());
    let header: Vec<String> = std::iter::once("row".to_owned()).chain(heads).collect();
    let value = |row: &Row, key: &str| if key.starts_with("edges") { plain(row, key, 3) } else { percent(row, key) };
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            std::iter::once(row.label().to_owned()).chain(columns.iter().map(|(key, _)| value(row, key))).collect()
        })
        .collect();
    table("Traces of the deleted records; the target is the retrain's value", &header, &cells)
}
