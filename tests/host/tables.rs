//! Tables as people have them: without a heading, with comments, blanks and names, with numbers in other notations.

use super::data_bad::refused;
use super::data_files::{array, folder, npz, put, texts, try_load};

const GRAPH: &str = "loader = 'edge_list'\nedges = 'e'\nlabels = 'l'\nlabel = 'ok'\nid = 'node'\ntest_fraction = 0.0\n";

#[test]
fn a_first_line_that_is_a_record_is_no_heading() {
    let dir = folder();
    put(dir.path(), "l", b"node,ok\n0,a\n1,b\n2,b\n");
    put(dir.path(), "e", b"0,1\n1,2\n");
    refused(GRAPH, dir.path(), &["/e line 1", "`0`", "data.header = false"]);
    let bare = try_load(&format!("{GRAPH}header = false"), dir.path()).unwrap().graph.unwrap();
    assert_eq!(bare.graph.distinct_edges(), [[0, 1], [1, 2]]);
    put(dir.path(), "e", b"0,1\n");
    refused(GRAPH, dir.path(), &["data.header = false"]);
    // Names that are nodes.
    put(dir.path(), "l", b"node,ok\nann,a\nbob,b\ncyd,b\n");
    put(dir.path(), "e", b"ann,bob\ncyd,cyd\n");
    refused(GRAPH, dir.path(), &["/e: its first line, `ann` and `bob`", "data.header = false"]);
    put(dir.path(), "l", b"0,b\n1,a\n2,b\n");
    put(dir.path(), "e", b"u,v\n0,1\n");
    let headless = GRAPH.replace("'ok'", "1").replace("'node'", "'0'");
    refused(&headless, dir.path(), &["/l line 1", "data.node_header = false"]);
    let bare = try_load(&format!("{headless}node_header = false"), dir.path()).unwrap();
    assert_eq!((bare.class_names.join(" "), bare.train.y), ("a b".to_owned(), vec![1, 0, 1]));
    // Of the loader `csv`: numbers alone, and a record whose words stand below it again.
    let csv = "loader = 'csv'\npath = 't.csv'\nlabel = -1\ntest_fraction = 0.0\nnormalize = 'none'\n";
    put(dir.path(), "t.csv", b"5.1,3.5,0\n4.9,3.0,1\n");
    refused(csv, dir.path(), &["t.csv line 1", "`5.1`", "data.header = false"]);
    let all = try_load(&format!("{csv}header = false"), dir.path()).unwrap();
    assert_eq!(all.train.x, [5.1, 3.5, 4.9, 3.0]);
    put(dir.path(), "t.csv", b"5.1,3.5,setosa\n4.9,3.0,setosa\n7.0,3.2,other\n");
    refused(csv, dir.path(), &["t.csv line 1", "data.header = false"]);
    // A year is a name, and so is what stands nowhere below.
    put(dir.path(), "t.csv", b"2019,2020,class\n4.9,3.0,a\n7.0,3.2,b\n");
    assert_eq!(try_load(csv, dir.path()).unwrap().train.len(), 2);
}

#[test]
fn edges_with_comments_blanks_tabs_and_names() {
    let dir = folder();
    put(dir.path(), "l", b"node,ok\nzoe,a\nbob,b\nann,b\n");
    let names = |text: &str| {
        put(dir.path(), "e", text.as_bytes());
        try_load(&format!("{GRAPH}header = false"), dir.path()).unwrap_or_else(|e| panic!("{text}: {e}")).graph.unwrap()
    };
    for text in [
        "zoe,bob\nbob,ann\n",
        "# from to\nzoe bob\n\nbob   ann\n",
        "zoe\tbob\n# between\nbob\tann",
        "zoe bob\nbob\tann\n",
        "\u{feff}zoe;bob\r\nbob;ann\r\n",
    ] {
        let data = names(text);
        assert_eq!(data.graph.distinct_edges(), [[0, 1], [1, 2]], "{text}");
        assert_eq!(data.names.as_deref().unwrap(), ["zoe", "bob", "ann"], "in the order of the labels");
        assert_eq!(data.labels, [0, 1, 1]);
    }
    put(dir.path(), "e", b"# a\n\nzoe bob\nzoe ana\n");
    let text = format!("{GRAPH}header = false");
    refused(&text, dir.path(), &["/e line 4", "unknown node `ana`", "did you mean `ann`"]);
    put(dir.path(), "e", b"zoe bob\n# c\nzoe\n");
    refused(&text, dir.path(), &["/e line 3", "1 cells"]);
    // Numbers that are not 0 to n - 1 are names too.
    put(dir.path(), "l", b"node,ok\n7,a\n31,b\n5,b\n");
    put(dir.path(), "e", b"from,to\n31,5\n");
    let data = try_load(GRAPH, dir.path()).unwrap().graph.unwrap();
    assert_eq!(
        (data.graph.distinct_edges(), data.names.unwrap()),
        (vec![[1, 2]], ["7", "31", "5"].map(str::to_owned).to_vec())
    );
    // Features by name, as a table and as JSON.
    put(dir.path(), "f.csv", b"x,node\n1,5\n2,7\n3,31\n");
    put(dir.path(), "f.json", b"{\"5\": [0], \"7\": [1], \"31\": []}");
    let with = |file: &str| {
        let text = format!("{GRAPH}normalize = 'none'\nnode_features = '{file}'");
        try_load(&text, dir.path()).unwrap().graph.unwrap().graph.features
    };
    assert_eq!((with("f.csv").row(0).1, with("f.csv").row(2).1), (&[2.0][..], &[1.0][..]));
    assert_eq!((with("f.json").row(0).0, with("f.json").row(2).0), (&[1][..], &[0][..]));
    put(dir.path(), "f.json", b"{\"5\": [0], \"7\": [1], \"3\": []}");
    let text = format!("{GRAPH}node_features = 'f.json'");
    refused(&text, dir.path(), &["f.json", "unknown node `3`"]);
}

#[test]
fn links_need_no_labels() {
    let dir = folder();
    let ring: String = (0..20).map(|at| format!("n{at} n{}\n", (at + 1) % 20)).collect();
    put(dir.path(), "e", ring.as_bytes());
    let text = "loader = 'edge_list'\nedges = 'e'\ntask = 'link'\nheader = false";
    let data = try_load(text, dir.path()).unwrap().graph.unwrap();
    let names: Vec<String> = (0..20).map(|at| format!("n{at}")).collect();
    assert_eq!((data.graph.nodes, data.names), (20, Some(names)), "in the order in which they appear");
    refused("loader = 'edge_list'\nedges = 'e'\nheader = false", dir.path(), &["data.labels"]);
}

#[test]
fn weights_of_edges_are_never_ignored() {
    let dir = folder();
    put(dir.path(), "l", b"node,ok\n0,a\n1,b\n2,b\n");
    put(dir.path(), "e", b"from,to,weight,when\n0,1,1,5\n1,2,0.5,6\n");
    refused(&format!("{GRAPH}drop = ['when']"), dir.path(), &["/e line 3 column `weight`", "`0.5`", "data.drop = [2]"]);
    refused(GRAPH, dir.path(), &["column `weight`"]);
    refused(&format!("{GRAPH}drop = ['to']"), dir.path(), &["data.drop", "`to`", "an end"]);
    refused(&format!("{GRAPH}drop = ['whn']"), dir.path(), &["data.drop", "did you mean `when`"]);
    for drop in ["['when', 'weight']", "[2, 3]", "[-1, 'weight']"] {
        let data = try_load(&format!("{GRAPH}drop = {drop}"), dir.path()).unwrap().graph.unwrap();
        assert_eq!(data.graph.distinct_edges(), [[0, 1], [1, 2]]);
    }
    put(dir.path(), "e", b"from,to,weight\n0,1,1\n1,2,1.0\n");
    try_load(GRAPH, dir.path()).expect("weights of 1 are none");
    let graph = |weight: f32| {
        npz(
            dir.path(),
            "g.npz",
            &[
                &array::<f32>("adj_data", &[2], vec![1.0, weight]),
                &array::<i32>("adj_indices", &[2], vec![1, 0]),
                &array::<i32>("adj_indptr", &[3], vec![0, 1, 2]),
                &array::<i64>("adj_shape", &[2], vec![2, 2]),
                &array::<f32>("attr_matrix", &[2, 1], vec![1.0, 2.0]),
                &texts("labels", &["a", "b"]),
            ],
        );
    };
    let text = "loader = 'graph_npz'\npath = 'g.npz'\nsplit = 'random'\ntest_fraction = 0.0\n";
    graph(0.25);
    refused(text, dir.path(), &["g.npz", "weight 0.25", "[1,0]", "adj_data"]);
    try_load(&format!("{text}drop = ['adj_data']"), dir.path()).expect("weights that are left out by name");
    refused(&format!("{text}drop = ['labels']"), dir.path(), &["data.drop"]);
    graph(1.0);
    try_load(text, dir.path()).expect("weights of 1 are none");
}

#[test]
fn edge_labels_of_a_collection_are_never_ignored() {
    let dir = folder();
    for (name, text) in [
        ("graph_indicator", "1\n1\n2\n2\n"),
        ("A", "1, 2\n3, 4\n"),
        ("graph_labels", "0\n1\n"),
        ("edge_labels", "0\n1\n"),
        ("edge_attributes", "0.5\n1\n"),
    ] {
        put(dir.path(), &format!("T_{name}.txt"), text.as_bytes());
    }
    let text = "loader = 'tudataset'\npath = '.'\nname = 'T'\ntest_fraction = 0.0\n";
    refused(text, dir.path(), &["T_edge_labels.txt", "edge labels", "data.drop = [\"edge_labels\"]"]);
    refused(&format!("{text}drop = ['edge_labels']"), dir.path(), &["T_edge_attributes.txt"]);
    refused(&format!("{text}drop = ['edges']"), dir.path(), &["data.drop", "edge_labels, edge_attributes"]);
    try_load(&format!("{text}drop = ['edge_labels', 'edge_attributes']"), dir.path()).expect("left out by name");
}

#[test]
fn numbers_in_other_notations() {
    let dir = folder();
    let text = "loader = 'csv'\npath = 't.csv'\nlabel = 'y'\ntest_fraction = 0.0\nnormalize = 'none'\n";
    let load = |table: &str, keys: &str| {
        put(dir.path(), "t.csv", table.as_bytes());
        try_load(&format!("{text}{keys}"), dir.path()).unwrap_or_else(|e| panic!("{table}{keys}: {e}")).train.x
    };
    let table = "a;y\n1,5;p\n2,5;q\n-0,25;q\n";
    put(dir.path(), "t.csv", table.as_bytes());
    refused(
        &format!("{text}delimiter = ';'"),
        dir.path(),
        &["t.csv line 2 column `a`", "`1,5`", "data.decimal = \",\"", "data.schema"],
    );
    assert_eq!(load(table, "delimiter = ';'\ndecimal = ','"), [1.5, 2.5, -0.25]);
    let table = "a,y\n\"1,000\",p\n\"2,500,000\",q\n7,q\n";
    put(dir.path(), "t.csv", table.as_bytes());
    refused(text, dir.path(), &["line 2 column `a`", "`1,000`", "data.thousands = \",\""]);
    assert_eq!(load(table, "thousands = ','"), [1000.0, 2_500_000.0, 7.0]);
    let table = "a;y\n1.000,5;p\n12;q\n";
    assert_eq!(load(table, "delimiter = ';'\ndecimal = ','\nthousands = '.'"), [1000.5, 12.0]);
    // A category that was meant as one, and numbers of which a few are in another notation.
    assert_eq!(load("a;y\n1,5;p\n2,5;q\n", "delimiter = ';'\nschema = { a = 'categorical' }").len(), 4);
    put(dir.path(), "t.csv", b"a;y\n1;p\n2;q\n3;q\n1,5;q\n");
    refused(&format!("{text}delimiter = ';'"), dir.path(), &["line 5 column `a`", "`1,5`"]);
    put(dir.path(), "t.csv", b"a;y\n1,5;p\n2,5;q\n1.5;q\n");
    refused(&format!("{text}delimiter = ';'\ndecimal = ','"), dir.path(), &["line 4 column `a`", "`1.5`"]);
    refused(&format!("{text}delimiter = ';'\ndecimal = ',,'"), dir.path(), &["data.decimal", "one character"]);
    // Dates, versions and addresses are words.
    put(dir.path(), "t.csv", b"a,y\n2020-01-01,p\n1.2.3,q\n2020-01-01,q\n1.2.3,p\n");
    assert_eq!(try_load(text, dir.path()).unwrap().width(), 2);
}

#[test]
fn what_is_odd_is_noted() {
    let dir = folder();
    let text = "loader = 'csv'\npath = 't.csv'\nlabel = 'y'\ntest_fraction = 0.0\n";
    let table: String = (0..45).map(|at| format!("id{at},{},{}\n", at % 3, ["p", "q", "r"][at / 15])).collect();
    put(dir.path(), "t.csv", format!("who,a,y\n{table}").as_bytes());
    let notes = try_load(text, dir.path()).unwrap().notes.join("\n");
    assert!(notes.contains("column `who` has 45 different texts in 45") && notes.contains("data.drop"), "{notes}");
    let notes = try_load(&format!("{text}drop = ['who']\nlimit = 20"), dir.path()).unwrap().notes.join("\n");
    assert!(notes.contains("data.limit keeps the first 20") && notes.contains("2 of 3 classes"), "{notes}");
    let notes = try_load(&format!("{text}drop = ['who']\nlimit = 40"), dir.path()).unwrap().notes.join("\n");
    assert!(notes.contains("sorted by them"), "{notes}");
    assert_eq!(try_load(&format!("{text}drop = ['who']"), dir.path()).unwrap().notes, [""; 0]);
    assert_eq!(try_load("loader = 'digits'\nlimit = 500", dir.path()).unwrap().notes, [""; 0]);
}
