//! Records that hold the same input and the same label: where one is forgotten, the other still teaches it.

use std::collections::HashMap;

use super::identity::Key;
use super::{Dataset, Place, Portion};

/// Groups of identical records. On a graph there are none: what a node is lies in its neighbours too.
pub struct Twins {
    groups: Vec<Vec<Place>>,
    /// The group of each record that has twins.
    of: HashMap<Place, usize>,
}

impl Twins {
    /// Finds them in all parts.
    pub fn of(data: &Dataset) -> Twins {
        let mut alike: HashMap<u64, Vec<Vec<Place>>> = HashMap::new();
        let all = Portion::ALL.into_iter().flat_map(|portion| data.places(portion));
        for place in all.filter(|_| data.graph.is_none()) {
            let (x, y) = record(data, place);
            let key = Key::of(x.iter().map(|value| u64::from(value.to_bits())).chain([u64::from(y)]));
            let candidates = alike.entry(key.number()).or_default();
            match candidates.iter_mut().find(|group| record(data, group[0]) == (x, y)) {
                Some(group) => group.push(place),
                None => candidates.push(vec![place]),
            }
        }
        let mut groups: Vec<Vec<Place>> = alike.into_values().flatten().filter(|group| group.len() > 1).collect();
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

fn record(data: &Dataset, place: Place) -> (&[f32], u32) {
    let (part, width, at) = (data.part(place.portion), data.width(), place.position as usize);
    (&part.x[at * width..][..width], part.y[at])
}
