//! Requests on a graph whose records are nodes: ids are node ids, edges are pairs of them.

use std::collections::{BTreeSet, HashMap};

use super::{Dataset, Deletion, GraphData, GraphRecords, Id, Kind, Request, Split, request};
use crate::base::splitmix::SplitMix64;
use crate::error::Result;

/// One thing that a request names; to name it twice is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Item {
    Node(u32),
    Class(u32),
    /// The smaller node first where the graph is undirected.
    Edge([u32; 2]),
    /// A feature of all nodes.
    Column(u32),
    /// All features of a node.
    Row(u32),
    /// One feature of one node.
    Entry([u32; 2]),
}

impl std::fmt::Display for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Item::Node(id) => write!(f, "node {id}"),
            Item::Class(id) => write!(f, "class {id}"),
            Item::Edge([u, v]) => write!(f, "edge [{u},{v}]"),
            Item::Column(column) => write!(f, "feature {column}"),
            Item::Row(node) => write!(f, "the features of node {node}"),
            Item::Entry([node, column]) => write!(f, "feature {column} of node {node}"),
        }
    }
}

/// What the requests delete, and the forgotten and the retained training nodes.
pub(super) fn resolve(requests: &[Request], dataset: &Dataset, data: &GraphData, seed: u64) -> Result<Split> {
    let reader = Reader { dataset, data };
    let mut rng = SplitMix64::new(seed);
    let mut seen: HashMap<Item, &str> = HashMap::new();
    let (mut nodes, mut edges) = (BTreeSet::new(), BTreeSet::new());
    let (mut rows, mut columns, mut entries) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for request in requests {
        let items = reader.items(request, &mut rng)?;
        if items.is_empty() {
            return request.fail("the request is empty; it names nothing");
        }
        for item in items {
            if let Some(earlier) = seen.insert(item, &request.origin) {
                return request.fail(format!("{item} is repeated; first at {earlier}"));
            }
            match item {
                Item::Node(id) => drop(nodes.insert(id)),
                Item::Class(class) => nodes.extend(reader.members(request, class)?),
                Item::Edge(pair) => drop(edges.insert(pair)),
                Item::Column(column) => drop(columns.insert(column)),
                Item::Row(node) => drop(rows.insert(node)),
                Item::Entry(entry) => drop(entries.insert(entry)),
            }
        }
    }
    let graph = &data.graph;
    let goes = |&&[u, v]: &&[u32; 2]| {
        let pair = if graph.undirected { [u.min(v), u.max(v)] } else { [u, v] };
        nodes.contains(&u) || nodes.contains(&v) || edges.contains(&pair)
    };
    let gone = graph.edges.iter().filter(goes).copied().collect();
    let (forget, retain) = data.divide(&nodes, &edges);
    let deletion = Deletion {
        nodes: nodes.into_iter().collect(),
        edges: gone,
        feature_rows: rows.into_iter().collect(),
        feature_columns: columns.into_iter().collect(),
        feature_entries: entries.into_iter().collect(),
    };
    let names_something = !deletion.is_empty();
    request::checked(requests, Split { retain, forget, deletion: Some(deletion) }, names_something)
}

struct Reader<'a> {
    dataset: &'a Dataset,
    data: &'a GraphData,
}

impl Reader<'_> {
    fn items(&self, request: &Request, rng: &mut SplitMix64) -> Result<Vec<Item>> {
        request.one_way_of_naming()?;
        match (request.kind, request.fraction) {
            (kind, _) if kind != Kind::Edge && self.data.records == GraphRecords::Links => request.fail(format!(
                "the records of `{}` are links (data.task = \"link\"); expected a request of kind edge, not {}",
                self.dataset.name,
                kind.name()
            )),
            (Kind::Sample, _) => request.fail(format!(
                "the records of `{}` are nodes; expected a request of kind node, class, edge or feature",
                self.dataset.name
            )),
            (Kind::Node, Some(fraction)) => {
                let drawn = request.draw(fraction, self.data.train.clone(), "training nodes", rng)?;
                Ok(drawn.into_iter().map(Item::Node).collect())
            }
            (Kind::Edge, Some(fraction)) => {
                let drawn = request.draw(fraction, self.data.graph.distinct_edges(), "edges", rng)?;
                Ok(drawn.into_iter().map(Item::Edge).collect())
            }
            (_, Some(_)) => request.fail("fraction goes with kind = \"node\" or \"edge\"; this request needs ids"),
            _ if request.planted => match self.data.planted.is_empty() {
                true => request.fail("planted: no node was planted; set data.plant"),
                false => Ok(self.data.planted.iter().map(|&id| Item::Node(id)).collect()),
            },
            _ if request.poisoned => match self.data.poisoned.is_empty() {
                true => request.fail("poisoned: no edge was added; set data.poison"),
                false => Ok(self.data.poisoned.iter().map(|&pair| Item::Edge(pair)).collect()),
            },
            _ => {
                let rows = request.nodes.iter().map(|&node| Ok(Item::Row(self.node(request, node)?)));
                request.ids.iter().map(|id| self.item(request, id)).chain(rows).collect()
            }
        }
    }

    fn item(&self, request: &Request, id: &Id) -> Result<Item> {
        match (request.kind, id) {
            (Kind::Node, Id::Number(node)) => Ok(Item::Node(self.node(request, *node)?)),
            (Kind::Class, _) => Ok(Item::Class(request::class(request, id, self.dataset)?)),
            (Kind::Edge, Id::Edge(pair)) => self.edge(request, *pair),
            (Kind::Feature, Id::Number(column)) => Ok(Item::Column(self.column(request, *column)?)),
            (Kind::Feature, Id::Edge([node, column])) => {
                Ok(Item::Entry([self.node(request, *node)?, self.column(request, *column)?]))
            }
            (kind, id) => {
                let expected = match kind {
                    Kind::Edge => "a pair [u,v] of node ids",
                    Kind::Feature => "a column, or a pair [node,column]",
                    _ => "a whole number ≥ 0",
                };
                request.fail(format!("{id} is not a {} id; expected {expected}", kind.name()))
            }
        }
    }

    fn node(&self, request: &Request, id: u64) -> Result<u32> {
        let nodes = self.data.graph.nodes;
        match id < nodes as u64 {
            true => Ok(id as u32),
            false => {
                request.fail(format!("unknown node id {id}; there are {nodes} nodes, 0 to {}", nodes.saturating_sub(1)))
            }
        }
    }

    fn column(&self, request: &Request, id: u64) -> Result<u32> {
        let width = self.data.graph.features.width;
        match id < width as u64 {
            true => Ok(id as u32),
            false => request.fail(format!("unknown feature {id}; there are {width} columns, 0 to {}", width - 1)),
        }
    }

    fn edge(&self, request: &Request, [u, v]: [u64; 2]) -> Result<Item> {
        let (u, v) = (self.node(request, u)?, self.node(request, v)?);
        let graph = &self.data.graph;
        match graph.has_edge(u, v) {
            true if graph.undirected => Ok(Item::Edge([u.min(v), u.max(v)])),
            true => Ok(Item::Edge([u, v])),
            false => {
                let back = match (self.data.held_out.holds(u, v), graph.has_edge(v, u)) {
                    (true, _) => ": it is held out for validation or test, and nothing learns it",
                    (_, true) => "; the graph is directed and has [v,u] only",
                    _ => "",
                };
                request.fail(format!("edge [{u},{v}] is not in the graph{back}"))
            }
        }
    }

    /// Training nodes of a class.
    fn members(&self, request: &Request, class: u32) -> Result<Vec<u32>> {
        let of_class = |id: &&u32| self.data.labels[**id as usize] == class;
        let members: Vec<u32> = self.data.train.iter().filter(of_class).copied().collect();
        match members.is_empty() {
            true => request.fail(request::no_members(class, self.dataset)),
            false => Ok(members),
        }
    }
}
