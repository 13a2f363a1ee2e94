//! One changed bit, anywhere.

use std::fs;

use unlearn::base::sha256;
use unlearn::engine::Engine;
use unlearn::run::folder::RunFolder;
use unlearn::run::forget_run::ForgetJob;
use unlearn::run::gradients::{GradientJob, Options};
use unlearn::train::checkpoint::Checkpoint;

use super::bench::{Bench, config, hashes, refused};

/// Every bit of the small files, some of the weights'.
#[test]
fn one_flipped_bit_in_any_file_of_a_run_is_noticed_and_named() {
    let bench = Bench::trained();
    bench.forget("run", "one.jsonl", "finetune", "epochs = 1", "forgot");
    let folder = RunFolder::new(&bench.path("forgot"));
    folder.open().unwrap();
    let files = [folder.info(), folder.config(), folder.request(), folder.metrics(), folder.model()];
    for file in files {
        let whole = fs::read(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        for (at, bit) in (0..whole.len()).step_by(1 + whole.len() / 97).zip((0..8).cycle()) {
            let mut changed = whole.clone();
            changed[at] ^= 1 << bit;
            fs::write(&file, &changed).unwrap();
            let said = refused(folder.open(), &[&name]);
            assert!(name == "run.json" || hashes(&said) == 2, "{said}");
        }
        fs::write(&file, &whole).unwrap();
    }
    fs::write(folder.metrics(), b"one line more\n").unwrap();
    refused(folder.open(), &["metrics.jsonl"]);
}

#[test]
fn a_changed_or_missing_row_is_noticed_by_every_command_that_reads_a_run() {
    let bench = Bench::trained();
    let csv = fs::read_to_string(bench.path("data.csv")).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    let without = |row: usize| {
        let kept: Vec<&str> = lines.iter().enumerate().filter(|(i, _)| *i != row).map(|(_, line)| *line).collect();
        kept.join("\n") + "\n"
    };
    let digit = csv.replacen("0.000,1.000", "0.000,1.001", 1);
    for changed in [without(7), without(40), digit, csv.clone() + "0.1,0.2,p\n", csv.replacen(",p\n", ",q\n", 1)] {
        assert_ne!(changed, csv);
        bench.put("data.csv", &changed);
        let run = bench.path("run");
        let said = refused(RunFolder::new(&run).open(), &["data were changed", "run"]);
        assert_eq!(hashes(&said), 2, "{said}");
        let request = bench.path("one.jsonl");
        let forget = ForgetJob::prepare(&run, &request, "retrain", toml::Table::new(), &bench.path("out"));
        refused(forget, &["data were changed"]);
        refused(GradientJob::read(&run, "0..2", "mean", Options::default()), &["data were changed"]);
    }
    bench.put("data.csv", &csv);
    RunFolder::new(&bench.path("run")).open().unwrap();
}

#[test]
fn data_changed_between_kill_and_resume_are_refused_and_so_is_a_changed_checkpoint() {
    let bench = Bench::new();
    assert_eq!(bench.train_on("c.toml", "run", true, false).unwrap_err().exit_code(), 130);
    let csv = fs::read_to_string(bench.path("data.csv")).unwrap();
    bench.put("data.csv", &csv.replacen(",p\n", ",q\n", 1));
    let said = refused(bench.train_on("c.toml", "run", false, true), &["--resume", "data were changed"]);
    assert_eq!(hashes(&said), 2, "{said}");
    bench.put("data.csv", &csv);
    // Every bit of the file counts, header and padding included.
    let (path, folder) = (bench.path("run/checkpoint.safetensors"), RunFolder::new(&bench.path("run")));
    let layout = unlearn::run::config::Loaded::read(&folder.config(), &[], None).unwrap().build().unwrap().1.layout;
    let whole = fs::read(&path).unwrap();
    for (at, bit) in (0..whole.len()).step_by(7).zip((0..8).cycle()) {
        let mut changed = whole.clone();
        changed[at] ^= 1 << bit;
        fs::write(&path, &changed).unwrap();
        refused(Checkpoint::load(&path, &layout), &["checkpoint"]);
    }
    fs::write(&path, &whole).unwrap();
    let metrics = fs::read_to_string(folder.metrics()).unwrap();
    fs::write(folder.metrics(), metrics.replacen("\"loss\":", "\"loss\":1", 1)).unwrap();
    let said = refused(bench.train_on("c.toml", "run", false, true), &["--resume", "metrics.jsonl"]);
    assert_eq!(hashes(&said), 2, "{said}");
    fs::write(folder.metrics(), &metrics).unwrap();
    bench.train_on("c.toml", "run", false, true).unwrap();
    folder.open().unwrap();
}

#[test]
fn weights_from_elsewhere_are_refused_with_the_way_in() {
    let bench = Bench::trained();
    bench.put("d.toml", &config("0.1"));
    bench.train("d.toml", "other").unwrap();
    fs::copy(bench.path("other/model.safetensors"), bench.path("run/model.safetensors")).unwrap();
    refused(RunFolder::new(&bench.path("run")).open(), &["model.safetensors", "`unlearn import`"]);
}

#[test]
fn another_base_model_is_noticed_when_resuming_and_when_reading() {
    let bench = Bench::trained();
    fs::copy(bench.path("run/model.safetensors"), bench.path("base.safetensors")).unwrap();
    bench.put("i.toml", &format!("init = \"base.safetensors\"\n{}", config("0.3")));
    bench.put("d.toml", &config("0.1"));
    bench.train("d.toml", "other").unwrap();
    let swap = |from: &str| fs::copy(bench.path(from), bench.path("base.safetensors")).unwrap();
    bench.train_on("i.toml", "further", true, false).unwrap_err();
    swap("other/model.safetensors");
    let said = refused(bench.train_on("i.toml", "further", false, true), &["--resume", "`init`"]);
    assert_eq!(hashes(&said), 2, "{said}");
    swap("run/model.safetensors");
    bench.train_on("i.toml", "further", false, true).unwrap();
    let folder = RunFolder::new(&bench.path("further"));
    folder.open().unwrap();
    swap("other/model.safetensors");
    refused(folder.open(), &["base.safetensors", "base model"]);
}

#[test]
fn an_old_run_says_which_version_wrote_it_and_what_to_do() {
    let bench = Bench::trained();
    let folder = RunFolder::new(&bench.path("run"));
    let text = fs::read_to_string(folder.info()).unwrap().replace("unlearn.run/2", "unlearn.run/1");
    fs::write(
        folder.info(),
        text.replace(&format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION")), "\"version\": \"0.0.9\""),
    )
    .unwrap();
    refused(folder.open(), &["unlearn.run/1", "unlearn 0.0.9", "unlearn.run/2", "unlearn train", "config.toml"]);
    fs::write(folder.info(), text.replace("unlearn.run/1", "unlearn.run/7")).unwrap();
    refused(folder.open(), &["unlearn.run/7", "use the version that wrote it"]);
    fs::write(folder.info(), "{}").unwrap();
    refused(folder.open(), &["schema is none"]);
}

#[test]
fn a_run_says_what_it_was_made_from_when_and_by_whom() {
    let bench = Bench::trained();
    let run = RunFolder::new(&bench.path("run")).open().unwrap();
    assert_eq!(run.info.evidence.data_sha256, run.data.sha256());
    assert!(run.info.evidence.made_at.ends_with('Z') && run.info.evidence.parents.is_empty());
    let (request, out) = (bench.path("one.jsonl"), bench.path("forgot"));
    let mut job = ForgetJob::prepare(&bench.path("run"), &request, "retrain", toml::Table::new(), &out).unwrap();
    job.marks.actor = Some("privacy desk".into());
    job.marks.note = Some("ticket \"run_sha256\": \"\"".into());
    job.forget(&mut Engine::reference(), None, false).unwrap();
    let forgot = RunFolder::new(&out).open().unwrap().info;
    let evidence = forgot.evidence;
    assert_eq!(evidence.actor.as_deref(), Some("privacy desk"));
    assert_eq!(evidence.request_sha256, Some(sha256(&fs::read(&request).unwrap())));
    let parent = &evidence.parents[0];
    assert_eq!((&parent.run_sha256, &parent.model_sha256), (&run.run_sha256, &run.info.model_sha256));
    let forget = forgot.forget.unwrap();
    assert!(forget.claim() == "exact" && forget.conditions.len() == 2);
    let holds = |what: &str| forget.residue.iter().any(|residue| residue.what == what);
    assert!(holds("parent run") && holds("data") && holds("request file"), "{:?}", forget.residue);
}
