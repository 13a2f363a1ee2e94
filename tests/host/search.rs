//! `unlearn search`: settings chosen on other requests than the one to come.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use unlearn::Error;
use unlearn::data::{Dataset, Id, Kind, Portion, like, resolve};
use unlearn::engine::Engine;
use unlearn::run::config::Loaded;
use unlearn::run::experiment::ExperimentOptions;
use unlearn::run::experiment::search::{BEST, Found, SEARCH, Search, TRIALS};

/// Rows of five clouds on a circle; those of the test part may lie elsewhere.
fn rows(of: std::ops::Range<usize>, shift: f64) -> String {
    let mut text = String::from("id,person,a,b,label\n");
    for i in of {
        let angle = std::f64::consts::TAU * (i % 5) as f64 / 5.0;
        let [a, b] = [7, 11].map(|k| ((i * k) % 13) as f64 / 6.5 - 1.0);
        text.push_str(&format!(
            "r{i},p{},{},{},{}\n",
            i / 4,
            a + 2.0 * angle.cos(),
            b + 2.0 * angle.sin() + shift,
            i % 5
        ));
    }
    text
}

const CONFIG: &str = r#"
seed = 3
[data]
loader = "csv"
path = "rows.csv"
label = "label"
id = "id"
subject = "person"
test_path = "test.csv"
validation_fraction = 0.25
normalize = "none"
[[model.layers]]
type = "linear"
out = 16
[[model.layers]]
type = "tanh"
[[model.layers]]
type = "linear"
[train]
optimizer = "sgd"
lr = 0.3
batch_size = 16
epochs = 15
[forget]
request = { kind = "class", ids = ["1"] }
methods = ["ssd"]
"#;

fn loaded(dir: &Path, config: &str) -> Loaded {
    Loaded::parse(config, "search.toml", dir, &[], None).unwrap_or_else(|e| panic!("{e}"))
}

fn search(dir: &Path, config: &str, out: &str, trials: usize) -> Result<Found, Error> {
    let never = AtomicBool::new(false);
    let search = Search {
        loaded: loaded(dir, config),
        method: "ssd",
        fixed: toml::Table::new(),
        over: &["alpha=1..5".to_owned()],
        trials,
        budget: 1e9,
        sets: 2,
        references: 2,
        max_cost: 1e9,
        out: &dir.join(out),
        options: ExperimentOptions { check_finite: false, interrupted: &never, one_by_one: false },
    };
    search.run(&mut Engine::reference(), &mut |_| {})
}

fn with_rows(test_shift: f64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("rows.csv"), rows(0..100, 0.0)).unwrap();
    fs::write(dir.path().join("test.csv"), rows(100..120, test_shift)).unwrap();
    dir
}

/// Everything of it that does not depend on a clock.
fn distances(found: &Found) -> [Option<f64>; 4] {
    let best = found.best.as_ref().and_then(|best| best.distance);
    [Some(found.nothing), Some(found.retrain), found.defaults.distance, best]
}

#[test]
fn a_search_that_goes_on_finds_what_one_in_one_go_finds() {
    let dir = with_rows(0.0);
    let whole = search(dir.path(), CONFIG, "whole", 5).unwrap();
    let part = search(dir.path(), CONFIG, "parts", 5);
    // What a killed process leaves: models, and the trials that were finished.
    let trace = fs::read_to_string(dir.path().join("parts").join(TRIALS)).unwrap();
    let cut: String = trace.lines().take(2).map(|line| format!("{line}\n")).collect();
    fs::write(dir.path().join("parts").join(TRIALS), cut).unwrap();
    fs::remove_file(dir.path().join("parts").join(SEARCH)).unwrap();
    let again = search(dir.path(), CONFIG, "parts", 5).unwrap();
    assert_eq!(distances(&whole), distances(&again));
    assert_eq!(distances(&whole), distances(&part.unwrap()));
    assert_eq!(whole.trials, 5);
    assert_eq!(whole.forgets.len(), 2);
    let best = whole.best.expect("some ratio is better than nothing");
    let text = fs::read_to_string(dir.path().join("whole").join(BEST)).unwrap();
    let table: toml::Table = text.parse().unwrap();
    assert_eq!(table["forget"]["settings"]["ssd"].as_table().unwrap(), &best.settings);
}

#[test]
fn neither_test_records_nor_the_request_choose() {
    let [plain, moved] = [with_rows(0.0), with_rows(50.0)];
    let here = search(plain.path(), CONFIG, "out", 3).unwrap();
    let there = search(moved.path(), CONFIG, "out", 3).unwrap();
    assert_eq!(distances(&here), distances(&there));
}

#[test]
fn what_cannot_be_searched_is_refused_before_anything_is_trained() {
    let dir = with_rows(0.0);
    let refused = |config: &str, out: &str, says: &str| {
        let why = search(dir.path(), config, out, 2).unwrap_err();
        assert!(why.exit_code() == 2 && why.to_string().contains(says), "{why}");
    };
    let without = CONFIG.replace("validation_fraction = 0.25\n", "");
    refused(&without, "none", "set data.validation_fraction");
    assert!(!dir.path().join("none").exists());
    let most = CONFIG.replace(r#"kind = "class", ids = ["1"]"#, r#"kind = "sample", fraction = 0.6"#);
    refused(&most, "most", "other training records");
    refused(&CONFIG.replace(r#"ids = ["1"]"#, r#"ids = ["1", "2"]"#), "classes", "1 other classes");
    search(dir.path(), CONFIG, "out", 2).unwrap();
    refused(&CONFIG.replace("epochs = 15", "epochs = 16"), "out", "another search is in this folder");
}

fn data(config: &str) -> (Dataset, Vec<unlearn::data::Request>) {
    let mut loaded = Loaded::parse(config, "like.toml", Path::new(""), &[], None).unwrap_or_else(|e| panic!("{e}"));
    let requests = loaded.config.forget.as_ref().unwrap().requests().unwrap();
    (loaded.build().unwrap().0, requests)
}

/// What a drawn request takes has the size of the first one's, and nothing of it.
fn drawn_like(request: &str, network: &str) {
    let config = format!(
        "[data]\nloader = \"sbm\"\nvalidation_fraction = 0.2\n[[model.layers]]\ntype = \"{network}\"\n[forget]\n\
         request = {request}\n"
    );
    let (data, requests) = data(&config);
    let own = resolve(&requests, &data, 1).unwrap();
    for seed in 0..3 {
        let other = like(&requests, &own, &data, &[], seed).unwrap();
        let split = resolve(std::slice::from_ref(&other), &data, 1).unwrap();
        let (a, b) = (own.deletion.as_ref().unwrap(), split.deletion.as_ref().unwrap());
        let size = |d: &unlearn::data::Deletion| {
            [d.nodes.len(), d.feature_columns.len(), d.feature_rows.len(), d.feature_entries.len()]
        };
        assert_eq!(size(a), size(b), "{request}");
        let records = |split: &unlearn::data::Split| -> HashSet<String> {
            split.lines.iter().flat_map(|line| &line.records).map(|who| who.id.to_string()).collect()
        };
        assert!(records(&own).is_disjoint(&records(&split)), "{request}");
        if requests[0].kind == Kind::Edge {
            assert_eq!(a.edges.len(), b.edges.len());
        }
    }
}

#[test]
fn requests_on_graphs_are_drawn_like_others() {
    drawn_like("{ kind = \"node\", ids = [1, 2, 3] }", "graph_conv");
    drawn_like("{ kind = \"edge\", fraction = 0.05 }", "graph_conv");
    drawn_like("{ kind = \"feature\", ids = [0, 2] }", "graph_conv");
    drawn_like("{ kind = \"feature\", nodes = [4, 5] }", "graph_conv");
    drawn_like("{ kind = \"feature\", ids = [[4, 1], [5, 0]] }", "graph_conv");
}

#[test]
fn classes_and_subjects_are_drawn_once() {
    let config = "[data]\nloader = \"digits\"\n[model]\nzoo = \"mlp\"\nhidden = [4]\n[forget]\n\
                  request = { kind = \"class\", ids = [\"3\", \"4\"] }\n";
    let (data, requests) = data(config);
    let own = resolve(&requests, &data, 1).unwrap();
    let mut drawn = Vec::new();
    for seed in 0..3 {
        drawn.push(like(&requests, &own, &data, &drawn, seed).unwrap());
    }
    let ids: Vec<&Id> = drawn.iter().flat_map(|request| &request.ids).chain(&requests[0].ids).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 8, "{ids:?}");
    drawn.push(like(&requests, &own, &data, &drawn, 3).unwrap());
    let why = like(&requests, &own, &data, &drawn, 9).unwrap_err().to_string();
    assert!(why.contains("there are 0 other classes"), "{why}");
    assert!(data.places(Portion::Train).count() > 1000);
}
