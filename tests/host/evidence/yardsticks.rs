//! References, originals, and results that are no forgetting.

use std::fs;
use std::path::PathBuf;

use unlearn::engine::Engine;
use unlearn::eval::Outcome;
use unlearn::run::compare::rows_of_runs;
use unlearn::run::effect::Became;
use unlearn::run::evaluate::EvalJob;
use unlearn::run::evidence::Marks;
use unlearn::run::folder::RunFolder;
use unlearn::run::purge::Purge;
use unlearn::run::retrains::{Retrains, Work};
use unlearn::run::verify::{self, VerifyJob};

use super::bench::{Bench, config, refused};

#[test]
fn only_retrains_of_the_same_request_data_and_recipe_with_other_weights_are_references() {
    let bench = Bench::trained();
    let retrain = |run: &str, request: &str, out: &str, seed| {
        bench.forget_with(run, request, ("retrain", ""), out, Some(seed)).unwrap();
    };
    bench.forget("run", "one.jsonl", "finetune", "epochs = 1", "forgot");
    retrain("run", "one.jsonl", "r8", 8);
    retrain("run", "one.jsonl", "again8", 8);
    retrain("run", "one.jsonl", "r9", 9);
    retrain("run", "two.jsonl", "stranger", 8);
    bench.put("d.toml", &config("0.1"));
    bench.train("d.toml", "slow").unwrap();
    retrain("slow", "one.jsonl", "recipe", 8);
    fs::copy(bench.path("data.csv"), bench.path("moved.csv")).unwrap();
    bench.put("e.toml", &config("0.3").replace("normalize = \"none\"", "normalize = \"none\"\nsplit_seed = 5"));
    bench.train("e.toml", "split").unwrap();
    retrain("split", "one.jsonl", "data", 8);
    bench.copy("forgot", "copy");
    let read = |run: &str, references: &[&str], original: Option<&str>| {
        let references: Vec<PathBuf> = references.iter().map(|name| bench.path(name)).collect();
        let (run, original) = (bench.path(run), original.map(|name| bench.path(name)));
        EvalJob { run: &run, references: &references, original: original.as_deref(), request: None }.read().map(drop)
    };
    read("forgot", &["r8", "r9"], Some("run")).unwrap();
    for (reference, says) in [
        ("forgot", "same weights"),
        ("copy", "same weights"),
        ("run", "trained on all records"),
        ("stranger", "another request"),
        ("recipe", "another recipe"),
        ("data", "other data"),
    ] {
        refused(read("forgot", &["r9", reference], None), &[reference, says]);
    }
    refused(read("forgot", &["r8", "again8"], None), &["again8", "same weights as another reference"]);
    refused(read("r8", &["again8"], None), &["again8", "the run itself"]);
    bench.forget("run", "one.jsonl", "gradient_ascent", "target_loss = 5.0\nmax_steps = 2", "climbed");
    refused(read("forgot", &["climbed"], None), &["`gradient_ascent`", "only `retrain`"]);
    // The original is what the run came from, and no other.
    for original in ["slow", "r8", "forgot"] {
        refused(read("forgot", &["r8"], Some(original)), &[original, "not what", "was made from"]);
    }
    refused(read("run", &[], Some("run")), &["came from no run"]);
    // Side by side, another request's retrain is a table of its own, and a run stands in it once.
    let open = |names: &[&str]| -> Vec<_> {
        names.iter().map(|name| RunFolder::new(&bench.path(name)).open().unwrap()).collect()
    };
    let rows = rows_of_runs(&mut Engine::reference(), &open(&["run", "forgot", "r8", "stranger"])).unwrap();
    let experiments: Vec<&str> = rows.iter().map(|row| row.experiment.as_str()).collect();
    let own = "runs on data";
    assert_eq!(experiments, [own, own, own, "runs on data (2)", "runs on data (2)"]);
    assert!(rows[4].metrics.get("js.forget").is_none(), "a stranger's retrain is no yardstick");
    refused(rows_of_runs(&mut Engine::reference(), &open(&["forgot", "copy"])), &["same run", "copy"]);
}

#[test]
fn what_changes_nothing_is_unchanged_and_what_leaves_nothing_is_destroyed() {
    let bench = Bench::trained();
    let became = |method: &str, settings: &str| {
        let out = format!("{method}-{}", settings.len());
        bench.forget("run", "one.jsonl", method, settings, &out).forget.unwrap().effect
    };
    for (method, settings, why) in [
        ("gradient_ascent", "target_loss = 1e-9", "before the first step"),
        ("ssd", "alpha = 1e30", "chose no weight"),
        ("finetune", "lr = 1e-30", "none of its"),
    ] {
        let effect = became(method, settings);
        assert_eq!(effect.result, Became::Unchanged, "{method}");
        assert!(effect.reason.as_ref().unwrap().contains(why), "{effect:?}");
    }
    assert_eq!(became("finetune", "lr = 0.01").result, Became::Changed);
    let ruined = became("gradient_ascent", "lr = 1e8\nclip_norm = 0.0\ntarget_loss = 1e3\nmax_steps = 60");
    assert_eq!(ruined.result, Became::Destroyed, "{ruined:?}");
    // A retrain that gives the same weights is no failure, and its history may not go.
    refused(Purge::of(&bench.path("ssd-12")), &["unchanged", "history stays"]);
}

#[test]
fn references_are_made_once_a_verdict_is_kept_and_only_history_is_purged() {
    let bench = Bench::trained();
    bench.forget("run", "one.jsonl", "finetune", "epochs = 2", "forgot");
    bench.forget("run", "one.jsonl", "ssd", "alpha = 1e30", "idle");
    let mut engine = || Ok(Engine::reference());
    let forgot = bench.path("forgot");
    let mut verify = |run: &PathBuf| VerifyJob { run, references: &[], original: None }.verify(&mut engine);
    assert_eq!(verify(&forgot).unwrap_err().exit_code(), 3);
    refused(verify(&bench.path("run")), &["was trained"]);
    let make = |run: &str, request: Option<&str>| {
        let request = request.map(|name| bench.path(name));
        let retrains = Retrains::of(&bench.path(run), request.as_deref(), 4).unwrap();
        let (engine, marks) = (|_: u64| Ok(Engine::reference()), Marks::default());
        let work = Work {
            engine: &engine,
            jobs: Some(2),
            memory: None,
            marks: &marks,
            one_by_one: false,
            watch: &|_| {},
            told: &|_| {},
        };
        retrains.make(&work).unwrap()
    };
    assert!(make("run", Some("one.jsonl")).iter().all(|retrain| !retrain.cached));
    // The same retrains serve every run of the request, whoever asks.
    assert!(make("forgot", None).iter().all(|retrain| retrain.cached));
    refused(Retrains::of(&bench.path("run"), None, 4), &["--request"]);
    refused(Retrains::of(&forgot, Some(&bench.path("two.jsonl")), 4), &["other records"]);
    let judged = verify(&forgot).unwrap();
    assert_eq!((judged.references.len(), judged.verdict.checks.is_empty()), (4, false));
    let idle = verify(&bench.path("idle")).unwrap().verdict;
    assert_eq!((idle.outcome, idle.outcome.error("x").unwrap().exit_code()), (Outcome::Unchanged, 4));
    // Kept beside the run, bound to it, and shown by `report`.
    let run = RunFolder::new(&forgot).open().unwrap();
    assert_eq!(verify::stored(&run).unwrap().unwrap(), judged);
    let rows = rows_of_runs(&mut Engine::reference(), &[run]).unwrap();
    assert_eq!(rows[0].verdict.as_ref(), Some(&judged.verdict));
    let (file, run) = (forgot.join("verdict.json"), RunFolder::new(&forgot).open().unwrap());
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("inconclusive", "pass", 1).replacen("fail", "pass", 1)).unwrap();
    refused(verify::stored(&run), &["verdict.json", "hash"]);
    fs::write(&file, &text).unwrap();
    // Purging: the parent and its retrains go, a stranger's file and the data stay, the run can be read.
    bench.put("run/thesis.txt", "not ours");
    refused(Purge::of(&bench.path("run")), &["was trained"]);
    let purged = Purge::of(&forgot).unwrap().carry_out().unwrap();
    let left: Vec<_> = fs::read_dir(bench.path("run")).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["thesis.txt"]);
    assert!(bench.path("data.csv").exists() && purged.deleted.len() >= 4 + 4 * 5, "{:?}", purged.deleted);
    assert!(purged.kept.iter().any(|line| line.contains("data.csv")), "{:?}", purged.kept);
    RunFolder::new(&forgot).open().unwrap();
    refused(Retrains::of(&forgot, None, 4), &["not there any more"]);
}
