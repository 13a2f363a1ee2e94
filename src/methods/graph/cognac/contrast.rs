//! Nodes that are turned towards some and away from others, and the loss that says how far they are.

use std::collections::BTreeMap;

use crate::methods::graph::adjacency::Adjacency;
use crate::methods::graph::marked::Marked;
use crate::methods::prelude::*;
use crate::methods::shared::softmax::softmax;

/// A node with those it is turned towards and away from, all as places among [`Contrast::nodes`].
#[derive(Debug, PartialEq)]
pub(super) struct Anchor {
    node: usize,
    towards: Vec<usize>,
    away: Vec<usize>,
}

/// Anchors, and every node that their loss reads, ascending.
#[derive(Debug, Default)]
pub(super) struct Contrast {
    pub nodes: Vec<u32>,
    pub anchors: Vec<Anchor>,
}

/// A node, its positives and its negatives, as ids.
type Ids = (u32, Vec<u32>, Vec<u32>);

impl Contrast {
    /// The anchors of a request: the `share` of the candidates whose probabilities the deletion changes most.
    /// Candidates are the nodes within `hops` of those that are named, or the ends of deleted edges where edges alone
    /// are deleted.
    pub fn of(
        session: &mut Session,
        graph: &GraphView,
        marked: &Marked,
        (share, hops): (f64, usize),
    ) -> Result<Contrast> {
        let deletion = graph.deletion;
        let edges = marked.gone.is_empty() && deletion.feature_rows.is_empty() && deletion.feature_entries.is_empty();
        let all = marked.all();
        let candidates: Vec<u32> = match edges {
            true => marked.changed.clone(),
            false => {
                let distance = graph.graph.hop_distance(deletion);
                let near = |v: &u32| distance[*v as usize] as usize <= hops && all.binary_search(v).is_err();
                (0..graph.graph.nodes as u32).filter(near).collect()
            }
        };
        if all.is_empty() || candidates.is_empty() {
            return Ok(Contrast::default());
        }
        let count = ((share * candidates.len() as f64) as usize).max(1);
        let anchors = most_changed(session, &candidates, count)?;
        let adjacency = Adjacency::of(graph.graph);
        let lost = |node: u32| -> Vec<u32> {
            let mut others: Vec<u32> = match edges {
                true => deletion.edges.iter().filter(|ends| ends[1] == node).map(|ends| ends[0]).collect(),
                false => all.clone(),
            };
            // A directed edge leaves its source nothing to be turned away from but its target.
            if edges && others.is_empty() {
                others.extend(deletion.edges.iter().filter(|ends| ends[0] == node).map(|ends| ends[1]));
            }
            others
        };
        let of = |node: u32| {
            let away = lost(node);
            let others = adjacency.around(node, hops).into_iter().filter(|v| *v != node && !away.contains(v));
            (node, others.collect(), away)
        };
        Ok(Contrast::among(anchors.into_iter().map(of).collect()))
    }

    fn among(ids: Vec<Ids>) -> Contrast {
        let mut nodes: Vec<u32> =
            ids.iter().flat_map(|(node, towards, away)| [&[*node][..], towards, away].concat()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let place: BTreeMap<u32, usize> = nodes.iter().enumerate().map(|(at, node)| (*node, at)).collect();
        let places = |ids: &[u32]| ids.iter().map(|id| place[id]).collect::<Vec<_>>();
        let anchor =
            |(node, towards, away): &Ids| Anchor { node: place[node], towards: places(towards), away: places(away) };
        let anchors = ids.iter().map(anchor).collect();
        Contrast { nodes, anchors }
    }

    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// The mean over the anchors a of −mean_p log σ(z_a·z_p) − mean_n log σ(−z_a·z_n) with the outputs z of
    /// [`Contrast::nodes`], GraphSAGE's loss (Hamilton et al. 2017), and its slopes. The source pads shorter lists, and
    /// counts what it pads with.
    pub fn loss(&self, outputs: &[f64], width: usize) -> (f64, Vec<f64>) {
        let row = |at: usize| &outputs[at * width..(at + 1) * width];
        let (mut total, mut slopes) = (0.0, vec![0.0; outputs.len()]);
        for anchor in &self.anchors {
            for (others, sign) in [(&anchor.towards, 1.0), (&anchor.away, -1.0)] {
                let mean = 1.0 / (self.anchors.len() * others.len().max(1)) as f64;
                for other in others {
                    let (a, b) = (row(anchor.node), row(*other));
                    let score = sign * a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
                    // −log σ(s), and its derivative −σ(−s).
                    total += mean * ((-score.abs()).exp().ln_1p() + (-score).max(0.0));
                    let slope = -mean * sign / (1.0 + score.exp());
                    for c in 0..width {
                        slopes[anchor.node * width + c] += slope * b[c];
                        slopes[*other * width + c] += slope * a[c];
                    }
                }
            }
        }
        (total, slopes)
    }
}

/// The `count` nodes whose probabilities the deletion changes most, in the mean over the classes; equal ones by id.
fn most_changed(session: &mut Session, nodes: &[u32], count: usize) -> Result<Vec<u32>> {
    let width = session.model.classes;
    let mut probabilities = |records: Records| -> Result<Vec<f64>> {
        let logits = statistics::logits(session, records)?;
        let rows = logits.chunks_exact(width).map(|row| row.iter().map(|z| f64::from(*z)).collect::<Vec<_>>());
        Ok(rows.flat_map(|row| softmax(&row, 1.0)).collect())
    };
    let (before, after) = (probabilities(Records::before(nodes))?, probabilities(Records::train(nodes))?);
    let far = |(a, b): (&[f64], &[f64])| a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>();
    let far: Vec<f64> = before.chunks_exact(width).zip(after.chunks_exact(width)).map(far).collect();
    let ranked = statistics::scores::ranked(nodes, &far);
    let mut chosen: Vec<u32> = ranked.into_iter().take(count).map(|row| row.id).collect();
    chosen.sort_unstable();
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_differences_and_anchors_turn_where_they_should() {
        let contrast = Contrast::among(vec![(4, vec![1, 2], vec![9]), (7, vec![4], vec![9, 1]), (2, vec![], vec![9])]);
        assert_eq!(contrast.nodes, [1, 2, 4, 7, 9]);
        assert_eq!(contrast.anchors[0], Anchor { node: 2, towards: vec![0, 1], away: vec![4] });
        let z: Vec<f64> = (0..15).map(|i| ((i * 37 % 11) as f64 - 5.0) / 4.0).collect();
        let (loss, slopes) = contrast.loss(&z, 3);
        for i in 0..15 {
            let moved = |by: f64| {
                let mut z = z.clone();
                z[i] += by;
                contrast.loss(&z, 3).0
            };
            let want = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((slopes[i] - want).abs() < 1e-9, "{i}: {}, {want}", slopes[i]);
        }
        let down: Vec<f64> = z.iter().zip(&slopes).map(|(z, slope)| z - 0.1 * slope).collect();
        assert!(contrast.loss(&down, 3).0 < loss);
        // Large products neither overflow nor lose their slope.
        let (far, slope) = contrast.loss(&[40.0; 15], 3);
        assert!(far.is_finite() && slope.iter().all(|v| v.is_finite()));
    }
}
