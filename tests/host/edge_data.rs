//! Weights and features of edges: what loaders make of them, what deletions leave, who reads them.

use std::path::Path;

use unlearn::data::{Dataset, Deletion, EdgeData, Graph, GraphData};
use unlearn::engine::Engine;
use unlearn::nn::{Model, ModelConfig};
use unlearn::records::{Records, Session};
use unlearn::statistics;

use super::data_files::{Member, array, folder, npz, put, try_load};

const LIST: &str = "loader = 'edge_list'\nedges = 'e.csv'\nlabels = 'l.csv'\nlabel = 'ok'\nid = 'who'\n\
    test_fraction = 0.0\n";

/// Five named nodes, five edges with a weight and two features.
fn list(dir: &Path) {
    put(dir, "l.csv", b"who,ok\nann,no\nbob,no\ncat,yes\ndan,yes\neve,no\n");
    put(
        dir,
        "e.csv",
        b"from,to,w,a,b\nann,bob,0.5,1,-1\nbob,cat,2,0,3\ncat,cat,4,9,9\ndan,cat,0,0,0\nann,eve,1.5,2,1\n",
    );
}

fn loaded(text: &str, dir: &Path) -> Dataset {
    try_load(&format!("{LIST}{text}"), dir).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn refused(text: &str, dir: &Path, parts: &[&str]) {
    let error = try_load(&format!("{LIST}{text}"), dir).unwrap_err().to_string();
    parts.iter().for_each(|part| assert!(error.contains(part), "{error}: no `{part}`"));
}

#[test]
fn an_edge_list_has_columns_of_weights_and_features() {
    let dir = folder();
    list(dir.path());
    let data = loaded("edge_weight = 'w'\nedge_features = ['b', 'a']", dir.path()).graph.unwrap();
    // An edge of weight 0 is none.
    assert_eq!(data.graph.edges, [[1, 0], [4, 0], [0, 1], [2, 1], [1, 2], [2, 2], [0, 4]]);
    assert_eq!(data.graph.edge_data.weight, Some(vec![0.5, 1.5, 0.5, 2.0, 2.0, 4.0, 1.5]));
    assert_eq!((data.graph.edge_data.row(0), data.graph.edge_data.row(5)), (&[-1.0, 1.0][..], &[9.0, 9.0][..]));
    let plain = loaded("drop = ['w', 'a', 'b']", dir.path());
    assert!(plain.graph.as_ref().unwrap().graph.edge_data.is_plain());
    assert_ne!(plain.sha256(), loaded("edge_weight = 'w'\ndrop = ['a', 'b']", dir.path()).sha256());
    refused("edge_weight = 'w'\ndrop = ['a']", dir.path(), &["e.csv line 2", "`b`", "`-1`", "edge_features = [\"b\"]"]);
    refused("edge_weight = 'b'\ndrop = ['w', 'a']", dir.path(), &["e.csv line 2", "weight -1", "0 or more"]);
    refused("edge_weight = 'to'", dir.path(), &["data.edge_weight", "an end of the edges"]);
    refused("edge_weight = 'W'", dir.path(), &["data.edge_weight", "no column `W`", "from, to, w"]);
    put(dir.path(), "e.csv", b"from,to,w\nann,bob,0.5\nbob,cat,2\nbob,ann,0.25\n");
    let twice = ["e.csv line 2", "e.csv line 4", "0.5 and 0.25", "directed"];
    refused("edge_weight = 'w'", dir.path(), &twice);
    let both = loaded("edge_weight = 'w'\ndirected = true", dir.path()).graph.unwrap();
    assert_eq!(both.graph.edge_data.weight, Some(vec![0.25, 0.5, 2.0]));
    put(dir.path(), "e.csv", b"from,to,w\nann,bob,0.5\nbob,cat,-2\n");
    refused("edge_weight = 'w'", dir.path(), &["e.csv line 3", "-2", "0 or more"]);
    put(dir.path(), "e.csv", b"from,to,w\nann,bob,nan\n");
    refused("edge_weight = 'w'", dir.path(), &["e.csv line 2", "`w`", "`nan`"]);
}

#[test]
fn an_archive_has_arrays_of_weights_and_features() {
    let dir = folder();
    let members: [Member; 8] = [
        &array::<f32>("adj_data", &[3], vec![0.5, 0.0, 2.0]),
        &array::<i32>("adj_indices", &[3], vec![1, 2, 0]),
        &array::<i32>("adj_indptr", &[4], vec![0, 1, 2, 3]),
        &array::<i64>("adj_shape", &[2], vec![3, 3]),
        &array::<f64>("attr_matrix", &[3, 1], vec![1.0, 1.0, 1.0]),
        &array::<i64>("labels", &[3], vec![1, 0, 1]),
        &array::<f32>("kind", &[3], vec![7.0, 8.0, 9.0]),
        &array::<f32>("edge_attr", &[3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
    ];
    npz(dir.path(), "g.npz", &members);
    let text = "loader = 'graph_npz'\npath = 'g.npz'\nsplit = 'random'\ntest_fraction = 0.3\n";
    let keys = "edge_weight = 'adj_data'\nedge_features = ['edge_attr', 'kind']";
    let data = try_load(&format!("{text}{keys}"), dir.path()).unwrap().graph.unwrap();
    assert_eq!(data.graph.edges, [[1, 0], [2, 0], [0, 1], [0, 2]]);
    assert_eq!(data.graph.edge_data.weight, Some(vec![0.5, 2.0, 0.5, 2.0]));
    assert_eq!(
        (data.graph.edge_data.row(0), data.graph.edge_data.row(3)),
        (&[1.0, 2.0, 7.0][..], &[5.0, 6.0, 9.0][..])
    );
    for (keys, parts) in [
        ("", ["0.5", "data.edge_weight"]),
        ("edge_weight = 'labels'\nedge_features = ['attr_shape']\ndrop = ['adj_data']", ["attr_shape", "g.npz"]),
        ("edge_weight = 'edge_attr'\ndrop = ['adj_data']", ["data.edge_weight", "[3, 2]"]),
    ] {
        let error = try_load(&format!("{text}{keys}"), dir.path()).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{keys}: {error}");
    }
}

fn net(layers: &str, width: usize) -> Model {
    let config: ModelConfig = toml::from_str(&format!("layers = [{layers}]")).unwrap();
    Model::build(&config, &[width], 2).unwrap()
}

fn logits(model: &Model, data: &GraphData, deletion: Option<&Deletion>) -> unlearn::Result<Vec<f32>> {
    let mut engine = Engine::reference();
    let theta = model.init(3);
    let mut session = Session::on_graph(&mut engine, model, data, deletion, &theta)?;
    let all: Vec<u32> = (0..data.graph.nodes as u32).collect();
    statistics::logits(&mut session, Records::train(&all))
}

/// What the reduced graph gives, loaded anew, is what the deletion leaves on the whole one.
pub fn deletion_is_reduction(model: &Model, data: &GraphData) {
    let deletion = Deletion { nodes: vec![4], edges: vec![[1, 0], [4, 0], [0, 1], [0, 4]], ..Deletion::default() };
    let reduced = GraphData { graph: data.graph.without(&deletion), ..data.clone() };
    let (left, anew) = (logits(model, data, Some(&deletion)).unwrap(), logits(model, &reduced, None).unwrap());
    assert!(left.iter().zip(&anew).all(|(a, b)| (a - b).abs() < 1e-6), "{left:?} {anew:?}");
    assert_ne!(left, logits(model, data, None).unwrap());
}

#[test]
fn weights_reach_the_layers_that_know_them_and_others_refuse() {
    let dir = folder();
    list(dir.path());
    let data = loaded("edge_weight = 'w'\ndrop = ['a', 'b']", dir.path()).graph.unwrap();
    let gcn = net("{type='graph_conv',name='c',out=3},{type='elu'},{type='graph_conv',name='d'}", 5);
    deletion_is_reduction(&gcn, &data);
    let ones = GraphData { graph: Graph { edge_data: EdgeData::default(), ..data.graph.clone() }, ..data.clone() };
    assert_ne!(logits(&gcn, &data, None).unwrap(), logits(&gcn, &ones, None).unwrap());
    for layer in ["sage_conv", "gin_conv", "gat_conv", "cheb_conv"] {
        let error = logits(&net(&format!("{{type='{layer}',name='blind'}}"), 5), &data, None).unwrap_err().to_string();
        assert!(error.contains("`blind`") && error.contains("data.edge_weight"), "{error}");
    }
    let data = loaded("edge_features = ['a', 'b']\ndrop = ['w']", dir.path()).graph.unwrap();
    let error = logits(&gcn, &data, None).unwrap_err().to_string();
    assert!(error.contains("2 features") && error.contains("edge_dim = 2"), "{error}");
}

/// Three graphs, of which the last alone has the label 9.
#[test]
fn collections_have_attributes_and_labels_of_edges_and_labels_are_fitted_on_training_graphs() {
    let dir = folder();
    for (name, text) in [
        ("graph_indicator", "1\n1\n2\n2\n2\n3\n3\n"),
        ("A", "1, 2\n2, 1\n3, 4\n4, 3\n4, 5\n5, 4\n6, 7\n7, 6\n"),
        ("graph_labels", "0\n1\n0\n"),
        ("edge_labels", "4\n4\n2\n2\n4\n4\n9\n9\n"),
        ("edge_attributes", "0.5\n0.5\n1\n1\n2\n2\n3\n3\n"),
    ] {
        put(dir.path(), &format!("T_{name}.txt"), text.as_bytes());
    }
    let text = "loader = 'tudataset'\npath = '.'\nname = 'T'\ntest_fraction = 0.0\n\
        edge_features = ['edge_labels', 'edge_attributes']\n";
    let config = toml::from_str::<unlearn::data::DataConfig>(text).unwrap();
    let load = |fit| unlearn::data::load_with(&config, dir.path(), fit).unwrap();
    let all = load(unlearn::data::FitOn::Training);
    // The attribute, then one column for each label in ascending order.
    let graph = |data: &Dataset| data.graph.as_ref().unwrap().graph.clone();
    let row = |data: &Dataset, edge: [u32; 2]| {
        let graph = graph(data);
        graph.edge_data.row(graph.edges.iter().position(|e| *e == edge).unwrap()).to_vec()
    };
    assert_eq!((row(&all, [0, 1]), row(&all, [3, 2])), (vec![0.5, 0.0, 1.0, 0.0], vec![1.0, 1.0, 0.0, 0.0]));
    assert_eq!(all.fitted().columns.len(), 1);
    // Without the third graph its label is none.
    let gone = std::collections::HashSet::from([(unlearn::data::Portion::Train, 2)]);
    let rest = load(unlearn::data::FitOn::Without(&gone));
    assert_eq!((row(&rest, [0, 1]), row(&rest, [5, 6])), (vec![0.5, 0.0, 1.0], vec![3.0, 0.0, 0.0]));
    assert_eq!(load(unlearn::data::FitOn::Kept(&rest.fitted())), rest);
    put(dir.path(), "T_edge_attributes.txt", b"0.5\n0.75\n1\n1\n2\n2\n3\n3\n");
    let error = try_load(text, dir.path()).unwrap_err().to_string();
    assert!(error.contains("T_A.txt line 1 and ") && error.contains("each direction"), "{error}");
    put(dir.path(), "T_edge_attributes.txt", b"0.5\n");
    let error = try_load(text, dir.path()).unwrap_err().to_string();
    assert!(error.contains("T_edge_attributes.txt: 1 lines for 8 edges"), "{error}");
}
