//! The templates: each loads as it stands, so does every key that is ready to be switched on, and what they describe
//! trains.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use unlearn::engine::Engine;
use unlearn::run::config::Loaded;
use unlearn::run::templates::TEMPLATES;
use unlearn::run::train_run::{TrainJob, TrainOptions};

use crate::shared::binary::{Desk, ends};

fn text(name: &str) -> String {
    String::from_utf8(ends(&["template", name], 0).expect("a template").stdout).expect("text")
}

fn parse(text: &str) -> unlearn::Result<Loaded> {
    Loaded::parse(text, "template.toml", Path::new(""), &[], None)
}

/// The key of a line, switched on or not.
fn key(line: &str) -> Option<&str> {
    let name = line.trim_start_matches('#').split_once(" = ")?.0;
    name.chars().all(|c| c.is_ascii_lowercase() || c == '_').then_some(name)
}

#[test]
fn each_loads_and_so_does_every_key_that_can_be_switched_on() {
    for (name, embedded) in TEMPLATES {
        let text = text(name);
        assert_eq!(&text, embedded);
        parse(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let lines: Vec<&str> = text.lines().collect();
        let mut switched = 0;
        for (at, line) in lines.iter().enumerate() {
            let Some(on) = line.strip_prefix('#').filter(|on| on.starts_with(|c: char| c.is_ascii_lowercase())) else {
                continue;
            };
            // A key that has a value already takes this one in its place.
            let table = lines[..at].iter().rposition(|l| l.starts_with('[')).unwrap_or(0);
            let end = lines[at..].iter().position(|l| l.starts_with('[')).map_or(lines.len(), |n| at + n);
            let inside = |n: usize| (table..end).contains(&n) && n != at;
            let same = |(n, l): (usize, &&str)| inside(n) && !l.starts_with('#') && key(l) == key(on);
            let taken: Vec<usize> = lines.iter().enumerate().filter(|one| same(*one)).map(|(n, _)| n).collect();
            let kept = lines.iter().enumerate().filter(|(n, _)| !taken.contains(n));
            let changed: Vec<&str> = kept.map(|(n, line)| if n == at { on } else { line }).collect();
            // `planetoid` and the fractions exclude each other, and links are no classes.
            let changed = changed.join("\n").replace(
                "validation_fraction = 0.1",
                match on.contains("planetoid") {
                    true => "",
                    false => "validation_fraction = 0.1",
                },
            );
            parse(&changed).unwrap_or_else(|e| panic!("{name}, {on}: {e}"));
            switched += 1;
        }
        assert!(switched > 0, "{name}");
    }
}

/// One epoch on the twins.
fn trains(desk: &Desk, name: &str, sets: &[&str]) {
    let config = desk.put(&format!("{name}.toml"), text(name));
    let sets: Vec<String> = ["train.epochs=1"].iter().chain(sets).map(|set| (*set).to_owned()).collect();
    let loaded = Loaded::read(Path::new(&config), &sets, None).expect("it loads");
    let job = TrainJob::prepare(loaded, &desk.path("run"), false).expect("prepared").expect("not finished");
    let interrupted = AtomicBool::new(false);
    let options = TrainOptions {
        resume: false,
        keep_checkpoint: false,
        check_finite: false,
        interrupted: &interrupted,
        ranks: None,
    };
    let info = job.train(&mut Engine::reference(), options, &mut |_| {}).expect("trained");
    assert_eq!(info.epochs, 1);
}

#[test]
fn the_table_trains() {
    let desk = Desk::new();
    let row = |i: usize| format!("{},{},{},{}\n", 20 + i, ["a", "b"][i % 2], i * 3 % 7, ["yes", "no"][i / 2 % 2]);
    desk.put("table.csv", "age,plan,visits,outcome\n".to_owned() + &(0..20).map(row).collect::<String>());
    trains(&desk, "csv", &["model.hidden=[4]"]);
}

#[test]
fn the_numbers_train() {
    let desk = Desk::new();
    let row = |i: usize| format!("{i},{},{}\n", i * 3 % 7, 100 + i * i % 11);
    desk.put("table.csv", "rooms,storey,price\n".to_owned() + &(0..20).map(row).collect::<String>());
    trains(&desk, "regression", &["model.hidden=[4]"]);
}

#[test]
fn the_graph_trains() {
    let desk = Desk::new();
    let lines = |head: &str, row: &dyn Fn(usize) -> String| (0..16).fold(head.to_owned(), |all, i| all + &row(i));
    desk.put("edges.csv", lines("from,to\n", &|i| format!("{i},{}\n", (i + 1) % 16)));
    desk.put("nodes.csv", lines("node,class\n", &|i| format!("{i},{}\n", ["x", "y"][i % 2])));
    desk.put("features.csv", lines("node,f,g\n", &|i| format!("{i},{},{}\n", i % 2, 1 + i % 3)));
    trains(&desk, "graph", &["model.hidden=[4]"]);
}
