//! Ten requests of customers, from receipt to publication.

use unlearn::ledger::state::EXTENSIONS;
use unlearn::methods::Tier;
use unlearn::run::folder::RunFolder;
use unlearn::run::pack;
use unlearn::run::requests::{approve, destroy_key, explain, extend, refuse, turn};

use super::*;

/// What people call their requests: no less personal than a name.
fn name(request: &str) -> String {
    format!("anfrage-{request}@example.org")
}

fn ask(request: &str, kind: &str, ids: &[String]) -> String {
    line(&name(request), kind, ids)
}

#[test]
fn ten_requests_go_from_receipt_to_publication_and_nobody_is_named() {
    let desk = Desk::new();
    let original = trained(&desk, "original", "");
    let project = create(&desk.path("project"), &original);
    assert_eq!(serving(&project), std::fs::canonicalize(&original).unwrap());

    // Two merge, one repeats a record of another, one is unknown, one is there twice.
    let first = [
        ask("a", "sample", &[id(1)]),
        ask("b", "subject", &[person(5)]),
        ask("c", "sample", &[id(1), id(2)]),
        ask("d", "sample", &["nobody-at-all".to_owned()]),
        ask("e", "sample", &[id(70)]),
    ]
    .concat();
    let added = deliver(&project, &first).unwrap();
    assert_eq!((added.received, added.known, added.validated, added.questioned.len()), (5, 0, 4, 1));
    let again = deliver(&project, &ask("a", "sample", &[id(1)])).unwrap();
    assert_eq!((again.received, again.known), (0, 1));
    let before = std::fs::read(project.ledger()).unwrap();
    let changed = deliver(&project, &[ask("f", "sample", &[id(9)]), ask("a", "sample", &[id(3)])].concat());
    assert!(changed.unwrap_err().to_string().contains("line 2: a request of this request_id"), "a changed body");
    assert_eq!(std::fs::read(project.ledger()).unwrap(), before, "nothing of a refused delivery is kept");
    assert_eq!(state(&project, &name("d")), "received");

    // One is refused by a person, one gets more time.
    let refused = refuse(&project, &name("e"), "legal-claims", "officer").unwrap();
    assert_eq!((refused.state.as_str(), refused.reason.as_deref()), ("refused", Some("legal-claims")));
    assert!(refuse(&project, &name("e"), "withdrawn", "officer").is_err(), "it has ended");
    let more = extend(&project, &name("b"), 2, EXTENSIONS[0].0, "officer");
    let due = more.map_or_else(|e| e.to_string(), |standing| standing.due_at);
    assert!(due.starts_with("2027-02-03") || due.contains("was due"), "{due}");

    let made = planned(&project, &Wish { max_drop: Some(40.0), ..Wish::default() });
    assert_eq!((made.requests.len(), made.method.as_deref(), made.tier), (3, Some("retrain"), Some(Tier::Exact)));
    assert_eq!(made.touched.things.count, 6, "two records and the four of a person, each once");
    let saving = made.saving.as_ref().unwrap();
    assert!(saving.alone_s > 2.9 * saving.together_s);
    assert!(made.candidates.iter().any(|c| c.method == "sisa" && c.unsuited.is_some()));
    let outcome = done(&project);
    assert!(outcome.len() == 1 && outcome[0].passed(), "{outcome:?}");
    for request in ["a", "b", "c"] {
        assert_eq!(state(&project, &name(request)), "published");
    }
    let second = serving(&project);
    assert!(second.ends_with("batches/0001/run"));
    assert_eq!(RunFolder::new(&second).read_info().unwrap().forget.unwrap().request.count, 6);
    whole(&project);

    // What fails its gate is rolled back, and the model before it serves on.
    let third = [ask("g", "sample", &[id(30)]), ask("h", "sample", &[id(31)]), ask("i", "sample", &[id(2)])].concat();
    deliver(&project, &third).unwrap();
    let settings = "epochs = 5\nlr = 500.0".parse().unwrap();
    let wish = Wish { method: Some("finetune".into()), settings, references: Some(0), ..Wish::default() };
    planned(&project, &wish);
    let outcome = done(&project);
    assert!(!outcome[0].passed() && outcome[0].model_sha256.as_ref().is_none_or(|_| !outcome[0].reasons.is_empty()));
    assert_eq!((state(&project, &name("g")), serving(&project)), ("rolled-back".into(), second.clone()));
    assert!(explain(&project, &project.view().unwrap(), &name("g")).unwrap().contains("did not pass our own checks"));
    whole(&project);
    // Planned anew, it passes.
    let made = planned(&project, &Wish { again: Some("0002".into()), ..Wish::default() });
    assert_eq!((made.requests.len(), made.batch.as_str()), (3, "0003"));
    assert!(made.predicted.is_some());
    assert!(done(&project)[0].passed());
    assert!(serving(&project).ends_with("batches/0003/run"));
    let text = explain(&project, &project.view().unwrap(), &name("g")).unwrap();
    assert!(text.contains("training without your data"), "{text}");

    // All of it was forgotten before: there is nothing to do, and that is an answer.
    deliver(&project, &ask("j", "sample", &[id(1)])).unwrap();
    assert_eq!(planned(&project, &Wish::default()).method, None);
    assert!(done(&project)[0].passed());
    assert_eq!(state(&project, &name("j")), "published");
    assert!(explain(&project, &project.view().unwrap(), &name("j")).unwrap().contains("removed before"));
    refuse(&project, &name("d"), "unknown-record", "officer").unwrap();
    whole(&project);

    // Nobody is named by anything but the runs.
    let names: Vec<String> = (0..ROWS).map(id).chain((0..ROWS / 4).map(person)).collect();
    let other =
        ["Zwettl", "Xanten", "klasse", "nobody-at-all", "anfrage-", "example.org", "delivery"].map(str::to_owned);
    assert_eq!(leaks(&project, &[names, other.to_vec()].concat()), Vec::<String>::new());

    // Without the key nobody can be found any more, and the chain still holds.
    let pseudonym = project.view().unwrap().find(&name("j")).unwrap().request;
    let keys = || files(&project.folder).into_iter().filter(|path| path.ends_with("replay.key")).count();
    assert_eq!(keys(), 2, "one for each batch that made a model");
    destroy_key(&project, "officer").unwrap();
    assert_eq!(keys(), 0);
    let checked = pack::check(&project.evidence("0001"), &pack::Anchors::default()).unwrap();
    assert!(checked.whole && checked.notes.iter().any(|note| note.contains("cannot be told")), "{:?}", checked.notes);
    assert!(project.view().unwrap().find(&name("j")).is_err());
    assert_eq!(project.view().unwrap().find(&pseudonym[..16]).unwrap().state, "published");
    assert!(deliver(&project, &ask("k", "sample", &[id(50)])).unwrap_err().to_string().contains("destroyed"));
    whole(&project);
}

#[test]
fn a_plan_waits_for_approval_where_the_project_asks_for_it_and_goes_stale_when_another_model_serves() {
    let desk = Desk::new();
    let original = trained(&desk, "original", "");
    let project = Project::create(&desk.path("project"), &original, true, "officer", &hear).unwrap();
    deliver(&project, &ask("a", "sample", &[id(1)])).unwrap();
    planned(&project, &Wish::default());
    let error = run(&project, None, &how(), "officer").unwrap_err();
    assert!(error.to_string().contains("unlearn requests approve 0001"), "{error}");
    assert_eq!(approve(&project, "0001", "head").unwrap(), 1);
    assert!(approve(&project, "0001", "head").is_err());
    deliver(&project, &ask("b", "sample", &[id(2)])).unwrap();
    planned(&project, &Wish::default());
    approve(&project, "0002", "head").unwrap();
    // The first changes what serves, so that the second is planned anew.
    assert_eq!(done(&project).len(), 1);
    let error = run(&project, Some("0002"), &how(), "officer").unwrap_err();
    assert!(error.to_string().contains("another model serves"), "{error}");
    assert_eq!(state(&project, &name("b")), "approved");
    assert_eq!(planned(&project, &Wish::default()).batch, "0003");
    approve(&project, "0003", "head").unwrap();
    assert!(done(&project)[0].passed());
    assert_eq!(state(&project, &name("b")), "published");
    // Somebody edited a plan.
    deliver(&project, &ask("c", "sample", &[id(3)])).unwrap();
    planned(&project, &Wish::default());
    approve(&project, "0004", "head").unwrap();
    let path = project.batch("0004").join("plan.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"references\": 0", "\"references\": 1")).unwrap();
    let error = run(&project, None, &how(), "officer").unwrap_err();
    assert!(error.to_string().contains("was changed since it was made"), "{error}");
    std::fs::write(&path, text).unwrap();
    assert!(done(&project)[0].passed());
    whole(&project);
}

#[test]
fn limits_choose_the_method_or_none() {
    let desk = Desk::new();
    let original = trained(&desk, "original", "");
    let project = create(&desk.path("project"), &original);
    deliver(&project, &ask("a", "sample", &[id(1)])).unwrap();
    let fails = |wish: Wish| plan(&project, &wish, "officer").map(|_| ()).unwrap_err();
    let cheap = Wish { max_cost: Some(1e-6), ..Wish::default() };
    assert_eq!(fails(cheap).exit_code(), 4);
    let named = Wish { method: Some("finetune".into()), tier: Some(Tier::Exact), ..Wish::default() };
    assert!(fails(named).to_string().contains("tier exact is required"));
    let unknown = Wish { method: Some("finetune".into()), max_cost: Some(0.5), ..Wish::default() };
    assert_eq!(fails(unknown).exit_code(), 3);
    unlearn::run::requests::measure(&project, &["finetune".into()], &how(), "officer").unwrap();
    let measured = Wish { method: Some("finetune".into()), references: Some(0), ..Wish::default() };
    let made = planned(&project, &measured);
    let expected = made.predicted.unwrap();
    assert!(expected.basis.contains("measured") && expected.seconds > 0.0);
    let outcome = &done(&project)[0];
    assert_eq!(outcome.tier, Some(Tier::Approximate));
    assert_eq!(outcome.predicted.as_ref().unwrap().seconds, expected.seconds);
    whole(&project);
}

#[test]
fn whoever_watches_plans_and_does_what_waits() {
    let desk = Desk::new();
    let original = trained(&desk, "original", "");
    let project = create(&desk.path("project"), &original);
    let take = |project: &Project, wish: &Wish| turn(project, wish, &How { pack: false, ..how() }, "clerk");
    let nothing = take(&project, &Wish::default()).unwrap();
    assert!(nothing.plan.is_none() && nothing.done.is_empty());
    deliver(&project, &ask("a", "sample", &[id(1)])).unwrap();
    // What no method can keep to waits for a person.
    let cheap = Wish { max_cost: Some(1e-6), ..Wish::default() };
    assert_eq!(take(&project, &cheap).unwrap_err().exit_code(), 4);
    assert_eq!(state(&project, &name("a")), "validated");
    let done = take(&project, &Wish::default()).unwrap();
    assert_eq!(done.plan.unwrap().batch, "0001");
    // Nobody wanted a pack.
    assert!(done.done[0].outcome.passed() && done.done[0].evidence.is_none());
    let standing = project.view().unwrap().find(&name("a")).unwrap();
    assert_eq!((standing.state.as_str(), standing.pack), ("published", None));
    assert!(!project.evidence("0001").exists());
    // Where plans are approved, it waits for that.
    let other = Project::create(&desk.path("careful"), &original, true, "officer", &hear).unwrap();
    deliver(&other, &ask("b", "sample", &[id(2)])).unwrap();
    let first = take(&other, &Wish::default()).unwrap();
    assert!(first.plan.is_some() && first.done.is_empty());
    approve(&other, "0001", "head").unwrap();
    let second = take(&other, &Wish::default()).unwrap();
    assert!(second.plan.is_none() && second.done[0].outcome.passed());
    whole(&project);
    whole(&other);
}
