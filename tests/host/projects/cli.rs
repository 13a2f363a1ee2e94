//! The commands from outside: exit codes, sentences, and documents that their schemas describe.

use serde_json::Value;

use super::*;
use crate::schema::validate::{undescribed, wrong};
use crate::shared::binary::{ends, refused};

pub fn json(arguments: &[&str]) -> Value {
    let output = ends(&[arguments, &["--json"]].concat(), 0).unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A document is as its schema says, and has no key that the schema does not describe.
#[track_caller]
pub fn fits_schema(schema: &Value, document: &str, value: &Value) {
    assert_eq!(wrong(schema, value), Vec::<String>::new(), "{document}");
    assert_eq!(undescribed(schema, value), Vec::<String>::new(), "{document}");
}

#[track_caller]
fn fits(document: &str, value: &Value) {
    fits_schema(&json(&["schema", document]), document, value);
}

#[test]
fn commands_say_what_they_did_and_documents_fit_their_schemas() {
    let desk = Desk::new();
    let original = trained(&desk, "original", "").display().to_string();
    let folder = desk.text("project");
    let on = ["--project", &folder];
    let with = |words: &[&'static str]| -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).chain(on.iter().map(|word| (*word).to_string())).collect()
    };
    let words = |all: &[String]| -> Vec<String> { all.to_vec() };
    let end = |all: &[String], code: i32| {
        let refs: Vec<&str> = all.iter().map(String::as_str).collect();
        ends(&refs, code).unwrap()
    };
    let made = |all: &[String]| json(&all.iter().map(String::as_str).collect::<Vec<_>>());
    refused(&["requests", "list", "--project", &folder], &["is no project", "requests init"]).unwrap();
    ends(&["requests", "init", &original, "--project", &folder], 0).unwrap();
    refused(&["requests", "init", &original, "--project", &folder], &["is a project already"]).unwrap();
    let late = line("old", "sample", &[id(1)]).replace("2026-11-03", "2025-01-01");
    let file = desk.put("in.jsonl", late + &line("new", "sample", &[id(2)]) + &line("lost", "sample", &["x".into()]));
    ends(&["requests", "add", &file, "--project", &folder], 0).unwrap();
    let csv = desk.put("in.csv", format!("request_id,kind,id,received_at\nc,sample,{},2026-11-20\n", id(9)));
    assert_eq!(json(&["requests", "add", &csv, "--project", &folder])["added"]["received"], 1);
    let changed = desk.put("in2.csv", format!("request_id,kind,id,received_at\nc,sample,{},2026-11-20\n", id(8)));
    refused(&["requests", "add", &changed, "--project", &folder], &["line 2", "says something else"]).unwrap();

    let list = made(&with(&["requests", "list"]));
    assert_eq!(list["requests"].as_array().unwrap().len(), 4);
    list["requests"].as_array().unwrap().iter().for_each(|one| fits("standing", one));
    assert_eq!(made(&with(&["requests", "list", "--state", "received"]))["requests"].as_array().unwrap().len(), 1);
    end(&with(&["requests", "due"]), 4);
    end(&with(&["requests", "refuse", "old", "--reason", "withdrawn"]), 0);
    refused(&["requests", "refuse", "old", "--reason", "withdrawn", "--project", &folder], &["cannot follow"]).unwrap();
    refused(&["requests", "show", "nobody", "--project", &folder], &["there is no request"]).unwrap();
    let shown = end(&with(&["requests", "show", "old"]), 0);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("withdrawn"));
    let told = end(&with(&["requests", "explain", "old"]), 0);
    assert!(String::from_utf8_lossy(&told.stdout).contains("the person withdrew the request"));
    fits("plan", &made(&with(&["requests", "plan", "--max-drop", "1"])));
    refused(&["requests", "plan", "--project", &folder], &["no request waits for a plan"]).unwrap();
    refused(&["requests", "run", "0009", "--project", &folder], &["batch 0009 is not there"]).unwrap();

    let head = String::from_utf8(end(&with(&["ledger", "head"]), 0).stdout).unwrap();
    let text = std::fs::read_to_string(desk.path("project/ledger.jsonl")).unwrap();
    let schema = json(&["schema", "entry"]);
    for line in text.lines() {
        assert_eq!(wrong(&schema, &serde_json::from_str(line).unwrap()), Vec::<String>::new(), "{line}");
    }
    let mut checked = words(&with(&["ledger", "verify", "--head"]));
    checked.insert(3, head.trim().to_owned());
    end(&checked, 0);
    let copy = desk.text("copy.jsonl");
    ends(&["ledger", "export", "--out", &copy, "--project", &folder], 0).unwrap();
    refused(&["ledger", "export", "--out", &copy, "--project", &folder], &["--force"]).unwrap();
    let key = desk.text("project/keys/public.key");
    ends(&["ledger", "verify", "--file", &copy, "--key", &key], 0).unwrap();
    let edited = text.replacen("\"ids\":1", "\"ids\":7", 1);
    std::fs::write(&copy, edited).unwrap();
    let told = ends(&["ledger", "verify", "--file", &copy, "--key", &key], 4).unwrap();
    assert!(String::from_utf8_lossy(&told.stdout).contains("was edited"));
    // The store follows from the chain, or is made anew.
    std::fs::write(desk.path("project/requests.db"), "no database, but long enough to be looked at as one, surely")
        .unwrap();
    end(&with(&["ledger", "verify"]), 4);
    end(&with(&["ledger", "rebuild"]), 0);
    end(&with(&["ledger", "verify"]), 0);
    refused(&["ledger", "key", "destroy", "--yes", "--project", &folder], &["have no end yet"]).unwrap();
    assert_eq!(made(&with(&["ledger", "key", "show"]))["pseudonyms"], true);
}

#[test]
fn a_folder_is_watched_and_each_file_is_taken_once() {
    let desk = Desk::new();
    let original = trained(&desk, "original", "").display().to_string();
    let folder = desk.text("project");
    ends(&["requests", "init", &original, "--project", &folder], 0).unwrap();
    desk.put("in/one.jsonl", line("a", "sample", &[id(1)]));
    desk.put("in/two.csv", format!("request_id,id\nb,{}\n", id(2)));
    desk.put("in/bad.jsonl", format!("not a request of {}\n", person(9)));
    desk.put("in/odd.jsonl", line("c", &person(8), &[id(1)]));
    desk.put("in/.hidden.jsonl", line("c", "sample", &[id(3)]));
    desk.put("in/notes.txt", "not for us");
    let once = ["requests", "watch", &desk.text("in"), "--once", "--quiet-for", "0", "--project", &folder];
    let limits = [&once[..], &["--max-drop", "1"]].concat();
    refused(&limits, &["limits", "--run"]).unwrap();
    let mut said = Vec::new();
    for _ in 0..2 {
        let output = ends(&once, 0).unwrap();
        said.extend([output.stdout, output.stderr].concat());
    }
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("bad.jsonl.why.txt") && !said.contains("Zelda") && !said.contains("kunde"), "{said}");
    assert_eq!(crate::shared::binary::names(&desk.path("in")), [".hidden.jsonl", "done", "notes.txt", "refused"]);
    assert_eq!(crate::shared::binary::names(&desk.path("in/done")), ["one.jsonl", "two.csv"]);
    assert_eq!(
        crate::shared::binary::names(&desk.path("in/refused")),
        ["bad.jsonl", "bad.jsonl.why.txt", "odd.jsonl", "odd.jsonl.why.txt"]
    );
    let project = open(&desk.path("project"));
    assert_eq!(project.view().unwrap().store.requests().unwrap().len(), 2);
    whole(&project);
}
