//! What runs and results say of the kernel variants: those that ran, on the adapter that ran them.

use std::collections::BTreeMap;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use unlearn::engine::{AdapterReport, Requires, Target};
use unlearn::kernels::{self, graph, linear};

use super::adapters;
use crate::shared::binary::{Desk, ends};

type Check = fn() -> Result<(), Failed>;

pub fn trials() -> Vec<Trial> {
    let all: [(&str, Check); 3] = [
        ("variants: a graph network names the forms that its adapter chose", chosen),
        ("variants: what forgets names its own, also on another adapter", forgetting),
        ("variants: every row of an experiment names its own", rows),
    ];
    all.into_iter().map(|(name, run)| Trial::test(name, run)).collect()
}

const DIGITS: &str =
    "seed = 3\n[data]\nloader = \"digits\"\n[model]\nzoo = \"mlp\"\nhidden = [16]\n[train]\nlr = 0.1\nepochs = 1\n";

/// The document that a command prints, on a given adapter.
fn document(report: &AdapterReport, arguments: &[&str]) -> Result<Value, Failed> {
    let index = report.index.to_string();
    let output = ends(&[arguments, &["--adapter", &index, "--json", "-q"]].concat(), 0)?;
    serde_json::from_slice(&output.stdout).map_err(|e| format!("{arguments:?}: stdout is not JSON: {e}").into())
}

fn target(report: &AdapterReport) -> Target {
    report.target()
}

/// Plain kernel → its variants, which must be variants of it, and such as the adapter can run.
fn variants(document: &Value, report: &AdapterReport) -> Result<BTreeMap<String, Vec<String>>, Failed> {
    let said = document["variants"].as_object().filter(|v| !v.is_empty()).ok_or("no variants are named")?;
    let mut all = BTreeMap::new();
    for (plain, names) in said {
        let names: Vec<String> = names.as_str().unwrap_or_default().split(", ").map(str::to_owned).collect();
        for name in &names {
            let row = kernels::kernels().into_iter().find(|k| k.plain().name == plain && k.variant() == name);
            let row = row.ok_or_else(|| format!("`{name}` is no variant of {plain}"))?;
            if row.requires == Requires::Subgroup8 && report.subgroup_min < 8 {
                return Err(format!("{} cannot have run on {}", row.name, report.describe()).into());
            }
        }
        all.insert(plain.clone(), names);
    }
    Ok(all)
}

fn hold_named(all: &BTreeMap<String, Vec<String>>, plain: &str, variant: &str) -> Result<(), Failed> {
    match all.get(plain).is_some_and(|names| names.iter().any(|name| name == variant)) {
        true => Ok(()),
        false => Err(format!("{plain} ran as {variant}, which is not among {all:?}").into()),
    }
}

/// One step over karate: 34 nodes with 34 features, 16 wide.
fn chosen() -> Result<(), Failed> {
    let (desk, [nodes, hidden]) = (Desk::new(), [34, 16]);
    let config = "seed = 3\n[data]\nloader = \"karate\"\n[model]\nzoo = \"gcn\"\n[train]\nlr = 0.1\nepochs = 1\n";
    let config = desk.put("c.toml", config);
    for (i, adapter) in adapters::own().iter().enumerate() {
        let said = document(&adapter.report, &["train", &config, "--out", &desk.text(&i.to_string())])?;
        let (said, target) = (variants(&said, &adapter.report)?, target(&adapter.report));
        let product = linear::choose(target, nodes, 2, hidden);
        hold_named(&said, "linear.matmul", product.variant())?;
        let form = graph::choose(target, nodes, 10 * nodes, false, hidden);
        let form = match form {
            graph::Form::Narrow => "narrow",
            graph::Form::Quads(_) => "quads",
            _ => "plain",
        };
        hold_named(&said, "graph.spmm", form)?;
    }
    Ok(())
}

fn forgetting() -> Result<(), Failed> {
    let (desk, adapters) = (Desk::new(), adapters::own());
    let config = desk.put("c.toml", DIGITS);
    let request = desk.put("q.jsonl", "{\"request_id\":\"r\",\"kind\":\"class\",\"ids\":[3]}\n");
    for (i, trained) in adapters.iter().enumerate() {
        let run = desk.text(&format!("run {i}"));
        document(&trained.report, &["train", &config, "--out", &run])?;
        for (k, other) in adapters.iter().enumerate() {
            let out = desk.text(&format!("forgot {i} {k}"));
            let arguments =
                ["forget", &run, "--request", &request, "--method", "fisher_forgetting", "--allow-fail", "--out", &out];
            let said = variants(&document(&other.report, &arguments)?, &other.report)?;
            hold_named(&said, "edit.noise", "plain")?;
            hold_named(&said, "linear.matmul", linear::choose(target(&other.report), 64, 16, 64).variant())?;
            if said.contains_key("optim.sgd") {
                return Err("a method without steps names the kernel of the training's steps".into());
            }
        }
    }
    Ok(())
}

fn rows() -> Result<(), Failed> {
    let (desk, adapter) = (Desk::new(), adapters::own().remove(0).report);
    let forget =
        "[forget]\nrequest = { kind = \"class\", ids = [3] }\nreferences = 2\nmethods = [\"fisher_forgetting\"]\n";
    let (file, out) = (desk.put("e.toml", format!("{DIGITS}{forget}")), desk.text("out"));
    let document = document(&adapter, &["run", &file, "--out", &out])?;
    let rows = document["rows"].as_array().filter(|rows| rows.len() == 4).ok_or("four rows")?;
    for (row, method) in rows.iter().zip([false, false, false, true]) {
        let said = variants(row, &adapter)?;
        hold_named(&said, "linear.matmul", linear::choose(target(&adapter), 64, 16, 64).variant())?;
        if (said.contains_key("edit.noise"), said.contains_key("optim.sgd")) != (method, !method) {
            return Err(format!("{} names {said:?}", row["row"]).into());
        }
    }
    Ok(())
}
