//! What an attacker can tell: the ROC of the attack, and the scores that it works on.

use super::charts::{self, Axis, Ink, Line, ORIGINAL, PLAIN, key};
use super::html::{Figure, folded, panel, table};
use super::inks::inks;
use super::words;
use crate::base::Histogram;
use crate::run::cells::{percent, plain};
use crate::run::pictures::Scores;
use crate::run::results::{Row, RowKind};

/// The lowest rate drawn on the logarithmic axes of the ROC; lower ones, 0 among them, stand there.
const FLOOR: f64 = 1e-3;

/// The ROC; empty where nothing was attacked.
pub(super) fn roc(rows: &[&Row]) -> String {
    let drawn: Vec<(&Row, Ink)> = inks(rows).into_iter().filter(|(row, _)| !row.roc.is_empty()).collect();
    if drawn.is_empty() {
        return String::new();
    }
    let guess = Line { ink: Ink { colour: PLAIN, dash: 2 }, points: vec![(FLOOR, FLOOR), (1.0, 1.0)] };
    let curve = |(row, ink): &(&Row, Ink)| {
        let points = row.roc.iter().map(|point| (point[0], point[1])).collect();
        Line { ink: *ink, points }
    };
    let lines: Vec<Line> = std::iter::once(guess.clone()).chain(drawn.iter().map(curve)).collect();
    let (x, y) = ("false-positive rate", "true-positive rate");
    let name = "attack, both axes logarithmic";
    let picture = charts::lines(name, &Axis::log(x, (FLOOR, 1.0)), &Axis::log(y, (FLOOR, 1.0)), &lines, &[], false);
    let (attack, held_out) = match is_same_class(rows) {
        true => ("membership_same_class", "test records of the same class"),
        false => ("membership", "test records"),
    };
    let caption = format!(
        "Whoever knows the loss of a record guesses whether it was trained on: forgotten records against {held_out}. \
         Up: how many forgotten records are called so; right: how many others are called so wrongly, down to one in a \
         thousand. The target is the retrain's line. A line above it gives the forgotten records away, and so does \
         one far below."
    );
    let entries = drawn.iter().map(|(row, ink)| (row.label(), *ink)).chain([("guessing", guess.ink)]);
    let entries = key(entries);
    let figure = Figure {
        title: "Membership attack",
        caption: &caption,
        body: panel(name, &picture),
        key: entries,
        numbers: numbers(rows, attack),
    };
    figure.html()
}

/// Whether the attack is against records of the forgotten classes alone.
pub(super) fn is_same_class(rows: &[&Row]) -> bool {
    rows.iter().any(|row| row.metrics.get("membership_same_class.auc").is_some())
}

fn numbers(rows: &[&Row], attack: &str) -> String {
    let header = ["row", "AUC", "standard error", "TPR at 1 % FPR, %"].map(str::to_owned);
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let key = |name: &str| format!("{attack}.{name}");
            let (auc, se) = (plain(row, &key("auc"), 3), plain(row, &key("se"), 3));
            vec![row.label().to_owned(), auc, se, percent(row, &key("tpr_at_1_fpr"))]
        })
        .collect();
    table("Membership attack", &header, &cells)
}

/// Histograms of scores: those of the controls and of the method to look at first, the others folded.
pub(super) fn scores(rows: &[&Row]) -> String {
    let all: Vec<(&Row, &Scores)> =
        rows.iter().filter_map(|row| Some((*row, row.pictures.as_ref()?.scores.as_ref()?))).collect();
    let Some((_, first)) = all.first() else { return String::new() };
    let axis = (first.forget.low, first.forget.high);
    let drawn = all.iter().filter(|(row, _)| row.row != RowKind::AnotherRetrain);
    let top = drawn.flat_map(|(_, s)| [&s.forget, &s.held_out]).flat_map(shares).fold(0.0, f64::max);
    let y = Axis::linear("records, %", (0.0, 1.05 * top.max(1.0)));
    let draw = |(row, scores): &(&Row, &Scores)| {
        let line = |histogram: &Histogram, ink: Ink| Line { ink, points: steps(histogram) };
        let lines = [line(&scores.held_out, Ink::dashed(PLAIN)), line(&scores.forget, Ink::solid(ORIGINAL))];
        let x = Axis::linear("log-odds of the true class", axis);
        panel(row.label(), &charts::lines(row.label(), &x, &y, &lines, &[], true))
    };
    let first = words::looked_at(rows);
    let open = |row: &Row| row.row != RowKind::Method || first.is_some_and(|first| first.method == row.method);
    let (open, closed): (Vec<_>, Vec<_>) =
        all.iter().copied().filter(|(row, _)| row.row != RowKind::AnotherRetrain).partition(|(row, _)| open(row));
    let mut body: String = open.iter().map(draw).collect();
    if !closed.is_empty() {
        let rest: String = closed.iter().map(draw).collect();
        body.push_str(&folded("more", false, "The other methods", &format!("<div class=\"charts\">{rest}</div>")));
    }
    Figure {
        title: "How sure the model is of a record",
        caption: "Log-odds ln p / (1 − p) of the true class: right is sure, 0 is even, left is wrong. Where the \
                  forgotten records (solid) lie to the right of records never seen (dashed), they are remembered. The \
                  retrain shows how the two should lie.",
        body,
        key: key([("forgotten records", Ink::solid(ORIGINAL)), ("records never seen", Ink::dashed(PLAIN))]),
        numbers: score_numbers(&all),
    }
    .html()
}

/// Share of the records in each bin, in percent.
fn shares(histogram: &Histogram) -> Vec<f64> {
    let total = f64::from(histogram.total().max(1));
    histogram.counts.iter().map(|count| 100.0 * f64::from(*count) / total).collect()
}

/// The outline: up from 0, along each bin, down to 0.
fn steps(histogram: &Histogram) -> Vec<(f64, f64)> {
    let (edges, shares) = (histogram.edges(), shares(histogram));
    let last = shares.last().copied().unwrap_or_default();
    edges.iter().copied().zip(shares.into_iter().chain([last])).collect()
}

fn score_numbers(all: &[(&Row, &Scores)]) -> String {
    let header =
        ["row", "forgotten: lowest quarter below", "half below", "never seen: lowest quarter below", "half below"];
    let below = |histogram: &Histogram, share: f64| {
        let goal = share * f64::from(histogram.total());
        let mut sum = 0.0;
        let bin = histogram.counts.iter().position(|count| {
            sum += f64::from(*count);
            sum >= goal
        });
        bin.map_or(String::new(), |bin| format!("{:.0}", histogram.edges()[bin + 1]))
    };
    let line = |(row, scores): &(&Row, &Scores)| {
        let each = [&scores.forget, &scores.held_out].into_iter().flat_map(|h| [below(h, 0.25), below(h, 0.5)]);
        std::iter::once(row.label().to_owned()).chain(each).collect::<Vec<_>>()
    };
    let cells: Vec<Vec<String>> = all.iter().map(line).collect();
    table(
        "Log-odds, to the width of a bin; the ends of the axis hold what lies beyond",
        &header.map(str::to_owned),
        &cells,
    )
}
