//! Imports that close a circle.

use std::collections::{BTreeMap, BTreeSet};

/// The edges `a → b` from whose end their start can be reached again.
pub fn circular(edges: &BTreeSet<(usize, usize)>) -> BTreeSet<(usize, usize)> {
    let mut next: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (from, to) in edges {
        next.entry(*from).or_default().push(*to);
    }
    let reaches = |from: usize, to: usize| {
        let (mut seen, mut open) = (BTreeSet::from([from]), vec![from]);
        while let Some(at) = open.pop() {
            if at == to {
                return true;
            }
            open.extend(next.get(&at).into_iter().flatten().filter(|n| seen.insert(**n)));
        }
        false
    };
    edges.iter().filter(|(from, to)| reaches(*to, *from)).copied().collect()
}
