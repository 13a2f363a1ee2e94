//! Learned pruning masks on edges and weights: what the retained nodes do not need, goes.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::data::Deletion;
use crate::engine::{Buf, Data, Program};
use crate::kernels::map::{self, Binary, Unary};
use crate::methods::graph::change::GraphChange;
use crate::methods::prelude::*;
use crate::nn::Model;
use crate::records::MaskedEdge;
use crate::train::Optimizer;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "edge_mask",
    summary: "learns sparse masks on edges and weights, prunes the least important, fine-tunes (gcn and sgc)",
    citation: "Chen et al., ICML 2021 (UGS), for unlearning; one round",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: &[RecordKind::Node],
    settings: &[&[
        real("edge_penalty", "1e-2", Range::NOT_NEGATIVE, "UGS's on Cora and Citeseer (1e-6 for Pubmed)."),
        real("weight_penalty", "1e-2", Range::NOT_NEGATIVE, "UGS's on Cora and Citeseer (1e-3 for Pubmed)."),
        real("prune_edges", "0.05", Range::BELOW_ONE, "Part of the edges that counts as pruned; UGS's of a round."),
        real("prune_weights", "0.2", Range::BELOW_ONE, "Part of the weights that is pruned; UGS's of a round."),
        real("lr", ABSENT, Range::POSITIVE, "Of weights and masks alike. Absent: the recipe's."),
        epochs("epochs", "30", 1, "Of the learning; UGS has 200 from the start, here the network is trained already."),
        epochs("repair_epochs", "30", 0, "Of the repair."),
    ]],
    build: |table| settings::build::<EdgeMask>(&ROW, table),
};

/// Learns, on the reduced graph, with Adam and the recipe's weight decay,
///
/// mean CE(theta ∘ m_W, Â ∘ m_A) + edge_penalty Σ m_A + weight_penalty Σ m_W,  masks ≥ 0, from 1, deleted edges at 0,
///
/// then prunes the `prune_weights` part of the matrices' weights whose masks are lowest and goes on for `repair_epochs`
/// on the remaining weights. The result is weights alone, read on the whole reduced graph: the mask on edges serves
/// the learning, is dropped for the repair, and what it would prune is reported.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct EdgeMask {
    edge_penalty: f64,
    weight_penalty: f64,
    prune_edges: f64,
    prune_weights: f64,
    lr: Option<f64>,
    epochs: usize,
    repair_epochs: usize,
}

/// The variables of the learning, on the engine; the session's theta is `weights ∘ weight_mask`.
struct Masks {
    weights: Buf<f32>,
    weight_mask: Buf<f32>,
    edge_mask: Buf<f32>,
    edge_slope: Buf<f32>,
    edges: Vec<MaskedEdge>,
}

/// What was pruned.
struct Pruned {
    weights: usize,
    edges: Vec<[u32; 2]>,
}

impl EdgeMask {
    /// Masks of 1 on everything that is real, and the trained weights.
    fn start(session: &mut Session) -> Result<Masks> {
        let (len, edges) = session.mask_edges()?;
        let mut real = vec![0.0; session.model.layout.total()];
        session.model.layout.entries().iter().for_each(|e| real[e.offset..e.offset + e.len].fill(1.0));
        let (weights, weight_mask) = (session.vector("edge_mask.weights")?, session.vector("edge_mask.of_weights")?);
        let [edge_mask, edge_slope] =
            [session.engine.alloc("edge_mask", len)?, session.engine.alloc("edge_slope", len)?];
        session.engine.write(weight_mask, &real)?;
        session.engine.write(edge_mask, &vec![1.0; len])?;
        let theta = session.theta;
        session.run(|rec| {
            rec.copy(theta, weights);
            Ok(())
        })?;
        Ok(Masks { weights, weight_mask, edge_mask, edge_slope, edges })
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
        let (inputs, sums) =
            statistics::record_edge_masked(session, &mut rec, records, [m.edge_mask, m.edge_slope], words)?;
        let to_weights = rec.temp("to_weights", total);
        map::binary(&mut rec, Binary::Mul, grad, m.weight_mask, to_weights);
        let adam = |weight_decay| Optimizer::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay };
        let mut state = |len: usize| -> Result<[Buf<f32>; 2]> {
            Ok([session.engine.alloc("edge_mask.m", len)?, session.engine.alloc("edge_mask.v", len)?])
        };
        let of_weights = state(total)?;
        if masks {
            let to_mask = rec.temp("to_mask", total);
            map::binary(&mut rec, Binary::Mul, grad, m.weights, to_mask);
            let of_mask = state(total)?;
            let of_edges = state(m.edge_mask.len)?;
            for (mask, slope, penalty, state) in [
                (m.weight_mask, to_mask, self.weight_penalty, of_mask),
                (m.edge_mask, m.edge_slope, self.edge_penalty, of_edges),
            ] {
                let (ones, below) = (rec.temp("ones", mask.len), rec.temp("below", mask.len));
                // Where masks are not negative, Σ m is their 1-norm.
                map::fill(&mut rec, ones, 1.0);
                map::axpby(&mut rec, penalty as f32, ones, 1.0, slope);
                adam(0.0).record(&mut rec, mask, slope, &state, hyper);
                map::unary(&mut rec, Unary::Relu, mask, below);
                rec.copy(below, mask);
            }
        }
        adam(view.train.weight_decay).record(&mut rec, m.weights, to_weights, &of_weights, hyper);
        rec.readback(sums);
        Ok((session.compile(rec)?, inputs))
    }

    /// Runs a step so many times; returns the mean losses of the first and the last.
    fn learn(&self, session: &mut Session, view: &View, m: &Masks, masks: bool) -> Result<[f64; 2]> {
        let epochs = if masks { self.epochs } else { self.repair_epochs };
        let (program, inputs) = self.step(session, view, m, masks)?;
        let (lr, seed) = (self.lr.unwrap_or(view.train.lr), view.seed);
        let adam = Optimizer::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 };
        let mut losses = Vec::new();
        for t in 1..=epochs as u64 {
            let first = if masks { 0 } else { self.epochs as u64 };
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

    /// Makes 0 of the lowest weight masks and 1 of the others; lifts the mask on edges and says what it would prune.
    fn prune(&self, session: &mut Session, m: &Masks) -> Result<Pruned> {
        let soft = session.engine.read(m.weight_mask)?;
        let of_edges = session.engine.read(m.edge_mask)?;
        let entries = session.model.layout.entries();
        let matrices = entries.iter().filter(|e| e.shape.len() > 1).flat_map(|e| e.offset..e.offset + e.len);
        let gone = lowest(matrices.map(|i| (soft[i], i)).collect(), self.prune_weights);
        let mut hard = vec![0.0; soft.len()];
        entries.iter().for_each(|e| hard[e.offset..e.offset + e.len].fill(1.0));
        gone.iter().for_each(|i| hard[*i] = 0.0);
        session.engine.write(m.weight_mask, &hard)?;
        session.engine.write(m.edge_mask, &vec![1.0; of_edges.len()])?;
        let places = m.edges.iter().enumerate().map(|(i, e)| (of_edges[e.place], i)).collect();
        let edges = lowest(places, self.prune_edges).iter().map(|i| [m.edges[*i].source, m.edges[*i].target]).collect();
        Ok(Pruned { weights: gone.len(), edges })
    }
}

/// The `part` of the items with the lowest masks, the first of equals.
fn lowest(mut items: Vec<(f32, usize)>, part: f64) -> Vec<usize> {
    let count = (part * items.len() as f64).round() as usize;
    items.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    items[..count].iter().map(|item| item.1).collect()
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
        if self.lr.is_none() { Needs::Recipe } else { Needs::Nothing }
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let graph = view.require_graph(ROW.name)?;
        masked_layers(session.model)?;
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData]);
        let (pruned, edges, losses) = timed(&mut account.method_s, || {
            let m = EdgeMask::start(session)?;
            let learned = self.learn(session, view, &m, true)?;
            let pruned = self.prune(session, &m)?;
            let repaired = self.learn(session, view, &m, false)?;
            let theta = session.theta;
            session.run(|rec| {
                map::binary(rec, Binary::Mul, m.weights, m.weight_mask, theta);
                Ok(())
            })?;
            Ok((pruned, m.edges.len(), [learned, repaired]))
        })?;
        account.took((self.epochs + self.repair_epochs) as u64);
        account.note("weights_pruned", pruned.weights as f64 / session.model.layout.count() as f64);
        account.note("edges_masked", pruned.edges.len() as f64 / edges.max(1) as f64);
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
