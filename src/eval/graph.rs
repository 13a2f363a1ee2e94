//! What a request on a graph can be judged by besides outputs on splits: how far from the deletion test nodes lie, how
//! alike the two ends of deleted edges still look, and whether deleted nodes still answer with a planted class.

use super::accuracy::{argmax, softmax};
use super::membership::{Membership, loss_threshold};
use super::subject::Subject;
use super::values::Metrics;
use super::{Outputs, SplitName};
use crate::error::Result;

/// Recorded beside the outputs of a model on a graph.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GraphFacts {
    /// Hops from the deletion of each test record; `u32::MAX` where nothing connects them.
    pub test_hops: Vec<u32>,
    /// [`likeness`] of the two ends of each deleted edge.
    pub deleted_edges: Vec<f64>,
    /// That of as many pairs of nodes that never had an edge.
    pub never_edges: Vec<f64>,
    /// The class that only nodes to be deleted were given.
    pub planted: Option<u32>,
}

/// Recorded beside the outputs of a model of links: what it still says of edges that a request deletes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LinkFacts {
    /// Scores of deleted edges.
    pub deleted: Vec<f64>,
    /// Those of as many pairs of nodes that never had an edge.
    pub never: Vec<f64>,
}

/// Hops that are told apart; what is further is one group.
const FAR: u32 = 4;

/// Name of a group of hops: `0` … `3`, `far`.
fn group(hops: u32) -> String {
    if hops < FAR { hops.to_string() } else { "far".into() }
}

/// Cosine of the softmax outputs of two nodes, in [0, 1]: the score with which links are stolen from a model's answers
/// (He et al., "Stealing links from graph neural networks", USENIX Security 2021).
pub fn likeness(a: &[f32], b: &[f32]) -> f64 {
    let (p, q) = (softmax(a), softmax(b));
    let dot = |p: &[f64], q: &[f64]| p.iter().zip(q).map(|(p, q)| p * q).sum::<f64>();
    dot(&p, &q) / (dot(&p, &p) * dot(&q, &q)).sqrt()
}

/// Registry entry: test accuracy by distance from the deletion, `hops.*.accuracy` and `hops.*.count`.
pub(super) fn measure_hops(subject: &Subject, into: &mut Metrics) -> Result<()> {
    let (Some(facts), Some(test)) = (subject.now.graph(), subject.now.get(SplitName::Test)) else { return Ok(()) };
    if facts.test_hops.len() != test.len() {
        return Ok(());
    }
    for hops in 0..=FAR {
        let among = test.rows().zip(&facts.test_hops).filter(|(_, h)| (**h).min(FAR) == hops);
        let (mut right, mut count) = (0, 0);
        for ((z, y), _) in among {
            right += usize::from(argmax(z) == y as usize);
            count += 1;
        }
        if count > 0 {
            into.put(format!("hops.{}.accuracy", group(hops)), Some(f64::from(right as u32) / f64::from(count)))?;
            into.put(format!("hops.{}.count", group(hops)), Some(f64::from(count)))?;
        }
    }
    Ok(())
}

/// P(score of an edge > score of another pair) + ½·P(equal), and its standard error.
fn link_auc(edges: &[f64], others: &[f64]) -> Result<Option<Membership>> {
    let less = |scores: &[f64]| scores.iter().map(|s| -s).collect::<Vec<_>>();
    // The attack calls a low score a member.
    loss_threshold(&less(edges), &less(others))
}

/// Registry entry: can deleted edges be told from pairs that never had one? `edges.deleted_auc`, `edges.se`.
pub(super) fn measure_edges(subject: &Subject, into: &mut Metrics) -> Result<()> {
    let Some(facts) = subject.now.graph() else { return Ok(()) };
    let attack = link_auc(&facts.deleted_edges, &facts.never_edges)?;
    into.put("edges.deleted_auc", attack.as_ref().map(|a| a.auc))?;
    into.put("edges.se", attack.as_ref().map(|a| a.se))
}

/// Registry entry: of link prediction, `splits.*.auc` where a split has pairs of both kinds, and what the model still
/// says of deleted edges, `links.deleted_auc`, `links.se`.
pub(super) fn measure_links(subject: &Subject, into: &mut Metrics) -> Result<()> {
    let Some(facts) = subject.now.links() else { return Ok(()) };
    for (split, outputs) in subject.now.iter() {
        let scores = |label: u32| -> Vec<f64> {
            outputs.rows().filter(|(_, y)| *y == label).map(|(z, _)| f64::from(z[1]) - f64::from(z[0])).collect()
        };
        into.put(format!("splits.{split}.auc"), link_auc(&scores(1), &scores(0))?.map(|found| found.auc))?;
    }
    let attack = link_auc(&facts.deleted, &facts.never)?;
    into.put("links.deleted_auc", attack.as_ref().map(|a| a.auc))?;
    into.put("links.se", attack.as_ref().map(|a| a.se))
}

/// Registry entry: the share that is predicted as the planted class, `replay.forget` and `replay.test`.
pub(super) fn measure_replay(subject: &Subject, into: &mut Metrics) -> Result<()> {
    let Some(planted) = subject.now.graph().and_then(|facts| facts.planted) else { return Ok(()) };
    let share = |outputs: &Outputs| {
        let named = outputs.rows().filter(|(z, _)| argmax(z) == planted as usize).count();
        named as f64 / outputs.len().max(1) as f64
    };
    for (split, key) in [(SplitName::Forget, "replay.forget"), (SplitName::Test, "replay.test")] {
        into.put(key, subject.now.get(split).map(share))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Evaluation;

    fn measured(facts: GraphFacts) -> Metrics {
        let mut now = Evaluation::new();
        let outputs =
            Outputs { logits: vec![3.0, 0.0, 0.0, 3.0, 0.0, 3.0], labels: vec![0, 0, 1], classes: 2, goals: None };
        now.insert(SplitName::Test, outputs.clone()).unwrap();
        now.insert(SplitName::Forget, outputs).unwrap();
        now.set_graph(facts);
        let subject = Subject { now: &now, references: &[], forgotten_classes: &[] };
        let mut into = Metrics::default();
        measure_hops(&subject, &mut into).unwrap();
        measure_edges(&subject, &mut into).unwrap();
        measure_replay(&subject, &mut into).unwrap();
        into
    }

    #[test]
    fn accuracy_is_counted_by_distance() {
        let m = measured(GraphFacts { test_hops: vec![1, 1, u32::MAX], ..Default::default() });
        assert_eq!((m.get("hops.1.accuracy"), m.get("hops.1.count")), (Some(0.5), Some(2.0)));
        assert_eq!((m.get("hops.far.accuracy"), m.get("hops.2.accuracy")), (Some(1.0), None));
        assert_eq!(m.get("replay.forget"), None);
    }

    #[test]
    fn deleted_edges_that_look_alike_are_found() {
        let facts = |deleted: Vec<f64>, never: Vec<f64>| GraphFacts {
            deleted_edges: deleted,
            never_edges: never,
            ..Default::default()
        };
        assert_eq!(measured(facts(vec![0.9, 0.8], vec![0.1, 0.2])).get("edges.deleted_auc"), Some(1.0));
        assert_eq!(measured(facts(vec![0.1], vec![0.2])).get("edges.deleted_auc"), Some(0.0));
        assert_eq!(measured(facts(vec![], vec![0.2])).get("edges.deleted_auc"), None);
        assert!((likeness(&[1.0, 2.0], &[1.0, 2.0]) - 1.0).abs() < 1e-12);
        assert!(likeness(&[9.0, 0.0], &[0.0, 9.0]) < 0.01);
    }

    #[test]
    fn links_are_ranked_by_their_scores() {
        let outputs =
            Outputs { logits: vec![0.0, -3.0, 0.0, 3.0, 0.0, 3.0], labels: vec![0, 0, 1], classes: 2, goals: None };
        let mut now = Evaluation::new();
        now.insert(SplitName::Test, outputs.clone()).unwrap();
        now.insert(SplitName::Forget, outputs.filtered(|label| label == 1)).unwrap();
        let measured = |now: &Evaluation| {
            let mut into = Metrics::default();
            measure_links(&Subject { now, references: &[], forgotten_classes: &[] }, &mut into).unwrap();
            into
        };
        assert!(measured(&now).is_empty(), "classes are no links");
        now.set_links(LinkFacts { deleted: vec![2.0, 0.0], never: vec![1.0, -1.0] });
        let m = measured(&now);
        // An edge of score 3 and pairs of -3 and 3: one win, one tie.
        assert_eq!((m.get("splits.test.auc"), m.get("splits.forget.auc")), (Some(0.75), None));
        assert_eq!(m.get("links.deleted_auc"), Some(0.75));
    }

    #[test]
    fn a_planted_class_is_counted_in_forget_and_test() {
        let m = measured(GraphFacts { planted: Some(1), ..Default::default() });
        assert_eq!((m.get("replay.forget"), m.get("replay.test")), (Some(2.0 / 3.0), Some(2.0 / 3.0)));
    }
}
