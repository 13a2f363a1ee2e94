//! EU-k: the last layers begin anew and are trained by the whole recipe, on layers that stay as they are.

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;
use crate::methods::shared::layers;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "eu_k",
    summary: "new parameters for the last k layers, trained by the whole recipe on the retained records; all others \
              held to the bit",
    citation: "EU-k, Goel et al. 2022 (arXiv 2201.06640)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[&[count(
        "k",
        ABSENT,
        1,
        "Layers with weights that are trained anew, counted from the output. Absent: half of them, rounded up.",
    )]],
    build: |table| settings::build::<EuK>(&ROW, table),
};

/// Exact in the last layers alone: the others were trained on the forgotten records. Unlike the public code it resets
/// the norms among the last layers too, running statistics and all. With every layer it is `retrain`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct EuK {
    k: Option<usize>,
}

impl Method for EuK {
    fn suits(&self, model: &crate::nn::Model) -> Result<()> {
        layers::last(ROW.name, model, self.k).map(|_| ())
    }

    fn needs(&self) -> Needs {
        Needs::Recipe
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let tail = layers::last(ROW.name, session.model, self.k)?;
        learn(session, view, &whole_recipe(view.train), &reads_of(view, &[Read::RetainData]), |session| {
            layers::reset(session, view, &tail)?;
            let within = Some(layers::keep(session, &tail)?);
            let tasks = vec![Task::retained(view, 1.0)];
            Ok(Plan { tasks, within, notes: layers::describe(&tail), ..Plan::default() })
        })
    }
}
