//! Promises that are kept from command to command: the budget of certified removals, and what private training spent.

use std::fs;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::shared::binary::{Desk, ends, refused};
use crate::times;

const LINEAR: &str = "seed = 3\n[data]\nloader = \"digits\"\nvalidation_fraction = 0.1\n[model]\nzoo = \
    \"logistic\"\n[train]\nlr = 0.2\n\
    momentum = 0.9\nweight_decay = 1e-2\nobjective_noise = 5.0\nbatch_size = 2000\nepochs = 700\n";

const PRIVATE: &str = "seed = 3\n[data]\nloader = \"digits\"\nvalidation_fraction = 0.1\n[model]\nzoo = \
    \"mlp\"\nhidden = [16]\n[train]\n\
    lr = 0.2\nbatch_size = 128\nepochs = 2\n[train.dp]\nclip = 1.0\nnoise_multiplier = 1.1\ndelta = 1e-4\n";

const COUPLED: &str = "seed = 3\n[data]\nloader = \"digits\"\nvalidation_fraction = 0.1\n[model]\nzoo = \
    \"mlp\"\nhidden = [16]\n[train]\nlr = 0.5\nmomentum = 0.0\nbatch_size = 64\nepochs = 4\ncheckpoint_steps = \
    30\n[train.coupled]\nsteps = 80\nsigma = 0.02\nclip = 1.0\nkappa = 7\n";

pub fn trials() -> Vec<Trial> {
    vec![
        times::trial("run: certified requests share a budget from run to run", certified),
        times::trial("run: private training tells what it spent", private),
        times::trial("run: a coupled training is resumed, and forgets twice by its trace", coupled),
    ]
}

fn info(desk: &Desk, run: &str) -> Result<Value, Failed> {
    let text = fs::read_to_string(desk.path(&format!("{run}/run.json"))).map_err(|e| format!("{run}: {e}"))?;
    serde_json::from_str(&text).map_err(|e| format!("{run}: {e}").into())
}

fn hold(what: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failed> {
    if what { Ok(()) } else { Err(otherwise().into()) }
}

/// The same two requests as one stream: the same weights, and the curve says what is left of the budget.
fn in_order(desk: &Desk) -> Result<(), Failed> {
    let lines: String = ["r0.jsonl", "r1.jsonl"]
        .map(|name| fs::read_to_string(desk.path(name)))
        .into_iter()
        .collect::<Result<_, _>>()?;
    let (run, both, out) = (desk.text("run0"), desk.put("both.jsonl", lines), desk.text("stream"));
    let words =
        ["forget", &run, "--request", &both, "--method", "certified_removal", "--in-order", "--out", &out, "-q"];
    ends(&words, 0)?;
    let weights = |run: &str| fs::read(desk.path(run).join("model.safetensors"));
    hold(weights("run2")? == weights("stream/0002")?, || "in order they come to other weights".into())?;
    let curve = fs::read_to_string(desk.path("stream/stream.jsonl"))?;
    let left: Vec<f64> =
        curve.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()?["budget_left"].as_f64()).collect();
    hold(left.len() == 2 && 1.0 > left[0] && left[0] > left[1] && left[1] > 0.0, || format!("{left:?} of the budget"))
}

/// Stopped by its own checkpoint's files: a copy of the folder after some steps is what a kill leaves.
fn coupled() -> Result<(), Failed> {
    let desk = Desk::new();
    let config = desk.put("c.toml", COUPLED);
    ends(&["train", &config, "--out", &desk.text("run0"), "-q", "--keep-checkpoint"], 0)?;
    let files = ["model.safetensors", "trace.json", "trace.00000.safetensors"];
    let read = |run: &str, file: &str| {
        fs::read(desk.path(&format!("{run}/{file}"))).map_err(|e| Failed::from(format!("{run}/{file}: {e}")))
    };
    // Again, without what makes it finished: resumed from the last checkpoint, it writes the same bytes.
    fs::create_dir(desk.path("again")).map_err(|e| e.to_string())?;
    for file in ["config.toml", "metrics.jsonl", "checkpoint.safetensors", files[2]] {
        fs::write(desk.path(&format!("again/{file}")), read("run0", file)?).map_err(|e| e.to_string())?;
    }
    ends(&["train", &config, "--out", &desk.text("again"), "-q", "--resume"], 0)?;
    for file in files {
        hold(read("again", file)? == read("run0", file)?, || format!("{file} is another after a resumption"))?;
    }
    for (i, ids) in ["6, 9", "11"].into_iter().enumerate() {
        let line = format!("{{\"request_id\":\"r{i}\",\"kind\":\"sample\",\"ids\":[{ids}]}}\n");
        let request = desk.put(&format!("r{i}.jsonl"), line);
        for to in [format!("run{}", i + 1), format!("twin{}", i + 1)] {
            let (from, to) = (desk.text(&format!("run{i}")), desk.text(&to));
            ends(&["forget", &from, "--request", &request, "--method", "coupling", "--out", &to, "-q"], 0)?;
        }
        let (run, twin) = (format!("run{}", i + 1), format!("twin{}", i + 1));
        hold(read(&run, files[1])? == read(&twin, files[1])?, || format!("{run} has another trace than its twin"))?;
        let forget = &info(&desk, &run)?["forget"];
        hold(forget["tier"] == "exact-in-distribution", || format!("{forget}"))?;
        let trace: Value = serde_json::from_slice(&read(&run, files[1])?).map_err(|e| e.to_string())?;
        let gone = trace["gone"].as_array().map_or(0, Vec::len);
        hold(trace["requests"] == i + 1 && gone == 2 + i, || format!("{trace}"))?;
    }
    // How many iterates are kept changes nothing: those between are computed again.
    let (dense, first, out) = (desk.text("dense"), desk.text("r0.jsonl"), desk.text("dense1"));
    ends(&["train", &config, "--set", "train.coupled.kappa=1", "--out", &dense, "-q"], 0)?;
    ends(&["forget", &dense, "--request", &first, "--method", "coupling", "--out", &out, "-q"], 0)?;
    hold(read("dense1", files[0])? == read("run1", files[0])?, || "kappa changes what is left".into())?;
    // A page of the trace that was changed is not gone on from.
    let mut page = read("run2", files[2])?;
    page.iter_mut().last().into_iter().for_each(|byte| *byte ^= 1);
    fs::write(desk.path(&format!("run2/{}", files[2])), page).map_err(|e| e.to_string())?;
    let third = desk.put("r2.jsonl", "{\"request_id\":\"r2\",\"kind\":\"sample\",\"ids\":[13]}\n");
    let (run, out) = (desk.text("run2"), desk.text("run3"));
    refused(
        &["forget", &run, "--request", &third, "--method", "coupling", "--out", &out, "-q"],
        &["changed or damaged"],
    )?;
    Ok(())
}

fn certified() -> Result<(), Failed> {
    let desk = Desk::new();
    let config = desk.put("c.toml", LINEAR);
    ends(&["train", &config, "--out", &desk.text("run0"), "-q"], 0)?;
    let mut before = 0.0;
    for (i, id) in [6, 9].into_iter().enumerate() {
        let line = format!("{{\"request_id\":\"r{i}\",\"kind\":\"sample\",\"ids\":[{id}]}}\n");
        let request = desk.put(&format!("r{i}.jsonl"), line);
        let (from, to) = (desk.text(&format!("run{i}")), desk.text(&format!("run{}", i + 1)));
        ends(&["forget", &from, "--request", &request, "--method", "certified_removal", "--out", &to, "-q"], 0)?;
        let forget = &info(&desk, &format!("run{}", i + 1))?["forget"];
        let (certificate, left) = (&forget["details"]["certificate"], &forget["details"]["left"]);
        let [spent, budget] = ["spent", "budget"].map(|key| certificate[key].as_f64().unwrap_or(f64::NAN));
        hold(forget["tier"] == "certified" && certificate["requests"] == i + 1, || format!("{forget}"))?;
        hold(before < spent && spent <= budget, || format!("{before} was spent, now {spent} of {budget}: {left}"))?;
        before = spent;
    }
    let requests = fs::read_to_string(desk.path("run2/request.jsonl")).map_err(|e| e.to_string())?;
    hold(requests.contains("r0") && requests.contains("r1"), || format!("run2 knows of {requests}"))?;
    in_order(&desk)?;
    // The first record is gone for good, whatever comes after.
    let (run, again, out) = (desk.text("run2"), desk.text("r0.jsonl"), desk.text("run3"));
    let arguments = ["forget", &run, "--request", &again, "--method", "certified_removal", "--out", &out, "-q"];
    refused(&arguments, &["forgotten all of these records already"])?;
    // No certificate comes back from a method that keeps none.
    let third = desk.put("r2.jsonl", "{\"request_id\":\"r2\",\"kind\":\"sample\",\"ids\":[11]}\n");
    let (tuned, out) = (desk.text("tuned"), desk.text("run4"));
    ends(&["forget", &run, "--request", &third, "--method", "finetune", "--out", &tuned, "-q"], 0)?;
    let fourth = desk.put("r3.jsonl", "{\"request_id\":\"r3\",\"kind\":\"sample\",\"ids\":[12]}\n");
    let arguments = ["forget", &tuned, "--request", &fourth, "--method", "certified_removal", "--out", &out, "-q"];
    refused(&arguments, &["keeps no certificate"])?;
    Ok(())
}

fn private() -> Result<(), Failed> {
    let desk = Desk::new();
    let config = desk.put("c.toml", PRIVATE);
    let output = ends(&["train", &config, "--out", &desk.text("run"), "-q"], 0)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let privacy = &info(&desk, "run")?["privacy"];
    let records = info(&desk, "run")?["data"]["sizes"]["train"].as_f64().unwrap_or(f64::NAN);
    let (rate, steps) = (128.0 / records, 2.0 * (records / 128.0).ceil());
    hold(privacy["rate"] == rate && privacy["steps"] == steps, || format!("{privacy}"))?;
    let epsilon = unlearn::train::accountant::epsilon(rate, 1.1, steps as u64, 1e-4).epsilon;
    hold(privacy["epsilon"] == epsilon && epsilon > 0.1, || format!("{privacy}, {epsilon} was wanted"))?;
    hold(text.contains(&format!("private to ({epsilon:.4}")), || text.clone())?;
    let request = desk.put("r.jsonl", "{\"request_id\":\"r\",\"kind\":\"sample\",\"ids\":[6]}\n");
    let (run, out) = (desk.text("run"), desk.text("forgot"));
    let forget = ["forget", &run, "--request", &request, "--method", "gradient_ascent", "--out", &out, "-q"];
    // A private network hardly knows its records better than others: the ascent finds nothing to do, and says so.
    ends(&[&forget[..], &["--allow-fail"]].concat(), 0)?;
    // What forgets by its data again keeps no promise.
    hold(info(&desk, "forgot")?.get("privacy").is_none(), || "the run that forgot still says that it is private".into())
}
