//! Where in the network forgetting happened: what a dampening chose from, and how far each layer moved.

use super::charts::{self, Axis, Ink, Line, Mark, RETRAIN, tick};
use super::heat::{Cell, heat};
use super::html::{Figure, panel, table, wide};
use super::inks::inks;
use crate::methods::Ratios;
use crate::run::results::Row;

/// By what factor parameters matter more to the forgotten records, with the line above which they are dampened.
pub(super) fn importance(rows: &[&Row]) -> String {
    let all: Vec<(&Row, Ink, &Ratios)> = inks(rows)
        .into_iter()
        .filter_map(|(row, ink)| Some((row, ink, row.pictures.as_ref()?.importance.as_ref()?)))
        .collect();
    let mut body = String::new();
    for (row, ink, ratios) in &all {
        let log10 = &ratios.log10;
        let total = f64::from(log10.total().max(1));
        let shares: Vec<f64> = log10.counts.iter().map(|count| 100.0 * f64::from(*count) / total).collect();
        let last = shares.last().copied().unwrap_or_default();
        let points: Vec<(f64, f64)> = log10.edges().into_iter().zip(shares.into_iter().chain([last])).collect();
        let y = Axis::from_zero("parameters, %", points.iter().map(|point| point.1));
        let x = Axis::linear("powers of ten of the ratio", (log10.low, log10.high));
        let alpha = ratios.alpha.max(f64::MIN_POSITIVE).log10().clamp(log10.low, log10.high);
        let marks = [Mark::Band(alpha, log10.high, Ink::solid(RETRAIN)), Mark::At(alpha, Ink::solid(RETRAIN))];
        let line = Line { ink: Ink::solid(ink.colour), points };
        body.push_str(&panel(row.label(), &charts::lines(row.label(), &x, &y, &[line], &marks, true)));
    }
    if body.is_empty() {
        return String::new();
    }
    let header = ["row", "dampened above the ratio", "parameters with a ratio", "without"].map(str::to_owned);
    let cells: Vec<Vec<String>> = all
        .iter()
        .map(|(row, _, r)| vec![row.label().into(), tick(r.alpha), r.log10.total().to_string(), r.idle.to_string()])
        .collect();
    Figure {
        title: "What a dampening chose from",
        caption: "Fisher information of each parameter on the forgotten records over that on all records, in powers \
                  of ten: 0 matters equally to both, 1 ten times as much to the forgotten ones. Parameters right of \
                  the green line are dampened; values beyond the axis stand at its ends.",
        body,
        key: String::new(),
        numbers: table("Ratios of importances", &header, &cells),
    }
    .html()
}

/// How far each layer's weights moved from the original's.
pub(super) fn distance(rows: &[&Row]) -> String {
    let all: Vec<(&Row, _)> = rows
        .iter()
        .filter_map(|row| Some((*row, &row.pictures.as_ref()?.layers)))
        .filter(|(_, layers)| !layers.is_empty())
        .collect();
    let Some((_, first)) = all.first() else { return String::new() };
    let columns: Vec<String> = first.iter().map(|moved| moved.layer.clone()).collect();
    let cell = |by: f64| {
        let text = if by == 0.0 { "0".into() } else { format!("{by:.3}") };
        // Half of what a retrain moves, which begins elsewhere, is far already.
        Cell { text, heat: (by / 0.7).min(1.0) }
    };
    let lines: Vec<(String, Vec<Cell>)> = all
        .iter()
        .map(|(row, layers)| {
            let of = |column: &String| layers.iter().find(|moved| moved.layer == *column);
            let cells = columns.iter().map(|column| of(column).map_or_else(Cell::empty, |moved| cell(moved.by)));
            (row.label().to_owned(), cells.collect())
        })
        .collect();
    Figure {
        title: "How far each layer moved",
        caption: "Distance of a layer's weights from the original's, as a share of their length: 0 has not moved. \
                  Retrains begin from other random weights and so lie far away, about 1.4, whatever they know; among \
                  methods this shows where in the network they work.",
        body: wide(&heat("‖θ − original‖ / ‖original‖", "layer", &columns, &lines)),
        key: String::new(),
        numbers: String::new(),
    }
    .html()
}
