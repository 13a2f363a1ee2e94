//! What is fitted on the records of graphs, and identical ones among them.

use std::collections::HashSet;
use std::path::Path;

use unlearn::data::{DataConfig, Dataset, FitOn, Id, Portion, load_with, resolve};

use super::data_files::{folder, put, try_load};
use super::requests::{inline, refused};

const COLLECTION: &str = "loader = 'tudataset'\npath = '.'\nname = 'T'\nsplit_seed = 1\n";

/// Graph g has the nodes `graphs[g]`, named by their labels and joined in a row, and the class `classes[g]`.
fn collection(dir: &Path, graphs: &[&[u32]], classes: &[u32]) {
    let mut texts = [const { String::new() }; 4];
    let mut nodes = 0;
    for (number, (graph, class)) in (1..).zip(graphs.iter().zip(classes)) {
        let [a, owner, labels, of_nodes] = &mut texts;
        *labels += &format!("{class}\n");
        for (place, label) in graph.iter().enumerate() {
            *owner += &format!("{number}\n");
            *of_nodes += &format!("{label}\n");
            nodes += 1;
            if place > 0 {
                *a += &format!("{}, {nodes}\n", nodes - 1);
            }
        }
    }
    for (name, text) in ["A", "graph_indicator", "graph_labels", "node_labels"].iter().zip(texts) {
        put(dir, &format!("T_{name}.txt"), text.as_bytes());
    }
}

fn fitted(dir: &Path, text: &str, fit: FitOn) -> Dataset {
    load_with(&toml::from_str::<DataConfig>(text).unwrap(), dir, fit).unwrap()
}

fn ids(data: &Dataset, groups: &[Vec<unlearn::data::Place>]) -> Vec<Vec<String>> {
    let group = |group: &Vec<_>| {
        let mut ids: Vec<String> = group.iter().map(|place| data.id(*place).to_string()).collect();
        ids.sort_unstable();
        ids
    };
    let mut all: Vec<Vec<String>> = groups.iter().map(group).collect();
    all.sort_unstable();
    all
}

#[test]
fn classes_and_labels_of_nodes_are_those_of_the_training_graphs_that_stay() {
    let dir = folder();
    collection(dir.path(), &[&[1, 2], &[2], &[1, 7], &[3, 1]], &[0, 1, 0, 5]);
    let text = format!("{COLLECTION}test_fraction = 0.0");
    let all = fitted(dir.path(), &text, FitOn::Training);
    assert_eq!((all.shape[0], all.learned.len(), all.train_ids()), (4, 3, vec![0, 1, 2, 3]));
    let gone = HashSet::from([(Portion::Train, 2), (Portion::Train, 3)]);
    let rest = fitted(dir.path(), &text, FitOn::Without(&gone));
    assert_eq!((rest.shape[0], &rest.learned[..], rest.train_ids()), (2, &[0, 1][..], all.train_ids()));
    let fit = rest.fitted();
    assert_eq!((fit.class_names.join(" "), fit.columns.len()), ("0 1".to_owned(), 1));
    // Graph 2 keeps the label that others have; the other label and the class are nothing to it.
    let features = &rest.graph.as_ref().unwrap().graph.features;
    assert_eq!([features.row(3).0.len(), features.row(4).0.len(), features.row(5).0.len()], [1, 0, 0]);
    assert_eq!((rest.output(2), rest.classes, rest.must_have_losses(&[0, 1]).is_ok()), (None, 3, true));
    refused(rest.must_have_losses(&[3]), &["record 3", "class `5`", "no output"]);
    assert_eq!(fitted(dir.path(), &text, FitOn::Kept(&fit)), rest);
    refused(
        load_with(
            &toml::from_str::<DataConfig>(&text).unwrap(),
            dir.path(),
            FitOn::Kept(&unlearn::data::Fitted { columns: vec![], ..fit }),
        ),
        &["0 columns of node labels", "not those of the run"],
    );
}

#[test]
fn a_graph_that_goes_moves_no_other() {
    let rows: Vec<Vec<u32>> = (0..40).map(|graph| vec![graph % 3, graph, graph / 2]).collect();
    let split = |without: usize| {
        let dir = folder();
        let kept: Vec<usize> = (0..40).filter(|graph| *graph != without).collect();
        let graphs: Vec<&[u32]> = kept.iter().map(|graph| &rows[*graph][..]).collect();
        collection(dir.path(), &graphs, &kept.iter().map(|graph| *graph as u32 % 2).collect::<Vec<_>>());
        let data = try_load(&format!("{COLLECTION}validation_fraction = 0.2"), dir.path()).unwrap();
        let graph = data.graph.as_ref().unwrap();
        [&graph.train, &graph.validation, &graph.test]
            .map(|ids| ids.iter().map(|id| kept[*id as usize]).filter(|graph| *graph != 7).collect::<Vec<_>>())
    };
    assert_eq!(split(7), split(40));
}

#[test]
fn what_is_measured_needs_a_class_that_is_learned() {
    let dir = folder();
    put(dir.path(), "e.csv", b"from,to\na,b\nb,c\nc,d\n");
    let text =
        "loader = 'edge_list'\nedges = 'e.csv'\nlabels = 'l.csv'\nlabel = 'ok'\nid = 'node'\ntest_fraction = 0.5\n";
    let told = (0..20).find_map(|seed| {
        put(dir.path(), "l.csv", b"node,ok\na,yes\nb,no\nc,rare\nd,yes\ne,no\nf,yes\ng,no\nh,yes\ni,no\n");
        try_load(&format!("{text}split_seed = {seed}"), dir.path()).err().map(|e| e.to_string())
    });
    let told = told.expect("a split with `c` in the test part");
    assert!(told.contains("class `rare` of record `c` of the test part has no training record"), "{told}");
}

#[test]
fn a_node_without_features_has_a_column_that_goes_with_it() {
    let dir = folder();
    put(dir.path(), "e.csv", b"from,to\na,b\nb,c\nc,d\nd,e\n");
    put(dir.path(), "l.csv", b"node,ok\na,yes\nb,no\nc,no\nd,yes\ne,no\n");
    let text =
        "loader = 'edge_list'\nedges = 'e.csv'\nlabels = 'l.csv'\nlabel = 'ok'\nid = 'node'\ntest_fraction = 0.0";
    let gone = HashSet::from([(Portion::Train, 1)]);
    let rest = fitted(dir.path(), text, FitOn::Without(&gone));
    let graph = rest.graph.as_ref().unwrap();
    assert_eq!((rest.shape[0], graph.columns, graph.graph.features.row(2).0), (4, 5, &[1][..]));
    // A column is called what it was: 3 is that of `d`, 1 that of the node that is gone.
    let split = resolve(&[inline("{ kind = 'feature', ids = [3, 1] }")], &rest, 0).unwrap();
    let less = graph.graph.without(&split.deletion.unwrap());
    let there: Vec<usize> = (0..5).map(|node| less.features.row(node).0.len()).collect();
    assert_eq!(there, [1, 0, 1, 0, 1]);
    let planted =
        fitted(dir.path(), &format!("{text}\nplant = {{ fraction = 0.4, columns = 2 }}"), FitOn::Without(&gone));
    let features = &planted.graph.as_ref().unwrap().graph.features;
    assert_eq!((features.width, features.called.as_deref()), (6, Some(&[0, 2, 3, 4, 5, 6][..])));
    assert_eq!(fitted(dir.path(), text, FitOn::Kept(&rest.fitted())), rest);
}

#[test]
fn graphs_with_the_same_content_are_twins() {
    let dir = folder();
    // 2 is 0 numbered from the other end, 3 has another class, 4 another label.
    collection(dir.path(), &[&[1, 2, 2], &[1, 2, 2], &[2, 2, 1], &[1, 2, 2], &[1, 2, 1]], &[0, 0, 0, 1, 0]);
    let data = try_load(&format!("{COLLECTION}test_fraction = 0.0"), dir.path()).unwrap();
    assert_eq!(ids(&data, data.twins().groups()), [["0", "1"]]);
    let split = resolve(&[inline("{ kind = 'sample', ids = [1] }")], &data, 0).unwrap();
    assert_eq!((split.forget.len(), split.lines[0].twins[0].id.clone()), (1, Id::Number(0)));
    let both = resolve(&[inline("{ kind = 'sample', ids = [1], twins = true }")], &data, 0).unwrap();
    assert_eq!((&both.forget[..], both.lines[0].twins.len()), (&[0, 1][..], 0));
}

#[test]
fn nodes_that_could_change_places_are_twins() {
    let dir = folder();
    // b and c hang on a; d and e hang on a and on each other; f hangs on a with another word, g with another class.
    put(dir.path(), "e.csv", b"from,to\na,b\na,c\na,d\na,e\nd,e\na,f\na,g\n");
    put(dir.path(), "l.csv", b"node,ok\na,x\nb,x\nc,x\nd,x\ne,x\nf,x\ng,y\n");
    put(dir.path(), "f.csv", b"node,w,v\na,1,0\nb,1,0\nc,1,0\nd,1,0\ne,1,0\nf,0,1\ng,1,0\n");
    let text = "loader = 'edge_list'\nedges = 'e.csv'\nlabels = 'l.csv'\nlabel = 'ok'\nid = 'node'\n\
                node_features = 'f.csv'\ntest_fraction = 0.0\n";
    let data = try_load(text, dir.path()).unwrap();
    assert_eq!(ids(&data, data.twins().groups()), [["`b`", "`c`"], ["`d`", "`e`"]]);
    let split = resolve(&[inline("{ kind = 'node', ids = ['d'] }")], &data, 0).unwrap();
    assert_eq!((split.forget.len(), split.lines[0].twins[0].id.clone()), (1, Id::Name("e".into())));
    let both = resolve(&[inline("{ kind = 'node', ids = ['d', 'b'], twins = true }")], &data, 0).unwrap();
    let deleted = both.deletion.unwrap();
    assert_eq!((deleted.nodes.len(), both.lines[0].records.len(), both.lines[0].twins.len()), (4, 4, 0));
    // In one direction only, d and e could not change places.
    let directed = try_load(&format!("{text}directed = true"), dir.path()).unwrap();
    assert_eq!(ids(&directed, directed.twins().groups()), [["`b`", "`c`"]]);
    refused(resolve(&[inline("{ kind = 'edge', ids = [['a', 'b']], twins = true }")], &data, 0), &["twins goes with"]);
}

#[test]
fn twins_are_looked_for_once_and_again_after_a_record_left() {
    let text = "loader = 'csv'\npath = 'd.csv'\nlabel = 'y'\ntest_path = 't.csv'";
    let dir = folder();
    put(dir.path(), "d.csv", b"x,y\n1,a\n2,b\n3,a\n");
    put(dir.path(), "t.csv", b"x,y\n2,b\n1,a\n");
    let mut data = try_load(text, dir.path()).unwrap();
    assert_eq!(ids(&data, data.twins().groups()).len(), 2);
    assert!(std::ptr::eq(data.twins(), data.twins()) && data.clone() == data);
    data.leave(&[unlearn::data::Place { portion: Portion::Test, position: 0 }]);
    assert_eq!(ids(&data, data.twins().groups()), [["0", "`test:1`"]]);
}
