//! `unlearn tune` through the program: what it keeps, who takes it, how it is forgotten.

use std::path::Path;
use std::process::Output;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::shared::binary::{Desk, names, stderr, unlearn};
use crate::times;

const CONFIG: &str = "seed = 3\n[data]\nloader = \"digits\"\n[model]\nzoo = \"mlp\"\nhidden = [16]\n[train]\nlr = 0.1\n\
    epochs = 1\nbatch_size = 32\n";

pub fn trials() -> Vec<Trial> {
    vec![
        times::trial("tune: choices are kept, taken, shown and forgotten".to_owned(), kept),
        times::trial("tune: a run names what was tuned, and passes a damaged file over".to_owned(), named),
        times::trial("tune: shapes of a preset, as long as the budget lasts".to_owned(), preset),
    ]
}

/// Runs with a cache folder of its own.
fn with(cache: &Path, arguments: &[&str]) -> Result<Output, Failed> {
    let output = unlearn(arguments).env_remove("UNLEARN_NO_CACHE").env("XDG_CACHE_HOME", cache).output()?;
    match output.status.success() {
        true => Ok(output),
        false => Err(format!("{arguments:?}: {}", stderr(&output)).into()),
    }
}

fn kept() -> Result<(), Failed> {
    let desk = Desk::new();
    let (config, cache) = (desk.put("c.toml", CONFIG), desk.path("cache"));
    let document = |arguments: &[&str]| -> Result<(Value, String), Failed> {
        let output = with(&cache, arguments)?;
        Ok((serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())?, stderr(&output)))
    };
    let (found, _) = document(&["tune", &config, "--budget", "0s", "--json"])?;
    let choices = found["choices"].as_array().cloned().unwrap_or_default();
    let product = choices.iter().find(|c| c["kernel"] == "linear.matmul").ok_or("no product was tuned")?;
    if found["schema"] != "unlearn.tuned/1" || found["any_order"] != false || product["ns"].as_u64() == Some(0) {
        return Err(format!("unexpected: {found}").into());
    }
    let (shown, _) = document(&["tune", "--show", "--json"])?;
    if shown != found {
        return Err(format!("{shown} is shown, {found} was found").into());
    }
    let train = |name: &str, more: &[&str]| {
        let out = desk.text(name);
        let output = with(&cache, &[&["train", &config, "--out", &out][..], more].concat())?;
        Ok::<_, Failed>((stderr(&output), std::fs::read(desk.path(name).join("model.safetensors"))?))
    };
    let ((tuned, a), (plain, b)) = (train("a", &[])?, train("b", &["--no-cache"])?);
    if !tuned.contains("by `unlearn tune`") || plain.contains("by `unlearn tune`") || !tuned.contains("first step") {
        return Err(format!("notes: {tuned}\nand without the cache: {plain}").into());
    }
    if a.len() != b.len() {
        return Err("the tuned run wrote another network".into());
    }
    let (cleared, note) = document(&["tune", "--clear", "--json"])?;
    match cleared["choices"].as_array().is_some_and(Vec::is_empty) && note.contains("forgotten") {
        true => Ok(()),
        false => Err(format!("after --clear: {cleared}, {note}").into()),
    }
}

/// The shape of one product of [`CONFIG`] that has another form of its order, and that form, as `unlearn tune` would
/// have found it.
fn planted(cache: &Path, config: &str) -> Result<(Vec<u8>, std::path::PathBuf), Failed> {
    with(cache, &["tune", config, "--budget", "0s", "--json"])?;
    let folder = cache.join("unlearn/tuned");
    let file = folder.join(names(&folder).first().ok_or("nothing was kept")?);
    let mut kept: Value = serde_json::from_slice(&std::fs::read(&file)?).map_err(|e| e.to_string())?;
    let choices = kept["choices"].as_array_mut().ok_or("no choices")?;
    for choice in choices.iter_mut().filter(|c| c["kernel"] == "linear.matmul") {
        choice["variant"] = if choice["instead_of"] == "blocked" { "plain" } else { "blocked" }.into();
    }
    Ok((serde_json::to_vec(&kept).map_err(|e| e.to_string())?, file))
}

fn named() -> Result<(), Failed> {
    let desk = Desk::new();
    let (config, cache) = (desk.put("c.toml", CONFIG), desk.path("cache"));
    let (choices, file) = planted(&cache, &config)?;
    let run = |name: &str, content: &[u8]| -> Result<(String, Value, Vec<u8>), Failed> {
        std::fs::write(&file, content)?;
        let output = with(&cache, &["train", &config, "--out", &desk.text(name), "--json"])?;
        let document: Value = serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())?;
        Ok((stderr(&output), document, std::fs::read(desk.path(name).join("model.safetensors"))?))
    };
    let (_, tuned, weights) = run("tuned", &choices)?;
    let (said, rule, others) = run("damaged", &choices[..choices.len() / 2])?;
    let variants = |document: &Value| document["variants"].to_string();
    if !variants(&tuned).contains("(tuned)") || variants(&rule).contains("tuned") {
        return Err(format!("{} tuned, {} by the rules", variants(&tuned), variants(&rule)).into());
    }
    if said.matches("is not used").count() != 1 {
        return Err(format!("one sentence about the damaged file was expected: {said}").into());
    }
    // One order of sums: the forms differ in nothing.
    match weights == others {
        true => Ok(()),
        false => Err("a tuned form of the rule's order changed the weights".into()),
    }
}

fn preset() -> Result<(), Failed> {
    let desk = Desk::new();
    let cache = desk.path("cache");
    let output = with(&cache, &["tune", "--preset", "lenet5", "--batch", "1", "--budget", "0s", "--json"])?;
    let found: Value = serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())?;
    let kernel = found["choices"][0]["kernel"].as_str().unwrap_or_default().to_owned();
    if !stderr(&output).contains("the budget is spent after 1 of ") || !kernel.contains('.') {
        return Err(format!("{found}\n{}", stderr(&output)).into());
    }
    let unknown = unlearn(&["tune", "--preset", "lenet6"]).output()?;
    match unknown.status.code() == Some(2) && stderr(&unknown).contains("lenet5") {
        true => Ok(()),
        false => Err(format!("--preset lenet6: {}", stderr(&unknown)).into()),
    }
}
