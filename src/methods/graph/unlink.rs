//! Unlinking: the graph without what is deleted, and unchanged weights. The floor that every other method must beat.

use crate::methods::prelude::*;
use serde::{Deserialize, Serialize};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "unlink",
    summary: "deletes from the graph and changes no weight, so that traces remain in the weights (graphs only)",
    citation: "Tan et al., WWW 2024 (UtU, Unlink to Unlearn)",
    tier: Tier::Approximate,
    role: Role::Floor,
    takes: &[RecordKind::Node, RecordKind::Link],
    settings: &[],
    build: |table| settings::build::<Unlink>(&ROW, table),
};

/// No settings. The graph of every session after a request is the one without what was deleted, so nothing is to be
/// done here; the weights still hold what they learned from it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Unlink {}

impl Method for Unlink {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let deletion = view.require_graph(ROW.name)?.deletion;
        let origin = Origin::of(session)?;
        let mut account = Account::default();
        timed(&mut account.method_s, || Ok(()))?;
        account.took(0);
        account.note("deleted_nodes", deletion.nodes.len());
        account.note("deleted_edges", deletion.edges.len());
        account.close(session, &origin)
    }
}
