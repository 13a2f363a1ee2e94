//! What the records of a data set are called, whatever they are.

use super::resolved::Who;
use super::{Dataset, GraphRecords, Id, Identity, Naming, Place, Portion, RecordKind, Samples};

impl Dataset {
    /// A part.
    pub fn part(&self, portion: Portion) -> &Samples {
        match portion {
            Portion::Train => &self.train,
            Portion::Validation => &self.validation,
            Portion::Test => &self.test,
        }
    }

    /// The places of a part, in order.
    pub fn places(&self, portion: Portion) -> impl Iterator<Item = Place> {
        (0..self.part(portion).len() as u32).map(move |position| Place { portion, position })
    }

    /// The place of the record that the data call so; none of a node or a pair of nodes, which requests find by
    /// themselves.
    pub fn find(&self, id: &Id) -> Option<Place> {
        match (self.kind(), id) {
            (RecordKind::Row, _) => self.who.find(id),
            (RecordKind::Graph, Id::Number(number)) => Portion::ALL.into_iter().find_map(|portion| {
                let at = self.listed(portion).iter().position(|id| u64::from(*id) == *number)?;
                Some(Place { portion, position: at as u32 })
            }),
            _ => None,
        }
    }

    /// The same where several records may be called so: windows of a document.
    pub fn find_all(&self, id: &Id) -> Vec<Place> {
        match self.kind() {
            RecordKind::Row => self.who.find_all(id),
            _ => self.find(id).into_iter().collect(),
        }
    }

    /// What the data call a record.
    pub fn id(&self, place: Place) -> Id {
        match self.kind() {
            RecordKind::Row => self.who.of(place).id(),
            RecordKind::Node => self.node_id(self.listed(place.portion)[place.position as usize]),
            RecordKind::Graph => Id::Number(u64::from(self.listed(place.portion)[place.position as usize])),
            RecordKind::Link => self.link_id(place),
        }
    }

    /// What the data call a training record that is known by its number in [`Dataset::train_ids`].
    pub fn train_id(&self, number: u32) -> Id {
        let position = match self.kind() {
            RecordKind::Row | RecordKind::Link => number,
            _ => self.listed(Portion::Train).binary_search(&number).unwrap_or(0) as u32,
        };
        self.id(Place { portion: Portion::Train, position })
    }

    /// What the data call a node.
    pub fn node_id(&self, node: u32) -> Id {
        let names = self.graph.as_ref().and_then(|graph| graph.names.as_ref());
        names.map_or(Id::Number(u64::from(node)), |names| Id::Name(names[node as usize].clone()))
    }

    /// What the data call a pair of nodes.
    pub fn pair_id(&self, [u, v]: [u32; 2]) -> Id {
        match (self.node_id(u), self.node_id(v)) {
            (Id::Name(u), Id::Name(v)) => Id::Pair([u, v]),
            _ => Id::Edge([u64::from(u), u64::from(v)]),
        }
    }

    /// A record in words.
    pub fn describe(&self, place: Place) -> Who {
        let class = self.part(place.portion).y[place.position as usize];
        let row = self.graph.is_none().then(|| self.who.of(place).row);
        let class = self.class_names.get(class as usize).filter(|_| self.targets.is_none()).cloned();
        Who { id: self.id(place), row, class, split: Some(place.portion), span: None }
    }

    /// The share of the commonest token among those that training texts predict; 0 where records are no texts.
    pub fn commonest_token(&self) -> f64 {
        let mut counts = vec![0usize; if self.tokenizer.is_some() { self.classes } else { 0 }];
        let width = self.width();
        for (_, token) in self.train.x.iter().enumerate().filter(|(at, token)| at % width > 0 && **token >= 0.0) {
            if let Some(count) = counts.get_mut(*token as usize) {
                *count += 1;
            }
        }
        let all: usize = counts.iter().sum();
        counts.iter().max().map_or(0.0, |most| *most as f64 / all.max(1) as f64)
    }

    /// Who a record is; none where records are on a graph.
    pub fn identity(&self, place: Place) -> Option<&Identity> {
        self.graph.is_none().then(|| self.who.of(place))
    }

    /// What ids are, and how many there are, in words.
    pub fn what_ids_are(&self) -> String {
        let part = |portion| self.part(portion).len();
        let count = format!(
            "{} training, {} validation and {} test records",
            part(Portion::Train),
            part(Portion::Validation),
            part(Portion::Test)
        );
        match (self.kind(), &self.who.naming) {
            (RecordKind::Row, Naming::Rows) => {
                let (rows, name) = (self.who.rows(), &self.name);
                format!("ids are rows of the source, 0 to {} of `{name}` ({count})", rows.saturating_sub(1))
            }
            (RecordKind::Row, _) => format!("an id is the {} of a record ({count})", self.who.key()),
            (kind, _) => format!("ids are numbers of {}s ({count})", kind.name()),
        }
    }

    /// The number of a record: as in [`Dataset::train_ids`], in any part.
    pub(super) fn number(&self, place: Place) -> u32 {
        self.listed(place.portion).get(place.position as usize).copied().unwrap_or(place.position)
    }

    /// Where a record is from: the part and the row of its file; of a record on a graph, its number.
    pub fn origin(&self, place: Place) -> (Portion, u64) {
        match self.identity(place) {
            Some(record) => (record.source, record.row),
            None => (Portion::Train, u64::from(self.number(place))),
        }
    }

    /// The place of a node that is a record.
    pub(super) fn place_of_node(&self, node: u32) -> Option<Place> {
        if self.kind() != RecordKind::Node {
            return None;
        }
        Portion::ALL.into_iter().find_map(|portion| {
            let position = self.listed(portion).binary_search(&node).ok()?;
            Some(Place { portion, position: position as u32 })
        })
    }

    /// Ids of a part's records on a graph.
    fn listed(&self, portion: Portion) -> &[u32] {
        let Some(graph) = &self.graph else { return &[] };
        match portion {
            Portion::Train => &graph.train,
            Portion::Validation => &graph.validation,
            Portion::Test => &graph.test,
        }
    }

    fn link_id(&self, place: Place) -> Id {
        let Some(graph) = self.graph.as_ref().filter(|graph| graph.records == GraphRecords::Links) else {
            return Id::Number(u64::from(place.position));
        };
        let (held, at) = (&graph.held_out, place.position as usize);
        let pair = match place.portion {
            Portion::Train => graph.graph.distinct_edges().get(at).copied(),
            Portion::Validation => held.validation.iter().chain(&held.validation_never).nth(at).copied(),
            Portion::Test => held.test.iter().chain(&held.test_never).nth(at).copied(),
        };
        pair.map_or(Id::Number(at as u64), |pair| self.pair_id(pair))
    }
}
