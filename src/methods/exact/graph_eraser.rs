//! GraphEraser: of an ensemble over the shards of a graph, those that had a node are trained again. An ensemble does
//! that by training; there is nothing in it for one network.

use crate::methods::prelude::*;
use serde::{Deserialize, Serialize};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "graph_eraser",
    summary: "of an ensemble over the shards of a graph, trains the shards again that had what is forgotten, and \
              learns the members' weights anew; exact where nodes are divided at random, not with `blpa` or `bekm`, \
              which read them all",
    citation: "Chen et al., Graph unlearning, CCS 2022",
    tier: Tier::Exact,
    role: Role::Method,
    takes: &[RecordKind::Node],
    settings: &[],
    build: |table| settings::build::<GraphEraser>(&ROW, table),
};

/// What can be set belongs to the training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct GraphEraser {}

/// Why one network cannot forget so.
fn one_network() -> Error {
    Error::input(
        "method `graph_eraser` trains shards of a graph again, and this is one network; train with `[ensemble] kind = \
         \"graph_eraser\"`, or use retrain",
    )
}

impl Method for GraphEraser {
    fn needs(&self) -> Needs {
        Needs::History
    }

    fn suits_recipe(&self, _recipe: &TrainConfig) -> Result<()> {
        Err(one_network())
    }

    fn forget(&self, _session: &mut Session, _view: &View) -> Result<Account> {
        Err(one_network())
    }
}
