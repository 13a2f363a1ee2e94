//! `unlearn compare`: methods over tasks and draws, and what becomes of a comparison that was broken off.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use unlearn::engine::Engine;
use unlearn::run::config::Loaded;
use unlearn::run::contest::{Contest, State};
use unlearn::run::experiment::{ExperimentOptions, Ready, Stride, run_experiments};
use unlearn::run::results::{RowKind, read_results};
use unlearn::run::standings::standings;

const SMALL: &str = "[data]\nloader = \"synth\"\nsamples = 24\nclasses = 2\nshape = [3]\n[model]\nzoo = \"logistic\"\n\
    [train]\nepochs = 1\n[forget]\nreferences = 2\nseeds = 1\nmethods = [\"finetune\", \"ssd\"]\n";
const DRAWN: &str = "request = { kind = \"sample\", fraction = 0.25 }\n";
const CLASS: &str = "request = { kind = \"class\", ids = [1] }\n";

fn task(name: &str, request: &str) -> Loaded {
    Loaded::parse(&format!("{SMALL}{request}"), name, Path::new(""), &[], None).expect("a task")
}

/// What is done, and the tasks that this process began.
fn work(contest: &Contest, interrupted: bool) -> unlearn::Result<(State, Vec<String>)> {
    let mut begun = Vec::new();
    let options =
        ExperimentOptions { check_finite: false, interrupted: &AtomicBool::new(interrupted), one_by_one: false };
    let state = contest.work(&|| Ok(Engine::reference()), options, &mut |stride| {
        if let Stride::Begin { name, .. } = stride {
            begun.push(name.to_owned());
        }
    })?;
    Ok((state, begun))
}

#[test]
fn a_comparison_is_done_once_and_goes_on_where_it_was_broken_off() {
    let dir = tempfile::tempdir().expect("a folder");
    let of = || Contest::of(dir.path(), vec![task("a.toml", DRAWN), task("b.toml", CLASS)], &[1, 2]).expect("a plan");
    // A class is no draw: one experiment, whatever the draws.
    let error = work(&of(), true).expect_err("interrupted");
    assert_eq!((error.exit_code(), error.to_string().contains("the same command goes on")), (130, true), "{error}");
    let (state, begun) = work(&of(), false).expect("done");
    assert_eq!(state, State { all: 3, done: 3 });
    assert_eq!(begun, ["a, draw 1", "a, draw 2", "b"]);
    let rows = of().gather().expect("rows");
    assert_eq!(read_results(&dir.path().join("results.jsonl")).expect("results"), rows);
    for page in ["report.html", "report.md"] {
        let text = fs::read_to_string(dir.path().join(page)).expect("a page");
        assert!(text.contains("Methods across experiments"), "{page}");
    }
    let request = |name: &str| rows.iter().find(|row| row.experiment == name).expect("a row").request.hash.clone();
    assert_ne!(request("a, draw 1"), request("a, draw 2"));
    assert_eq!(standings(&rows).iter().map(|s| (s.method.as_str(), s.tried)).collect::<Vec<_>>().len(), 2);
    assert!(standings(&rows).iter().all(|standing| standing.tried == 3));
    // Nothing is left to do; what was lost is done again, and nothing else.
    assert_eq!(work(&of(), false).expect("done").1, [""; 0]);
    let cells = || fs::read_dir(dir.path().join("cells")).expect("cells").map(|entry| entry.expect("a cell").path());
    let lost = cells().find(|cell| fs::read_to_string(cell.join("results.jsonl")).expect("rows").contains("draw 2"));
    fs::remove_dir_all(lost.expect("a cell")).expect("removed");
    let (state, begun) = work(&of(), false).expect("done");
    assert_eq!((state.done, begun), (3, vec!["a, draw 2".to_owned()]));
    let again = of().gather().expect("rows");
    assert_eq!(again.len(), rows.len());
    let measured = |rows: &[unlearn::run::results::Row]| rows.iter().map(|row| row.metrics.clone()).collect::<Vec<_>>();
    assert_eq!(measured(&again), measured(&rows), "the same inputs, the same figures");
}

/// Originals and retrains of a stack are those that are trained one by one: every figure of every row is the same.
#[test]
fn what_is_trained_in_stacks_is_what_is_trained_alone() {
    let rows = |one_by_one: bool| {
        let sets = ["forget.seeds=4".to_owned(), "train.epochs=3".to_owned()];
        let text = format!("{SMALL}{DRAWN}");
        let ready = Loaded::parse(&text, "a.toml", Path::new(""), &sets, None).and_then(Ready::of).expect("ready");
        let options = ExperimentOptions { check_finite: false, interrupted: &AtomicBool::new(false), one_by_one };
        run_experiments(&[ready], &mut Engine::reference(), options, &mut |_| {}).expect("results").rows
    };
    let (stacked, alone) = (rows(false), rows(true));
    assert_eq!(stacked[0].seeds.len(), 4);
    for (a, b) in stacked.iter().zip(&alone) {
        assert_eq!((a.label(), &a.metrics, &a.sd), (b.label(), &b.metrics, &b.sd));
    }
}

/// Doing nothing is judged like a method, the held-out retrain as a control.
#[test]
fn controls_have_verdicts_and_the_reference_has_none() {
    let text = format!("{SMALL}{CLASS}").replace("references = 2", "references = 3");
    let ready = Loaded::parse(&text, "a.toml", Path::new(""), &[], None).and_then(Ready::of).expect("ready");
    let options = ExperimentOptions { check_finite: false, interrupted: &AtomicBool::new(false), one_by_one: false };
    let rows = run_experiments(&[ready], &mut Engine::reference(), options, &mut |_| {}).expect("results").rows;
    let judged = |kind| rows.iter().find(|row| row.row == kind).expect("a row").verdict.is_some();
    assert!(judged(RowKind::Original) && judged(RowKind::AnotherRetrain) && !judged(RowKind::Retrain));
}

#[test]
fn tasks_of_one_name_and_folders_of_other_files_are_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let refused = |tasks, what: &str| match Contest::of(dir.path(), tasks, &[1]) {
        Ok(_) => panic!("{what} was taken"),
        Err(error) => assert!(error.to_string().contains(what) && error.exit_code() == 2, "{error}"),
    };
    refused(vec![task("a.toml", DRAWN), task("x/a.toml", CLASS)], "two tasks are called a");
    fs::write(dir.path().join("mine.txt"), "the user's").expect("written");
    refused(vec![task("a.toml", DRAWN)], "holds other files (mine.txt)");
}
