//! Methods on a graph against PyTorch in float64 (`tools/parity/graph_methods.py`), on the twins: a step is the whole
//! graph.

use std::collections::BTreeMap;
use std::collections::HashMap;

use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use serde::Deserialize;
use unlearn::data::{Deletion, Graph, GraphData, Sparse};
use unlearn::engine::Engine;
use unlearn::methods::{GraphView, Past, View, find};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::Session;
use unlearn::train::TrainConfig;

#[derive(Deserialize)]
struct File {
    recipe: toml::Table,
    graph: Shape,
    requests: HashMap<String, Request>,
    networks: HashMap<String, Network>,
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Shape {
    nodes: usize,
    features: usize,
    classes: usize,
    seed: u64,
    edges: Vec<[u32; 2]>,
    train: Vec<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Request {
    nodes: Vec<u32>,
    edges: Vec<[u32; 2]>,
    rows: Vec<u32>,
}

#[derive(Deserialize)]
struct Network {
    layers: Vec<toml::Table>,
}

#[derive(Deserialize)]
struct Case {
    method: Option<String>,
    network: String,
    requests: Vec<String>,
    #[serde(default)]
    recipe: String,
    settings: String,
    other: String,
}

struct Fixture {
    file: File,
    tensors: HashMap<String, Vec<f32>>,
    data: GraphData,
}

impl Fixture {
    fn load() -> Fixture {
        let file: File = toml::from_str(include_str!("../../../assets/parity/graph_methods.toml")).unwrap();
        let bytes = include_bytes!("../../../assets/parity/graph_methods.safetensors");
        let (mut tensors, mut labels) = (HashMap::new(), Vec::new());
        for (name, tensor) in SafeTensors::deserialize(bytes).unwrap().tensors() {
            match tensor.dtype() {
                Dtype::I64 => {
                    labels = bytemuck::pod_collect_to_vec::<u8, i64>(tensor.data()).iter().map(|y| *y as u32).collect();
                }
                _ => drop(tensors.insert(name, bytemuck::pod_collect_to_vec::<u8, f32>(tensor.data()))),
            }
        }
        let shape = &file.graph;
        let rows = tensors["x"].chunks_exact(shape.features).map(|row| {
            let there = row.iter().enumerate().filter(|(_, x)| **x != 0.0);
            there.map(|(column, x)| (column as u32, *x)).collect()
        });
        let features = Sparse::from_rows(shape.features, rows);
        let graph = Graph::new(shape.nodes, shape.edges.clone(), true, features).unwrap();
        let train = shape.train.clone();
        let test = (0..shape.nodes as u32).filter(|v| !train.contains(v)).collect();
        let data = GraphData { graph, labels, train, test, ..GraphData::default() };
        Fixture { file, tensors, data }
    }

    fn theta(&self, model: &Model, from: &str) -> Vec<f32> {
        let mut theta = vec![0.0; model.layout.whole()];
        for (e, place) in model.layout.tensors() {
            theta[place].copy_from_slice(&self.tensors[&format!("{from}.{}", e.name)]);
        }
        theta
    }

    fn deletion(&self, request: &str) -> Deletion {
        let Request { nodes, edges, rows } = &self.file.requests[request];
        let gone = |v: &u32| nodes.contains(v);
        let goes = |[u, v]: &[u32; 2]| gone(u) || gone(v) || edges.contains(&[*u, *v]) || edges.contains(&[*v, *u]);
        let edges = self.data.graph.edges.iter().filter(|ends| goes(ends)).copied().collect();
        Deletion { nodes: nodes.clone(), edges, feature_rows: rows.clone(), ..Deletion::default() }
    }

    /// The largest difference of a method's parameters from PyTorch's, in units of PyTorch's largest step.
    fn apart(&self, name: &str, request: &str, settings: &str) -> f64 {
        let case = &self.file.cases[name];
        let config = ModelConfig { layers: self.file.networks[&case.network].layers.clone(), ..Default::default() };
        let shape = &self.file.graph;
        let model = Model::build(&config, &[shape.features], shape.classes).unwrap();
        let (theta, fresh) =
            (self.theta(&model, &case.network), self.theta(&model, &format!("{}.fresh", case.network)));
        let mut recipe = self.file.recipe.clone();
        recipe.extend(case.recipe.parse::<toml::Table>().unwrap());
        let recipe: TrainConfig = recipe.try_into().unwrap();
        let deletion = self.deletion(request);
        let retain: Vec<u32> = self.data.train.iter().filter(|v| !deletion.nodes.contains(v)).copied().collect();
        let influenced = self.data.graph.influenced(&deletion, model.hops());
        let reached: Vec<u32> = retain.iter().filter(|v| influenced.contains(v)).copied().collect();
        let forget = match deletion.nodes.is_empty() {
            true => reached.clone(),
            false => self.data.train.iter().filter(|v| deletion.nodes.contains(v)).copied().collect(),
        };
        let graph = GraphView {
            graph: &self.data.graph,
            deletion: &deletion,
            influenced: &influenced,
            influenced_train: &reached,
        };
        let mut engine = Engine::reference();
        let mut session = Session::on_graph(&mut engine, &model, &self.data, Some(&deletion), &theta).unwrap();
        let past = Past { base: Some(&fresh), ..Past::default() };
        let view = View::new(&recipe, &retain, &forget).seed(shape.seed).past(past).on_graph(graph);
        let method = find(case.method.as_deref().unwrap_or(name)).unwrap();
        let built = (method.build)(settings.parse().unwrap()).unwrap();
        built.forget(&mut session, &view).unwrap_or_else(|e| panic!("{name}, {request}: {e}"));
        let (got, want) = (session.read_theta().unwrap(), self.theta(&model, &format!("{name}.{request}")));
        let far = |a: &[f32], b: &[f32]| {
            let apart = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs());
            apart.fold(0.0, |most: f64, next| if next.is_nan() { next } else { most.max(next) })
        };
        far(&got, &want) / far(&want, &theta)
    }
}

#[test]
fn steps_on_graphs_are_those_of_pytorch() {
    let fixture = Fixture::load();
    let mut wrong = Vec::new();
    for (name, case) in &fixture.file.cases {
        let mut changed: toml::Table = case.settings.parse().unwrap();
        changed.extend(case.other.parse::<toml::Table>().unwrap());
        for request in &case.requests {
            let apart = fixture.apart(name, request, &case.settings);
            if apart.is_nan() || apart > 1e-4 {
                wrong.push(format!("{name}, {request}: {apart:e} of a step from PyTorch's parameters"));
            }
            let apart = fixture.apart(name, request, &changed.to_string());
            if apart < 1e-3 {
                wrong.push(format!("{name}, {request} with {} is not told from itself: {apart:e}", case.other));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
