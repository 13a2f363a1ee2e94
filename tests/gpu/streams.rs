//! Requests in order: many steps come to what one would where the method says so, and nothing that an earlier step
//! deleted is read by a later one.

use std::fmt::Write as _;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::erasure::{document, hold};
use crate::shared::binary::{Desk, ends, refused, unlearn};
use crate::times;

type Check = fn() -> Result<(), Failed>;

pub fn trials() -> Vec<Trial> {
    let all: [(&str, Check); 6] = [
        ("streams: retraining in order, in batches and at once gives the same bytes", exact),
        ("streams: no method reads later what an earlier step deleted", unread),
        ("streams: a killed one goes on to the same bytes, and another is refused", killed),
        ("streams: a curve with retrains in between and references beside", curve),
        ("streams: on a graph with dropout too, retraining in order is retraining at once", on_a_graph),
        ("streams: a graph is followed over time, and what is not there yet was never there", followed),
    ];
    all.into_iter().map(|(name, run)| times::trial(name, run)).collect()
}

/// 120 rows with ids, two columns and two classes that mostly follow from them.
fn table(without: &[u32]) -> String {
    let mut text = "row,a,b,y\n".to_owned();
    for row in (0..120_u32).filter(|row| !without.contains(row)) {
        let (a, b) = (row * 37 % 23, row * 53 % 19);
        let y = ["p", "q"][usize::from((a + b > 20) != (row % 17 == 0))];
        let _ = writeln!(text, "r{row},{a},{b},{y}");
    }
    text
}

fn config(path: &str, more: &str) -> String {
    format!(
        "seed = 3\n[data]\nloader = 'csv'\npath = '{path}'\nlabel = 'y'\nid = 'row'\n{more}\
         [[model.layers]]\ntype = 'linear'\nout = 6\n[[model.layers]]\ntype = 'relu'\n[[model.layers]]\n\
         type = 'linear'\n[train]\nlr = 0.1\nmomentum = 0.9\nbatch_size = 16\nepochs = 3\n"
    )
}

/// A desk with a trained run, and the rows of its requests: six, the last of which names two that went before.
fn desk(more: &str) -> Result<Desk, Failed> {
    let desk = Desk::new();
    desk.put("all.csv", table(&[]));
    let all = desk.put("all.toml", config("all.csv", more));
    ends(&["train", &all, "--out", &desk.text("run"), "-q"], 0)?;
    let line = |(at, ids): (usize, &[u32])| {
        let ids: Vec<String> = ids.iter().map(|id| format!("\"r{id}\"")).collect();
        format!("{{\"request_id\":\"q{at}\",\"kind\":\"sample\",\"ids\":[{}]}}\n", ids.join(","))
    };
    let lines: String = REQUESTS.iter().copied().enumerate().map(line).collect();
    desk.put("r.jsonl", lines);
    Ok(desk)
}

const REQUESTS: [&[u32]; 6] = [&[3, 4], &[50], &[20, 21, 22], &[3, 50], &[70, 80], &[119]];

fn stream(desk: &Desk, method: &str, out: &str, more: &[&str]) -> Vec<String> {
    let (run, request, out) = (desk.text("run"), desk.text("r.jsonl"), desk.text(out));
    let own = ["forget", &run, "--request", &request, "--method", method, "--in-order", "--out", &out, "-q"];
    own.iter().chain(more).map(|word| (*word).to_owned()).collect()
}

fn done(desk: &Desk, method: &str, out: &str, more: &[&str]) -> Result<Value, Failed> {
    let words = stream(desk, method, out, more);
    let words: Vec<&str> = words.iter().map(String::as_str).chain(["--json"]).collect();
    document(&words)
}

fn weights(desk: &Desk, run: &str) -> Result<Vec<u8>, Failed> {
    fs::read(desk.path(run).join("model.safetensors")).map_err(|e| format!("{run}: {e}").into())
}

fn exact() -> Result<(), Failed> {
    let desk = desk("")?;
    let gone: Vec<u32> = REQUESTS.concat();
    desk.put("rest.csv", table(&gone));
    let rest = desk.put("rest.toml", config("rest.csv", ""));
    ends(&["train", &rest, "--out", &desk.text("rest"), "-q"], 0)?;
    let said = done(&desk, "retrain", "one", &[])?;
    // The fourth names only what the first two took.
    let steps = said["steps"].as_array().map_or(0, Vec::len);
    hold(steps == 6 && said["steps"][5]["gone"] == 9, || format!("{said}"))?;
    hold(!desk.path("one/0004").exists(), || "a step that took nothing has a run".into())?;
    let share = said["steps"][1]["share"].as_f64();
    hold(share.is_some_and(|share| share > 0.0), || format!("{said}"))?;
    done(&desk, "retrain", "two", &["--batch", "4"])?;
    done(&desk, "retrain", "all", &["--batch", "9"])?;
    for run in ["one/0006", "two/0002", "all/0001"] {
        hold(weights(&desk, run)? == weights(&desk, "rest")?, || format!("{run} is no training without the records"))?;
    }
    Ok(())
}

/// Two steps; before the second the records of the first leave the file. If anything of them were read, by a batch, a
/// teacher, a mask or a statistic, the bytes would differ, or the run would not open.
fn unread() -> Result<(), Failed> {
    let desk = desk("normalize = 'standard'\nvalidation_fraction = 0.2\n")?;
    let first = desk.put("1.jsonl", "{\"request_id\":\"a\",\"kind\":\"sample\",\"ids\":[\"r3\",\"r4\",\"r90\"]}\n");
    let second = desk.put("2.jsonl", "{\"request_id\":\"b\",\"kind\":\"sample\",\"ids\":[\"r20\",\"r119\"]}\n");
    let methods = [
        "finetune",
        "gradient_ascent",
        "neg_grad_plus",
        "salun",
        "l1_sparse",
        "ssd",
        "fisher",
        "fisher_removal",
        "fisher_forgetting",
        "fisher_ascent",
        "ewc_ascent",
        "influence",
        "newton",
        "woodfisher",
        "retrain",
    ];
    for method in methods {
        let step = |from: &str, request: &str, out: &str| {
            let (from, out) = (desk.text(from), desk.text(out));
            let words =
                ["forget", &from, "--request", request, "--method", method, "--out", &out, "-q", "--allow-fail"];
            ends(&words, 0)
        };
        let name = |step: &str| format!("{method}-{step}");
        step("run", &first, &name("1"))?;
        step(&name("1"), &second, &name("there"))?;
        desk.put("all.csv", table(&[3, 4, 90]));
        step(&name("1"), &second, &name("gone"))?;
        desk.put("all.csv", table(&[]));
        let same = weights(&desk, &name("there"))? == weights(&desk, &name("gone"))?;
        hold(same, || format!("{method}: its second step read what the first had deleted"))?;
    }
    Ok(())
}

fn killed() -> Result<(), Failed> {
    let desk = desk("")?;
    done(&desk, "finetune", "whole", &[])?;
    let words = stream(&desk, "finetune", "broken", &[]);
    let mut child = unlearn(&words.iter().map(String::as_str).collect::<Vec<_>>()).spawn()?;
    let end = Instant::now() + Duration::from_secs(60);
    while !desk.path("broken/0003").exists() && Instant::now() < end {
        sleep(Duration::from_millis(1));
    }
    child.kill()?;
    child.wait()?;
    // A curve that was torn is made anew.
    let curve = fs::read_to_string(desk.path("broken/stream.jsonl"))?;
    desk.put("broken/stream.jsonl", &curve[..curve.len() / 2]);
    done(&desk, "finetune", "broken", &[])?;
    for run in ["0001", "0003", "0005", "0006"] {
        let [one, other] = ["whole", "broken"].map(|out| weights(&desk, &format!("{out}/{run}")));
        hold(one? == other?, || format!("step {run} differs after a kill"))?;
    }
    let lines = |out: &str| fs::read_to_string(desk.path(out).join("stream.jsonl")).map(|text| text.lines().count());
    hold(lines("whole")? == 6 && lines("broken")? == 6, || "the curve is not whole again".into())?;
    let refuse = |method: &str, out: &str, more: &[&str], says: &str| {
        let words = stream(&desk, method, out, more);
        refused(&words.iter().map(String::as_str).collect::<Vec<_>>(), &[says])
    };
    refuse("ssd", "broken", &[], "belongs to another stream")?;
    refuse("finetune", "broken", &["--batch", "2"], "belongs to another stream")?;
    refuse("finetune", "run", &[], "is read, and would be written over")?;
    refuse("finetune", "whole/0001", &[], "holds a run")?;
    let unknown = |at: u32, id: &str| format!("{{\"request_id\":{at},\"kind\":\"sample\",\"ids\":[\"{id}\"]}}\n");
    desk.put("r.jsonl", unknown(1, "r1") + &unknown(2, "r999"));
    refuse("finetune", "none", &[], "line 2")?;
    hold(!desk.path("none").exists(), || "an unknown id in line 2 left a folder".into())?;
    Ok(())
}

fn curve() -> Result<(), Failed> {
    let desk = desk("")?;
    let more = ["--retrain-every", "3", "--measure-every", "2", "--references", "1"];
    let said = done(&desk, "finetune", "out", &more)?;
    let steps = said["steps"].as_array().cloned().unwrap_or_default();
    let methods: Vec<&str> = steps.iter().filter_map(|step| step["method"].as_str()).collect();
    hold(methods == ["finetune", "finetune", "retrain", "finetune", "retrain"], || format!("{methods:?}"))?;
    let measured: Vec<u64> =
        steps.iter().filter(|step| step["metrics"].is_object()).filter_map(|step| step["step"].as_u64()).collect();
    hold(measured == [0, 2, 6], || format!("{measured:?}"))?;
    let beside = |step: &Value| step["metrics"]["js"].is_object();
    hold(beside(&steps[2]) && !beside(&steps[0]), || format!("{}", steps[2]))?;
    // A step that is no forgetting ends the stream, and what went before stays.
    let words = stream(&desk, "gradient_ascent", "bad", &["--set", "lr=1000.0", "--set", "max_steps=50"]);
    let output = unlearn(&words.iter().map(String::as_str).collect::<Vec<_>>()).output()?;
    hold(output.status.code() != Some(0) && !desk.path("bad/0002").exists(), || format!("{:?}", output.status))
}

/// Dropout of sparse features and of attention draws by their places: what was deleted before keeps its own.
fn on_a_graph() -> Result<(), Failed> {
    let desk = Desk::new();
    let config = desk.put(
        "g.toml",
        "seed = 2\n[data]\nloader = 'sbm'\nnodes = 60\nclasses = 2\np_in = 0.2\n[model]\nzoo = 'gat'\nhidden = [4]\n\
         [train]\noptimizer = 'adam'\nlr = 0.02\nepochs = 8\n",
    );
    ends(&["train", &config, "--out", &desk.text("run"), "-q"], 0)?;
    desk.put(
        "r.jsonl",
        "{\"request_id\":1,\"kind\":\"node\",\"ids\":[5]}\n{\"request_id\":2,\"kind\":\"edge\",\"ids\":[[0,4]]}\n\
         {\"request_id\":3,\"kind\":\"node\",\"ids\":[7,8]}\n",
    );
    done(&desk, "retrain", "one", &[])?;
    done(&desk, "retrain", "all", &["--batch", "3"])?;
    hold(weights(&desk, "one/0003")? == weights(&desk, "all/0001")?, || "in order they come to other weights".into())?;
    ends(&["eval", &desk.text("one/0003"), "-q"], 0)?;
    Ok(())
}

/// On a graph of 60 nodes: some arrive, one leaves, and an edge goes and comes back.
const EVENTS: &str = "{\"time\":0,\"event\":\"arrive\",\"kind\":\"node\",\"ids\":[30]}\n\
    {\"time\":1,\"event\":\"arrive\",\"kind\":\"node\",\"ids\":[5,7]}\n\
    {\"time\":2,\"event\":\"leave\",\"kind\":\"edge\",\"ids\":[[0,4]]}\n\
    {\"time\":3,\"event\":\"arrive\",\"kind\":\"edge\",\"ids\":[[4,0]]}\n\
    {\"time\":3,\"event\":\"leave\",\"kind\":\"node\",\"ids\":[9]}\n";

fn followed() -> Result<(), Failed> {
    let desk = Desk::new();
    desk.put("events.jsonl", EVENTS);
    let config = |keys: &str| {
        format!(
            "seed = 2\n[data]\nloader = 'sbm'\nnodes = 60\nclasses = 2\np_in = 0.2\ntest_fraction = 0.2\n{keys}\n\
             [model]\nlayers = [{{type='graph_conv',out=8}},{{type='relu'}},{{type='graph_conv'}}]\n\
             [train]\noptimizer = 'adam'\nlr = 0.02\nepochs = 30\n"
        )
    };
    let (plain, events) = (desk.put("plain.toml", config("")), desk.put("e.toml", config("events = 'events.jsonl'")));
    // A graph without what arrives later is the graph that never had it.
    let without = "{\"request_id\":1,\"kind\":\"node\",\"ids\":[5,7]}\n";
    let request = desk.put("r.jsonl", without);
    let [whole, gone, early, out] = ["whole", "gone", "early", "out"].map(|name| desk.text(name));
    ends(&["train", &plain, "--out", &whole, "-q"], 0)?;
    ends(&["forget", &whole, "--request", &request, "--method", "retrain", "--out", &gone, "-q"], 0)?;
    ends(&["train", &events, "--set", "data.until=0", "--out", &early, "-q"], 0)?;
    hold(weights(&desk, "gone")? == weights(&desk, "early")?, || "the members of time 1 are there at time 0".into())?;
    let follow = ["follow", &events, "--out", &out, "--epochs", "5", "--method", "unlink", "-q"];
    let said = document(&[&follow[..], &["--json"]].concat())?;
    let counts: Vec<(u64, u64)> = said["times"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|time| (time["arrived"].as_u64().unwrap_or(9), time["left"].as_u64().unwrap_or(9)))
        .collect();
    hold(counts == [(1, 0), (2, 0), (0, 1), (1, 1)], || format!("{said}"))?;
    hold(weights(&desk, "out/0000")? == weights(&desk, "early")?, || "the first time is no plain training".into())?;
    // What is done is not done again, and what is missing is.
    let before = weights(&desk, "out/0003")?;
    fs::remove_dir_all(desk.path("out/0003"))?;
    ends(&follow, 0)?;
    hold(weights(&desk, "out/0003")? == before, || "another way to the same graph".into())?;
    let none = desk.text("none");
    refused(&["follow", &plain, "--out", &none], &["data.events"])?;
    hold(!desk.path("none").exists(), || "a refusal left a folder".into())
}
