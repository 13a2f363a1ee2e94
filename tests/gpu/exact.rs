//! Exact forgetting on an adapter: the bytes of a shard after deletion, of an ensemble that was killed, and of
//! trainings that keep their past.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};

use crate::shared::binary::{Desk, ends, names, unlearn};
use crate::shared::papers::{PAPERS, network};
use crate::times;

const CONFIG: &str = "[model]\nlayers = [{type='linear',out=8},{type='batch_norm'},{type='relu'},{type='linear'}]\n\
    [train]\noptimizer = \"adam\"\nlr = 1e-2\nbatch_size = 8\nepochs = 6\n";
const SHARDS: &str = "[ensemble]\nkind = \"sisa\"\nshards = 3\nslices = 2\noptimizer = \"kept\"\n";
const KEEPS: &str = "checkpoint_steps = 7\nkeep = { every = 20, most = 9 }\ndeltas = {}\n";

pub fn trials() -> Vec<Trial> {
    let eraser = |layers: &'static str, how: &'static str| move || nodes(layers, how);
    let gcn = "{type='graph_conv',out=8},{type='relu'},{type='dropout',p=0.2},{type='graph_conv'}";
    let sage = "{type='sage_conv',out=8},{type='relu'},{type='sage_conv'}";
    vec![
        times::trial("exact: an ensemble that was killed, and what it forgot, have the bytes of one without", shard),
        times::trial("exact: keeping checkpoints and steps changes no byte, broken off or gone back to", kept),
        times::trial("exact: shards of a graph without nodes have the bytes of GCNs without", eraser(gcn, "learned")),
        times::trial("exact: shards of a graph without nodes have the bytes of SAGEs without", eraser(sage, "vote")),
    ]
}

fn table(desk: &Desk, name: &str, gone: &[usize], rest: &str) -> String {
    let row = |row: usize| {
        let noise = |n: usize| ((row * n) % 19) as f64 / 19.0;
        let class = row * 7 % 3;
        format!("r{row},{},{},c{class}\n", class as f64 + noise(5), 3.0 * noise(11) - class as f64)
    };
    let rows: String = (0..160).filter(|at| !gone.contains(at)).map(row).collect();
    let csv = desk.put(&format!("{name}.csv"), format!("id,a,b,label\n{rows}"));
    let data = format!(
        "seed = 4\n[data]\nloader = \"csv\"\npath = '{csv}'\nid = \"id\"\nlabel = \"label\"\ntest_fraction = 0.1\n"
    );
    desk.put(&format!("{name}.toml"), data + CONFIG + rest)
}

/// Waits until a file is there, or the program has ended, and kills it; whether it was there in time.
fn kill_at(child: &mut Child, file: &Path) -> Result<bool, Failed> {
    let limit = Instant::now() + Duration::from_secs(60);
    while !file.exists() && child.try_wait()?.is_none() && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(1));
    }
    let running = child.try_wait()?.is_none();
    child.kill()?;
    child.wait()?;
    Ok(running && file.exists())
}

/// A training that keeps its past, one that keeps nothing and one that was killed; then methods that go back, with what
/// was kept and by training again.
fn kept() -> Result<(), Failed> {
    let desk = Desk::new();
    let (keeps, plain) = (table(&desk, "keeps", &[], KEEPS), table(&desk, "plain", &[], ""));
    let [run, without, killed] = ["run", "without", "killed"].map(|name| desk.text(name));
    ends(&["train", &keeps, "--out", &run, "-q"], 0)?;
    ends(&["train", &plain, "--out", &without, "-q"], 0)?;
    let mut child = unlearn(&["train", &keeps, "--out", &killed, "-q"]).stderr(Stdio::null()).spawn()?;
    if !kill_at(&mut child, &desk.path("killed/checkpoints/delta.0000000045.safetensors"))? {
        return Err("it had ended before it could be killed".into());
    }
    ends(&["train", &keeps, "--out", &killed, "-q", "--resume"], 0)?;
    let same = |a: &str, b: &str| match fs::read(desk.path(a))? == fs::read(desk.path(b))? {
        true => Ok(()),
        false => Err(Failed::from(format!("{a} and {b} differ"))),
    };
    same("run/model.safetensors", "without/model.safetensors")?;
    same("run/model.safetensors", "killed/model.safetensors")?;
    let files = names(&desk.path("run/checkpoints"));
    let info: serde_json::Value = serde_json::from_slice(&fs::read(desk.path("run/run.json"))?)?;
    let steps = info["steps"].as_u64().unwrap_or(0);
    // Every step, every twentieth checkpoint, and the list.
    let kept = steps + (steps - 1) / 20 + 1;
    if files.len() as u64 != kept || files != names(&desk.path("killed/checkpoints")) {
        return Err(format!("{files:?} are kept").into());
    }
    for file in files {
        same(&format!("run/checkpoints/{file}"), &format!("killed/checkpoints/{file}"))?;
    }
    let request = desk.put("r.jsonl", "{\"request_id\":\"1\",\"kind\":\"sample\",\"ids\":[\"r17\",\"r40\"]}\n");
    // Back to step 60, where there is a checkpoint.
    let share = format!("share={}", (steps as f64 - 60.5) / steps as f64);
    for (method, set) in [("rewind", &share[..]), ("amnesiac", "epochs=1")] {
        let [a, b] = [&run, &without].map(|from| {
            let out = format!("{method}-{}", if from == &run { "kept" } else { "again" });
            let (to, set) = (desk.text(&out), ["--set", set, "-q"]);
            let asked = ["forget", from, "--request", &request, "--method", method, "--out", &to];
            ends(&[&asked[..], &set].concat(), 0).map(|_| format!("{out}/model.safetensors"))
        });
        same(&a?, &b?)?;
    }
    Ok(())
}

fn shard() -> Result<(), Failed> {
    let desk = Desk::new();
    let (whole, gone) = (table(&desk, "whole", &[], SHARDS), [17, 40, 41]);
    let (run, killed) = (desk.text("run"), desk.text("killed"));
    ends(&["train", &whole, "--out", &run, "-q"], 0)?;
    let mut child = unlearn(&["train", &whole, "--out", &killed, "-q"]).stderr(Stdio::null()).spawn()?;
    kill_at(&mut child, &desk.path("killed/members/001"))?;
    ends(&["train", &whole, "--out", &killed, "-q", "--resume"], 0)?;
    for file in ["members/000/model.safetensors", "members/001/model.safetensors", "members/002/model.safetensors"] {
        if fs::read(desk.path("run").join(file))? != fs::read(desk.path("killed").join(file))? {
            return Err(format!("{file} of the ensemble that was killed has other bytes").into());
        }
    }
    let ids = gone.map(|row| format!("\"r{row}\"")).join(",");
    let request = desk.put("r.jsonl", format!("{{\"request_id\":\"1\",\"kind\":\"sample\",\"ids\":[{ids}]}}\n"));
    let (after, against) = (desk.text("after"), desk.text("against"));
    ends(&["forget", &killed, "--request", &request, "--method", "sisa", "--out", &after, "-q"], 0)?;
    ends(&["train", &table(&desk, "without", &gone, SHARDS), "--out", &against, "-q"], 0)?;
    ends(&["prove", &after, "--against", &against, "-q"], 0)?;
    ends(&["prove", &after, "--against", &run, "-q"], 4)?;
    Ok(())
}

/// Nodes drawn by the layers' text, in two requests one after the other.
fn nodes(layers: &str, how: &str) -> Result<(), Failed> {
    let desk = Desk::new();
    let config = |name: &str, gone: &[usize]| {
        let files = network(&desk, name, &gone.iter().copied().collect(), &[]);
        let text = format!(
            "seed = 6\n[data]\nloader = \"cora_text\"\npath = '{files}'\nsplit = \"random\"\ntest_fraction = 0.2\n\
             [model]\nlayers = [{layers}]\n[train]\noptimizer = \"adam\"\nlr = 0.02\nepochs = 6\n[ensemble]\n\
             kind = \"graph_eraser\"\nshards = 2\naggregate = \"{how}\"\n"
        );
        desk.put(&format!("{name}.toml"), text)
    };
    let drawn = |at: usize| (layers.len() * 31 + at * 17) % PAPERS;
    let request = |name: &str, papers: &[usize]| {
        let ids = papers.iter().map(|paper| format!("\"p{paper}\"")).collect::<Vec<_>>().join(",");
        desk.put(name, format!("{{\"request_id\":\"1\",\"kind\":\"node\",\"ids\":[{ids}]}}\n"))
    };
    let (first, second) = ([drawn(0), drawn(1)], [drawn(2)]);
    let (run, once, twice, against) = (desk.text("run"), desk.text("once"), desk.text("twice"), desk.text("against"));
    ends(&["train", &config("whole", &[]), "--out", &run, "-q"], 0)?;
    let forget = |from: &str, request: &str, out: &str| {
        ends(&["forget", from, "--request", request, "--method", "graph_eraser", "--out", out, "-q"], 0)
    };
    forget(&run, &request("1.jsonl", &first), &once)?;
    forget(&once, &request("2.jsonl", &second), &twice)?;
    ends(&["train", &config("without", &[&first[..], &second].concat()), "--out", &against, "-q"], 0)?;
    ends(&["prove", &twice, "--against", &against, "-q"], 0)?;
    ends(&["prove", &twice, "--against", &run, "-q"], 4)?;
    Ok(())
}
