//! Features spread along the edges as an `sgc` layer does it.

use super::dense::Mat;
use crate::data::Graph;
use crate::methods::graph::adjacency::Adjacency;

/// Âᵏ X [nodes, width] (Wu et al. 2019, eq. 7), in f64.
pub fn spread(graph: &Graph, k: usize) -> Mat {
    let (nodes, width) = (graph.nodes, graph.features.width);
    let adjacency = Adjacency::of(graph);
    let mut x = Mat::zeros(nodes, width);
    for node in 0..nodes {
        let (columns, values) = graph.features.row(node);
        columns.iter().zip(values).for_each(|(col, v)| x.data[node * width + *col as usize] = f64::from(*v));
    }
    for _ in 0..k {
        let mut next = Mat::zeros(nodes, width);
        for (target, row) in next.data.chunks_exact_mut(width.max(1)).enumerate() {
            for (source, by) in adjacency.row(target as u32) {
                row.iter_mut().zip(x.row(source as usize)).for_each(|(y, x)| *y += by * x);
            }
        }
        x = next;
    }
    x
}
