//! Whom a request on a graph names.

use crate::methods::{GraphView, View};

/// The nodes that a request names, ascending. What it deletes of all nodes at once, a column, names none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::methods) struct Marked {
    /// Deleted nodes.
    pub gone: Vec<u32>,
    /// Nodes that stay: the ends of deleted edges, and those that lose features.
    pub changed: Vec<u32>,
}

impl Marked {
    /// Of a request.
    pub fn of(graph: &GraphView) -> Marked {
        let deletion = graph.deletion;
        let gone = |v: &u32| deletion.nodes.binary_search(v).is_ok();
        // The edges of a deleted node say nothing of their own.
        let mut changed: Vec<u32> =
            deletion.edges.iter().filter(|ends| !ends.iter().any(gone)).flatten().copied().collect();
        changed.extend(&deletion.feature_rows);
        changed.extend(deletion.feature_entries.iter().map(|[node, _]| node));
        changed.retain(|v| !gone(v));
        changed.sort_unstable();
        changed.dedup();
        Marked { gone: deletion.nodes.clone(), changed }
    }

    /// Both, ascending.
    pub fn all(&self) -> Vec<u32> {
        let mut all = [&self.gone[..], &self.changed].concat();
        all.sort_unstable();
        all
    }
}

/// Of the records to forget those that the request names; all where records stand alone. Who is only near a deletion
/// on a graph stays, and is not to be forgotten as a record.
pub(in crate::methods) fn named(view: &View) -> Vec<u32> {
    match &view.graph {
        Some(graph) => {
            let marked = Marked::of(graph).all();
            view.forget.iter().filter(|v| marked.binary_search(v).is_ok()).copied().collect()
        }
        None => view.forget.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Deletion, Graph, Sparse};

    #[test]
    fn who_is_named_is_deleted_or_loses_something() {
        let graph = Graph::new(6, vec![[0, 1], [1, 2], [3, 4]], true, Sparse::identity(6)).unwrap();
        let deletion = Deletion {
            nodes: vec![1],
            edges: vec![[1, 0], [0, 1], [2, 1], [1, 2], [4, 3], [3, 4]],
            feature_rows: vec![5],
            feature_columns: vec![0],
            feature_entries: vec![[3, 3]],
        };
        let view = GraphView { graph: &graph, deletion: &deletion, influenced: &[], influenced_train: &[] };
        let marked = Marked::of(&view);
        assert_eq!(marked, Marked { gone: vec![1], changed: vec![3, 4, 5] });
        assert_eq!(marked.all(), [1, 3, 4, 5]);
        let recipe = crate::train::TrainConfig::default();
        let near = View::new(&recipe, &[0, 3], &[0, 1, 3]);
        assert_eq!(named(&near.on_graph(view)), [1, 3]);
        assert_eq!(named(&near), [0, 1, 3]);
    }
}
