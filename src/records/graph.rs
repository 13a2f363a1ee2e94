//! A graph on the engine: uploaded once. A deletion changes weights, degrees and feature values, never the structure,
//! so the graph before and after it lie side by side and share their index lists.

use super::graph_host::{features_left, known_labels, left, touched, with_loops};
use super::links;
use super::session::Part;
use super::session::{Session, Store};
use super::subgraph::{PartBufs, Size, Sparsity, SubGraph, Whole};
use crate::data::{Deletion, GraphData};
use crate::engine::{Buf, Engine, Recording};
use crate::error::{Error, Result};
use crate::kernels::graph::{self, Csr, is_heavy};
use crate::kernels::map;
use crate::nn::structure::{GraphInput, Pattern, Structure};

/// A graph before and after a deletion; the same twice where there is none.
pub struct ResidentGraph {
    edges: Sparsity,
    features: Sparsity,
    width: usize,
    pub(crate) before: Side,
    pub(crate) now: Side,
    pattern: Pattern,
    /// Where records are pairs of nodes.
    pub(crate) links: Option<links::Links>,
    /// Class of each record; `u32::MAX` where it is unknown here, as that of every test record.
    labels: Vec<u32>,
    labels_buf: Buf<u32>,
    /// First node of each graph and the end of the last, where records are graphs.
    ranges: Option<Vec<u32>>,
    /// Ids of the training and of the validation records.
    pub(crate) train: Vec<u32>,
    pub(crate) validation: Vec<u32>,
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

/// Most rows of a batch of surroundings.
const ROWS: usize = 12_000;

impl ResidentGraph {
    /// Uploads the graph and the one reduced by a deletion, without the labels of test records.
    ///
    /// # Errors
    /// No memory.
    pub fn upload(engine: &mut Engine, data: &GraphData, deletion: Option<&Deletion>) -> Result<ResidentGraph> {
        let g = &data.graph;
        let (edges, weight) = with_loops(g.nodes, &g.edges);
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
        let parts = Shared { a, t, max_degree };
        let labels = known_labels(data);
        let labels_buf = put("labels", &labels)?;
        let before = parts.side(engine, weight.clone(), &g.features.val, &vec![0.0; weight.len()])?;
        let now = match deletion {
            Some(d) => {
                let weight = left(&edges, &weight, d);
                // What differs behind the first layer: an operator there, or later, then changes no logits that the deletion
                // does not change.
                let touched = touched(&edges, [&g.influenced(d, 1)[..], &d.nodes].concat());
                parts.side(engine, weight, &features_left(&features, &g.features.val, d), &touched)?
            }
            None => Side { weight: before.weight.clone(), ..before },
        };
        let links = data.links.as_ref().map(|links| {
            let on = [&before, &now].map(|side| links::Side { edges: &edges, weight: &side.weight });
            links::Links::upload(engine, links, g, on)
        });
        let links = links.transpose()?;
        let ranges = data.graphs.as_ref().map(|graphs| graphs.ptr.clone());
        let (train, validation) = (data.train.clone(), data.validation.clone());
        let (width, pattern) = (g.features.width, Pattern { x, xt });
        Ok(ResidentGraph {
            edges,
            features,
            width,
            before,
            now,
            pattern,
            links,
            labels,
            labels_buf,
            ranges,
            train,
            validation,
        })
    }

    /// True where records are whole graphs.
    pub(crate) fn of_graphs(&self) -> bool {
        self.ranges.is_some()
    }

    /// The graph as a part sees it.
    pub(crate) fn side(&self, part: Part) -> &Side {
        match part {
            Part::Before => &self.before,
            Part::Train | Part::Validation => &self.now,
        }
    }

    /// Length of a mask over edges, and the edges between different nodes after the deletion.
    pub(crate) fn edges_left(&self) -> (usize, Vec<MaskedEdge>) {
        let weight = &self.now.weight;
        let row = |target: u32| {
            let left = self.edges.row(target).filter(move |e| weight[*e] != 0.0 && self.edges.idx[*e] != target);
            left.map(move |place| MaskedEdge { place, source: self.edges.idx[place], target })
        };
        (weight.len(), (0..self.edges.rows() as u32).flat_map(row).collect())
    }

    /// # Errors
    /// A record that does not exist or, where classes are needed, whose class is not known here.
    pub(crate) fn check(&self, indices: &[u32], labelled: bool) -> Result<()> {
        let what = if self.of_graphs() { "graph" } else { "node" };
        let len = self.labels.len();
        let label = |i: u32| self.labels.get(i as usize).copied();
        match indices.iter().find(|i| label(**i).is_none_or(|label| labelled && label == u32::MAX)) {
            Some(i) if *i as usize >= len => Err(Error::input(format!("{what} {i} does not exist: there are {len}"))),
            Some(i) => Err(Error::input(format!("{what} {i} is not among the training and validation {what}s"))),
            None => Ok(()),
        }
    }

    /// Classes of records, on the host.
    pub(crate) fn classes(&self, records: &[u32]) -> Vec<u32> {
        records.iter().map(|i| self.labels[*i as usize]).collect()
    }

    /// Classes of all records, `u32::MAX` where they are unknown here.
    pub(crate) fn all_classes(&self) -> &[u32] {
        &self.labels
    }

    /// Classes of records.
    pub(crate) fn labels(&self, rec: &mut Recording, idx: Buf<u32>) -> Buf<u32> {
        let labels = rec.temp("labels", idx.len);
        map::gather_words(rec, self.labels_buf, idx, labels);
        labels
    }

    /// The whole graph with the rows `seeds` as its records.
    pub(crate) fn whole(&self, side: &Side, seeds: Buf<u32>) -> GraphInput {
        let (structure, x) = (side.structure, side.x);
        GraphInput { structure, x, pattern: Some(self.pattern), seeds: Some(seeds), segments: None }
    }

    /// The whole graph, whose every row is output.
    pub(crate) fn all_rows(&self, side: &Side) -> GraphInput {
        let (structure, x) = (side.structure, side.x);
        GraphInput { structure, x, pattern: Some(self.pattern), seeds: None, segments: None }
    }

    fn host<'a>(&'a self, side: &'a Side) -> Whole<'a> {
        Whole { edges: &self.edges, weight: &side.weight, features: &self.features }
    }

    /// The surroundings of each record, or the graphs that are the records.
    pub(crate) fn part(&self, side: &Side, records: &[u32], hops: usize) -> SubGraph {
        match &self.ranges {
            Some(ranges) => SubGraph::graphs(&self.host(side), ranges, records),
            None => SubGraph::around(&self.host(side), records, hops),
        }
    }

    /// A sampled neighbourhood of the nodes `seeds`.
    pub(crate) fn sampled(
        &self,
        side: &Side,
        seeds: &[u32],
        fanout: &[usize],
        draw: impl FnMut(usize) -> usize,
    ) -> SubGraph {
        SubGraph::sampled(&self.host(side), seeds, fanout, draw)
    }

    /// Lists of records whose parts fit a batch each.
    pub(crate) fn pieces(&self, side: &Side, records: &[u32], most: usize, hops: usize) -> Vec<Vec<u32>> {
        let mut all: Vec<Vec<u32>> = Vec::new();
        let mut held = 0;
        for record in records {
            let rows = self.part(side, &[*record], hops).rows();
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

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Records the gathering of a part's values. `sampled`: its edges are a draw, so its degrees are its own.
    pub(crate) fn cut(&self, rec: &mut Recording, side: &Side, size: Size, sampled: bool) -> GraphInput {
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
        rec.leave();
        let (a, t, max_degree) = (part.a, part.t, whole.max_degree);
        let (nodes, edges) = (size.rows, size.edges);
        let structure = Structure { a, t, weight, sym, mean, touched, slope: None, nodes, edges, max_degree };
        // Where records are blocks around nodes, both are there: rows to read, rows to sum over.
        GraphInput { structure, x, pattern: Some(part.pattern), seeds: part.seeds, segments: part.segments }
    }
}

/// What the graph before and after a deletion have in common.
struct Shared {
    a: Csr,
    t: Csr,
    max_degree: usize,
}

impl Shared {
    fn side(&self, engine: &mut Engine, weight: Vec<f32>, values: &[f32], touched: &[f32]) -> Result<Side> {
        let Shared { a, t, max_degree } = *self;
        let edges = weight.len();
        let [w, sym, mean] =
            [engine.alloc("weight", edges)?, engine.alloc("sym", edges)?, engine.alloc("mean", edges)?];
        let x = engine.alloc("x", values.len())?;
        engine.write(w, &weight)?;
        engine.write(x, values)?;
        let flags = engine.alloc("touched", edges)?;
        engine.write(flags, touched)?;
        let mut rec = Recording::new(engine.target());
        graph::degree_norms(&mut rec, &a, w, sym, mean);
        let program = engine.compile(rec)?;
        engine.run(&program, &[])?;
        let (touched, nodes) = (flags, a.rows());
        let structure = Structure { a, t, weight: w, sym, mean, touched, slope: None, nodes, edges, max_degree };
        Ok(Side { weight, structure, x })
    }
}

fn upload(engine: &mut Engine, name: &str, words: &[u32]) -> Result<Buf<u32>> {
    let buf = engine.alloc(&format!("graph.{name}"), words.len())?;
    engine.write(buf, words)?;
    Ok(buf)
}

impl Session<'_> {
    /// Length of a mask over a graph's edges, and those of the present graph that lie between different nodes. The other
    /// places hold self-loops and what was deleted.
    ///
    /// # Errors
    /// The data are not the nodes of a graph.
    pub fn mask_edges(&self) -> Result<(usize, Vec<MaskedEdge>)> {
        match &self.store {
            Store::Graph(g) if !g.of_graphs() => Ok(g.edges_left()),
            _ => Err(Error::internal("a mask over edges needs the nodes of a graph")),
        }
    }
}
