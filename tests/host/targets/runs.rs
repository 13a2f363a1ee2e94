//! Runs over targets from training to a verdict, on the reference engine: what each command says, and what it leaves
//! out.

use std::fs;

use serde_json::{Value, json};
use unlearn::engine::Engine;
use unlearn::run::config::Loaded;
use unlearn::run::describe::Description;
use unlearn::run::evaluate::EvalJob;
use unlearn::run::export::{ExportJob, Format};
use unlearn::run::forget_run::ForgetJob;
use unlearn::run::predict::PredictJob;

use super::super::evidence::bench::refused;
use crate::shared::binary::Desk;
use crate::trained::on_twins;

const LAYERS: &str = "[[model.layers]]\ntype = 'linear'\nout = 8\n[[model.layers]]\ntype = 'tanh'\n\
    [[model.layers]]\ntype = 'linear'\n";
const RECIPE: &str = "[train]\nepochs = 12\nlr = 0.1\nbatch_size = 16\n";

fn config(kind: &str, keys: &str, recipe: &str) -> String {
    format!(
        "seed = 2\n[data]\nloader = 'synth'\ntargets = '{kind}'\nsamples = 90\nshape = [4]\nvalidation_fraction = 0.2\n\
         {keys}\n{LAYERS}{RECIPE}{recipe}\n"
    )
}

fn train(desk: &Desk, config: &str, out: &str) -> unlearn::Result<()> {
    desk.put(&format!("{out}.toml"), config);
    on_twins(&desk.path(&format!("{out}.toml")), &desk.path(out)).map(drop)
}

fn forget(desk: &Desk, method: &str, settings: &str, out: &str) -> unlearn::Result<()> {
    forget_with(desk, (method, settings, None), out)
}

fn forget_with(desk: &Desk, (method, settings, seed): (&str, &str, Option<u64>), out: &str) -> unlearn::Result<()> {
    let settings = toml::from_str(settings).expect("TOML");
    let request = desk.path("ten.jsonl");
    let job = ForgetJob::prepare(&desk.path("run"), &request, method, settings, &desk.path(out))?;
    job.forget(&mut Engine::reference(), seed, false).map(drop)
}

/// A run, and a request of ten of its training records.
fn desk(config: &str) -> Desk {
    let desk = Desk::new();
    train(&desk, config, "run").expect("trained");
    let data = Loaded::read(&desk.path("run.toml"), &[], None).unwrap().config.load().unwrap();
    let ids: Vec<Value> = (0..10).map(|at| serde_json::to_value(data.train_id(at)).unwrap()).collect();
    desk.put("ten.jsonl", json!({ "request_id": "q", "kind": "sample", "ids": ids }).to_string());
    desk
}

fn eval(desk: &Desk, run: &str, references: &[&str]) -> Value {
    let references: Vec<_> = references.iter().map(|name| desk.path(name)).collect();
    let (run, original) = (desk.path(run), desk.path("run"));
    let job = EvalJob { run: &run, references: &references, original: Some(original.as_path()), request: None };
    let document = job.read().expect("read").measure(&mut Engine::reference()).expect("measured");
    serde_json::to_value(document).unwrap()
}

/// Every key of a document that holds this word.
fn holds(document: &Value, word: &str) -> bool {
    match document {
        Value::Object(children) => children.iter().any(|(key, child)| key.contains(word) || holds(child, word)),
        _ => false,
    }
}

const METHODS: [(&str, &str); 8] = [
    ("retrain", ""),
    ("finetune", "epochs = 2"),
    ("ssd", "alpha = 0.5"),
    ("influence", ""),
    ("gradient_ascent", ""),
    ("neg_grad_plus", ""),
    ("newton", ""),
    ("fisher_forgetting", ""),
];

#[test]
fn ten_records_are_forgotten_and_scored_without_an_accuracy() {
    for (kind, keys, score) in
        [("real", "classes = 2\nstandardize_targets = true", "r2"), ("multi_label", "", "micro_f1")]
    {
        let desk = desk(&config(kind, keys, ""));
        for (method, settings) in METHODS {
            forget(&desk, method, settings, method).unwrap_or_else(|error| panic!("{kind} {method}: {error}"));
        }
        for (seed, out) in [(7, "one"), (8, "two")] {
            forget_with(&desk, ("retrain", "", Some(seed)), out).expect("forgotten");
        }
        let document = eval(&desk, "finetune", &["one", "two"]);
        assert!(!holds(&document, "accuracy"), "{document}");
        let at = |path: &str| document.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path}"));
        assert!(at(&format!("/splits/test/{score}")) > 0.6, "{document}");
        assert!((0.0..=1.0).contains(&at("/membership/auc")));
        at(if kind == "real" { "/distance/noise_floor_forget" } else { "/js/noise_floor_forget" });
        let names: Vec<&str> =
            document["verdict"]["checks"].as_array().unwrap().iter().filter_map(|c| c["name"].as_str()).collect();
        let of = if kind == "real" {
            ["forget error", "retain R²", "test R²"]
        } else {
            ["forget F1", "retain F1", "test F1"]
        };
        assert!(of.iter().all(|name| names.contains(name)), "{names:?}");
        let lines = fs::read_to_string(desk.path("run/metrics.jsonl")).unwrap();
        assert!(lines.contains("\"loss\"") && lines.contains("validation") && !lines.contains("accuracy"), "{lines}");
        let info = fs::read_to_string(desk.path("retrain/run.json")).unwrap();
        let info: Value = serde_json::from_str(&info).unwrap();
        assert_eq!(info["data"]["targets"]["kind"], kind);
        refused(forget(&desk, "salun", "", "out"), &["method `salun`", "other classes", "data.targets"]);
        refused(
            forget(&desk, "certified_removal", "", "out"),
            &["certified_removal", "proven for softmax", "data.targets"],
        );
        refused(
            forget(&desk, "gradient_ascent", "stop = 'uniform'", "out"),
            &["stop = \"uniform\"", "records with a class"],
        );
        desk.put("ten.jsonl", json!({ "request_id": "q", "kind": "class", "ids": ["0"] }).to_string());
        refused(forget(&desk, "retrain", "", "out"), &["a request of kind class", "sample or subject"]);
    }
}

#[test]
fn a_retrain_standardises_by_the_retained_records_alone() {
    let desk = desk(&config("real", "standardize_targets = true", ""));
    forget(&desk, "retrain", "", "retrain").expect("forgotten");
    forget(&desk, "finetune", "epochs = 1", "finetune").expect("forgotten");
    let offset = |run: &str| {
        let info: Value = serde_json::from_str(&fs::read_to_string(desk.path(run).join("run.json")).unwrap()).unwrap();
        info["data"]["targets"]["offset"][0].as_f64().expect("an offset")
    };
    assert!(offset("run") == offset("finetune") && offset("run") != offset("retrain"));
    // Evaluated in units, so that models with different scales are compared.
    forget_with(&desk, ("retrain", "", Some(7)), "other").expect("forgotten");
    let document = eval(&desk, "finetune", &["other"]);
    assert!(document["distance"]["test"].as_f64().unwrap() > 0.0, "{document}");
}

#[test]
fn predictions_and_exports_are_in_the_units_of_the_data() {
    let desk = desk(&config("real", "classes = 2\nstandardize_targets = true", ""));
    let said = PredictJob::read(&desk.path("run"), "test").unwrap().predict(&mut Engine::reference()).unwrap();
    let data = Loaded::read(&desk.path("run.toml"), &[], None).unwrap().config.load().unwrap();
    let fit = data.targets.as_ref().unwrap();
    assert_eq!(said.targets, fit.in_units(&data.test.targets.as_ref().unwrap().values));
    assert_eq!((said.values(), said.accuracy()), (fit.in_units(&said.logits), None));
    said.write(&desk.path("p.csv")).unwrap();
    let text = fs::read_to_string(desk.path("p.csv")).unwrap();
    assert!(text.starts_with("id,split,target_0,target_1,predicted_0,predicted_1\n"), "{text}");
    said.write(&desk.path("p.npz")).unwrap();
    let job = ExportJob::read(&desk.path("run")).unwrap();
    job.write_card(&desk.path("card.md")).unwrap();
    let card = fs::read_to_string(desk.path("card.md")).unwrap();
    assert!(card.contains("predicts 2 numbers") && card.contains("tabular-regression"), "{card}");
    let bytes = job.bytes(Format::Onnx).unwrap();
    let has = |word: &str| bytes.windows(word.len()).any(|part| part == word.as_bytes());
    assert!(has("values") && has("targets.scale") && !has("Softmax"));
}

#[test]
fn figures_of_the_data_are_of_targets_or_labels() {
    let of = |kind: &str| {
        let desk = Desk::new();
        desk.put("c.toml", config(kind, "", ""));
        Description::of(&Loaded::read(&desk.path("c.toml"), &[], None).unwrap().config.load().unwrap())
    };
    let real = of("real");
    assert!(real.splits[0].classes.is_empty() && real.splits[0].targets[0].sd > 0.5, "{real:?}");
    assert!(!real.text().contains("class"), "{}", real.text());
    let labels = of("multi_label");
    assert!(labels.splits[0].targets.is_empty() && labels.splits[0].classes.len() == 3, "{labels:?}");
}

#[test]
fn settings_of_classes_are_refused_with_targets() {
    let refuse = |kind: &str, recipe: &str, says: &[&str]| {
        refused(train(&Desk::new(), &config(kind, "", recipe), "run"), says);
    };
    refuse("real", "class_weights = 'balanced'", &["train.class_weights", "cross_entropy", "mean_squared_error"]);
    refuse("real", "label_smoothing = 0.1", &["train.label_smoothing", "mean_squared_error"]);
    refuse("real", "objective = 'cross_entropy'", &["train.objective", "records with a class each"]);
    refuse("multi_label", "objective = 'huber'", &["`huber`", "records with numbers"]);
    refuse("real", "huber_delta = 2", &["train.huber_delta", "`huber`", "mean_squared_error"]);
    refuse("real", "objective = 'huber'\nhuber_delta = 0", &["train.huber_delta", "positive"]);
    refuse("real", "early_stopping = { patience = 2, monitor = 'accuracy' }", &["monitor = \"accuracy\"", "\"loss\""]);
    train(&Desk::new(), &config("real", "", "objective = 'huber'\nhuber_delta = 0.5"), "run").expect("trained");
}
