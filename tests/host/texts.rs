//! A small language model on the reference engine, from its texts to what it writes after it has forgotten some.

use std::sync::atomic::AtomicBool;

use serde_json::Value;
use unlearn::engine::Engine;
use unlearn::run::config::Loaded;
use unlearn::run::evaluate::EvalJob;
use unlearn::run::forget_run::ForgetJob;
use unlearn::run::generate::{GenerateJob, Generated, Sampling};
use unlearn::run::train_run::{TrainJob, TrainOptions};

use super::evidence::bench::refused;
use crate::shared::binary::Desk;

const CONFIG: &str = "seed = 2\n[data]\nloader = 'text'\npath = 'texts.jsonl'\nid = 'id'\ncontext = 8\n\
    test_fraction = 0.3\nvalidation_fraction = 0.2\n[model]\nzoo = 'gpt'\n\
    sizes = { width = 8, depth = 1, heads = 2, context = 8 }\n\
    [train]\noptimizer = 'adamw'\nlr = 0.01\nepochs = 6\nbatch_size = 4\n";

/// Words of two letters, and a secret that is there twice and longer than the context.
fn texts() -> String {
    let word =
        |i: usize| format!("{{\"id\":\"d{i}\",\"text\":\"{}{}\"}}\n", ["ab", "cd"][i % 2], ["ef", "gh"][i / 2 % 2]);
    let secret = |name: &str| format!("{{\"id\":\"{name}\",\"text\":\"zqzqzqzqzq\"}}\n");
    (0..12).map(word).chain(["s0", "s1"].map(secret)).collect()
}

fn train(desk: &Desk, config: &str, out: &str) -> unlearn::Result<()> {
    desk.put("texts.jsonl", texts());
    desk.put(&format!("{out}.toml"), config);
    let loaded = Loaded::read(&desk.path(&format!("{out}.toml")), &[], None)?;
    let job = TrainJob::prepare(loaded, &desk.path(out), false)?.expect("not finished");
    let interrupted = AtomicBool::new(false);
    let options = TrainOptions {
        resume: false,
        keep_checkpoint: false,
        check_finite: false,
        interrupted: &interrupted,
        ranks: None,
    };
    job.train(&mut Engine::reference(), options, &mut |_| {}).map(drop)
}

fn forget(desk: &Desk, method: &str, seed: Option<u64>, out: &str) -> unlearn::Result<()> {
    let (run, request) = (desk.path("run"), desk.path("secret.jsonl"));
    let job = ForgetJob::prepare(&run, &request, method, toml::Table::new(), &desk.path(out))?;
    job.forget(&mut Engine::reference(), seed, false).map(drop)
}

fn eval(desk: &Desk, run: &str) -> Value {
    let references = ["one", "two"].map(|name| desk.path(name));
    let (run, original) = (desk.path(run), desk.path("run"));
    let job = EvalJob { run: &run, references: &references, original: Some(original.as_path()), request: None };
    let document = job.read().expect("read").measure(&mut Engine::reference()).expect("measured");
    serde_json::to_value(document).unwrap()
}

fn write(desk: &Desk, run: &str, how: &Sampling) -> Vec<Generated> {
    let job = GenerateJob::read(&desk.path(run)).expect("a language model");
    job.generate(&mut Engine::reference(), how).expect("text")
}

fn sampling(prompt: &str, temperature: f64) -> Sampling {
    Sampling { prompt: prompt.into(), tokens: 12, temperature, top_k: None, seed: 1, samples: 2 }
}

#[test]
fn texts_are_forgotten_scored_and_written() {
    let desk = Desk::new();
    train(&desk, CONFIG, "run").expect("trained");
    // Whichever of the two is trained on; the other is of no part then, or twins.
    let data = Loaded::read(&desk.path("run.toml"), &[], None).unwrap().config.load().unwrap();
    let ids: Vec<Value> =
        (0..data.train.len() as u32).map(|at| serde_json::to_value(data.train_id(at)).unwrap()).collect();
    let asked = ids.iter().find(|id| id.as_str().is_some_and(|id| id.starts_with('s'))).unwrap_or(&ids[0]);
    desk.put("secret.jsonl", format!("{{\"request_id\":\"q\",\"kind\":\"sample\",\"ids\":[{asked}]}}\n"));
    for method in ["retrain", "finetune", "gradient_ascent", "npo", "ssd", "influence"] {
        forget(&desk, method, None, method).unwrap_or_else(|error| panic!("{method}: {error}"));
    }
    for (seed, out) in [(7, "one"), (8, "two")] {
        forget(&desk, "retrain", Some(seed), out).expect("forgotten");
    }
    let document = eval(&desk, "gradient_ascent");
    let at =
        |path: &str| document.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path}: {document}"));
    assert!(at("/splits/test/perplexity") > 1.0 && (0.0..=1.0).contains(&at("/splits/test/accuracy")));
    assert!(at("/distance/noise_floor_forget") > 0.0 && document.pointer("/js").is_none(), "{document}");
    let loss = |run: &str| eval(&desk, run).pointer("/splits/forget/loss").and_then(Value::as_f64).unwrap();
    assert!(loss("gradient_ascent") > loss("finetune"), "an ascent raises the loss of what it climbs");
    // All windows of the document are what is forgotten.
    let count = at("/splits/forget/count");
    assert!(count >= 1.0 && (count > 1.0) == asked.as_str().is_some_and(|id| id.starts_with('s')), "{count} {asked}");
    refused(forget(&desk, "salun", None, "out"), &["method `salun`", "other classes", "data.loader"]);
    refused(forget(&desk, "kl_min", None, "out"), &["method `kl_min`", "classes"]);

    let greedy = write(&desk, "run", &sampling("a", 0.0));
    assert_eq!(greedy[0], greedy[1]);
    assert_eq!(write(&desk, "run", &sampling("a", 0.0)), greedy);
    let drawn = write(&desk, "run", &sampling("", 1.5));
    assert_ne!(drawn[0], drawn[1]);
    assert_eq!(write(&desk, "run", &sampling("", 1.5)), drawn);
    let job = GenerateJob::read(&desk.path("run")).unwrap();
    let refuse = |how: &Sampling, words: &[&str]| {
        refused(job.generate(&mut Engine::reference(), how).map(drop), words);
    };
    refuse(&sampling("abcdefgh", 0.0), &["--prompt", "9 tokens", "context has 8"]);
    refuse(&sampling("a", -1.0), &["--temperature -1"]);
    refuse(&Sampling { top_k: Some(0), ..sampling("a", 1.0) }, &["--top-k 0"]);
}

#[test]
fn what_a_language_model_cannot_have_is_refused_before_anything_is_written() {
    let desk = Desk::new();
    let wrong = |config: &str, words: &[&str]| {
        refused(train(&desk, config, "out"), words);
        assert!(!desk.path("out").exists(), "{config}");
    };
    wrong(&CONFIG.replace("loader = 'text'", "loader = 'csv'\nlabel = 'x'"), &["data.context", "does not read"]);
    let private = format!("{CONFIG}dp = {{ clip = 1, noise_multiplier = 1, delta = 1e-3 }}\n").replace("adamw", "sgd");
    refused(train(&desk, &private, "private"), &["train.dp", "texts"]);
    let picture = "seed = 1\n[data]\nloader = 'digits'\nlimit = 20\n[model]\nzoo = 'gpt'\n";
    let wide = "sizes = { width = 8, depth = 1, heads = 2 }\n[train]\nepochs = 1\n";
    assert!(train(&desk, &format!("{picture}{wide}"), "picture").is_err());
}
