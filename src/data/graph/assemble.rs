//! From what a graph loader parsed to a data set: the checks that hold for every graph, the split, the normalisation.

use super::node_labels::NodeLabels;
use super::vocabulary::Vocabulary;
use super::{Graph, GraphData, GraphRecords, Links, MOST_COLUMNS, Task, UNLABELLED, links, partition};
use crate::data::key::Key;
use crate::data::learned::Named;
use crate::data::parts::Classes;
use crate::data::split::Plan;
use crate::data::{
    ColumnFit, DataConfig, Dataset, FitOn, Id, Identities, Normalization, Normalize, Portion, Samples, TwinsOnce,
};
use crate::error::{Error, Result};

/// What a graph loader hands over, not yet split and not yet normalised.
pub(crate) struct GraphParts {
    pub name: String,
    /// File or folder, for messages.
    pub origin: String,
    pub class_names: Vec<String>,
    pub graph: Graph,
    /// By node; empty where `graphs` is there.
    pub labels: Vec<u32>,
    /// Where the class names come from.
    pub classes: Classes,
    /// Where the columns of nodes' features come from.
    pub vocabulary: Vocabulary,
    pub graphs: Option<Graphs>,
    /// The split that the files hold.
    pub split: Option<Plan>,
    /// As in [`GraphData::names`].
    pub names: Option<Vec<String>>,
}

/// Graphs of a collection as a loader parsed them.
pub(crate) struct Graphs {
    /// As in [`GraphRecords::Graphs`].
    pub ptr: Vec<u32>,
    /// [graphs]
    pub labels: Vec<u32>,
    /// What becomes features, once it is known which graphs train.
    pub node_labels: NodeLabels,
    /// The last so many features of edges are labels, which become others in the same way.
    pub edge_labels: usize,
}

impl Graphs {
    /// What each graph is drawn by: what it holds, whatever number it has.
    fn keys(&self, graph: &Graph, class_names: &[String]) -> Vec<Key> {
        let key = |(range, class): (&[u32], &u32)| {
            let labels = (range[0]..range[1]).flat_map(|node| self.node_labels.words(node));
            let class = class_names.get(*class as usize).map_or("", String::as_str).bytes().map(u64::from);
            Key::of(graph.words_of_part(range[0], range[1]).chain(labels).chain(class))
        };
        self.ptr.windows(2).zip(&self.labels).map(key).collect()
    }

    /// The features with the labels of nodes among them, as they are fitted on the training graphs.
    fn encode(
        &self,
        graph: &mut Graph,
        train: impl Iterator<Item = u32>,
        fit: FitOn,
        origin: &str,
    ) -> Result<Vec<ColumnFit>> {
        let known: Vec<u32> = train.flat_map(|id| self.ptr[id as usize]..self.ptr[id as usize + 1]).collect();
        let nodes = self.node_labels.columns.len();
        let kept = fit.kept().map(|kept| kept.columns.split_at(nodes.min(kept.columns.len())));
        let mut columns = vec![];
        if nodes > 0 {
            let kept = kept.map(|(kept, _)| kept);
            let (features, fits) = self.node_labels.append("node_labels", &graph.features, &known, kept, origin)?;
            graph.features = features;
            columns.extend(fits);
        }
        if self.edge_labels > 0 {
            let edges = (0..).zip(&graph.edges).filter(|(_, [_, target])| known.binary_search(target).is_ok());
            let edges: Vec<u32> = edges.map(|(edge, _)| edge).collect();
            columns.extend(graph.edge_data.encode(self.edge_labels, &edges, kept.map(|(_, kept)| kept), origin)?);
        }
        Ok(columns)
    }
}

/// Checks, splits, and encodes by what is fitted.
pub(crate) fn dataset(parts: GraphParts, config: &DataConfig, normalize: Normalize, fit: FitOn) -> Result<Dataset> {
    verify(&parts, config.task == Some(Task::Link))?;
    if config.task == Some(Task::Link) {
        let mut parts = parts;
        normalized(&mut parts.graph, normalize, config)?;
        return links::dataset(parts, config, normalize);
    }
    let GraphParts { name, origin, mut class_names, mut graph, mut labels, classes, vocabulary, graphs, split, names } =
        parts;
    let (of_records, keys) = match &graphs {
        Some(graphs) => (&graphs.labels, graphs.keys(&graph, &class_names)),
        None => (&labels, partition::node_keys(labels.len(), names.as_deref())),
    };
    let plan = partition::partition(of_records, &keys, config, split, &origin)?;
    if plan.train.is_empty() {
        return Err(Error::input(format!("{origin}: no record remains to train on")));
    }
    let learns = |id: &u32| fit.learns_of((Portion::Train, u64::from(*id)));
    let known = || plan.train.iter().copied().filter(learns);
    let given = graph.features.width;
    let columns = match &graphs {
        Some(graphs) => graphs.encode(&mut graph, known(), fit, &origin)?,
        // Whatever part a node is in, its features are read.
        None => vocabulary.fit(&mut graph, names.as_deref(), |node| learns(&node), fit.kept(), &origin)?,
    };
    // Poison first: what it joins differs in the classes that the data has.
    let poisoned = config.poison.map_or(Ok(vec![]), |poison| poison.apply(&mut graph, &labels))?;
    let own = class_names.len();
    let fitted = graph.features.width;
    let planted = match &config.plant {
        Some(plant) => plant.on_graph(&mut graph, given, &mut labels, &plan.train, &mut class_names)?,
        None => vec![],
    };
    normalized(&mut graph, normalize, config)?;
    labels.resize(graph.nodes, UNLABELLED);
    let (records, labels) = match graphs {
        Some(Graphs { ptr, labels, .. }) => (GraphRecords::Graphs { ptr }, labels),
        None => (GraphRecords::Nodes, labels),
    };
    let named = Named { names: &class_names[..own], classes, origin: &origin };
    let of_class = |id: &&u32| fit.learns_class_of((Portion::Train, u64::from(**id)));
    let mut learned = named.learned(plan.train.iter().filter(of_class).map(|id| labels[*id as usize]), fit)?;
    // The configuration says that there is a planted class, whoever is left of it.
    learned.extend(own as u32..class_names.len() as u32);
    let data = GraphData {
        labels,
        train: plan.train,
        validation: plan.validation,
        test: plan.test,
        records,
        held_out: Links::default(),
        planted,
        poisoned,
        names,
        columns: given + graph.features.width - fitted,
        graph,
    };
    if let FitOn::Training = fit {
        measured(&named, &learned, &data)?;
    }
    let part =
        |ids: &[u32]| Samples { y: ids.iter().map(|&id| data.labels[id as usize]).collect(), ..Samples::default() };
    let parts = [&data.train, &data.validation, &data.test].map(|ids| part(ids));
    Ok(Dataset { columns, learned, ..on_graph(name, class_names, parts, normalize, data) })
}

/// A data set of records on a graph, of which every class is learned.
pub(super) fn on_graph(
    name: String,
    class_names: Vec<String>,
    [train, validation, test]: [Samples; 3],
    normalize: Normalize,
    data: GraphData,
) -> Dataset {
    Dataset {
        name,
        shape: vec![data.graph.features.width],
        classes: class_names.len(),
        learned: (0..class_names.len() as u32).collect(),
        class_names,
        targets: None,
        train,
        validation,
        test,
        tokenizer: None,
        quizzes: Default::default(),
        columns: vec![],
        normalization: Normalization::plain(normalize),
        who: Identities::default(),
        notes: vec![],
        twins: TwinsOnce::default(),
        graph: Some(data),
    }
}

/// Refuses what is measured and of a class without a training record.
fn measured(named: &Named, learned: &[u32], data: &GraphData) -> Result<()> {
    for (portion, ids) in [(Portion::Validation, &data.validation), (Portion::Test, &data.test)] {
        let y: Vec<u32> = ids.iter().map(|id| data.labels[*id as usize]).collect();
        let names = data.names.as_ref();
        let id = |at: usize| match names {
            Some(names) => Id::Name(names[ids[at] as usize].clone()),
            None => Id::Number(u64::from(ids[at])),
        };
        named.all_learned(learned, portion, &y, id)?;
    }
    Ok(())
}

fn normalized(graph: &mut Graph, normalize: Normalize, config: &DataConfig) -> Result<()> {
    match normalize {
        Normalize::Row => graph.features.normalize_rows(),
        Normalize::None => {}
        Normalize::Unit | Normalize::Standard | Normalize::Given => {
            return Err(Error::input(format!(
                "data.normalize: the loader `{}` makes a graph, whose features stay sparse; expected row or none",
                config.loader
            )));
        }
    }
    Ok(())
}

/// The checks every graph must pass, whatever its loader.
fn verify(parts: &GraphParts, links: bool) -> Result<()> {
    let (origin, features) = (&parts.origin, &parts.graph.features);
    let fail = |why: String| Err(Error::input(format!("{origin}: {why}")));
    if features.rows() != parts.graph.nodes {
        return fail(format!(
            "{} rows of features for {} nodes; expected one a node",
            features.rows(),
            parts.graph.nodes
        ));
    }
    if features.width == 0 && parts.graphs.as_ref().is_none_or(|graphs| graphs.node_labels.columns.is_empty()) {
        return fail("nodes have no features; at least one is needed".to_owned());
    }
    if features.width > MOST_COLUMNS {
        let width = features.width;
        return fail(format!("nodes have {width} features; expected at most {MOST_COLUMNS}"));
    }
    let most = u32::MAX as usize;
    if features.col.len() > most || parts.graph.edges.len() > most {
        return fail(format!("more than {most} values of features, or as many edges; use a part of the graph"));
    }
    if let Some(at) = features.val.iter().position(|value| !value.is_finite()) {
        let node = features.ptr.partition_point(|&start| start as usize <= at) - 1;
        let (value, column) = (features.val[at], features.col[at]);
        return fail(format!("feature {column} of node {node} is {value}; every feature must be a finite number"));
    }
    if parts.class_names.len() < 2 && !links {
        return fail("all records are of one class; a classifier needs at least two classes".to_owned());
    }
    let (what, labels, count) = match &parts.graphs {
        Some(graphs) => ("graph", &graphs.labels, graphs.ptr.len() - 1),
        None => ("node", &parts.labels, parts.graph.nodes),
    };
    if labels.len() != count {
        return fail(format!("{} labels for {count} {what}s; expected one a {what}", labels.len()));
    }
    let classes = parts.class_names.len();
    match labels.iter().position(|&label| label != UNLABELLED && label as usize >= classes) {
        Some(at) => fail(format!("{what} {at} has class {}; expected below {classes}", labels[at])),
        None => Ok(()),
    }
}
