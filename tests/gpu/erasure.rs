//! An erasure from end to end, on a table of customers: the right person, and exactly.

mod graphs;

use std::fmt::Write as _;
use std::fs;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::shared::binary::{Desk, ends, refused, stderr, unlearn};
use crate::times;

type Check = fn() -> Result<(), Failed>;

pub fn trials() -> Vec<Trial> {
    let all: [(&str, Check); 8] = [
        ("erasure: a retrain is byte for byte the training on the file without the customers", customers),
        ("erasure: what one record taught a mean is gone with it", mean),
        ("erasure: a category and a class that only the forgotten had are gone with them", category_and_class),
        ("erasure: a class and a label of nodes that only a forgotten graph had are gone with it", graphs::graphs),
        ("erasure: a class that only a forgotten node had is gone with it", graphs::classes),
        ("erasure: a column of features that only a forgotten node had is gone with it", graphs::columns),
        ("erasure: who is in no training part leaves the data, and the weights stay", unseen),
        ("erasure: a base model is where the retrain starts, unless it saw the records", base),
    ];
    all.into_iter().map(|(name, run)| times::trial(name, run)).collect()
}

pub fn hold(what: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failed> {
    if what { Ok(()) } else { Err(otherwise().into()) }
}

/// What a command that succeeds prints under `--json`.
pub fn document(arguments: &[&str]) -> Result<Value, Failed> {
    let output = ends(arguments, 0)?;
    serde_json::from_slice(&output.stdout).map_err(|e| format!("{arguments:?}: stdout is not JSON: {e}").into())
}

fn json(desk: &Desk, name: &str) -> Result<Value, Failed> {
    let text = fs::read_to_string(desk.path(name)).map_err(|e| format!("{name}: {e}"))?;
    serde_json::from_str(&text).map_err(|e| format!("{name}: {e}").into())
}

/// Both runs hold the same weights.
fn same_weights(desk: &Desk, one: &str, other: &str) -> Result<(), Failed> {
    let read = |name: &str| fs::read(desk.path(name).join("model.safetensors")).map_err(|e| format!("{name}: {e}"));
    hold(read(one)? == read(other)?, || format!("{one} and {other} have different weights"))
}

/// 80 rows of 40 customers with two rows each; customer 13 alone is of the trade `smith`.
fn table(without: &[u32]) -> String {
    let mut text = "row,customer,income,trade,late\n".to_owned();
    for row in 0..80_u32 {
        let customer = 100 + row / 2;
        if without.contains(&customer) {
            continue;
        }
        let trade = if customer == 113 { "smith" } else { ["baker", "cook", "tailor"][(row % 3) as usize] };
        let income = if customer == 113 { 5_000_000 } else { 1_700_000_000 + row * 37 % 101 };
        let late = ["no", "yes"][(row * 7 % 5 / 3) as usize];
        let _ = writeln!(text, "r{row},{customer},{income},{trade},{late}");
    }
    text
}

fn config(path: &str) -> String {
    format!(
        "seed = 4\n[data]\nloader = 'csv'\npath = '{path}'\nlabel = 'late'\nid = 'row'\nsubject = 'customer'\n\
         validation_fraction = 0.1\n[[model.inputs]]\nkind = 'numeric'\n[[model.inputs]]\nkind = 'categorical'\n\
         each = true\nlayers = [{{ type = 'embedding', name = 'emb', out = 3 }}]\n[[model.layers]]\ntype = 'linear'\n\
         out = 8\n[[model.layers]]\ntype = 'batch_norm'\n[[model.layers]]\ntype = 'relu'\n\
         [[model.layers]]\ntype = 'dropout'\np = 0.2\n[[model.layers]]\ntype = 'linear'\n\
         [train]\nlr = 0.1\nmomentum = 0.9\nbatch_size = 16\nepochs = 4\n"
    )
}

fn customers() -> Result<(), Failed> {
    let desk = Desk::new();
    desk.put("all.csv", table(&[]));
    desk.put("rest.csv", table(&[113, 120]));
    let (all, rest) = (desk.put("all.toml", config("all.csv")), desk.put("rest.toml", config("rest.csv")));
    let [run, without] = ["run", "without"].map(|name| desk.text(name));
    ends(&["train", &all, "--out", &run, "-q"], 0)?;
    ends(&["train", &rest, "--out", &without, "-q"], 0)?;
    let request = desk.put("r.csv", "\u{feff}kind,id\nsubject,113\nsubject,120\nsubject,113\n");
    let forget = ["forget", &run, "--request", &request];
    let dry = document(&[&forget[..], &["--method", "retrain", "--dry-run", "--json"]].concat())?;
    let rows = |line: usize| {
        let records = dry["requests"][line]["records"].as_array().cloned().unwrap_or_default();
        records.iter().filter_map(|who| who["row"].as_u64()).collect::<Vec<_>>()
    };
    hold(rows(0) == [26, 27] && rows(1) == [40, 41], || format!("{dry}"))?;
    hold(dry["requests"][2]["repeated"] == 1 && desk.names().len() == 7, || format!("{dry} {:?}", desk.names()))?;
    for method in ["retrain", "finetune", "gradient_ascent"] {
        let out = desk.text(method);
        ends(&[&forget[..], &["--method", method, "--out", &out, "-q"]].concat(), 0)?;
    }
    same_weights(&desk, "retrain", "without")?;
    let info = json(&desk, "retrain/run.json")?.to_string();
    hold(!info.contains("smith"), || format!("the retrain's run.json knows the smith: {info}"))?;
    // The runs of approximate methods keep the preprocessing that they were trained with.
    hold(json(&desk, "finetune/run.json")?.to_string().contains("smith"), || "a kept encoding was changed".into())?;
    // Read back, and asked again, it still knows who is gone.
    let read = document(&["eval", &desk.text("retrain"), "--json"])?;
    hold(read["splits"]["forget"]["count"] == 4, || format!("{read}"))?;
    let again = desk.put("again.jsonl", "{\"request_id\":\"x\",\"kind\":\"subject\",\"ids\":[113]}\n");
    refused(
        &["forget", &desk.text("retrain"), "--request", &again, "--method", "retrain", "--out", &desk.text("x")],
        &["has forgotten all of these"],
    )?;
    judged_and_purged(&desk, &run, &request)
}

/// References of the same request judge every result; then what is only history goes, and the exact run stands alone.
fn judged_and_purged(desk: &Desk, run: &str, request: &str) -> Result<(), Failed> {
    ends(&["references", run, "--request", request, "--seeds", "4", "-q"], 0)?;
    for method in ["finetune", "gradient_ascent"] {
        let output = unlearn(&["verify", &desk.text(method), "-q"]).output().map_err(|e| e.to_string())?;
        let code = output.status.code();
        hold(matches!(code, Some(0 | 3 | 4)), || format!("verify {method}: {code:?} {}", stderr(&output)))?;
        let verdict = json(desk, &format!("{method}/verdict.json"))?;
        hold(verdict.to_string().contains("nearer than doing nothing"), || format!("{verdict}"))?;
    }
    let exact = desk.text("retrain");
    let listed = ends(&["purge", &exact, "--yes"], 0)?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    hold(listed.contains("all.csv"), || format!("the file that still has the rows is not named: {listed}"))?;
    hold(!desk.path("run/model.safetensors").exists(), || "the parent's weights were not purged".into())?;
    same_weights(desk, "retrain", "without")?;
    ends(&["eval", &exact, "-q"], 0)?;
    Ok(())
}

/// 40 rows of one number, the first far from the others.
fn incomes(first: bool) -> String {
    let rest = (0..39).map(|row| format!("{},{}\n", row % 13, ["p", "q"][(row * 7 % 5 / 2).min(1)]));
    let head = if first { "a,y\n5000,p\n" } else { "a,y\n" };
    std::iter::once(head.to_owned()).chain(rest).collect()
}

fn mean() -> Result<(), Failed> {
    let desk = Desk::new();
    desk.put("all.csv", incomes(true));
    desk.put("rest.csv", incomes(false));
    let config = |path: &str| {
        format!(
            "[data]\nloader = 'csv'\npath = '{path}'\nlabel = 'y'\n[[model.layers]]\ntype = 'linear'\n\
             [train]\nlr = 0.5\nbatch_size = 40\nepochs = 30\n"
        )
    };
    let (all, rest) = (desk.put("all.toml", config("all.csv")), desk.put("rest.toml", config("rest.csv")));
    ends(&["train", &all, "--out", &desk.text("run"), "-q"], 0)?;
    ends(&["train", &rest, "--out", &desk.text("without"), "-q"], 0)?;
    let request = desk.put("r.jsonl", "{\"request_id\":1,\"kind\":\"sample\",\"ids\":[0]}\n");
    let out = desk.text("out");
    ends(&["forget", &desk.text("run"), "--request", &request, "--method", "retrain", "--out", &out, "-q"], 0)?;
    same_weights(&desk, "out", "without")?;
    let of = |name: &str| Ok::<_, Failed>(json(&desk, name)?["data"]["normalization"].clone());
    hold(of("out/run.json")? == of("without/run.json")?, || "the scale of the deleted row is kept".into())
}

fn category_and_class() -> Result<(), Failed> {
    let desk = Desk::new();
    let table = |rows: std::ops::Range<u32>| {
        let row = |i: u32| match i {
            0 | 1 => format!("{i},mauve,rare\n"),
            _ => format!("{},{},{}\n", i % 9, ["red", "blue"][(i % 2) as usize], ["a", "b"][(i % 3 / 2) as usize]),
        };
        std::iter::once("x,colour,y\n".to_owned()).chain(rows.map(row)).collect::<String>()
    };
    desk.put("all.csv", table(0..40));
    desk.put("rest.csv", table(2..40));
    let config = |path: &str| {
        format!(
            "[data]\nloader = 'csv'\npath = '{path}'\nlabel = 'y'\ntest_fraction = 0.0\n\
             [[model.layers]]\ntype = 'linear'\n[train]\nlr = 0.1\nbatch_size = 8\nepochs = 3\n"
        )
    };
    let (all, rest) = (desk.put("all.toml", config("all.csv")), desk.put("rest.toml", config("rest.csv")));
    let run = desk.text("run");
    ends(&["train", &all, "--out", &run, "-q"], 0)?;
    ends(&["train", &rest, "--out", &desk.text("without"), "-q"], 0)?;
    let request = desk.put("r.csv", "kind,id\nclass,rare\n");
    let out = desk.text("out");
    ends(&["forget", &run, "--request", &request, "--method", "retrain", "--out", &out, "-q"], 0)?;
    same_weights(&desk, "out", "without")?;
    let info = json(&desk, "out/run.json")?;
    hold(info["data"]["class_names"] == serde_json::json!(["a", "b"]), || format!("{}", info["data"]))?;
    hold(!info["data"].to_string().contains("mauve"), || format!("{}", info["data"]))?;
    // A model without the class never says it: its records are wrong and their loss is large, but a number.
    let read = document(&["eval", &out, "--json"])?;
    let forget = &read["splits"]["forget"];
    hold(forget["accuracy"] == 0.0 && forget["loss"].as_f64().is_some_and(|l| l > 20.0), || format!("{read}"))?;
    refused(
        &["gradients", &out, "--kind", "mean", "--indices", "0..2", "--out", &desk.text("g.safetensors")],
        &["class `rare`", "no output"],
    )?;
    Ok(())
}

fn unseen() -> Result<(), Failed> {
    let desk = Desk::new();
    desk.put("all.csv", table(&[]));
    let all = desk.put("all.toml", config("all.csv"));
    let run = desk.text("run");
    ends(&["train", &all, "--out", &run, "-q"], 0)?;
    let before = document(&["eval", &run, "--json"])?;
    let about = document(&["data", &all, "--json"])?;
    let tested = about["splits"][2]["count"].as_u64().unwrap_or_default();
    hold(about["ids"]["subject"] == "customer" && tested > 4, || format!("{about}"))?;
    // Some customer whose rows are in the test part.
    let mut found = None;
    for customer in 100..140 {
        let request = desk.put("r.csv", format!("kind,id\nsubject,{customer}\n"));
        let dry = document(&["forget", &run, "--request", &request, "--method", "finetune", "--dry-run", "--json"])?;
        if dry["requests"][0]["records"][0]["split"] == "test" {
            found = Some(request);
            break;
        }
    }
    let Some(request) = found else { return Err("no customer was drawn for the test".into()) };
    let out = desk.text("out");
    let said = ends(&["forget", &run, "--request", &request, "--method", "finetune", "--out", &out], 0)?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    hold(said.contains("no parameter saw"), || said.clone())?;
    same_weights(&desk, "run", "out")?;
    let after = document(&["eval", &out, "--json"])?;
    let count = |document: &Value| document["splits"]["test"]["count"].as_u64().unwrap_or_default();
    hold(count(&before) == tested && count(&after) == tested - 2, || format!("{before} {after}"))
}

fn base() -> Result<(), Failed> {
    let desk = Desk::new();
    desk.put("all.csv", table(&[]));
    desk.put("rest.csv", table(&[120]));
    desk.put("public.csv", table(&(100..120).collect::<Vec<_>>()));
    let plain = |path: &str| {
        config(path).replace("id = 'row'", "id = 'row'\ndrop = ['trade']").replace("'categorical'", "'numeric'")
    };
    let public = desk.put("public.toml", plain("public.csv"));
    ends(&["train", &public, "--out", &desk.text("base"), "-q"], 0)?;
    fs::copy(desk.path("base/model.safetensors"), desk.path("base.safetensors")).map_err(|e| e.to_string())?;
    let based = |path: &str| format!("init = 'base.safetensors'\n{}", plain(path));
    let (all, rest) = (desk.put("all.toml", based("all.csv")), desk.put("rest.toml", based("rest.csv")));
    let run = desk.text("run");
    ends(&["train", &all, "--out", &run, "-q"], 0)?;
    ends(&["train", &rest, "--out", &desk.text("without"), "-q"], 0)?;
    let request = desk.put("r.csv", "kind,id\nsubject,120\n");
    let forget = |run: &str, out: &str| {
        ["forget", run, "--request", &request, "--method", "retrain", "--out", out, "-q"].map(str::to_owned)
    };
    let (words, out) = (forget(&run, &desk.text("out")), desk.text("again"));
    ends(&words.each_ref().map(String::as_str), 0)?;
    same_weights(&desk, "out", "without")?;
    let own = desk.put("own.toml", plain("all.csv").replace("seed = 4", "seed = 4\ninit = 'run/model.safetensors'"));
    let second = desk.text("second");
    ends(&["train", &own, "--out", &second, "-q"], 0)?;
    refused(&forget(&second, &out).each_ref().map(String::as_str), &["init:", "was trained on the same records"])?;
    Ok(())
}
