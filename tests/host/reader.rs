//! Test records are read and never trained on: a reader's records run through statistics, and every fit refuses them.

use std::path::Path;

use unlearn::data::{self, DataConfig, Dataset};
use unlearn::engine::Engine;
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Reader, Records, Session};
use unlearn::statistics;
use unlearn::train::{Fit, Replay, Term, TrainConfig};

fn net(layers: &str, data: &Dataset) -> Model {
    let config: ModelConfig = toml::from_str(&format!("layers = [{layers}]")).expect("TOML");
    Model::build(&config, &data.shape, data.classes).expect("a network")
}

fn flowers() -> (Dataset, Model) {
    let mut config = DataConfig::new("synth");
    config.validation_fraction = Some(0.1);
    let data = data::load(&config, Path::new(".")).expect("made of a seed");
    let model = net("{type='linear'}", &data);
    (data, model)
}

fn refused(reader: &mut Reader, ids: &[u32], records: Records) {
    let recipe = TrainConfig { epochs: 1, ..TrainConfig::default() };
    let said = Fit::new(reader.session(), &recipe, 1).err().expect("no fit over test records").to_string();
    assert!(said.contains("test records"), "{said}");
    let said = Replay::new(reader.session(), &recipe, 1, ids).err().expect("no replay either").to_string();
    assert!(said.contains("test records"), "{said}");
    let score = statistics::score(reader.session(), records).expect("statistics run");
    assert!(score.count == ids.len() && score.loss.is_finite());
}

#[test]
fn test_rows_are_read_and_not_trained_on() {
    let ((data, model), mut engine) = (flowers(), Engine::reference());
    let theta = model.init(1);
    let ids: Vec<u32> = (0..data.test.len() as u32).collect();
    let mut reader = Reader::rows(&mut engine, &model, &data.test, &theta).expect("a reader");
    let records = reader.records(&ids, false);
    refused(&mut reader, &ids, records);
    drop(reader);
    // A session has no such part, whoever hands it over.
    let mut session = Session::of(&mut engine, &model, &data, None, &theta).expect("a session");
    let said = statistics::score(&mut session, records).unwrap_err().to_string();
    assert!(said.contains("Read split has 0 records"), "{said}");
    let mut fit = Fit::new(&mut session, &TrainConfig::default(), 1).expect("a fit");
    let terms = [Term { records, weight: 1.0 }];
    let said = fit.prepare(&mut session, &terms).unwrap_err().to_string();
    assert!(said.contains("Read"), "{said}");
}

#[test]
fn a_session_over_a_graph_knows_no_class_of_a_test_node() {
    let data = data::load(&DataConfig::new("karate"), Path::new(".")).expect("karate is embedded");
    let (model, mut engine) = (net("{type='graph_conv'}", &data), Engine::reference());
    let (theta, graph) = (model.init(1), data.graph.as_ref().expect("a graph"));
    let mut reader = Reader::graph(&mut engine, &model, graph, None, &theta).expect("a reader");
    let records = reader.records(&graph.test, false);
    refused(&mut reader, &graph.test, records);
    drop(reader);
    let mut session = Session::of(&mut engine, &model, &data, None, &theta).expect("a session");
    for records in [records, Records::train(&graph.test), Records::validation(&graph.test)] {
        let said = statistics::score(&mut session, records).unwrap_err().to_string();
        assert!(said.contains("is not among the training and validation nodes"), "{said}");
    }
}
