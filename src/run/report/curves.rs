//! Training curves: `metrics.jsonl` as a trainer leaves it.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::charts::{self, Line, method_colour};
use super::html::{figure, table};
use crate::error::{Error, Result};
use crate::run::table::{ABSENT, seconds};

/// One line of `metrics.jsonl`; fields of no use here are skipped.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
pub struct CurvePoint {
    pub epoch: Option<f64>,
    pub step: Option<f64>,
    pub loss: Option<f64>,
    /// A fraction.
    pub accuracy: Option<f64>,
    pub lr: Option<f64>,
    pub seconds: Option<f64>,
}

/// The curve of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    pub label: String,
    pub points: Vec<CurvePoint>,
}

impl Curve {
    fn has_steps(&self) -> bool {
        self.points.iter().all(|point| point.step.is_some())
    }

    /// The (step, value) pairs of a field, in file order; the epoch stands in for the step where any line lacks it.
    pub fn pairs(&self, field: fn(&CurvePoint) -> Option<f64>) -> Vec<(f64, f64)> {
        let by_step = self.has_steps();
        let x = |point: &CurvePoint| if by_step { point.step } else { point.epoch };
        self.points.iter().filter_map(|point| Some((x(point)?, field(point)?))).collect()
    }
}

/// Reads a curve; empty lines are skipped.
///
/// # Errors
/// `Io`; `Input` with the line for malformed JSON.
pub fn read_curve(path: &Path, label: &str) -> Result<Curve> {
    let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
    let mut points = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let point = serde_json::from_str(line).map_err(|error| {
            let expected = "expected an object with epoch, step, loss, accuracy, lr, seconds";
            Error::input(format!("{}, line {}: {error}; {expected}", path.display(), i + 1))
        })?;
        points.push(point);
    }
    Ok(Curve { label: label.to_owned(), points })
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_skips_unknown_fields_and_names_the_bad_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        fs::write(&path, "{\"epoch\":1,\"step\":10,\"loss\":0.5,\"extra\":1}\n\n{\"epoch\":2,\"loss\":0.25}\n")
            .unwrap();
        let curve = read_curve(&path, "run").unwrap();
        // One line has no step, so the epoch is the axis of all.
        assert_eq!(curve.pairs(|point| point.loss), [(1.0, 0.5), (2.0, 0.25)]);
        assert_eq!(curve.pairs(|point| point.accuracy), []);
        fs::write(&path, "{\"epoch\":1}\n{\"epoch\":\n").unwrap();
        let error = read_curve(&path, "run").unwrap_err();
        assert!(error.to_string().contains("metrics.jsonl, line 2") && error.exit_code() == 2, "{error}");
    }
}
