//! A graph on the engine: uploaded once. A deletion changes weights, degrees and feature values, never the structure,
//! so the graph before and after it lie side by side and share their index lists.

use super::batch::{Load, Shape};
use super::graph_host::{features_left, left, touched, with_loops};
use super::part::Part;
use super::subgraph::{self, PartBufs, Size, Sparsity, SubGraph, Whole};
use crate::data::{Deletion, Graph};
use crate::engine::{Buf, Data, Engine, Recording};
use crate::error::Result;
use crate::kernels::graph::{self, Csr, is_heavy};
use crate::kernels::map;
use crate::nn::structure::{EdgeFeatures, Pattern, Structure};
use crate::nn::{Batch, Input};

/// A graph before and after a deletion; the same twice where there is none.
pub(crate) struct ResidentGraph {
    edges: Sparsity,
    features: Sparsity,
    width: usize,
    before: Side,
    now: Side,
    pattern: Pattern,
}

/// The graph at one time.
pub(crate) struct Side {
    weight: Vec<f32>,
    structure: Structure,
    /// Nonzero features.
    x: Buf<f32>,
}

/// An edge of the reduced graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskedEdge {
    /// Place of its value in a mask.
    pub place: usize,
    /// The node a message comes from.
    pub source: u32,
    /// The node it goes to.
    pub target: u32,
}

/// What a mask over edges has.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskedEdges {
    /// Its length: self-loops, and what was deleted, have places too.
    pub len: usize,
    /// The edges of the reduced graph between different nodes.
    pub edges: Vec<MaskedEdge>,
    /// Place and weight of each node's self-loop, 0 where it was only added.
    pub loops: Vec<(u32, f32)>,
}

/// Most rows of a batch of surroundings.
const ROWS: usize = 12_000;

impl ResidentGraph {
    /// Uploads the graph and the one reduced by a deletion.
    ///
    /// # Errors
    /// No memory.
    pub fn upload(engine: &mut Engine, g: &Graph, deletion: Option<&Deletion>) -> Result<ResidentGraph> {
        let (edges, weight, carried) = with_loops(g);
        let (t, t_perm) = edges.transposed(g.nodes);
        let max_degree = edges.longest().max(t.longest());
        let mut put = |name: &str, words: &[u32]| upload(engine, name, words);
        let a =
            Csr { ptr: put("ptr", &edges.ptr)?, idx: put("idx", &edges.idx)?, perm: None, heavy: is_heavy(&edges.ptr) };
        let perm = Some(put("t_perm", &t_perm)?);
        let t = Csr { ptr: put("t_ptr", &t.ptr)?, idx: put("t_idx", &t.idx)?, perm, heavy: is_heavy(&t.ptr) };
        let features = Sparsity { ptr: g.features.ptr.clone(), idx: g.features.col.clone() };
        let (xt, xt_perm) = features.transposed(g.features.width);
        let x = Csr {
            ptr: put("x_ptr", &features.ptr)?,
            idx: put("x_col", &features.idx)?,
            perm: None,
            heavy: is_heavy(&features.ptr),
        };
        let perm = Some(put("xt_perm", &xt_perm)?);
        let xt = Csr { ptr: put("xt_ptr", &xt.ptr)?, idx: put("xt_row", &xt.idx)?, perm, heavy: is_heavy(&xt.ptr) };
        let carried = upload_carried(engine, &carried, g.edge_data.width)?;
        let parts = Shared { a, t, max_degree, features: carried };
        let before = parts.side(engine, weight.clone(), &g.features.val, &vec![0.0; weight.len()])?;
        let now = match deletion {
            Some(d) => {
                let weight = left(&edges, &weight, d);
                // What differs behind the first layer: an operator there, or later, then changes no logits that the
                // deletion does not change.
                let touched = touched(&edges, [&g.influenced(d, 1)[..], &d.nodes].concat());
                parts.side(engine, weight, &features_left(&g.features, d), &touched)?
            }
            None => Side { weight: before.weight.clone(), ..before },
        };
        let (width, pattern) = (g.features.width, Pattern { x, xt });
        Ok(ResidentGraph { edges, features, width, before, now, pattern })
    }

    /// The graph as a part sees it.
    pub fn side(&self, part: Part) -> &Side {
        if part.is_before() { &self.before } else { &self.now }
    }

    /// What a mask over the edges after the deletion has.
    pub fn edges_left(&self) -> MaskedEdges {
        let weight = &self.now.weight;
        let row = |target: u32| {
            let left = self.edges.row(target).filter(move |e| weight[*e] != 0.0 && self.edges.idx[*e] != target);
            left.map(move |place| MaskedEdge { place, source: self.edges.idx[place], target })
        };
        let own = |node: u32| {
            let place = self.edges.row(node).find(|e| self.edges.idx[*e] == node);
            place.map(|place| (place as u32, weight[place]))
        };
        let nodes = 0..self.edges.rows() as u32;
        let (edges, loops) = (nodes.clone().flat_map(row).collect(), nodes.filter_map(own).collect());
        MaskedEdges { len: weight.len(), edges, loops }
    }

    /// The edges by target, self-loops among them, and their weights before and after.
    pub fn weights(&self) -> (&Sparsity, [&[f32]; 2]) {
        (&self.edges, [&self.before.weight, &self.now.weight])
    }

    /// The whole graph, whose every row is output.
    pub fn whole(&self, part: Part) -> Batch {
        let side = self.side(part);
        Batch::nodes(side.structure, Input::Sparse(side.x, self.pattern))
    }

    pub fn host<'a>(&'a self, side: &'a Side) -> Whole<'a> {
        Whole { edges: &self.edges, weight: &side.weight, features: &self.features }
    }

    /// Lists of at most so many records whose parts, of `rows(record)` nodes each, fit a batch.
    pub fn pieces(records: &[u32], most: usize, rows: impl Fn(u32) -> usize) -> Vec<Vec<u32>> {
        let mut all: Vec<Vec<u32>> = Vec::new();
        let mut held = 0;
        for record in records {
            let rows = rows(*record);
            match all.last_mut().filter(|piece| piece.len() < most && held + rows <= ROWS) {
                Some(piece) => piece.push(*record),
                None => {
                    all.push(vec![*record]);
                    held = 0;
                }
            }
            held += rows;
        }
        all
    }

    /// A batch that is the part `made` for the records `indices`. `sampled`: its edges are a draw.
    pub fn exact_load(&self, indices: &[u32], made: SubGraph, sampled: bool) -> Load {
        let size = made.size(self.width);
        self.load(indices, made, size, sampled)
    }

    /// As [`ResidentGraph::exact_load`], rounded up so that a program serves many batches.
    pub fn rounded_load(&self, indices: &[u32], made: SubGraph, sampled: bool) -> Load {
        let size = made.size(self.width).rounded();
        self.load(indices, made, size, sampled)
    }

    fn load(&self, indices: &[u32], made: SubGraph, size: Size, sampled: bool) -> Load {
        let mut inputs = vec![Data::U32(indices.to_vec())];
        inputs.extend(subgraph::inputs(made, size, self.width));
        Load { shape: Shape::Part { size, records: indices.len(), sampled }, inputs, recurs: true }
    }

    /// Records the gathering of a part's values. `sampled`: its edges are a draw, so its degrees are its own.
    pub fn cut(&self, rec: &mut Recording, part: Part, size: Size, sampled: bool) -> Batch {
        let side = self.side(part);
        rec.enter("part");
        let part = PartBufs::record(rec, size, self.width);
        let whole = &side.structure;
        let mut gather = |name: &str, from: Buf<f32>, places: Buf<u32>| {
            let to = rec.temp(name, places.len);
            map::gather_rows(rec, from, 0, from.len, 1, places, to);
            to
        };
        let weight = gather("weight", whole.weight, part.edge_of);
        let touched = gather("touched", whole.touched, part.edge_of);
        let x = gather("x", side.x, part.value_of);
        let (sym, mean) = if sampled {
            let (sym, mean) = (rec.temp("sym", size.edges), rec.temp("mean", size.edges));
            graph::degree_norms(rec, &part.a, weight, sym, mean);
            (sym, mean)
        } else {
            (gather("sym", whole.sym, part.edge_of), gather("mean", whole.mean, part.edge_of))
        };
        let features = whole.features.map(|EdgeFeatures { values, width }| {
            let to = rec.temp("features of edges", part.edge_of.len * width);
            map::gather_rows(rec, values, 0, whole.edges, width, part.edge_of, to);
            EdgeFeatures { values: to, width }
        });
        rec.leave();
        let (a, t, max_degree) = (part.a, part.t, whole.max_degree);
        let (nodes, edges) = (size.rows, size.edges);
        let structure = Structure { a, t, weight, sym, mean, touched, features, slope: None, nodes, edges, max_degree };
        // Where records are blocks around nodes, both are there: rows to read, rows to sum over.
        let x = Input::Sparse(x, part.pattern);
        Batch { seeds: part.seeds, segments: part.segments, ..Batch::nodes(structure, x) }
    }
}

/// What the graph before and after a deletion have in common.
struct Shared {
    a: Csr,
    t: Csr,
    max_degree: usize,
    features: Option<EdgeFeatures>,
}

impl Shared {
    fn side(&self, engine: &mut Engine, weight: Vec<f32>, values: &[f32], touched: &[f32]) -> Result<Side> {
        let Shared { a, t, max_degree, features } = *self;
        let edges = weight.len();
        let [w, sym, mean] =
            [engine.alloc("weight", edges)?, engine.alloc("sym", edges)?, engine.alloc("mean", edges)?];
        let x = engine.alloc("x", values.len())?;
        engine.write(w, &weight)?;
        engine.write(x, values)?;
        let flags = engine.alloc("touched", edges)?;
        engine.write(flags, touched)?;
        let mut rec = engine.recording();
        graph::degree_norms(&mut rec, &a, w, sym, mean);
        let program = engine.compile(rec)?;
        engine.run(&program, &[])?;
        let (touched, nodes) = (flags, a.rows());
        let structure =
            Structure { a, t, weight: w, sym, mean, touched, features, slope: None, nodes, edges, max_degree };
        Ok(Side { weight, structure, x })
    }
}

/// Features [edges, width] of edges, where they have any.
fn upload_carried(engine: &mut Engine, features: &[f32], width: usize) -> Result<Option<EdgeFeatures>> {
    if width == 0 {
        return Ok(None);
    }
    let values = engine.alloc("graph.edge_features", features.len())?;
    engine.write(values, features)?;
    Ok(Some(EdgeFeatures { values, width }))
}

fn upload(engine: &mut Engine, name: &str, words: &[u32]) -> Result<Buf<u32>> {
    let buf = engine.alloc(&format!("graph.{name}"), words.len())?;
    engine.write(buf, words)?;
    Ok(buf)
}
