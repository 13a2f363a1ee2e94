//! Which of the retained records a method on a graph works with.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::methods::{Account, View};

/// The setting `scope`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Those whose outputs the deletion can change; all, where it reaches none, or where there is no graph.
    Influenced,
    /// Every retained record.
    All,
}

/// Words of [`Scope`] and what they mean.
pub const SCOPES: &[(&str, &str)] = &[
    (
        "influenced",
        "the retained training nodes that the deletion reaches; all, where it reaches none or there is no graph",
    ),
    ("all", "all retained training nodes"),
];

impl Scope {
    /// The records, and the scope that they come from.
    pub fn of<'a>(self, view: &View<'a>) -> (&'a [u32], Scope) {
        match view.graph {
            Some(graph) if self == Scope::Influenced && !graph.influenced_train.is_empty() => {
                (graph.influenced_train, Scope::Influenced)
            }
            _ => (view.retain, Scope::All),
        }
    }

    /// Notes what was asked for and what was done.
    pub fn describe(self, used: Scope, records: usize, account: &mut Account) {
        account.note("scope", json!(used));
        account.note("scope_records", records);
        if used != self {
            account.note(
                "scope_note",
                "those that the deletion reaches are none, or not of every class; all retained \
                training records were taken",
            );
        }
    }
}
