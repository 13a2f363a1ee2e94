//! The task `link`: edges are held out for good, and what needs nodes or classes is refused.

use std::collections::BTreeSet;
use std::path::Path;
use unlearn::statistics;

use unlearn::data::{DataConfig, Dataset, Links, resolve};
use unlearn::engine::Engine;
use unlearn::methods::METHODS;
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Records, Session};
use unlearn::train::{Fit, TrainConfig};

use super::data_bad::refused;
use super::data_files::try_load;
use super::requests::inline;

fn links(more: &str) -> Dataset {
    try_load(&format!("task = 'link'\n{more}"), Path::new(".")).unwrap()
}

#[test]
fn parts_are_disjoint_complete_and_a_function_of_the_seed() {
    let whole = try_load("loader = 'cora'", Path::new(".")).unwrap().graph.unwrap().graph;
    let data = links("loader = 'cora'");
    let held = data.links().unwrap();
    let graph = &data.graph.as_ref().unwrap().graph;
    assert_eq!((held.test.len(), held.validation.len(), graph.edges.len()), (528, 264, 2 * (5278 - 528 - 264)));
    assert_eq!((data.train.len(), data.validation.len(), data.test.len()), (4486, 528, 1056));
    assert_eq!((data.classes, data.train_ids().len(), data.test.y[527], data.test.y[528]), (2, 4486, 1, 0));
    let all = [graph.distinct_edges(), held.validation.clone(), held.test.clone()].concat();
    let set: BTreeSet<[u32; 2]> = all.iter().copied().collect();
    assert_eq!((set.len(), set), (all.len(), whole.distinct_edges().into_iter().collect()));
    let never = [held.validation_never.clone(), held.test_never.clone()].concat();
    assert_eq!(never.iter().collect::<BTreeSet<_>>().len(), 528 + 264);
    assert!(never.iter().all(|[u, v]| u < v && !whole.has_edge(*u, *v)));
    assert_eq!(links("loader = 'cora'").links(), data.links());
    assert_ne!(links("loader = 'cora'\nsplit_seed = 1").links(), data.links());
    let few = links("loader = 'karate'\ntest_fraction = 0.0\nvalidation_fraction = 0.5");
    assert_eq!((few.test.len(), few.validation.len(), few.train.len()), (0, 78, 39));
}

#[test]
fn a_held_out_edge_that_carries_messages_is_caught() {
    let data = links("loader = 'karate'");
    let model = net(&data);
    let mut leaky = data.graph.clone().unwrap();
    assert_eq!(data.links().unwrap().leak(&leaky.graph), None);
    let test = data.links().unwrap().test[0];
    leaky.graph.edges.push(test);
    leaky.graph.edges.sort_by_key(|[u, v]| (*v, *u));
    let mut engine = Engine::reference();
    let said = Session::on_graph(&mut engine, &model, &leaky, None, &model.init(1)).err().unwrap().to_string();
    assert!(said.contains("held out") && said.contains(&format!("[{},{}]", test[0], test[1])), "{said}");
    let none = Links::default();
    assert_eq!(none.leak(&leaky.graph), None);
}

fn net(data: &Dataset) -> Model {
    let config: ModelConfig =
        toml::from_str("layers = [{type='graph_conv',out=8},{type='relu'},{type='graph_conv',out=4}]").unwrap();
    Model::build(&config, &data.shape, config.width().unwrap()).unwrap()
}

#[test]
fn keys_of_nodes_and_graphs_that_do_not_fit_are_refused() {
    let here = Path::new(".");
    for (keys, words) in [
        ("split = 'planetoid'", ["data.split", "task = \"node\""]),
        ("plant = {}", ["data.plant", "task = \"node\""]),
        ("poison = {}", ["data.poison", "task = \"node\""]),
        ("test_fraction = 0.9\nvalidation_fraction = 0.2", ["data.test_fraction 0.9", "less than 1"]),
        ("test_fraction = 0.9\nvalidation_fraction = 0.09", ["karate", "none of the 78 edges"]),
    ] {
        refused(&format!("loader = 'karate'\ntask = 'link'\n{keys}"), here, &words);
    }
    refused("loader = 'digits'\ntask = 'link'", here, &["data.task", "`digits` does not read"]);
    let full = "loader = 'sbm'\ntask = 'link'\nnodes = 20\nclasses = 2\np_in = 1.0\np_out = 1.0";
    refused(full, here, &["too dense"]);
    let config: DataConfig = toml::from_str("loader = 'cora'\ntask = 'link'").unwrap();
    let once = config.resolved().unwrap();
    assert_eq!((once.test_fraction, once.validation_fraction, once.split), (Some(0.1), Some(0.05), None));
    assert_eq!(once.resolved().unwrap(), once);
}

#[test]
fn requests_name_training_edges_and_nothing_else() {
    let data = links("loader = 'karate'");
    let graph = &data.graph.as_ref().unwrap().graph;
    let edges = graph.distinct_edges();
    let [u, v] = edges[3];
    let split = resolve(&[inline(&format!("{{ kind = 'edge', ids = [[{v}, {u}]] }}"))], &data, 0).unwrap();
    assert_eq!((split.forget.as_slice(), split.retain.len()), (&[3][..], edges.len() - 1));
    assert_eq!(split.deletion.unwrap().edges.len(), 2);
    let [u, v] = data.links().unwrap().test[0];
    let held = resolve(&[inline(&format!("{{ kind = 'edge', ids = [[{v}, {u}]] }}"))], &data, 0).unwrap();
    assert_eq!((held.forget.len(), held.unseen.len(), held.lines[0].records.len()), (0, 1, 1));
    let mut less = data.clone();
    less.leave(&held.unseen);
    let (now, before) = (less.links().unwrap(), data.links().unwrap());
    assert!(!now.holds(u, v) && now.test.len() + 1 == before.test.len() && now.test_never == before.test_never);
    assert_eq!(less.test.y.len() + 1, data.test.y.len());
    for (request, word) in [
        ("{ kind = 'node', ids = [1] }", "expected a request of kind edge, not node"),
        ("{ kind = 'class', ids = [1] }", "kind edge"),
        ("{ kind = 'feature', ids = [1] }", "kind edge"),
    ] {
        let said = resolve(&[inline(request)], &data, 0).unwrap_err().to_string();
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn methods_that_need_classes_refuse() {
    let (data, nodes) = (links("loader = 'karate'"), try_load("loader = 'karate'", Path::new(".")).unwrap());
    for row in METHODS {
        row.check_data(&nodes).unwrap();
        let refused = row.check_data(&data);
        match row.name {
            "retrain" | "unlink" => refused.unwrap(),
            name => {
                let said = refused.unwrap_err().to_string();
                assert!(said.contains(name) && said.contains("use retrain or unlink"), "{said}");
            }
        }
    }
}

#[test]
fn what_has_no_meaning_on_links_is_refused() {
    let data = links("loader = 'karate'");
    let model = net(&data);
    let (ids, mut engine) = (data.train_ids(), Engine::reference());
    let mut session = Session::of(&mut engine, &model, &data, None, &model.init(1)).unwrap();
    let said = statistics::score(&mut session, Records::train(&ids)).unwrap_err().to_string();
    assert!(said.contains("data.task"), "{said}");
    let fanout = TrainConfig { fanout: vec![3, 3], ..TrainConfig::default() };
    assert!(Fit::new(&mut session, &fanout, 1).err().unwrap().to_string().contains("train.fanout"));
    let term = [unlearn::train::Term { records: Records::train(&ids[1..]), weight: 1.0 }];
    let mut fit = Fit::new(&mut session, &TrainConfig::default(), 1).unwrap();
    let said = fit.advance(&mut session, &term, |_| true).unwrap_err().to_string();
    assert!(said.contains(&format!("all {} training edges", ids.len())), "{said}");
}
