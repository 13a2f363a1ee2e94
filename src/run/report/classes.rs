//! Which classes paid: accuracy of each, and which is taken for which.

use super::heat::{Cell, heat};
use super::html::{Figure, folded, panel, wide};
use super::words;
use crate::eval::confusion::Confusion;
use crate::run::results::{Row, RowKind};

/// Accuracy of each class on the test records, as the difference from the retrain.
pub(super) fn per_class(rows: &[&Row]) -> String {
    let all = confusions(rows);
    let Some((_, retrain)) = all.iter().find(|(row, _)| row.row == RowKind::Retrain) else { return String::new() };
    let classes: Vec<usize> = (0..retrain.classes).filter(|class| retrain.of_class(*class) > 0).collect();
    let lines: Vec<(String, Vec<Cell>)> = all
        .iter()
        .map(|(row, confusion)| {
            let cell = |&class: &usize| match (confusion.accuracy(class), retrain.accuracy(class)) {
                (Some(now), Some(_)) if row.row == RowKind::Retrain => {
                    Cell { text: format!("{:.1}", 100.0 * now), heat: 0.0 }
                }
                (Some(now), Some(target)) => difference(100.0 * (now - target), 25.0, 1),
                _ => Cell::empty(),
            };
            (row.label().to_owned(), classes.iter().map(cell).collect())
        })
        .collect();
    let columns: Vec<String> = classes.iter().map(|class| marked(rows, *class)).collect();
    Figure {
        title: "Accuracy of each class",
        caption: "On test records: the retrain's own accuracy in percent, and how many points every other model lies \
                  above it (blue) or below (red). • marks what was to be forgotten.",
        body: wide(&heat("Difference from the retrain, points", "class", &columns, &lines)),
        key: String::new(),
        numbers: String::new(),
    }
    .html()
}

/// A class, marked where it was to be forgotten.
fn marked(rows: &[&Row], class: usize) -> String {
    let forgotten = rows.iter().any(|row| row.request.classes.contains(&(class as u32)));
    format!("{}{class}", if forgotten { "• " } else { "" })
}

fn difference(value: f64, full: f64, digits: usize) -> Cell {
    match value == 0.0 {
        true => Cell { text: "0".into(), heat: 0.0 },
        false => Cell { text: format!("{value:+.digits$}").replace('-', "−"), heat: value / full },
    }
}

fn confusions<'a>(rows: &[&'a Row]) -> Vec<(&'a Row, &'a Confusion)> {
    rows.iter().filter_map(|row| Some((*row, row.pictures.as_ref()?.confusion.as_ref()?))).collect()
}

/// Confusion before, after and their difference: for the method to look at first, the others folded.
pub(super) fn confusion(rows: &[&Row]) -> String {
    let all = confusions(rows);
    let Some((_, before)) = all.iter().find(|(row, _)| row.row == RowKind::Original) else { return String::new() };
    let first = words::looked_at(rows);
    let mut body = panel("original (do nothing)", &counts(rows, before));
    let mut rest = String::new();
    for (row, after) in all.iter().filter(|(row, _)| !matches!(row.row, RowKind::Original | RowKind::AnotherRetrain)) {
        let name = row.label();
        let change = panel(&format!("{name} − original"), &changes(rows, before, after));
        let pair = panel(name, &counts(rows, after)) + &change;
        match row.row == RowKind::Retrain || first.is_some_and(|first| first.method == row.method) {
            true => body.push_str(&pair),
            false => rest.push_str(&pair),
        }
    }
    if !rest.is_empty() {
        body.push_str(&folded("more", false, "The other methods", &format!("<div class=\"charts\">{rest}</div>")));
    }
    Figure {
        title: "Which class is taken for which",
        caption: "Test records: each row is a true class, each column what is predicted; the diagonal is right. A \
                  difference shows how many records more (blue) or fewer (red) than before stand in a cell; empty is \
                  none. • marks what was to be forgotten.",
        body,
        key: String::new(),
        numbers: String::new(),
    }
    .html()
}

fn names(rows: &[&Row], confusion: &Confusion) -> Vec<String> {
    (0..confusion.classes).map(|class| marked(rows, class)).collect()
}

fn counts(rows: &[&Row], confusion: &Confusion) -> String {
    let line = |truth: usize| {
        let all = f64::from(confusion.of_class(truth).max(1));
        let cell = |predicted: usize| match confusion.at(truth, predicted) {
            0 => Cell::empty(),
            count => Cell { text: count.to_string(), heat: f64::from(count) / all },
        };
        (0..confusion.classes).map(cell).collect()
    };
    matrix(rows, confusion, line)
}

fn changes(rows: &[&Row], before: &Confusion, after: &Confusion) -> String {
    let line = |truth: usize| {
        let all = f64::from(before.of_class(truth).max(1));
        let change = |predicted: usize| f64::from(after.at(truth, predicted)) - f64::from(before.at(truth, predicted));
        let cell = |predicted: usize| match change(predicted) {
            0.0 => Cell::empty(),
            change => difference(change, all, 0),
        };
        (0..before.classes).map(cell).collect()
    };
    matrix(rows, before, line)
}

fn matrix(rows: &[&Row], confusion: &Confusion, line: impl Fn(usize) -> Vec<Cell>) -> String {
    let names = names(rows, confusion);
    let lines: Vec<(String, Vec<Cell>)> =
        names.iter().cloned().enumerate().map(|(truth, name)| (name, line(truth))).collect();
    heat("", "", &names, &lines)
}
