//! A point of a stream's curve: what a step took away, what it cost and, where it was measured, what it left.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::steps::Step;
use crate::methods::{Certificate, Tier};
use crate::run::info::RunInfo;

/// A line of `stream.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Point {
    /// From 1; 0 is the run that the stream began with.
    pub step: usize,
    /// The names of its requests.
    pub requests: Vec<String>,
    /// Records, nodes, edges or features that it took away.
    pub records: usize,
    /// What all steps so far took away.
    pub gone: usize,
    /// The method; none for step 0.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub method: Option<String>,
    /// What may be claimed of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tier: Option<Tier>,
    /// What became of the weights.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub effect: Option<String>,
    /// SHA-256 of `run.json` of the run that it left.
    pub run_sha256: String,
    /// SHA-256 of the weights.
    pub model_sha256: String,
    /// Seconds of forgetting, statistics made for it included; of step 0, of the training.
    pub seconds: f64,
    /// Those against the seconds of the training; absent where it was not done here.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub share: Option<f64>,
    /// What is left of a certified method's budget, as a fraction.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub budget_left: Option<f64>,
    /// Metrics, as `unlearn eval` has them; absent where the step was not measured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub metrics: Option<Value>,
}

impl Point {
    /// Of the run that a stream begins with.
    pub(super) fn start(original: &RunInfo) -> Point {
        Point {
            step: 0,
            requests: Vec::new(),
            records: 0,
            gone: 0,
            method: None,
            tier: None,
            effect: None,
            run_sha256: original.run_sha256.clone(),
            model_sha256: original.model_sha256.clone(),
            seconds: original.seconds,
            share: None,
            budget_left: None,
            metrics: None,
        }
    }

    /// Of a step that was done.
    pub(super) fn of(step: usize, what: &Step, gone: usize, info: &RunInfo, original: &RunInfo) -> Point {
        let forget = info.forget.as_ref();
        let seconds = forget.map_or(0.0, |forget| forget.method_s + forget.precompute_s);
        let trained = original.forget.is_none() && original.steps > 0 && original.seconds > 0.0;
        let left = |c: &Certificate| (1.0 - c.spent / c.budget).max(0.0);
        Point {
            step,
            requests: what.names().into_iter().map(str::to_owned).collect(),
            records: what.fresh,
            gone,
            method: forget.map(|forget| forget.method.clone()),
            tier: forget.map(|forget| forget.tier),
            effect: forget.map(|forget| forget.effect.as_str().to_owned()),
            seconds,
            share: trained.then(|| seconds / original.seconds),
            budget_left: forget.and_then(|forget| forget.details.certificate.as_ref()).map(left),
            ..Point::start(info)
        }
    }

    /// A number of the metrics under a dotted key.
    pub fn metric(&self, key: &str) -> Option<f64> {
        key.split('.').try_fold(self.metrics.as_ref()?, |at, part| at.get(part))?.as_f64()
    }
}

/// The points that can be read; a file that cannot is made anew.
pub(super) fn read(path: &Path) -> Vec<Point> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map_while(|line| serde_json::from_str(line).ok()).collect()
}
