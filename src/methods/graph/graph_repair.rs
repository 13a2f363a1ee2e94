//! Delete and repair: the graph loses what is deleted, and the weights are fine-tuned where that is felt.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::methods::graph::change::GraphChange;
use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "graph_repair",
    summary: "deletes, then fine-tunes on the retained training nodes that the deletion reaches (graphs only)",
    citation: "graph pruning with model update; starts from Tan et al., WWW 2024 (UtU)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: &[RecordKind::Node],
    settings: &[
        &[choice(
            "scope",
            "all",
            SCOPES,
            "Whom to train on; those influenced are all where they are not of every class.",
        )],
        &Sgd::settings(
            ("1", "Learning rate as a multiple of the recipe's."),
            ("0.1", "Passes over the records as a part of the recipe's."),
            "constant",
        ),
    ],
    build: |table| settings::build::<GraphRepair>(&ROW, table),
};

/// The recipe's optimiser on the reduced graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct GraphRepair {
    scope: Scope,
    #[serde(flatten)]
    sgd: Sgd,
}

/// The classes of some nodes.
fn kinds(session: &Session, nodes: &[u32]) -> Result<BTreeSet<u32>> {
    Ok(session.classes(nodes)?.into_iter().collect())
}

impl Method for GraphRepair {
    fn needs(&self) -> Needs {
        let given = self.sgd.lr.is_some() && self.sgd.epochs.is_some();
        if given { Needs::Nothing } else { Needs::Recipe }
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let graph = view.require_graph(ROW.name)?;
        let origin = Origin::of(session)?;
        let config = self.sgd.recipe(view.train);
        let mut account = Account::reading(&[Read::RetainData]);
        let (mut nodes, mut used) = self.scope.of(view);
        // Fine-tuned on some classes alone, a network forgets the others.
        if used == Scope::Influenced && kinds(session, nodes)? != kinds(session, view.retain)? {
            (nodes, used) = (view.retain, Scope::All);
        }
        let terms = [Term { records: Records::train(nodes), weight: 1.0 }];
        let steps = timed(&mut account.method_s, || fit_to_end(session, &config, view.seed, &terms))?;
        account.took(steps);
        self.scope.describe(used, nodes.len(), &mut account);
        account.note("graph", json!(GraphChange::of(graph.graph, graph.deletion)));
        account.note("train", json!(config));
        account.close(session, &origin)
    }
}
