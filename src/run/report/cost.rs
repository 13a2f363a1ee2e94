//! Forgetting, utility and time against each other.

use super::charts::{self, Axis, Ink, Mark, ORIGINAL, RETRAIN, dots, key};
use super::html::{Figure, panel, table};
use super::inks::inks;
use crate::run::cells::{ABSENT, plain, seconds};
use crate::run::results::{Row, RowKind};

/// A method's time, distance on the forgotten records, and loss of test accuracy in points; the first two are always
/// there.
struct Point<'a> {
    row: &'a Row,
    ink: Ink,
    number: usize,
    time: f64,
    distance: f64,
    lost: Option<f64>,
}

impl Point<'_> {
    /// Whether it is nowhere worse than another and somewhere better.
    fn beats(&self, other: &Point) -> bool {
        let pairs = [
            (self.time, other.time),
            (self.distance, other.distance),
            (self.lost.unwrap_or_default(), other.lost.unwrap_or_default()),
        ];
        pairs.iter().all(|(a, b)| a <= b) && pairs.iter().any(|(a, b)| a < b)
    }
}

/// The two pictures; empty where no method has both a time and a distance.
pub(super) fn figure(rows: &[&Row]) -> String {
    let points = points(rows);
    if points.is_empty() {
        return String::new();
    }
    let times = || points.iter().map(|point| point.time);
    let time =
        Axis::log("time, × of a retrain", (times().fold(0.2, f64::min) / 1.6, times().fold(1.0, f64::max) * 1.6));
    let level = |kind: RowKind, key: &str| rows.iter().find(|row| row.row == kind).and_then(|row| row.metrics.get(key));
    let (original, floor) = (level(RowKind::Original, "js.forget"), level(RowKind::Retrain, "js.noise_floor_forget"));
    let marks: Vec<Mark> = [(original, ORIGINAL), (floor, RETRAIN)]
        .into_iter()
        .filter_map(|(value, colour)| Some(Mark::Level(value?, Ink::solid(colour))))
        .collect();
    let up = Axis::from_zero("JS to the retrains", points.iter().map(|p| p.distance).chain(original).chain(floor));
    let dots: Vec<_> = points.iter().map(|p| (p.number, p.time, p.distance, p.ink)).collect();
    let mut body =
        panel("forgetting against time", &charts::scatter("forgetting against time", &time, &up, &dots, &marks));
    let lost: Vec<_> = points.iter().filter_map(|p| Some((p.number, p.time, p.lost?, p.ink))).collect();
    if !lost.is_empty() {
        let (low, high) = lost.iter().fold((0.0, 1.0), |(low, high), p| (f64::min(low, p.2), f64::max(high, p.2)));
        let room = 0.08 * (high - low);
        let up = Axis::linear("test accuracy lost, points", (low - room, high + room));
        let zero = [Mark::Level(0.0, Ink::solid(RETRAIN))];
        body.push_str(&panel(
            "utility against time",
            &charts::scatter("utility against time", &time, &up, &lost, &zero),
        ));
    }
    Figure {
        title: "Forgetting, utility and time",
        caption: "Left and low is best. Time is that of the method with its precomputation, as a multiple of one \
                  retrain: left of 0.2 it may be called fast. Distance is the Jensen–Shannon divergence to the \
                  retrains on the forgotten records: the orange line is doing nothing, the green one is how far \
                  retrains lie from each other. Utility is test accuracy lost against the retrain. ★ marks methods \
                  that no other beats in all three.",
        body,
        key: numbered(&points) + &key([("doing nothing", Ink::solid(ORIGINAL)), ("retrains", Ink::solid(RETRAIN))]),
        numbers: numbers(rows),
    }
    .html()
}

fn points<'a>(rows: &[&'a Row]) -> Vec<Point<'a>> {
    let retrain = rows.iter().find(|row| row.row == RowKind::Retrain);
    let key = super::accuracy::accuracies(rows)[2].1;
    let methods = inks(rows).into_iter().filter(|(row, _)| row.row == RowKind::Method);
    let point = |(number, (row, ink)): (usize, (&'a Row, Ink))| {
        let time = row.times_retrain().filter(|ratio| *ratio > 0.0)?;
        let lost = retrain.and_then(|retrain| Some(100.0 * (retrain.metrics.get(key)? - row.metrics.get(key)?)));
        Some(Point { row, ink, number: number + 1, time, distance: row.metrics.get("js.forget")?, lost })
    };
    methods.enumerate().filter_map(point).collect()
}

/// Which number is which method.
fn numbered(points: &[Point]) -> String {
    let best = |point: &Point| !points.iter().any(|other| other.beats(point));
    dots(points.iter().map(|point| (point.number, point.row.label(), point.ink, best(point))))
}

fn numbers(rows: &[&Row]) -> String {
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
    table("Cost and divergence", &header, &cells)
}
