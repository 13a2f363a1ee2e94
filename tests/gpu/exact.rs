//! Exact forgetting on an adapter: the bytes of a shard after deletion, and of an ensemble that was killed.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};

use crate::shared::binary::{Desk, ends, unlearn};
use crate::shared::papers::{PAPERS, network};
use crate::times;

const CONFIG: &str = "[model]\nlayers = [{type='linear',out=8},{type='batch_norm'},{type='relu'},{type='linear'}]\n\
    [train]\noptimizer = \"adam\"\nlr = 1e-2\nbatch_size = 8\nepochs = 6\n\
    [ensemble]\nkind = \"sisa\"\nshards = 3\nslices = 2\noptimizer = \"kept\"\n";

pub fn trials() -> Vec<Trial> {
    let eraser = |layers: &'static str, how: &'static str| move || nodes(layers, how);
    let gcn = "{type='graph_conv',out=8},{type='relu'},{type='dropout',p=0.2},{type='graph_conv'}";
    let sage = "{type='sage_conv',out=8},{type='relu'},{type='sage_conv'}";
    vec![
        times::trial("exact: an ensemble that was killed, and what it forgot, have the bytes of one without", shard),
        times::trial("exact: shards of a graph without nodes have the bytes of GCNs without", eraser(gcn, "learned")),
        times::trial("exact: shards of a graph without nodes have the bytes of SAGEs without", eraser(sage, "vote")),
    ]
}

fn table(desk: &Desk, name: &str, gone: &[usize]) -> String {
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
    desk.put(&format!("{name}.toml"), data + CONFIG)
}

fn shard() -> Result<(), Failed> {
    let desk = Desk::new();
    let (whole, gone) = (table(&desk, "whole", &[]), [17, 40, 41]);
    let (run, killed) = (desk.text("run"), desk.text("killed"));
    ends(&["train", &whole, "--out", &run, "-q"], 0)?;
    let mut child = unlearn(&["train", &whole, "--out", &killed, "-q"]).stderr(Stdio::null()).spawn()?;
    let (second, limit) = (desk.path("killed/members/001"), Instant::now() + Duration::from_secs(60));
    while !second.exists() && child.try_wait()?.is_none() && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill()?;
    child.wait()?;
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
    ends(&["train", &table(&desk, "without", &gone), "--out", &against, "-q"], 0)?;
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
