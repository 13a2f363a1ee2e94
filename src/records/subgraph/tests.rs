//! Parts of a graph: which edges are in them, and that what pads them changes nothing.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::*;
use crate::data::{self, DataConfig, Dataset, GraphData, GraphRecords, Known, Training};
use crate::engine::Engine;
use crate::nn::{Mode, Model, ModelConfig, Sink};
use crate::records::batch::{Load, Shape};
use crate::records::graphs::Graphs;
use crate::records::nodes::Nodes;
use crate::records::{Part, Session};

/// Sources of the in-edges of 6 nodes, self-loops included.
const ROWS: [&[u32]; 6] = [&[0, 1, 2, 3, 4], &[0, 1], &[0, 2], &[2, 3, 4], &[4], &[0, 5]];
/// The self-loop of 2 is the graph's own; the edges from 2 to 3 and from 1 to 0 were deleted.
const WEIGHTS: [f32; 15] = [0., 0., 1., 1., 1., 1., 0., 1., 1., 0., 0., 1., 0., 1., 0.];

fn rows(lists: &[&[u32]]) -> Sparsity {
    let ends = lists.iter().scan(0, |end, row| {
        *end += row.len() as u32;
        Some(*end)
    });
    Sparsity { ptr: std::iter::once(0).chain(ends).collect(), idx: lists.concat() }
}

/// A generator whose numbers the tests need not know.
fn draws(seed: u32) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |n| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as usize % n.max(1)
    }
}

/// The id of each node of a part, found from its edges; `None` where none touches it.
fn ids(part: &SubGraph, whole: &Sparsity) -> HashMap<u32, u32> {
    let target = |e: u32| (0..whole.rows() as u32).find(|v| whole.row(*v).contains(&(e as usize))).expect("a row");
    let mut ids = HashMap::new();
    for v in 0..part.rows() as u32 {
        for k in part.edges.row(v) {
            let e = part.edge_of[k];
            for (local, id) in [(v, target(e)), (part.edges.idx[k], whole.idx[e as usize])] {
                assert_eq!(*ids.entry(local).or_insert(id), id, "node {local} of the part is two nodes");
            }
        }
    }
    ids
}

#[test]
fn a_sampled_part_holds_edges_of_the_graph_between_distinct_nodes_and_begins_with_the_seeds() {
    let edges = rows(&ROWS);
    let features = rows(&[&[0], &[1, 2], &[], &[0, 2], &[1], &[2]]);
    let whole = Whole { edges: &edges, weight: &WEIGHTS, features: &features };
    let mut seen = BTreeSet::new();
    for seed in 0..200 {
        let part = SubGraph::sampled(&whole, &[0, 5], &[2, 1], draws(seed));
        let ids = ids(&part, &edges);
        assert_eq!((part.seeds.as_slice(), ids[&0], ids[&1]), (&[0, 1][..], 0, 5));
        assert_eq!(ids.values().collect::<BTreeSet<_>>().len(), part.rows(), "a node came twice");
        for v in 0..part.rows() as u32 {
            let row = &part.edges.idx[part.edges.row(v)];
            let own = row.iter().filter(|u| **u == v).count();
            let most = if v < 2 { 2 } else { 1 };
            assert!(row.is_empty() || (own == 1 && row.len() <= most + 1), "row {v}: {row:?}");
            assert_eq!(row.iter().collect::<BTreeSet<_>>().len(), row.len(), "an edge came twice");
            let of = part.edges.row(v).map(|k| part.edge_of[k]);
            assert!(of.clone().is_sorted(), "the order of a sum");
            assert!(of.clone().all(|e| whole.takes_part(ids[&v], e as usize)), "a deleted edge");
            let (want, got) = (features.row(ids[&v]), part.features.row(v));
            assert_eq!(part.features.idx[got.clone()], features.idx[want.clone()]);
            assert!(want.eq(part.value_of[got].iter().map(|k| *k as usize)), "values of another node");
        }
        seen.extend(part.edges.idx[part.edges.row(0)].iter().map(|u| ids[u]));
    }
    assert_eq!(seen, BTreeSet::from([0, 2, 3, 4]), "every neighbour is drawn at times, none else ever");
}

#[test]
fn a_fanout_beyond_every_degree_takes_all_that_takes_part() {
    let edges = rows(&ROWS);
    let whole = Whole { edges: &edges, weight: &WEIGHTS, features: &rows(&[&[] as &[u32]; 6]) };
    let part = SubGraph::sampled(&whole, &[3, 1], &[9, 9, 9], draws(1));
    let ids = ids(&part, &edges);
    for v in 0..part.rows() as u32 {
        let row: Vec<u32> = part.edges.row(v).map(|k| part.edge_of[k]).collect();
        let all = edges.row(ids[&v]).filter(|e| whole.takes_part(ids[&v], *e));
        assert_eq!(row, all.map(|e| e as u32).collect::<Vec<_>>(), "node {}", ids[&v]);
    }
    assert_eq!(ids.values().copied().collect::<BTreeSet<_>>(), BTreeSet::from([0, 1, 2, 3, 4]));
    assert_eq!(part, SubGraph::sampled(&whole, &[3, 1], &[9, 9, 9], draws(1)));
}

fn communities() -> Dataset {
    let mut config = DataConfig::new("sbm");
    (config.nodes, config.classes, config.features) = (Some(60), Some(3), Some(9));
    (config.p_in, config.p_out) = (Some(0.3), Some(0.05));
    data::load(&config, Path::new(".")).expect("a block model")
}

/// The same nodes as ten graphs of six.
fn collection(data: &GraphData) -> GraphData {
    let mut graph = data.graph.clone();
    graph.edges.retain(|[u, v]| u / 6 == v / 6);
    GraphData {
        graph,
        records: GraphRecords::Graphs { ptr: (0..=10).map(|g| 6 * g).collect() },
        labels: (0..10).map(|g| g % 3).collect(),
        train: (0..10).collect(),
        validation: vec![],
        ..data.clone()
    }
}

/// Loss and gradient of a batch, in f64.
fn step(session: &mut Session, load: Load) -> Vec<f64> {
    let mut rec = session.recording();
    let scored = session.record_scored(&mut rec, Part::Train, &load.shape, Mode::Eval, None).expect("a forward pass");
    let sink = Sink::Mean { grad: session.grad, scale: 1.0, accumulate: false };
    let (theta, grad) = (session.theta, session.grad);
    session.model.backward(&mut rec, theta, &scored.tape, scored.dlogits, None, sink).expect("a backward pass");
    let sums = session.engine.alloc("sums", 2).expect("memory");
    scored.record_sums(&mut rec, sums);
    let program = session.compile(rec).expect("a valid recording");
    session.engine.run(&program, &load.inputs).expect("the twins run");
    let twins = session.engine.as_reference().expect("the reference engine");
    let all = [twins.load(grad.any()).f().to_vec(), twins.load(sums.any()).f().to_vec()].concat();
    assert!(all.iter().all(|v| v.is_finite()) && all.iter().any(|v| *v != 0.0));
    all
}

/// The same batch without anything added.
fn exact(data: &GraphData, records: &[u32], fanout: &[usize], hops: usize) -> Load {
    let mut engine = Engine::reference();
    let training = Training::graph(data);
    match training.known() {
        Known::Graphs(seen, ranges) => {
            let all = Graphs::upload(&mut engine, seen, ranges, None, hops).expect("memory");
            let made = all.blocks(all.graph.side(Part::Train), records);
            all.graph.exact_load(records, made, false)
        }
        Known::Nodes(seen) => {
            let all = Nodes::upload(&mut engine, seen, None, hops).expect("memory");
            let made = all.sampled(Part::Train, records, fanout, draws(5));
            all.graph.exact_load(records, made, true)
        }
        Known::Rows { .. } | Known::Links(..) => panic!("a graph"),
    }
}

/// A batch as training takes it, and the same without anything added.
fn padded_and_exact(session: &Session, data: &GraphData, records: &[u32], fanout: &[usize]) -> [Load; 2] {
    let padded = session.load_step(Part::Train, records, fanout, draws(5));
    let exact = exact(data, records, fanout, session.model.hops());
    let size = |load: &Load| match &load.shape {
        Shape::Part { size, .. } => *size,
        shape => panic!("{shape:?}"),
    };
    let [more, less] = [size(&padded), size(&exact)];
    assert!(more.rows > less.rows && more.edges > less.edges && more.values > less.values, "{more:?} {less:?}");
    [padded, exact]
}

const OVER_NODES: [&str; 6] = [
    "{type='graph_conv',out=4},{type='relu'},{type='graph_conv'}",
    "{type='sage_conv',out=4},{type='relu'},{type='sage_conv',aggr='max'}",
    "{type='sage_conv',out=4,aggr='max'},{type='relu'},{type='sage_conv'}",
    "{type='gin_conv',out=4},{type='relu'},{type='gin_conv'}",
    "{type='gat_conv',out=4,heads=2},{type='elu'},{type='gat_conv'}",
    "{type='sgc',k=2}",
];

const OVER_GRAPHS: [&str; 3] = [
    "{type='gin_conv',out=4},{type='relu'},{type='readout',kind='sum'},{type='linear'}",
    "{type='graph_conv',out=4},{type='relu'},{type='readout',kind='mean'},{type='linear'}",
    "{type='gat_conv',out=4},{type='readout',kind='max'},{type='linear'}",
];

#[test]
fn padding_changes_neither_loss_nor_gradient() {
    let data = communities();
    let nodes = data.graph.as_ref().expect("a graph");
    let graphs = collection(nodes);
    let trials = OVER_NODES.iter().map(|layers| (layers, nodes, &[3, 2][..]));
    for (layers, graph, fanout) in trials.chain(OVER_GRAPHS.iter().map(|layers| (layers, &graphs, &[][..]))) {
        let config: ModelConfig = toml::from_str(&format!("layers = [{layers}]")).expect("TOML");
        let model = Model::build(&config, &data.shape, data.classes).expect(layers);
        let mut engine = Engine::reference();
        let mut session = Session::on_graph(&mut engine, &model, graph, None, &model.init(3)).expect("a session");
        let [padded, exact] = padded_and_exact(&session, graph, &graph.train[..7], fanout);
        assert_eq!(step(&mut session, padded), step(&mut session, exact), "{layers}");
    }
}
