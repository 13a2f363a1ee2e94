//! What became of the weights. "Nothing changed" and "destroyed" are results of their own: neither is a forgetting.

use serde::{Deserialize, Serialize};

use super::target::Target;
use crate::data::{Dataset, RecordKind, TargetKind};
use crate::engine::Engine;
use crate::error::Result;
use crate::eval::{Chance, Outcome, Sort, Verdict, constant_loss, skill};
use crate::methods::{Details, Role, StoppedBy};
use crate::nn::Model;
use crate::records::{Records, Session};
use crate::statistics;

/// The word for what became of the weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Became {
    /// They are others, and the network still works.
    #[default]
    Changed,
    /// They are the same to the bit.
    Unchanged,
    /// No parameter had seen the records, so that there was nothing to change.
    Unseen,
    /// They are the same, and a coupling accepted them as those of a training without the records.
    Accepted,
    /// The retained records are recognised no better than by always giving the most frequent class, or predicted no
    /// better than by the same number for each.
    Destroyed,
}

/// `forget.effect` of `run.json`, and `effect` of a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Effect {
    /// The word.
    pub result: Became,
    /// Why, in a sentence; for what is neither unchanged nor destroyed there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

impl Effect {
    /// Same weights as before, or not; `details` say why a method took no step.
    pub fn of(before: &[f32], after: &[f32], role: Role, details: &Details) -> Effect {
        let same = before.len() == after.len() && before.iter().zip(after).all(|(a, b)| a.to_bits() == b.to_bits());
        if details.stopped_by == Some(StoppedBy::Accepted) {
            let reason = "every step that the records were in is one that a training without them may have taken: the \
                weights are a draw of it as they are, and the trace has lost the records";
            return Effect { result: Became::Accepted, reason: Some(reason.into()) };
        }
        match same {
            true => Effect { result: Became::Unchanged, reason: Some(why_unchanged(role, details)) },
            false => Effect::default(),
        }
    }

    /// The records were never trained on.
    pub fn unseen() -> Effect {
        let reason = "no parameter was computed from the records: they leave the data, and the weights stay".into();
        Effect { result: Became::Unseen, reason: Some(reason) }
    }

    /// Destroyed where what the answers on the retained records are worth has fallen to chance.
    pub fn or_destroyed(self, before: Option<f64>, after: Option<f64>, chance: Option<Chance>) -> Effect {
        let (Some(before), Some(after), Some(chance)) = (before, after, chance) else { return self };
        if self.result != Became::Changed || !chance.fell_to(before, after) {
            return self;
        }
        let reason = match chance.targets {
            true => format!(
                "the loss on the retained records rose from {:.1} % to {:.1} % of that of the same answer for each of \
                    them",
                100.0 * (1.0 - before),
                100.0 * (1.0 - after)
            ),
            false => format!(
                "accuracy on the retained records fell from {:.2} % to {:.2} %, and always giving the most frequent \
                class has {:.2} %",
                100.0 * before,
                100.0 * after,
                100.0 * chance.share
            ),
        };
        Effect { result: Became::Destroyed, reason: Some(reason) }
    }

    /// Whether it may count as a forgetting. `unlink` keeps the weights by design, and a retrain that gives the same
    /// weights shows that nothing depended on the records.
    pub fn counts(&self, role: Role) -> bool {
        match self.result {
            Became::Changed | Became::Unseen | Became::Accepted => true,
            Became::Unchanged => role != Role::Method,
            Became::Destroyed => false,
        }
    }

    /// A verdict that this result overrules: whatever was measured, it is no forgetting. A retrain that gives the same
    /// weights is judged like any other.
    pub fn overrule(&self, verdict: Verdict, role: Role) -> Verdict {
        let reason = self.reason.clone().unwrap_or_default();
        match self.result {
            Became::Changed | Became::Unseen | Became::Accepted => verdict,
            Became::Unchanged if role == Role::Reference => verdict,
            Became::Unchanged => verdict.overruled(Outcome::Unchanged, &reason),
            Became::Destroyed => verdict.overruled(Outcome::Destroyed, &reason),
        }
    }

    /// The word of files and tables.
    pub fn as_str(&self) -> &'static str {
        match self.result {
            Became::Changed => "changed",
            Became::Unchanged => "unchanged",
            Became::Unseen => "unseen",
            Became::Accepted => "accepted",
            Became::Destroyed => "destroyed",
        }
    }
}

fn why_unchanged(role: Role, details: &Details) -> String {
    match (role, details.stopped_by, details.steps) {
        (Role::Reference, ..) => {
            "training without the records gives the same weights, so nothing in them depended on the records".into()
        }
        (Role::Floor, ..) => "this method keeps the weights by design, and only the graph loses the records".into(),
        (_, Some(StoppedBy::AtTarget), _) => {
            "its goal on the forgotten records was met before the first step, so it took none".into()
        }
        (_, Some(StoppedBy::RetainFloor), _) => {
            "accuracy on the retained records was at its floor before a step could be kept".into()
        }
        (_, _, Some(0)) => "it took no step".into(),
        (_, _, Some(steps)) => {
            format!("none of its {steps} steps was large enough to change a weight in 32-bit numbers")
        }
        (_, _, None) => "it chose no weight to change, or its changes are too small for 32-bit numbers".into(),
    }
}

/// What is worth nothing on the training records `ids`.
pub(super) fn chance_of(data: &Dataset, ids: &[u32]) -> Option<Chance> {
    match data.target_kind() {
        TargetKind::Class => {}
        TargetKind::Text => return Chance::of_texts(data.commonest_token(), ids.len()),
        _ => return Chance::of_targets(ids.len()),
    }
    let label = data.train_ids().into_iter().zip(data.train.y.iter().copied());
    Chance::of(label.filter(|(id, _)| ids.binary_search(id).is_ok()).map(|(_, label)| label))
}

/// What the answers of two models on the retained training records are worth, each on the records as they are fed to
/// it: accuracy or, where records have targets, [`skill`]; absent where records are links.
///
/// # Errors
/// A lost device; memory over the budget.
pub(super) fn retain_worth(
    engine: &mut Engine,
    target: &Target,
    both: [((&Model, &Dataset), &[f32]); 2],
) -> Result<[Option<f64>; 2]> {
    let retain = &target.split.retain;
    let mut found = [None; 2];
    for (((model, data), theta), found) in both.into_iter().zip(&mut found) {
        if data.kind() == RecordKind::Link || retain.is_empty() {
            continue;
        }
        let mut session = {
            let training = data.training_without(&target.split.cuts);
            Session::of(engine, model, training, target.deletion(), theta)?
        };
        let score = statistics::score(&mut session, Records::train(retain))?;
        *found = score.accuracy.or_else(|| skill(score.loss, constant_of(data, retain)?));
    }
    Ok(found)
}

/// The loss of the best answer that is the same for each of these training records.
fn constant_of(data: &Dataset, ids: &[u32]) -> Option<f64> {
    let table = data.train.targets.as_ref()?.gather(ids);
    let sort = match table.kind {
        TargetKind::MultiLabel => Sort::Labels,
        _ => Sort::Real { offset: vec![], scale: vec![] },
    };
    Some(constant_loss(&sort, &table.values, table.width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bits_are_unchanged_and_say_why() {
        let details = Details { stopped_by: Some(StoppedBy::AtTarget), ..Details::default() };
        let effect = Effect::of(&[1.0, -0.0], &[1.0, -0.0], Role::Method, &details);
        assert!(effect.result == Became::Unchanged && effect.reason.as_ref().unwrap().contains("before the first"));
        assert!(!effect.counts(Role::Method) && effect.counts(Role::Floor) && effect.counts(Role::Reference));
        // A zero of the other sign is another bit.
        assert_eq!(Effect::of(&[0.0], &[-0.0], Role::Method, &details), Effect::default());
    }

    #[test]
    fn accuracy_at_chance_is_destroyed_only_where_it_was_above() {
        let chance = Chance::of([0, 0, 0, 1].into_iter().cycle().take(400));
        let after = |before, after| Effect::default().or_destroyed(Some(before), Some(after), chance).result;
        assert_eq!(after(0.99, 0.75), Became::Destroyed);
        assert_eq!(after(0.99, 0.25), Became::Destroyed);
        assert_eq!(after(0.99, 0.90), Became::Changed);
        // The original is no better than chance itself: nothing fell.
        assert_eq!(after(0.75, 0.75), Became::Changed);
        assert_eq!(Effect::default().or_destroyed(None, Some(0.1), chance).result, Became::Changed);
    }
}
