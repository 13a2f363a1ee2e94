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
    let same = |name: &str, text: &str| {
        let other = resolve_file(name, text).unwrap();
        assert_eq!((&other.forget, &other.retain), (&split.forget, &split.retain));
    };
    same("r.csv", csv);
    let rows = "kind,request_id,id\nsample,r1,5\nsample,r1,1\nclass,r2,3\nsample,r3,[7]\n";
    same("r.CSV", rows);
}

#[test]
fn planted_records_go_by_what_planted_them_or_by_their_person() {
    let config = "loader = 'synth'\nsamples = 100\ntest_fraction = 0.0\nplant = { fraction = 0.2, subject = 'ann' }";
    let data = load(&toml::from_str::<DataConfig>(config).unwrap(), Path::new(".")).unwrap();
    let split = resolve(&[inline("{ kind = 'sample', planted = true }")], &data, 0).unwrap();
    let plain = dataset();
    let changed: Vec<u32> = (0..100).filter(|at| data.train.y[*at as usize] != plain.train.y[*at as usize]).collect();
    assert_eq!(split.forget, changed);
    assert!((10..30).contains(&changed.len()), "{changed:?}");
    let person = resolve(&[inline("{ kind = 'subject', ids = ['ann'] }")], &data, 0).unwrap();
    assert_eq!((person.forget, person.retain), (split.forget, split.retain));
    refused(resolve(&[inline("{ kind = 'subject', ids = ['bob'] }")], &data, 0), &["unknown subject", "bob"]);
    refused(resolve(&[inline("{ kind = 'sample', planted = true }")], &plain, 0), &["no record was planted"]);
    refused(resolve(&[inline("{ kind = 'class', planted = true }")], &data, 0), &["planted goes with", "sample"]);
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
    assert_eq!(number.lines[0].classes, ["3"]);
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
        (r#"{"request_id":"r2","kind":"sample","ids":[-1]}"#, &["unknown sample id `-1`"]),
        (r#"{"request_id":"r2","kind":"sample","ids":[5],"ids":[7]}"#, &["not a request", "duplicate field `ids`"]),
        (r#"{"request_id":"","kind":"sample","ids":[5]}"#, &["request_id is empty"]),
        (r#"{"request_id":"r1","kind":"sample","ids":[6]}"#, &["its request_id was used before", "line 1"]),
        (r#"{"request_id":"r2","kind":"sample","ids":[]}"#, &["empty"]),
        (r#"{"request_id":"r2","kind":"sample","ids":[3"#, &["column", "not a request"]),
        (r#"{"request_id":"r2","kind":"samples","ids":[3]}"#, &["samples", "sample"]),
        (r#"{"request_id":"r2","kind":"sample"}"#, &["request_id, kind and ids", "empty"]),
        (r#"{"request_id":"r2","kind":"sample","ids":[3],"id":4}"#, &["unknown field `id`"]),
        (r#"{"request_id":"r2","kind":"sample","ids":["x"]}"#, &["unknown sample id `x`"]),
        (r#"{"request_id":"r2","kind":"sample","ids":[[1,2]]}"#, &["unknown sample id [1,2]"]),
        (r#"{"request_id":"r2","kind":"class","ids":[4]}"#, &["no class 4", "0, 1, 2, 3"]),
        (r#"{"request_id":"r2","kind":"class","ids":["cat"]}"#, &["no class `cat`", "0, 1, 2, 3"]),
        (r#"{"request_id":"r2","kind":"node","ids":[1]}"#, &["kind node needs a graph", "synth-blobs"]),
        (r#"{"request_id":"r2","kind":"edge","ids":[[1,2]]}"#, &["kind edge needs a graph"]),
        (r#"{"request_id":"r2","kind":"feature","ids":[1]}"#, &["kind feature needs a graph"]),
        ("request_id,kind,ids", &["not a request"]),
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
        ("r2,sample,100", &["unknown sample id 100"]),
        ("r2,sample,", &["empty"]),
        ("r2,sampel,3", &["unknown kind `sampel`", "did you mean `sample`"]),
        ("r2,sample,3,4", &["malformed"]),
        ("r2,edge,3-4", &["needs a graph"]),
        ("r2,sample,3x", &["unknown sample id `3x`"]),
    ];
    for (row, words) in cases {
        let text = format!("request_id,kind,ids\nr1,sample,5\n{row}\n");
        refused(resolve_file("r.csv", &text), &[&["r.csv line 3"], *words].concat());
    }
    // In a later row of the same request, the line is that row's and not the request's first.
    refused(resolve_file("r.csv", "request_id,kind,id\nr1,sample,5\nr1,sample,100\n"), &["r.csv line 3", "100"]);
    refused(resolve_file("r.csv", "request_id,kind\nr1,sample\n"), &["r.csv line 1", "no column `id`"]);
    refused(resolve_file("r.csv", "request_id,customer\nr1,5\n"), &["r.csv line 1", "unknown column `customer`"]);
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

const PEOPLE: &str = "customer,household,age,y\n\
                      17,a,30,no\n007,a,31,yes\n9,b,32,no\n12-34,b,33,yes\nNew York,c,34,no\n5,c,30,no\n6,d,30,no\n";

fn people(more: &str) -> (tempfile::TempDir, Dataset) {
    let dir = folder();
    put(dir.path(), "p.csv", PEOPLE.as_bytes());
    let text = format!("loader = 'csv'\npath = 'p.csv'\nlabel = 'y'\n{more}");
    let data = load(&toml::from_str::<DataConfig>(&text).unwrap(), dir.path()).unwrap();
    (dir, data)
}

/// What a line of a request file is found to mean, as source rows.
fn rows(data: &Dataset, name: &str, text: &str) -> Vec<u64> {
    let dir = folder();
    put(dir.path(), name, text.as_bytes());
    let split = resolve(&read_requests(&dir.path().join(name)).unwrap(), data, 0).unwrap();
    split.lines.iter().flat_map(|line| &line.records).filter_map(|who| who.row).collect()
}

#[test]
fn ids_mean_what_the_data_call_their_records_whatever_the_split() {
    // Half of the rows are held out, and a position would be another row than the row.
    let (_dir, plain) = people("test_fraction = 0.5\ndrop = ['customer', 'household']");
    assert!(plain.test.len() > 1 && plain.train.len() > 1);
    for row in 0..7 {
        let line = format!("{{\"request_id\":7,\"kind\":\"sample\",\"ids\":[{row}]}}");
        assert_eq!(rows(&plain, "r.jsonl", &line), [row]);
        assert_eq!(rows(&plain, "r.csv", &format!("\u{feff}id\n{row}\n")), [row]);
    }
    let (_dir, named) = people("id = 'customer'\nsubject = 'household'\ntest_fraction = 0.0");
    assert_eq!((named.shape.clone(), named.columns.len()), (vec![1], 1), "ids and subjects are no features");
    for (id, row) in [("17", 0), ("\"007\"", 1), ("9", 2), ("\"12-34\"", 3), ("\"New York\"", 4)] {
        let line = format!("{{\"kind\":\"sample\",\"ids\":[{id}],\"request_id\":\"r\"}}");
        assert_eq!(rows(&named, "r.jsonl", &line), [row]);
        assert_eq!(rows(&named, "r.csv", &format!("id\n{}\n", id.trim_matches('"'))), [row]);
    }
    assert_eq!(rows(&named, "r.csv", "kind,id\nsubject,a\nsubject,c\n"), [0, 1, 4, 5]);
    let no = |text: &str| resolve(&[inline(text)], &named, 0);
    refused(no("{ kind = 'sample', ids = [7] }"), &["unknown sample id 7", "value of `customer`"]);
    refused(no("{ kind = 'subject', ids = ['e'] }"), &["unknown subject `e`", "household"]);
    refused(resolve(&[inline("{ kind = 'subject', ids = ['a'] }")], &plain, 0), &["data.subject"]);
}

#[test]
fn records_outside_the_training_part_are_accepted_and_named() {
    let (_dir, data) = people("test_fraction = 0.5\ndrop = ['customer', 'household']");
    let tested = data.who.part(unlearn::data::Portion::Test)[0].row;
    let split = resolve(&[inline(&format!("{{ kind = 'sample', ids = [{tested}] }}"))], &data, 0).unwrap();
    assert_eq!((split.forget.len(), split.unseen.len(), split.retain.len()), (0, 1, data.train.len()));
    let mut less = data.clone();
    less.leave(&split.unseen);
    assert_eq!((less.test.len() + 1, &less.train), (data.test.len(), &data.train));
    assert!(less.who.at(unlearn::data::Portion::Train, tested).is_none());
}

#[test]
fn ids_that_come_again_are_counted_and_taken_once() {
    let data = dataset();
    let text = "{\"request_id\":\"a\",\"kind\":\"sample\",\"ids\":[5, 5, 6]}\n\
                {\"request_id\":\"b\",\"kind\":\"sample\",\"ids\":[6, 7]}\n\
                {\"request_id\":\"c\",\"kind\":\"class\",\"ids\":[1, \"1\"]}\n";
    let split = resolve_file("r.jsonl", text).unwrap();
    let counts: Vec<(usize, usize)> = split.lines.iter().map(|line| (line.records.len(), line.repeated)).collect();
    // Class 1 has 25 records, of which 5 was named before.
    assert_eq!(counts, [(2, 1), (1, 1), (24, 1)]);
    assert_eq!(split.forget.len(), 27);
    assert_eq!(split.lines[2].classes, ["1"]);
    assert_eq!(data.train.len(), split.forget.len() + split.retain.len());
}

#[test]
fn a_number_is_a_classs_name_before_it_is_a_position() {
    let dir = folder();
    let classes = |labels: [&str; 3]| {
        let rows: String = (0..9).map(|row| format!("{row},{}\n", labels[row % 3])).collect();
        put(dir.path(), "c.csv", format!("a,y\n{rows}").as_bytes());
        let text = "loader = 'csv'\npath = 'c.csv'\nlabel = 'y'\ntest_fraction = 0.0";
        load(&toml::from_str::<DataConfig>(text).unwrap(), dir.path()).unwrap()
    };
    let named = |data: &Dataset, id: &str| {
        resolve(&[inline(&format!("{{ kind = 'class', ids = [{id}] }}"))], data, 0)
            .map(|split| split.lines[0].classes.clone())
    };
    let numbers = classes(["1", "2", "3"]);
    assert_eq!(named(&numbers, "1").unwrap(), ["1"]);
    assert_eq!(named(&numbers, "'1'").unwrap(), ["1"]);
    refused(named(&numbers, "0"), &["no class is named 0", "position 0 is `1`", "1, 2, 3"]);
    let words = classes(["cat", "dog", "eel"]);
    assert_eq!(
        (named(&words, "1").unwrap(), named(&words, "'eel'").unwrap()),
        (vec!["dog".into()], vec!["eel".into()])
    );
    refused(named(&words, "3"), &["no class 3", "cat, dog, eel"]);
    let months = classes(["1", "11", "12"]);
    assert_eq!(named(&months, "11").unwrap(), ["11"]);
    refused(named(&months, "2"), &["no class is named 2", "`12`"]);
}

#[test]
fn twins_that_stay_behind_are_named_and_can_be_taken_along() {
    let (_dir, data) = people("id = 'customer'\ndrop = ['household']\ntest_fraction = 0.0");
    let split = resolve(&[inline("{ kind = 'sample', ids = [17] }")], &data, 0).unwrap();
    let twins: Vec<String> = split.lines[0].twins.iter().map(|who| who.id.to_string()).collect();
    assert_eq!((split.forget.len(), twins), (1, vec!["`5`".to_owned(), "`6`".to_owned()]));
    let split = resolve(&[inline("{ kind = 'sample', ids = [17], twins = true }")], &data, 0).unwrap();
    assert_eq!((split.forget.len(), split.lines[0].records.len(), split.lines[0].twins.len()), (3, 3, 0));
    let some = resolve(&[inline("{ kind = 'sample', ids = [17, 5] }")], &data, 0).unwrap();
    assert_eq!(some.lines[0].twins.len(), 1);
}

#[test]
fn a_hundred_thousand_lines_take_seconds() {
    let config = "loader = 'synth'\nsamples = 100001\nshape = [1]\ntest_fraction = 0.0";
    let data = load(&toml::from_str::<DataConfig>(config).unwrap(), Path::new(".")).unwrap();
    let line = |id| format!("{{\"request_id\":\"r{id}\",\"kind\":\"sample\",\"ids\":[{id}]}}\n");
    let text: String = (0..100_000).map(line).collect();
    let dir = folder();
    put(dir.path(), "r.jsonl", text.as_bytes());
    let start = std::time::Instant::now();
    let split = resolve(&read_requests(&dir.path().join("r.jsonl")).unwrap(), &data, 0).unwrap();
    assert_eq!((split.forget.len(), split.lines.len()), (100_000, 100_000));
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
