//! From what a graph loader parsed to a data set: the checks that hold for every graph, the split, the normalisation.

use super::{Graph, GraphData, GraphRecords, Links, MOST_COLUMNS, Task, UNLABELLED, links, partition};
use crate::data::split::Plan;
use crate::data::{DataConfig, Dataset, Identities, Normalization, Normalize, Samples};
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
}

/// Checks, splits and normalises.
pub(crate) fn dataset(parts: GraphParts, config: &DataConfig, normalize: Normalize) -> Result<Dataset> {
    verify(&parts, config.task == Some(Task::Link))?;
    if config.task == Some(Task::Link) {
        let mut parts = parts;
        normalized(&mut parts.graph, normalize, config)?;
        return links::dataset(parts, config, normalize);
    }
    let GraphParts { name, origin, mut class_names, mut graph, mut labels, graphs, split, names } = parts;
    let of_records = graphs.as_ref().map_or(&labels, |graphs| &graphs.labels);
    let plan = partition::partition(of_records, names.as_deref(), config, split, &origin)?;
    if plan.train.is_empty() {
        return Err(Error::input(format!("{origin}: no record remains to train on")));
    }
    // Poison first: what it joins differs in the classes that the data has.
    let poisoned = config.poison.map_or(Ok(vec![]), |poison| poison.apply(&mut graph, &labels))?;
    let planted =
        config.plant.map_or(Ok(vec![]), |plant| plant.apply(&mut graph, &mut labels, &plan.train, &mut class_names))?;
    normalized(&mut graph, normalize, config)?;
    labels.resize(graph.nodes, UNLABELLED);
    let (records, labels) = match graphs {
        Some(Graphs { ptr, labels }) => (GraphRecords::Graphs { ptr }, labels),
        None => (GraphRecords::Nodes, labels),
    };
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
        graph,
    };
    let part = |ids: &[u32]| Samples { x: vec![], y: ids.iter().map(|&id| data.labels[id as usize]).collect() };
    Ok(Dataset {
        name,
        shape: vec![data.graph.features.width],
        classes: class_names.len(),
        learned: (0..class_names.len() as u32).collect(),
        class_names,
        train: part(&data.train),
        validation: part(&data.validation),
        test: part(&data.test),
        columns: vec![],
        normalization: Normalization::plain(normalize),
        who: Identities::default(),
        notes: vec![],
        graph: Some(data),
    })
}

fn normalized(graph: &mut Graph, normalize: Normalize, config: &DataConfig) -> Result<()> {
    match normalize {
        Normalize::Row => graph.features.normalize_rows(),
        Normalize::None => {}
        Normalize::Unit | Normalize::Standard => {
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
    if features.width == 0 {
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
