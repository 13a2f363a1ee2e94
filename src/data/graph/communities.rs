//! Divisions of nodes into shards of nearly one size that keep neighbours together (Chen et al., "Graph unlearning",
//! CCS 2022: BLPA and BEKM, algorithms 1 and 2). Either looks at all nodes at once: where one goes may depend on any
//! other.

use std::collections::VecDeque;

use super::Graph;
use crate::base::splitmix::SplitMix64;

/// Passes of label propagation at most, as in the source.
const PROPAGATIONS: usize = 100;

/// Rounds of k-means at most, as in the source.
const ROUNDS: usize = 20;

/// The most nodes that a shard of n / k takes: ⌈n / k + 0.005 (n − n / k)⌉, as in the source.
pub fn cap(nodes: usize, shards: usize) -> usize {
    let even = nodes as f64 / shards.max(1) as f64;
    // A rounding error above a whole number is no further node.
    ((even + 0.005 * (nodes as f64 - even)) - 1e-9).ceil() as usize
}

/// A division under way: the shard of each node, by its place in the list, and how full shards are.
struct Division {
    of: Vec<usize>,
    sizes: Vec<usize>,
    cap: usize,
}

impl Division {
    /// Even, in an order drawn by the seed.
    fn drawn(nodes: usize, shards: usize, seed: u64) -> Division {
        let mut order: Vec<usize> = (0..nodes).collect();
        SplitMix64::new(seed).shuffle(&mut order);
        let (mut of, mut sizes) = (vec![0; nodes], vec![0; shards]);
        for (place, node) in order.into_iter().enumerate() {
            of[node] = place % shards;
            sizes[place % shards] += 1;
        }
        Division { of, sizes, cap: cap(nodes, shards) }
    }

    /// Moves a node where there is room.
    fn moves(&mut self, node: usize, to: usize) -> bool {
        let free = self.sizes[to] < self.cap;
        if free {
            self.sizes[self.of[node]] -= 1;
            self.sizes[to] += 1;
            self.of[node] = to;
        }
        free
    }
}

/// Balanced label propagation: the shard, below `shards`, of each of `nodes` (ids of `graph`, ascending). Edges to
/// other nodes do not count.
pub fn label_propagation(graph: &Graph, nodes: &[u32], shards: usize, seed: u64) -> Vec<usize> {
    let neighbours = neighbours(graph, nodes);
    let mut division = Division::drawn(nodes.len(), shards, seed);
    for _ in 0..PROPAGATIONS {
        if !propagate(&neighbours, &mut division) {
            break;
        }
    }
    division.of
}

/// One pass: every node that has more neighbours in another shard than in its own asks to go there, those with the most
/// first; where a shard is full it waits until somebody leaves. Whether anybody moved.
fn propagate(neighbours: &[Vec<usize>], division: &mut Division) -> bool {
    let shards = division.sizes.len();
    let mut wishes: Vec<(usize, usize, usize)> = Vec::new();
    let mut counts = vec![0_usize; shards];
    for (node, others) in neighbours.iter().enumerate() {
        counts.fill(0);
        others.iter().for_each(|other| counts[division.of[*other]] += 1);
        // The first of equal ones.
        let best = (0..shards).max_by_key(|shard| (counts[*shard], std::cmp::Reverse(*shard))).unwrap_or(0);
        if counts[best] > counts[division.of[node]] {
            wishes.push((counts[best], node, best));
        }
    }
    wishes.sort_by_key(|(count, node, _)| (std::cmp::Reverse(*count), *node));
    let mut waiting: Vec<VecDeque<usize>> = vec![VecDeque::new(); shards];
    let mut moved = false;
    for (_, node, to) in wishes {
        let mut left = division.of[node];
        if !division.moves(node, to) {
            waiting[to].push_back(node);
            continue;
        }
        moved = true;
        // Somebody may have waited for the place that is free now, and leave one in turn.
        while let Some(next) = waiting[left].pop_front() {
            let from = division.of[next];
            division.moves(next, left);
            left = from;
        }
    }
    moved
}

/// The neighbours of each of `nodes` among them, by places in the list, in either direction, each once.
fn neighbours(graph: &Graph, nodes: &[u32]) -> Vec<Vec<usize>> {
    let place = |id: u32| nodes.binary_search(&id).ok();
    let mut all = vec![Vec::new(); nodes.len()];
    for [source, target] in &graph.edges {
        if let (Some(a), Some(b)) = (place(*source), place(*target))
            && a != b
        {
            all[a].push(b);
            all[b].push(a);
        }
    }
    for list in &mut all {
        list.sort_unstable();
        list.dedup();
    }
    all
}

/// Balanced k-means: the shard, below `shards`, of each row of `rows` `[nodes, width]`. Of all pairs of a row and a
/// centre the nearest come first, and a full shard takes no more.
pub fn k_means(rows: &[f64], width: usize, shards: usize, seed: u64) -> Vec<usize> {
    let row: Vec<&[f64]> = rows.chunks_exact(width.max(1)).collect();
    let mut order: Vec<usize> = (0..row.len()).collect();
    SplitMix64::new(seed).shuffle(&mut order);
    let mut centres: Vec<Vec<f64>> = order.iter().cycle().take(shards).map(|at| row[*at].to_vec()).collect();
    let mut of = Vec::new();
    for _ in 0..ROUNDS {
        let next = assigned(&row, &centres);
        if next == of {
            break;
        }
        of = next;
        for (shard, centre) in centres.iter_mut().enumerate() {
            let own: Vec<&&[f64]> = row.iter().zip(&of).filter(|(_, at)| **at == shard).map(|(row, _)| row).collect();
            // One without rows stays where it was.
            for (i, value) in centre.iter_mut().enumerate().filter(|_| !own.is_empty()) {
                *value = own.iter().map(|row| row[i]).sum::<f64>() / own.len() as f64;
            }
        }
    }
    of
}

fn assigned(rows: &[&[f64]], centres: &[Vec<f64>]) -> Vec<usize> {
    let far = |row: &[f64], centre: &[f64]| row.iter().zip(centre).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    let mut pairs: Vec<(f64, usize, usize)> = Vec::with_capacity(rows.len() * centres.len());
    for (node, row) in rows.iter().enumerate() {
        pairs.extend(centres.iter().enumerate().map(|(shard, centre)| (far(row, centre), node, shard)));
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let (most, mut sizes) = (cap(rows.len(), centres.len()), vec![0; centres.len()]);
    let mut of = vec![usize::MAX; rows.len()];
    for (_, node, shard) in pairs {
        if of[node] == usize::MAX && sizes[shard] < most {
            (of[node], sizes[shard]) = (shard, sizes[shard] + 1);
        }
    }
    of
}

/// Numbers of an embedding that k-means goes by.
pub const EMBEDDING: usize = 32;

/// What k-means goes by, `[nodes, EMBEDDING]`: features under a random projection, averaged twice over each node and
/// its neighbours. It takes the place of the source's trained embedding, and is as deterministic as the seed.
pub fn embedding(graph: &Graph, nodes: &[u32], seed: u64) -> Vec<f64> {
    let mut rng = SplitMix64::new(seed);
    let projection: Vec<f64> = (0..graph.features.width * EMBEDDING).map(|_| rng.normal()).collect();
    let mut rows = vec![0.0; nodes.len() * EMBEDDING];
    for (row, node) in rows.chunks_exact_mut(EMBEDDING).zip(nodes) {
        let (columns, values) = graph.features.row(*node as usize);
        for (column, value) in columns.iter().zip(values) {
            let along = &projection[*column as usize * EMBEDDING..][..EMBEDDING];
            row.iter_mut().zip(along).for_each(|(sum, p)| *sum += f64::from(*value) * p);
        }
    }
    let neighbours = neighbours(graph, nodes);
    for _ in 0..2 {
        let before = rows.clone();
        for (node, row) in rows.chunks_exact_mut(EMBEDDING).enumerate() {
            for other in &neighbours[node] {
                let other = &before[other * EMBEDDING..][..EMBEDDING];
                row.iter_mut().zip(other).for_each(|(sum, value)| *sum += value);
            }
            let count = (neighbours[node].len() + 1) as f64;
            row.iter_mut().for_each(|sum| *sum /= count);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::graph::Sparse;

    /// Groups of nodes that are all joined to each other, group g of nodes g, g + groups, …; neighbouring groups by one
    /// edge. A node's only feature is its group.
    fn groups(count: u32, size: u32) -> Graph {
        let mut edges = Vec::new();
        for g in 0..count {
            let member = |i: u32| g + i * count;
            for i in 0..size {
                edges.extend((0..size).filter(|j| *j != i).map(|j| [member(i), member(j)]));
            }
            let next = (g + 1) % count;
            edges.extend([[g, next], [next, g]]);
        }
        edges.sort_by_key(|[source, target]| (*target, *source));
        edges.dedup();
        let nodes = (count * size) as usize;
        let features = Sparse::from_rows(count as usize, (0..count * size).map(|v| vec![(v % count, 1.0)]));
        Graph { nodes, edges, undirected: true, features, ..Graph::default() }
    }

    fn inside(graph: &Graph, of: &[usize]) -> f64 {
        let kept = graph.edges.iter().filter(|[u, v]| of[*u as usize] == of[*v as usize]).count();
        kept as f64 / graph.edges.len() as f64
    }

    #[test]
    fn a_cap_is_the_sources() {
        // 0.005 · (1000 − 100) = 4.5 above 100.
        assert_eq!([cap(1000, 10), cap(200, 1), cap(201, 2), cap(7, 3)], [105, 200, 102, 3]);
    }

    #[test]
    fn shards_keep_groups_together_and_stay_under_the_cap() {
        let graph = groups(4, 15);
        let nodes: Vec<u32> = (0..graph.nodes as u32).collect();
        for seed in 0..5 {
            let drawn = Division::drawn(60, 4, seed).of;
            let embedded = embedding(&graph, &nodes, seed);
            let both = [label_propagation(&graph, &nodes, 4, seed), k_means(&embedded, EMBEDDING, 4, seed)];
            // Full shards that wait for each other stop the propagation, as in the source; a real graph has more room.
            for ((name, more), of) in [("BLPA", 0.0), ("BEKM", 0.2)].into_iter().zip(&both) {
                let size = |shard: usize| of.iter().filter(|at| **at == shard).count();
                assert!((0..4).all(|shard| size(shard) <= cap(60, 4)), "{name}: {of:?}");
                assert!(of.iter().all(|shard| *shard < 4), "{name}: every node is somewhere");
                let (kept, by_chance) = (inside(&graph, of), inside(&graph, &drawn));
                assert!(
                    kept > by_chance + more,
                    "{name}, seed {seed}: {kept:.2} of the edges, {by_chance:.2} by chance"
                );
            }
            assert_eq!(both[0], label_propagation(&graph, &nodes, 4, seed));
        }
    }

    #[test]
    fn edges_of_other_nodes_do_not_count_and_few_nodes_are_enough() {
        let graph = groups(2, 6);
        let even: Vec<u32> = (0..12).step_by(2).collect();
        // All of one group: nothing pulls them apart or together but the cap.
        let of = label_propagation(&graph, &even, 2, 1);
        assert_eq!((of.len(), of.iter().filter(|shard| **shard == 0).count()), (6, 3));
        assert_eq!(label_propagation(&graph, &[3], 1, 0), [0]);
        assert!(label_propagation(&graph, &[], 3, 0).is_empty() && k_means(&[], 4, 3, 0).is_empty());
    }
}
