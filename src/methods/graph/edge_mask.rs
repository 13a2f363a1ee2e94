//! Learned pruning masks on edges and weights: what the retained nodes do not need, goes.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::data::Deletion;
use crate::engine::{Buf, Data, Program, Recording};
use crate::kernels::edit;
use crate::kernels::map::{self, Binary, Unary};
use crate::kernels::reduce;
use crate::methods::graph::change::GraphChange;
use crate::methods::prelude::*;
use crate::nn::Model;
use crate::statistics::EdgeMask as EdgeScale;
use crate::train::{Optimizer, shuffled};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "edge_mask",
    summary: "learns sparse masks on edges and weights, prunes the least important, fine-tunes (gcn and sgc)",
    citation: "Chen et al., ICML 2021 (UGS), for unlearning; one round, without going back to the first weights",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: &[RecordKind::Node],
    settings: &[&[
        real("edge_penalty", "1", Range::NOT_NEGATIVE, PENALTY),
        real("weight_penalty", "1", Range::NOT_NEGATIVE, PENALTY),
        real("prune_edges", "0.05", Range::BELOW_ONE, "Part of the edges that counts as pruned; UGS's of a round."),
        real("prune_weights", "0.2", Range::BELOW_ONE, "Part of the weights that is pruned; UGS's of a round."),
        choice("rank", "mask", RANKS, "What is pruned first; the others are there to compare with."),
        real("lr", ABSENT, Range::POSITIVE, "Of the weights. Absent: the recipe's."),
        real(
            "epochs_of_recipe",
            "0.05",
            Range::POSITIVE,
            "Of the learning, and of the repair, as a part of the recipe's, where `epochs` is not given; UGS \
                learns 200 from the start, here the network is trained already.",
        ),
        epochs("epochs", ABSENT, 1, "Of the learning. Absent: `epochs_of_recipe` of the recipe's, 10 at least."),
        epochs("repair_epochs", ABSENT, 0, "Of the repair. Absent: as many."),
    ]],
    build: |table| settings::build::<EdgeMask>(&ROW, table),
};

const PENALTY: &str = "Of the sum of the masks, in units of the root mean square of the loss's gradient to them; UGS's \
    1e-2 an entry is a thousand times that gradient, and then every mask falls alike.";

const RANKS: &[(&str, &str)] = &[
    ("mask", "the lowest masks; of equal ones the smallest weights"),
    ("magnitude", "the smallest weights, whatever their masks"),
    ("random", "drawn by the seed"),
];

/// What is pruned first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rank {
    Mask,
    Magnitude,
    Random,
}

/// Learns, on the reduced graph, with Adam and the recipe's weight decay,
///
/// mean CE(theta ∘ m_W, Â(A ∘ m_A)) + edge_penalty s_A Σ m_A + weight_penalty s_W Σ m_W,  0 ≤ masks ≤ 1, from 1,
///
/// then prunes the `prune_weights` part of the matrices' weights whose masks are lowest and goes on for `repair_epochs`
/// on the remaining weights. The mask on edges scales the adjacency matrix before it is normalised. The result is
/// weights alone, read on the whole reduced graph: the mask on edges serves the learning, is dropped for the repair,
/// and what it would prune is reported.
///
/// A mask takes a plain step along its gradient divided by s, the root mean square over all masks of its kind, as in
/// the source's algorithm, and not Adam's, as in its code: divided by its own size, a gradient under a penalty that is
/// far larger is the same for every mask, and what is left to rank them by is rounding. Steps are 2 / epochs long, so
/// that what only the penalty of 1 acts on is gone halfway.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct EdgeMask {
    edge_penalty: f64,
    weight_penalty: f64,
    prune_edges: f64,
    prune_weights: f64,
    rank: Rank,
    lr: Option<f64>,
    epochs_of_recipe: f64,
    epochs: Option<usize>,
    repair_epochs: Option<usize>,
}

/// The variables of the learning, on the engine; the session's theta is `weights ∘ weight_mask`.
struct Masks {
    weights: Buf<f32>,
    weight_mask: Buf<f32>,
    /// 1 where a weight is of a matrix, and so masked.
    on: Buf<f32>,
    edges: EdgeScale,
}

/// What was pruned.
struct Pruned {
    weights: usize,
    edges: Vec<[u32; 2]>,
    /// Mean |weight| of what was pruned over that of all.
    size: f64,
}

/// Fewest epochs of a learning: with fewer, masks are as far as noise takes them.
const LEAST_EPOCHS: usize = 10;
/// Keeps a random order apart from the seed's other uses.
const STREAM_ORDER: u32 = 0x7072_756e;

/// Records a plain step of masks along `slope` (the loss's gradient to them, 0 where `on` is 0; overwritten) over its
/// root mean square among `count` masks, and along the penalty in that unit, of length `step`; and holds them to
/// [0, 1].
fn record_step(rec: &mut Recording, [mask, slope, on]: [Buf<f32>; 3], count: usize, penalty: f64, step: f64) {
    let (sum, all) = (rec.temp("sum of squares", 1), rec.temp("masks", 1));
    let [capped, within] = ["capped", "within"].map(|name| rec.temp(name, mask.len));
    reduce::total(rec, slope, sum, 1.0, true);
    map::fill(rec, all, count as f32);
    edit::rescale(rec, slope, all, sum);
    map::axpby(rec, penalty as f32, on, 1.0, slope);
    map::axpby(rec, -step as f32, slope, 1.0, mask);
    map::unary(rec, Unary::Hardtanh, mask, capped);
    map::unary(rec, Unary::Relu, capped, within);
    rec.copy(within, mask);
}

impl EdgeMask {
    /// Masks of 1 on everything that is real, and the trained weights.
    fn start(session: &mut Session) -> Result<Masks> {
        let edges = EdgeScale::new(session)?;
        let entries = session.model.layout.entries();
        let mut real = vec![0.0; session.model.layout.total()];
        let mut matrices = real.clone();
        for e in entries {
            real[e.offset..e.offset + e.len].fill(1.0);
            matrices[e.offset..e.offset + e.len].fill(if e.shape.len() > 1 { 1.0 } else { 0.0 });
        }
        let (weights, weight_mask) = (session.vector("edge_mask.weights")?, session.vector("edge_mask.of_weights")?);
        let on = session.vector("edge_mask.matrices")?;
        session.engine.write(weight_mask, &real)?;
        session.engine.write(on, &matrices)?;
        let theta = session.theta;
        session.run(|rec| {
            rec.copy(theta, weights);
            Ok(())
        })?;
        Ok(Masks { weights, weight_mask, on, edges })
    }

    /// Epochs of the learning and of the repair.
    fn lengths(&self, train: &TrainConfig) -> [usize; 2] {
        let part = (self.epochs_of_recipe * train.epochs as f64).round() as usize;
        let epochs = self.epochs.unwrap_or(part.max(LEAST_EPOCHS));
        [epochs, self.repair_epochs.unwrap_or(epochs)]
    }

    /// A step on the weights and, if `masks`, on the masks.
    fn step(&self, session: &mut Session, view: &View, m: &Masks, masks: bool) -> Result<(Program, Vec<Data>)> {
        let mut rec = session.recording();
        let (words, hyper) = (rec.temp::<u32>("step", 4), rec.temp::<f32>("hyper", 3));
        rec.upload(words);
        rec.upload(hyper);
        let (theta, grad, total) = (session.theta, session.grad, session.theta.len);
        map::binary(&mut rec, Binary::Mul, m.weights, m.weight_mask, theta);
        let records = Records::train(view.retain);
        let (inputs, sums) = statistics::record_edge_masked(session, &mut rec, records, &m.edges, words)?;
        let to_weights = rec.temp("to_weights", total);
        map::binary(&mut rec, Binary::Mul, grad, m.weight_mask, to_weights);
        let state: [Buf<f32>; 2] =
            [session.engine.alloc("edge_mask.m", total)?, session.engine.alloc("edge_mask.v", total)?];
        if masks {
            let (through, to_mask) = (rec.temp("through", total), rec.temp("to_mask", total));
            map::binary(&mut rec, Binary::Mul, grad, m.weights, through);
            map::binary(&mut rec, Binary::Mul, through, m.on, to_mask);
            let step = 2.0 / self.lengths(view.train)[0] as f64;
            let count = matrices(session.model).count();
            record_step(&mut rec, [m.weight_mask, to_mask, m.on], count, self.weight_penalty, step);
            let edges = [m.edges.mask, m.edges.slope, m.edges.on];
            record_step(&mut rec, edges, m.edges.edges.len(), self.edge_penalty, step);
        }
        let decay = view.train.weight_decay;
        let adam = Optimizer::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: decay };
        adam.record(&mut rec, m.weights, to_weights, &state, hyper);
        rec.readback(sums);
        Ok((session.compile(rec)?, inputs))
    }

    /// Runs a step so many times; returns the mean losses of the first and the last.
    fn learn(&self, session: &mut Session, view: &View, m: &Masks, masks: bool) -> Result<[f64; 2]> {
        let [learning, repair] = self.lengths(view.train);
        let (first, epochs) = if masks { (0, learning) } else { (learning as u64, repair) };
        let (program, inputs) = self.step(session, view, m, masks)?;
        let (lr, seed) = (self.lr.unwrap_or(view.train.lr), view.seed);
        let adam = Optimizer::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 };
        let mut losses = Vec::new();
        for t in 1..=epochs as u64 {
            let words = vec![seed as u32, (seed >> 32) as u32, (first + t) as u32, 0];
            let mut all = vec![Data::U32(words), Data::F32(adam.hyper(lr, t).to_vec())];
            all.extend(inputs.iter().cloned());
            let out = session.engine.run(&program, &all)?;
            let loss = f64::from(out[0].f32()[0]) / view.retain.len() as f64;
            if !loss.is_finite() {
                return Err(Error::Device(format!("method `{}`: the loss became {loss}; lower lr", ROW.name)));
            }
            losses.push(loss);
        }
        Ok([losses.first().copied().unwrap_or(0.0), losses.last().copied().unwrap_or(0.0)])
    }

    /// The matrices' places with what they are ranked by, the first to go lowest.
    fn ranked(&self, session: &mut Session, view: &View, m: &Masks, weights: &[f32]) -> Result<Vec<(f32, f32, usize)>> {
        let soft = session.engine.read(m.weight_mask)?;
        let places = matrices(session.model);
        Ok(match self.rank {
            Rank::Mask => places.map(|i| (soft[i], weights[i].abs(), i)).collect(),
            Rank::Magnitude => places.map(|i| (weights[i].abs(), 0.0, i)).collect(),
            Rank::Random => {
                let all: Vec<u32> = places.map(|i| i as u32).collect();
                let drawn = shuffled(&all, view.seed, 0, STREAM_ORDER);
                drawn.into_iter().enumerate().map(|(at, i)| (at as f32, 0.0, i as usize)).collect()
            }
        })
    }

    /// Makes 0 of the lowest weight masks and 1 of the others; lifts the mask on edges and says what it would prune.
    fn prune(&self, session: &mut Session, view: &View, m: &Masks) -> Result<Pruned> {
        let weights = session.engine.read(m.weights)?;
        let of_edges = session.engine.read(m.edges.mask)?;
        let ranked = self.ranked(session, view, m, &weights)?;
        let mean = |places: &[usize]| {
            places.iter().map(|i| f64::from(weights[*i].abs())).sum::<f64>() / places.len().max(1) as f64
        };
        let all = mean(&ranked.iter().map(|item| item.2).collect::<Vec<_>>());
        let gone = lowest(ranked, self.prune_weights);
        let mut hard = vec![0.0; weights.len()];
        session.model.layout.entries().iter().for_each(|e| hard[e.offset..e.offset + e.len].fill(1.0));
        gone.iter().for_each(|i| hard[*i] = 0.0);
        session.engine.write(m.weight_mask, &hard)?;
        session.engine.write(m.edges.mask, &vec![1.0; of_edges.len()])?;
        let edges = &m.edges.edges;
        let places = edges.iter().enumerate().map(|(i, e)| (of_edges[e.place], 0.0, i)).collect();
        let size = if all > 0.0 { mean(&gone) / all } else { 0.0 };
        let cut = lowest(places, self.prune_edges);
        Ok(Pruned {
            weights: gone.len(),
            edges: cut.iter().map(|i| [edges[*i].source, edges[*i].target]).collect(),
            size,
        })
    }
}

/// Places of the weights that are of a matrix.
fn matrices(model: &Model) -> impl Iterator<Item = usize> + use<'_> {
    model.layout.entries().iter().filter(|e| e.shape.len() > 1).flat_map(|e| e.offset..e.offset + e.len)
}

/// The `part` of the items with the lowest masks, of equal ones those with the lower second, the first of equals.
fn lowest(mut items: Vec<(f32, f32, usize)>, part: f64) -> Vec<usize> {
    let count = (part * items.len() as f64).round() as usize;
    items.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    items[..count].iter().map(|item| item.2).collect()
}

/// # Errors
/// A layer whose messages do not go by the symmetric norm.
fn masked_layers(model: &Model) -> Result<()> {
    let other = model.layers().iter().find(|layer| layer.hops() > 0 && !layer.row().facts.edge_gradients);
    match other.map(|layer| layer.row().kind) {
        Some(kind) => Err(Error::input(format!(
            "method `{}` masks the edges of `graph_conv` and `sgc` layers, and the network has a `{kind}`; use \
                graph_repair",
            ROW.name
        ))),
        None => Ok(()),
    }
}

impl Method for EdgeMask {
    fn suits(&self, model: &Model) -> Result<()> {
        masked_layers(model)
    }

    fn needs(&self) -> Needs {
        if self.lr.is_none() || self.epochs.is_none() { Needs::Recipe } else { Needs::Nothing }
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let graph = view.require_graph(ROW.name)?;
        masked_layers(session.model)?;
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData]);
        let (pruned, edges, losses) = timed(&mut account.method_s, || {
            let m = EdgeMask::start(session)?;
            let learned = self.learn(session, view, &m, true)?;
            let pruned = self.prune(session, view, &m)?;
            let repaired = self.learn(session, view, &m, false)?;
            let theta = session.theta;
            session.run(|rec| {
                map::binary(rec, Binary::Mul, m.weights, m.weight_mask, theta);
                Ok(())
            })?;
            Ok((pruned, m.edges.edges.len(), [learned, repaired]))
        })?;
        account.took(self.lengths(view.train).iter().sum::<usize>() as u64);
        account.note("weights_pruned", pruned.weights as f64 / session.model.layout.count() as f64);
        account.note("edges_masked", pruned.edges.len() as f64 / edges.max(1) as f64);
        account.note("size_of_pruned", pruned.size);
        account.note("learning", json!(losses[0]));
        account.note("repair", json!(losses[1]));
        let mut all = [&pruned.edges[..], &graph.deletion.edges].concat();
        all.sort_unstable_by_key(|[source, target]| (*target, *source));
        all.dedup();
        let masked = Deletion { edges: all, ..graph.deletion.clone() };
        account.note("graph", json!(GraphChange::of(graph.graph, graph.deletion)));
        account.note("graph_with_edges_masked", json!(GraphChange::of(graph.graph, &masked)));
        account.close(session, &origin)
    }
}
