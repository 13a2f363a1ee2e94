//! Records that hold the same input and the same label: where one is forgotten, the other still teaches it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

use super::key::Key;
use super::{Dataset, GraphData, GraphRecords, Place, Portion};

/// Groups of identical records. Rows have the same values. Graphs have the same nodes, edges and features in the same
/// order, as the files number them: a graph whose nodes are numbered otherwise is not found. Nodes have the same
/// features and the same neighbours, each other aside, so that they could change places. Of links there are none: a
/// pair of nodes is there once.
#[derive(Debug)]
pub struct Twins {
    groups: Vec<Vec<Place>>,
    /// The group of each record that has twins.
    of: HashMap<Place, usize>,
}

impl Twins {
    fn of(data: &Dataset) -> Twins {
        let mut groups = match data.graph.as_ref().map(|graph| (graph, &graph.records)) {
            None => alike(data, |place| row(data, place)),
            Some((graph, GraphRecords::Graphs { ptr })) => alike(data, |place| {
                let at = data.number(place) as usize;
                graph.graph.words_of_part(ptr[at], ptr[at + 1]).chain([label(data, place)])
            }),
            Some((graph, GraphRecords::Nodes)) => {
                let around = Around::of(graph);
                let words = |closed: bool| {
                    let around = &around;
                    move |place| {
                        let node = data.number(place);
                        around.words(node, closed).into_iter().chain([label(data, place)])
                    }
                };
                // Twins with an edge between them share their neighbours and themselves, others their neighbours; no
                // node has twins of both kinds.
                [alike(data, words(false)), alike(data, words(true))].concat()
            }
            Some((_, GraphRecords::Links)) => vec![],
        };
        groups.sort_unstable();
        let of = groups.iter().enumerate().flat_map(|(i, group)| group.iter().map(move |place| (*place, i))).collect();
        Twins { groups, of }
    }

    /// Each group, its records in the order of parts and positions.
    pub fn groups(&self) -> &[Vec<Place>] {
        &self.groups
    }

    /// A record's group, itself among them; empty where it has no twin.
    pub fn among(&self, place: Place) -> &[Place] {
        self.of.get(&place).map_or(&[], |group| &self.groups[*group])
    }
}

impl Dataset {
    /// Its identical records, in all parts; looked for once.
    pub fn twins(&self) -> &Twins {
        self.twins.0.get_or_init(|| Twins::of(self))
    }
}

/// The twins of a data set once somebody has asked for them. They follow from its records, so that they are no part of
/// what it is, and a copy, which may be changed, looks for its own.
#[derive(Debug, Default)]
pub(crate) struct TwinsOnce(OnceLock<Twins>);

impl Clone for TwinsOnce {
    fn clone(&self) -> Self {
        TwinsOnce::default()
    }
}

impl PartialEq for TwinsOnce {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Groups of records with the same words.
fn alike<W: Iterator<Item = u64>>(data: &Dataset, words: impl Fn(Place) -> W) -> Vec<Vec<Place>> {
    let mut alike: HashMap<u64, Vec<Vec<Place>>> = HashMap::new();
    for place in Portion::ALL.into_iter().flat_map(|portion| data.places(portion)) {
        let candidates = alike.entry(Key::of(words(place)).number()).or_default();
        match candidates.iter_mut().find(|group| words(group[0]).eq(words(place))) {
            Some(group) => group.push(place),
            None => candidates.push(vec![place]),
        }
    }
    alike.into_values().flatten().filter(|group| group.len() > 1).collect()
}

fn row(data: &Dataset, place: Place) -> impl Iterator<Item = u64> {
    let (width, at) = (data.width(), place.position as usize);
    let x = &data.part(place.portion).x[at * width..][..width];
    let targets = data.part(place.portion).targets.as_ref().map_or(&[][..], |targets| targets.row(at));
    x.iter().chain(targets).map(|value| u64::from(value.to_bits())).chain([label(data, place)])
}

fn label(data: &Dataset, place: Place) -> u64 {
    u64::from(data.part(place.portion).y[place.position as usize])
}

/// A graph, to be asked for what is around its nodes.
struct Around<'a> {
    data: &'a GraphData,
    /// `[neighbour, node]`, sorted by node: of the edges to a node and, where these are others, of those from it.
    ways: Vec<Cow<'a, [[u32; 2]]>>,
}

impl<'a> Around<'a> {
    fn of(data: &'a GraphData) -> Around<'a> {
        let edges = &data.graph.edges;
        let mut ways = vec![Cow::Borrowed(&edges[..])];
        if !data.graph.undirected {
            let mut back: Vec<[u32; 2]> = edges.iter().map(|&[source, target]| [target, source]).collect();
            back.sort_unstable_by_key(|&[neighbour, node]| (node, neighbour));
            ways.push(Cow::Owned(back));
        }
        Around { data, ways }
    }

    /// Whether a node has an edge to itself, its other neighbours (`closed`: and itself), its features.
    fn words(&self, node: u32, closed: bool) -> Vec<u64> {
        let mut words = vec![u64::from(self.data.graph.has_edge(node, node))];
        for edges in &self.ways {
            let from = edges.partition_point(|[_, own]| *own < node);
            let neighbours = edges[from..].iter().take_while(|[_, own]| *own == node).map(|[neighbour, _]| *neighbour);
            let mut near: Vec<u32> = neighbours.filter(|neighbour| *neighbour != node).collect();
            if closed {
                near.insert(near.partition_point(|neighbour| *neighbour < node), node);
            }
            words.push(near.len() as u64);
            words.extend(near.into_iter().map(u64::from));
        }
        words.extend(self.data.graph.words_of_features(node));
        words
    }
}
