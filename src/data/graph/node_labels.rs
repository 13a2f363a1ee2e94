//! Labels of the nodes or edges of a collection become features, one a label: fitted on the training graphs, applied to
//! all.

use super::{MOST_COLUMNS, Sparse};
use crate::data::{ColumnFit, Encoding};
use crate::error::{Error, Result};

/// Columns of labels, each with the label of every node, or of every edge.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NodeLabels {
    pub columns: Vec<Vec<f64>>,
}

impl NodeLabels {
    /// The bits of a node's labels.
    pub fn words(&self, node: u32) -> impl Iterator<Item = u64> {
        self.columns.iter().map(move |column| column[node as usize].to_bits())
    }

    /// Appends one feature for each label to those that nodes (or edges; `what` is the file of the labels) have: of the
    /// labels that `kept` names or, without it, of those on the nodes `known`, in ascending order. A node with another
    /// label has 0 in all of them, as a row with a category that training has not seen.
    ///
    /// # Errors
    /// A fit of other data; no label that is known.
    pub fn append(
        &self,
        what: &str,
        features: &Sparse,
        known: &[u32],
        kept: Option<&[ColumnFit]>,
        origin: &str,
    ) -> Result<(Sparse, Vec<ColumnFit>)> {
        let fits = match kept {
            Some(kept) => self.kept(what, kept, origin)?,
            None => self.columns.iter().map(|column| distinct(column, known)).collect(),
        };
        let mut rows: Vec<Vec<(u32, f32)>> = (0..features.rows())
            .map(|row| {
                let (col, val) = features.row(row);
                col.iter().copied().zip(val.iter().copied()).collect()
            })
            .collect();
        let mut width = features.width;
        for (column, labels) in self.columns.iter().zip(&fits) {
            for (row, label) in rows.iter_mut().zip(column) {
                let at = labels.partition_point(|known| known < label);
                if labels.get(at) == Some(label) {
                    row.push(((width + at) as u32, 1.0));
                }
            }
            width += labels.len();
        }
        if width == 0 || width > MOST_COLUMNS {
            return Err(Error::input(format!(
                "{origin}: the training graphs have {width} features, those of {what} among them; expected 1 to \
                 {MOST_COLUMNS}"
            )));
        }
        let columns = fits.iter().enumerate().map(|(at, labels)| ColumnFit {
            column: if fits.len() == 1 { what.to_owned() } else { format!("{what}[{at}]") },
            encoding: Encoding::Categorical {
                categories: labels.iter().map(|label| Some(label.to_string())).collect(),
            },
        });
        Ok((Sparse::from_rows(width, rows), columns.collect()))
    }

    /// The labels of each column that a run has kept.
    fn kept(&self, what: &str, kept: &[ColumnFit], origin: &str) -> Result<Vec<Vec<f64>>> {
        let labels = |fit: &ColumnFit| match &fit.encoding {
            Encoding::Categorical { categories } => {
                categories.iter().map(|label| label.as_ref()?.parse().ok()).collect::<Option<Vec<f64>>>()
            }
            Encoding::Numeric { .. } | Encoding::Numbered { .. } => None,
        };
        let fits = kept.iter().map(labels).collect::<Option<Vec<_>>>();
        fits.filter(|fits| fits.len() == self.columns.len()).ok_or_else(|| {
            Error::input(format!(
                "{origin}: was fitted on {} columns of {} and has {} now; the data are not those of the run",
                kept.len(),
                what.replace('_', " "),
                self.columns.len()
            ))
        })
    }
}

/// The labels that some nodes have, ascending.
fn distinct(column: &[f64], nodes: &[u32]) -> Vec<f64> {
    let mut labels: Vec<f64> = nodes.iter().map(|node| column[*node as usize]).collect();
    labels.sort_unstable_by(f64::total_cmp);
    labels.dedup();
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_those_of_the_known_nodes_or_of_the_kept_fit() {
        let labels = NodeLabels { columns: vec![vec![7.0, 3.0, 10.0, 3.0]] };
        let own = Sparse::from_rows(1, vec![vec![(0, 0.5)], vec![], vec![], vec![]]);
        let append = |own: &Sparse, known: &[u32], kept| labels.append("node_labels", own, known, kept, "here");
        let (all, fit) = append(&own, &[0, 1, 2, 3], None).unwrap();
        assert_eq!((all.width, all.row(0), all.row(2)), (4, (&[0, 2][..], &[0.5, 1.0][..]), (&[3][..], &[1.0][..])));
        let (some, without) = append(&own, &[0, 1], None).unwrap();
        assert_eq!((some.width, some.row(0), some.row(2)), (3, all.row(0), (&[][..], &[][..])));
        assert_ne!(fit, without);
        assert_eq!(append(&own, &[], Some(&without)).unwrap(), (some, without.clone()));
        let other = append(&own, &[], Some(&[])).unwrap_err().to_string();
        assert!(other.contains("0 columns of node labels and has 1 now"), "{other}");
        let none = append(&Sparse { width: 0, ..own }, &[], None).unwrap_err().to_string();
        assert!(none.contains("have 0 features"), "{none}");
    }
}
