//! A small language model on the reference engine, from its texts to what it writes after it has forgotten some.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use serde_json::Value;
use unlearn::data::Canary;
use unlearn::engine::Engine;
use unlearn::run::audit::{AuditJob, Options};
use unlearn::run::config::Loaded;
use unlearn::run::evaluate::EvalJob;
use unlearn::run::forget_run::ForgetJob;
use unlearn::run::generate::{GenerateJob, Generated, Sampling};
use unlearn::run::train_run::{TrainJob, TrainOptions};

use super::evidence::bench::refused;
use crate::shared::binary::Desk;
use crate::trained::on_twins;

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
    on_twins(&desk.path(&format!("{out}.toml")), &desk.path(out)).map(drop)
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
    for method in
        ["retrain", "finetune", "gradient_ascent", "npo", "ssd", "influence", "kl_min", "wga", "undial", "rmu"]
    {
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
    refused(forget(&desk, "bad_teacher", None, "out"), &["method `bad_teacher`", "classes"]);

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

/// A retrain on the texts without a span is, to the bit, a training on a file that never had it.
#[test]
fn a_span_is_forgotten_by_a_retrain_as_if_it_had_never_been_written() {
    let desk = Desk::new();
    let config = CONFIG.replace("context = 8", "context = 16").replace("test_fraction = 0.3", "test_fraction = 0.0");
    let config = config.replace("validation_fraction = 0.2\n", "");
    let texts = |secret: &str| -> String {
        let line =
            |i: usize| format!("{{\"id\":\"d{i}\",\"text\":\"{}{}\"}}\n", ["ab", "cd"][i % 2], ["ef", "gh"][i / 2 % 2]);
        (0..6).map(line).chain([format!("{{\"id\":\"s\",\"text\":\"ab{secret}ef\"}}\n")]).collect()
    };
    let with = |texts: String, out: &str| {
        desk.put("texts.jsonl", texts);
        desk.put(&format!("{out}.toml"), &config);
        let loaded = Loaded::read(&desk.path(&format!("{out}.toml")), &[], None).expect("a configuration");
        let job = TrainJob::prepare(loaded, &desk.path(out), false).expect("ready").expect("not finished");
        let interrupted = AtomicBool::new(false);
        let options = TrainOptions {
            resume: false,
            keep_checkpoint: false,
            check_finite: false,
            interrupted: &interrupted,
            ranks: None,
        };
        job.train(&mut Engine::reference(), options, &mut |_| {}).expect("trained");
    };
    with(texts(""), "never");
    with(texts("47 11"), "run");
    desk.put("secret.jsonl", "{\"request_id\":\"q\",\"kind\":\"span\",\"text\":\"47 11\"}\n");
    for method in ["retrain", "gradient_ascent", "npo"] {
        let settings = match method {
            "gradient_ascent" => "target_loss = 8.0\nmax_steps = 600\nlr = 0.05".parse().unwrap(),
            "npo" => "stop = 'never'".parse().unwrap(),
            _ => toml::Table::new(),
        };
        let (run, request) = (desk.path("run"), desk.path("secret.jsonl"));
        let job = ForgetJob::prepare(&run, &request, method, settings, &desk.path(method)).expect(method);
        job.forget(&mut Engine::reference(), None, false).expect(method);
    }
    let hash = |run: &str| -> String {
        let info: Value =
            serde_json::from_str(&std::fs::read_to_string(desk.path(run).join("run.json")).unwrap()).unwrap();
        info["model_sha256"].as_str().unwrap().to_owned()
    };
    assert_eq!(hash("retrain"), hash("never"));
    assert_ne!(hash("run"), hash("never"));
    let document = |run: &str| {
        let (run, original) = (desk.path(run), desk.path("run"));
        let job = EvalJob { run: &run, references: &[], original: Some(original.as_path()), request: None };
        serde_json::to_value(job.read().expect("read").measure(&mut Engine::reference()).expect("measured")).unwrap()
    };
    let climbed = document("gradient_ascent");
    let at = |key: &str| climbed.pointer(key).and_then(Value::as_f64).unwrap_or_else(|| panic!("{key}: {climbed}"));
    // The loss that the ascent was told to reach is the span's.
    assert!((at("/splits/forget/loss") - 8.0).abs() < 0.1, "{climbed}");
    assert!(at("/original/splits/forget/loss") < 6.0 && at("/splits/rest/count") == 1.0);
    // The rest of the message is forgotten less than the span.
    let risen = |split: &str| at(&format!("/splits/{split}/loss")) - at(&format!("/original/splits/{split}/loss"));
    assert!(risen("rest") < risen("forget"), "{} {}", risen("rest"), risen("forget"));
    refused(forget(&desk, "amnesiac", None, "out"), &["method `amnesiac`", "parts of texts", "kind span"]);
    refused(
        ForgetJob::prepare(&desk.path("npo"), &desk.path("secret.jsonl"), "npo", toml::Table::new(), &desk.path("out"))
            .map(drop),
        &["has forgotten before", "kind span", "in one file"],
    );
}

/// Canaries whose secret is asked for wherever it stands: what is read of the models beside their losses, the rule that
/// ends an ascent by it, and an audit against retrains.
#[test]
fn secrets_are_ranked_recited_and_audited() {
    let desk = Desk::new();
    let config = CONFIG
        .replace("context = 8", "context = 40")
        .replace("epochs = 6", "epochs = 2")
        .replace("context = 40\ntest", "context = 40\nplant = { canaries = 2, repeats = 3 }\ntest");
    train(&desk, &config, "run").expect("trained");
    let secret = Canary::of(0, 0).secret;
    let line = format!("{{\"request_id\":\"q\",\"kind\":\"span\",\"text\":\"{secret}\"}}\n");
    desk.put("secret.jsonl", line);
    let settings = "stop = 'memorisation'\nmax_steps = 40".parse().unwrap();
    let (run, request) = (desk.path("run"), desk.path("secret.jsonl"));
    let job = ForgetJob::prepare(&run, &request, "gradient_ascent", settings, &desk.path("ascent")).expect("ready");
    assert_eq!((job.lines()[0].records.len(), job.lines()[0].records[0].span), (3, Some([22, 28])));
    let info = job.forget(&mut Engine::reference(), None, false).expect("forgotten");
    let notes = serde_json::to_value(&info.forget.expect("an account").details).unwrap();
    assert!(notes.to_string().contains("target_extraction"), "{notes}");
    let references: Vec<PathBuf> = (0..3).map(|i| desk.path(&format!("retrain-{i}"))).collect();
    for i in 0..3 {
        forget(&desk, "retrain", Some(20 + i), &format!("retrain-{i}")).expect("retrained");
    }
    let (run, original) = (desk.path("ascent"), desk.path("run"));
    let job = EvalJob { run: &run, references: &references[..1], original: Some(original.as_path()), request: None };
    let document = job.read().expect("read").measure(&mut Engine::reference()).expect("measured");
    let document = serde_json::to_value(document).unwrap();
    let at = |key: &str| document.pointer(key).and_then(Value::as_f64).unwrap_or_else(|| panic!("{key}: {document}"));
    for of in ["forgotten", "retained"] {
        assert!((0.0..=20.0).contains(&at(&format!("/exposure/{of}"))), "{document}");
    }
    for key in ["forget/el_3", "forget/rouge_l", "test/verbatim", "retain/el_3", "rest/extraction_strength"] {
        assert!((0.0..=1.0).contains(&at(&format!("/memory/{key}"))), "{document}");
    }
    assert!((0.0..=1.0).contains(&at("/membership_text/reference_auc")));
    assert!(document.pointer("/membership_text/zlib_auc").is_none(), "a span has no deflated size of its own");
    let options = Options { alpha: 0.05, ..Options::default() };
    let job = AuditJob { run: &run, original: Some(&original), references: &references, options };
    let audit = job.audit(&mut || Ok(Engine::reference()), &mut |_| {}).expect("audited");
    let named = |name: &str| audit.verdict.checks.iter().any(|check| check.name == name);
    assert!(["min_k", "exposure", "written by itself", "test loss"].into_iter().all(named), "{audit:?}");
    let back = ["weights of eight bits", "weights of four bits", "relearning on retained texts"];
    assert!(back.into_iter().all(named), "{audit:?}");
    // All three records are one secret: shown one, a model was shown the others.
    assert!(!named("relearning on a few forgotten texts"));
    assert_eq!((audit.attacks.len(), audit.models.shadows, audit.records.forgotten), (1, 0, 3));
    assert!(audit.not_measured.iter().any(|why| why.starts_with("zlib")), "{:?}", audit.not_measured);
}
