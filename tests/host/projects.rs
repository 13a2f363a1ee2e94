//! Projects: requests from receipt to publication, on the twins, and what of it is in the ledger.

mod bad;
mod cli;
mod evidence;
mod families;
mod kills;
mod loops;
mod many;
mod people;
mod whole;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use unlearn::engine::Engine;
use unlearn::ledger::{self, Keys, Start, Store, check};
use unlearn::run::config::Loaded;
use unlearn::run::ensemble::EnsembleJob;
use unlearn::run::requests::{Added, Finished, How, Outcome, Plan, Project, Wish, add, plan, run};
use unlearn::run::train_run::{TrainJob, TrainOptions};

use crate::shared::binary::Desk;

/// Rows of the table, four a person.
const ROWS: usize = 160;

/// Customers whose ids, names and towns are found again wherever they are written.
pub fn customers(desk: &Desk) -> String {
    let mut text = String::from("id,person,a,b,town,label\n");
    for row in 0..ROWS {
        let class = row * 7 % 3;
        let noise = |n: usize| ((row * n) % 17) as f64 / 17.0;
        let (a, b) = (class as f64 + noise(5), 3.0 * noise(11) - class as f64);
        let town = ["Zwettl", "Quakenbrück", "Xanten", "Jever"][row * 5 % 4];
        let _ = writeln!(text, "{},{},{a},{b},{town},klasse{class}", id(row), person(row / 4));
    }
    desk.put("customers.csv", text)
}

/// What the table calls a row.
pub fn id(row: usize) -> String {
    format!("kunde-{row}-{}", row * 7919 % 1009)
}

/// Whose row it is.
pub fn person(number: usize) -> String {
    format!("Zelda Quux{number}")
}

/// A trained run of the customers; `rest` are further tables of the configuration.
pub fn trained(desk: &Desk, name: &str, rest: &str) -> PathBuf {
    let table = customers(desk);
    let text = format!(
        "seed = 5\n[data]\nloader = \"csv\"\npath = '{table}'\nid = \"id\"\nsubject = \"person\"\nlabel = \"label\"\n\
         normalize = \"standard\"\ntest_fraction = 0.2\n[model]\nzoo = \"mlp\"\nhidden = [8]\n[train]\n\
         batch_size = 16\nlr = 0.2\nepochs = 12\n{rest}"
    );
    train(&desk.put(&format!("{name}.toml"), text), &desk.path(name))
}

/// Trains one network, or an ensemble.
pub fn train(config: &str, out: &Path) -> PathBuf {
    let (loaded, never) = (Loaded::read(Path::new(config), &[], None).unwrap(), AtomicBool::new(false));
    let options =
        TrainOptions { resume: false, keep_checkpoint: false, check_finite: false, interrupted: &never, ranks: None };
    let mut engine = Engine::reference();
    if loaded.config.whole_ensemble().is_some() {
        let job = EnsembleJob::prepare(loaded, out, false).unwrap().expect("not finished");
        job.train(&mut engine, options, &mut |_| {}).unwrap();
    } else {
        let job = TrainJob::prepare(loaded, out, false).unwrap().expect("not finished");
        job.train(&mut engine, options, &mut |_| {}).unwrap();
    }
    out.to_owned()
}

/// Everything that was said.
static SAID: Mutex<String> = Mutex::new(String::new());

fn hear(what: &str) {
    SAID.lock().unwrap().push_str(&format!("{what}\n"));
}

pub fn how() -> How<'static> {
    How { engine: &|_| Ok(Engine::reference()), memory: None, said: &hear, seed: None, pack: true }
}

pub fn open(folder: &Path) -> Project<'static> {
    Project::open(folder, &hear).unwrap()
}

pub fn create(folder: &Path, run: &Path) -> Project<'static> {
    Project::create(folder, run, false, "officer", &hear).unwrap()
}

/// A line of a request file.
pub fn line(request: &str, kind: &str, ids: &[String]) -> String {
    let ids = ids.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(",");
    format!("{{\"request_id\":\"{request}\",\"kind\":\"{kind}\",\"ids\":[{ids}],\"received_at\":\"2026-11-03\"}}\n")
}

pub fn deliver(project: &Project, text: &str) -> unlearn::Result<Added> {
    add(project, text, Path::new("delivery.jsonl"), "clerk")
}

pub fn planned(project: &Project, wish: &Wish) -> Plan {
    plan(project, wish, "officer").unwrap_or_else(|e| panic!("{e}")).0
}

pub fn done(project: &Project) -> Vec<Outcome> {
    finished(project).into_iter().map(|one| one.outcome).collect()
}

pub fn finished(project: &Project) -> Vec<Finished> {
    run(project, None, &how(), "officer").unwrap_or_else(|e| panic!("{e}"))
}

/// Where a request stands.
pub fn state(project: &Project, request: &str) -> String {
    project.view().unwrap().find(request).unwrap_or_else(|e| panic!("{e}")).state
}

/// The model that serves, by the file `current` and by the ledger.
pub fn serving(project: &Project) -> PathBuf {
    let named = std::fs::read_to_string(project.folder.join("current")).unwrap();
    let known = project.current(&project.view().unwrap().store).unwrap();
    assert_eq!(Path::new(named.trim()), known);
    known
}

/// The chain holds, and the store is what a new one made from it is.
pub fn whole(project: &Project) {
    let keys = Keys::open(&project.keys()).unwrap();
    let text = std::fs::read(project.ledger()).unwrap();
    let verdict = check(&text, &[keys.public()], &Start::Whole);
    assert!(verdict.holds(), "{:?}", verdict.faults);
    let made = Store::of(&ledger::read(&project.ledger()).unwrap().entries).unwrap();
    let there = Store::read(&project.store()).unwrap().unwrap();
    assert_eq!(there.dump().unwrap(), made.dump().unwrap());
}

/// Every file of a project but those that must know whom it is about: the open inbox, the runs, and the keys.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        match path.is_dir() {
            true if name == "run" => {}
            true => all.extend(files(&path)),
            false => all.push(path),
        }
    }
    all
}

/// Texts of persons that are in what was written or said.
pub fn leaks(project: &Project, names: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let said = SAID.lock().unwrap().clone();
    let read = |path: PathBuf| (path.display().to_string(), std::fs::read(&path).unwrap());
    let texts = files(&project.folder).into_iter().map(read).chain([("said".to_owned(), said.into_bytes())]);
    for (path, bytes) in texts {
        for name in names.iter().filter(|name| !name.is_empty()) {
            if bytes.windows(name.len()).any(|window| window == name.as_bytes()) {
                found.push(format!("{name} in {path}"));
            }
        }
    }
    found
}
