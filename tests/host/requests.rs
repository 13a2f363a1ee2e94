//! Requests: what they select, and what is refused without changing anything.

use std::path::Path;

use serde::Deserialize;
use unlearn::data::{DataConfig, Dataset, Request, Split, load, read_requests, resolve};

use super::data_files::{folder, put};

/// 100 training records; record i has class i mod 4.
fn dataset() -> Dataset {
    let config = "loader = 'synth'\nsamples = 100\ntest_fraction = 0.0";
    load(&toml::from_str::<DataConfig>(config).unwrap(), Path::new(".")).unwrap()
}

fn resolve_file(name: &str, text: &str) -> unlearn::Result<Split> {
    let dir = folder();
    put(dir.path(), name, text.as_bytes());
    resolve(&read_requests(&dir.path().join(name))?, &dataset(), 0)
}

pub fn inline(text: &str) -> Request {
    #[derive(Deserialize)]
    struct Forget {
        request: Request,
    }
    toml::from_str::<Forget>(&format!("request = {text}")).unwrap().request
}

#[test]
fn requests_of_a_file_merge_into_one_split() {
    let text = "{\"request_id\":\"r1\",\"kind\":\"sample\",\"ids\":[5, 1]}\n\n\
                {\"request_id\":\"r2\",\"kind\":\"class\",\"ids\":[3]}\n\
                {\"request_id\":\"r3\",\"kind\":\"sample\",\"ids\":[7]}\n";
    let split = resolve_file("r.jsonl", text).unwrap();
    let expected: Vec<u32> = (0..100).filter(|id| [1, 5].contains(id) || id % 4 == 3).collect();
    assert_eq!(split.forget, expected);
    assert_eq!(split.retain, (0..100).filter(|id| !expected.contains(id)).collect::<Vec<u32>>());
    let csv = "request_id,kind,ids\nr1,sample,5 1\nr2,class,3\nr3,sample,7\n";
    assert_eq!(resolve_file("r.csv", csv).unwrap(), split);
    let rows = "kind,request_id,id\nsample,r1,5\nsample,r1,1\nclass,r2,3\nsample,r3,[7]\n";
    assert_eq!(resolve_file("r.CSV", rows).unwrap(), split);
}

#[test]
fn fractions_are_drawn_from_the_seed_and_classes_go_by_number_or_name() {
    let data = dataset();
    let tenth = inline("{ kind = 'sample', fraction = 0.1 }");
    let split = resolve(std::slice::from_ref(&tenth), &data, 1).unwrap();
    assert_eq!((split.forget.len(), split.retain.len()), (10, 90));
    assert!(split.forget.is_sorted() && split.forget.iter().all(|id| !split.retain.contains(id)));
    assert_eq!(split, resolve(std::slice::from_ref(&tenth), &data, 1).unwrap());
    assert_ne!(split, resolve(&[tenth], &data, 2).unwrap());
    let number = resolve(&[inline("{ kind = 'class', ids = [3] }")], &data, 0).unwrap();
    let name = resolve(&[inline("{ kind = 'class', ids = ['3'] }")], &data, 9).unwrap();
    assert_eq!((number.forget.len(), &number), (25, &name));
}

pub fn refused<T: std::fmt::Debug>(result: unlearn::Result<T>, words: &[&str]) {
    let error = result.expect_err("a refusal");
    let message = error.to_string();
    assert_eq!(error.exit_code(), 2, "{message}");
    assert!(!message.contains('\n'), "one sentence: {message}");
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
}

#[test]
fn json_lines_that_are_refused_name_file_and_line() {
    let first = "{\"request_id\":\"r1\",\"kind\":\"sample\",\"ids\":[5]}\n";
    let all: Vec<u32> = (0..100).collect();
    let everything = format!("{{\"request_id\":\"r2\",\"kind\":\"sample\",\"ids\":{all:?}}}");
    let cases: &[(&str, &[&str])] = &[
        (r#"{"request_id":"r2","kind":"sample","ids":[100]}"#, &["unknown sample id 100", "0 to 99"]),
        (r#"{"request_id":"r2","kind":"sample","ids":[-1]}"#, &["not a request"]),
        (r#"{"request_id":"r2","kind":"sample","ids":[6, 6]}"#, &["id 6 is repeated"]),
        (r#"{"request_id":"r2","kind":"sample","ids":[5]}"#, &["id 5 is repeated", "line 1"]),
        (r#"{"request_id":"r1","kind":"sample","ids":[6]}"#, &["`r1` was used before", "line 1"]),
        (r#"{"request_id":"r2","kind":"sample","ids":[]}"#, &["empty"]),
        (r#"{"request_id":"r2","kind":"sample","ids":[3"#, &["column", "not a JSON object"]),
        (r#"{"request_id":"r2","kind":"samples","ids":[3]}"#, &["samples", "sample"]),
        (r#"{"request_id":"r2","kind":"sample"}"#, &["request_id, kind and ids"]),
        (r#"{"request_id":"r2","kind":"sample","ids":[3],"id":4}"#, &["unknown field `id`"]),
        (r#"{"request_id":"r2","kind":"sample","ids":["x"]}"#, &["`x` is not a sample id"]),
        (r#"{"request_id":"r2","kind":"sample","ids":[[1,2]]}"#, &["[1,2] is not a sample id"]),
        (r#"{"request_id":"r2","kind":"class","ids":[4]}"#, &["unknown class id 4", "4 classes"]),
        (r#"{"request_id":"r2","kind":"class","ids":["cat"]}"#, &["no class `cat`", "0, 1, 2, 3"]),
        (r#"{"request_id":"r2","kind":"node","ids":[1]}"#, &["kind node needs a graph", "synth-blobs"]),
        (r#"{"request_id":"r2","kind":"edge","ids":[[1,2]]}"#, &["kind edge needs a graph"]),
        (r#"{"request_id":"r2","kind":"feature","ids":[1]}"#, &["kind feature needs a graph"]),
        ("request_id,kind,ids", &["not a JSON object"]),
    ];
    for (line, words) in cases {
        refused(resolve_file("r.jsonl", &format!("{first}{line}\n")), &[&["r.jsonl line 2"], *words].concat());
    }
    refused(resolve_file("r.jsonl", &everything), &["r.jsonl line 1", "nothing would be retained"]);
    refused(resolve_file("r.jsonl", "\n"), &["r.jsonl", "no request"]);
    refused(read_requests(Path::new("absent.jsonl")), &["absent.jsonl", "cannot read"]);
}

#[test]
fn csv_rows_that_are_refused_name_file_and_line() {
    let cases: &[(&str, &[&str])] = &[
        ("r2,sample,6 6", &["id 6 is repeated"]),
        ("r1,sample,5", &["id 5 is repeated", "line 2"]),
        ("r2,sample,100", &["unknown sample id 100"]),
        ("r2,sample,", &["empty"]),
        ("r2,sampel,3", &["unknown kind `sampel`", "did you mean `sample`"]),
        ("r2,sample,3,4", &["malformed"]),
        ("r2,edge,3-4", &["needs a graph"]),
        ("r2,sample,3x", &["`3x` is not a sample id"]),
    ];
    for (row, words) in cases {
        let text = format!("request_id,kind,ids\nr1,sample,5\n{row}\n");
        refused(resolve_file("r.csv", &text), &[&["r.csv line 3"], *words].concat());
    }
    // In a later row of the same request, the line is that row's and not the request's first.
    refused(resolve_file("r.csv", "request_id,kind,id\nr1,sample,5\nr1,sample,100\n"), &["r.csv line 3", "100"]);
    refused(resolve_file("r.csv", "request_id,ids\nr1,5\n"), &["r.csv line 1", "no column `kind`"]);
    refused(resolve_file("r.csv", "request_id,kind,ids\n"), &["no request"]);
}

#[test]
fn inline_requests_that_are_refused_name_their_key() {
    let mut data = dataset();
    let no = |text: &str, words: &[&str]| {
        refused(resolve(&[inline(text)], &data, 0), &[&["forget.request"], words].concat());
    };
    no("{ kind = 'sample', fraction = 0.0 }", &["fraction 0", "0 < fraction < 1"]);
    no("{ kind = 'sample', fraction = 0.001 }", &["draws nothing"]);
    no("{ kind = 'sample', fraction = 1.0 }", &["fraction 1"]);
    no("{ kind = 'sample', fraction = 0.999 }", &["nothing would be retained"]);
    no("{ kind = 'sample', fraction = nan }", &["fraction NaN"]);
    no("{ kind = 'class', fraction = 0.5 }", &["kind = \"sample\""]);
    no("{ kind = 'sample', fraction = 0.5, ids = [1] }", &["exclude each other"]);
    no("{ kind = 'sample' }", &["empty"]);
    no("{ kind = 'class', ids = [0, 1, 2, 3] }", &["nothing would be retained"]);
    data.classes = 5;
    data.class_names.push("ghost".to_owned());
    refused(resolve(&[inline("{ kind = 'class', ids = ['ghost'] }")], &data, 0), &["class 4", "ghost", "no members"]);
    refused(resolve(&[], &data, 0), &["no request"]);
}

#[test]
fn index_lists_are_ranges_lines_or_arrays() {
    let dir = folder();
    put(dir.path(), "lines.txt", b"3\n\n 1 \n2\n");
    put(dir.path(), "array.json", b"[3, 1,\n2]");
    let config = "loader = 'synth'\nsamples = 10\nclasses = 2\ntest_fraction = 0.0";
    let ten = load(&toml::from_str::<DataConfig>(config).unwrap(), Path::new(".")).unwrap();
    let of = |name: &str| ten.indices(&dir.path().join(name).display().to_string());
    assert_eq!(ten.indices("2..5").unwrap(), [2, 3, 4]);
    assert_eq!((of("lines.txt").unwrap(), of("array.json").unwrap()), (vec![3, 1, 2], vec![3, 1, 2]));
    refused(ten.indices("5..5"), &["--indices 5..5", "A < B ≤ 10"]);
    refused(ten.indices("0..18446744073709551615"), &["A < B ≤ 10"]);
    refused(ten.indices("0..11"), &["≤ 10"]);
    // A graph's training nodes have gaps between their ids; a range names those in it.
    let karate = load(&DataConfig::new("karate"), Path::new(".")).unwrap();
    let inside: Vec<u32> = karate.train_ids().into_iter().filter(|id| (2..9).contains(id)).collect();
    assert_eq!(karate.indices("2..9").unwrap(), inside);
    let absent = karate.graph.as_ref().unwrap().test[0];
    refused(karate.indices(&format!("{absent}..{}", absent + 1)), &["holds no id"]);
    refused(ten.indices("absent.txt"), &["absent.txt"]);
    put(dir.path(), "bad.txt", b"1\nx\n");
    refused(of("bad.txt"), &["bad.txt line 2", "`x`"]);
    put(dir.path(), "bad.txt", b"1\n10\n");
    refused(of("bad.txt"), &["bad.txt line 2", "unknown id 10"]);
    put(dir.path(), "bad.txt", b"1\n1\n");
    refused(of("bad.txt"), &["bad.txt line 2", "repeated"]);
    put(dir.path(), "bad.txt", b"[1, {}]");
    refused(of("bad.txt"), &["bad.txt line 1", "array of ids"]);
    put(dir.path(), "bad.txt", b"[1, -2]");
    refused(of("bad.txt"), &["unknown id `-2`"]);
    put(dir.path(), "bad.txt", b"");
    refused(of("bad.txt"), &["holds no id"]);
}
