//! What a resident graph is built from, on the host: edges with self-loops, and what a deletion leaves of weights and
//! values.

use std::collections::HashSet;

use super::subgraph::Sparsity;
use crate::data::{Deletion, Graph, Sparse};

/// Edges by target with one self-loop for every node, each edge's weight, 0 for each self-loop that was added, and its
/// features, 0 on self-loops.
pub(crate) fn with_loops(graph: &Graph) -> (Sparsity, Vec<f32>, Vec<f32>) {
    let (mut ptr, mut idx, mut weight) = (vec![0], Vec::new(), Vec::new());
    let (data, mut features) = (&graph.edge_data, Vec::new());
    let none = vec![0.0; data.width];
    let mut rest = graph.edges.iter().enumerate().peekable();
    for v in 0..graph.nodes as u32 {
        let mut own = false;
        while let Some((edge, [source, _])) = rest.next_if(|(_, e)| e[1] == v) {
            if !own && *source > v {
                idx.push(v);
                weight.push(0.0);
                features.extend_from_slice(&none);
                own = true;
            }
            own |= *source == v;
            idx.push(*source);
            weight.push(data.weight(edge));
            features.extend_from_slice(if *source == v { &none } else { data.row(edge) });
        }
        if !own {
            idx.push(v);
            weight.push(0.0);
            features.extend_from_slice(&none);
        }
        ptr.push(idx.len() as u32);
    }
    (Sparsity { ptr, idx }, weight, features)
}

/// The weights that a deletion leaves.
pub(crate) fn left(edges: &Sparsity, weight: &[f32], deletion: &Deletion) -> Vec<f32> {
    let nodes: HashSet<u32> = deletion.nodes.iter().copied().collect();
    let gone: HashSet<[u32; 2]> = deletion.edges.iter().copied().collect();
    let mut left = weight.to_vec();
    for v in 0..edges.rows() as u32 {
        for e in edges.row(v) {
            let u = edges.idx[e];
            if nodes.contains(&u) || nodes.contains(&v) || gone.contains(&[u, v]) {
                left[e] = 0.0;
            }
        }
    }
    left
}

/// 1 on the self-loops of some nodes.
pub(crate) fn touched(edges: &Sparsity, nodes: Vec<u32>) -> Vec<f32> {
    let mut flags = vec![0.0; edges.idx.len()];
    for v in nodes {
        edges.row(v).filter(|e| edges.idx[*e] == v).for_each(|e| flags[e] = 1.0);
    }
    flags
}

/// The feature values that a deletion leaves.
pub(crate) fn features_left(features: &Sparse, deletion: &Deletion) -> Vec<f32> {
    let rows: HashSet<u32> = deletion.nodes.iter().chain(&deletion.feature_rows).copied().collect();
    let columns: HashSet<u32> = deletion.feature_columns.iter().copied().collect();
    let mut left = features.val.clone();
    for v in 0..features.rows() as u32 {
        let row = features.ptr[v as usize] as usize..features.ptr[v as usize + 1] as usize;
        for (value, column) in left[row.clone()].iter_mut().zip(&features.col[row]) {
            let c = features.called(*column);
            if rows.contains(&v) || columns.contains(&c) || deletion.feature_entries.contains(&[v, c]) {
                *value = 0.0;
            }
        }
    }
    left
}
