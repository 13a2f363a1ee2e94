//! GNNDelete: the network stays as it is, and an operator on the hidden rows of the nodes that a request reaches learns
//! to forget what was deleted.

use crate::statistics::Distance;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::base::philox::philox;
use crate::engine::Data;
use crate::kernels::edit;
use crate::methods::graph::marked::Marked;
use crate::methods::prelude::*;
use crate::nn::Model;
use crate::train::Optimizer;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "gnn_delete",
    summary: "learns deletion operators alone: neighbours keep their predictions, what was deleted gets random ones \
        (graphs only)",
    citation: "Cheng et al., ICLR 2023 (GNNDelete), for node classification",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: &[RecordKind::Node],
    settings: &[&[
        real("lambda", "0.5", Range::UNIT, "Weight of the neighbours' predictions; the source's."),
        real("lr", "0.01", Range::POSITIVE, "Adam's; the source has 0.001 and hundreds of steps."),
        count("steps", "100", 1, "Steps of the learning."),
    ]],
    build: |table| settings::build::<GnnDelete>(&ROW, table),
};

/// Minimises lambda · NI + (1 − lambda) · DEC over the weights of the `deletion` layers, on the reduced graph, dropout
/// off, nothing else moving.
///
/// NI, neighbourhood influence: mean squared distance of the logits of the retained nodes in reach to those that
/// the network had for them before. DEC, deleted-edge consistency: the source pulls the two ends of a deleted edge to a
/// random pair; for node classification there is no pair to decode, so each retained end of a deleted edge, each
/// deleted node and each node that lost its features is pulled to what the network predicted for a random node (mean
/// Kullback-Leibler divergence). Deleted columns have no such node, and NI alone is left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct GnnDelete {
    lambda: f64,
    lr: f64,
    steps: usize,
}

/// Keeps the draw of random nodes apart from the seed's other uses.
const STREAM_RANDOM_NODES: u32 = 0x6465_6c65;

impl GnnDelete {
    /// Learns the operators; returns both parts of the objective before each step.
    fn learn(&self, session: &mut Session, goal: &Goal, mask: &[f32]) -> Result<Vec<[f64; 2]>> {
        let kept = session.vector("gnn_delete.mask")?;
        session.engine.write(kept, mask)?;
        let state = [session.vector("gnn_delete.m")?, session.vector("gnn_delete.v")?];
        let optimizer = Optimizer::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 };
        let (theta, grad) = (session.theta, session.grad);
        let mut rec = session.recording();
        let hyper = rec.temp("hyper", 3);
        rec.upload(hyper);
        rec.clear(grad);
        let mut inputs = Vec::new();
        for (part, weight, distance) in
            [(&goal.keep, self.lambda, Distance::Squares), (&goal.lose, 1.0 - self.lambda, Distance::Divergence)]
        {
            if !part.nodes.is_empty() {
                let records = Records::train(&part.nodes);
                let made =
                    statistics::record_towards(session, &mut rec, records, &part.targets, distance, (weight, true))?;
                inputs.extend(made.0);
                rec.readback(made.1);
            }
        }
        // All but the operators has no gradient, and Adam then leaves it to the bit.
        edit::mask(&mut rec, grad, kept);
        optimizer.record(&mut rec, theta, grad, &state, hyper);
        let step = session.compile(rec)?;
        let mut seen = Vec::new();
        for t in 1..=self.steps as u64 {
            let mut all = vec![Data::F32(optimizer.hyper(self.lr, t).to_vec())];
            all.extend(inputs.iter().cloned());
            let out = session.engine.run(&step, &all)?;
            let mut means = out.iter().map(|d| f64::from(d.f32()[0]));
            let mut next = |part: &Wanted| if part.nodes.is_empty() { 0.0 } else { means.next().unwrap_or(0.0) };
            seen.push([next(&goal.keep), next(&goal.lose)]);
        }
        Ok(seen)
    }
}

/// Nodes and what their outputs should be, rows of `targets`.
struct Wanted {
    nodes: Vec<u32>,
    targets: Vec<f32>,
}

struct Goal {
    keep: Wanted,
    lose: Wanted,
}

impl Goal {
    fn of(session: &mut Session, graph: &GraphView, seed: u64) -> Result<Goal> {
        let before = |session: &mut Session, nodes: &[u32]| {
            statistics::logits(session, Records { part: Part::Before, indices: nodes })
        };
        let mut lose = Marked::of(graph).all();
        let others: Vec<u32> = (0..graph.graph.nodes as u32).filter(|v| lose.binary_search(v).is_err()).collect();
        if others.is_empty() {
            lose.clear();
        }
        let keep: Vec<u32> = graph.influenced.iter().filter(|v| lose.binary_search(v).is_err()).copied().collect();
        let random = lose.iter().map(|v| {
            let word = philox([*v, 0, STREAM_RANDOM_NODES, 0], [seed as u32, (seed >> 32) as u32])[0];
            others[word as usize % others.len()]
        });
        let random: Vec<u32> = random.collect();
        let (kept, wanted) = (before(session, &keep)?, before(session, &random)?);
        let wanted = wanted.chunks(session.model.classes).flat_map(softmax).collect();
        Ok(Goal { keep: Wanted { nodes: keep, targets: kept }, lose: Wanted { nodes: lose, targets: wanted } })
    }
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let top = logits.iter().fold(f32::MIN, |m, z| m.max(*z));
    let exp: Vec<f64> = logits.iter().map(|z| f64::from(z - top).exp()).collect();
    let sum: f64 = exp.iter().sum();
    exp.iter().map(|e| (e / sum) as f32).collect()
}

/// 1 on the weights of the model's deletion operators, 0 elsewhere.
///
/// # Errors
/// It has none.
fn operators(model: &Model) -> Result<Vec<f32>> {
    let mut mask = vec![0.0; model.layout.total()];
    let mut found = false;
    for layer in model.layers().iter().filter(|layer| layer.row().kind == "deletion") {
        let config = layer.config();
        let name = config.get("name").and_then(|n| n.as_str()).unwrap_or_default();
        let entry = model.layout.get(&format!("{name}.weight"))?;
        mask[entry.offset..entry.offset + entry.len].fill(1.0);
        found = true;
    }
    match found {
        true => Ok(mask),
        false => Err(Error::input(
            "method `gnn_delete` learns the `deletion` layers of a network, and this one has none; train zoo = \
                \"gcn_delete\", \
             or put a layer of type = \"deletion\" behind each hidden graph layer",
        )),
    }
}

impl Method for GnnDelete {
    fn suits(&self, model: &Model) -> Result<()> {
        operators(model).map(|_| ())
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let graph = view.require_graph(ROW.name)?;
        let mask = operators(session.model)?;
        let origin = Origin::of(session)?;
        // The logits of all records that are reached, theirs among them.
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let (goal, seen) = timed(&mut account.method_s, || {
            let goal = Goal::of(session, &graph, view.seed)?;
            let nothing = goal.keep.nodes.is_empty() && goal.lose.nodes.is_empty();
            let seen = if nothing { Vec::new() } else { self.learn(session, &goal, &mask)? };
            Ok((goal, seen))
        })?;
        account.took(seen.len() as u64);
        account.note("operator_weights", mask.iter().filter(|m| **m == 1.0).count());
        account.note("neighbours_kept", goal.keep.nodes.len());
        account.note("deleted_ends", goal.lose.nodes.len());
        account.note("first", json!(seen.first()));
        account.note("last", json!(seen.last()));
        account.close(session, &origin)
    }
}
