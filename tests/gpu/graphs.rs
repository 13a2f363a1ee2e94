//! Training over graphs: neighbour-sampled batches come close to the whole graph, and are the same every time.

use std::path::Path;

use libtest_mimic::Trial;
use unlearn::Result;
use unlearn::data::{self, DataConfig, Dataset, GraphData};
use unlearn::engine::Engine;
use unlearn::nn::{Model, ModelConfig};
use unlearn::train::{Part, Records, Session, TrainConfig};

use crate::adapters::Shared;
use crate::methods::{fit, hold};

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let repeats = devices.iter().map(|device| {
        device.trial("graph: a sampled fit is the same twice", |d| d.with(|engine, _| the_same_twice(engine)))
    });
    // One adapter is enough for a statement about mathematics.
    let close = devices.first().map(|device| {
        let name = "graph: samples of ten neighbours come close to all of them";
        device.trial(name, |d| d.with(|engine, _| close_to_all(engine)))
    });
    repeats.chain(close).collect()
}

fn cora() -> Result<(Dataset, GraphData)> {
    let mut data = data::load(&DataConfig::new("cora"), Path::new("."))?;
    let graph = data.graph.take().ok_or_else(|| unlearn::Error::input("cora is a graph"))?;
    Ok((data, graph))
}

fn recipe(fanout: &[usize], epochs: usize) -> TrainConfig {
    let (optimizer, fanout) = ("adam".to_owned(), fanout.to_vec());
    TrainConfig { optimizer, fanout, epochs, lr: 0.01, weight_decay: 5e-4, ..Default::default() }
}

fn sage(data: &Dataset) -> Result<Model> {
    Model::build(&ModelConfig { zoo: Some("sage".into()), ..Default::default() }, &data.shape, data.classes)
}

/// The parameters that a recipe ends in.
fn trained(engine: &mut Engine, model: &Model, graph: &GraphData, recipe: &TrainConfig) -> Result<Vec<f32>> {
    let mut session = Session::on_graph(engine, model, graph, None, &model.init(1))?;
    let ids = session.ids(Part::Train);
    fit(&mut session, recipe, 1, &ids)
}

fn the_same_twice(engine: &mut Engine) -> Result<()> {
    let (data, graph) = cora()?;
    let model = sage(&data)?;
    let mut run = |fanout: &[usize]| trained(engine, &model, &graph, &recipe(fanout, 2));
    let (once, again, more) = (run(&[4, 3])?, run(&[4, 3])?, run(&[4, 4])?);
    hold(once == again, || "two fits of one seed differ".into())?;
    hold(once != more, || "the fanout makes no difference".into())
}

/// Neighbourhoods differ from step to step, but none is far from the whole.
fn close_to_all(engine: &mut Engine) -> Result<()> {
    let (data, graph) = cora()?;
    let model = sage(&data)?;
    let mut accuracy = |recipe: &TrainConfig| -> Result<f64> {
        let theta = trained(engine, &model, &graph, recipe)?;
        // A session that knows the labels of the test nodes, for scoring alone.
        let seen = GraphData { train: graph.test.clone(), ..graph.clone() };
        let mut session = Session::on_graph(engine, &model, &seen, None, &theta)?;
        let ids = session.ids(Part::Train);
        Ok(session.score(Records::train(&ids))?.accuracy)
    };
    let (whole, sampled) = (accuracy(&recipe(&[], 100))?, accuracy(&recipe(&[10, 10], 40))?);
    hold(whole > 0.75, || format!("the whole graph: {whole} of the test nodes"))?;
    hold(sampled > whole - 0.04, || format!("sampled {sampled}, the whole graph {whole}"))
}
