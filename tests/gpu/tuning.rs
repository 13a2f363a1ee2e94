//! `unlearn tune` through the program: what it keeps, who takes it, how it is forgotten.

use std::path::Path;
use std::process::Output;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::shared::binary::{Desk, stderr, unlearn};
use crate::times;

const CONFIG: &str = "seed = 3\n[data]\nloader = \"digits\"\n[model]\nzoo = \"mlp\"\nhidden = [16]\n[train]\nlr = 0.1\n\
    epochs = 1\nbatch_size = 32\n";

pub fn trials() -> Vec<Trial> {
    vec![times::trial("tune: choices are kept, taken, shown and forgotten".to_owned(), kept)]
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
    let (found, _) = document(&["tune", &config, "--budget", "3s", "--json"])?;
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
