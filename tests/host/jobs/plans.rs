//! Plans: named by inputs, the same whenever they are made, refused where inputs have changed.

use std::fs;

use unlearn::base::sha256;
use unlearn::run::jobs::{Jobs, PlanOptions, Unit};

use super::{CONFIG, options, planned};
use crate::shared::binary::{Desk, ends, refused};

fn ids(jobs: &Jobs) -> Vec<String> {
    jobs.plan.jobs.iter().map(|job| job.id.clone()).collect()
}

#[test]
fn a_plan_is_a_function_of_its_inputs() {
    let desk = Desk::new();
    let asked = options(&desk, &[3, 4]);
    let one = planned(&desk, "a", CONFIG, &asked).unwrap();
    let labels: Vec<String> = one.plan.jobs.iter().map(|job| job.unit.label()).collect();
    assert_eq!(labels, ["train, seed 3", "train, seed 4", "retrain, seed 5", "retrain, seed 6"]);
    assert_eq!(one.plan.jobs[2].unit.needs(), [&one.plan.jobs[0].id]);
    let text = fs::read(desk.path("a/plan.json")).unwrap();
    planned(&desk, "b", CONFIG, &asked).unwrap();
    assert_eq!(fs::read(desk.path("b/plan.json")).unwrap(), text, "whichever folder it is for");
    planned(&desk, "a", CONFIG, &asked).unwrap();
    assert_eq!(fs::read(desk.path("a/plan.json")).unwrap(), text, "and again");
    // More seeds: those that were there keep their names.
    let more = planned(&desk, "a", CONFIG, &options(&desk, &[3, 4, 9])).unwrap();
    assert!(ids(&more).contains(&ids(&one)[1]) && more.plan.jobs.len() == 5);
    // Another recipe: none does.
    let other = planned(&desk, "c", &CONFIG.replace("epochs = 2", "epochs = 3"), &asked).unwrap();
    assert!(ids(&other).iter().all(|id| !ids(&one).contains(id)));
    // Other records to forget are other retrains of the same training.
    desk.put("r.jsonl", "{\"request_id\":\"r\",\"kind\":\"sample\",\"ids\":[1,4]}\n");
    let fewer = PlanOptions { request: Some(desk.path("r.jsonl")), ..asked };
    let less = planned(&desk, "d", CONFIG, &fewer).unwrap();
    assert_eq!(ids(&less)[..2], ids(&one)[..2]);
    assert_ne!(ids(&less)[2], ids(&one)[2]);
}

#[test]
fn an_experiment_is_planned_as_its_models() {
    let desk = Desk::new();
    let forget = "[forget]\nrequest = { kind = \"class\", ids = [1] }\nreferences = 2\nseeds = 2\n\
        methods = [\"finetune\", \"ssd\"]\n[forget.settings.ssd]\nalpha = 5.0\n";
    let jobs = planned(&desk, "a", &format!("{CONFIG}{forget}"), &PlanOptions::default()).unwrap();
    let labels: Vec<String> = jobs.plan.jobs.iter().map(|job| job.unit.label()).collect();
    let trained = ["train, seed 3", "train, seed 1004", "retrain, seed 4", "retrain, seed 5", "retrain, seed 6"];
    let methods = ["finetune, seed 3", "finetune, seed 1004", "ssd, seed 3", "ssd, seed 1004"];
    assert_eq!(labels, [&trained[..], &methods].concat());
    assert!(matches!(&jobs.plan.jobs[8].unit, Unit::Forget { settings, of, .. }
            if settings["alpha"].as_float() == Some(5.0) && *of == jobs.plan.jobs[1].id));
    let drawn = forget.replace("{ kind = \"class\", ids = [1] }", "{ kind = \"sample\", fraction = 0.1 }");
    let said = planned(&desk, "b", &format!("{CONFIG}{drawn}"), &PlanOptions::default()).unwrap_err().to_string();
    assert!(said.contains("fraction") && said.contains("ids"), "{said}");
    assert!(!desk.path("b").exists(), "nothing is written before it is known to be right");
}

#[test]
fn what_has_changed_since_is_named() {
    let desk = Desk::new();
    planned(&desk, "a", CONFIG, &PlanOptions::default()).unwrap();
    let file = desk.path("a/plan.json");
    let text = fs::read_to_string(&file).unwrap();
    let opens = |text: &str| {
        fs::write(&file, text).unwrap();
        Jobs::open(&desk.path("a")).map(drop)
    };
    let said = opens(&text.replace("\"seed\": 3", "\"seed\": 5")).unwrap_err().to_string();
    assert!(said.contains("plan.json") && said.contains("was changed"), "{said}");
    // Of another version, and whole.
    let own = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let key = text.lines().find(|line| line.contains("plan_sha256")).unwrap();
    let open = text.replace(key, "  \"plan_sha256\": \"\"").replace(&own, "\"version\": \"0.0.9\"");
    let sealed = open.replace("\"plan_sha256\": \"\"", &format!("\"plan_sha256\": \"{}\"", sha256(open.as_bytes())));
    let said = opens(&sealed).unwrap_err().to_string();
    assert!(said.contains("0.0.9") && said.contains(env!("CARGO_PKG_VERSION")), "{said}");
    opens(&text).unwrap();
    let other = planned(&desk, "a", &CONFIG.replace("seed = 3", "seed = 4"), &PlanOptions::default());
    assert!(other.unwrap_err().to_string().contains("another configuration"));
    desk.put("full/notes.txt", "x");
    assert!(planned(&desk, "full", CONFIG, &PlanOptions::default()).unwrap_err().to_string().contains("other files"));
    let said = Jobs::open(&desk.path("full")).unwrap_err().to_string();
    assert!(said.contains("holds no plan") && said.contains("jobs plan"), "{said}");
}

#[test]
fn the_program_plans_and_tells_what_is_to_be_done() {
    let desk = Desk::new();
    let (config, out) = (desk.put("c.toml", CONFIG), desk.text("plan"));
    let said = ends(&["jobs", "plan", &config, "--out", &out, "--seeds", "1,5..7", "-q"], 0).unwrap();
    assert!(String::from_utf8_lossy(&said.stdout).contains("3 jobs planned"));
    let said = ends(&["jobs", "status", &out], 0).unwrap();
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(text.contains("train, seed 6") && text.contains("0 of 3 done, 3 ready; go on with"), "{text}");
    let said = ends(&["jobs", "status", &out, "--json"], 0).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(document["jobs"][2]["state"], "ready");
    refused(&["jobs", "status", &desk.text("none")], &["holds no plan"]).unwrap();
    refused(&["jobs", "run", &out, "--rank", "3", "--of", "3"], &["--rank 3 of 3", "0 to 2"]).unwrap();
    for seeds in ["x", "3..3", "1,,2"] {
        ends(&["jobs", "plan", &config, "--out", &out, "--seeds", seeds], 2).unwrap();
    }
    // What the plan was made from is another now: nothing is done by it.
    fs::write(&config, CONFIG.replace("epochs = 2", "epochs = 3")).unwrap();
    refused(&["jobs", "run", &out], &["c.toml was changed since", "plan into another folder"]).unwrap();
    fs::remove_file(&config).unwrap();
    fs::write(desk.path("plan/config.toml"), "").unwrap();
    refused(&["jobs", "run", &out], &["config.toml was changed since"]).unwrap();
}
