//! The schemas of the documents: they allow what the program reads and writes, describe every key of it, and refuse
//! what the program refuses.

pub mod validate;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};
use unlearn::engine::Engine;
use unlearn::nn::{LAYERS, parse_layer};
use unlearn::run::config::Loaded;
use unlearn::run::evaluate::EvalJob;
use unlearn::run::experiment::{ExperimentOptions, Ready, run_experiments};
use unlearn::run::experiments::EXPERIMENTS;
use unlearn::run::forget_run::ForgetJob;
use unlearn::run::schema;
use unlearn::run::templates::TEMPLATES;
use unlearn::run::train_run::{TrainJob, TrainOptions};

use crate::evidence::bench::Bench;
use crate::packs::made;
use crate::shared::binary::{Desk, ends, refused};
use validate::{undescribed, wrong};

const SMALL: &str = "[data]\nloader = \"synth\"\nsamples = 24\nclasses = 2\nshape = [3]\n[model]\nzoo = \"logistic\"\n\
    [train]\nepochs = 1\n";

fn of(document: &str) -> Value {
    let output = ends(&["schema", document], 0).expect("a schema");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn toml(text: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(text).expect("TOML")).expect("JSON")
}

#[track_caller]
fn fits(schema: &Value, document: &Value, what: &str) {
    let wrong = wrong(schema, document);
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
    let missing = undescribed(schema, document);
    assert!(missing.is_empty(), "{what}: the schema does not describe {missing:?}");
}

#[test]
fn every_file_that_comes_with_the_program_fits_the_schema_of_configurations() {
    let schema = of("config");
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/experiments");
    for row in EXPERIMENTS {
        let text = std::fs::read_to_string(assets.join(format!("{}.toml", row.name))).expect("an experiment");
        fits(&schema, &toml(&text), row.name);
        let loaded = row.load(Path::new(""), &[], None).expect("it loads");
        fits(&schema, &toml(&loaded.config.to_toml().expect("TOML")), &format!("{}, resolved", row.name));
    }
    for (name, text) in TEMPLATES {
        fits(&schema, &toml(text), name);
    }
}

#[test]
fn what_the_program_writes_fits_and_every_key_is_described() {
    let (desk, mut engine) = (Desk::new(), Engine::reference());
    let config = desk.put("small.toml", SMALL);
    let loaded = Loaded::read(Path::new(&config), &[], None).expect("a configuration");
    let job = TrainJob::prepare(loaded, &desk.path("run"), false).expect("prepared").expect("not finished");
    let interrupted = AtomicBool::new(false);
    let options = TrainOptions {
        resume: false,
        keep_checkpoint: false,
        check_finite: false,
        interrupted: &interrupted,
        ranks: None,
    };
    job.train(&mut engine, options, &mut |_| {}).expect("trained");
    let request = json!({ "request_id": "r1", "kind": "sample", "ids": [1, 2] });
    let file = desk.put("request.jsonl", request.to_string());
    let read = |name: &str| std::fs::read_to_string(desk.path(name)).expect("written");
    for method in ["ssd", "finetune"] {
        let out = desk.path(method);
        let job = ForgetJob::prepare(&desk.path("run"), Path::new(&file), method, toml::Table::new(), &out);
        job.expect("prepared").forget(&mut engine, None, false).expect("forgotten");
    }
    let run = of("run");
    for folder in ["run", "ssd", "finetune"] {
        fits(&run, &serde_json::from_str(&read(&format!("{folder}/run.json"))).expect("JSON"), folder);
        fits(&of("config"), &toml(&read(&format!("{folder}/config.toml"))), folder);
    }
    let [run_folder, ssd, finetune] = ["run", "ssd", "finetune"].map(|name| desk.path(name));
    for (run, original) in [(&run_folder, None), (&ssd, None), (&finetune, Some(run_folder.as_path()))] {
        let inputs = EvalJob { run, references: &[], original, request: None }.read().expect("read");
        let document = serde_json::to_value(inputs.measure(&mut engine).expect("measured")).expect("JSON");
        assert_eq!(document.get("original").is_some(), original.is_some());
        fits(&of("eval"), &document, "an evaluation");
    }
    read("run/metrics.jsonl").lines().for_each(|l| fits(&of("metrics"), &serde_json::from_str(l).expect("JSON"), l));
    // A run that is finished already is told as one that has just ended.
    let again = ends(&["train", &config, "--out", &desk.text("run"), "--resume", "--json"], 0).expect("nothing to do");
    fits(&run, &serde_json::from_slice(&again.stdout).expect("JSON"), "train --resume --json");
    fits(&of("request"), &request, "a request");
    let stored = read("ssd/request.jsonl");
    stored.lines().for_each(|line| fits(&of("request"), &serde_json::from_str(line).expect("JSON"), "as stored"));
}

#[test]
fn a_certificate_fits_and_every_key_is_described() {
    let bench = Bench::trained();
    bench.forget("run", "one.jsonl", "finetune", "epochs = 1", "forgot");
    made::judge(&bench, "forgot");
    let project = made::Project::new(bench);
    project.pack("forgot", "pack");
    let text = std::fs::read_to_string(project.bench.path("pack/certificate.json")).expect("written");
    fits(&of("certificate"), &serde_json::from_str(&text).expect("JSON"), "a certificate");
}

#[test]
fn results_fit_and_every_key_is_described() {
    let forget = "[forget]\nrequest = { kind = \"class\", ids = [1] }\nreferences = 2\n";
    let text = format!("{SMALL}{forget}methods = [\"finetune\", \"ssd\"]\n");
    let ready = Loaded::parse(&text, "a.toml", Path::new(""), &[], None).and_then(Ready::of).expect("ready");
    let options = ExperimentOptions { check_finite: false, interrupted: &AtomicBool::new(false), one_by_one: false };
    let found = run_experiments(&[ready], &mut Engine::reference(), options, &mut |_| {}).expect("results");
    let schema = of("results");
    assert!(found.rows.len() > 4);
    for row in &found.rows {
        fits(&schema, &serde_json::to_value(row).expect("JSON"), row.label());
    }
}

#[test]
fn every_key_of_every_schema_has_its_meaning_and_every_number_its_unit() {
    fn look(schema: &Value, at: &str, bare: &mut Vec<String>) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (key, property) in properties {
                let at = format!("{at}.{key}");
                let said = property.get("description").and_then(Value::as_str).unwrap_or_default();
                // What a `oneOf` of words says, each of them says.
                let number = ["number", "integer"].iter().any(|kind| property["type"] == **kind);
                // The word that tells variants apart is described by the variant.
                let tag = property.get("const").is_some();
                if (said.is_empty() && !tag) || (number && !property["unit"].is_string()) {
                    bare.push(at);
                }
            }
        }
        match schema {
            Value::Object(all) => all.iter().for_each(|(key, inside)| look(inside, &format!("{at}/{key}"), bare)),
            Value::Array(all) => all.iter().for_each(|inside| look(inside, at, bare)),
            _ => {}
        }
    }
    let documents = [
        "config",
        "request",
        "run",
        "metrics",
        "results",
        "eval",
        "audit",
        "search",
        "certificate",
        "encoder",
        "error",
    ];
    for document in documents {
        let (schema, mut bare) = (of(document), Vec::new());
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        look(&schema, document, &mut bare);
        // A condition names a key to ask for it, and `then` its names.
        bare.retain(|at| !at.contains("/allOf/if"));
        assert!(bare.is_empty(), "no meaning, or no unit: {bare:#?}");
    }
}

#[test]
fn a_key_that_the_program_refuses_is_refused_by_the_schema() {
    let schema = of("config");
    let forget = "[forget]\nrequest = { kind = \"class\", ids = [3] }\n[forget.settings.ssd]\nalpha = 2.0\n";
    let whole = format!("{SMALL}{forget}");
    let steps = format!("{whole}[[forget.steps]]\nmethod = \"finetune\"\nsettings = {{ lr = 0.1 }}\n");
    assert!(wrong(&schema, &toml(&steps)).is_empty());
    assert!(wrong(&schema, &toml(&whole)).is_empty());
    for (what, text) in [
        ("a key of the file", format!("sead = 1\n{whole}")),
        ("a key of [train]", whole.replace("epochs", "ephocs")),
        ("a key of [model]", whole.replace("zoo", "zooo")),
        ("a key of another loader", whole.replace("samples = 24", "samples = 24\nlabel = \"y\"")),
        ("a key of no loader", whole.replace("samples = 24", "sampels = 24")),
        ("a key of a request", whole.replace("ids", "idds")),
        ("a setting of a method", whole.replace("alpha", "alhpa")),
        ("a method", whole.replace("settings.ssd", "settings.sdd")),
        ("a setting of a step", steps.replace("lr = 0.1", "lrr = 0.1")),
        ("a setting of another step", steps.replace("lr = 0.1", "alpha = 0.1")),
        ("a loader", whole.replace("\"synth\"", "\"sinth\"")),
        ("a network", whole.replace("\"logistic\"", "\"logistics\"")),
        ("a layer", whole.replace("zoo = \"logistic\"", "layers = [{ type = \"liner\" }]")),
        ("a key of a layer", whole.replace("zoo = \"logistic\"", "layers = [{ type = \"linear\", otu = 2 }]")),
    ] {
        assert!(!wrong(&schema, &toml(&text)).is_empty(), "the schema takes {what}");
        let refused = Loaded::parse(&text, "a.toml", Path::new(""), &[], None).and_then(|mut l| l.build().map(drop));
        assert!(refused.is_err(), "the program takes {what}");
    }
}

/// Values at the ends of a range and just beyond: the ones it allows, and those it does not.
fn ends_of(schema: &Value) -> [Vec<Value>; 2] {
    let whole = schema["type"] == "integer";
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for (word, open, beyond) in
        [("inimum", false, -1.0), ("aximum", false, 1.0), ("Minimum", true, 0.0), ("Maximum", true, 0.0)]
    {
        let name = match (open, word) {
            (true, word) => format!("exclusive{word}"),
            (false, word) => format!("m{word}"),
        };
        let Some(end) = schema.get(&name).and_then(Value::as_f64) else { continue };
        match (open, whole) {
            (true, _) => outside.push(json!(end)),
            (false, true) => {
                inside.push(json!(end as i64));
                outside.push(json!((end + beyond) as i64));
            }
            (false, false) => {
                inside.push(json!(end));
                outside.push(json!(end + 0.001 * beyond));
            }
        }
    }
    [inside, outside]
}

#[test]
fn the_ranges_of_the_schema_are_those_of_the_program() {
    let config = of("config");
    let dp = "[train.dp]\nclip = 1.0\nnoise_multiplier = 1.0\ndelta = 0.1\n";
    let sbm = "[data]\nloader = \"sbm\"\nnodes = 24\n[model]\nzoo = \"gcn\"\n[train]\nepochs = 1\n";
    let forget = format!("{SMALL}[forget]\nrequest = {{ kind = \"class\", ids = [1] }}\n");
    for (table, prefix, text) in [
        ("TrainConfig", "train", SMALL.to_owned()),
        ("DpConfig", "train.dp", format!("{SMALL}{dp}")),
        ("DataConfig", "data", SMALL.to_owned()),
        ("DataConfig", "data", sbm.to_owned()),
        ("ForgetConfig", "forget", forget),
    ] {
        let properties = config["$defs"][table]["properties"].as_object().expect("keys");
        let loader = text.split('"').nth(1).expect("a loader").to_owned();
        let read = |schema: &Value| schema["loaders"].as_array().is_none_or(|l| l.iter().any(|l| *l == *loader));
        let tried = |key: &str, value: &Value| {
            let set = [format!("{prefix}.{key}={value}")];
            Loaded::parse(&text, "a.toml", Path::new(""), &set, None).and_then(|mut l| l.build().map(drop))
        };
        for (key, schema) in properties.iter().filter(|(_, schema)| read(schema) && schema["unit"].is_string()) {
            let [inside, outside] = ends_of(schema);
            for value in outside {
                assert!(tried(key, &value).is_err(), "{prefix}.{key} = {value} is taken");
            }
            // Of data, what is allowed depends on the other keys.
            for value in inside.iter().filter(|_| table != "DataConfig") {
                assert!(tried(key, value).is_ok(), "{prefix}.{key} = {value}: {:?}", tried(key, value).err());
            }
        }
    }
}

#[test]
fn the_ranges_of_layers_are_those_of_the_program() {
    let config = of("config");
    for row in LAYERS {
        let ways = config["$defs"]["Layer"]["oneOf"].as_array().expect("layers");
        let schema = ways.iter().find(|way| way["properties"]["type"]["const"] == row.kind).expect("a schema");
        for (key, property) in schema["properties"].as_object().expect("keys") {
            let number = property["anyOf"].get(0).unwrap_or(property);
            for value in &ends_of(number)[1] {
                let mut table: toml::Table = toml::from_str(row.example).expect("an example");
                let value = toml::Value::try_from(value).expect("a number");
                table.insert(key.clone(), value.clone());
                let made = parse_layer(table).and_then(|layer| {
                    layer.out_shape(row.example_input)?;
                    layer.params(row.example_input).map(drop)
                });
                assert!(made.is_err(), "{}.{key} = {value} is taken", row.kind);
            }
        }
    }
}

#[test]
fn keys_are_listed_with_meaning_default_and_range() {
    let output = ends(&["list", "keys", "--json"], 0).expect("a list");
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let rows = document["keys"].as_array().expect("rows");
    let row = |key: &str| rows.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("{key} is not listed"));
    assert!(rows.iter().all(|row| row["meaning"].as_str().is_some_and(|meaning| !meaning.is_empty())));
    assert_eq!(row("train.lr")["takes"], "a number > 0");
    assert_eq!(row("train.lr")["default"], "0.05");
    assert_eq!(row("train.momentum")["takes"], "a number ≥ 0 and < 1");
    assert_eq!(row("train.dp.clip")["default"], "required");
    assert_eq!(row("data.loader")["default"], "required");
    assert!(row("data.normalize")["default"].as_str().is_some_and(|text| text.contains("csv")));
    assert_eq!(row("data.size")["unit"], "pixels");
    assert_eq!(row("data.size")["takes"], "a list of 2, each a whole number ≥ 1 and ≤ 4096");
    assert_eq!(row("forget.settings.delta_grad.max_bytes")["unit"], "bytes");
    for key in [
        "forget.settings.ssd.alpha",
        "forget.request.fraction",
        "model.layers.conv2d.kernel",
        "init",
        "data.plant.columns",
    ] {
        row(key);
    }
    // Every key that a loader reads is there.
    for key in unlearn::data::DataConfig::known_keys() {
        row(&format!("data.{key}"));
    }
    refused(&["list", "keys", "train.ephocs"], &["train.epochs"]).expect("refused");
    refused(&["schema", "configs"], &["configs"]).expect("refused");
    assert_eq!(schema::keys().len(), rows.len());
}
