//! Features spread along the edges as an `sgc` layer does it.

use super::dense::Mat;
use crate::data::Graph;

/// Âᵏ X [nodes, width], Â = C (A + I) C with C = 1/sqrt(1 + in-edges from others) and one self-loop a node whatever the
/// graph has (Wu et al. 2019, eq. 7), in f64.
pub fn spread(graph: &Graph, k: usize) -> Mat {
    let (nodes, width) = (graph.nodes, graph.features.width);
    let others = || graph.edges.iter().filter(|[source, target]| source != target);
    let mut degree = vec![1.0f64; nodes];
    others().for_each(|[_, target]| degree[*target as usize] += 1.0);
    let c: Vec<f64> = degree.iter().map(|d| 1.0 / d.sqrt()).collect();
    let mut x = Mat::zeros(nodes, width);
    for node in 0..nodes {
        let (columns, values) = graph.features.row(node);
        columns.iter().zip(values).for_each(|(col, v)| x.data[node * width + *col as usize] = f64::from(*v));
    }
    for _ in 0..k {
        let mut next = Mat::zeros(nodes, width);
        let mut add = |to: usize, from: usize| {
            let by = c[to] * c[from];
            let row = &mut next.data[to * width..(to + 1) * width];
            row.iter_mut().zip(x.row(from)).for_each(|(y, x)| *y += by * x);
        };
        (0..nodes).for_each(|node| add(node, node));
        others().for_each(|[source, target]| add(*target as usize, *source as usize));
        x = next;
    }
    x
}
