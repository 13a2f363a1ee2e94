//! CF-k: fine-tuning of the last layers alone, in the hope that what is no longer seen is forgotten there.

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;
use crate::methods::shared::layers;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "cf_k",
    summary: "some epochs of the last k layers on the retained records, all others held to the bit",
    citation: "CF-k, Goel et al. 2022 (arXiv 2201.06640)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[count(
            "k",
            ABSENT,
            1,
            "Layers with weights that are trained, counted from the output. Absent: half of them, rounded up.",
        )],
        &Sgd::settings(
            ("4", "Learning rate as a multiple of the recipe's."),
            ("0.15", "Passes over the retained records as a part of the recipe's; the source has 30 of 62."),
            "cosine",
        ),
    ],
    build: |table| settings::build::<CfK>(&ROW, table),
};

/// A layer is one with weights, with the norm behind it. Its running statistics follow the retained records, as those
/// of frozen layers do too. Batch size, clipping and, unless set, weight decay are the recipe's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct CfK {
    k: Option<usize>,
    #[serde(flatten)]
    sgd: Sgd,
}

impl Method for CfK {
    fn suits(&self, model: &crate::nn::Model) -> Result<()> {
        layers::last(ROW.name, model, self.k).map(|_| ())
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let tail = layers::last(ROW.name, session.model, self.k)?;
        learn(session, view, &self.sgd.recipe(view.train), &[Read::RetainData], |session| {
            let tasks = vec![Task::retained(view, 1.0)];
            let within = Some(layers::keep(session, &tail)?);
            Ok(Plan { tasks, within, notes: layers::describe(&tail), ..Plan::default() })
        })
    }
}
