//! Delete and repair: the graph loses what is deleted, and the weights are fine-tuned where that is felt.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::Result;
use crate::methods::graph::change::GraphChange;
use crate::methods::shared::account::{Origin, timed};
use crate::methods::shared::scope::Scope;
use crate::methods::shared::settings::{self, check, not_negative, positive};
use crate::methods::{Account, Method, MethodRow, Read, Tier, View};
use crate::records::{Records, Session};
use crate::train::{Schedule, Term, TrainConfig, fit_to_end};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "graph_repair",
    summary: "deletes, then fine-tunes on the retained training nodes that the deletion reaches (graphs only)",
    citation: "graph pruning with model update; starts from Tan et al., WWW 2024 (UtU)",
    tier: Tier::Approximate,
    graphs_only: true,
    build: |table| {
        let method: GraphRepair = settings::parse(ROW.name, table)?;
        method.check()?;
        Ok(Box::new(method))
    },
};

/// Adam on the reduced graph. All else is the recipe's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphRepair {
    /// 20: on Cora as many cost a tenth of a retrain and give its accuracy.
    pub epochs: usize,
    /// Absent: the recipe's.
    pub lr: Option<f64>,
    /// Absent: the recipe's.
    pub weight_decay: Option<f64>,
    /// `influenced` or `all` retained training nodes; all where those influenced are not of every class.
    pub scope: Scope,
}

impl Default for GraphRepair {
    fn default() -> Self {
        GraphRepair { epochs: 20, lr: None, weight_decay: None, scope: Scope::Influenced }
    }
}

impl GraphRepair {
    fn check(&self) -> Result<()> {
        check(
            ROW.name,
            &[
                ("epochs", self.epochs > 0, "1 or more"),
                ("lr", self.lr.is_none_or(positive), "a positive number"),
                ("weight_decay", self.weight_decay.is_none_or(not_negative), "0 or more"),
            ],
        )
    }
}

/// The classes of some nodes.
fn kinds(session: &Session, nodes: &[u32]) -> Result<BTreeSet<u32>> {
    Ok(session.classes(nodes)?.into_iter().collect())
}

impl Method for GraphRepair {
    fn settings(&self) -> Value {
        settings::to_json(self)
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
            ..view.train.clone()
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
