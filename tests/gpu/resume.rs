//! Interrupted training: killed at any step or asked to stop, it goes on to the same bytes.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use safetensors::SafeTensors;

use crate::shared::binary::{Desk, ends, names, stderr, unlearn};
use crate::times;

/// Some 1900 steps with a checkpoint every few: enough time to be killed in.
const CONFIG: &str = "seed = 3\n[data]\nloader = \"synth\"\nvalidation_fraction = 0.1\n[model]\n[[model.layers]]\n\
    type = \"linear\"\nout = 16\n[[model.layers]]\ntype = \"batch_norm\"\n[[model.layers]]\ntype = \"relu\"\n\
    [[model.layers]]\ntype = \"dropout\"\np = 0.1\n[[model.layers]]\ntype = \"linear\"\n\
    [train]\noptimizer = \"adamw\"\nlr = 1e-3\nbatch_size = 4\nepochs = 48\n\
    schedule = \"cosine\"\ncheckpoint_steps = 24\naccumulate = 2\nwarmup_epochs = 3\nema = 0.99\n\
    early_stopping = { patience = 48 }\n";

const KILLS: u64 = 20;

pub fn trials() -> Vec<Trial> {
    let mut all = vec![times::trial("run: killed 20 times, resumed to the same bytes", killed)];
    if cfg!(unix) {
        for signal in ["INT", "TERM"] {
            let name = format!("run: SIG{signal} saves, exits with 130 and says how to go on");
            all.push(times::trial(name, move || interrupted(signal)));
        }
    }
    all
}

/// The step of the checkpoint in a folder; none where there is no checkpoint.
fn saved_step(run: &Path) -> Option<u64> {
    let bytes = fs::read(run.join("checkpoint.safetensors")).ok()?;
    let (_, header) = SafeTensors::read_metadata(&bytes).ok()?;
    header.metadata().as_ref()?.get("step")?.parse().ok()
}

/// Waits until a checkpoint of at least `step` is there; false if the run ended before.
fn reached(child: &mut Child, run: &Path, step: u64) -> Result<bool, Failed> {
    let limit = Instant::now() + Duration::from_secs(120);
    while child.try_wait().map_err(|e| e.to_string())?.is_none() {
        if saved_step(run).is_some_and(|saved| saved >= step) {
            return Ok(true);
        }
        if Instant::now() > limit {
            child.kill().ok();
            return Err(format!("no checkpoint of step {step} in two minutes").into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(false)
}

fn begin(arguments: &[&str]) -> Result<Child, Failed> {
    let mut command = unlearn(arguments);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().map_err(|e| Failed::from(e.to_string()))
}

fn killed() -> Result<(), Failed> {
    let desk = Desk::new();
    let (config, whole) = (desk.put("c.toml", CONFIG), desk.text("whole"));
    ends(&["train", &config, "--out", &whole, "-q"], 0)?;
    let want = fs::read(desk.path("whole/model.safetensors")).map_err(|e| e.to_string())?;
    let total = fs::read_to_string(desk.path("whole/metrics.jsonl")).map_err(|e| e.to_string())?.lines().count();
    // One run, killed again and again: whatever a resumption loses or repeats stays in it to the end.
    let (run, out) = (desk.path("killed"), desk.text("killed"));
    let (train, resume) =
        (["train", &config, "--out", &out, "-q"], ["train", &config, "--out", &out, "-q", "--resume"]);
    let mut hits = 0;
    for kill in 0..KILLS {
        let next = saved_step(&run).map_or(0, |saved| saved + 90);
        let mut child = begin(if kill == 0 { &train[..] } else { &resume[..] })?;
        // Spread over the whole run, then a moment that is no multiple of anything.
        hits += u64::from(reached(&mut child, &run, next)?);
        std::thread::sleep(Duration::from_micros(kill * 397 % 5000));
        child.kill().and_then(|()| child.wait()).map_err(|e| e.to_string())?;
    }
    ends(&resume, 0)?;
    if fs::read(run.join("model.safetensors")).map_err(|e| e.to_string())? != want {
        return Err("the resumed run ended in other bytes".into());
    }
    let lines = fs::read_to_string(run.join("metrics.jsonl")).map_err(|e| e.to_string())?.lines().count();
    let left = names(&run);
    if lines != total || left != ["config.toml", "metrics.jsonl", "model.safetensors", "run.json"] {
        return Err(format!("{lines} of {total} epochs in metrics.jsonl, the folder holds {left:?}").into());
    }
    match hits >= KILLS / 2 {
        true => Ok(()),
        false => Err(format!("only {hits} of {KILLS} runs were killed while training; make the run longer").into()),
    }
}

fn interrupted(signal: &str) -> Result<(), Failed> {
    let desk = Desk::new();
    let (config, whole, out) = (desk.put("c.toml", CONFIG), desk.text("whole"), desk.text("run"));
    ends(&["train", &config, "--out", &whole, "-q"], 0)?;
    let mut child = begin(&["train", &config, "--out", &out])?;
    if !reached(&mut child, &desk.path("run"), 24)? {
        return Err("the run ended before it could be interrupted".into());
    }
    let id = child.id().to_string();
    std::process::Command::new("kill").args([&format!("-{signal}"), &id]).status().map_err(|e| e.to_string())?;
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    let text = stderr(&output);
    if output.status.code() != Some(130) || !text.contains("--resume") || !text.contains("interrupted") {
        return Err(format!("ended with {}: {text}", output.status).into());
    }
    // What it says is what has to be typed.
    let line = text.lines().find_map(|l| l.strip_prefix("continue with: unlearn "));
    let words: Vec<&str> = line.ok_or("it does not say how to continue")?.split(' ').collect();
    ends(&words, 0)?;
    let read = |name: &str| fs::read(desk.path(name)).map_err(|e| e.to_string());
    match read("run/model.safetensors")? == read("whole/model.safetensors")? {
        true => Ok(()),
        false => Err("the resumed run ended in other bytes".into()),
    }
}
