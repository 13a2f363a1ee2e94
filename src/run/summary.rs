//! What was asked, without the ids.

use super::results::RequestSummary;
use super::target::Target;
use crate::base::sha256;
use crate::data::{Request, Who};

impl RequestSummary {
    /// What was asked, without the ids.
    pub fn of(requests: &[Request], target: &Target) -> RequestSummary {
        let kinds: Vec<&str> = requests.iter().map(|r| r.kind.name()).collect();
        let mixed = kinds.iter().any(|kind| *kind != kinds[0]);
        let mut ids: Vec<String> = target.split.lines.iter().flat_map(|line| &line.records).map(Who::name).collect();
        ids.sort_unstable();
        // On a graph the deleted nodes need not be training records.
        let (what, count) = match target.deletion() {
            Some(deletion) => (serde_json::to_string(deletion).unwrap_or_default(), target.things()),
            None => (ids.join(","), ids.len()),
        };
        RequestSummary {
            kind: if mixed { "mixed".into() } else { kinds.first().copied().unwrap_or_default().into() },
            count,
            hash: sha256(what.as_bytes()),
            classes: target.classes.clone(),
            what: None,
        }
    }
}
