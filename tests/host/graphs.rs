//! Graphs: what the loaders make of them.

use std::path::Path;

use unlearn::data::{Dataset, GraphRecords, NodeSplit, UNLABELLED};

use super::data_files::{Member, array, folder, npz, put, texts, try_load};
use super::pickles::tiny;

fn embedded(text: &str) -> Dataset {
    try_load(text, Path::new(".")).unwrap()
}

/// Records of each class.
fn counts(labels: &[u32], classes: usize) -> Vec<usize> {
    (0..classes).map(|class| labels.iter().filter(|&&label| label as usize == class).count()).collect()
}

#[test]
fn cora_is_whole_and_drawn_like_planetoid() {
    let data = embedded("loader = 'cora'");
    let graph = data.graph.as_ref().unwrap();
    assert_eq!((graph.graph.nodes, graph.graph.edges.len(), data.shape.clone()), (2708, 2 * 5278, vec![1433]));
    assert_eq!(graph.graph.distinct_edges().len(), 5278);
    assert_eq!(counts(&graph.labels, 7), [298, 418, 818, 426, 217, 180, 351]);
    assert_eq!((graph.train.len(), graph.validation.len(), graph.test.len()), (140, 500, 1000));
    assert_eq!(counts(&data.train.y, 7), [20; 7]);
    assert!(data.train.x.is_empty() && data.train_ids() == graph.train);
    let labels: Vec<u32> = graph.test.iter().map(|&id| graph.labels[id as usize]).collect();
    assert_eq!(data.test.y, labels);
    // The paper of line 0, 31336, has 20 words and cites or is cited by 5 papers.
    let (words, values) = graph.graph.features.row(0);
    assert_eq!((words.len(), graph.graph.edges.iter().filter(|[_, target]| *target == 0).count()), (20, 5));
    assert!(values.iter().all(|&value| value == 0.05));
    assert_eq!(graph.graph.features.val.len(), 49216);
    let raw = embedded("loader = 'cora'\nnormalize = 'none'\nsplit = 'random'");
    let graph = raw.graph.as_ref().unwrap();
    assert!(graph.graph.features.val.iter().all(|&value| value == 1.0));
    assert_eq!((graph.train.len() + graph.test.len(), graph.validation.len()), (2708, 0));
    assert!((450..620).contains(&graph.test.len()), "{}", graph.test.len());
    assert_ne!(embedded("loader = 'cora'\nsplit_seed = 1").train_ids(), data.train_ids());
}

#[test]
fn karate_has_the_identity_for_features() {
    let data = embedded("loader = 'karate'");
    let graph = data.graph.as_ref().unwrap();
    assert_eq!((graph.graph.nodes, graph.graph.edges.len(), data.shape.clone()), (34, 156, vec![34]));
    assert_eq!(counts(&graph.labels, 2), [17, 17]);
    assert_eq!((graph.train.len(), graph.test.len()), (18, 16));
    assert_eq!(graph.graph.features.row(33), (&[33][..], &[1.0][..]));
    assert!(graph.graph.has_edge(0, 1) && graph.graph.has_edge(1, 0) && !graph.graph.has_edge(0, 33));
}

#[test]
fn every_default_of_a_graph_is_written_out() {
    let config = |text: &str| toml::from_str::<unlearn::data::DataConfig>(text).unwrap().resolved().unwrap();
    let cora = config("loader = 'cora'");
    assert_eq!((cora.split, cora.split_seed, cora.test_fraction), (Some(NodeSplit::Planetoid), Some(0), None));
    assert_eq!(cora.resolved().unwrap(), cora);
    let karate = config("loader = 'karate'");
    assert_eq!((karate.split, karate.test_fraction), (Some(NodeSplit::Random), Some(0.5)));
    assert_eq!(karate.resolved().unwrap(), karate);
}

#[test]
fn planetoid_puts_test_rows_where_the_index_says_and_leaves_gaps_unlabelled() {
    let dir = folder();
    tiny(dir.path());
    let text = "loader = 'planetoid'\npath = '.'\nname = 'tiny'\nnormalize = 'none'\n";
    let data = try_load(text, dir.path()).unwrap();
    let graph = data.graph.as_ref().unwrap();
    assert_eq!((&graph.train[..], &graph.validation[..], &graph.test[..]), (&[0, 1][..], &[2][..], &[3, 5][..]));
    assert_eq!(graph.labels, [0, 1, 1, 0, UNLABELLED, 1]);
    let columns: Vec<&[u32]> = (0..6).map(|node| graph.graph.features.row(node).0).collect();
    assert_eq!(columns, [&[0][..], &[1, 2], &[3], &[2], &[], &[0, 3]]);
    // A repeated edge counts once, 2's citation of itself not at all.
    assert_eq!(graph.graph.distinct_edges(), [[0, 1], [0, 2], [0, 3], [3, 5]]);
    let drawn = try_load(&format!("{text}split = 'random'\ntest_fraction = 0.4"), dir.path()).unwrap();
    let drawn = drawn.graph.unwrap();
    assert!(![drawn.train, drawn.validation, drawn.test].concat().contains(&4), "4 has no label");
}

const COLLECTION: &str = "loader = 'tudataset'\npath = '.'\nname = 'T'\ntest_fraction = 0.4\nsplit_seed = 5\n";

/// Three graphs of 2, 3 and 1 nodes; classes -1, 1, -1.
fn collection(dir: &Path) {
    put(dir, "T_graph_indicator.txt", b"1\n1\n2\n2\n2\n3\n");
    put(dir, "T_A.txt", b"1, 2\n2, 1\n3, 5\n5, 3\n");
    put(dir, "T_graph_labels.txt", b"-1\n1\n-1\n");
}

#[test]
fn tudataset_makes_one_block_diagonal_graph_whose_records_are_graphs() {
    let dir = folder();
    collection(dir.path());
    let data = try_load(COLLECTION, dir.path()).unwrap();
    assert_eq!((data.class_names.join(" "), data.shape.clone()), ("-1 1".to_owned(), vec![1]));
    let graph = data.graph.as_ref().unwrap();
    let GraphRecords::Graphs { ptr } = &graph.records else { panic!("a collection of graphs") };
    assert_eq!((&ptr[..], &graph.labels[..]), (&[0, 2, 5, 6][..], &[0, 1, 0][..]));
    assert_eq!(graph.graph.edges, [[1, 0], [0, 1], [4, 2], [2, 4]]);
    assert_eq!(graph.graph.features.row(5), (&[0][..], &[1.0][..]));
    assert_eq!((graph.train.len() + graph.test.len(), data.train_ids()), (3, graph.train.clone()));
    let y: Vec<u32> = graph.test.iter().map(|&id| graph.labels[id as usize]).collect();
    assert_eq!(data.test.y, y);
    put(dir.path(), "T_node_labels.txt", b"7\n3\n3\n7\n9\n3\n");
    put(dir.path(), "T_node_attributes.txt", b"0.5, 1\n0.5, 0\n0, 0\n0, 0\n0, 0\n2, -1\n");
    let data = try_load(COLLECTION, dir.path()).unwrap();
    let features = &data.graph.as_ref().unwrap().graph.features;
    assert_eq!((features.width, features.row(0)), (5, (&[0, 1, 3][..], &[0.5, 1.0, 1.0][..])));
    assert_eq!((features.row(4), features.row(5)), ((&[4][..], &[1.0][..]), (&[0, 1, 2][..], &[2.0, -1.0, 1.0][..])));
}

#[test]
fn block_models_have_the_edges_they_say_and_come_from_their_seed() {
    let text = "loader = 'sbm'\nnodes = 200\nclasses = 4\np_in = 0.2\np_out = 0.01\n";
    let data = embedded(text);
    let graph = data.graph.as_ref().unwrap();
    let inside = |[u, v]: &&[u32; 2]| graph.labels[*u as usize] == graph.labels[*v as usize];
    let edges = graph.graph.distinct_edges();
    // 50 nodes a class: 1225 pairs inside, 2500 between two classes.
    assert_eq!((edges.iter().filter(inside).count(), edges.len()), (4 * 245, 4 * 245 + 6 * 25));
    assert_eq!((graph.train.len() + graph.test.len(), data.shape[0]), (200, 32));
    assert_eq!(data, embedded(text));
    assert_ne!(data.graph, embedded(&format!("{text}seed = 1")).graph);
    let full = embedded("loader = 'sbm'\nnodes = 9\nclasses = 2\np_in = 1.0\np_out = 0.0").graph.unwrap();
    assert_eq!(full.graph.distinct_edges().len(), 10 + 6);
    let large = embedded("loader = 'sbm'\nnodes = 70000\nclasses = 3\np_in = 1e-5\np_out = 0.0\nfeatures = 2");
    assert_eq!(large.graph.unwrap().graph.edges.len(), 2 * (2722 + 2 * 2722));
}

#[test]
fn graph_npz_reads_sparse_and_dense_features_and_labels_by_number_or_name() {
    let dir = folder();
    // 0 → 1, 2 → 0, and an entry 1 → 2 whose value is 0.
    let adjacency: [Member; 4] = [
        &array::<f32>("adj_data", &[3], vec![1.0, 0.0, 1.0]),
        &array::<i32>("adj_indices", &[3], vec![1, 2, 0]),
        &array::<i32>("adj_indptr", &[4], vec![0, 1, 2, 3]),
        &array::<i64>("adj_shape", &[2], vec![3, 3]),
    ];
    let sparse: [Member; 4] = [
        &array::<f32>("attr_data", &[3], vec![1.0, 3.0, 2.0]),
        &array::<i32>("attr_indices", &[3], vec![3, 0, 1]),
        &array::<i32>("attr_indptr", &[4], vec![0, 2, 2, 3]),
        &array::<i64>("attr_shape", &[2], vec![3, 4]),
    ];
    let names = texts("labels", &["wörter", "atoms", "wörter"]);
    npz(dir.path(), "g.npz", &[&adjacency[..], &sparse, &[&names]].concat());
    let text = "loader = 'graph_npz'\npath = 'g.npz'\nsplit = 'random'\ntest_fraction = 0.3\n";
    let data = try_load(text, dir.path()).unwrap();
    let graph = data.graph.as_ref().unwrap();
    assert_eq!((data.class_names.join(" "), &graph.labels[..]), ("atoms wörter".to_owned(), &[1, 0, 1][..]));
    assert_eq!(graph.graph.distinct_edges(), [[0, 1], [0, 2]]);
    assert_eq!(graph.graph.features.row(0), (&[0, 3][..], &[0.75, 0.25][..]));
    let directed = try_load(&format!("{text}directed = true"), dir.path()).unwrap().graph.unwrap();
    assert_eq!((directed.graph.undirected, &directed.graph.edges[..]), (false, &[[2, 0], [0, 1]][..]));
    let numbered: [Member; 3] = [
        &array::<f64>("attr_matrix", &[3, 2], vec![0.0, 2.0, 0.0, 0.0, 1.0, 1.0]),
        &array::<i64>("labels", &[3], vec![1, 0, 1]),
        &texts("class_names", &["first", "second"]),
    ];
    npz(dir.path(), "g.npz", &[&adjacency[..], &numbered].concat());
    let data = try_load(text, dir.path()).unwrap();
    let graph = data.graph.unwrap();
    assert_eq!((data.class_names.join(" "), graph.labels), ("first second".to_owned(), vec![1, 0, 1]));
    assert_eq!((graph.graph.features.row(0), graph.graph.features.row(2).1), ((&[1][..], &[1.0][..]), &[0.5, 0.5][..]));
}

#[test]
fn edge_lists_take_node_ids_from_the_files() {
    let dir = folder();
    put(dir.path(), "e.csv", b"from,to\n0,2\n2,3\n3,2\n");
    put(dir.path(), "l.csv", b"days,ok,node\n5,yes,3\n6,no,0\n7,,1\n8,yes,2\n");
    put(dir.path(), "f.json", b"{\"2\": [4, 1, 4], \"0\": [], \"1\": [0], \"3\": [1]}");
    put(dir.path(), "f.csv", b"a,node,b\n1,1,0\n2,3,2\n0,0,0\n0,2,1\n");
    let text =
        "loader = 'edge_list'\nedges = 'e.csv'\nlabels = 'l.csv'\nlabel = 'ok'\nid = 'node'\ntest_fraction = 0.0\n";
    let json = try_load(&format!("{text}node_features = 'f.json'\nnormalize = 'none'"), dir.path()).unwrap();
    let graph = json.graph.as_ref().unwrap();
    assert_eq!((json.class_names.join(" "), &graph.labels[..]), ("no yes".to_owned(), &[0, UNLABELLED, 1, 1][..]));
    assert_eq!(graph.graph.distinct_edges(), [[0, 2], [2, 3]]);
    assert_eq!((json.shape.clone(), graph.graph.features.row(2).0), (vec![5], &[1, 4][..]));
    assert_eq!((&graph.train[..], &json.train.y[..]), (&[0, 2, 3][..], &[0, 1, 1][..]));
    let csv = try_load(&format!("{text}node_features = 'f.csv'"), dir.path()).unwrap().graph.unwrap();
    let rows: Vec<_> = (0..4).map(|node| csv.graph.features.row(node)).collect();
    assert_eq!(rows[3], (&[0, 1][..], &[0.5, 0.5][..]));
    assert_eq!((rows[0].0, rows[1].0, rows[2].0), (&[][..], &[0][..], &[1][..]));
    let bare = try_load(text, dir.path()).unwrap().graph.unwrap();
    assert_eq!(bare.graph.features.row(2), (&[2][..], &[1.0][..]));
}

#[test]
fn planted_nodes_have_a_class_and_features_of_their_own() {
    let plain = embedded("loader = 'cora'\nnormalize = 'none'").graph.unwrap();
    let data = embedded("loader = 'cora'\nnormalize = 'none'\nplant = { fraction = 0.1, columns = 3 }");
    let graph = data.graph.as_ref().unwrap();
    assert_eq!((data.classes, data.class_names[7].as_str(), data.shape.clone()), (8, "planted", vec![1436]));
    assert_eq!((graph.planted.len(), &graph.train), (14, &plain.train));
    for node in 0..2708u32 {
        let planted = graph.planted.binary_search(&node).is_ok();
        let (columns, old) = (graph.graph.features.row(node as usize).0, plain.graph.features.row(node as usize).0);
        assert_eq!(&columns[..old.len()], old);
        assert_eq!(&columns[old.len()..], if planted { &[1433, 1434, 1435][..] } else { &[] });
        let label = graph.labels[node as usize];
        assert_eq!(label, if planted { 7 } else { plain.labels[node as usize] });
        assert!(!planted || graph.train.binary_search(&node).is_ok());
    }
    assert_eq!(counts(&data.train.y, 8)[7], 14);
    // Normalised with the planted features in the sum.
    let rows = embedded("loader = 'cora'\nplant = {}").graph.unwrap();
    let (_, values) = rows.graph.features.row(rows.planted[0] as usize);
    assert!((values.iter().sum::<f32>() - 1.0).abs() < 1e-6 && rows.graph.features.width == 1443);
    let config = toml::from_str::<unlearn::data::DataConfig>("loader = 'cora'\nplant = {}").unwrap();
    let text = toml::to_string(&config.resolved().unwrap()).unwrap();
    assert!(text.contains("fraction = 0.1") && text.contains("columns = 10"), "{text}");
}

#[test]
fn poisoned_edges_join_different_classes_and_are_all_there() {
    let plain = embedded("loader = 'cora'").graph.unwrap();
    let data = embedded("loader = 'cora'\npoison = { edges = 0.05, seed = 3 }").graph.unwrap();
    assert_eq!((data.poisoned.len(), data.graph.edges.len()), (264, 2 * (5278 + 264)));
    for &[u, v] in &data.poisoned {
        assert!(u < v && data.graph.has_edge(u, v) && data.graph.has_edge(v, u) && !plain.graph.has_edge(u, v));
        assert_ne!(data.labels[u as usize], data.labels[v as usize]);
    }
    assert!(plain.graph.edges.iter().all(|&[u, v]| data.graph.has_edge(u, v)));
    assert_eq!((&data.labels, &data.train), (&plain.labels, &plain.train));
}
