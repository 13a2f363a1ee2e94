//! Bad graphs get one clear sentence that names the file and the place.

use std::path::Path;

use super::data_bad::refused;
use super::data_files::{Archive, array, folder, npz, put, texts, try_load};
use super::pickles::{csr, global, ints, lists, ndarray, pickle, tiny};

const TINY: &str = "loader = 'planetoid'\npath = '.'\nname = 'tiny'";

/// The tiny files with `value` in place of one of them.
fn refused_tiny(part: &str, value: &[u8], words: &[&str]) {
    let dir = folder();
    tiny(dir.path());
    put(dir.path(), &format!("ind.tiny.{part}"), value);
    refused(TINY, dir.path(), words);
}

#[test]
fn pickles_that_would_run_something_are_refused_by_name() {
    let call = [global("os", "system"), b"U\x02id\x85R".to_vec()].concat();
    refused_tiny("x", &pickle(&call), &["ind.tiny.x", "offset 2", "`os.system`", "not on the list", "nothing was run"]);
    // In the state of a matrix, deep inside a good file.
    let mut good = csr(4, &[&[0], &[1, 2]]);
    let at = good.windows(5).position(|bytes| bytes == b"numpy").unwrap();
    good.splice(at..at + 5, *b"posix");
    refused_tiny("x", &pickle(&good), &["ind.tiny.x", "`posix.core.multiarray._reconstruct`"]);
    let quoted = [b"cos\nsys\rtem\x1b\n".to_vec(), b")R".to_vec()].concat();
    refused_tiny("x", &pickle(&quoted), &["`os.sys\\rtem\\u{1b}`"]);
    // A global of the list may only be called as such files call it.
    let twice = [global("__builtin__", "list"), b")R".to_vec()].concat();
    refused_tiny("x", &pickle(&twice), &["calls List"]);
    let deep = [global("numpy", "dtype"), global("numpy", "dtype"), b"\x85R".to_vec()].concat();
    refused_tiny("x", &pickle(&deep), &["calls Dtype"]);
    let stacked = b"\x8c\x05posix\x8c\x06system\x93";
    refused_tiny("x", &pickle(stacked), &["ind.tiny.x", "`posix.system`", "not on the list"]);
    // INST, OBJ, EXT1, PERSID, BINPERSID, and an opcode that does not exist.
    for opcode in [b'i', b'o', 0x82, b'P', b'Q', 0xff] {
        refused_tiny("x", &pickle(&[opcode]), &["ind.tiny.x", "offset 2", &format!("{opcode:#04x}")]);
    }
}

#[test]
fn pickles_that_are_broken_or_something_else() {
    let good = pickle(&csr(4, &[&[0], &[1, 2]]));
    for end in (0..good.len()).step_by(5).chain([1, 3, good.len() - 1]) {
        refused_tiny("x", &good[..end], &["ind.tiny.x", "offset", "truncated"]);
    }
    refused_tiny("x", b"\x80\x01.", &["protocol 2 to 5"]);
    refused_tiny("x", b"\x80\x06.", &["protocol 2 to 5"]);
    refused_tiny("x", b"\x80\x04\x95", &["truncated"]);
    refused_tiny("x", b"PK\x03\x04", &["does not begin like a pickle"]);
    refused_tiny("x", &pickle(b"T\xff\xff\xff\x7fabc"), &["truncated"]);
    refused_tiny("x", &pickle(&[b'('; 40]), &["more than 32 marks"]);
    refused_tiny("x", &pickle(b""), &["stack is empty"]);
    refused_tiny("x", &pickle(b"t"), &["no mark"]);
    refused_tiny("x", &pickle(b"N(a"), &["a mark is where a value should be"]);
    refused_tiny("x", &pickle(b"NNa"), &["not a list"]);
    refused_tiny("x", &pickle(b"}(Nu"), &["no value"]);
    refused_tiny("x", &pickle(b"h\x07"), &["nothing was stored under 7"]);
    refused_tiny("x", &pickle(b"N}b"), &["gives a state"]);
    refused_tiny("x", &pickle(b"N"), &["ind.tiny.x", "expected a SciPy CSR matrix"]);
    refused_tiny("y", &pickle(b"N"), &["ind.tiny.y", "expected a NumPy array"]);
    refused_tiny("graph", &pickle(b"N"), &["ind.tiny.graph", "expected a dictionary of lists"]);
    refused_tiny("graph", &pickle(b"}K\x00Ns"), &["not a list"]);
    refused_tiny("graph", &pickle(b"}K\x00]Na\x73"), &["not a whole number"]);
    refused_tiny("y", &pickle(&ndarray(&[2, 2], "i4", &[0; 15])), &["[2, 2]", "i4", "15 bytes"]);
    refused_tiny("y", &pickle(&ndarray(&[2, 2], "c8", &[0; 32])), &["type c8"]);
    refused_tiny("y", &pickle(&ndarray(&[1 << 30, 1 << 30, 1 << 30], "i4", &[])), &["0 bytes"]);
    refused_tiny("y", &pickle(&ndarray(&[1 << 30, 0], "i4", &[])), &["expected [nodes, classes]"]);
    refused_tiny("x", &pickle(&csr(2, &[&[0], &[1, 2]])), &["do not fit each other"]);
}

#[test]
fn planetoid_files_that_do_not_belong_together() {
    refused_tiny("x", &pickle(&csr(4, &[&[0]])), &["ind.tiny.x has 1 rows", "ind.tiny.y has 2"]);
    refused_tiny("x", &pickle(&csr(5, &[&[0], &[1]])), &["ind.tiny.x has 5 columns", "ind.tiny.allx has 4"]);
    refused_tiny("y", &pickle(&ints(&[2, 3], &[1, 0, 0, 0, 1, 0])), &["3 classes", "ind.tiny.ally has 2"]);
    refused_tiny("y", &pickle(&ints(&[4], &[1, 0, 0, 1])), &["[4]", "[nodes, classes]"]);
    refused_tiny("ally", &pickle(&ints(&[3, 2], &[1, 1, 0, 1, 0, 1])), &["ind.tiny.ally", "row 0 names 2 classes"]);
    refused_tiny("graph", &pickle(&lists(&[(0, &[6])])), &["ind.tiny.graph", "edge [0,6]", "unknown node", "0 to 5"]);
    refused_tiny("test.index", b"5\n", &["test.index", "1 nodes", "tx has 2"]);
    refused_tiny("test.index", b"5\n2\n", &["test.index line 2", "node 2"]);
    refused_tiny("test.index", b"5\n5\n", &["test.index line 2", "repeated"]);
    refused_tiny("test.index", b"5\n4000000000\n", &["test.index line 2", "4000000000"]);
    refused_tiny("test.index", b"5\nfive\n", &["test.index line 2", "`five`"]);
    let dir = folder();
    tiny(dir.path());
    let large = [csr(4, &[&[0], &[1], &[2], &[3]]), ints(&[4, 2], &[1, 0, 0, 1, 0, 1, 0, 1])];
    put(dir.path(), "ind.tiny.x", &pickle(&large[0]));
    put(dir.path(), "ind.tiny.y", &pickle(&large[1]));
    refused(TINY, dir.path(), &["ind.tiny.x", "4 training nodes", "allx has 3"]);
    tiny(dir.path());
    std::fs::remove_file(dir.path().join("ind.tiny.ty")).unwrap();
    refused(TINY, dir.path(), &["cannot open", "ind.tiny.ty"]);
    refused("loader = 'planetoid'\npath = '.'", dir.path(), &["data.name", "needs it"]);
    refused("loader = 'planetoid'\nname = 'tiny'", dir.path(), &["data.path"]);
    tiny(dir.path());
    try_load(TINY, dir.path()).expect("the same files, unspoilt");
}

#[test]
fn splits_that_cannot_be() {
    let here = Path::new(".");
    refused("loader = 'cora'\ntest_fraction = 0.2", here, &["data.test_fraction", "split = \"random\"", "planetoid"]);
    refused("loader = 'cora'\nsplit = 'standard'", here, &["data.split", "cora (embedded) holds no split"]);
    refused("loader = 'karate'\ntest_fraction = 1.0", here, &["data.test_fraction", "fraction < 1"]);
    refused("loader = 'karate'\nnormalize = 'standard'", here, &["data.normalize", "row or none"]);
    refused("loader = 'karate'\nlimit = 4", here, &["data.limit", "`karate` does not read"]);
}

/// A collection of two graphs with `text` in place of one file.
fn refused_collection(file: &str, text: &str, words: &[&str]) {
    let dir = folder();
    for (name, text) in [
        ("graph_indicator", "1\n1\n2\n2\n"),
        ("A", "1, 2\n3, 4\n"),
        ("graph_labels", "0\n1\n"),
        ("node_labels", "0\n1\n1\n0\n"),
    ] {
        put(dir.path(), &format!("T_{name}.txt"), text.as_bytes());
    }
    let config = "loader = 'tudataset'\npath = '.'\nname = 'T'\ntest_fraction = 0.0\n";
    try_load(config, dir.path()).expect("the same files, unspoilt");
    put(dir.path(), &format!("T_{file}.txt"), text.as_bytes());
    refused(config, dir.path(), &[&[&format!("T_{file}.txt")[..]], words].concat());
}

#[test]
fn tudataset_complaints_name_file_and_line() {
    refused_collection("A", "1, 2\n\n3, 5\n", &["line 3", "edge [3,5]", "unknown node", "1 to 4"]);
    refused_collection("A", "0, 2\n", &["line 1", "unknown node"]);
    refused_collection("A", "1, 3\n", &["line 1", "joins two graphs"]);
    refused_collection("A", "1, 2\n1\n", &["line 2", "has 1 numbers"]);
    refused_collection("A", "1, 2.5\n", &["line 1", "two nodes"]);
    refused_collection("graph_indicator", "1\n3\n", &["line 2", "graph 3", "1 to 2"]);
    refused_collection("graph_indicator", "2\n1\n", &["line 2", "sorted"]);
    refused_collection("graph_labels", "0\none\n", &["line 2", "`one`", "class of a graph"]);
    refused_collection("node_attributes", "1\nnan\n1\n1\n", &["line 2", "`nan`", "finite"]);
    refused_collection("node_attributes", "1\n1\n1\n", &["3 rows of features for 4 nodes"]);
    let dir = folder();
    let text = "loader = 'tudataset'\npath = '.'\nname = 'T'";
    refused(text, dir.path(), &["cannot open", "T_graph_labels.txt"]);
    refused(&format!("{text}\nfolds = 10\nfold = 10"), dir.path(), &["data.fold 10", "0 to folds - 1"]);
}

#[test]
fn block_models_that_cannot_be() {
    let here = Path::new(".");
    refused("loader = 'sbm'\np_in = 1.5", here, &["data.p_in", "1.5"]);
    refused("loader = 'sbm'\nclasses = 1", here, &["data.classes"]);
    refused("loader = 'sbm'\nfeatures = 0", here, &["data.features"]);
    refused("loader = 'sbm'\nnodes = 4000000\nfeatures = 1\np_in = 0.5", here, &["data.p_in", "edges"]);
}

#[test]
fn archives_whose_arrays_do_not_make_a_graph() {
    let text = "loader = 'graph_npz'\npath = 'g.npz'\nsplit = 'random'\ntest_fraction = 0.0";
    let dir = folder();
    let adjacency = |indices: Vec<i32>, shape: Vec<i64>| {
        move |archive: &mut Archive| {
            array::<f32>("adj_data", &[2], vec![1.0, 1.0])(archive);
            array::<i32>("adj_indices", &[2], indices.clone())(archive);
            array::<i32>("adj_indptr", &[3], vec![0, 1, 2])(archive);
            array::<i64>("adj_shape", &[2], shape.clone())(archive);
        }
    };
    let features = |values: Vec<f32>| array::<f32>("attr_matrix", &[2, 1], values);
    let labels = |values: Vec<i64>| array::<i64>("labels", &[2], values);
    let good = adjacency(vec![1, 0], vec![2, 2]);
    npz(dir.path(), "g.npz", &[&good, &features(vec![1.0, 2.0]), &labels(vec![0, 1])]);
    try_load(text, dir.path()).expect("the same arrays, unspoilt");
    let whole = std::fs::read(dir.path().join("g.npz")).unwrap();
    put(dir.path(), "g.npz", &whole[..whole.len() / 2]);
    refused(text, dir.path(), &["g.npz", "not a NumPy archive, or truncated"]);
    let unknown = adjacency(vec![1, 2], vec![2, 2]);
    npz(dir.path(), "g.npz", &[&unknown, &features(vec![1.0, 2.0]), &labels(vec![0, 1])]);
    refused(text, dir.path(), &["g.npz", "adj_indices", "[2, 2]", "column is unknown"]);
    npz(dir.path(), "g.npz", &[&adjacency(vec![1, 2], vec![2, 3]), &features(vec![1.0, 2.0]), &labels(vec![0, 1])]);
    refused(text, dir.path(), &["adj_shape is [2, 3]", "as many columns as rows"]);
    npz(dir.path(), "g.npz", &[&good, &array::<f32>("attr_matrix", &[3, 1], vec![1.0; 3]), &labels(vec![0, 1])]);
    refused(text, dir.path(), &["g.npz", "3 rows of features for 2 nodes"]);
    npz(dir.path(), "g.npz", &[&good, &features(vec![1.0, f32::NAN]), &labels(vec![0, 1])]);
    refused(text, dir.path(), &["feature 0 of node 1 is NaN", "finite"]);
    npz(dir.path(), "g.npz", &[&good, &features(vec![1.0, 1.0]), &labels(vec![0, -3])]);
    refused(text, dir.path(), &["array `labels`", "label 1 is -3"]);
    npz(
        dir.path(),
        "g.npz",
        &[&good, &features(vec![1.0, 1.0]), &labels(vec![0, 2]), &texts("class_names", &["a", "b"])],
    );
    refused(text, dir.path(), &["class_names has 2 names", "a label is 2"]);
    npz(dir.path(), "g.npz", &[&good, &features(vec![1.0, 1.0]), &array::<i64>("labels", &[1], vec![0])]);
    refused(text, dir.path(), &["one class"]);
    npz(dir.path(), "g.npz", &[&good, &labels(vec![0, 1])]);
    refused(text, dir.path(), &["array `attr_data`", "cannot be opened"]);
}

/// Tables of three nodes with `text` in place of one file.
fn refused_tables(file: &str, text: &str, words: &[&str]) {
    let dir = folder();
    put(dir.path(), "e.csv", b"from,to\n0,1\n");
    put(dir.path(), "l.csv", b"node,ok\n0,a\n2,b\n1,b\n");
    put(dir.path(), "f.csv", b"node,x\n0,1\n1,2\n2,3\n");
    put(dir.path(), "f.json", b"{\"0\": [1], \"1\": [], \"2\": [0]}");
    put(dir.path(), file, text.as_bytes());
    let features = if file == "f.json" { "f.json" } else { "f.csv" };
    let config = format!(
        "loader = 'edge_list'\nedges = 'e.csv'\nlabels = 'l.csv'\nlabel = 'ok'\nid = 'node'\nnode_features = \
         '{features}'\ntest_fraction = 0.0"
    );
    refused(&config, dir.path(), &[&[file], words].concat());
}

#[test]
fn tables_of_a_graph_name_file_and_line() {
    refused_tables("e.csv", "from,to\n0,1\n\n1,3\n", &["line 4 column `to`", "unknown node `3`", "0 to 2"]);
    refused_tables("e.csv", "from,to\n0,x\n", &["line 2", "unknown node `x`"]);
    refused_tables("e.csv", "from\n0\n", &["one column"]);
    refused_tables("e.csv", "from,to\n0,1\n1\n", &["line 3", "1 cells"]);
    refused_tables("l.csv", "node,ok\n0,a\n0,b\n1,b\n", &["line 3", "node 0 is repeated"]);
    refused_tables("f.csv", "node,x\n0,1\n1,2\n", &["2 rows of features for 3 nodes"]);
    refused_tables("f.csv", "node,x\n0,1\n1,nan\n2,1\n", &["line 3 column `x`", "`nan`", "finite"]);
    refused_tables("f.csv", "node,x\n0,1\n3,1\n2,1\n", &["line 3 column `node`", "unknown node `3`"]);
    refused_tables("f.json", "{\"0\": [1], \"1\": []}", &["2 rows of features for 3 nodes"]);
    refused_tables("f.json", "{\"0\": [1], \"1\": [], \"+2\": []}", &["unknown node `+2`"]);
    refused_tables("f.json", "{\"0\": [1], \"1\": [], \"0\": []}", &["node 0 is repeated"]);
    refused_tables("f.json", "{\"0\": [-1]}", &["line 1", "lists of columns"]);
    refused_tables("f.json", "{\"0\": [4000000000], \"1\": [], \"2\": []}", &["node 0", "column 4000000000"]);
}

#[test]
fn plants_and_poisons_that_cannot_be() {
    let here = Path::new(".");
    refused("loader = 'karate'\nplant = { fraction = 0.01 }", here, &["data.plant.fraction", "0.01 of 18"]);
    refused("loader = 'karate'\nplant = { fraction = 1.0 }", here, &["data.plant.fraction", "not all"]);
    refused("loader = 'karate'\nplant = { columns = 0 }", here, &["data.plant.columns"]);
    refused("loader = 'karate'\npoison = { edges = 0.001 }", here, &["data.poison.edges", "0.001 of 78"]);
    refused("loader = 'karate'\npoison = { edges = 1.5 }", here, &["data.poison.edges"]);
    let full = "loader = 'sbm'\nnodes = 20\nclasses = 2\np_in = 1.0\np_out = 1.0\npoison = { edges = 0.1 }";
    refused(full, here, &["data.poison.edges", "no room"]);
    refused("loader = 'tudataset'\nplant = {}", here, &["data.plant", "`tudataset` does not read"]);
}
