//! Sessions over the graphs of `assets/parity/graph` against what PyTorch Geometric computed for them, records by their
//! ids.

use std::path::Path;
use unlearn::statistics;

use unlearn::Result;
use unlearn::data::{EdgeData, Graph, GraphData, GraphRecords, Sparse};
use unlearn::engine::Engine;
use unlearn::harness::parity::graph_fixture::{GraphFixture, Task, load_graphs};
use unlearn::harness::parity::{Gap, relative_error};
use unlearn::records::{Part, Records, Session};

/// Every fixture of `assets/parity/graph`.
pub fn fixtures() -> Vec<GraphFixture> {
    load_graphs(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/parity/graph")).expect("the graph fixtures")
}

/// The fixture as data. Nodes that are not trained on are test nodes, whose labels a session does not know.
pub fn data(f: &GraphFixture) -> GraphData {
    let row = |v: usize| {
        let row = f.x[v * f.features..(v + 1) * f.features].iter().enumerate();
        row.filter(|(_, x)| **x != 0.0).map(|(c, x)| (c as u32, *x)).collect()
    };
    let features = Sparse::from_rows(f.features, (0..f.nodes).map(row));
    let undirected = f.edges.iter().all(|[u, v]| f.edges.contains(&[*v, *u]));
    let graph = Graph::carrying(f.nodes, pairs(f), undirected, features, &carried(f), &|at| format!("edge {at}"));
    let graph = graph.expect("a graph");
    assert_eq!(graph.edges, f.edges);
    match f.task {
        Task::Node => {
            let test = (0..f.nodes as u32).filter(|v| !f.train.contains(v)).collect();
            GraphData { graph, labels: f.labels.clone(), train: f.train.clone(), test, ..Default::default() }
        }
        Task::Graph => {
            let first = |g: usize| f.batch.iter().filter(|of| (**of as usize) < g).count() as u32;
            let ptr = (0..=f.labels.len()).map(first).collect();
            let (records, labels) = (GraphRecords::Graphs { ptr }, f.labels.clone());
            GraphData { graph, labels, train: self::records(f), records, ..Default::default() }
        }
    }
}

/// The edges in the order of the file.
fn pairs(f: &GraphFixture) -> Vec<[u32; 2]> {
    let (sources, targets) = f.tensors["edges"].values.split_at(f.edges.len());
    sources.iter().zip(targets).map(|(u, v)| [*u as u32, *v as u32]).collect()
}

/// What they carry.
fn carried(f: &GraphFixture) -> EdgeData {
    let values = |name| f.tensors.get(name).map(unlearn::harness::parity::Tensor::f32);
    let features: Vec<f32> = values("edge_attr").unwrap_or_default();
    EdgeData { weight: values("weight"), width: features.len() / f.edges.len(), features }
}

/// Ids of what is trained on.
pub fn records(f: &GraphFixture) -> Vec<u32> {
    if f.task == Task::Node { f.train.clone() } else { (0..f.labels.len() as u32).collect() }
}

/// Compares some quantity of the given records.
pub type Measure = fn(&mut Session, &GraphFixture, &[u32]) -> Result<Vec<Gap>>;

/// What is compared.
pub const QUANTITIES: &[(&str, Measure)] =
    &[("logits", logits), ("loss", loss), ("gradient", gradient), ("per_sample", per_sample), ("fisher", fisher)];

/// Compares one quantity of a fixture on an engine.
pub fn measure(engine: &mut Engine, f: &GraphFixture, quantity: Measure) -> Result<Vec<Gap>> {
    let mut session = Session::on_graph(engine, &f.model, &data(f), None, &f.theta()?)?;
    quantity(&mut session, f, &records(f))
}

fn gap(tensor: &str, record: Option<usize>, error: f64) -> Gap {
    Gap { tensor: tensor.to_owned(), record, error }
}

/// Of all nodes, those that are not trained on too.
fn logits(s: &mut Session, f: &GraphFixture, _: &[u32]) -> Result<Vec<Gap>> {
    let want = f.tensor("logits")?;
    let all: Vec<u32> = (0..want.shape[0] as u32).collect();
    let got = statistics::logits(s, Records { part: Part::Train, indices: &all })?;
    Ok(vec![gap("logits", None, relative_error(&got, &want.values))])
}

/// Each record's own, and their mean.
fn loss(s: &mut Session, f: &GraphFixture, records: &[u32]) -> Result<Vec<Gap>> {
    let want = &f.tensor("loss")?.values;
    let mean = want.iter().sum::<f64>() / want.len() as f64;
    let mut gaps =
        vec![gap("loss", None, relative_error(&[statistics::score(s, Records::train(records))?.loss as f32], &[mean]))];
    for (i, (id, want)) in records.iter().zip(want).enumerate() {
        let got = statistics::score(s, Records::train(&[*id]))?.loss as f32;
        gaps.push(gap("loss", Some(i), relative_error(&[got], &[*want])));
    }
    Ok(gaps)
}

/// One comparison for each parameter of a flat vector.
fn each(s: &Session, f: &GraphFixture, kind: &str, flat: &[f32]) -> Result<Vec<Gap>> {
    let of = |e: &unlearn::nn::ParamEntry| {
        let name = format!("{kind}.{}", e.name);
        Ok(gap(&name, None, relative_error(&flat[e.offset..e.offset + e.len], &f.tensor(&name)?.values)))
    };
    s.model.layout.entries().iter().map(of).collect()
}

fn gradient(s: &mut Session, f: &GraphFixture, records: &[u32]) -> Result<Vec<Gap>> {
    statistics::gradient(s, Records::train(records), 1.0 / records.len() as f32, false)?;
    let flat = s.engine.read(s.grad)?;
    each(s, f, "grad", &flat)
}

fn fisher(s: &mut Session, f: &GraphFixture, records: &[u32]) -> Result<Vec<Gap>> {
    let out = s.vector("fisher")?;
    statistics::fisher(s, Records::train(records), out)?;
    let flat = s.engine.read(out)?;
    each(s, f, "fisher", &flat)
}

/// Row by row, and every record exactly once.
fn per_sample(s: &mut Session, f: &GraphFixture, records: &[u32]) -> Result<Vec<Gap>> {
    let (layout, mut rows) = (s.model.layout.clone(), vec![Vec::new(); records.len()]);
    statistics::per_sample(s, Records::train(records), |first, slab| {
        slab.chunks(layout.total()).enumerate().for_each(|(i, row)| rows[first + i].extend_from_slice(row));
        Ok(())
    })?;
    let mut gaps = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        for e in layout.entries() {
            let name = format!("per_sample.{}", e.name);
            let got = row.get(e.offset..e.offset + e.len).unwrap_or_default();
            gaps.push(gap(&name, Some(i), row_error(got, f.tensor(&name)?, i)));
        }
    }
    Ok(gaps)
}

/// Relative error of a record's row. Rows that are 0 but for rounding (what the last attention of a node does where all
/// scores are on one side of the kink) are measured against a hundredth of the tensor's largest element.
fn row_error(got: &[f32], want: &unlearn::harness::parity::Tensor, i: usize) -> f64 {
    let top = |values: &[f64]| values.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    let (row, floor) = (want.row(i), top(&want.values) / 100.0);
    if got.len() != row.len() || top(row) >= floor {
        return relative_error(got, row);
    }
    let difference: Vec<f64> = got.iter().zip(row).map(|(g, w)| f64::from(*g) - w).collect();
    if difference.iter().all(|d| d.is_finite()) { top(&difference) / floor } else { f64::INFINITY }
}
