//! The commands that train, forget, score and report, through the program and on embedded data.

use std::fs;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::shared::binary::{Desk, ends, refused, stderr};
use crate::times;

const CONFIG: &str = "seed = 3\n[data]\nloader = \"digits\"\nvalidation_fraction = 0.1\n[model]\nzoo = \"mlp\"\nhidden \
    = [16]\n\
    [train]\nlr = 0.1\nepochs = 2\n";

type Check = fn() -> Result<(), Failed>;

pub fn trials() -> Vec<Trial> {
    let all: [(&str, Check); 9] = [
        ("run: the same seed gives the same bytes, another seed does not", deterministic),
        ("run: train, forget and eval say what the contract says", whole_path),
        ("run: a budget of memory is refused with its bytes, before anything is written", over_budget),
        ("run: a NaN stops the training, and the kernel that made it is named on demand", not_finite),
        ("run: a folder that cannot be written to is bad input", closed_folder),
        ("run: bad requests, indices and weights of a run", bad_input),
        ("run: what did nothing, a verdict and a purge give the exit codes of the contract", exit_codes),
        ("run: an experiment has its controls, and a method that diverges is a row", experiment),
        ("run: links are trained, forgotten and scored by commands, and refused where they mean nothing", links),
    ];
    all.into_iter().map(|(name, run)| times::trial(name, run)).collect()
}

fn read(desk: &Desk, name: &str) -> Result<Vec<u8>, Failed> {
    fs::read(desk.path(name)).map_err(|e| format!("{name}: {e}").into())
}

fn document(arguments: &[&str]) -> Result<Value, Failed> {
    let output = ends(arguments, 0)?;
    serde_json::from_slice(&output.stdout).map_err(|e| format!("{arguments:?}: stdout is not JSON: {e}").into())
}

fn hold(what: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failed> {
    if what { Ok(()) } else { Err(otherwise().into()) }
}

fn deterministic() -> Result<(), Failed> {
    let desk = Desk::new();
    let config = desk.put("c.toml", CONFIG);
    for (name, seed) in [("a", "3"), ("b", "3"), ("c", "4")] {
        ends(&["train", &config, "--out", &desk.text(name), "--seed", seed, "-q"], 0)?;
    }
    let [a, b, c] = ["a", "b", "c"].map(|name| read(&desk, &format!("{name}/model.safetensors")));
    let (a, b, c) = (a?, b?, c?);
    hold(a == b, || "two runs of one seed differ".into())?;
    hold(a != c, || "two seeds give the same bytes".into())?;
    // A finished run is not written over, and resuming it changes nothing.
    let out = desk.text("a");
    refused(&["train", &config, "--out", &out, "-q"], &["already holds a finished run", "--resume"])?;
    ends(&["train", &config, "--out", &out, "--resume", "-q"], 0)?;
    refused(
        &["train", &config, "--out", &out, "--resume", "--set", "train.lr=0.2", "-q"],
        &["another configuration", "lr"],
    )?;
    hold(read(&desk, "a/model.safetensors")? == a, || "resuming a finished run changed it".into())
}

fn whole_path() -> Result<(), Failed> {
    let desk = Desk::new();
    let (config, run, forgot, retrain) =
        (desk.put("c.toml", CONFIG), desk.text("run"), desk.text("forgot"), desk.text("re"));
    let trained = document(&["train", &config, "--out", &run, "--json"])?;
    hold(trained["data"]["sizes"]["train"] == 1233 && trained["parameters"] == 1210, || format!("{trained}"))?;
    let up = trained["traffic"]["up_per_step"].as_f64().unwrap_or(f64::MAX);
    let down = trained["traffic"]["down_per_step"].as_f64().unwrap_or(f64::MAX);
    hold(up <= 64.0 * 4.0 + 64.0 && down <= 512.0, || format!("{up} bytes up and {down} down per step"))?;
    let request = desk.put("q.jsonl", "{\"request_id\":\"r\",\"kind\":\"class\",\"ids\":[3]}\n");
    let done = document(&[
        "forget",
        &run,
        "--request",
        &request,
        "--method",
        "gradient_ascent",
        "--set",
        "max_steps=3",
        "--out",
        &forgot,
        "--json",
    ])?;
    hold(done["forget"]["method"] == "gradient_ascent" && done["forget"]["tier"] == "approximate", || {
        format!("{done}")
    })?;
    hold(done["forget"]["settings"]["max_steps"] == 3, || format!("{}", done["forget"]["settings"]))?;
    hold(done["model_sha256"] != trained["model_sha256"], || "forgetting changed nothing".into())?;
    ends(&["forget", &run, "--request", &request, "--method", "retrain", "--seed", "8", "--out", &retrain, "-q"], 0)?;
    let plain = document(&["eval", &run, "-q"])?;
    hold(plain["splits"]["test"]["count"] == 420 && plain["splits"].get("forget").is_none(), || format!("{plain}"))?;
    let full = document(&["eval", &forgot, "--reference", &retrain, "--original", &run, "--json", "-q"])?;
    let counts = ["train", "retain", "forget", "validation", "test"].map(|s| full["splits"][s]["count"].as_u64());
    hold(counts == [Some(1233), Some(1107), Some(126), Some(144), Some(420)], || format!("{counts:?}"))?;
    let present = [&full["membership"]["auc"], &full["js"]["forget"], &full["original"]["splits"]["test"]["accuracy"]];
    hold(present.iter().all(|v| v.is_f64()), || format!("{full}"))?;
    let page = desk.text("r.html");
    ends(&["report", &run, &forgot, "--out", &page, "-q"], 0)?;
    let page = String::from_utf8_lossy(&read(&desk, "r.html")?).into_owned();
    let parts = ["</html>", "runs on digits", "gradient_ascent", "mean loss", "original (do nothing)"];
    hold(parts.iter().all(|part| page.contains(part)), || "the page lacks a part".into())
}

fn over_budget() -> Result<(), Failed> {
    let desk = Desk::new();
    let config = desk.put("c.toml", CONFIG);
    let output = ends(&["train", &config, "--out", &desk.text("run"), "--max-memory", "200KiB", "-q"], 2)?;
    let text = stderr(&output);
    hold(text.contains("204800") && text.contains("bytes") && text.contains("--max-memory"), || text)?;
    hold(desk.names() == ["c.toml"], || format!("{:?}", desk.names()))?;
    // The number that a run prints is enough, and one byte less is refused before the first step.
    let graph =
        "seed = 3\n[data]\nloader = \"karate\"\n[model]\nzoo = \"gcn\"\n[train]\noptimizer = \"adam\"\nepochs = 3\n";
    let more = "optimizer = \"adamw\"\nclip_norm = 1\ncheckpoint_steps = 3\nbatch_size = 50\n";
    let wide = CONFIG.replace("[16]", "[300]") + more;
    let private =
        CONFIG.to_owned() + "batch_size = 100\n[train.dp]\nclip = 1.0\nnoise_multiplier = 1.0\ndelta = 1e-5\n";
    let parts = "seed = 3\n[data]\nloader = \"sbm\"\n[model]\nzoo = \"sage\"\n[train]\nlr = 0.01\nepochs = 9\n\
        batch_size = 16\nfanout = [4, 4]\n";
    for (i, text) in [CONFIG, graph, &wide, &private, parts].into_iter().enumerate() {
        let (config, out) = (desk.put("c.toml", text), desk.text(&format!("enough{i}")));
        let said = stderr(&ends(&["train", &config, "--out", &desk.text(&format!("free{i}"))], 0)?);
        let line = said.lines().find_map(|line| line.strip_suffix(" bytes of GPU memory"));
        let number = line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).ok_or_else(|| said.clone())?;
        let with =
            |bytes: u64, code| ends(&["train", &config, "--out", &out, "-q", "--max-memory", &bytes.to_string()], code);
        with(number - 1, 2)?;
        hold(!desk.path(&format!("enough{i}")).exists(), || format!("{text}: a folder was made"))?;
        with(number, 0)?;
    }
    Ok(())
}

fn not_finite() -> Result<(), Failed> {
    let desk = Desk::new();
    let config = desk.put("c.toml", CONFIG.replace("lr = 0.1", "lr = 1e30"));
    let plain = stderr(&ends(&["train", &config, "--out", &desk.text("a"), "-q"], 1)?);
    hold(plain.contains("the loss became") && plain.contains("--check-finite"), || plain.clone())?;
    let named = stderr(&ends(&["train", &config, "--out", &desk.text("b"), "--check-finite", "-q"], 1)?);
    // The first layer's product overflows before anything else can.
    hold(named.contains("kernel linear.matmul") && named.contains("first NaN or Inf"), || named.clone())?;
    // No loss has seen the weights of the last step.
    let rows: String = (0..40).map(|at| format!("{},{}\n", 1000 + at, ["p", "q"][at % 2])).collect();
    desk.put("t.csv", format!("a,y\n{rows}"));
    let data = "loader = \"csv\"\npath = \"t.csv\"\nlabel = \"y\"\nnormalize = \"none\"";
    let train = "lr = 3e38\nmomentum = 0.0\nepochs = 1\nbatch_size = 1000";
    let config = desk.put("d.toml", format!("[data]\n{data}\n[model]\nzoo = \"logistic\"\n[train]\n{train}\n"));
    let last = stderr(&ends(&["train", &config, "--out", &desk.text("c"), "-q"], 1)?);
    hold(last.contains("diverged: `fc.weight`"), || last.clone())?;
    let left = ["c/model.safetensors", "c/checkpoint.safetensors", "c/run.json"].map(|name| desk.path(name).exists());
    hold(left == [false; 3], || format!("{left:?}"))
}

fn closed_folder() -> Result<(), Failed> {
    let desk = Desk::new();
    let config = desk.put("c.toml", CONFIG);
    // Below a file no folder can be, whoever asks.
    let inside = desk.text("c.toml/run");
    refused(&["train", &config, "--out", &inside, "-q"], &["c.toml"])?;
    refused(&["demo", "--out", &inside, "--only", "mlp", "-q"], &["c.toml"])?;
    ends(&["train", &config, "--out", &desk.text("run"), "-q"], 0)?;
    refused(
        &["gradients", &desk.text("run"), "--kind", "mean", "--indices", "0..2", "--out", &inside, "-q"],
        &["c.toml"],
    )?;
    hold(desk.names() == ["c.toml", "run"], || format!("{:?}", desk.names()))
}

fn bad_input() -> Result<(), Failed> {
    let desk = Desk::new();
    let (config, run, out) = (desk.put("c.toml", CONFIG), desk.text("run"), desk.text("out"));
    ends(&["train", &config, "--out", &run, "-q"], 0)?;
    let line = |kind: &str, ids: &str| format!("{{\"request_id\":\"r\",\"kind\":\"{kind}\",\"ids\":{ids}}}\n");
    let requests = [
        (line("sample", "[5000]"), "unknown sample id 5000"),
        (line("sample", "[]"), "empty"),
        (line("class", "[12]"), "no class 12"),
        (line("sample", "[1]") + "{\"request_id\":", "line 2"),
        (String::new(), "holds no request"),
        (line("sampel", "[1]"), "sampel"),
    ];
    for (text, says) in &requests {
        let request = desk.put("q.jsonl", text);
        refused(
            &["forget", &run, "--request", &request, "--method", "finetune", "--out", &out, "-q"],
            &["q.jsonl", says],
        )?;
    }
    let request = desk.put("q.jsonl", line("sample", "[1]"));
    let forget = ["forget", &run, "--request", &request, "--method", "finetune", "--out", &out, "-q", "--set"];
    refused(&[&forget[..], &["epohcs=1"]].concat(), &["epohcs", "epochs"])?;
    let gradients = ["gradients", &run, "--kind", "mean", "--out", &out, "-q", "--indices"];
    for (indices, says) in [("5..5", "A < B"), ("0..5000", "1797"), ("absent", "absent")] {
        refused(&[&gradients[..], &[indices]].concat(), &[says])?;
    }
    // The weights are looked at before anything else is done with them.
    let weights = read(&desk, "run/model.safetensors")?;
    fs::write(desk.path("run/model.safetensors"), &weights[..weights.len() / 2]).map_err(|e| e.to_string())?;
    refused(&["eval", &run, "-q"], &["model.safetensors"])?;
    hold(desk.names() == ["c.toml", "q.jsonl", "run"], || format!("{:?}", desk.names()))
}

fn exit_codes() -> Result<(), Failed> {
    let desk = Desk::new();
    let (config, run, idle, tuned) =
        (desk.put("c.toml", CONFIG), desk.text("run"), desk.text("idle"), desk.text("tuned"));
    ends(&["train", &config, "--out", &run, "-q", "--actor", "desk", "--note", "ticket 7"], 0)?;
    let request = desk.put("q.jsonl", "{\"request_id\":\"r\",\"kind\":\"sample\",\"ids\":[1,2,3,4]}\n");
    let nothing = ["forget", &run, "--request", &request, "--method", "ssd", "--set", "alpha=1e30", "-q", "--out"];
    let said = ends(&[&nothing[..], &[&idle]].concat(), 4)?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    hold(text.contains("unchanged") && !text.contains("forgot 4"), || text.clone())?;
    ends(&[&nothing[..], &[&desk.text("idle2"), "--allow-fail"]].concat(), 0)?;
    let gentle = ["--set", "epochs=1", "--set", "lr=0.1"];
    let forget = ["forget", &run, "--request", &request, "--method", "finetune", "--out", &tuned];
    ends(&[&forget[..], &gentle, &["--references", "4", "-q"]].concat(), 0)?;
    ends(&["verify", &idle, "-q"], 4)?;
    // Four records of a network that barely trained cannot be decided.
    ends(&["verify", &tuned, "-q"], 3)?;
    ends(&["verify", &tuned, "-q", "--allow-fail"], 0)?;
    let folder = crate::shared::binary::names(&desk.path("run/references"));
    let kept = |seed: u64| desk.text(&format!("run/references/{}/seed-{seed}", folder[0]));
    let [a, b, c, d] = [4, 5, 6, 7].map(kept);
    let references = ["--reference", &a, "--reference", &b, "--reference", &c, "--reference", &d, "-q"];
    ends(&[&["eval", &idle, "--original", &run][..], &references].concat(), 4)?;
    ends(&[&["eval", &tuned, "--original", &run][..], &references].concat(), 3)?;
    refused(&[&["eval", &a, "--original", &run][..], &references].concat(), &["the run itself"])?;
    refused(&["purge", &tuned, "-q"], &["nothing was deleted", "--yes"])?;
    ends(&["purge", &tuned, "--yes", "-q"], 0)?;
    hold(!desk.path("run").exists() && desk.path("tuned/purged.json").exists(), || format!("{:?}", desk.names()))
}

fn experiment() -> Result<(), Failed> {
    let desk = Desk::new();
    let forget = "[forget]\nrequest = { kind = \"class\", ids = [3] }\nreferences = 2\nmethods = [\"ssd\", \
        \"finetune\"]\n\
        [forget.settings.finetune]\nlr = 1e30\nepochs = 1\n";
    let (file, out) = (desk.put("e.toml", format!("{CONFIG}{forget}")), desk.text("out"));
    // A method that diverged has failed; without --check a table exits with 0.
    let output = ends(&["run", &file, "--out", &out, "--json", "-q", "--check", "--actor", "desk"], 4)?;
    let document: Value = serde_json::from_slice(&output.stdout)?;
    let rows = document["rows"].as_array().cloned().unwrap_or_default();
    let kinds: Vec<&str> = rows.iter().filter_map(|row| row["row"].as_str()).collect();
    let want = ["original (do nothing)", "retrain (reference)", "another retrain", "method", "method"];
    hold(kinds == want, || format!("{kinds:?}"))?;
    hold(rows[0]["metrics"]["splits"]["forget"]["accuracy"].as_f64() > Some(0.5), || {
        format!("{}", rows[0]["metrics"])
    })?;
    hold(rows[1]["metrics"]["splits"]["forget"]["accuracy"] == 0.0, || format!("{}", rows[1]["metrics"]))?;
    hold(rows[3]["method"] == "ssd" && rows[3]["verdict"].is_object(), || format!("{}", rows[3]))?;
    let diverged = &rows[4];
    let note = diverged["note"].as_str().unwrap_or_default();
    hold(note.contains("diverged") && diverged.get("verdict").is_none(), || format!("{diverged}"))?;
    hold(diverged["metrics"].as_object().is_some_and(|m| m.is_empty()), || format!("{}", diverged["metrics"]))?;
    // Three seeds of a method are one row, with what their mean is known to.
    let (seeds, provenance) = (&rows[3]["seeds"], &rows[3]["provenance"]);
    hold(seeds.as_array().is_some_and(|all| all.len() == 3) && provenance["actor"] == "desk", || rows[3].to_string())?;
    hold(rows[3]["interval"]["js"]["forget"].is_f64(), || rows[3].to_string())?;
    let written = crate::shared::binary::names(&desk.path("out"));
    hold(written == ["e.metrics.jsonl", "e.toml", "report.html", "results.jsonl"], || format!("{written:?}"))?;
    let lines = String::from_utf8_lossy(&read(&desk, "out/results.jsonl")?).lines().count();
    hold(lines == 5, || format!("{lines} lines of results"))?;
    ends(&["report", &out, "--out", &desk.text("again.html"), "-q"], 0)?;
    Ok(())
}

fn links() -> Result<(), Failed> {
    let desk = Desk::new();
    let config = "seed = 3\n[data]\nloader = \"karate\"\ntask = \"link\"\n[[model.layers]]\ntype = \"graph_conv\"\n\
        [train]\noptimizer = \"adam\"\nlr = 0.05\nepochs = 3\n";
    let (config, run) = (desk.put("c.toml", config), desk.text("run"));
    ends(&["train", &config, "--out", &run, "-q"], 0)?;
    let resolved = String::from_utf8_lossy(&read(&desk, "run/config.toml")?).into_owned();
    hold(resolved.contains("out = 16"), || resolved.clone())?;
    let graph = unlearn::data::load(&toml::from_str("loader = 'karate'\ntask = 'link'")?, std::path::Path::new("."))?;
    let [u, v] = graph.graph.ok_or("karate is a graph")?.graph.distinct_edges()[0];
    let request = desk.put("r.jsonl", format!("{{\"request_id\":\"r\",\"kind\":\"edge\",\"ids\":[[{u},{v}]]}}\n"));
    for method in ["retrain", "unlink"] {
        let out = desk.text(method);
        ends(&["forget", &run, "--request", &request, "--method", method, "--out", &out, "-q"], 0)?;
        let scores = document(&["eval", &out, "--original", &run, "--json", "-q"])?;
        let keys =
            [&scores["splits"]["test"]["auc"], &scores["splits"]["validation"]["auc"], &scores["links"]["deleted_auc"]];
        hold(keys.iter().all(|v| v.is_f64()), || format!("{scores}"))?;
    }
    let (out, nodes) = (desk.text("x"), desk.put("n.jsonl", "{\"request_id\":\"r\",\"kind\":\"node\",\"ids\":[1]}\n"));
    let cases: [(&[&str], &str); 3] = [
        (&["forget", &run, "--request", &request, "--method", "finetune", "--out", &out], "use retrain or unlink"),
        (&["forget", &run, "--request", &nodes, "--method", "unlink", "--out", &out], "kind edge, not node"),
        (&["gradients", &run, "--kind", "mean", "--indices", "0..3", "--out", &out], "records of this run are links"),
    ];
    for (arguments, words) in cases {
        let said = stderr(&ends(arguments, 2)?);
        hold(said.contains(words), || said.clone())?;
    }
    Ok(())
}
