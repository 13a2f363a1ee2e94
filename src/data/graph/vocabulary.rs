//! Columns of features that are there because nodes have them: fitted on the nodes that are left.

use std::collections::HashMap;

use super::{Graph, Sparse};
use crate::data::{ColumnFit, Encoding, Fitted};
use crate::error::{Error, Result};

/// Why features have the columns that they have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Vocabulary {
    /// The files say so.
    #[default]
    Given,
    /// Nodes name their columns by numbers, of which the largest one says how many there are.
    Numbered,
    /// Nodes have no features: each has a column of its own.
    Own,
}

impl Vocabulary {
    /// Leaves the columns that the nodes `left` need, or those that a run has `kept`.
    ///
    /// # Errors
    /// A fit of other data; no column is left.
    pub fn fit(
        self,
        graph: &mut Graph,
        names: Option<&[String]>,
        left: impl Fn(u32) -> bool,
        kept: Option<&Fitted>,
        origin: &str,
    ) -> Result<Vec<ColumnFit>> {
        let kept = kept.map(|kept| kept.columns.first().map(|fit| &fit.encoding));
        let other = || {
            Error::input(format!(
                "{origin}: the features that the run was fitted on are not these; the data are not those of the run"
            ))
        };
        let nodes = 0..graph.nodes as u32;
        let encoding = match (self, kept) {
            (Vocabulary::Given, _) => return Ok(vec![]),
            (Vocabulary::Numbered, Some(Some(Encoding::Numbered { width }))) => Encoding::Numbered { width: *width },
            (Vocabulary::Own, Some(Some(Encoding::Categorical { categories }))) => {
                Encoding::Categorical { categories: categories.clone() }
            }
            (_, Some(_)) => return Err(other()),
            (Vocabulary::Numbered, None) => {
                let last =
                    nodes.filter(|node| left(*node)).filter_map(|node| graph.features.row(node as usize).0.last());
                Encoding::Numbered { width: last.max().map_or(0, |last| *last as usize + 1) }
            }
            (Vocabulary::Own, None) => Encoding::Categorical {
                categories: nodes.filter(|node| left(*node)).map(|node| Some(name(names, node))).collect(),
            },
        };
        graph.features = match &encoding {
            Encoding::Numbered { width } => narrowed(&graph.features, *width),
            Encoding::Categorical { categories } => own(graph.nodes, names, categories).ok_or_else(other)?,
            Encoding::Numeric { .. } => return Err(other()),
        };
        if graph.features.width == 0 {
            return Err(Error::input(format!("{origin}: nodes have no features; at least one is needed")));
        }
        let column = if self == Vocabulary::Own { "node" } else { "node_features" }.to_owned();
        Ok(vec![ColumnFit { column, encoding }])
    }
}

fn name(names: Option<&[String]>, node: u32) -> String {
    names.map_or_else(|| node.to_string(), |names| names[node as usize].clone())
}

/// Without the columns from `width` on.
fn narrowed(features: &Sparse, width: usize) -> Sparse {
    let called = (width < features.width).then(|| (0..width as u32).collect());
    Sparse { width, called, ..features.filter(|_, column| (column as usize) < width) }
}

/// One column for each node that is named, in the order of the nodes. None where a name is no node's.
fn own(nodes: usize, names: Option<&[String]>, named: &[Option<String>]) -> Option<Sparse> {
    let at: HashMap<String, u32> = (0..nodes as u32).map(|node| (name(names, node), node)).collect();
    let columns: Vec<u32> = named.iter().map(|name| at.get(name.as_ref()?).copied()).collect::<Option<_>>()?;
    if columns.len() == nodes {
        return Some(Sparse::identity(nodes));
    }
    let row = |node: u32| columns.binary_search(&node).map(|column| vec![(column as u32, 1.0)]).unwrap_or_default();
    let rows = Sparse::from_rows(columns.len(), (0..nodes as u32).map(row));
    Some(Sparse { called: Some(columns), ..rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(columns: Vec<ColumnFit>) -> Fitted {
        let normalization = crate::data::Normalization::plain(crate::data::Normalize::None);
        Fitted { class_names: vec![], columns, normalization, targets: None, tokenizer: None }
    }

    #[test]
    fn a_node_that_goes_takes_its_column_along_and_requests_keep_their_numbers() {
        let whole = || Graph::new(4, vec![[0, 1], [2, 3]], true, Sparse::identity(4)).unwrap();
        let (mut rest, mut again) = (whole(), whole());
        let fit = Vocabulary::Own.fit(&mut rest, None, |node| node != 1, None, "here").unwrap();
        assert_eq!((rest.features.width, rest.features.row(1).0, rest.features.row(2).0), (3, &[][..], &[1][..]));
        assert_eq!((rest.features.find(2), rest.features.find(1), rest.features.called(2)), (Some(1), None, 3));
        Vocabulary::Own.fit(&mut again, None, |_| true, Some(&fitted(fit)), "here").unwrap();
        assert_eq!(again, rest);
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        let other = Vocabulary::Own.fit(&mut whole(), Some(&names), |_| true, Some(&fitted(vec![])), "here");
        assert!(other.unwrap_err().to_string().contains("not those of the run"));
    }

    #[test]
    fn the_largest_number_of_a_node_that_is_left_says_how_many_columns_there_are() {
        let rows = || Sparse::from_rows(9, [vec![(0, 1.0)], vec![(8, 1.0), (4, 1.0)], vec![(5, 1.0)]]);
        let mut graph = Graph::new(3, vec![], true, rows()).unwrap();
        let fit = Vocabulary::Numbered.fit(&mut graph, None, |node| node != 1, None, "here").unwrap();
        assert_eq!((graph.features.width, graph.features.row(1).0), (6, &[4][..]));
        assert_eq!(fit[0].encoding, Encoding::Numbered { width: 6 });
    }
}
