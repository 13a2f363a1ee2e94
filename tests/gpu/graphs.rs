//! Training over graphs: neighbour-sampled batches come close to the whole graph, and are the same every time.

use std::path::Path;
use unlearn::statistics;

use libtest_mimic::Trial;
use unlearn::Result;
use unlearn::data::{self, DataConfig, Dataset, GraphData, Request, Samples, Task};
use unlearn::engine::Engine;
use unlearn::eval::{Metrics, Subject, measure};
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Part, Records, Session};
use unlearn::run::reading::{Reading, evaluate};
use unlearn::run::target::Target;
use unlearn::train::{Fit, Term, TrainConfig};

use crate::adapters::Shared;
use crate::methods::{fit, hold};

pub fn trials(devices: &[Shared]) -> Vec<Trial> {
    let repeats = devices.iter().map(|device| {
        device.trial("graph: a sampled fit is the same twice", |d| d.with(|engine, _| the_same_twice(engine)))
    });
    let links = devices.iter().map(|device| {
        device.trial("graph: links are learned, the same twice, and unlearned", |d| d.with(|engine, _| links(engine)))
    });
    let steps = devices.iter().map(|device| {
        device.trial("graph: a step of a GCN takes few launches, and one of LeNet-5", |d| {
            d.with(|engine, _| launches(engine))
        })
    });
    // One adapter is enough for a statement about mathematics.
    let close = devices.first().map(|device| {
        let name = "graph: samples of ten neighbours come close to all of them";
        device.trial(name, |d| d.with(|engine, _| close_to_all(engine)))
    });
    repeats.chain(links).chain(steps).chain(close).collect()
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
        Ok(statistics::score(&mut session, Records::train(&ids))?.accuracy.unwrap_or(f64::NAN))
    };
    let (whole, sampled) = (accuracy(&recipe(&[], 100))?, accuracy(&recipe(&[10, 10], 40))?);
    hold(whole > 0.75, || format!("the whole graph: {whole} of the test nodes"))?;
    hold(sampled > whole - 0.04, || format!("sampled {sampled}, the whole graph {whole}"))
}

/// Launches of one step of training.
fn launches_of(session: &mut Session, config: &TrainConfig) -> Result<usize> {
    let ids = session.ids(Part::Train);
    let mut fit = Fit::new(session, config, 1)?;
    fit.advance(session, &[Term { records: Records::train(&ids), weight: 1.0 }], |_| true)?;
    Ok(fit.dispatches_per_step())
}

fn launches(engine: &mut Engine) -> Result<()> {
    let (data, graph) = cora()?;
    let zoo = |name: &str| ModelConfig { zoo: Some(name.into()), ..Default::default() };
    let gcn = Model::build(&zoo("gcn"), &data.shape, data.classes)?;
    let mut session = Session::on_graph(engine, &gcn, &graph, None, &gcn.init(1))?;
    let found = launches_of(&mut session, &recipe(&[], 1))?;
    drop(session);
    hold(found <= 16, || format!("a step of a GCN on Cora takes {found} launches, more than 16"))?;
    let lenet = Model::build(&zoo("lenet5"), &[1, 28, 28], 10)?;
    let pictures = Samples { x: vec![0.5; 4 * 784], y: vec![0, 1, 2, 3], ..Samples::default() };
    let mut session = Session::new(engine, &lenet, &pictures, &Samples::default(), &lenet.init(1))?;
    let found = launches_of(&mut session, &TrainConfig { batch_size: 4, epochs: 1, ..Default::default() })?;
    hold(found <= 40, || format!("a step of LeNet-5 takes {found} launches, more than 40"))
}

/// A block model whose links a small network predicts; some of them leave it, and a retrain learns the others.
fn links(engine: &mut Engine) -> Result<()> {
    let mut config = DataConfig { task: Some(Task::Link), ..DataConfig::new("sbm") };
    (config.nodes, config.classes, config.features) = (Some(150), Some(5), Some(30));
    (config.p_in, config.p_out) = (Some(0.4), Some(0.01));
    let data = data::load(&config, Path::new("."))?;
    let layers = "layers = [{type='graph_conv',out=16},{type='relu'},{type='dropout',p=0.2},{type='graph_conv',out=8}]";
    let net: ModelConfig = toml::from_str(layers).expect("the test's network is TOML");
    let model = Model::build(&net, &data.shape, 8)?;
    let request: Request = toml::from_str("kind = 'edge'\nfraction = 0.1").expect("the test's request is TOML");
    let target = Target::of(&[request], &data, &model, 3)?;
    let recipe = TrainConfig { weight_decay: 0.0, ..recipe(&[], 150) };
    let trained = |engine: &mut Engine, seed, target: Option<&Target>| {
        let init = model.init(seed);
        let mut session = Session::of(engine, &model, &data, target.and_then(Target::deletion), &init)?;
        let ids = target.map_or_else(|| data.train_ids(), |target| target.split.retain.clone());
        fit(&mut session, &recipe, seed, &ids)
    };
    let (once, again) = (trained(engine, 1, None)?, trained(engine, 1, None)?);
    let (other, retrained) = (trained(engine, 2, None)?, trained(engine, 1, Some(&target))?);
    hold(once == again, || "two fits of one seed differ".into())?;
    hold(once != other && once != retrained, || "seed or deletion make no difference".into())?;
    let mut read = |theta: &[f32], forgot| -> Result<Metrics> {
        let read = evaluate(engine, Some(&target), &[Reading { theta, forgot, model: &model, data: &data }])?.pop();
        let now = read.ok_or_else(|| unlearn::Error::input("one reading"))??;
        measure(&Subject { now: &now, references: &[], forgotten_classes: &[] })
    };
    let (before, unlinked, without) = (read(&once, false)?, read(&once, true)?, read(&retrained, true)?);
    for m in [&before, &unlinked, &without] {
        for key in ["splits.test.auc", "splits.validation.auc", "links.deleted_auc"] {
            let auc = m.get(key);
            hold(auc.is_some_and(|auc| auc > 0.8 && auc <= 1.0), || format!("{key} is {auc:?}"))?;
        }
    }
    hold(before.get("links.deleted_auc") != unlinked.get("links.deleted_auc"), || "unlinking changes nothing".into())?;
    let counts = ["train", "retain", "forget"].map(|split| before.get(&format!("splits.{split}.count")));
    hold(counts[0] == counts[1].zip(counts[2]).map(|(a, b)| a + b), || format!("{counts:?}"))
}
