//! Boundary shrink: each forgotten record is learned as the class beyond its nearest boundary.

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "boundary_shrink",
    summary: "some epochs on the forgotten records with the class that the network sees in each a small step up its \
              loss",
    citation: "Chen et al., CVPR 2023 (Boundary Unlearning, boundary shrink)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: &[RecordKind::Row],
    settings: &[
        &[real("step", "0.1", Range::POSITIVE, "Of each feature, up the loss; the source's, of pixels from 0 to 1.")],
        &Sgd::settings(
            (
                "0.02",
                "Learning rate as a multiple of the recipe's; sources search 1e-8 to 1e-5, for networks with batch \
                 norm.",
            ),
            ("0.1", "Passes over the forgotten records as a part of the recipe's, at most; the source has 10."),
            "constant",
        ),
        &StopRule::OR_NEVER,
        &Harm::SETTINGS,
    ],
    build: |table| settings::build::<BoundaryShrink>(&ROW, table),
};

/// The class of a record is the most likely wrong one at x + step · sign(∇ₓ ℓ), once, at the original's parameters, in
/// evaluation form. Only forgotten records are trained on, and no running statistic follows them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct BoundaryShrink {
    step: f64,
    #[serde(flatten)]
    sgd: Sgd,
    #[serde(flatten)]
    rule: StopRule,
    #[serde(flatten)]
    harm: Harm,
}

/// The class with the largest output that is not `own`, the first of equals.
fn neighbour(logits: &[f32], own: u32) -> u32 {
    let others = (0..logits.len()).filter(|class| *class != own as usize);
    let first = others.reduce(|best, class| if logits[class] > logits[best] { class } else { best });
    first.map_or(own, |class| class as u32)
}

impl Method for BoundaryShrink {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(ROW.name, targets, "gives the forgotten records other classes")
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let made = learn(session, view, &self.sgd.recipe(view.train), &[Read::ForgetData], |session| {
            let forget = Task::forgotten(view, 1.0);
            let beside = statistics::logits_beside(session, forget.records, self.step)?;
            let (own, classes) = (session.classes(view.forget)?, session.model.classes);
            let labels: Vec<u32> =
                beside.chunks_exact(classes).zip(&own).map(|(row, own)| neighbour(row, *own)).collect();
            session.give_labels(forget.records, &labels)?;
            let until = self.rule.of_relabelled(session, view);
            Ok(Plan { tasks: vec![forget], until, harm: Some(self.harm), ..Plan::default() })
        });
        session.restore_labels();
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_class_is_never_the_own() {
        assert_eq!(neighbour(&[1.0, 9.0, 3.0, 3.0], 1), 2);
        assert_eq!(neighbour(&[1.0, 9.0, 3.0, 3.0], 2), 1);
        assert_eq!(neighbour(&[4.0], 0), 0);
    }
}
