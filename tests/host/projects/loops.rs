//! The whole way of ten requests, on customers, on pictures in an ensemble and on a social graph: two are merged, one
//! is refused, one is unknown, one comes twice, one fails its gate, is rolled back and planned anew, one asks for what
//! went before. Every document fits its schema, every pack is checked by the program, and each is done again from the
//! pack and the data alone.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::AtomicBool;

use serde_json::Value;
use unlearn::eval::Outcome as Verdict;
use unlearn::run::pack::{ReplayJob, Replayed};
use unlearn::run::requests::{Evidence, refuse};

use super::cli::{fits_schema, json};
use super::people::Family;
use super::*;
use crate::shared::binary::ends;

/// What people call their requests.
fn name(request: &str) -> String {
    format!("anfrage-{request}@example.org")
}

#[test]
fn customers_of_one_network_are_judged_beside_retrains_and_attacked() {
    let desk = Desk::new();
    let family = super::people::customers_by_heart(&desk);
    let project = ten(&desk, &family);
    // The gate of the first batch asked for an audit, which it passes; that of the second for a verdict beside
    // retrains, which a method that does next to nothing cannot.
    let of = |batch: &str| -> Outcome { read(&project.batch(batch).join("outcome.json")) };
    let (first, second) = (of("0001"), of("0002"));
    assert_eq!((first.verdict, first.audit), (None, Some(Verdict::Pass)));
    assert!(first.audit_sha256.is_some() && second.verdict_sha256.is_some());
    assert_eq!((second.verdict, second.failed), (Some(Verdict::Fail), vec!["verdict-fail".to_owned()]));
    let certificate: Value = read(&project.evidence("0001").join("certificate.json"));
    assert_eq!(certificate["tests"]["audit"]["verdict"]["outcome"], "pass");
    assert!(project.batch("0001").join("run/audit.json").exists());
}

#[test]
fn pictures_in_an_ensemble_of_shards() {
    let desk = Desk::new();
    let project = ten(&desk, &super::people::pictures(&desk));
    let plan: Plan = read(&project.batch("0001").join("plan.json"));
    assert_eq!(plan.method.as_deref(), Some("sisa"));
    assert!(plan.touched.shards.is_some_and(|shards| !shards.is_empty()));
}

#[test]
fn people_of_a_social_graph() {
    let desk = Desk::new();
    let project = ten(&desk, &super::people::friends(&desk));
    let plan: Plan = read(&project.batch("0001").join("plan.json"));
    assert!(plan.touched.influenced.is_some_and(|near| near > 0));
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Ten requests, from receipt to their end, and everything that is left of them.
fn ten(desk: &Desk, family: &Family) -> Project<'static> {
    let project = create(&desk.path("project"), &family.original);
    let ask = |request: &str, at: &[usize]| {
        let ids: Vec<String> = at.iter().map(|at| (family.id)(*at)).collect();
        line(&name(request), family.kind, &ids)
    };
    let unknown = line(&name("d"), family.kind, &["nobody-at-all".to_owned()]);
    let first = [ask("a", &[1, 2, 3]), ask("b", &[4, 1, 5]), ask("c", &[6]), unknown, ask("e", &[7, 8])].concat();
    let added = deliver(&project, &first).unwrap();
    assert_eq!((added.received, added.validated, added.questioned.len()), (5, 4, 1));
    assert_eq!(deliver(&project, &ask("e", &[7, 8])).unwrap().known, 1);
    refuse(&project, &name("c"), "legal-claims", "officer").unwrap();
    assert_eq!(planned(&project, &family.wish).requests.len(), 3);
    published(&project, "0001");

    let of = |request: &str, (kind, ids): &(&str, String)| {
        format!("{{\"request_id\":\"{}\",\"kind\":\"{kind}\",\"ids\":[{ids}]}}\n", name(request))
    };
    deliver(&project, &[of("f", &family.sixth), ask("g", &[12, 13])].concat()).unwrap();
    planned(&project, &family.fails);
    let failed = finished(&project).remove(0);
    assert!(!failed.outcome.passed() && failed.evidence.is_none(), "{:?}", failed.outcome);
    assert!(["f", "g"].iter().all(|request| state(&project, &name(request)) == "rolled-back"));
    assert!(serving(&project).ends_with("batches/0001/run"));
    planned(&project, &Wish { again: Some("0002".into()), ..Wish::default() });
    published(&project, "0003");

    deliver(&project, &[ask("h", &[1]), ask("i", &[2, 14]), of("j", &family.tenth)].concat()).unwrap();
    assert_eq!(planned(&project, &Wish::default()).requests.len(), 3);
    published(&project, "0004");
    refuse(&project, &name("d"), "unknown-record", "officer").unwrap();
    let ended = |request: &str| ["published", "refused"].contains(&state(&project, &name(request)).as_str());
    assert!(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].iter().all(|request| ended(request)));
    whole(&project);
    documents(&project);
    let said = ["0001", "0003", "0004"].map(|batch| checked(&project, batch)).concat();
    let said = said + &shown(&project);
    for batch in ["0001", "0003", "0004"] {
        again(desk, family, &project.evidence(batch));
    }
    nobody_is_named(&project, family, &said);
    project
}

fn published(project: &Project, batch: &str) -> Evidence {
    let done = finished(project).remove(0);
    assert!(done.outcome.passed(), "{:?}", done.outcome);
    assert!(serving(project).ends_with(format!("batches/{batch}/run")));
    let evidence = done.evidence.expect("a pack");
    assert_eq!(evidence.folder, project.evidence(batch));
    evidence
}

/// Every document fits its schema, and says nothing that the schema does not describe.
fn documents(project: &Project) {
    let mut schemas = BTreeMap::new();
    let mut fits = |document: &'static str, value: &Value| {
        let schema = schemas.entry(document).or_insert_with(|| json(&["schema", document]));
        fits_schema(schema, document, value);
    };
    for entry in fs::read_dir(project.folder.join("batches")).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        for (name, document) in [
            ("plan.json", "plan"),
            ("outcome.json", "outcome"),
            ("run/run.json", "run"),
            ("run/audit.json", "audit"),
            ("evidence/certificate.json", "certificate"),
        ] {
            let path = entry.path().join(name);
            if path.exists() {
                fits(document, &read(&path));
            }
        }
    }
    for line in fs::read_to_string(project.ledger()).unwrap().lines() {
        fits("entry", &serde_json::from_str(line).unwrap());
    }
    let list = json(&["requests", "list", "--project", &project.folder.display().to_string()]);
    let all = list["requests"].as_array().unwrap();
    assert_eq!(all.len(), 10);
    for one in all {
        fits("standing", one);
        assert_eq!(one["state"] == "published", one["pack"].is_string(), "{one}");
    }
}

/// The program finds a pack as it was written, and the ledger knows of it.
fn checked(project: &Project, batch: &str) -> String {
    let (pack, keys) = (project.evidence(batch).display().to_string(), project.keys().join("public.key"));
    let (key, ledger) = (keys.display().to_string(), project.ledger().display().to_string());
    let mut said = String::new();
    for pack in [pack.clone(), pack + ".zip"] {
        let output = ends(&["verify", &pack, "--key", &key, "--ledger", &ledger], 0).unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        for note in ["speaks of these requests", "this model was published", "tells of this pack"] {
            assert!(text.contains(note), "{batch}: {note}: {text}");
        }
        said += &(text + &String::from_utf8_lossy(&output.stderr));
    }
    said
}

/// What the commands say of the project. What a person asks for by name may name them.
fn shown(project: &Project) -> String {
    let folder = project.folder.display().to_string();
    let pseudonym = project.view().unwrap().find(&name("a")).unwrap().request;
    let mut said = String::new();
    for words in [
        vec!["requests", "list"],
        vec!["requests", "show", &pseudonym],
        vec!["requests", "explain", &pseudonym],
        vec!["requests", "due", "--within", "9w"],
        vec!["ledger", "verify"],
        vec!["ledger", "head"],
    ] {
        let output = ends(&[&words[..], &["--project", &folder]].concat(), 0).unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(words[1] != "show" || text.contains("batches/0001/evidence.zip"), "{text}");
        said += &(text.into_owned() + &String::from_utf8_lossy(&output.stderr));
    }
    said
}

/// A pack is done again from itself and the data alone, in another place.
fn again(desk: &Desk, family: &Family, pack: &Path) {
    let work = tempfile::tempdir().unwrap();
    let there = work.path().join("pack");
    copy_all(pack, &there);
    let (data, never) = (family.data.parent().unwrap(), AtomicBool::new(false));
    let elsewhere = desk.path("elsewhere");
    copy_all(&family.data, &elsewhere.join(family.data.file_name().unwrap()));
    assert_ne!(data, elsewhere);
    let job = ReplayJob {
        pack: &there,
        data: Some(&elsewhere),
        request: None,
        key: None,
        base: None,
        work: &work.path().join("work"),
        interrupted: &never,
    };
    fs::create_dir(work.path().join("work")).unwrap();
    let Replayed { same, pairs, .. } = job.replay(&mut || Ok(Engine::reference()), &mut |_| {}).unwrap();
    assert!(same && pairs.iter().any(|pair| pair.what == "model after"), "{}: {pairs:#?}", pack.display());
}

fn copy_all(from: &Path, to: &Path) {
    if from.is_file() {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
        return;
    }
    for entry in fs::read_dir(from).unwrap().flatten() {
        copy_all(&entry.path(), &to.join(entry.file_name()));
    }
}

/// Nothing but the runs, which need it, names anybody: neither the project's files nor what was said.
fn nobody_is_named(project: &Project, family: &Family, said: &str) {
    let more = ["nobody-at-all", "anfrage-", "example.org"].map(str::to_owned);
    let names = [family.private.clone(), more.to_vec()].concat();
    assert_eq!(leaks(project, &names), Vec::<String>::new());
    let spoken: Vec<&String> = names.iter().filter(|name| said.contains(name.as_str())).collect();
    assert_eq!(spoken, Vec::<&String>::new());
    // The search finds what is there.
    let own = fs::read_to_string(project.batch("0001").join("run/request.jsonl")).unwrap();
    assert!(own.contains(&(family.id)(1)) && family.private.contains(&(family.id)(1)));
}
