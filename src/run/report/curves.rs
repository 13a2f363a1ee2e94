//! The training curves of a report.

use super::charts::{self, Line, method_colour};
use super::html::{figure, table};
use crate::run::cells::{ABSENT, seconds};
use crate::run::curve::{Curve, CurvePoint};

/// Rows of a curve's table at most; the file has them all.
const CURVE_ROWS: usize = 12;

/// The section with the curves; empty without any.
pub(super) fn section(curves: &[Curve]) -> String {
    if curves.iter().all(|curve| curve.points.is_empty()) {
        return String::new();
    }
    let axis = if curves.iter().all(Curve::has_steps) { "step" } else { "epoch or step" };
    let chart = |title: &str, y_label: &str, scale: f64, field: fn(&CurvePoint) -> Option<f64>| -> Option<String> {
        let lines: Vec<Line> = curves
            .iter()
            .enumerate()
            .map(|(i, curve)| Line {
                label: &curve.label,
                colour: method_colour(i),
                points: curve.pairs(field).into_iter().map(|(x, y)| (x, scale * y)).collect(),
            })
            .filter(|line| line.points.iter().any(|&(x, y)| x.is_finite() && y.is_finite()))
            .collect();
        (!lines.is_empty()).then(|| charts::lines(title, axis, y_label, &lines))
    };
    let pictures: Vec<String> = [
        chart("training loss", "mean cross-entropy", 1.0, |point| point.loss),
        chart("training accuracy", "accuracy, %", 100.0, |point| point.accuracy),
    ]
    .into_iter()
    .flatten()
    .collect();
    let header = ["run", "epoch", "step", "loss", "accuracy, %", "learning rate", "s"].map(str::to_owned);
    let cells: Vec<Vec<String>> = curves.iter().flat_map(curve_cells).collect();
    let caption = format!("At most {CURVE_ROWS} lines of each metrics.jsonl, evenly spaced");
    let inner = figure("Loss and accuracy during training.", &pictures, &table(&caption, &header, &cells));
    format!("<section>\n<h2>Training</h2>\n{inner}</section>\n")
}

fn curve_cells(curve: &Curve) -> Vec<Vec<String>> {
    let cell = |value: Option<f64>, digits: usize| value.map_or(ABSENT.into(), |v| format!("{v:.digits$}"));
    let last = curve.points.len().saturating_sub(1);
    let shown = curve.points.len().min(CURVE_ROWS);
    let even = (0..shown).map(|k| if shown > 1 { k * last / (shown - 1) } else { 0 });
    even.map(|i| {
        let point = &curve.points[i];
        vec![
            curve.label.clone(),
            point.epoch.map_or(ABSENT.into(), |epoch| epoch.to_string()),
            point.step.map_or(ABSENT.into(), |step| step.to_string()),
            cell(point.loss, 4),
            cell(point.accuracy.map(|accuracy| 100.0 * accuracy), 2),
            point.lr.map_or(ABSENT.into(), |lr| format!("{lr:.3e}")),
            point.seconds.map_or(ABSENT.into(), seconds),
        ]
    })
    .collect()
}
