//! Features as a JSON of lists: `{"node": [columns that are 1]}`.

use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::nodes::Nodes;
use crate::data::graph::lines::text;
use crate::data::graph::{MOST_COLUMNS, Sparse};
use crate::data::limit::Limit;
use crate::error::{Error, Result};

/// The entries of an object in their order: a key that is there twice must not win over itself.
struct Lists(Vec<(String, Vec<u32>)>);

impl<'de> Deserialize<'de> for Lists {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Lists, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Lists;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object of lists")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Lists, M::Error> {
                let mut entries = vec![];
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Lists(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// The features of every node.
pub(super) fn json_features(path: &Path, nodes: &Nodes, limit: &Limit) -> Result<Sparse> {
    let shown = path.display();
    let Lists(lists) = serde_json::from_str(&text(path, limit)?)
        .map_err(|e| Error::input(format!("{shown} line {}: not an object of lists of columns: {e}", e.line())))?;
    let count = nodes.count;
    if lists.len() != count {
        let rows = lists.len();
        return Err(Error::input(format!("{shown}: {rows} rows of features for {count} nodes; expected one a node")));
    }
    let (mut rows, mut seen) = (vec![vec![]; count], vec![false; count]);
    let mut width = 0;
    for (key, mut columns) in lists {
        // Compared as text too: `3` and `+3` must not be one node.
        let node = nodes.find(&key).filter(|node: &usize| nodes.names.is_some() || node.to_string() == key);
        let node = node.ok_or_else(|| Error::input(format!("{shown}: {}", nodes.unknown(&key))))?;
        if std::mem::replace(&mut seen[node], true) {
            return Err(Error::input(format!("{shown}: node {key} is repeated")));
        }
        columns.sort_unstable();
        columns.dedup();
        if let Some(&last) = columns.last() {
            if last as usize >= MOST_COLUMNS {
                return Err(Error::input(format!("{shown}: node {key}: column {last}; expected below {MOST_COLUMNS}")));
            }
            width = width.max(last as usize + 1);
        }
        rows[node] = columns.into_iter().map(|column| (column, 1.0)).collect();
    }
    Ok(Sparse::from_rows(width, rows))
}
