//! The demo, whole: in each of its tasks the original fails, the held-out retrain passes, and every method is decided.

use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use unlearn::run::experiments::EXPERIMENTS;

use crate::shared::binary::{Desk, ends};
use crate::times;

pub fn trials() -> Vec<Trial> {
    let tasks = EXPERIMENTS.iter().filter(|row| row.demo);
    tasks.map(|row| times::trial(format!("demo: {} convinces", row.name), || convinces(row.name))).collect()
}

/// What of a task's rows would not convince, if anything does not.
fn doubt(rows: &[Value]) -> Option<String> {
    let of = |kind: &str| rows.iter().find(|row| row["row"] == kind);
    let (original, another) = (of("original (do nothing)")?, of("another retrain")?);
    // What was not measured convinces nobody.
    let share = |row: &Value| row["metrics"]["splits"]["forget"]["accuracy"].as_f64().unwrap_or(0.5);
    if original["verdict"]["outcome"] != "fail" || share(original) <= 0.7 {
        return Some(format!("the original does not fail: {}, {}", share(original), original["verdict"]["summary"]));
    }
    if another["verdict"]["outcome"] != "pass" || share(another) >= 0.3 {
        return Some(format!("the retrain does not pass: {}, {}", share(another), another["verdict"]["summary"]));
    }
    let methods = rows.iter().filter(|row| row["row"] == "method");
    let open = methods.filter(|row| row["verdict"]["outcome"] == "inconclusive" || !row["verdict"].is_object());
    open.map(|row| format!("{} is not decided: {}", row["method"], row["verdict"]["summary"])).next()
}

fn task(name: &str, sets: &[&str]) -> Result<Vec<Value>, Failed> {
    let desk = Desk::new();
    let out = desk.text("demo");
    let mut arguments = vec!["demo", "--only", name, "--out", &out, "--json", "-q"];
    sets.iter().for_each(|set| arguments.extend(["--set", *set]));
    let output = ends(&arguments, 0)?;
    let document: Value = serde_json::from_slice(&output.stdout)?;
    ends(&["report", &out, "--out", &desk.text("again.html"), "-q"], 0)?;
    Ok(document["rows"].as_array().cloned().unwrap_or_default())
}

/// What is left out of a task here, whose trainings take longer than those of the others.
fn shortened(name: &str) -> &'static [&'static str] {
    match name {
        "demo_gpt" => {
            &["forget.seeds=1", "forget.references=3", "forget.methods=['retrain','gradient_ascent','simnpo']"]
        }
        _ => &[],
    }
}

fn convinces(name: &str) -> Result<(), Failed> {
    let rows = task(name, shortened(name))?;
    let kinds = ["original (do nothing)", "retrain (reference)", "another retrain"];
    let controls = kinds.iter().all(|kind| rows.iter().any(|row| row["row"] == **kind));
    if !controls || rows.len() < 5 || rows.len() > 10 {
        return Err(format!("{} rows", rows.len()).into());
    }
    if let Some(doubt) = doubt(&rows) {
        return Err(doubt.into());
    }
    if !rows.iter().any(|row| row["row"] == "method" && row["verdict"]["outcome"] == "pass") {
        return Err("no method is shown to forget".into());
    }
    // A network that has not learned anything by heart convinces nobody, and that must show.
    // What the task has settings for must be among its methods.
    let methods = match name {
        "demo_gnn" => "forget.methods=['retrain','graph_repair']",
        "demo_gpt" => "forget.methods=['retrain','gradient_ascent','simnpo']",
        _ => "forget.methods=['retrain']",
    };
    let rows = task(name, &["forget.seeds=1", "forget.references=3", "train.epochs=1", methods])?;
    match doubt(&rows) {
        Some(_) => Ok(()),
        None => Err("an untrained network convinces as well".into()),
    }
}
