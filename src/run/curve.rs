//! A training curve: `metrics.jsonl` as a trainer leaves it.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::records::Passed;
use crate::statistics::Score;

/// One line of `metrics.jsonl`; fields of no use here are skipped.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
pub struct CurvePoint {
    /// From 1.
    pub epoch: Option<f64>,
    /// Steps since the start.
    pub step: Option<f64>,
    /// Mean cross-entropy in nats.
    pub loss: Option<f64>,
    /// A fraction.
    pub accuracy: Option<f64>,
    /// Learning rate.
    pub lr: Option<f64>,
    /// On the validation part, after the epoch.
    pub validation: Option<Score>,
    /// Seconds of the epoch.
    pub seconds: Option<f64>,
}

impl From<&Passed> for CurvePoint {
    fn from(passed: &Passed) -> CurvePoint {
        CurvePoint {
            epoch: Some(passed.epoch as f64),
            step: Some(passed.step as f64),
            loss: Some(passed.loss),
            accuracy: passed.accuracy,
            lr: Some(passed.lr),
            seconds: Some(passed.seconds),
            ..CurvePoint::default()
        }
    }
}

/// A line as it is read: of the training, or of a method that forgets.
#[derive(Deserialize)]
struct Line {
    method: Option<String>,
    #[serde(flatten)]
    point: CurvePoint,
}

/// The fits of a method that forgets, after the training.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// Its name.
    pub method: String,
    /// In the order of the file.
    pub points: Vec<CurvePoint>,
}

/// The curve of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Whose curve it is.
    pub label: String,
    /// In the order of the file.
    pub points: Vec<CurvePoint>,
    /// What came after the training, where methods forgot by fits.
    pub forgetting: Vec<Phase>,
}

impl Curve {
    /// The same as what came after a training: the fits of a run that forgot.
    pub fn after(self) -> Curve {
        let mut forgetting = self.forgetting;
        if !self.points.is_empty() {
            forgetting.insert(0, Phase { method: self.label.clone(), points: self.points });
        }
        Curve { label: self.label, points: Vec::new(), forgetting }
    }

    /// The curves of what came after.
    pub fn phases(&self) -> Vec<Curve> {
        let of =
            |phase: &Phase| Curve { label: phase.method.clone(), points: phase.points.clone(), forgetting: Vec::new() };
        self.forgetting.iter().map(of).collect()
    }

    /// Whether every line has a step.
    pub fn has_steps(&self) -> bool {
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
    let (mut points, mut forgetting) = (Vec::new(), Vec::<Phase>::new());
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let Line { method, point } = serde_json::from_str(line).map_err(|error| {
            let expected = "expected an object with epoch, step, loss, accuracy, lr, seconds";
            Error::input(format!("{}, line {}: {error}; {expected}", path.display(), i + 1))
        })?;
        match method {
            None => points.push(point),
            Some(method) => match forgetting.iter_mut().find(|phase| phase.method == method) {
                Some(phase) => phase.points.push(point),
                None => forgetting.push(Phase { method, points: vec![point] }),
            },
        }
    }
    Ok(Curve { label: label.to_owned(), points, forgetting })
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
        let line = "{\"epoch\":1,\"validation\":{\"loss\":0.5,\"accuracy\":0.75,\"count\":4}}";
        fs::write(&path, format!("{line}\n{{\"method\":\"ssd\",\"epoch\":1,\"loss\":2.0}}\n")).unwrap();
        let curve = read_curve(&path, "run").unwrap();
        assert_eq!(curve.pairs(|point| point.validation?.accuracy), [(1.0, 0.75)]);
        assert_eq!((curve.points.len(), curve.forgetting[0].method.as_str()), (1, "ssd"));
        assert_eq!(curve.forgetting[0].points[0].loss, Some(2.0));
        fs::write(&path, "{\"epoch\":1}\n{\"epoch\":\n").unwrap();
        let error = read_curve(&path, "run").unwrap_err();
        assert!(error.to_string().contains("metrics.jsonl, line 2") && error.exit_code() == 2, "{error}");
    }
}
