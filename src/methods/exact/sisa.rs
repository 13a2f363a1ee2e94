//! SISA: a shard is trained again from the checkpoint before the first slice that a forgotten record was in.

use super::replay::again;
use crate::methods::prelude::*;
use serde::{Deserialize, Serialize};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "sisa",
    summary: "of an ensemble, trains the shards again that had the records, each from the checkpoint before the slice \
              of the first of them; of one model in slices, the same",
    citation: "Bourtoule et al., Machine unlearning, IEEE S&P 2021",
    tier: Tier::Exact,
    role: Role::Method,
    takes: &[RecordKind::Row, RecordKind::Graph],
    settings: &[],
    build: |table| settings::build::<Sisa>(&ROW, table),
};

/// What can be set belongs to the training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sisa {}

impl Method for Sisa {
    fn needs(&self) -> Needs {
        Needs::History
    }

    fn suits_recipe(&self, recipe: &TrainConfig) -> Result<()> {
        match recipe.slices {
            Some(_) => Ok(()),
            None => Err(Error::input(
                "method `sisa` goes by the shards and slices of a training, and this one has none; train with \
                 `[ensemble]` or `[train.slices]`, or use retrain",
            )),
        }
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        again(session, view, false)
    }
}
