//! What an audit's models are trained on and asked about: the training records with held-out ones among them. Nothing
//! else of the program trains on such data, and no weights of an audit ever reach a run.

use crate::data::{Dataset, GraphData, GraphRecords, Portion, Samples, TargetKind, Training};
use crate::error::{Error, Result};

/// Records of a run by numbers of the audit's own: places of rows, the training ones first; ids of nodes or graphs.
pub(super) enum Pool {
    /// Training records, then test ones, then validation ones.
    Rows(Samples),
    /// The run's graph, whose training records are the training and the test ones.
    Graph(Box<GraphData>),
}

impl Pool {
    /// Of a run's data, with the numbers of a network's outputs as classes. A record of a class without an output has
    /// class 0, and nobody trains on it.
    pub fn of(data: &Dataset) -> Pool {
        if let Some(graph) = &data.graph {
            let mut graph = graph.clone();
            graph.train.extend_from_slice(&graph.test);
            graph.train.sort_unstable();
            return Pool::Graph(Box::new(graph));
        }
        let mut all = Samples::default();
        for portion in [Portion::Train, Portion::Test, Portion::Validation] {
            let part = data.part(portion);
            all.x.extend_from_slice(&part.x);
            all.y.extend(part.y.iter().map(|class| data.output(*class).unwrap_or(0)));
        }
        Pool::Rows(all)
    }

    /// What a session is made of.
    pub fn training<'a>(&'a self, validation: &'a Samples) -> Training<'a> {
        match self {
            Pool::Rows(all) => Training::rows(all, validation),
            Pool::Graph(graph) => Training::graph(graph),
        }
    }
}

/// Refuses data that an audit knows no attack for.
///
/// # Errors
/// [`Error::Unsupported`] saying which, and what judges them instead.
pub(super) fn suits(data: &Dataset) -> Result<()> {
    let links = data.graph.as_ref().is_some_and(|graph| graph.records == GraphRecords::Links);
    let fewer = data.graph.is_some() && data.learned.len() < data.classes;
    let what = match (data.target_kind(), links, fewer) {
        (_, true, _) => "pairs of nodes",
        (_, _, true) => "a graph with classes that no training record has",
        (TargetKind::Class, ..) => return Ok(()),
        _ => "targets in place of a class",
    };
    Err(Error::Unsupported(format!(
        "`audit` attacks classifiers, and these data are {what}; `unlearn verify` judges them"
    )))
}

/// Numbers and classes of the records of a part.
pub(super) fn records_of(data: &Dataset, portion: Portion) -> Vec<(u32, u32)> {
    if let Some(graph) = &data.graph {
        let ids = match portion {
            Portion::Train => &graph.train,
            Portion::Validation => &graph.validation,
            Portion::Test => &graph.test,
        };
        return ids.iter().map(|id| (*id, graph.labels[*id as usize])).collect();
    }
    let first = match portion {
        Portion::Train => 0,
        Portion::Test => data.train.len(),
        Portion::Validation => data.train.len() + data.test.len(),
    } as u32;
    (first..).zip(data.part(portion).y.iter().copied()).collect()
}
