//! Learning curves: training with validation, and what came after it.

use super::charts::{self, Axis, Ink, Line, Mark, ORIGINAL, PLAIN, key};
use super::html::{Figure, panel, table};
use super::inks::inks;
use crate::run::cells::{ABSENT, seconds};
use crate::run::curve::{Curve, CurvePoint};
use crate::run::results::Row;

/// Rows of a curve's table at most; the file has them all.
const CURVE_ROWS: usize = 12;

/// Name of a line, its ink and the curve that it is drawn from.
type Named<'a> = (String, Ink, &'a Curve);

/// A value of a point, and its factor on the axis.
type Field = (fn(&CurvePoint) -> Option<f64>, f64);

/// An experiment's training, with validation dashed, and each method's fit after it on a shaded ground.
pub(super) fn of_experiment(curve: &Curve, rows: &[&Row]) -> String {
    let ink = Ink::solid(ORIGINAL);
    let training = [("training".to_owned(), ink, curve)];
    let phases = curve.phases();
    let colours = inks(rows);
    let of = |method: &str| colours.iter().find(|(row, _)| row.method == method).map_or(ink, |(_, ink)| *ink);
    let after: Vec<Named> = phases.iter().map(|phase| (phase.label.clone(), of(&phase.label), phase)).collect();
    let mut body = pictures("training", &training, false);
    body.push_str(&pictures("forgetting", &after, true));
    if body.is_empty() {
        return String::new();
    }
    let validated = curve.points.iter().any(|point| point.validation.is_some());
    let mut entries: Vec<(&str, Ink)> = vec![("training records", ink)];
    entries.extend(validated.then_some(("validation records", Ink::dashed(ink.colour))));
    entries.extend(after.iter().map(|(name, ink, _)| (name.as_str(), *ink)));
    let cells: Vec<Vec<String>> =
        std::iter::once(curve).chain(&phases).flat_map(|curve| cells(curve, curve.label.as_str())).collect();
    Figure {
        title: "Learning curves",
        caption: "The original's training, and on the shaded ground the methods that forget by training on: loss and \
                  accuracy on the records that they are fitted to, from the first step of forgetting.",
        body,
        key: key(entries),
        numbers: table(&caption(), &header(), &cells),
    }
    .html()
}

fn caption() -> String {
    format!("At most {CURVE_ROWS} lines of each curve, evenly spaced")
}

fn header() -> Vec<String> {
    ["run", "epoch", "step", "loss", "accuracy, %", "validation loss", "validation accuracy, %", "learning rate", "s"]
        .map(str::to_owned)
        .to_vec()
}

/// The section with curves that belong to no experiment; empty without any.
pub(super) fn section(curves: &[&Curve]) -> String {
    let phases: Vec<Curve> = curves.iter().flat_map(|curve| curve.phases()).collect();
    let trained: Vec<&Curve> = curves.iter().copied().filter(|curve| !curve.points.is_empty()).collect();
    let all = trained.iter().copied().chain(&phases).enumerate();
    let named: Vec<Named> = all.map(|(i, curve)| (curve.label.clone(), Ink::method(i), curve)).collect();
    let (before, after) = named.split_at(trained.len());
    let body = pictures("training", before, false) + &pictures("forgetting", after, true);
    if body.is_empty() {
        return String::new();
    }
    let cells: Vec<Vec<String>> = named.iter().flat_map(|(name, _, curve)| cells(curve, name)).collect();
    let figure = Figure {
        title: "Loss and accuracy by step",
        caption: "On the records that are fitted to, in training and, on the shaded ground, in forgetting; a run's \
                  validation records are dashed where there is one run.",
        body,
        key: key(named.iter().map(|(name, ink, _)| (name.as_str(), *ink))),
        numbers: table(&caption(), &header(), &cells),
    };
    format!("<section id=\"training\">\n<h2>Training</h2>\n{}</section>\n", figure.html())
}

/// Loss and accuracy of some curves; without points nothing.
fn pictures(what: &str, curves: &[Named], shaded: bool) -> String {
    let axis = if curves.iter().all(|(.., curve)| curve.has_steps()) { "step" } else { "epoch or step" };
    let losses: [Field; 2] = [(|point| point.loss, 1.0), (|point| Some(point.validation?.loss), 1.0)];
    let shares: [Field; 2] = [(|point| point.accuracy, 100.0), (|point| point.validation?.accuracy, 100.0)];
    [("loss", "mean loss", losses), ("accuracy", "accuracy, %", shares)]
        .into_iter()
        .filter_map(|(name, label, fields)| picture(&format!("{what}: {name}"), (axis, label), curves, fields, shaded))
        .collect()
}

fn picture(
    name: &str,
    (x, y): (&str, &str),
    curves: &[Named],
    [own, validation]: [Field; 2],
    shaded: bool,
) -> Option<String> {
    let line = |curve: &Curve, ink: Ink, (field, scale): Field| {
        let pairs = curve.pairs(field).into_iter().map(|(x, y)| (x, scale * y));
        let points: Vec<(f64, f64)> = pairs.filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        (!points.is_empty()).then_some(Line { ink, points })
    };
    let mut lines: Vec<Line> = curves.iter().filter_map(|(_, ink, curve)| line(curve, *ink, own)).collect();
    if let [(_, ink, curve)] = curves {
        lines.extend(line(curve, Ink::dashed(ink.colour), validation));
    }
    if lines.is_empty() {
        return None;
    }
    let all = || lines.iter().flat_map(|line| line.points.iter());
    let (low, high) = all().fold((0.0, 1.0), |(low, high), p| (f64::min(low, p.0), f64::max(high, p.0)));
    let top = match y.ends_with('%') {
        // Room below the lowest, and above 100 for the line itself.
        true => {
            let least = all().map(|p| p.1).fold(100.0, f64::min);
            Axis::linear(y, ((least - 1.0 - 0.1 * (100.0 - least)).max(0.0), 100.0 + 0.02 * (101.0 - least)))
        }
        false => Axis::from_zero(y, all().map(|p| p.1)),
    };
    let marks = [Mark::Band(low, high, Ink::solid(PLAIN))];
    let marks = if shaded { &marks[..] } else { &[] };
    Some(panel(name, &charts::lines(name, &Axis::linear(x, (low, high)), &top, &lines, marks, false)))
}

fn cells(curve: &Curve, name: &str) -> Vec<Vec<String>> {
    let cell = |value: Option<f64>, digits: usize| value.map_or(ABSENT.into(), |v| format!("{v:.digits$}"));
    let percent = |value: Option<f64>| cell(value.map(|value| 100.0 * value), 2);
    let last = curve.points.len().saturating_sub(1);
    let shown = curve.points.len().min(CURVE_ROWS);
    let even = (0..shown).map(|k| if shown > 1 { k * last / (shown - 1) } else { 0 });
    even.map(|i| {
        let point = &curve.points[i];
        vec![
            name.to_owned(),
            point.epoch.map_or(ABSENT.into(), |epoch| epoch.to_string()),
            point.step.map_or(ABSENT.into(), |step| step.to_string()),
            cell(point.loss, 4),
            percent(point.accuracy),
            cell(point.validation.map(|score| score.loss), 4),
            percent(point.validation.and_then(|score| score.accuracy)),
            point.lr.map_or(ABSENT.into(), |lr| format!("{lr:.3e}")),
            point.seconds.map_or(ABSENT.into(), seconds),
        ]
    })
    .collect()
}
