//! When enough has been forgotten: the rule that ends an ascent.

use serde::{Deserialize, Serialize};

use super::range::Range;
use super::settings::{ABSENT, Setting, choice, real};
use crate::error::{Error, Result};
use crate::methods::{Account, Read, View};
use crate::records::objective::Of;
use crate::records::{Part, Records, Session};
use crate::statistics::{self, Score};

/// The rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// `accuracy` for a class request, else `holdout_loss`.
    Auto,
    /// Mean forget loss ≥ the original model's mean loss on the validation split: records never seen look like that.
    HoldoutLoss,
    /// Mean forget loss ≥ ln C. For a class this is early: on digits four records in ten are still recognised.
    Uniform,
    /// Forget accuracy ≤ `target_accuracy`: a model that never saw a class never names it.
    Accuracy,
    /// EL_10 and MA of the forgotten texts at most the original's on texts never seen (Jang et al., ACL 2023).
    Memorisation,
    /// Only the number of steps ends it.
    Never,
}

/// What the forget records must come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// A mean loss of at least this.
    Loss(f64),
    /// An accuracy of at most this.
    Accuracy(f64),
    /// Of texts: a share of right tokens and an extraction likelihood of at most these.
    Memorised {
        /// MA.
        accuracy: f64,
        /// EL_n.
        extraction: f64,
        /// n: 10 or, where all that is forgotten is shorter, the tokens of the longest of it.
        n: usize,
    },
}

/// The largest n of EL_n: Jang et al.'s.
const GRAM: usize = 10;

/// Held-out texts that the rule reads at most, evenly over all.
const SEEN: usize = 64;

/// The settings of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopRule {
    /// The rule.
    pub stop: Stop,
    /// Forget loss to stop at, in the place of `stop`.
    pub target_loss: Option<f64>,
    /// Where `stop = "accuracy"` ends.
    pub target_accuracy: f64,
}

/// Words of [`Stop`]; the last is no rule for an ascent, whose loss has no upper bound.
const RULES: &[(&str, &str)] = &[
    ("auto", "accuracy for a class request, else holdout_loss"),
    ("holdout_loss", "mean forget loss of at least the original's on the validation split"),
    ("uniform", "mean forget loss of at least ln C; for a class this is early"),
    ("accuracy", "forget accuracy of at most target_accuracy"),
    (
        "memorisation",
        "MA and EL_10 (EL_n of shorter spans) of forgotten texts at most held-out ones'; EL by 24 tokens from 8 places",
    ),
    ("never", "only the number of steps ends it"),
];

impl StopRule {
    /// The rule, but none where `auto` would compare with a validation split and there is none: for what ends by its
    /// epochs anyway.
    pub fn where_possible(self, session: &Session, view: &View) -> Option<StopRule> {
        let alone = self.stop == Stop::Auto && self.target_loss.is_none() && view.forgotten_classes.is_empty();
        Some(self).filter(|_| !alone || session.len(Part::Validation) > 0)
    }

    /// Settings of what ends by a rule.
    pub const SETTINGS: [Setting; 3] = StopRule::settings(RULES.split_at(5).0);
    /// Settings of what may also end by its steps alone.
    pub const OR_NEVER: [Setting; 3] = StopRule::settings(RULES);

    const fn settings(rules: &'static [(&'static str, &'static str)]) -> [Setting; 3] {
        [
            choice("stop", "auto", rules, "When enough is forgotten."),
            real("target_loss", ABSENT, Range::POSITIVE, "Forget loss to stop at; absent: `stop` says when."),
            real(
                "target_accuracy",
                "0.01",
                Range::BELOW_ONE,
                "What a forgotten class may keep where `stop` is accuracy.",
            ),
        ]
    }

    /// The same for what gives the forgotten records other labels or answers: they are watched by their own as records
    /// of the training part, which a graph no longer has.
    pub fn of_relabelled(self, session: &Session, view: &View) -> Option<StopRule> {
        self.where_possible(session, view).filter(|_| session.stand_alone())
    }

    /// The goal of a request, and the name of the rule that it comes from.
    ///
    /// # Errors
    /// The rule compares with the validation split and there is none.
    pub fn goal(&self, session: &mut Session, view: &View) -> Result<(Goal, &'static str)> {
        if let Some(loss) = self.target_loss {
            return Ok((Goal::Loss(loss), "target_loss"));
        }
        let accuracy = Goal::Accuracy(self.target_accuracy);
        let counts = session.objective().of.counts();
        match self.stop {
            Stop::Accuracy if !counts => Err(no_accuracy(session, "stop = \"accuracy\"")),
            Stop::Uniform if !counts => Err(no_accuracy(session, "stop = \"uniform\"")),
            Stop::Accuracy => Ok((accuracy, "accuracy")),
            Stop::Auto if !view.forgotten_classes.is_empty() => Ok((accuracy, "accuracy")),
            Stop::Never => Ok((Goal::Loss(f64::INFINITY), "never")),
            Stop::Uniform => Ok((Goal::Loss((session.model.classes as f64).ln()), "uniform")),
            Stop::Memorisation => {
                if session.objective().of != Of::Tokens {
                    return Err(Error::input(format!(
                        "stop = \"memorisation\" is of texts, and the records are {}; stop by holdout_loss",
                        session.objective().of.records()
                    )));
                }
                let all = held_out(session)?;
                let some: Vec<u32> = all.iter().copied().step_by(all.len().div_ceil(SEEN)).collect();
                let unseen = Records { part: Part::Validation, indices: &some };
                let accuracy = statistics::score(session, unseen)?.accuracy.unwrap_or(0.0);
                let runs = view.forget.iter().flat_map(|record| statistics::runs(session, Part::Before, *record));
                let n = runs.map(|[from, to]| to - from).max().unwrap_or(1).min(GRAM);
                let extraction = statistics::extraction_likelihood(session, unseen, n)?;
                Ok((Goal::Memorised { accuracy, extraction, n }, "memorisation"))
            }
            Stop::Auto | Stop::HoldoutLoss => {
                let all = held_out(session)?;
                let held_out = statistics::score(session, Records { part: Part::Validation, indices: &all })?;
                Ok((Goal::Loss(held_out.loss), "holdout_loss"))
            }
        }
    }
}

/// The records that are held out from training.
///
/// # Errors
/// There are none.
fn held_out(session: &Session) -> Result<Vec<u32>> {
    match session.len(Part::Validation) {
        0 => Err(Error::input(
            "the ascent stops at the mean loss of records held out from training, and the data set has no validation \
             split: set data.validation_fraction (0.1, say), or the method's target_loss",
        )),
        _ => Ok(session.ids(Part::Validation)),
    }
}

/// That a setting is of classes, which the records have none of.
pub fn no_accuracy(session: &Session, setting: &str) -> Error {
    let objective = session.objective();
    Error::input(format!(
        "{setting} is of records with a class each, and the network is trained for `{}` of {}; stop by target_loss or \
         holdout_loss",
        objective.name,
        objective.of.records()
    ))
}

impl Goal {
    /// Notes the goal among a method's details.
    pub fn describe(self, rule: &str, account: &mut Account) {
        account.note("rule", rule);
        match self {
            Goal::Accuracy(target) => account.note("target_accuracy", target),
            Goal::Loss(target) if target.is_finite() => account.note("target_loss", target),
            Goal::Loss(_) => {}
            Goal::Memorised { accuracy, extraction, n } => {
                account.note("target_accuracy", accuracy);
                account.note("target_extraction", extraction);
                account.note("n_of_extraction", n);
            }
        }
        if matches!(rule, "holdout_loss" | "memorisation") {
            account.reads_too(Read::ValidationData);
        }
    }

    /// The goal that lies a part of the way from `first` to this one.
    pub fn towards(self, first: &Score, part: f64) -> Goal {
        let between = |from: f64, to: f64| from + part * (to - from);
        match self {
            Goal::Loss(loss) => Goal::Loss(between(first.loss, loss)),
            Goal::Accuracy(accuracy) => Goal::Accuracy(between(first.accuracy.unwrap_or(accuracy), accuracy)),
            Goal::Memorised { accuracy, extraction, n } => Goal::Memorised {
                n,
                accuracy: between(first.accuracy.unwrap_or(accuracy), accuracy),
                extraction: between(first.extraction.unwrap_or(extraction), extraction),
            },
        }
    }

    /// A score of the forgotten records with what the goal needs to know besides: what a model writes by itself is read
    /// only once it recognises few enough tokens, for that is the dearer half.
    ///
    /// # Errors
    /// A lost device.
    pub fn completed(self, session: &mut Session, records: Records, score: Score) -> Result<Score> {
        match self {
            Goal::Memorised { accuracy, n, .. } if score.accuracy.is_some_and(|now| now <= accuracy) => {
                let extraction = Some(statistics::extraction_likelihood(session, records, n)?);
                Ok(Score { extraction, ..score })
            }
            _ => Ok(score),
        }
    }

    /// Whether the forget records have come to it. A loss that is not finite is past any goal.
    pub fn reached(self, now: &Score) -> bool {
        match self {
            _ if !now.loss.is_finite() => true,
            Goal::Loss(target) => now.loss >= target,
            Goal::Accuracy(target) => now.accuracy.is_none_or(|now| now <= target),
            Goal::Memorised { accuracy, extraction, .. } => {
                now.accuracy.is_none_or(|now| now <= accuracy) && now.extraction.is_some_and(|now| now <= extraction)
            }
        }
    }

    /// Whether they are so close to it that a shorter last step would change nothing. An accuracy moves in jumps, so
    /// only its step is narrowed.
    pub fn met(self, now: &Score, tolerance: f64) -> bool {
        match self {
            Goal::Loss(target) => (now.loss - target).abs() <= tolerance * target,
            Goal::Accuracy(_) | Goal::Memorised { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both halves are to be known and low enough: what was not read, because too many tokens are recognised, is not.
    #[test]
    fn a_text_is_forgotten_once_it_is_neither_recognised_nor_written() {
        let goal = Goal::Memorised { accuracy: 0.3, extraction: 0.1, n: 10 };
        let reached =
            |accuracy, extraction| goal.reached(&Score { loss: 1.0, accuracy: Some(accuracy), extraction, count: 1 });
        assert!(reached(0.3, Some(0.1)) && reached(0.0, Some(0.0)));
        assert!(!reached(0.2, None) && !reached(0.2, Some(0.11)) && !reached(0.31, Some(0.0)));
        assert!(goal.reached(&Score { loss: f64::NAN, accuracy: Some(1.0), extraction: None, count: 1 }));
    }
}
