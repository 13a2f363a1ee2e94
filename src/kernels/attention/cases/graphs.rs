//! Structures for the cases.

use crate::engine::Buf;
use crate::engine::case::{Case, Gen};
use crate::kernels::attention::Edges;

/// How a structure's rows are dealt in a case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Deal {
    /// As the host would choose.
    Chosen,
    /// A thread per row.
    Whole,
    /// Cut at every multiple of so many edges, however short the rows are.
    Cut(usize),
}

/// A CSR by target and its transpose.
#[derive(Clone, Debug)]
pub struct Graph {
    pub name: String,
    pub nodes: usize,
    ptr: Vec<u32>,
    idx: Vec<u32>,
    t_ptr: Vec<u32>,
    t_idx: Vec<u32>,
    t_perm: Vec<u32>,
}

/// Row pointers of ascending keys below `rows`.
fn pointers(rows: usize, keys: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut ptr = vec![0; rows + 1];
    keys.for_each(|k| ptr[k as usize + 1] += 1);
    (0..rows).for_each(|r| ptr[r + 1] += ptr[r]);
    ptr
}

fn longest(ptr: &[u32]) -> usize {
    ptr.windows(2).map(|w| (w[1] - w[0]) as usize).max().unwrap_or(0)
}

impl Graph {
    /// From directed edges (target, source), which may repeat.
    pub fn new(name: impl Into<String>, nodes: usize, mut edges: Vec<(u32, u32)>) -> Graph {
        edges.sort_unstable();
        let mut back: Vec<(u32, u32, u32)> = edges.iter().zip(0..).map(|((t, s), e)| (*s, *t, e)).collect();
        back.sort_unstable();
        Graph {
            name: name.into(),
            nodes,
            ptr: pointers(nodes, edges.iter().map(|e| e.0)),
            idx: edges.iter().map(|e| e.1).collect(),
            t_ptr: pointers(nodes, back.iter().map(|e| e.0)),
            t_idx: back.iter().map(|e| e.1).collect(),
            t_perm: back.iter().map(|e| e.2).collect(),
        }
    }

    pub fn edges(&self) -> usize {
        self.idx.len()
    }

    /// Edges of the row that edge e belongs to.
    pub fn row_length(&self, e: usize) -> u32 {
        let row = self.ptr.partition_point(|first| *first as usize <= e) - 1;
        self.ptr[row + 1] - self.ptr[row]
    }

    /// The structure in the case's buffers.
    pub fn place(&self, case: &mut Case, deal: Deal) -> Edges {
        let [ptr, idx] = [("ptr", &self.ptr), ("idx", &self.idx)].map(|(n, v)| case.input_u32(n, v.clone()));
        edges(case, ptr, idx, None, longest(&self.ptr), deal)
    }

    /// Its transpose.
    pub fn place_transpose(&self, case: &mut Case, deal: Deal) -> Edges {
        let all = [("t_ptr", &self.t_ptr), ("t_idx", &self.t_idx), ("t_perm", &self.t_perm)];
        let [ptr, idx, perm] = all.map(|(n, v)| case.input_u32(n, v.clone()));
        edges(case, ptr, idx, Some(perm), longest(&self.t_ptr), deal)
    }

    /// `takes` with a share of edges out; every third row has none that takes part.
    pub fn takes(&self, share: f32, g: &mut Gen) -> Vec<f32> {
        let mut takes: Vec<f32> =
            (0..self.edges()).map(|_| f32::from(g.below(1000) as f32 >= 1000.0 * share)).collect();
        for row in (2..self.nodes).step_by(3).filter(|_| share > 0.0) {
            takes[self.ptr[row] as usize..self.ptr[row + 1] as usize].fill(0.0);
        }
        // Not 1: any value but 0 takes part.
        takes.iter().map(|t| t * (0.1 + g.below(9) as f32) * if g.below(2) == 0 { 1.0 } else { -1.0 }).collect()
    }
}

fn edges(case: &mut Case, ptr: Buf<u32>, idx: Buf<u32>, perm: Option<Buf<u32>>, longest: usize, deal: Deal) -> Edges {
    let whole = Edges { ptr, idx, perm, longest, split: None };
    match deal {
        Deal::Chosen => Edges::new(&mut case.rec, ptr, idx, perm, longest),
        Deal::Whole => whole,
        Deal::Cut(chunk) => whole.cut(&mut case.rec, chunk),
    }
}

fn loops(nodes: usize) -> impl Iterator<Item = (u32, u32)> {
    (0..nodes as u32).map(|i| (i, i))
}

/// Each node with its self-loop and up to `degree` other sources, some of them twice.
pub fn random(nodes: usize, degree: usize) -> Graph {
    let mut g = Gen::new((nodes * 31 + degree) as u64);
    let mut all: Vec<_> = loops(nodes).collect();
    for target in 0..nodes as u32 {
        for _ in 0..g.below(degree + 1) {
            all.push((target, g.below(nodes) as u32));
        }
    }
    Graph::new(format!("random {nodes}x{degree}"), nodes, all)
}

/// Node 0 joined with `leaves` others, both ways, and a self-loop each.
pub fn star(leaves: usize) -> Graph {
    let all = (1..=leaves as u32).flat_map(|i| [(0, i), (i, 0)]).chain(loops(leaves + 1));
    Graph::new(format!("star {leaves}"), leaves + 1, all.collect())
}

/// The hub in the middle of the ids, so that long rows start and end inside a chunk.
pub fn hub(nodes: usize) -> Graph {
    let middle = (nodes / 2) as u32;
    let spokes = (0..nodes as u32).filter(|i| *i != middle).flat_map(|i| [(middle, i), (i, middle)]);
    let doubled = (0..nodes as u32).step_by(5).map(|i| (middle, i));
    Graph::new(format!("hub {nodes}"), nodes, spokes.chain(doubled).chain(loops(nodes)).collect())
}

/// The small structures with something odd about each.
pub fn odd() -> Vec<Graph> {
    let isolated = Graph::new("isolated 5", 5, loops(5).collect());
    let without = Graph::new("without edges 6", 6, vec![(1, 0), (1, 4), (4, 1), (4, 4), (4, 5)]);
    let doubled = Graph::new("doubled 3", 3, [vec![(0, 1); 4], vec![(1, 1); 2], vec![(2, 0); 9]].concat());
    vec![Graph::new("empty", 0, vec![]), Graph::new("one node", 1, vec![(0, 0)]), isolated, without, doubled]
}
