//! One hash of a data set's records, so that whatever was made from them can tell that they have changed since.

use std::collections::HashSet;

use super::{Dataset, Graph, GraphData, GraphRecords, Links, Place, Samples, Sparse};
use crate::base::Digest;

impl Dataset {
    /// SHA-256 over everything that a model can be given: every part's features as normalised, labels, shape and class
    /// names, what records are called, and the graph where there is one. Values go in by their bits, so a changed,
    /// moved or missing record shows.
    pub fn sha256(&self) -> String {
        let mut digest = Digest::new("unlearn.data/1");
        let shape: Vec<u64> = self.shape.iter().map(|&d| d as u64).collect();
        digest.field("shape", bytemuck::cast_slice(&shape));
        for name in &self.class_names {
            digest.field("class", name.as_bytes());
        }
        for (name, part) in [("train", &self.train), ("validation", &self.validation), ("test", &self.test)] {
            let Samples { x, y, targets } = part;
            digest.field(name, bytemuck::cast_slice(x)).field("labels", bytemuck::cast_slice(y));
            if let Some(targets) = targets {
                digest.field(targets.kind.name(), bytemuck::cast_slice(&targets.values));
            }
        }
        for (place, record) in self.who.places() {
            digest.field(place.portion.name(), record.id().to_string().as_bytes());
            digest.field("subject", record.subject.as_deref().unwrap_or_default().as_bytes());
            if record.planted {
                digest.field("planted", &[]);
            }
        }
        if let Some(graph) = &self.graph {
            add_graph(&mut digest, graph);
        }
        digest.finish()
    }

    /// SHA-256 over the records but those at `gone`, in the order of their file: values as normalised, part, class by
    /// its name, and names; neither rows nor numbers of classes, which are others once the gone records have left their
    /// source. Of records that stand alone.
    pub fn retained_sha256(&self, gone: &HashSet<Place>) -> String {
        let mut digest = Digest::new("unlearn.retained/1");
        let shape: Vec<u64> = self.shape.iter().map(|&d| d as u64).collect();
        digest.field("shape", bytemuck::cast_slice(&shape)).field("key", self.who.key().as_bytes());
        let width = self.width();
        for (place, record) in self.who.places().filter(|(place, _)| !gone.contains(place)) {
            let (part, at) = (self.part(place.portion), place.position as usize);
            digest.field(place.portion.name(), bytemuck::cast_slice(&part.x[at * width..][..width]));
            match &part.targets {
                Some(targets) => digest.field(targets.kind.name(), bytemuck::cast_slice(targets.row(at))),
                None => digest.field("class", self.class_names[part.y[at] as usize].as_bytes()),
            };
            digest.field("name", record.name.as_deref().unwrap_or_default().as_bytes());
            digest.field("subject", record.subject.as_deref().unwrap_or_default().as_bytes());
        }
        digest.finish()
    }
}

impl GraphData {
    /// SHA-256 over the nodes but `gone` (ascending ids, already taken from the graph) in their order, with their
    /// edges: numbers of nodes are places among those that stay, classes and nodes are by their names, so that it is
    /// that of a graph whose files never had the others.
    pub(crate) fn retained_sha256(&self, gone: &[u32], class_names: &[String]) -> String {
        let mut digest = Digest::new("unlearn.retained_nodes/1");
        let stays = |node: &u32| gone.binary_search(node).is_err();
        let place = |node: u32| node - gone.partition_point(|other| *other < node) as u32;
        let (graph, held) = (&self.graph, &self.graph.edge_data);
        digest.field("width", &(graph.features.width as u64).to_le_bytes());
        digest.field("undirected", &[u8::from(graph.undirected)]);
        for node in (0..graph.nodes as u32).filter(stays) {
            let (col, val) = graph.features.row(node as usize);
            digest.field("col", bytemuck::cast_slice(col)).field("val", bytemuck::cast_slice(val));
            let class = class_names.get(self.labels[node as usize] as usize);
            digest.field("class", class.map_or(&[][..], |name| name.as_bytes()));
            let name = self.names.as_ref().map_or(&[][..], |names| names[node as usize].as_bytes());
            digest.field("node", name);
        }
        for (at, [u, v]) in graph.edges.iter().enumerate() {
            digest.field("edge", bytemuck::cast_slice(&[place(*u), place(*v)]));
            if let Some(weight) = &held.weight {
                digest.field("weight", bytemuck::bytes_of(&weight[at]));
            }
            digest.field("features", bytemuck::cast_slice(&held.features[at * held.width..][..held.width]));
        }
        for (name, ids) in [("train", &self.train), ("validation", &self.validation), ("test", &self.test)] {
            let places: Vec<u32> = ids.iter().filter(|id| stays(id)).map(|id| place(*id)).collect();
            digest.field(name, bytemuck::cast_slice(&places));
        }
        digest.finish()
    }
}

fn add_graph(digest: &mut Digest, data: &GraphData) {
    let Graph { nodes, edges, undirected, features, edge_data } = &data.graph;
    digest.field("nodes", &(*nodes as u64).to_le_bytes()).field("edges", bytemuck::cast_slice(edges));
    digest.field("undirected", &[u8::from(*undirected)]);
    let Sparse { width, ptr, col, val, called: _ } = features;
    digest.field("width", &(*width as u64).to_le_bytes());
    digest.field("ptr", bytemuck::cast_slice(ptr)).field("col", bytemuck::cast_slice(col));
    digest.field("val", bytemuck::cast_slice(val));
    if let Some(weight) = &edge_data.weight {
        digest.field("edge_weight", bytemuck::cast_slice(weight));
    }
    if edge_data.width > 0 {
        digest.field("edge_features", bytemuck::cast_slice(&edge_data.features));
    }
    let lists = [("labels", &data.labels), ("train", &data.train), ("validation", &data.validation)];
    for (name, ids) in lists.into_iter().chain([("test", &data.test), ("planted", &data.planted)]) {
        digest.field(name, bytemuck::cast_slice(ids));
    }
    for name in data.names.iter().flatten() {
        digest.field("node", name.as_bytes());
    }
    match &data.records {
        GraphRecords::Nodes => digest.field("records", b"nodes"),
        GraphRecords::Graphs { ptr } => digest.field("graphs", bytemuck::cast_slice(ptr)),
        GraphRecords::Links => digest.field("records", b"links"),
    };
    let Links { validation, test, validation_never, test_never } = &data.held_out;
    let pairs = [("held_out", validation), ("held_out", test), ("never", validation_never), ("never", test_never)];
    for (name, pairs) in pairs.into_iter().chain([("poisoned", &data.poisoned)]) {
        digest.field(name, bytemuck::cast_slice(pairs));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use crate::data::{DataConfig, Dataset, Place, Portion, load};

    fn data(loader: &str) -> Dataset {
        load(&DataConfig::new(loader), Path::new("")).unwrap()
    }

    /// Whatever is changed must be seen; the untouched set keeps its hash.
    #[test]
    fn any_change_of_a_record_shows() {
        let changes: [fn(&mut Dataset); 6] = [
            |d| d.train.x[3] = f32::from_bits(d.train.x[3].to_bits() ^ 1),
            |d| d.test.x[0] += 1.0,
            |d| d.validation.y.push(0),
            |d| d.train.y.swap(0, 1),
            |d| d.class_names.swap(0, 1),
            |d| {
                d.test.x.truncate(d.test.x.len() - d.shape[0]);
                d.test.y.pop();
            },
        ];
        let whole = data("synth");
        assert!(whole.train.y[0] != whole.train.y[1], "a swap of equal labels changes nothing");
        assert_eq!(whole.sha256(), data("synth").sha256());
        for (i, change) in changes.iter().enumerate() {
            let mut other = whole.clone();
            change(&mut other);
            assert_ne!(other.sha256(), whole.sha256(), "change {i}");
        }
    }

    /// A class by another number, and another row, are the same record; anything else is not.
    #[test]
    fn the_retained_are_known_by_what_they_are() {
        let whole = data("synth");
        let all = HashSet::new();
        let hash = whole.retained_sha256(&all);
        let mut other = whole.clone();
        other.class_names.swap(0, 1);
        let swapped = |y: &mut u32| *y = [1, 0].get(*y as usize).copied().unwrap_or(*y);
        [&mut other.train, &mut other.validation, &mut other.test]
            .iter_mut()
            .for_each(|p| p.y.iter_mut().for_each(swapped));
        assert_eq!(other.retained_sha256(&all), hash);
        let gone = HashSet::from([Place { portion: Portion::Test, position: 0 }]);
        let mut left = whole.clone();
        left.leave(&[Place { portion: Portion::Test, position: 0 }]);
        assert_eq!(whole.retained_sha256(&gone), left.retained_sha256(&all));
        assert_ne!(left.retained_sha256(&all), hash);
        let changes: [fn(&mut Dataset); 4] = [
            |d| d.train.x[3] = f32::from_bits(d.train.x[3].to_bits() ^ 1),
            |d| d.test.x[0] += 1.0,
            |d| d.train.y.swap(0, 1),
            |d| d.class_names.swap(0, 1),
        ];
        for (i, change) in changes.iter().enumerate() {
            let mut other = whole.clone();
            change(&mut other);
            assert_ne!(other.retained_sha256(&all), hash, "change {i}");
        }
    }

    #[test]
    fn any_change_of_a_graph_shows() {
        let changes: [fn(&mut crate::data::GraphData); 6] = [
            |g| {
                g.graph.edges.pop();
            },
            |g| g.graph.features.val[0] = 2.0,
            |g| g.labels.swap(0, 33),
            |g| g.test.push(g.train[0]),
            |g| g.graph.edge_data.weight = Some(vec![0.5; g.graph.edges.len()]),
            |g| {
                g.graph.edge_data =
                    crate::data::EdgeData { width: 1, features: vec![0.5; g.graph.edges.len()], ..Default::default() }
            },
        ];
        let whole = data("karate");
        for (i, change) in changes.iter().enumerate() {
            let mut other = whole.clone();
            change(other.graph.as_mut().unwrap());
            assert_ne!(other.sha256(), whole.sha256(), "change {i}");
        }
    }
}
