//! What the models say of single forgotten records.

use super::heat::{Cell, heat};
use super::html::{Figure, panel, wide};
use crate::run::pictures::Said;
use crate::run::results::Row;

/// The records that the original betrays most, one table each.
pub(super) fn figure(rows: &[&Row]) -> String {
    let all: Vec<(&Row, &Vec<Said>)> =
        rows.iter().filter_map(|row| Some((*row, &row.pictures.as_ref()?.records))).collect();
    let most = all.iter().map(|(_, records)| records.len()).max().unwrap_or_default();
    let body: String = (0..most).filter_map(|at| record(at, &all)).collect();
    if body.is_empty() {
        return String::new();
    }
    Figure {
        title: "What the models say of single records",
        caption: "The forgotten records that the original gives away most: probability of each class in percent, by \
                  every model. • marks the true class. A model that has forgotten says what the retrains say. Records \
                  are not named here.",
        body: wide(&body),
        key: String::new(),
        numbers: String::new(),
    }
    .html()
}

fn record(at: usize, all: &[(&Row, &Vec<Said>)]) -> Option<String> {
    let first = all.iter().find_map(|(_, records)| records.get(at))?;
    let mark = |class: usize| format!("{}{class}", if class == first.class as usize { "• " } else { "" });
    let columns: Vec<String> = (0..first.logits.len()).map(mark).collect();
    let line = |(row, records): &(&Row, &Vec<Said>)| {
        let cells = softmax(&records.get(at)?.logits).into_iter().map(|p| match (100.0 * p).round() {
            0.0 => Cell::empty(),
            percent => Cell { text: format!("{percent:.0}"), heat: p },
        });
        Some((row.label().to_owned(), cells.collect()))
    };
    let lines: Vec<(String, Vec<Cell>)> = all.iter().filter_map(line).collect();
    Some(panel(&format!("record {} of class {}", at + 1, first.class), &heat("", "class", &columns, &lines)))
}

fn softmax(logits: &[f32]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let each: Vec<f64> = logits.iter().map(|z| f64::from(z - most).exp()).collect();
    let sum: f64 = each.iter().sum();
    each.into_iter().map(|e| e / sum).collect()
}
