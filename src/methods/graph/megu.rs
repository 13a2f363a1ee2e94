//! MEGU: the network and a linear module behind it learn together, one to predict, the other to forget, and hold on to
//! each other by distillation.

mod choose;
mod gate;

use serde::{Deserialize, Serialize};
use serde_json::json;

use self::choose::neighbours;
use self::gate::{Gate, Part as Side};
use crate::methods::graph::marked::Marked;
use crate::methods::prelude::*;
use crate::methods::shared::softmax::argmax;
use crate::methods::shared::steps::Steps;
use crate::statistics::Steered;
use crate::train::Optimizer;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "megu",
    summary: "trains the network beside a linear module behind it: the neighbours that a request moves keep their \
        predictions, what it names loses them through the module (graphs only)",
    citation: "Li et al., AAAI 2024 (MEGU, Towards Effective and General Graph Unlearning via Mutual Evolution)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: &[RecordKind::Node],
    settings: &[&[
        real("kappa", "0.3", Range::NOT_NEGATIVE, "Weight of the forgetting. The source has 0.01."),
        real("temperature", "1.5", Range::POSITIVE, "Of the distillation; the source's."),
        real(
            "lr",
            "0.01",
            Range::POSITIVE,
            "Of plain gradient descent, for both. The source's 0.05, with its kappa, costs three points on Cora.",
        ),
        count("steps", "30", 1, "The source's."),
        count("hops", "2", 1, "How far from what the request names neighbours are looked for; the source's."),
    ]],
    build: |table| settings::build::<Megu>(&ROW, table),
};

/// Minimises kappa L_U + L_R over the weights and over a linear map g of the outputs, from random numbers of the seed:
///
/// L_U = KL(g(z) ‖ z) − CE(g(z), ŷ) over the nodes that the request names,
/// L_R = KL(z ‖ g(z)) + CE(z, ŷ) over the neighbours,
///
/// means, z the outputs and ŷ the classes that the network gave before, so that no label is read. The left side of a
/// divergence is held fixed; both sides are softened by the temperature. g ends with the method. Neighbours are the
/// nodes within `hops` whose spread features turn away the most when those of the named nodes are inverted
/// ([`choose`]).
///
/// Deleted nodes are looked at as they were, others on the reduced graph; the source leaves a deleted node its features
/// and takes its edges, which a reduced graph here does not have. Dropout is off. The source also corrects and smooths
/// *predictions* along the edges, which is no change of the weights and is left out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Megu {
    kappa: f64,
    temperature: f64,
    lr: f64,
    steps: usize,
    hops: usize,
}

/// The nodes of both losses with the classes that the network gave them.
struct Nodes {
    marked: Marked,
    near: Vec<u32>,
    /// Of the marked nodes, deleted ones first, and of the neighbours.
    classes: [Vec<usize>; 2],
}

impl Nodes {
    fn of(session: &mut Session, graph: &GraphView, hops: usize) -> Result<Nodes> {
        let marked = Marked::of(graph);
        let near = neighbours(graph, &marked.all(), hops);
        let width = session.model.classes;
        let mut classes = |nodes: &[u32]| -> Result<Vec<usize>> {
            let logits = statistics::logits(session, Records::before(nodes))?;
            let rows = logits.chunks_exact(width).map(|row| row.iter().map(|z| f64::from(*z)).collect::<Vec<_>>());
            Ok(rows.map(|row| argmax(&row)).collect())
        };
        let classes = [classes(&[&marked.gone[..], &marked.changed].concat())?, classes(&near)?];
        Ok(Nodes { marked, near, classes })
    }
}

impl Megu {
    /// Takes the steps; returns the losses before the first and before the last.
    fn learn(&self, session: &mut Session, nodes: &Nodes, seed: u64) -> Result<[[f64; 2]; 2]> {
        let present = [&nodes.marked.changed[..], &nodes.near].concat();
        let sets = [Records::before(&nodes.marked.gone), Records::train(&present)];
        let steered = Steered::new(session, &sets)?;
        let mut steps = Steps::new(session, ["megu.m", "megu.v"], Optimizer::plain(), self.lr)?;
        let mut gate = Gate::drawn(session.model.classes, seed);
        let changed = nodes.marked.changed.len() * session.model.classes;
        let mut seen = Vec::new();
        for _ in 0..self.steps {
            let out = steered.outputs(session)?;
            let lost = [&out[0][..], &out[1][..changed]].concat();
            let parts = [
                Side { outputs: &lost, classes: &nodes.classes[0], weight: self.kappa },
                Side { outputs: &out[1][changed..], classes: &nodes.classes[1], weight: 1.0 },
            ];
            let (losses, [mut lose, keep]) = gate.step(parts, self.temperature, self.lr);
            let stays = lose.split_off(out[0].len());
            steered.pull(session, &[lose, [stays, keep].concat()])?;
            steps.take(session)?;
            seen.push(losses);
        }
        let at = |losses: Option<&[f64; 2]>| losses.copied().unwrap_or([0.0; 2]);
        Ok([at(seen.first()), at(seen.last())])
    }
}

impl Method for Megu {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(ROW.name, targets, "compares probabilities of classes")
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let graph = view.require_graph(ROW.name)?;
        session.needs_softmax(ROW.name)?;
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let (nodes, seen) = timed(&mut account.method_s, || {
            let nodes = Nodes::of(session, &graph, self.hops)?;
            let nothing = nodes.near.is_empty() && nodes.marked == Marked::default();
            let seen = if nothing { None } else { Some(self.learn(session, &nodes, view.seed)?) };
            Ok((nodes, seen))
        })?;
        account.took(if seen.is_some() { self.steps as u64 } else { 0 });
        account.note("named", nodes.classes[0].len());
        account.note("neighbours", nodes.near.len());
        account.note("first", json!(seen.map(|seen| seen[0])));
        account.note("last", json!(seen.map(|seen| seen[1])));
        account.close(session, &origin)
    }
}
