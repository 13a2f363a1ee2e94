//! Methods across experiments.

use super::charts::{self, Axis, Ink, Mark, RETRAIN, dots};
use super::html::{Figure, element, panel, table};
use crate::run::cells::ABSENT;
use crate::run::results::Row;
use crate::run::standings::{DISTANCE, LOST, RANK, Standing, TIME, choice, standings};

/// The section; empty for fewer than two experiments, or without a method in them.
pub(super) fn section(rows: &[Row]) -> String {
    let all = standings(rows);
    let Some(choice) = choice(&all) else { return String::new() };
    format!(
        "<section id=\"standings\">\n<h2>Methods across experiments</h2>\n{}{}{}</section>\n",
        element("p", &choice),
        table(
            "Means over experiments ± standard deviation; of ranks the 95 % confidence interval (Student's t)",
            &HEADER.map(str::to_owned),
            &all.iter().map(line).collect::<Vec<_>>()
        ),
        figure(&all)
    )
}

/// Columns of the table.
pub const HEADER: [&str; 9] = [
    "method",
    "experiments",
    "pass",
    "fail",
    "undecided",
    "rank",
    "distance, × of retrains' own",
    "test accuracy lost, points",
    "time, × of a retrain",
];

/// A method's cells.
pub fn line(standing: &Standing) -> Vec<String> {
    let spread = |key: &str| match (standing.mean(key), standing.over.sd.get(key)) {
        (Some(mean), Some(sd)) => format!("{mean:.2} ± {sd:.2}"),
        (Some(mean), None) => format!("{mean:.2}"),
        (None, _) => ABSENT.to_owned(),
    };
    let rank = match (standing.mean(RANK), standing.half(RANK)) {
        (Some(mean), Some(half)) => format!("{mean:.1} ({:.1} to {:.1})", (mean - half).max(1.0), mean + half),
        (Some(mean), None) => format!("{mean:.1}"),
        (None, _) => ABSENT.to_owned(),
    };
    let name = format!("{}{}", standing.method, if standing.unbeaten { " ★" } else { "" });
    let counts = [standing.tried, standing.passed, standing.failed, standing.tried - standing.passed - standing.failed];
    let counts = counts.map(|count| count.to_string());
    std::iter::once(name).chain(counts).chain([rank, spread(DISTANCE), spread(LOST), spread(TIME)]).collect()
}

fn figure(all: &[Standing]) -> String {
    let drawn: Vec<(usize, &Standing, Ink)> =
        all.iter().enumerate().map(|(i, standing)| (i + 1, standing, Ink::method(i))).collect();
    let points = |key: &str| -> Vec<(usize, f64, f64, Ink)> {
        let point = |(number, standing, ink): &(usize, &Standing, Ink)| {
            let time = standing.mean(TIME).filter(|time| *time > 0.0)?;
            Some((*number, time, standing.mean(key)?, *ink))
        };
        drawn.iter().filter_map(point).collect()
    };
    let mut body = String::new();
    for (name, key) in [("distance against time", DISTANCE), ("utility against time", LOST)] {
        let points = points(key);
        let times = || points.iter().map(|point| point.1);
        let (low, high) = points.iter().fold((0.0, 1.0), |(low, high), p| (f64::min(low, p.2), f64::max(high, p.2)));
        let room = 0.08 * (high - low);
        let label = if key == DISTANCE { "distance, × of retrains' own" } else { "test accuracy lost, points" };
        let low = if key == DISTANCE { 0.0 } else { low - room };
        let x =
            Axis::log("time, × of a retrain", (times().fold(0.2, f64::min) / 1.6, times().fold(1.0, f64::max) * 1.6));
        let level = [Mark::Level(if key == DISTANCE { 1.0 } else { 0.0 }, Ink::solid(RETRAIN))];
        if !points.is_empty() {
            let y = Axis::linear(label, (low, high + room));
            body.push_str(&panel(name, &charts::scatter(name, &x, &y, &points, &level)));
        }
    }
    if body.is_empty() {
        return String::new();
    }
    Figure {
        title: "Forgetting, utility and time across experiments",
        caption: "Means over experiments; left and low is best, and the green line is the retrains'. ★ marks methods \
                  that no other beats in distance, utility and time at once.",
        body,
        key: dots(drawn.iter().map(|(number, standing, ink)| (*number, &*standing.method, *ink, standing.unbeaten))),
        numbers: String::new(),
    }
    .html()
}
