//! Parts of a graph as graphs of their own: the surroundings of single nodes, whole graphs of a collection, sampled
//! neighbourhoods. Each is built on the host as index lists; values are gathered from the whole on the engine.

mod lists;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::kernels::graph::is_heavy;

pub(crate) use lists::{PartBufs, Size, inputs};

/// A matrix's sparsity: for each row the columns of its entries, ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sparsity {
    pub ptr: Vec<u32>,
    pub idx: Vec<u32>,
}

impl Sparsity {
    pub fn rows(&self) -> usize {
        self.ptr.len() - 1
    }

    /// Places of a row's entries.
    pub fn row(&self, r: u32) -> std::ops::Range<usize> {
        self.ptr[r as usize] as usize..self.ptr[r as usize + 1] as usize
    }

    /// The transpose of a matrix with `cols` columns, and each entry's place in the original.
    pub fn transposed(&self, cols: usize) -> (Sparsity, Vec<u32>) {
        let mut ptr = vec![0u32; cols + 1];
        self.idx.iter().for_each(|c| ptr[*c as usize + 1] += 1);
        (0..cols).for_each(|c| ptr[c + 1] += ptr[c]);
        let (mut next, n) = (ptr.clone(), self.idx.len());
        let (mut idx, mut perm) = (vec![0; n], vec![0; n]);
        for r in 0..self.rows() as u32 {
            for k in self.row(r) {
                let at = &mut next[self.idx[k] as usize];
                (idx[*at as usize], perm[*at as usize]) = (r, k as u32);
                *at += 1;
            }
        }
        (Sparsity { ptr, idx }, perm)
    }

    /// Entries of the longest row.
    pub fn longest(&self) -> usize {
        self.ptr.windows(2).map(|w| (w[1] - w[0]) as usize).max().unwrap_or(0)
    }
}

/// A part of a graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SubGraph {
    /// Edges by target, in the part's own numbers, and each one's place in the whole graph.
    pub edges: Sparsity,
    pub edge_of: Vec<u32>,
    /// Features by row, and each value's place in the whole.
    pub features: Sparsity,
    pub value_of: Vec<u32>,
    /// Rows whose logits are wanted.
    pub seeds: Vec<u32>,
    /// Rows of record b: `records[b]..records[b + 1]`; empty where records are the seeds.
    pub records: Vec<u32>,
}

/// What a part is cut from.
#[derive(Clone, Copy)]
pub(crate) struct Whole<'a> {
    pub edges: &'a Sparsity,
    /// By edge: false where it was deleted, or is a self-loop that no layer needs.
    pub weight: &'a [f32],
    pub features: &'a Sparsity,
}

impl SubGraph {
    fn empty() -> SubGraph {
        let none = Sparsity { ptr: vec![0], idx: Vec::new() };
        SubGraph { edges: none.clone(), features: none, records: vec![0], ..SubGraph::default() }
    }

    /// Nodes.
    pub fn rows(&self) -> usize {
        self.edges.rows()
    }

    /// One block per center: all that its logits depend on in a network of so many hops, with the whole graph's
    /// degrees.
    pub fn around(whole: &Whole, centers: &[u32], hops: usize) -> SubGraph {
        let mut part = SubGraph::empty();
        for center in centers {
            let (nodes, inner) = reach(whole, *center, hops);
            let first = part.rows() as u32;
            let local: HashMap<u32, u32> = nodes.iter().zip(first..).map(|(v, at)| (*v, at)).collect();
            part.seeds.push(local[center]);
            for v in &nodes {
                // Messages into the outermost nodes reach nobody.
                let edges = if inner.contains(v) { whole.edges.row(*v) } else { 0..0 };
                part.push(whole, *v, edges.filter(|e| whole.takes_part(*v, *e)), |u| local[&u]);
            }
            part.records.push(part.rows() as u32);
        }
        part
    }

    /// One block per graph of a collection; graph g has the nodes `ranges[g]..ranges[g + 1]`.
    pub fn graphs(whole: &Whole, ranges: &[u32], graphs: &[u32]) -> SubGraph {
        let mut part = SubGraph::empty();
        for g in graphs {
            let (from, to) = (ranges[*g as usize], ranges[*g as usize + 1]);
            let first = part.rows() as u32;
            for v in from..to {
                part.push(whole, v, whole.edges.row(v), |u| u - from + first);
            }
            part.records.push(part.rows() as u32);
        }
        part
    }

    /// Appends node `v` with some of its in-edges.
    fn push(&mut self, whole: &Whole, v: u32, edges: impl Iterator<Item = usize>, local: impl Fn(u32) -> u32) {
        for e in edges {
            self.edges.idx.push(local(whole.edges.idx[e]));
            self.edge_of.push(e as u32);
        }
        self.edges.ptr.push(self.edges.idx.len() as u32);
        for k in whole.features.row(v) {
            self.features.idx.push(whole.features.idx[k]);
            self.value_of.push(k as u32);
        }
        self.features.ptr.push(self.features.idx.len() as u32);
    }

    /// The sampled neighbourhood of `seeds`: from each node reached, at most `fanout[h]` of its in-edges at hop h,
    /// drawn by `draw(n)` < n, and its self-loop. So many nodes are shared, not repeated; the seeds come first.
    pub fn sampled(whole: &Whole, seeds: &[u32], fanout: &[usize], mut draw: impl FnMut(usize) -> usize) -> SubGraph {
        let mut nodes = seeds.to_vec();
        let mut local: HashMap<u32, u32> = seeds.iter().copied().zip(0..).collect();
        let mut chosen: Vec<Vec<usize>> = Vec::new();
        let mut from = 0;
        for most in fanout {
            let to = nodes.len();
            for at in from..to {
                let edges = whole.draw_edges(nodes[at], *most, &mut draw);
                for e in &edges {
                    let u = whole.edges.idx[*e];
                    local.entry(u).or_insert_with(|| {
                        nodes.push(u);
                        nodes.len() as u32 - 1
                    });
                }
                chosen.push(edges);
            }
            from = to;
        }
        let mut part = SubGraph { seeds: (0..seeds.len() as u32).collect(), ..SubGraph::empty() };
        for (i, v) in nodes.iter().enumerate() {
            let edges = chosen.get(i).cloned().unwrap_or_default();
            part.push(whole, *v, edges.into_iter(), |u| local[&u]);
        }
        part.records.clear();
        part
    }

    /// Adds rows, edges and values that nothing refers to, up to the given sizes, so that programs can be shared.
    pub fn padded(mut self, size: Size) -> SubGraph {
        let (edges, values) = (self.edges.idx.len() as u32, self.features.idx.len() as u32);
        self.edges.ptr.resize(size.rows + 1, edges);
        self.features.ptr.resize(size.rows + 1, values);
        self.edges.idx.resize(size.edges, 0);
        self.edge_of.resize(size.edges, 0);
        self.features.idx.resize(size.values, 0);
        self.value_of.resize(size.values, 0);
        self
    }

    pub fn size(&self, width: usize) -> Size {
        let (rows, edges, values) = (self.rows(), self.edges.idx.len(), self.features.idx.len());
        let records = self.records.len().saturating_sub(1);
        let columns = |m: &Sparsity, cols: usize| is_heavy(&m.transposed(cols).0.ptr);
        let heavy = [
            is_heavy(&self.edges.ptr),
            columns(&self.edges, rows),
            is_heavy(&self.features.ptr),
            columns(&self.features, width),
        ];
        Size { rows, edges, values, seeds: self.seeds.len(), records, heavy }
    }
}

impl Whole<'_> {
    /// A self-loop always does: which layers count it is in the values.
    fn takes_part(&self, target: u32, edge: usize) -> bool {
        self.weight[edge] != 0.0 || self.edges.idx[edge] == target
    }

    /// At most so many edges of the row `v` that take part, besides its self-loop, which is always there.
    fn draw_edges(&self, v: u32, most: usize, mut draw: impl FnMut(usize) -> usize) -> Vec<usize> {
        let (own, mut edges): (Vec<_>, Vec<_>) =
            self.edges.row(v).filter(|e| self.takes_part(v, *e)).partition(|e| self.edges.idx[*e] == v);
        for i in 0..edges.len().min(most) {
            let j = i + draw(edges.len() - i);
            edges.swap(i, j);
        }
        edges.truncate(most);
        edges.extend(own);
        edges.sort_unstable();
        edges
    }
}

/// The nodes within so many hops against the edges, ascending, and those that are nearer than that.
fn reach(whole: &Whole, center: u32, hops: usize) -> (Vec<u32>, std::collections::BTreeSet<u32>) {
    let mut all = std::collections::BTreeSet::from([center]);
    let (mut inner, mut edge) = (std::collections::BTreeSet::new(), vec![center]);
    for _ in 0..hops {
        let mut next = Vec::new();
        for v in &edge {
            inner.insert(*v);
            let sources = whole.edges.row(*v).filter(|e| whole.takes_part(*v, *e)).map(|e| whole.edges.idx[e]);
            next.extend(sources.filter(|u| all.insert(*u)));
        }
        edge = next;
    }
    (all.into_iter().collect(), inner)
}
