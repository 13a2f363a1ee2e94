//! A part of a graph that stands for the whole: what a shard is trained on, and what it is asked with.

use super::{Graph, GraphData, GraphRecords, Links, Sparse};
use crate::data::{Dataset, Samples, TwinsOnce};

impl Graph {
    /// The graph on some nodes, ascending, with the edges among them (self-loops of the data too) and nothing else; the
    /// first of them is node 0.
    pub fn induced(&self, nodes: &[u32]) -> Graph {
        let place = |id: u32| nodes.binary_search(&id).ok().map(|at| at as u32);
        let (mut edges, mut kept) = (Vec::new(), Vec::new());
        for (at, [source, target]) in self.edges.iter().enumerate() {
            if let (Some(source), Some(target)) = (place(*source), place(*target)) {
                edges.push([source, target]);
                kept.push(at);
            }
        }
        let row = |id: &u32| {
            let (columns, values) = self.features.row(*id as usize);
            columns.iter().copied().zip(values.iter().copied()).collect()
        };
        let rows = Sparse::from_rows(self.features.width, nodes.iter().map(row));
        let features = Sparse { called: self.features.called.clone(), ..rows };
        let edge_data = self.edge_data.pick(&kept);
        Graph { nodes: nodes.len(), edges, undirected: self.undirected, features, edge_data }
    }

    /// Leaves the messages of nodes that speak, and those of nodes to themselves.
    fn hear(&mut self, speaks: impl Fn(u32) -> bool) {
        let heard = |[source, target]: &[u32; 2]| speaks(*source) || source == target;
        let kept: Vec<usize> = (0..self.edges.len()).filter(|at| heard(&self.edges[*at])).collect();
        self.undirected &= kept.len() == self.edges.len();
        self.edge_data = self.edge_data.pick(&kept);
        self.edges = kept.iter().map(|at| self.edges[*at]).collect();
    }
}

impl Dataset {
    /// Leaves nothing but the training nodes `own`, ascending ids, and the edges among them: no other node is there to
    /// be heard, measured or counted. They are known by what the data call them. Of a graph whose records are nodes.
    pub fn induce(&mut self, own: &[u32]) {
        let Some(data) = self.graph.as_ref().filter(|graph| graph.records == GraphRecords::Nodes) else { return };
        let name = |id: &u32| match &data.names {
            Some(names) => names[*id as usize].clone(),
            None => id.to_string(),
        };
        let place = |id: &u32| own.binary_search(id).ok().map(|at| at as u32);
        let pair = |[u, v]: &[u32; 2]| Some([place(u)?, place(v)?]);
        let labels: Vec<u32> = own.iter().map(|id| data.labels[*id as usize]).collect();
        let induced = GraphData {
            graph: data.graph.induced(own),
            train: (0..own.len() as u32).collect(),
            validation: vec![],
            test: vec![],
            records: GraphRecords::Nodes,
            held_out: Links::default(),
            planted: data.planted.iter().filter_map(place).collect(),
            names: Some(own.iter().map(name).collect()),
            columns: data.columns,
            poisoned: data.poisoned.iter().filter_map(pair).collect(),
            labels: labels.clone(),
        };
        self.train = Samples { y: labels, ..Samples::default() };
        (self.validation, self.test) = (Samples::default(), Samples::default());
        self.twins = TwinsOnce::default();
        self.graph = Some(induced);
    }

    /// The graph as a shard is asked with it: every node is there and is told something, but of the training nodes only
    /// the shard's own, ascending ids, are heard. Ids are what they were.
    pub fn attach(&mut self, own: &[u32]) {
        let Some(data) = self.graph.as_mut().filter(|graph| graph.records == GraphRecords::Nodes) else { return };
        let train = &data.train;
        data.graph.hear(|node| own.binary_search(&node).is_ok() || train.binary_search(&node).is_err());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::data::{DataConfig, load};

    #[test]
    fn a_part_has_its_own_nodes_and_edges_and_nothing_of_the_others() {
        let whole = load(&DataConfig::new("karate"), Path::new("")).unwrap();
        let graph = whole.graph.as_ref().unwrap();
        let own: Vec<u32> = graph.train.iter().copied().step_by(2).collect();
        let mut part = whole.clone();
        part.induce(&own);
        let data = part.graph.as_ref().unwrap();
        assert_eq!((data.graph.nodes, part.train.len(), part.test.len()), (own.len(), own.len(), 0));
        let among = |[u, v]: &&[u32; 2]| own.contains(u) && own.contains(v);
        assert_eq!(data.graph.edges.len(), graph.graph.edges.iter().filter(among).count());
        assert!(data.graph.edges.is_sorted_by_key(|[source, target]| (*target, *source)));
        for [u, v] in &data.graph.edges {
            assert!(graph.graph.has_edge(own[*u as usize], own[*v as usize]));
        }
        assert_eq!(part.node_id(1).to_string(), format!("{}", crate::data::Id::Name(own[1].to_string())));
        assert_eq!(data.labels[1], graph.labels[own[1] as usize]);
    }

    #[test]
    fn of_the_training_nodes_only_a_shards_own_are_heard() {
        let whole = load(&DataConfig::new("karate"), Path::new("")).unwrap();
        let graph = whole.graph.clone().unwrap();
        let own: Vec<u32> = graph.train.iter().copied().step_by(2).collect();
        let mut asked = whole.clone();
        asked.attach(&own);
        let heard = asked.graph.unwrap();
        let speaks = |node: u32| own.contains(&node) || !graph.train.contains(&node);
        let expected: Vec<[u32; 2]> = graph.graph.edges.iter().copied().filter(|[u, _]| speaks(*u)).collect();
        assert_eq!(heard.graph.edges, expected);
        assert_eq!((heard.graph.nodes, &heard.test), (graph.graph.nodes, &graph.test));
    }
}
