//! The same of graphs: a class, a label of nodes or a column that only the forgotten had is gone with it.

use std::fmt::Write as _;

use libtest_mimic::Failed;

use super::{document, hold, json, same_weights};
use crate::shared::binary::{Desk, ends, refused};

/// Trains on the files with and without some records, and forgets these by a retrain in `out`.
fn three_runs(desk: &Desk, configs: [&str; 2], request: &str, out: &str) -> Result<(), Failed> {
    let [all, rest] = configs.map(|text| desk.put(&format!("{out}.{}.toml", text.len()), text));
    let [run, without, result] = ["run", "without", "out"].map(|name| desk.text(&format!("{out}.{name}")));
    let request = desk.put("r.jsonl", request);
    ends(&["train", &all, "--out", &run, "-q"], 0)?;
    ends(&["train", &rest, "--out", &without, "-q"], 0)?;
    ends(&["forget", &run, "--request", &request, "--method", "retrain", "--out", &result, "-q"], 0)?;
    let fitted = |name: &str| {
        let data = json(desk, &format!("{out}.{name}/run.json"))?["data"].clone();
        Ok::<_, Failed>(["class_names", "columns", "shape"].map(|key| data[key].clone()))
    };
    let (ours, theirs) = (fitted("out")?, fitted("without")?);
    hold(ours == theirs, || format!("the retrain keeps {ours:?}, a training without the records {theirs:?}"))?;
    hold(fitted("run")? != ours, || "nothing was fitted on the forgotten".into())
}

/// 40 graphs of 3 to 6 nodes in a row; graph 5 alone is of class 9, graph 11 alone has a node labelled 77.
fn collection(desk: &Desk, folder: &str, without: &[u32]) {
    let mut texts = [const { String::new() }; 5];
    let (mut graphs, mut nodes) = (0, 0);
    for graph in (0..40_u32).filter(|graph| !without.contains(graph)) {
        let count = 3 + graph * 5 % 4;
        graphs += 1;
        let [a, owner, labels, of_nodes, attributes] = &mut texts;
        for node in 0..count {
            let label = if graph == 11 && node == 1 { 77 } else { (graph * node + graph / 3) % 3 };
            let _ = writeln!(owner, "{graphs}");
            let _ = writeln!(of_nodes, "{label}");
            let _ = writeln!(attributes, "{}", f64::from((graph * 7 + node) % 10) / 10.0);
            if node > 0 {
                let _ = writeln!(a, "{}, {}\n{}, {}", nodes, nodes + 1, nodes + 1, nodes);
            }
            nodes += 1;
        }
        let _ = writeln!(labels, "{}", if graph == 5 { 9 } else { graph * 3 % 5 / 3 });
    }
    let names = ["A", "graph_indicator", "graph_labels", "node_labels", "node_attributes"];
    for (name, text) in names.iter().zip(&texts) {
        desk.put(&format!("{folder}/T_{name}.txt"), text);
    }
}

pub fn graphs() -> Result<(), Failed> {
    let desk = Desk::new();
    let config = |folder: &str| {
        format!(
            "seed = 3\n[data]\nloader = 'tudataset'\npath = '{folder}'\nname = 'T'\n\
             validation_fraction = 0.1\n[[model.layers]]\ntype = 'gin_conv'\nout = 8\n[[model.layers]]\ntype = 'relu'\n\
             [[model.layers]]\ntype = 'readout'\nkind = 'sum'\n[[model.layers]]\ntype = 'dropout'\np = 0.2\n\
             [[model.layers]]\ntype = 'linear'\n[train]\nlr = 0.01\nmomentum = 0.9\nbatch_size = 8\nepochs = 3\n"
        )
    };
    collection(&desk, "all", &[]);
    for (gone, folder, request) in [(5, "class", "class"), (11, "label", "sample")] {
        collection(&desk, folder, &[gone]);
        let id = if request == "class" { 9 } else { gone };
        let request = format!("{{\"request_id\":1,\"kind\":\"{request}\",\"ids\":[{id}]}}\n");
        three_runs(&desk, [&config("all"), &config(folder)], &request, folder)?;
        same_weights(&desk, &format!("{folder}.out"), &format!("{folder}.without"))?;
    }
    // A second request on the result takes nothing of the first one back.
    collection(&desk, "both", &[5, 11]);
    let both = desk.put("both.toml", config("both"));
    ends(&["train", &both, "--out", &desk.text("both.without"), "-q"], 0)?;
    let (first, second, request) = (desk.text("class.out"), desk.text("both.out"), desk.text("r.jsonl"));
    ends(&["forget", &first, "--request", &request, "--method", "retrain", "--out", &second, "-q"], 0)?;
    same_weights(&desk, "both.out", "both.without")?;
    let info = json(&desk, "label.out/run.json")?["data"].to_string();
    hold(!info.contains("77"), || format!("the retrain's run.json knows the label: {info}"))?;
    // Read back, the forgotten class is wrong everywhere and its loss is large, but a number.
    let read = document(&["eval", &desk.text("class.out"), "--json"])?;
    let forget = &read["splits"]["forget"];
    hold(forget["accuracy"] == 0.0 && forget["loss"].as_f64().is_some_and(|l| l > 20.0), || format!("{read}"))?;
    refused(
        &["gradients", &desk.text("class.out"), "--kind", "mean", "--indices", "0..40", "--out", &desk.text("g")],
        &["class `9`", "no output"],
    )?;
    Ok(())
}

/// 40 papers in a ring with some chords, in the formats of LINQS and as tables; the paper `p{rare}` alone is of the
/// subject `rare` and has the word 20.
fn papers(desk: &Desk, folder: &str, rare: u32, without: bool) {
    let (mut content, mut cites, mut subjects) = (String::new(), String::new(), "paper,subject\n".to_owned());
    let mut lists = vec![];
    let there = |paper: u32| !(without && paper == rare);
    for paper in (0..40).filter(|paper| there(*paper)) {
        let mut words: Vec<u32> = (0..12).filter(|word| (paper * (word + 3) + word) % 7 < 2).collect();
        let each: Vec<String> = (0..12).map(|word| u32::from(words.contains(&word)).to_string()).collect();
        let subject = if paper == rare { "rare" } else { ["ants", "bees"][(paper * 7 % 5 / 3) as usize] };
        let _ = writeln!(content, "p{paper}\t{}\t{subject}", each.join("\t"));
        let _ = writeln!(subjects, "p{paper},{subject}");
        words.extend((paper == rare).then_some(20));
        lists.push(format!("\"p{paper}\": {words:?}"));
    }
    for (u, v) in (0..40).flat_map(|paper| [(paper, (paper + 1) % 40), (paper, (paper * 5 + 7) % 40)]) {
        if u != v && there(u) && there(v) {
            let _ = writeln!(cites, "p{u} p{v}");
        }
    }
    desk.put(&format!("{folder}/cora.content"), content);
    desk.put(&format!("{folder}/cora.cites"), cites);
    desk.put(&format!("{folder}/subjects.csv"), subjects);
    desk.put(&format!("{folder}/words.json"), format!("{{{}}}", lists.join(", ")));
}

/// Retrains without a paper in the middle and without the last one.
fn without_papers(formats: &[&str]) -> Result<Desk, Failed> {
    let desk = Desk::new();
    for (rare, (format, loader)) in
        [39, 7].into_iter().flat_map(|rare| formats.iter().enumerate().map(move |f| (rare, f)))
    {
        let name = format!("p{rare}-{format}");
        let config = |folder: &str| {
            let loader = loader.replace('@', folder);
            format!(
                "seed = 3\n[data]\n{loader}\nsplit = 'random'\nvalidation_fraction = 0.1\n\
                 [[model.layers]]\ntype = 'graph_conv'\nout = 8\n[[model.layers]]\ntype = 'relu'\n\
                 [[model.layers]]\ntype = 'graph_conv'\n[train]\nlr = 0.2\nepochs = 20\n"
            )
        };
        let [all, rest] = ["all", "rest"].map(|folder| format!("{folder}-{rare}"));
        papers(&desk, &all, rare, false);
        papers(&desk, &rest, rare, true);
        let request = format!("{{\"request_id\":1,\"kind\":\"node\",\"ids\":[\"p{rare}\"]}}\n");
        three_runs(&desk, [&config(&all), &config(&rest)], &request, &name)?;
        same_weights(&desk, &format!("{name}.out"), &format!("{name}.without"))?;
    }
    Ok(desk)
}

pub fn classes() -> Result<(), Failed> {
    let loader = "loader = 'cora_text'\npath = '@'";
    let desk = without_papers(&[loader])?;
    // A second request on the result takes nothing of the first one back.
    let (request, second) =
        (desk.put("r.jsonl", "{\"request_id\":2,\"kind\":\"node\",\"ids\":[\"p12\"]}\n"), desk.text("second"));
    ends(&["forget", &desk.text("p7-0.out"), "--request", &request, "--method", "retrain", "--out", &second, "-q"], 0)?;
    let names = json(&desk, "second/run.json")?["data"]["class_names"].to_string();
    hold(!names.contains("rare"), || format!("the class of the first request is back: {names}"))?;
    let both = desk.put("r.jsonl", "{\"request_id\":3,\"kind\":\"node\",\"ids\":[\"p7\", \"p12\"]}\n");
    let run = desk.text("p7-0.run");
    ends(&["forget", &run, "--request", &both, "--method", "retrain", "--out", &desk.text("both"), "-q"], 0)?;
    same_weights(&desk, "second", "both")?;
    refused(
        &["forget", &second, "--request", &both, "--method", "retrain", "--out", &desk.text("x")],
        &["has forgotten all of these"],
    )?;
    let read = document(&["eval", &desk.text("p7-0.out"), "--json"])?;
    let forget = &read["splits"]["forget"];
    hold(forget["accuracy"] == 0.0 && forget["loss"].as_f64().is_some_and(|l| l > 20.0), || format!("{read}"))?;
    refused(
        &["gradients", &desk.text("p7-0.out"), "--kind", "mean", "--indices", "0..40", "--out", &desk.text("g")],
        &["class `rare`", "no output"],
    )?;
    Ok(())
}

pub fn columns() -> Result<(), Failed> {
    let tables = "loader = 'edge_list'\nedges = '@/cora.cites'\nheader = false\nlabels = '@/subjects.csv'\n\
                  label = 'subject'\nid = 'paper'";
    let desk = without_papers(&[tables, &format!("{tables}\nnode_features = '@/words.json'")])?;
    let of = |name: &str| Ok::<_, Failed>(json(&desk, &format!("{name}.out/run.json"))?["data"]["columns"].clone());
    hold(!of("p7-0")?.to_string().contains("\"p7\""), || "the column of the deleted node is kept".into())?;
    hold(of("p7-1")?[0]["width"].as_u64().is_some_and(|width| width < 20), || {
        "the word that only the deleted node had is kept".into()
    })?;
    ends(&["eval", &desk.text("p7-0.out"), "-q"], 0)?;
    Ok(())
}
