//! Features spread along the edges as an `sgc` layer does it.

use super::dense::Mat;
use crate::data::Graph;

/// Âᵏ X [nodes, width], Â = C (A + I) C with C = 1/sqrt(in-weights) and one self-loop a node, of weight 1 where the
/// graph has none (Wu et al. 2019, eq. 7), in f64.
pub fn spread(graph: &Graph, k: usize) -> Mat {
    let (nodes, width) = (graph.nodes, graph.features.width);
    let all = || graph.edges.iter().enumerate().map(|(at, ends)| (ends, f64::from(graph.edge_data.weight(at))));
    let mut own = vec![1.0f64; nodes];
    all().filter(|([u, v], _)| u == v).for_each(|([node, _], weight)| own[*node as usize] = weight);
    let others = || all().filter(|([source, target], _)| source != target);
    let mut degree = own.clone();
    others().for_each(|([_, target], weight)| degree[*target as usize] += weight);
    let c: Vec<f64> = degree.iter().map(|d| 1.0 / d.sqrt()).collect();
    let mut x = Mat::zeros(nodes, width);
    for node in 0..nodes {
        let (columns, values) = graph.features.row(node);
        columns.iter().zip(values).for_each(|(col, v)| x.data[node * width + *col as usize] = f64::from(*v));
    }
    for _ in 0..k {
        let mut next = Mat::zeros(nodes, width);
        let mut add = |to: usize, from: usize, weight: f64| {
            let by = c[to] * c[from] * weight;
            let row = &mut next.data[to * width..(to + 1) * width];
            row.iter_mut().zip(x.row(from)).for_each(|(y, x)| *y += by * x);
        };
        (0..nodes).for_each(|node| add(node, node, own[node]));
        others().for_each(|([source, target], weight)| add(*target as usize, *source as usize, weight));
        x = next;
    }
    x
}
