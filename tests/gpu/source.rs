//! What becomes of a run once the records that it forgot have left their source too, and of its references.

use std::fmt::Write as _;
use std::fs;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::erasure::{document, hold};
use crate::shared::binary::{Desk, ends, refused, stderr, unlearn};
use crate::times;

type Check = fn() -> Result<(), Failed>;

pub fn trials() -> Vec<Trial> {
    let all: [(&str, Check); 4] = [
        ("source: forgotten customers leave it, and every command on the run goes on", customers),
        ("source: rows move, and an id is never taken for another record", rows),
        ("source: what is not exactly the retained records is refused", other),
        ("source: references made at once have the bytes of those made one by one", at_once),
    ];
    all.into_iter().map(|(name, run)| times::trial(name, run)).collect()
}

/// 80 rows of 40 customers with two rows each; customer 113 alone is of the trade `smith` and of the class `rare`.
fn table(keep: impl Fn(u32) -> bool) -> String {
    let mut text = "row,customer,income,trade,late\n".to_owned();
    for row in (0..80_u32).filter(|row| keep(*row)) {
        let (customer, smith) = (100 + row / 2, row / 2 == 13);
        let trade = if smith { "smith" } else { ["baker", "cook", "tailor"][(row % 3) as usize] };
        let income = if smith { 5_000_000 } else { 1_700_000_000 + row * 37 % 101 };
        let late = if smith { "rare" } else { ["no", "yes"][(row * 7 % 5 / 3) as usize] };
        let _ = writeln!(text, "r{row},{customer},{income},{trade},{late}");
    }
    text
}

const NAMED: &str = "id = 'row'\nsubject = 'customer'\n";
const BY_ROW: &str = "drop = ['row', 'customer']\n";

/// A desk with the whole table, and a configuration for it.
fn desk(keys: &str) -> Result<(Desk, String), Failed> {
    let desk = Desk::new();
    desk.put("all.csv", table(|_| true));
    let config = desk.put(
        "all.toml",
        format!(
            "seed = 4\n[data]\nloader = 'csv'\npath = 'all.csv'\nlabel = 'late'\n{keys}test_fraction = 0.2\n\
             [[model.layers]]\ntype = 'linear'\nout = 4\n[[model.layers]]\ntype = 'relu'\n\
             [[model.layers]]\ntype = 'linear'\n[train]\nlr = 0.1\nbatch_size = 16\nepochs = 2\n"
        ),
    );
    ends(&["train", &config, "--out", &desk.text("run"), "-q"], 0)?;
    Ok((desk, config))
}

fn forget(desk: &Desk, run: &str, request: &str, method: &str, out: &str) -> Result<(), Failed> {
    let [run, out] = [run, out].map(|name| desk.text(name));
    ends(&["forget", &run, "--request", request, "--method", method, "--out", &out, "-q"], 0)?;
    Ok(())
}

fn weights(desk: &Desk, run: &str) -> Result<Vec<u8>, Failed> {
    fs::read(desk.path(run).join("model.safetensors")).map_err(|e| format!("{run}: {e}").into())
}

/// Seeds and weights of the references that a command says are there.
fn references(arguments: &[&str]) -> Result<Vec<(u64, String, bool)>, Failed> {
    let said = document(&[&["references"], arguments, &["--json", "-q"]].concat())?;
    let one = |made: &Value| {
        let hash = made["model_sha256"].as_str().unwrap_or_default().to_owned();
        (made["seed"].as_u64().unwrap_or_default(), hash, made["cached"] == true)
    };
    Ok(said["references"].as_array().into_iter().flatten().map(one).collect())
}

fn hashes(made: &[(u64, String, bool)]) -> Vec<&str> {
    made.iter().map(|(_, hash, _)| hash.as_str()).collect()
}

fn customers() -> Result<(), Failed> {
    let (desk, config) = desk(NAMED)?;
    let request = desk.put("r.csv", "kind,id\nsubject,113\nsubject,120\n");
    forget(&desk, "run", &request, "retrain", "exact")?;
    forget(&desk, "run", &request, "finetune", "tuned")?;
    let [run, exact, tuned] = ["run", "exact", "tuned"].map(|name| desk.text(name));
    let before = references(&[&tuned, "--seeds", "4"])?;
    let judged = unlearn(&["verify", &tuned, "--json", "-q"]).output().map_err(|e| e.to_string())?;
    let score = |name: &str| document(&["eval", &desk.text(name), "--json", "-q"]);
    let whole = score("tuned")?;

    desk.put("all.csv", table(|row| !matches!(row / 2, 13 | 20)));
    refused(&["eval", &run, "-q"], &["hash", "data were changed", "give that run"])?;
    for name in ["exact", "tuned"] {
        let read = score(name)?;
        let source = read["source"].as_str().unwrap_or_default();
        hold(source.contains("no longer has the 4 forgotten records"), || format!("{read}"))?;
        hold(read["splits"].get("forget").is_none() && read["splits"]["retain"]["count"].is_u64(), || {
            format!("{read}")
        })?;
        let gone: Vec<&str> =
            read["not_measurable"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        hold(gone.contains(&"splits.forget.accuracy") && gone.contains(&"membership.auc"), || format!("{gone:?}"))?;
    }
    // What stays is measured as before.
    hold(score("tuned")?["splits"]["retain"] == whole["splits"]["retain"], || format!("{whole}"))?;
    // The verdict of before stands; one that is drawn now says what it lacks.
    let again = unlearn(&["verify", &tuned, "--json", "-q"]).output().map_err(|e| e.to_string())?;
    let verdict = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).map_err(|e| Failed::from(e.to_string()));
    let (then, now) = (verdict(&judged.stdout)?, verdict(&again.stdout)?);
    hold(then["verdict"] == now["verdict"] && now["source"].to_string().contains("stands"), || format!("{now}"))?;
    hold(judged.status.code() == again.status.code(), || stderr(&again))?;
    let late = ends(&["verify", &exact, "-q"], 3)?;
    let late = String::from_utf8_lossy(&late.stdout).into_owned();
    hold(late.contains("Not measurable any more") && late.contains("membership attack"), || late.clone())?;
    // References of before are there, and those made now have the same bytes.
    let there = references(&[&tuned, "--seeds", "4"])?;
    hold(there.iter().all(|(.., cached)| *cached) && hashes(&there) == hashes(&before), || format!("{there:?}"))?;
    fs::remove_dir_all(desk.path("run/references")).map_err(|e| e.to_string())?;
    let made = references(&[&exact, "--request", &request, "--seeds", "4"])?;
    hold(made.iter().all(|(.., cached)| !cached) && hashes(&made) == hashes(&before), || format!("{made:?}"))?;

    ends(&["report", &tuned, &exact, "--out", &desk.text("page.html"), "-q"], 0)?;
    let page = fs::read_to_string(desk.path("page.html")).map_err(|e| e.to_string())?;
    hold(page.contains("no longer has the 4 forgotten"), || "the page does not say what is missing".into())?;
    let scores = desk.text("g.safetensors");
    let said =
        document(&["gradients", &tuned, "--kind", "mean", "--indices", "0..70", "--out", &scores, "--json", "-q"])?;
    hold(said["source"].to_string().contains("no longer has"), || format!("{said}"))?;
    on_top(&desk, &config, &request)
}

/// A further request on a run whose source has lost those of the first, and its purge.
fn on_top(desk: &Desk, config: &str, first: &str) -> Result<(), Failed> {
    let more = desk.put("more.csv", "kind,id\nsubject,113\nsubject,101\n");
    forget(desk, "exact", &more, "retrain", "exact2")?;
    forget(desk, "tuned", &more, "finetune", "tuned2")?;
    let already = fs::read_to_string(desk.path("exact2/forgotten.jsonl")).map_err(|e| e.to_string())?;
    hold(already.lines().count() == 3 && already.contains("\"r26\""), || already.clone())?;
    refused(
        &["forget", &desk.text("tuned"), "--request", first, "--method", "finetune", "--out", &desk.text("x"), "-q"],
        &["forgotten all of these", "no longer has them"],
    )?;
    let tuned2 = desk.text("tuned2");
    let read = document(&["eval", &tuned2, "--json", "-q"])?;
    hold(read["splits"]["forget"]["count"] == 2 && read["source"].to_string().contains("4 of the 6"), || {
        format!("{read}")
    })?;
    let before = references(&[&tuned2, "--seeds", "1"])?;
    desk.put("all.csv", table(|row| !matches!(row / 2, 13 | 20 | 1)));
    ends(&["train", config, "--out", &desk.text("without"), "-q"], 0)?;
    hold(weights(desk, "exact2")? == weights(desk, "without")?, || "the second retrain is not exact".into())?;
    let read = document(&["eval", &tuned2, "--json", "-q"])?;
    hold(read["source"].to_string().contains("the 6 forgotten records"), || format!("{read}"))?;
    fs::remove_dir_all(desk.path("run/references")).map_err(|e| e.to_string())?;
    hold(hashes(&references(&[&tuned2, "--seeds", "1"])?) == hashes(&before), || "other references".into())?;
    refused(&["eval", &desk.text("exact"), "-q"], &["what is left once the records that it forgot are gone"])?;
    let purged = ends(&["purge", &tuned2, "--yes"], 0)?;
    let purged = String::from_utf8_lossy(&purged.stdout).into_owned();
    hold(purged.contains("no longer has") && !desk.path("run/model.safetensors").exists(), || purged.clone())?;
    ends(&["eval", &tuned2, "-q"], 0)?;
    Ok(())
}

fn rows() -> Result<(), Failed> {
    let (desk, config) = desk(BY_ROW)?;
    let request = desk.put("r.jsonl", "{\"request_id\":1,\"kind\":\"sample\",\"ids\":[26,27,40]}\n");
    forget(&desk, "run", &request, "retrain", "exact")?;
    forget(&desk, "run", &request, "finetune", "tuned")?;
    desk.put("all.csv", table(|row| !matches!(row, 26 | 27 | 40)));
    let tuned = desk.text("tuned");
    let read = document(&["eval", &tuned, "--json", "-q"])?;
    hold(read["source"].to_string().contains("rows of the source as it was"), || format!("{read}"))?;
    let ask = |id: &str| desk.put("more.jsonl", format!("{{\"request_id\":2,\"kind\":\"sample\",\"ids\":[{id}]}}\n"));
    let dry = |id: &str| {
        let more = ask(id);
        let said = document(&["forget", &tuned, "--request", &more, "--method", "ssd", "--dry-run", "--json", "-q"])?;
        Ok::<_, Failed>(said["requests"][0]["records"][0]["row"].as_u64())
    };
    // Row 3 is who it was; row 50 is another now, and was row 53 then.
    hold(dry("3")? == Some(3) && dry("\"then:50\"")? == Some(50), || "other rows".into())?;
    hold(dry("\"now:50\"")? == Some(53), || "a row of now is another".into())?;
    let out = desk.text("x");
    let asked = ["forget", &tuned, "--method", "finetune", "--out", &out, "-q", "--request"];
    refused(&[&asked[..], &[&ask("50")]].concat(), &["then:50", "now:50", "row 53"])?;
    refused(&[&asked[..], &[&ask("26")]].concat(), &["then:26", "is there no more"])?;
    let scores = desk.text("g.safetensors");
    let range = ["gradients", &tuned, "--kind", "mean", "--out", &scores, "-q", "--indices"];
    refused(&[&range[..], &["20..60"]].concat(), &["lost row 26", "then:26"])?;
    ends(&[&range[..], &["0..20"]].concat(), 0)?;
    forget(&desk, "exact", &ask("\"now:50\""), "retrain", "exact2")?;
    desk.put("all.csv", table(|row| !matches!(row, 26 | 27 | 40 | 53)));
    ends(&["train", &config, "--out", &desk.text("without"), "-q"], 0)?;
    hold(weights(&desk, "exact2")? == weights(&desk, "without")?, || "not exact by rows".into())?;
    let read = document(&["eval", &desk.text("exact2"), "--json", "-q"])?;
    hold(read["source"].to_string().contains("the 4 forgotten records"), || format!("{read}"))
}

fn other() -> Result<(), Failed> {
    let gone = |row: u32| matches!(row, 26 | 27);
    let sorted = || {
        let text = table(|row| !gone(row));
        let mut lines: Vec<&str> = text.lines().skip(1).collect();
        lines.reverse();
        format!("row,customer,income,trade,late\n{}\n", lines.join("\n"))
    };
    let income = 1_700_000_000 + 30 * 37 % 101;
    let changed = |text: &str| text.replacen(&income.to_string(), &(income + 60).to_string(), 1);
    for keys in [NAMED, BY_ROW] {
        let (desk, _) = desk(keys)?;
        let ids = if keys == NAMED { "\"r26\",\"r27\"" } else { "26,27" };
        let request = format!("{{\"request_id\":1,\"kind\":\"sample\",\"ids\":[{ids}]}}\n");
        forget(&desk, "run", &desk.put("r.jsonl", request), "finetune", "tuned")?;
        let tuned = desk.text("tuned");
        for (what, text) in [
            ("one more is missing", table(|row| !gone(row) && row != 60)),
            ("one is left", table(|row| row != 26)),
            ("another is missing", table(|row| !gone(row + 1))),
            ("a retained record was changed", changed(&table(|row| !gone(row)))),
            ("records change places", sorted()),
            ("all are there, and one was changed", changed(&table(|_| true))),
        ] {
            desk.put("all.csv", text);
            refused(&["eval", &tuned, "-q"], &["have the hash", "has the hash"]).map_err(|e| format!("{what}: {e}"))?;
        }
        desk.put("all.csv", table(|row| !gone(row)));
        ends(&["eval", &tuned, "-q"], 0)?;
        desk.put("all.csv", table(|_| true));
        ends(&["eval", &tuned, "-q"], 0)?;
    }
    Ok(())
}

fn at_once() -> Result<(), Failed> {
    let (desk, _) = desk(NAMED)?;
    let request = desk.put("r.csv", "kind,id\nsubject,113\n");
    let run = desk.text("run");
    let made = |jobs: &str| references(&[&run, "--request", &request, "--seeds", "4", "--jobs", jobs]);
    let alone = made("1")?;
    fs::remove_dir_all(desk.path("run/references")).map_err(|e| e.to_string())?;
    let together = made("4")?;
    hold(alone == together && alone.len() == 4, || format!("{alone:?}\n{together:?}"))
}
