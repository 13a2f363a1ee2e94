//! What is written: one writer for each folder, no input and no run written over, the same bytes for the same work.
//! Runs are made on the reference engine; what the program refuses, it refuses before it opens an adapter.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use safetensors::SafeTensors;
use unlearn::engine::Engine;
use unlearn::run::config::Loaded;
use unlearn::run::forget_run::ForgetJob;
use unlearn::run::gradients::{GradientJob, Options};
use unlearn::run::hold::{Hold, LOCK};
use unlearn::run::info::RunInfo;
use unlearn::run::train_run::{Event, TrainJob, TrainOptions};

use crate::shared::binary::{Desk, ends, names, refused};

const CONFIG: &str = "seed = 3\n[data]\nloader = \"synth\"\nsamples = 45\ntest_fraction = 0\n\
    [model]\nzoo = \"logistic\"\n\
    [train]\nlr = 0.1\nepochs = 3\nbatch_size = 10\n";
const REQUEST: &str = "{\"request_id\":\"r\",\"kind\":\"class\",\"ids\":[1]}\n";
const RUN: [&str; 4] = ["config.toml", "metrics.jsonl", "model.safetensors", "run.json"];

fn job(config: &Path, out: &Path, resume: bool) -> unlearn::Result<Option<TrainJob>> {
    TrainJob::prepare(Loaded::read(config, &[], None)?, out, resume)
}

fn train(job: &TrainJob, resume: bool, watch: &mut dyn FnMut(Event)) -> unlearn::Result<RunInfo> {
    let interrupted = AtomicBool::new(false);
    let options =
        TrainOptions { resume, keep_checkpoint: false, check_finite: false, interrupted: &interrupted, ranks: None };
    job.train(&mut Engine::reference(), options, watch)
}

/// A desk with a configuration, a request and a run.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.put("c.toml", CONFIG);
    desk.put("q.jsonl", REQUEST);
    let job = job(&desk.path("c.toml"), &desk.path("run"), false).expect("a job").expect("not finished");
    train(&job, false, &mut |_| {}).expect("trains");
    desk
}

fn forget(desk: &Desk, out: &str, resume: bool) -> unlearn::Result<ForgetJob> {
    let (run, request) = (desk.path("run"), desk.path("q.jsonl"));
    let prepare = if resume { ForgetJob::resume } else { ForgetJob::prepare };
    prepare(&run, &request, "fisher_forgetting", Default::default(), &desk.path(out))
}

#[test]
fn a_second_process_is_refused_with_the_first_ones_number() {
    let desk = desk();
    let (config, run, request, out) = (desk.text("c.toml"), desk.text("run"), desk.text("q.jsonl"), desk.text("out"));
    let experiment = "[forget]\nrequest = { kind = \"class\", ids = [1] }\nmethods = [\"finetune\"]\n";
    let experiment = desk.put("e.toml", format!("{CONFIG}{experiment}"));
    let before = desk.names();
    let held = Hold::take(&desk.path("out"), "train").expect("free");
    let pid = std::process::id().to_string();
    let says = ["is being written to by process", &pid, "unlearn train", "use another folder"];
    refused(&["train", &config, "--out", &out], &says).expect("train");
    refused(&["train", &config, "--out", &out, "--resume"], &says).expect("train --resume");
    let forget = ["forget", &run, "--request", &request, "--method", "finetune", "--out", &out];
    refused(&forget, &says).expect("forget");
    refused(&["run", &experiment, "--out", &out], &says).expect("run");
    refused(&["demo", "--only", "mlp", "--out", &out], &says).expect("demo");
    // By another name it is the same folder.
    refused(&["train", &config, "--out", &desk.text("run/../out")], &says).expect("train");
    drop(held);
    assert_eq!(desk.names(), before);
}

#[test]
fn another_commands_folder_is_not_resumed_and_a_killed_ones_only_by_the_same() {
    let desk = desk();
    let (config, run, request, out) = (desk.text("c.toml"), desk.text("run"), desk.text("q.jsonl"), desk.text("out"));
    let forget_to = |out: &str| {
        ["forget", &run, "--request", &request, "--method", "finetune", "--out", out, "--resume"].map(str::to_owned)
    };
    let told = |arguments: &[String], says: &[&str]| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        refused(&arguments, says).expect("refused");
    };
    let train_to = |out: &str| ["train", &config, "--out", out, "--resume"].map(str::to_owned);
    // As a killed process leaves its folder: the file that said who wrote, and some of the parts.
    let killed = |command: &str, parts: &[&str]| {
        fs::remove_dir_all(desk.path("out")).ok();
        fs::create_dir(desk.path("out")).expect("a folder");
        let text = format!("{{\"command\":\"{command}\",\"pid\":1,\"digest\":\"other\"}}");
        fs::write(desk.path("out").join(LOCK), text).expect("a file");
        parts.iter().for_each(|part| fs::write(desk.path("out").join(part), "").expect("a part"));
    };
    killed("forget", &["request.jsonl", "config.toml"]);
    told(&train_to(&out), &["unfinished `unlearn forget`", "run that command again"]);
    killed("train", &["config.toml", "metrics.jsonl"]);
    told(&forget_to(&out), &["unfinished `unlearn train`"]);
    told(&train_to(&out), &["another configuration"]);
    assert_eq!(names(&desk.path("out")), [LOCK, "config.toml", "metrics.jsonl"]);
    // Begun by a forgetting of something else.
    killed("forget", &["request.jsonl"]);
    let said = self::forget(&desk, "out", false).expect("reads").forget(&mut Engine::reference(), None, false);
    assert!(said.expect_err("another").to_string().contains("another command line"));
    assert_eq!(names(&desk.path("out")), [LOCK, "request.jsonl"]);
    // Killed before anything was written: free, whoever it was.
    killed("forget", &[]);
    self::forget(&desk, "out", true).expect("reads").forget(&mut Engine::reference(), None, false).expect("forgets");
    assert!(self::forget(&desk, "out", true).expect("reads").finished(None).expect("the same"));
    assert!(self::forget(&desk, "out", true).expect("reads").finished(Some(9)).is_err(), "another seed");
    assert!(self::forget(&desk, "out", false).is_err(), "a finished run");
    told(&train_to(&out), &["was written by `unlearn forget`"]);
    told(&forget_to(&desk.text("run")), &["would be written over"]);
    assert_eq!(names(&desk.path("out")).len(), RUN.len() + 2, "request.jsonl and forgotten.jsonl besides");
}

#[test]
fn a_forgetting_that_fails_while_it_writes_leaves_nothing_and_can_be_run_again() {
    let desk = desk();
    let job = forget(&desk, "out", false).expect("reads");
    // In the place of a part, as if the disk had no room for it.
    fs::create_dir_all(desk.path("out/model.safetensors/x")).expect("a folder");
    job.forget(&mut Engine::reference(), None, false).expect_err("the weights cannot be written");
    drop(job);
    assert_eq!(names(&desk.path("out")), ["model.safetensors"]);
    fs::remove_dir_all(desk.path("out/model.safetensors")).expect("removed");
    forget(&desk, "out", false).expect("reads").forget(&mut Engine::reference(), None, false).expect("forgets");
}

#[test]
fn neither_inputs_nor_parts_of_a_run_are_written_over() {
    let desk = desk();
    let text = |name: &str| desk.text(name);
    let (run, config) = (text("run"), text("c.toml"));
    let gradients = |out: &str, more: &[&str]| {
        let own = ["gradients", &run, "--kind", "mean", "--indices", "0..3", "--force", "--out", out];
        own.iter().chain(more).map(|word| (*word).to_owned()).collect::<Vec<_>>()
    };
    let listed = desk.put("ids.txt", "0\n1\n");
    let line = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let (model, fresh) = (text("run/model.safetensors"), text("fresh"));
    let rows = desk.put("res/results.jsonl", "");
    let experiment = "[forget]\nrequest = { kind = \"class\", ids = [1] }\nmethods = [\"finetune\"]\n";
    let experiment = desk.put("e.toml", format!("{CONFIG}{experiment}"));
    let own = desk.put("own/config.toml", CONFIG);
    let asked = desk.put("asked/request.jsonl", REQUEST);
    let cases: Vec<(Vec<String>, &str)> = vec![
        (gradients(&model, &[]), "part of a run"),
        (gradients(&text("run/run.json"), &[]), "part of a run"),
        (gradients(&text("run/checkpoint.safetensors"), &[]), "part of a run"),
        (gradients(&fresh, &["--trace", &text("run/metrics.jsonl")]), "part of a run"),
        (gradients(&fresh, &["--trace", &fresh]), "the same file"),
        (line(&["gradients", &run, "--kind", "mean", "--indices", &listed, "--force", "--out", &listed]), "reads"),
        (line(&["report", &run, "--force", "--out", &text("run/config.toml")]), "part of a run"),
        (line(&["report", &text("res"), "--force", "--out", &rows]), "reads"),
        (line(&["eval", &run, "--force", "--trace", &model]), "part of a run"),
        (line(&["train", &config, "--out", &fresh, "--force", "--trace", &config]), "reads"),
        (line(&["train", &config, "--out", &fresh, "--trace", &text("fresh/run.json")]), "part of a run"),
        (line(&["train", &own, "--out", &text("own"), "--resume", "--force"]), "would be written over"),
        (
            line(&["forget", &run, "--request", &asked, "--method", "finetune", "--out", &text("asked"), "--resume"]),
            "would be written over",
        ),
        (line(&["run", &experiment, "--out", &text("."), "--force"]), "reads"),
        (line(&["run", &experiment, "--out", &run, "--force"]), "already holds a run"),
        (line(&["train", &config, "--out", &text("res"), "--resume"]), "results of an experiment"),
        (line(&["bench", "--baseline", &config, "--save-baseline", &config, "--force"]), "reads"),
        (line(&["check", "--merge", &rows, "--json", &rows, "--force"]), "reads"),
        (line(&["check", "--expectations", &config, "--junit", &config, "--force"]), "reads"),
    ];
    for (arguments, says) in cases {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        refused(&arguments, &[says]).expect("refused");
    }
    assert_eq!(fs::read_to_string(&experiment).expect("is there").len(), CONFIG.len() + experiment_table());
    assert_eq!(names(&desk.path("run")), RUN);
    assert_eq!(
        (names(&desk.path("own")), names(&desk.path("asked"))),
        (vec!["config.toml".into()], vec!["request.jsonl".into()])
    );
    assert!(!desk.path("fresh").exists());
}

/// Letters of the table that makes an experiment of the configuration.
fn experiment_table() -> usize {
    "[forget]\nrequest = { kind = \"class\", ids = [1] }\nmethods = [\"finetune\"]\n".len()
}

#[test]
fn results_that_exist_are_replaced_on_demand_alone() {
    let desk = desk();
    let (run, old) = (desk.text("run"), desk.put("old", "the user's"));
    let experiment = "[forget]\nrequest = { kind = \"class\", ids = [1] }\nmethods = [\"finetune\"]\n";
    let experiment = desk.put("e.toml", format!("{CONFIG}{experiment}"));
    desk.put("res/results.jsonl", "the user's");
    desk.put("page/report.html", "the user's");
    desk.put("cases/cases.json", "the user's");
    desk.put("shaders/map/fill.wgsl", "the user's");
    let (of, new) = (["gradients", &run, "--kind", "mean", "--indices", "0..3", "--out"], desk.text("new"));
    let cases: Vec<Vec<&str>> = vec![
        [&of[..], &[&old]].concat(),
        [&of[..], &[&new, "--trace", &old]].concat(),
        vec!["report", &run, "--out", &old],
        vec!["bench", "--save-baseline", &old],
        vec!["check", "--junit", &old],
        vec!["check", "--md", &old],
        vec!["check", "--json", &old],
    ];
    for arguments in cases {
        refused(&arguments, &["the file exists", "--force"]).expect("refused");
    }
    for folder in ["res", "page"] {
        refused(&["run", &experiment, "--out", &desk.text(folder)], &["the file exists"]).expect("refused");
    }
    refused(&["check", "--export", &desk.text("cases"), "-k", "^map.fill"], &["the file exists"]).expect("refused");
    let dump = desk.text("shaders");
    refused(&["shaders", "--dump", &dump, "-k", "^map"], &["the file exists", "fill.wgsl"]).expect("refused");
    assert_eq!(names(&desk.path("shaders/map")), ["fill.wgsl"]);
    ends(&["shaders", "--dump", &dump, "-k", "^map", "--force"], 0).expect("dumps");
    assert_eq!(fs::read_to_string(&old).expect("is there"), "the user's");
    // Before any work, not after it.
    refused(&[&of[..], &[&desk.text("no/such/file")]].concat(), &["no/such/file"]).expect("refused");
    refused(&[&of[..], &[&desk.text(&"x".repeat(256))]].concat(), &["xxx"]).expect("refused");
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf_8_are_shown_and_do_not_end_the_program() {
    use std::os::unix::ffi::OsStrExt;

    let desk = desk();
    let odd = desk.path("").join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    let shown = |arguments: &[&str], flag: &str| {
        let output = crate::shared::binary::unlearn(arguments).arg(flag).arg(&odd).output().expect("starts");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert!(document.to_string().contains("caf\u{fffd}"), "{document}");
    };
    // No run among the sources, so that no adapter is needed.
    desk.put("res/results.jsonl", "");
    shown(&["report", &desk.text("res"), "--json"], "--out");
    fs::remove_file(&odd).expect("a page");
    shown(&["shaders", "-k", "^map.fill$", "--json"], "--dump");
}

#[test]
fn the_same_gradients_are_the_same_bytes() {
    let desk = desk();
    let mut files = Vec::new();
    for i in 0..5 {
        let job = GradientJob::read(&desk.path("run"), "0..5", "mean", Options::default()).expect("a job");
        let out = desk.path(&format!("g{i}"));
        job.write(&mut Engine::reference(), &out).expect("writes");
        files.push(fs::read(out).expect("a file"));
    }
    assert!(files.iter().all(|file| *file == files[0]), "the order of the metadata differs");
}

/// Steps of the checkpoints that lay in the folder while a run of 5 steps an epoch went on.
fn checkpoints(keys: &str) -> Vec<u64> {
    let desk = Desk::new();
    desk.put("c.toml", format!("{CONFIG}{keys}"));
    let job = job(&desk.path("c.toml"), &desk.path("run"), false).expect("a job").expect("not finished");
    let mut seen = Vec::new();
    train(&job, false, &mut |_| {
        let Ok(bytes) = fs::read(desk.path("run/checkpoint.safetensors")) else { return };
        let (_, header) = SafeTensors::read_metadata(&bytes).expect("whole");
        seen.push(header.metadata().as_ref().expect("metadata")["step"].parse().expect("a number"));
    })
    .expect("trains");
    seen.dedup();
    seen
}

#[test]
fn checkpoint_steps_take_effect_where_an_epoch_fits_in_flight() {
    // 45 training records by 10: five steps an epoch, the last one of fewer records and so in a submission of its own.
    assert_eq!(checkpoints("checkpoint_steps = 2\n"), [4, 9, 14]);
    assert_eq!(checkpoints("checkpoint_steps = 5\n"), [5, 10]);
    assert_eq!(checkpoints("checkpoint_steps = 2\nsteps_per_submission = 1\n"), [2, 4, 6, 8, 10, 12, 14]);
    assert_eq!(checkpoints("checkpoint_steps = 5\nsteps_per_submission = 2\n"), [5, 10]);
    assert_eq!(checkpoints("checkpoint_steps = 7\nsteps_per_submission = 2\n"), [7, 14]);
    assert_eq!(checkpoints(""), [0u64; 0]);
}
