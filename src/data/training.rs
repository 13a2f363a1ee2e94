//! What a session may know of a data set: [`Training`] is made of its training and validation records alone, so that no
//! session that is given one can hold a label of a test record.

use std::borrow::Cow;

use super::{Cut, Dataset, Graph, GraphData, GraphRecords, Links, Samples, UNLABELLED};

/// The training and validation records of a data set.
pub struct Training<'a> {
    known: Known<'a>,
    keys: Vec<u64>,
}

/// Records of some kind, and what is known of them.
pub enum Known<'a> {
    /// Records that stand alone.
    Rows {
        /// Training records.
        train: Cow<'a, Samples>,
        /// Validation records; may be empty.
        validation: Cow<'a, Samples>,
        /// The training records as they were, where a request takes parts of some.
        before: Option<Before<'a>>,
    },
    /// Nodes of one graph.
    Nodes(Sight<'a>),
    /// Graphs, and the first node of each with the end of the last.
    Graphs(Sight<'a>, &'a [u32]),
    /// Pairs of nodes; no node has a class.
    Links(Sight<'a>, HeldOut<'a>),
}

/// Training records of text before parts of some were taken out.
#[derive(Clone, Copy)]
pub struct Before<'a> {
    /// All of them, whole.
    pub samples: &'a Samples,
    /// Of these records what is taken, and nothing else, is to be forgotten.
    pub cuts: &'a [Cut],
}

/// A graph, whose structure and features are everybody's, and the records on it.
pub struct Sight<'a> {
    /// All of it.
    pub graph: &'a Graph,
    /// Class of each record by id, [`UNLABELLED`] where it is not to be known.
    pub labels: Vec<u32>,
    /// Ids of the training records.
    pub train: &'a [u32],
    /// Ids of the validation records.
    pub validation: Cow<'a, [u32]>,
}

/// Pairs of the validation part.
pub struct HeldOut<'a> {
    /// Held-out edges [u, v], u < v.
    pub edges: &'a [[u32; 2]],
    /// As many pairs without an edge.
    pub never: &'a [[u32; 2]],
    /// An edge of any held-out part that the graph has, along which messages would tell the answer.
    pub leak: Option<[u32; 2]>,
}

impl<'a> Training<'a> {
    /// Records that stand alone.
    pub fn rows(train: &'a Samples, validation: &'a Samples) -> Training<'a> {
        let (train, validation) = (Cow::Borrowed(train), Cow::Borrowed(validation));
        Training::of(Known::Rows { train, validation, before: None })
    }

    /// Records on a graph.
    pub fn graph(data: &'a GraphData) -> Training<'a> {
        Training::graph_as(data, Some)
    }

    /// The same for a model whose `output` stands for a class.
    fn graph_as(data: &'a GraphData, output: impl Fn(u32) -> Option<u32>) -> Training<'a> {
        let mut known = vec![UNLABELLED; data.labels.len()];
        for ids in [&data.train, &data.validation] {
            data.nodes_among(ids).iter().for_each(|id| known[*id as usize] = data.labels[*id as usize]);
        }
        Training::of(Known::graph(data, as_outputs(&known, output)))
    }

    fn of(known: Known<'a>) -> Training<'a> {
        Training { known, keys: Vec::new() }
    }

    /// Records that stand alone, of several data sets one behind the other: to a record's number come those of the sets
    /// before its own. None where a set has others, or records of another width or with other targets.
    pub fn joined(all: &[Training]) -> Option<Training<'static>> {
        let (mut train, mut validation) = (Vec::new(), Vec::new());
        for one in all {
            let Known::Rows { train: t, validation: v, before: None } = &one.known else { return None };
            train.push(t.as_ref());
            validation.push(v.as_ref());
        }
        let (train, validation) = (Cow::Owned(Samples::joined(&train)?), Cow::Owned(Samples::joined(&validation)?));
        let keys = all.iter().flat_map(|one| one.keys.iter().copied()).collect();
        Some(Training { keys, ..Training::of(Known::Rows { train, validation, before: None }) })
    }

    /// What is known.
    pub fn known(&self) -> &Known<'a> {
        &self.known
    }

    /// What each training record is drawn by ([`super::Identity::key`]), by its id; empty where records have none.
    pub fn keys(&self) -> &[u64] {
        &self.keys
    }
}

/// The numbers of a model's outputs in the place of classes, [`UNLABELLED`] where it has none: a record of such a class
/// was forgotten, or is not scored.
fn as_outputs(labels: &[u32], output: impl Fn(u32) -> Option<u32>) -> Vec<u32> {
    labels.iter().map(|class| output(*class).unwrap_or(UNLABELLED)).collect()
}

impl<'a> Known<'a> {
    fn graph(data: &'a GraphData, labels: Vec<u32>) -> Known<'a> {
        let links = data.records == GraphRecords::Links;
        let lost = |at: usize| labels[at] == UNLABELLED && data.labels[at] != UNLABELLED;
        let scored = |id: &u32| links || !lost(*id as usize);
        let validation = match data.validation.iter().all(scored) {
            true => Cow::Borrowed(&data.validation[..]),
            false => data.validation.iter().copied().filter(scored).collect(),
        };
        let seen = Sight { graph: &data.graph, labels, train: &data.train, validation };
        match &data.records {
            GraphRecords::Nodes => Known::Nodes(seen),
            GraphRecords::Graphs { ptr } => Known::Graphs(seen, ptr),
            GraphRecords::Links => Known::Links(seen, HeldOut::of(&data.held_out, &data.graph)),
        }
    }

    /// A graph with the class of every record, test records among them: for evaluation.
    pub fn everything(data: &'a GraphData) -> Known<'a> {
        Known::graph(data, data.labels.clone())
    }
}

impl<'a> HeldOut<'a> {
    fn of(links: &'a Links, graph: &Graph) -> HeldOut<'a> {
        HeldOut { edges: &links.validation, never: &links.validation_never, leak: links.leak(graph) }
    }
}

impl Dataset {
    /// What training may know: everything but the test records.
    pub fn training(&self) -> Training<'_> {
        Training { keys: self.keys(), ..self.of_training() }
    }

    /// The same where a request takes parts of training records of text: training records are what stays of them
    /// ([`Dataset::without`]), and what they were is known as records before the request.
    pub fn training_without<'a>(&'a self, cuts: &'a [Cut]) -> Training<'a> {
        if cuts.is_empty() {
            return self.training();
        }
        let (train, validation) = (Cow::Owned(self.without(cuts).0), Cow::Borrowed(&self.validation));
        let before = Some(Before { samples: &self.train, cuts });
        Training { keys: self.keys(), known: Known::Rows { train, validation, before } }
    }

    fn of_training(&self) -> Training<'_> {
        match &self.graph {
            Some(graph) => Training::graph_as(graph, |class| self.output(class)),
            None if self.learned.len() == self.classes => Training::rows(&self.train, &self.validation),
            None => {
                let (train, validation) = (Cow::Owned(self.forgotten_too()), Cow::Owned(self.scored(&self.validation)));
                Training::of(Known::Rows { train, validation, before: None })
            }
        }
    }

    /// The graph, where records are on one, with the outputs of all records that have one, and the test records among
    /// them: for evaluation.
    pub fn graph_to_test(&self) -> Option<(Known<'_>, Vec<u32>)> {
        let graph = self.graph.as_ref()?;
        let labels = as_outputs(&graph.labels, |class| self.output(class));
        let scored = |id: &u32| graph.records == GraphRecords::Links || labels[*id as usize] != UNLABELLED;
        let test = graph.test.iter().copied().filter(scored).collect();
        Some((Known::graph(graph, labels), test))
    }

    /// The training records with the numbers of a model's outputs as classes. A record of a class without an output is
    /// one that was forgotten: it keeps its place and gets class 0, which nothing may read.
    fn forgotten_too(&self) -> Samples {
        let output = |class: &u32| self.learned.binary_search(class).unwrap_or(0) as u32;
        Samples { y: self.train.y.iter().map(output).collect(), ..self.train.clone() }
    }

    /// Those of `samples` that a model has an output for, with the numbers of its outputs as classes.
    pub fn scored(&self, samples: &Samples) -> Samples {
        let known: Vec<u32> =
            (0..).zip(&samples.y).filter(|(_, y)| self.output(**y).is_some()).map(|(at, _)| at).collect();
        let mut scored = samples.gather(&known, self.width());
        scored.y.iter_mut().for_each(|class| *class = self.output(*class).unwrap_or(0));
        scored
    }

    /// The output of a model that stands for a class.
    pub fn output(&self, class: u32) -> Option<u32> {
        self.learned.binary_search(&class).ok().map(|output| output as u32)
    }
}

impl<'a> From<&'a Dataset> for Training<'a> {
    fn from(data: &'a Dataset) -> Training<'a> {
        data.training()
    }
}
