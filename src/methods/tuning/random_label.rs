//! Random labels: the forgotten records are learned with classes that they do not have.

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "random_label",
    summary: "random labels on the forgotten records and cross-entropy on the others, on all weights",
    citation: "Golatkar et al., CVPR 2020 (random labels); as RL in Fan et al., ICLR 2024 (SalUn)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[
            real(
                "weight",
                ABSENT,
                Range::POSITIVE,
                "Of the forget term in a step's objective. Absent: n_F / n_R, as if all records were one set.",
            ),
            flag("true_label", "false", "Whether a drawn label may be the true one."),
        ],
        &Sgd::settings(
            ("0.05", "Learning rate as a multiple of the recipe's; public code searches 1e-4 to 0.1."),
            ("0.1", "Passes over the retained records as a part of the recipe's, at most."),
            "constant",
        ),
        &StopRule::OR_NEVER,
        &Harm::SETTINGS,
    ],
    build: |table| settings::build::<RandomLabel>(&ROW, table),
};

/// Minimises L_R + weight · L_F(random labels) by SGD: SalUn without its mask. A record's label is a function of the
/// seed and the record. Batch size and, unless set, weight decay are the recipe's. It ends where the records are
/// forgotten as much as records never seen: a wrong label that is learned beyond that is a mark of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct RandomLabel {
    weight: Option<f64>,
    true_label: bool,
    #[serde(flatten)]
    sgd: Sgd,
    #[serde(flatten)]
    rule: StopRule,
    #[serde(flatten)]
    harm: Harm,
}

impl Method for RandomLabel {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(ROW.name, targets, "gives the forgotten records other classes")
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let weight = self.weight.unwrap_or(in_proportion(view));
        let reads = [Read::RetainData, Read::ForgetData];
        let made = learn(session, view, &self.sgd.recipe(view.train), &reads, |session| {
            let forget = Task::forgotten(view, weight);
            session.draw_labels(forget.records, view.seed, self.true_label)?;
            let (notes, until) = (vec![("weight", weight.into())], self.rule.of_relabelled(session, view));
            let (tasks, harm) = (vec![Task::retained(view, 1.0), forget], Some(self.harm));
            Ok(Plan { tasks, notes, until, harm, ..Plan::default() })
        });
        session.restore_labels();
        made
    }
}
