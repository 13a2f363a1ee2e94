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
    settings: &[&[
        epochs("epochs", "20", 1, "On Cora as many cost a tenth of a retrain and give its accuracy."),
        real("lr", ABSENT, Range::POSITIVE, "Adam's. Absent: the recipe's."),
        real("weight_decay", ABSENT, Range::NOT_NEGATIVE, "Absent: the recipe's."),
        choice("scope", "influenced", SCOPES, "Whom to train on; all, where those influenced are not of every class."),
    ]],
    build: |table| settings::build::<GraphRepair>(&ROW, table),
};

/// Adam on the reduced graph. All else is the recipe's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct GraphRepair {
    epochs: usize,
    lr: Option<f64>,
    weight_decay: Option<f64>,
    scope: Scope,
}

/// The classes of some nodes.
fn kinds(session: &Session, nodes: &[u32]) -> Result<BTreeSet<u32>> {
    Ok(session.classes(nodes)?.into_iter().collect())
}

impl Method for GraphRepair {
    fn needs(&self) -> Needs {
        if self.lr.is_none() || self.weight_decay.is_none() { Needs::Recipe } else { Needs::Nothing }
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let graph = view.require_graph(ROW.name)?;
        let origin = Origin::of(session)?;
        let config = TrainConfig {
            optimizer: "adam".into(),
            lr: self.lr.unwrap_or(view.train.lr),
            epochs: self.epochs,
            schedule: Schedule::Constant,
            nesterov: false,
            weight_decay: self.weight_decay.unwrap_or(view.train.weight_decay),
            ..view.train.without_course()
        };
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
