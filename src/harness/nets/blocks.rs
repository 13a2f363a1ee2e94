//! What graph layers are given: every record is one copy of a small graph, in a block-diagonal structure.

use crate::engine::{Buf, Engine, Recording};
use crate::error::Result;
use crate::kernels::graph::{Csr, degree_norms, is_heavy};
use crate::nn::structure::{EdgeFeatures, Pattern, Segments, Structure};
use crate::nn::{Batch, Input};

/// Nodes of a record.
pub const NODES: usize = 5;

/// (target, source, weight): directed; 1 has a self-loop of its own, the others an added one; two edges were deleted;
/// no message reaches 4.
const EDGES: [(u32, u32, f32); 14] = [
    (0, 0, 0.0),
    (0, 1, 1.0),
    (0, 3, 1.0),
    (1, 0, 1.0),
    (1, 1, 1.0),
    (1, 2, 0.0),
    (2, 2, 0.0),
    (2, 3, 1.0),
    (3, 0, 1.0),
    (3, 1, 1.0),
    (3, 2, 1.0),
    (3, 3, 0.0),
    (4, 3, 0.0),
    (4, 4, 0.0),
];

/// Columns of the nonzero features of a node.
fn columns(node: usize, width: usize) -> impl Iterator<Item = u32> {
    (0..width).filter(move |c| (3 * node + 2 * c).is_multiple_of(5)).map(|c| c as u32)
}

/// Nonzero features of a record.
pub fn nonzeros(width: usize) -> usize {
    (0..NODES).map(|node| columns(node, width).count()).sum()
}

/// The graph of a batch, on an engine.
#[derive(Clone, Copy)]
pub struct Blocks {
    a: Csr,
    t: Csr,
    weight: Buf<f32>,
    touched: Buf<f32>,
    features: Option<EdgeFeatures>,
    pattern: Option<Pattern>,
    /// Node 3 of each record, which everything reaches.
    seeds: Buf<u32>,
    segments: Segments,
}

/// Rows of a matrix: each one's columns.
type Rows = Vec<Vec<u32>>;

/// [a matrix, its transpose], on the engine.
fn both_ways(engine: &mut Engine, rows: &Rows, cols: usize) -> Result<[Csr; 2]> {
    let mut transposed: Vec<Vec<(u32, u32)>> = vec![Vec::new(); cols];
    let entries = rows.iter().enumerate().flat_map(|(r, row)| row.iter().map(move |c| (r as u32, *c)));
    for (place, (r, c)) in (0..).zip(entries) {
        transposed[c as usize].push((r, place));
    }
    let sources: Rows = transposed.iter().map(|row| row.iter().map(|e| e.0).collect()).collect();
    let places: Vec<u32> = transposed.iter().flatten().map(|e| e.1).collect();
    let mut put = |rows: &Rows, perm: Option<&[u32]>| -> Result<Csr> {
        let ends = rows.iter().scan(0, |end, row| {
            *end += row.len() as u32;
            Some(*end)
        });
        let ptr: Vec<u32> = std::iter::once(0).chain(ends).collect();
        let perm = perm.map(|words| put(engine, words)).transpose()?;
        Ok(Csr { ptr: put(engine, &ptr)?, idx: put(engine, &rows.concat())?, perm, heavy: is_heavy(&ptr) })
    };
    Ok([put(rows, None)?, put(&sources, Some(&places))?])
}

fn put(engine: &mut Engine, words: &[u32]) -> Result<Buf<u32>> {
    let buf = engine.alloc("words", words.len())?;
    engine.write(buf, words)?;
    Ok(buf)
}

impl Blocks {
    /// `records` copies of the graph; with the pattern of features so wide where they are `sparse`, and with so many
    /// features of edges.
    pub fn new(engine: &mut Engine, records: usize, sparse: Option<usize>, carried: Option<usize>) -> Result<Blocks> {
        let nodes = records * NODES;
        let (mut edges, mut weights): (Rows, Vec<f32>) = (vec![Vec::new(); nodes], Vec::new());
        let mut flags: Vec<f32> = Vec::new();
        for first in (0..nodes).step_by(NODES) {
            for (target, source, weight) in EDGES {
                edges[first + target as usize].push(first as u32 + source);
                weights.push(weight);
                // A request reaches nodes 0, 2 and 3.
                flags.push(if target == source && [0, 2, 3].contains(&target) { 1.0 } else { 0.0 });
            }
        }
        let [a, t] = both_ways(engine, &edges, nodes)?;
        let weight = engine.alloc("weight", weights.len())?;
        engine.write(weight, &weights)?;
        let touched = engine.alloc("touched", flags.len())?;
        engine.write(touched, &flags)?;
        let features = match carried {
            Some(width) => {
                let values: Vec<f32> = (0..records)
                    .flat_map(|_| (0..EDGES.len() * width).map(|i| (7 * i % 11) as f32 / 8.0 - 0.5))
                    .collect();
                let to = engine.alloc("features of edges", values.len())?;
                engine.write(to, &values)?;
                Some(EdgeFeatures { values: to, width })
            }
            None => None,
        };
        let pattern = match sparse {
            Some(width) => {
                let features: Rows = (0..nodes).map(|i| columns(i % NODES, width).collect()).collect();
                let [x, xt] = both_ways(engine, &features, width)?;
                Some(Pattern { x, xt })
            }
            None => None,
        };
        let [node, end] = [3, 0].map(|at| (0..=records).map(|b| (b * NODES + at) as u32).collect::<Vec<_>>());
        let of: Vec<u32> = (0..nodes).map(|i| (i / NODES) as u32).collect();
        let segments = Segments { ptr: put(engine, &end)?, of: put(engine, &of)?, count: records, longest: NODES };
        Ok(Blocks { a, t, weight, touched, features, pattern, seeds: put(engine, &node[..records])?, segments })
    }

    /// Records the norms; `x` is the nonzero values where the features are sparse.
    pub fn input(&self, rec: &mut Recording, x: Buf<f32>) -> Batch {
        let Blocks { a, t, weight, touched, features, pattern, seeds, segments } = *self;
        let (nodes, edges) = (a.rows(), a.entries());
        let (sym, mean) = (rec.temp("sym", edges), rec.temp("mean", edges));
        degree_norms(rec, &a, weight, sym, mean);
        let structure =
            Structure { a, t, weight, sym, mean, touched, features, slope: None, nodes, edges, max_degree: 4 };
        let x = pattern.map_or(Input::Dense(x), |pattern| Input::Sparse(x, pattern));
        Batch { seeds: Some(seeds), segments: Some(segments), ..Batch::nodes(structure, x) }
    }
}
