//! Requests on graphs: ids are node ids, whatever their place in a list of training nodes.

use std::path::Path;

use unlearn::data::{Dataset, Deletion, Request, Split, read_requests, resolve};

use super::data_files::{folder, put, try_load};
use super::requests::{inline, refused};

fn karate(more: &str) -> Dataset {
    try_load(&format!("loader = 'karate'\n{more}"), Path::new(".")).unwrap()
}

fn taken(data: &Dataset, request: &str) -> (Split, Deletion) {
    let mut split = resolve(&[inline(request)], data, 0).unwrap();
    let deletion = split.deletion.take().expect("a graph request has a deletion");
    (split, deletion)
}

#[test]
fn deleting_node_5_deletes_node_5() {
    let data = karate("");
    let graph = data.graph.as_ref().unwrap();
    // Else an id taken for a position, or a position for an id, would not show.
    let id = graph.train.iter().enumerate().find(|(at, id)| *at as u32 != **id && graph.train.len() > **id as usize);
    let (place, &id) = id.expect("a training node whose id is a place of another node");
    assert_ne!(graph.train[id as usize], id);
    for node in [id, 5, graph.test[0]] {
        let (split, deletion) = taken(&data, &format!("{{ kind = 'node', ids = [{node}] }}"));
        assert_eq!(deletion.nodes, [node]);
        let trains = graph.train.contains(&node);
        assert_eq!(split.forget, if trains { vec![node] } else { vec![] });
        assert!(!split.retain.contains(&node) && split.retain.len() == graph.train.len() - usize::from(trains));
        let left = graph.graph.without(&deletion);
        assert!(left.features.row(node as usize).0.is_empty() && !left.edges.iter().flatten().any(|&end| end == node));
        let touching = graph.graph.edges.iter().filter(|edge| edge.contains(&node)).count();
        assert!(touching > 0 && deletion.edges.len() == touching);
        assert_eq!(left.edges.len(), graph.graph.edges.len() - touching);
        let other = (0..34).filter(|&i| i != node as usize);
        assert!(other.clone().all(|i| left.features.row(i) == graph.graph.features.row(i)));
    }
    assert_ne!(place as u32, id);
}

#[test]
fn edges_go_both_ways_and_leave_every_training_node() {
    let data = karate("");
    let graph = data.graph.as_ref().unwrap();
    let (split, deletion) = taken(&data, "{ kind = 'edge', ids = [[1, 0], [32, 33]] }");
    assert_eq!(deletion.edges, [[1, 0], [0, 1], [33, 32], [32, 33]]);
    assert_eq!((split.forget, split.retain), (vec![], graph.train.clone()));
    assert!(deletion.nodes.is_empty());
    let (_, tenth) = taken(&data, "{ kind = 'edge', fraction = 0.1 }");
    assert_eq!(tenth.edges.len(), 16);
    assert!(tenth.edges.iter().all(|&[u, v]| tenth.edges.contains(&[v, u]) && graph.graph.has_edge(u, v)));
}

#[test]
fn features_go_by_column_by_entry_and_by_node() {
    let data = karate("");
    let (split, deletion) = taken(&data, "{ kind = 'feature', ids = [3, [5, 5]], nodes = [7] }");
    let expected = Deletion {
        feature_columns: vec![3],
        feature_entries: vec![[5, 5]],
        feature_rows: vec![7],
        ..Deletion::default()
    };
    assert_eq!((deletion, split.forget.len(), split.retain.len()), (expected, 0, 18));
}

#[test]
fn fractions_classes_and_what_was_put_in() {
    let data = karate("plant = { fraction = 0.2, columns = 2 }\npoison = { edges = 0.05 }");
    let graph = data.graph.as_ref().unwrap();
    let (split, deletion) = taken(&data, "{ kind = 'node', fraction = 0.25 }");
    assert_eq!((split.forget.len(), split.retain.len(), &deletion.nodes), (5, 13, &split.forget));
    assert!(split.forget.iter().all(|id| graph.train.contains(id)));
    let (split, deletion) = taken(&data, "{ kind = 'class', ids = ['Officer'] }");
    assert!(!split.forget.is_empty() && split.forget.iter().all(|&id| graph.labels[id as usize] == 1));
    assert!(split.retain.iter().all(|&id| graph.labels[id as usize] != 1));
    assert_eq!(deletion.nodes, split.forget);
    let (split, deletion) = taken(&data, "{ kind = 'node', planted = true }");
    assert_eq!((&split.forget, &deletion.nodes), (&graph.planted, &graph.planted));
    let by_class = taken(&data, "{ kind = 'class', ids = ['planted'] }").0;
    assert_eq!((by_class.forget, by_class.retain), (split.forget, split.retain));
    let (split, deletion) = taken(&data, "{ kind = 'edge', poisoned = true }");
    assert_eq!((split.forget.len(), deletion.edges.len()), (0, 2 * graph.poisoned.len()));
    let left = graph.graph.without(&deletion);
    assert_eq!(left.edges, karate("").graph.unwrap().graph.edges);
}

fn of_file(name: &str, text: &str) -> unlearn::Result<Split> {
    let dir = folder();
    put(dir.path(), name, text.as_bytes());
    resolve(&read_requests(&dir.path().join(name))?, &karate(""), 0)
}

#[test]
fn files_of_both_forms_say_the_same() {
    let lines = "{\"request_id\":\"a\",\"kind\":\"node\",\"ids\":[5, 30]}\n\
                 {\"request_id\":\"b\",\"kind\":\"edge\",\"ids\":[[33,32],[0,2]]}\n\
                 {\"request_id\":\"c\",\"kind\":\"feature\",\"ids\":[3,[6,6]]}\n\
                 {\"request_id\":\"d\",\"kind\":\"feature\",\"nodes\":[8, 9]}\n";
    let csv = "request_id,kind,ids,nodes\na,node,5 30,\nb,edge,33-32;0-2,\nc,feature,3 6-6,\nd,feature,,8 9\n";
    let split = of_file("r.jsonl", lines).unwrap();
    let same = of_file("r.csv", csv).unwrap();
    assert_eq!((same.forget, same.retain, &same.deletion), (split.forget, split.retain, &split.deletion));
    let deletion = split.deletion.unwrap();
    assert_eq!((deletion.nodes, deletion.feature_rows), (vec![5, 30], vec![8, 9]));
    assert!(deletion.edges.contains(&[0, 2]) && deletion.edges.contains(&[32, 33]));
    // What is written back reads as the same request.
    let mut whole: Request = serde_json::from_str(lines.lines().nth(2).unwrap()).unwrap();
    whole.extend(&serde_json::from_str(lines.lines().nth(3).unwrap()).unwrap());
    let text = serde_json::to_string(&whole).unwrap();
    assert!(text.contains("[3,[6,6]]") && text.contains("\"nodes\":[8,9]") && !text.contains("planted"), "{text}");
}

#[test]
fn bad_requests_on_a_graph_name_file_and_line() {
    let first = "{\"request_id\":\"r1\",\"kind\":\"node\",\"ids\":[5]}\n";
    let cases: &[(&str, &[&str])] = &[
        (r#""kind":"node","ids":[34]"#, &["unknown node id 34", "34 nodes, 0 to 33"]),
        (r#""kind":"node","ids":[[1,2]]"#, &["[1,2] is not a node id"]),
        (r#""kind":"node","ids":[]"#, &["empty"]),
        (r#""kind":"edge","ids":[[0,33]]"#, &["edge [0,33] is not in the graph"]),
        (r#""kind":"edge","ids":[[0,34]]"#, &["unknown node id 34"]),
        (r#""kind":"edge","ids":[3]"#, &["3 is not a edge id", "pair [u,v]"]),
        (r#""kind":"feature","ids":[34]"#, &["unknown feature 34", "0 to 33"]),
        (r#""kind":"feature","ids":[[34,0]]"#, &["unknown node id 34"]),
        (r#""kind":"feature","ids":["a"]"#, &["`a` is not a feature id", "[node,column]"]),
        (r#""kind":"node","nodes":[4]"#, &["nodes goes with kind = \"feature\""]),
        (r#""kind":"sample","ids":[4]"#, &["records of `karate` are nodes"]),
        (r#""kind":"class","ids":[2]"#, &["no class 2"]),
        (r#""kind":"node","planted":true"#, &["no node was planted", "data.plant"]),
        (r#""kind":"edge","poisoned":true"#, &["no edge was added", "data.poison"]),
        (r#""kind":"edge","planted":true"#, &["planted goes with kind = \"node\""]),
        (r#""kind":"node","planted":true,"ids":[1]"#, &["planted and poisoned exclude"]),
    ];
    for (rest, words) in cases {
        let line = format!("{{\"request_id\":\"r2\",{rest}}}");
        refused(of_file("r.jsonl", &format!("{first}{line}\n")), &[&["r.jsonl line 2"], *words].concat());
    }
    refused(of_file("r.csv", "request_id,kind,ids,nodes\nr,feature,,x\n"), &["r.csv line 2", "unknown node id `x`"]);
    let data = karate("");
    let all = format!("{{ kind = 'node', ids = {:?} }}", data.train_ids());
    refused(resolve(&[inline(&all)], &data, 0), &["cover all 18 training records"]);
    refused(resolve(&[], &data, 0), &["no request"]);
    refused(resolve(&[inline("{ kind = 'feature', fraction = 0.5 }")], &data, 0), &["fraction goes with"]);
    refused(resolve(&[inline("{ kind = 'edge', fraction = 0.001 }")], &data, 0), &["0.001 of 78 edges"]);
}

#[test]
fn records_that_are_graphs_go_by_their_number() {
    let dir = folder();
    put(dir.path(), "T_graph_indicator.txt", b"1\n2\n3\n4\n5\n6\n7\n8\n");
    put(dir.path(), "T_A.txt", b"");
    put(dir.path(), "T_node_attributes.txt", b"0\n1\n2\n3\n4\n5\n6\n7\n");
    put(dir.path(), "T_graph_labels.txt", b"0\n1\n0\n1\n0\n1\n0\n1\n");
    let data = try_load("loader = 'tudataset'\npath = '.'\nname = 'T'\ntest_fraction = 0.3", dir.path()).unwrap();
    let ids = data.train_ids();
    let test = &data.graph.as_ref().unwrap().test;
    assert!(ids.iter().zip(0..).any(|(id, place)| *id != place), "a position would do as well: {ids:?}");
    let split = resolve(&[inline(&format!("{{ kind = 'sample', ids = [{}] }}", ids[3]))], &data, 0).unwrap();
    let others: Vec<u32> = ids.iter().copied().filter(|id| *id != ids[3]).collect();
    assert_eq!((&split.forget[..], &split.retain[..], split.deletion), (&ids[3..4], &others[..], None));
    let class = resolve(&[inline("{ kind = 'class', ids = [1] }")], &data, 0).unwrap();
    assert!(class.forget.iter().all(|id| id % 2 == 1) && class.retain.iter().all(|id| id % 2 == 0));
    let tested = format!("{{ kind = 'sample', ids = [{}] }}", test[0]);
    let unseen = resolve(&[inline(&tested)], &data, 0).unwrap();
    assert_eq!((unseen.forget.len(), unseen.unseen.len(), unseen.retain.len()), (0, 1, ids.len()));
    refused(resolve(&[inline("{ kind = 'node', ids = [1] }")], &data, 0), &["kind node needs a graph of nodes"]);
}
