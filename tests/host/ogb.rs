//! Folders of the Open Graph Benchmark.

use std::fs;
use std::path::Path;

use unlearn::data::GraphRecords;

use super::data_files::{folder, gzip, put, try_load};

fn refused(dir: &Path, text: &str, parts: &[&str]) {
    let error = try_load(text, dir).unwrap_err().to_string();
    parts.iter().for_each(|part| assert!(error.contains(part), "{error}: no `{part}`"));
}

fn packed(dir: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, gzip(text.as_bytes())).unwrap();
    }
}

/// One graph of five nodes.
const NODES: &[(&str, &str)] = &[
    ("raw/num-node-list.csv.gz", "5\n"),
    ("raw/num-edge-list.csv.gz", "4\n"),
    ("raw/edge.csv.gz", "0,1\n1,2\n3,4\n4,0\n"),
    ("raw/node-feat.csv.gz", "0.5,0\n0,1\n2,2\n0,0\n1,3\n"),
    ("raw/node-label.csv.gz", "2\n0\n2\n0\n2\n"),
    ("raw/edge-feat.csv.gz", "1,0.5\n2,0.25\n3,0\n4,1\n"),
    ("split/time/train.csv.gz", "3\n0\n1\n"),
    ("split/time/valid.csv.gz", "2\n"),
    ("split/time/test.csv.gz", "4\n"),
];

#[test]
fn nodes_of_one_graph_come_with_their_split_and_edge_features() {
    let dir = folder();
    packed(dir.path(), NODES);
    let text = "loader = 'ogb'\npath = '.'\nedge_features = ['edge-feat']\n";
    let data = try_load(text, dir.path()).unwrap();
    let graph = data.graph.as_ref().unwrap();
    assert_eq!((data.class_names.join(" "), &graph.labels[..]), ("0 2".to_owned(), &[1, 0, 1, 0, 1][..]));
    assert_eq!((&graph.train[..], &graph.validation[..], &graph.test[..]), (&[0, 1, 3][..], &[2][..], &[4][..]));
    assert_eq!(graph.graph.distinct_edges(), [[0, 1], [1, 2], [0, 4], [3, 4]]);
    let edge = graph.graph.edges.iter().position(|edge| *edge == [0, 4]).unwrap();
    assert_eq!((graph.graph.edge_data.row(edge), graph.graph.features.row(2).1), (&[4.0, 1.0][..], &[2.0, 2.0][..]));
    let directed = try_load(&format!("{text}directed = true"), dir.path()).unwrap().graph.unwrap();
    assert_eq!(directed.graph.edges, [[4, 0], [0, 1], [1, 2], [3, 4]]);
    let drawn = try_load("loader = 'ogb'\npath = '.'\ndrop = ['edge-feat']\nsplit = 'random'", dir.path()).unwrap();
    assert!(drawn.graph.unwrap().graph.edge_data.is_plain());
    let bare = "loader = 'ogb'\npath = '.'\n";
    refused(dir.path(), bare, &["edge-feat.csv.gz", "data.edge_features = [\"edge-feat\"]"]);
    refused(dir.path(), &format!("{bare}drop = ['edge']"), &["data.drop", "edge-feat"]);
    refused(dir.path(), &format!("{text}name = 'random'"), &["random"]);
    packed(dir.path(), &[("split/other/train.csv.gz", "0\n")]);
    refused(dir.path(), text, &["other, time", "data.name"]);
    assert_eq!(try_load(&format!("{text}name = 'time'"), dir.path()).unwrap(), data);
}

#[test]
fn complaints_name_file_and_line() {
    for (file, content, parts) in [
        ("raw/edge.csv.gz", "0,1\n1,5\n3,4\n4,0\n", &["edge.csv.gz line 2", "[1,5]", "5 nodes"][..]),
        ("raw/edge.csv.gz", "0,1\n", &["edge.csv.gz", "1 edges", "4"]),
        ("raw/edge-feat.csv.gz", "1,0.5\n", &["edge-feat.csv.gz", "1 lines", "4"]),
        ("raw/num-node-list.csv.gz", "2\n3\n", &["num-edge-list", "1 graphs", "has 2"]),
        ("split/time/test.csv.gz", "4\n0\n", &["test.csv.gz line 2", "0 is in the split twice"]),
        ("split/time/valid.csv.gz", "9\n", &["valid.csv.gz line 1", "9 is no record", "5"]),
    ] {
        let dir = folder();
        packed(dir.path(), NODES);
        packed(dir.path(), &[(file, content)]);
        refused(dir.path(), "loader = 'ogb'\npath = '.'\nedge_features = ['edge-feat']", parts);
    }
}

#[test]
fn many_graphs_are_the_records_and_files_may_be_unpacked() {
    let dir = folder();
    packed(dir.path(), &[("split/scaffold/train.csv.gz", "0\n1\n"), ("split/scaffold/valid.csv.gz", "")]);
    packed(dir.path(), &[("split/scaffold/test.csv.gz", "2\n")]);
    fs::create_dir_all(dir.path().join("raw")).unwrap();
    for (name, text) in [
        ("num-node-list", "2\n3\n1\n"),
        ("num-edge-list", "1\n2\n0\n"),
        ("edge", "0,1\n0,1\n2,1\n"),
        ("graph-label", "1\n0\n1\n"),
    ] {
        put(&dir.path().join("raw"), &format!("{name}.csv"), text.as_bytes());
    }
    let data = try_load("loader = 'ogb'\npath = '.'", dir.path()).unwrap();
    let graph = data.graph.as_ref().unwrap();
    assert_eq!(graph.records, GraphRecords::Graphs { ptr: vec![0, 2, 5, 6] });
    assert_eq!(graph.graph.distinct_edges(), [[0, 1], [2, 3], [3, 4]]);
    assert_eq!((&graph.train[..], &graph.test[..], data.shape.clone()), (&[0, 1][..], &[2][..], vec![1]));
    fs::remove_file(dir.path().join("raw/graph-label.csv")).unwrap();
    refused(dir.path(), "loader = 'ogb'\npath = '.'", &["graph-label", "3 graphs"]);
}
