//! Exact forgetting, proven by hash: what a run has after a request is what a training on the file without the records
//! has. On the twins, which compute in f64 and go on from what a checkpoint holds.

mod back;
mod back_parity;
mod ensembles;
mod erasers;
mod replays;
mod stacked;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use unlearn::engine::Engine;
use unlearn::error::{Error, Result};
use unlearn::run::config::Loaded;
use unlearn::run::ensemble::{EnsembleForget, EnsembleJob};
use unlearn::run::folder::RunFolder;
use unlearn::run::forget_run::ForgetJob;
use unlearn::run::info::RunInfo;
use unlearn::run::prove::{Outcome, Proof, prove};
use unlearn::run::train_run::{TrainJob, TrainOptions};

use crate::shared::binary::Desk;

/// Rows of the table: three classes, a category, two numbers, four rows a person.
const ROWS: usize = 132;

/// A table without the rows of these numbers.
fn table(desk: &Desk, name: &str, gone: &BTreeSet<usize>) -> String {
    let mut text = String::from("id,person,a,b,color,label\n");
    for row in (0..ROWS).filter(|row| !gone.contains(row)) {
        let class = row * 7 % 3;
        let noise = |n: usize| ((row * n) % 17) as f64 / 17.0;
        let (a, b) = (class as f64 + noise(5), 3.0 * noise(11) - class as f64);
        let color = ["red", "green", "blue", "grey"][row * 5 % 4];
        let _ = writeln!(text, "r{row},p{},{a},{b},{color},c{class}", row / 4);
    }
    desk.put(name, text)
}

/// A configuration over a table; `rest` are its other tables.
fn config(desk: &Desk, name: &str, table: &str, subjects: bool, rest: &str) -> String {
    let subject = if subjects { "subject = \"person\"\n" } else { "drop = [\"person\"]\n" };
    let data = format!(
        "seed = 5\n[data]\nloader = \"csv\"\npath = '{table}'\nid = \"id\"\n{subject}label = \"label\"\n\
         normalize = \"standard\"\ntest_fraction = 0.2\n"
    );
    desk.put(name, data + rest)
}

fn options(never: &AtomicBool) -> TrainOptions<'_> {
    TrainOptions { resume: false, keep_checkpoint: false, check_finite: false, interrupted: never, ranks: None }
}

/// Trains one network, or an ensemble.
fn train(config: &str, out: &Path) -> Result<RunInfo> {
    let (loaded, never) = (Loaded::read(Path::new(config), &[], None)?, AtomicBool::new(false));
    let mut engine = Engine::reference();
    if loaded.config.whole_ensemble().is_some() {
        let job = EnsembleJob::prepare(loaded, out, false)?.expect("not finished");
        return job.train(&mut engine, options(&never), &mut |_| {});
    }
    let job = TrainJob::prepare(loaded, out, false)?.expect("not finished");
    job.train(&mut engine, options(&never), &mut |_| {})
}

/// Lets a run forget ids of a kind.
fn forget(desk: &Desk, run: &Path, (kind, ids): (&str, &[String]), method: &str, out: &Path) -> Result<RunInfo> {
    forget_with(desk, run, (kind, ids), (method, ""), out)
}

fn forget_with(
    desk: &Desk,
    run: &Path,
    (kind, ids): (&str, &[String]),
    (method, settings): (&str, &str),
    out: &Path,
) -> Result<RunInfo> {
    let name = format!("{}.jsonl", out.file_name().unwrap().to_string_lossy());
    let ids = ids.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(",");
    let request = desk.put(&name, format!("{{\"request_id\":\"{name}\",\"kind\":\"{kind}\",\"ids\":[{ids}]}}\n"));
    let (request, mut engine) = (PathBuf::from(request), Engine::reference());
    let settings: toml::Table = settings.parse().expect("settings");
    if RunFolder::new(run).read_info()?.ensemble.is_some() {
        let job = EnsembleForget::prepare(run, &request, method, settings, Some((out, false)))?;
        return job.forget(&mut engine, None, false);
    }
    ForgetJob::prepare(run, &request, method, settings, out)?.forget(&mut engine, None, false)
}

fn proven(run: &Path, against: &Path) -> Proof {
    let proof = prove(run, against).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(proof.outcome, Outcome::Holds, "{}", proof.reason);
    proof
}

fn said(result: Result<RunInfo>) -> String {
    result.err().map_or("nothing".into(), |e: Error| e.to_string())
}

fn rows(all: &[usize]) -> (BTreeSet<usize>, Vec<String>) {
    (all.iter().copied().collect(), all.iter().map(|row| format!("r{row}")).collect())
}
