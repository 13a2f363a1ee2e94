//! Requests on a graph whose records are nodes: ids are node ids, edges are pairs of them.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::request::{Kind, Request};
use super::resolved::{self, Line, Split, Who};
use super::{Dataset, Deletion, GraphData, GraphRecords, Id, Place, Portion};
use crate::base::did_you_mean;
use crate::base::splitmix::SplitMix64;
use crate::error::Result;

/// One thing that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Item {
    Node(u32),
    Class(u32),
    /// The smaller node first where the graph is undirected.
    Edge([u32; 2]),
    /// An edge that is held out, by its place.
    Unseen(Place),
    /// A feature of all nodes.
    Column(u32),
    /// All features of a node.
    Row(u32),
    /// One feature of one node.
    Entry([u32; 2]),
}

/// Everything that requests take away.
#[derive(Default)]
struct Taken {
    nodes: BTreeSet<u32>,
    edges: BTreeSet<[u32; 2]>,
    rows: BTreeSet<u32>,
    columns: BTreeSet<u32>,
    entries: BTreeSet<[u32; 2]>,
    unseen: BTreeSet<Place>,
}

/// What the requests delete, and the forgotten and the retained training nodes.
pub(super) fn resolve(requests: &[Request], dataset: &Dataset, data: &GraphData, seed: u64) -> Result<Split> {
    let names = data.names.iter().flatten().zip(0..).map(|(name, node)| (name.as_str(), node)).collect();
    let reader = Reader { dataset, data, names };
    let mut rng = SplitMix64::new(seed);
    let mut seen = HashSet::new();
    let (mut taken, mut lines) = (Taken::default(), vec![]);
    for request in requests {
        let items = reader.items(request, &mut rng)?;
        if items.is_empty() {
            return request.fail("the request is empty; it names nothing");
        }
        let mut line = Line::of(request);
        let mut own = vec![];
        for item in items {
            match seen.insert(item) {
                true => own.extend(reader.take(request, item, &mut taken, &mut line)?),
                false => line.repeated += 1,
            }
        }
        if request.twins {
            for node in reader.twins(&own) {
                if taken.nodes.insert(node) {
                    line.records.push(reader.describe(node));
                }
            }
        }
        lines.push((line, own));
    }
    let lines = lines.into_iter().map(|(mut line, own)| {
        let stay = reader.twins(&own).into_iter().filter(|node| !taken.nodes.contains(node));
        line.twins = stay.map(|node| reader.describe(node)).collect();
        line
    });
    let lines = lines.collect();
    let Taken { nodes, edges, rows, columns, entries, unseen } = taken;
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
    let names_something = !deletion.is_empty() || !unseen.is_empty();
    let unseen = unseen.into_iter().collect();
    let split = Split { retain, forget, unseen, deletion: Some(deletion), cuts: vec![], lines };
    resolved::checked(requests, split, names_something)
}

struct Reader<'a> {
    dataset: &'a Dataset,
    data: &'a GraphData,
    /// Nodes by name, where they have names.
    names: HashMap<&'a str, u32>,
}

impl Reader<'_> {
    /// Takes a thing, and says which whole nodes that are.
    fn take(&self, request: &Request, item: Item, taken: &mut Taken, line: &mut Line) -> Result<Vec<u32>> {
        let thing = |id: Id| Who { id, row: None, class: None, split: None, span: None };
        let dataset = self.dataset;
        match item {
            Item::Node(node) => {
                taken.nodes.insert(node);
                line.records.push(self.describe(node));
                return Ok(vec![node]);
            }
            Item::Class(class) => {
                line.classes.push(dataset.class_names[class as usize].clone());
                let members = self.members(request, class)?.into_iter().filter(|node| taken.nodes.insert(*node));
                let members: Vec<u32> = members.collect();
                line.records.extend(members.iter().map(|node| self.describe(*node)));
                return Ok(members);
            }
            Item::Edge(pair) => {
                taken.edges.insert(pair);
                line.records.push(thing(dataset.pair_id(pair)));
            }
            Item::Unseen(place) => {
                taken.unseen.insert(place);
                line.records.push(Who { split: Some(place.portion), ..thing(dataset.id(place)) });
            }
            Item::Column(column) => {
                taken.columns.insert(column);
                line.records.push(thing(Id::Number(u64::from(column))));
            }
            Item::Row(node) => {
                taken.rows.insert(node);
                line.records.push(self.describe(node));
            }
            Item::Entry([node, column]) => {
                taken.entries.insert([node, column]);
                let id = match dataset.node_id(node) {
                    Id::Name(name) => Id::Pair([name, column.to_string()]),
                    _ => Id::Edge([u64::from(node), u64::from(column)]),
                };
                line.records.push(thing(id));
            }
        }
        Ok(vec![])
    }

    /// The twins of some nodes, ascending, each once.
    fn twins(&self, nodes: &[u32]) -> Vec<u32> {
        let places = nodes.iter().filter_map(|node| self.dataset.place_of_node(*node));
        let twins = places.flat_map(|place| self.dataset.twins().among(place));
        let mut twins: BTreeSet<u32> = twins.map(|twin| self.dataset.number(*twin)).collect();
        nodes.iter().for_each(|node| _ = twins.remove(node));
        twins.into_iter().collect()
    }

    fn describe(&self, node: u32) -> Who {
        let (data, records) = (self.data, self.data.records == GraphRecords::Nodes);
        let parts = [&data.train, &data.validation, &data.test];
        let of = |(_, ids): &(Portion, &Vec<u32>)| records && ids.binary_search(&node).is_ok();
        let split = Portion::ALL.into_iter().zip(parts).find(of).map(|(portion, _)| portion);
        let class = self.dataset.class_names.get(data.labels[node as usize] as usize).cloned();
        Who { id: self.dataset.node_id(node), row: None, class, split, span: None }
    }

    fn items(&self, request: &Request, rng: &mut SplitMix64) -> Result<Vec<Item>> {
        request.one_way_of_naming()?;
        match (request.kind, request.fraction) {
            (kind, _) if kind != Kind::Edge && self.data.records == GraphRecords::Links => request.fail(format!(
                "the records of `{}` are links (data.task = \"link\"); expected a request of kind edge, not {}",
                self.dataset.name,
                kind.name()
            )),
            (Kind::Sample | Kind::Subject | Kind::Span, _) => request.fail(format!(
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
                let rows = request.nodes.iter().map(|node| Ok(Item::Row(self.node(request, node)?)));
                request.ids.iter().map(|id| self.item(request, id)).chain(rows).collect()
            }
        }
    }

    fn item(&self, request: &Request, id: &Id) -> Result<Item> {
        match (request.kind, id) {
            (Kind::Node, Id::Number(_) | Id::Name(_)) => Ok(Item::Node(self.node(request, id)?)),
            (Kind::Class, _) => Ok(Item::Class(resolved::class(request, id, self.dataset)?)),
            (Kind::Edge, Id::Edge([u, v])) => self.edge(request, id, [&Id::Number(*u), &Id::Number(*v)]),
            (Kind::Edge, Id::Pair([u, v])) => self.edge(request, id, [&Id::Name(u.clone()), &Id::Name(v.clone())]),
            (Kind::Feature, Id::Number(column)) => Ok(Item::Column(self.column(request, *column)?)),
            (Kind::Feature, Id::Edge([node, column])) => {
                Ok(Item::Entry([self.node(request, &Id::Number(*node))?, self.column(request, *column)?]))
            }
            (Kind::Feature, Id::Pair([node, column])) => {
                let node = self.node(request, &Id::Name(node.clone()))?;
                let Ok(column) = column.parse() else {
                    return request.fail(format!("{id} is not a feature; expected [node,column]"));
                };
                Ok(Item::Entry([node, self.column(request, column)?]))
            }
            (kind, id) => {
                let expected = match kind {
                    Kind::Edge => "a pair [u,v] of node ids",
                    Kind::Feature => "a column, or a pair [node,column]",
                    _ => "a node id",
                };
                request.fail(format!("{id} is not a {} id; expected {expected}", kind.name()))
            }
        }
    }

    /// The node of an id: of its name where nodes have names, else of its number.
    fn node(&self, request: &Request, id: &Id) -> Result<u32> {
        let nodes = self.data.graph.nodes;
        let found = match (self.names.is_empty(), id, id.text()) {
            (false, _, Some(text)) => self.names.get(text.as_str()).copied(),
            (true, Id::Number(node), _) if *node < nodes as u64 => Some(*node as u32),
            (true, Id::Name(text), _) => text.parse().ok().filter(|node: &u32| (*node as usize) < nodes),
            _ => None,
        };
        match (found, self.names.is_empty()) {
            (Some(node), _) => Ok(node),
            (None, true) => {
                request.fail(format!("unknown node id {id}; there are {nodes} nodes, 0 to {}", nodes.saturating_sub(1)))
            }
            (None, false) => {
                let near = did_you_mean(&id.text().unwrap_or_default(), self.names.keys().take(10_000).copied());
                request.fail(format!("unknown node {id}{near}; the {nodes} nodes go by the names of their file"))
            }
        }
    }

    fn column(&self, request: &Request, id: u64) -> Result<u32> {
        let width = self.data.columns.max(self.data.graph.features.width);
        match id < width as u64 {
            true => Ok(id as u32),
            false => request.fail(format!("unknown feature {id}; there are {width} columns, 0 to {}", width - 1)),
        }
    }

    fn edge(&self, request: &Request, id: &Id, [u, v]: [&Id; 2]) -> Result<Item> {
        let (u, v) = (self.node(request, u)?, self.node(request, v)?);
        let graph = &self.data.graph;
        let pair = [u.min(v), u.max(v)];
        match (graph.has_edge(u, v), self.data.held_out.place(pair)) {
            (true, _) if graph.undirected => Ok(Item::Edge(pair)),
            (true, _) => Ok(Item::Edge([u, v])),
            (false, Some(place)) => Ok(Item::Unseen(place)),
            (false, None) => {
                let back = match graph.has_edge(v, u) {
                    true => "; the graph is directed and has it the other way only",
                    false => "",
                };
                request.fail(format!("edge {id} is not in the graph{back}"))
            }
        }
    }

    /// Training nodes of a class.
    fn members(&self, request: &Request, class: u32) -> Result<Vec<u32>> {
        let of_class = |id: &&u32| self.data.labels[**id as usize] == class;
        let members: Vec<u32> = self.data.train.iter().filter(of_class).copied().collect();
        match members.is_empty() {
            true => request.fail(resolved::no_members(class, self.dataset)),
            false => Ok(members),
        }
    }
}
