//! Did the method forget? Every check is run on the candidate and on two controls: the original model, which a check of
//! forgetting must fail, and a held-out retrain, which every check must pass. A check whose controls misbehave decides
//! nothing and says so, and so does one that is decided by less than its own standard error.
//!
//! All limits are multiples of the spread of the retrained references ([`super::spread`]): a method passes where it
//! cannot be told from a further retrain, and never where it is farther from the retrains than doing nothing. Utility
//! may besides be lost to a margin of one point.

use serde::{Deserialize, Serialize};

use super::checks::{Measured, Reading, Rule, rules};
use super::spread::CONFIDENCE;
use super::values::{Metrics, Reference};
use crate::error::Error;

/// What a check, or all of them together, came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every check passed.
    Pass,
    /// At least one check failed.
    Fail,
    /// None failed, but one could not be decided, for want of a reference or of records.
    Inconclusive,
    /// The weights are the same as before: there is nothing to judge, and nothing was forgotten.
    Unchanged,
    /// The network recognises the retained records no better than chance: nothing is left to judge.
    Destroyed,
}

impl Outcome {
    /// The word of files and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Fail => "fail",
            Outcome::Inconclusive => "inconclusive",
            Outcome::Unchanged => "unchanged",
            Outcome::Destroyed => "destroyed",
        }
    }

    /// The error of the exit code: 4 for what is no forgetting, 3 for what could not be decided; none for a pass.
    pub fn error(self, summary: &str) -> Option<Error> {
        match self {
            Outcome::Pass => None,
            Outcome::Inconclusive => Some(Error::Inconclusive(summary.to_owned())),
            Outcome::Fail | Outcome::Unchanged | Outcome::Destroyed => Some(Error::CheckFailed(summary.to_owned())),
        }
    }
}

/// What a check is about; only a check of forgetting must be failed by the original model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Aspect {
    /// Whether the records are forgotten.
    Forgetting,
    /// Whether the rest is still known.
    Utility,
    /// Whether it is nearer to the retrains than doing nothing; must be passed.
    Distance,
}

/// Which thresholds apply: a whole class is to be predicted no more, single records are to be treated like unseen ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestScope {
    /// Records drawn across classes.
    Records,
    /// All records of one or more classes.
    Classes,
    /// Nodes, edges or features of a graph.
    Graph,
}

/// Seconds on one adapter; a time that was not taken is absent.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Cost {
    /// The method alone.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "s")))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub method_s: Option<f64>,
    /// What had to be computed before the request and can serve others (Fisher of the whole set, partitions).
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "s")))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub precompute_s: Option<f64>,
    /// One retraining from scratch.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "s")))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retrain_s: Option<f64>,
}

/// What a verdict is drawn from. `original`, `another` and `candidate` were measured against the same references.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// What kind of request it was, which chooses the checks.
    pub scope: RequestScope,
    /// The model before forgetting: the negative control.
    pub original: &'a Metrics,
    /// Mean and spread of at least three retrains.
    pub reference: &'a Reference,
    /// A retrain that is not among the references: the positive control.
    pub another: Option<&'a Metrics>,
    /// The model's metrics after forgetting; the mean over a method's seeds where there are several.
    pub candidate: &'a Metrics,
    /// Sample standard deviation over those seeds.
    pub candidate_sd: Option<&'a Metrics>,
    /// How many seeds: 1 where one model is judged.
    pub candidate_runs: usize,
    /// The unlearned graph with the weights as they were: what every method for graphs must at least equal.
    pub unlink: Option<&'a Metrics>,
    /// Seconds taken, and those of a retraining.
    pub cost: Cost,
}

/// One check with its reason in a sentence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Check {
    /// The quantity that was compared.
    pub name: String,
    /// Which of the two questions it answers.
    pub aspect: Aspect,
    /// What came of it.
    pub outcome: Outcome,
    /// The comparison in words and figures.
    pub reason: String,
    /// The candidate's value; absent if it was not measured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<f64>,
    /// The retrain's value.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target: Option<f64>,
    /// How far `value` may lie from `target`; for a divergence, how high it may be.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit: Option<f64>,
    /// The allowed distance as a multiple of the spread of the retrains.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub multiple: Option<f64>,
    /// Confidence with which a further retrain lies within that multiple.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confidence: Option<f64>,
    /// Standard error of the comparison: a check that is decided by less is undecided.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub se: Option<f64>,
}

/// All checks and what they come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Verdict {
    /// The worst outcome of the checks.
    pub outcome: Outcome,
    /// One sentence for the whole, with what the two controls did.
    pub summary: String,
    /// Each comparison, in order.
    pub checks: Vec<Check>,
    /// "state of the art" (average gap ≤ 1.5 points) or "good" (≤ 2.5 points); for record requests that pass.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub grade: Option<String>,
    /// Whether method + precomputation took less than a fifth of a retrain; absent without the times.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fast: Option<bool>,
    /// Checks of the protocol that this verdict does not contain.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub not_measured: Vec<String>,
}

impl Verdict {
    /// The same checks under an outcome that was found without them, and why.
    pub fn overruled(self, outcome: Outcome, why: &str) -> Verdict {
        let (capital, summary) = (outcome.as_str(), &self.summary);
        let summary = format!(
            "{}{}: {why}. Whatever was measured is no forgetting. {summary}",
            capital[..1].to_uppercase(),
            &capital[1..]
        );
        Verdict { outcome, summary, grade: None, fast: None, ..self }
    }
}

/// A value that lies on the limit is inside it, whatever the last bit of the subtraction says.
const SLACK: f64 = 1e-12;

/// What the controls did with one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Controls {
    original_fails: Option<bool>,
    retrain_passes: Option<bool>,
}

/// Fewest retrains that a spread is believed of.
const RETRAINS: usize = 3;

/// Widest limit on an accuracy that still shows something of utility.
const WIDEST: f64 = 0.05;

/// Draws the verdict.
///
/// *Fail* if a check with working controls fails. *Pass* if none fails, the held-out retrain passes every check, the
/// original fails at least one check of forgetting which the candidate passes, every check of utility is passed, and
/// the candidate is nearer to the retrains than the original. Otherwise *inconclusive*.
pub fn verdict(evidence: &Evidence) -> Verdict {
    draw(evidence, false)
}

/// The same of the held-out retrain itself, the candidate here: by the limits that it has as a control, so that it
/// passes where it controls every check, and fails where it is why methods are not decided.
pub fn of_control(evidence: &Evidence) -> Verdict {
    draw(evidence, true)
}

fn draw(evidence: &Evidence, control: bool) -> Verdict {
    let judged: Vec<(Check, Controls)> = rules(evidence).map(|rule| judge(rule, evidence, control)).collect();
    let outcome = match control {
        true => overall_of_control(&judged, evidence),
        false => overall(&judged, evidence),
    };
    Verdict {
        outcome,
        summary: summary(outcome, &judged, evidence),
        grade: (outcome == Outcome::Pass).then(|| grade(evidence)).flatten(),
        fast: fast(evidence.cost),
        not_measured: match evidence.scope {
            RequestScope::Classes => vec!["linear probe on penultimate features".into(), "relearn time".into()],
            RequestScope::Records | RequestScope::Graph => vec!["relearn time".into()],
        },
        checks: judged.into_iter().map(|(check, _)| check).collect(),
    }
}

fn judge(rule: &Rule, evidence: &Evidence, control: bool) -> (Check, Controls) {
    let measured = |model| match (rule.read)(evidence, model) {
        Reading::Value(measured) => Some(measured),
        Reading::Absent(_) | Reading::NonDiscriminating(_) => None,
    };
    let controls = Controls {
        original_fails: measured(evidence.original).map(|m| m.over > SLACK),
        retrain_passes: evidence.another.and_then(measured).map(|m| m.control_over <= SLACK),
    };
    let mut check = Check {
        name: rule.name.into(),
        aspect: rule.aspect,
        outcome: Outcome::Inconclusive,
        reason: String::new(),
        value: None,
        target: None,
        limit: None,
        multiple: None,
        confidence: None,
        se: None,
    };
    match (rule.read)(evidence, evidence.candidate) {
        Reading::Absent(what) => check.reason = format!("Not decided: {what}."),
        Reading::NonDiscriminating(why) => check.reason = format!("Non-discriminating setting: {why}."),
        Reading::Value(measured) => {
            let (outcome, because) = match control {
                false => decide(rule.aspect, &measured, controls, evidence.reference.runs),
                true if measured.control_over <= SLACK => (Outcome::Pass, "; within the limit of a control"),
                true => (Outcome::Fail, "; beyond the limit of a control"),
            };
            let Measured { value, target, limit, multiple, se, text, .. } = *measured;
            (check.value, check.target, check.limit) = (Some(value), target, Some(limit));
            (check.multiple, check.confidence, check.se) = (multiple, multiple.map(|_| CONFIDENCE), Some(se));
            check.outcome = outcome;
            check.reason = format!("{text}{because}.");
        }
    }
    (check, controls)
}

/// The outcome of a measured check given its controls, and the rest of its sentence.
fn decide(aspect: Aspect, measured: &Measured, controls: Controls, retrains: usize) -> (Outcome, &'static str) {
    let (forgetting, ok) = (aspect == Aspect::Forgetting, measured.over <= SLACK);
    if retrains < RETRAINS {
        return (Outcome::Inconclusive, "; fewer than three retrains, so the seed noise is unknown");
    }
    if measured.over.abs() + SLACK < measured.se {
        return (Outcome::Inconclusive, "; nearer to the limit than its own standard error, so it decides nothing");
    }
    match (controls.retrain_passes, controls.original_fails) {
        (None, _) => (Outcome::Inconclusive, "; there is no held-out retrain to control the check"),
        (Some(false), _) => {
            (Outcome::Inconclusive, "; a held-out retrain fails this check too, so it is tighter than the seed noise")
        }
        (Some(true), Some(false)) if forgetting && ok => {
            (Outcome::Inconclusive, "; the original model passes this check too, so it cannot show forgetting")
        }
        (Some(true), Some(false)) if forgetting => {
            (Outcome::Fail, "; even the original model is within the limit, so the method did damage")
        }
        (Some(true), None) if forgetting => (Outcome::Inconclusive, "; the original model was not measured"),
        (Some(true), _) if ok && aspect == Aspect::Utility && measured.limit > WIDEST => {
            (Outcome::Inconclusive, "; a limit of more than 5 points shows no utility, and more retrains narrow it")
        }
        (Some(true), _) if ok => (Outcome::Pass, ""),
        (Some(true), _) => (Outcome::Fail, ""),
    }
}

fn overall(judged: &[(Check, Controls)], evidence: &Evidence) -> Outcome {
    let mut outcomes = judged.iter().map(|(check, _)| check);
    if outcomes.clone().any(|check| check.outcome == Outcome::Fail) {
        return Outcome::Fail;
    }
    let positive_holds = judged.iter().all(|(_, controls)| controls.retrain_passes != Some(false));
    let useful = outcomes.clone().filter(|c| c.aspect != Aspect::Forgetting).all(|c| c.outcome == Outcome::Pass);
    let forgot = outcomes.any(|c| c.aspect == Aspect::Forgetting && c.outcome == Outcome::Pass);
    if positive_holds && useful && forgot && evidence.reference.runs >= RETRAINS {
        Outcome::Pass
    } else {
        Outcome::Inconclusive
    }
}

/// A control passes where it passes whatever it can be read on.
fn overall_of_control(judged: &[(Check, Controls)], evidence: &Evidence) -> Outcome {
    let any = |wanted: Outcome| judged.iter().any(|(check, _)| check.outcome == wanted);
    match any(Outcome::Fail) {
        true => Outcome::Fail,
        false if any(Outcome::Pass) && evidence.reference.runs >= RETRAINS => Outcome::Pass,
        false => Outcome::Inconclusive,
    }
}

fn summary(outcome: Outcome, judged: &[(Check, Controls)], evidence: &Evidence) -> String {
    let named = |outcome: Outcome| -> Vec<&str> {
        judged.iter().filter(|(check, _)| check.outcome == outcome).map(|(check, _)| check.name.as_str()).collect()
    };
    let lead = match outcome {
        Outcome::Pass => "Passes every decided check".to_owned(),
        Outcome::Fail => format!("Fails: {}", named(Outcome::Fail).join(", ")),
        // Neither comes of the checks (see `Verdict::overruled`).
        Outcome::Unchanged | Outcome::Destroyed => outcome.as_str().to_owned(),
        Outcome::Inconclusive => format!("Inconclusive; undecided: {}", named(Outcome::Inconclusive).join(", ")),
    };
    let forgetting = || judged.iter().filter(|(check, _)| check.aspect == Aspect::Forgetting);
    let original = forgetting().filter(|(_, controls)| controls.original_fails == Some(true)).count();
    let positive = match evidence.another {
        None => "no held-out retrain".to_owned(),
        Some(_) => {
            let readable = judged.iter().filter(|(_, controls)| controls.retrain_passes.is_some()).count();
            let passed = judged.iter().filter(|(_, controls)| controls.retrain_passes == Some(true)).count();
            format!("a held-out retrain passes {passed} of the {readable} it can be read on")
        }
    };
    format!(
        "{lead}. Controls: the original fails {original} of {} checks of forgetting (at least one required), \
            {positive} \
         (all required); {} reference retrains.",
        forgetting().count(),
        evidence.reference.runs
    )
}

/// The published scale of the average gap (random requests, five or more retrains).
fn grade(evidence: &Evidence) -> Option<String> {
    let gap = evidence.candidate.get("gaps.average").filter(|_| evidence.scope == RequestScope::Records)?;
    match gap {
        gap if gap <= 0.015 => Some("state of the art".into()),
        gap if gap <= 0.025 => Some("good".into()),
        _ => None,
    }
}

/// "Fast" may be claimed only below a fifth of a retrain, precomputation included.
fn fast(cost: Cost) -> Option<bool> {
    Some(cost.method_s? + cost.precompute_s.unwrap_or(0.0) < 0.2 * cost.retrain_s?)
}
