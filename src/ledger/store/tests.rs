//! The store beside the chain.

use super::*;
use crate::ledger::state::State;
use crate::ledger::{Chain, Keys};
use serde_json::json;

fn received(request: &str) -> (String, serde_json::Value) {
    let body = json!({"request": request, "actor": "a", "digest": "d", "kinds": "sample", "ids": 2,
        "received_at": "2026-11-01T00:00:00Z", "due_at": "2026-12-01T00:00:00Z"});
    (State::Received.kind(), body)
}

fn step(state: State, request: &str) -> (String, serde_json::Value) {
    (state.kind(), json!({"request": request, "actor": "b", "batch": "0001", "found": 3}))
}

#[test]
fn a_store_is_what_the_chain_says_however_it_came_about() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::create(&dir.path().join("keys")).unwrap();
    let mut chain = Chain::create(&dir.path().join("l"), &keys, json!({})).unwrap();
    let path = dir.path().join(STORE);
    let store = Store::open(&path).unwrap();
    let plan = ("batch.planned".to_owned(), json!({"batch": "0001", "actor": "a", "plan": {"method": "retrain"}}));
    let model = ("model.published".to_owned(), json!({"batch": "0001", "run_sha256": "r", "model_sha256": "m"}));
    for item in [
        received("x"),
        received("y"),
        step(State::Validated, "x"),
        plan,
        step(State::Planned, "x"),
        step(State::Running, "x"),
        step(State::Verified, "x"),
        model,
        ("pack.issued".to_owned(), json!({"batch": "0001", "certificate_sha256": "c"})),
        step(State::Published, "x"),
        ("pack.issued".to_owned(), json!({"certificate_sha256": "by hand"})),
        ("request.questioned".to_owned(), json!({"request": "y", "why": "unknown"})),
        ("request.extended".to_owned(), json!({"request": "y", "due_at": "2027-02-01T00:00:00Z", "reason": "complex"})),
        ("of.tomorrow".to_owned(), json!({})),
    ] {
        chain.append_all([item]).unwrap();
        store.follow(chain.entries()).unwrap();
    }
    let whole = Store::of(chain.entries()).unwrap();
    assert_eq!(store.dump().unwrap(), whole.dump().unwrap());
    let x = store.find("x").unwrap().unwrap();
    assert_eq!((x.state.as_str(), x.pack.as_deref()), ("published", Some("c")));
    assert!(store.was_published("0001").unwrap() && !store.was_published("0002").unwrap());
    assert_eq!(store.history("x").unwrap().len(), 6);
    let y = store.find("y").unwrap().unwrap();
    assert_eq!((y.due_at.as_str(), y.question.as_deref()), ("2027-02-01T00:00:00Z", Some("unknown")));
    assert_eq!(store.due_before("2027-02-01T00:00:00Z").unwrap(), [y]);
    assert_eq!(store.published().unwrap().unwrap().batch.as_deref(), Some("0001"));
    assert_eq!(store.plan("0001").unwrap().unwrap()["method"], "retrain");
    drop(store);
    // Of an earlier version: a reader asks the chain, a writer makes it anew.
    let earlier = "DROP TABLE models; CREATE TABLE models (of TEXT); PRAGMA user_version = 1;";
    Store::open(&path).unwrap().open.execute_batch(earlier).unwrap();
    assert!(Store::read(&path).unwrap().is_none());
    let store = Store::open(&path).unwrap();
    store.follow(chain.entries()).unwrap();
    assert_eq!(store.dump().unwrap(), whole.dump().unwrap());
    drop(store);
    // Damaged, and made anew.
    fs::write(&path, b"no database, but long enough to be looked at as one, surely").unwrap();
    assert!(Store::open(&path).unwrap_err().to_string().contains("ledger rebuild"));
    assert_eq!(Store::rebuild(&path, chain.entries()).unwrap().dump().unwrap(), whole.dump().unwrap());
    assert_eq!(Store::read(&path).unwrap().unwrap().dump().unwrap(), whole.dump().unwrap());
    // An older chain in its place.
    let error = Store::open(&path).unwrap().follow(&chain.entries()[..4]).unwrap_err();
    assert!(error.to_string().contains("older ledger"), "{error}");
    Store::open(&path).unwrap().open.execute_batch("PRAGMA user_version = 9").unwrap();
    assert!(Store::open(&path).unwrap_err().to_string().contains("newer version"));
}

#[test]
fn what_cannot_be_is_no_state_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::create(&dir.path().join("keys")).unwrap();
    for (at, bad) in [step(State::Validated, "y"), received("x"), step(State::Published, "x")].into_iter().enumerate() {
        let mut chain = Chain::create(&dir.path().join(at.to_string()), &keys, json!({})).unwrap();
        chain.append_all([received("x")]).unwrap();
        let store = Store::of(chain.entries()).unwrap();
        let before = store.dump().unwrap();
        chain.append_all([step(State::Validated, "x"), bad]).unwrap();
        let error = store.follow(chain.entries()).unwrap_err();
        assert!(error.to_string().contains("entry 4 of the ledger"), "{error}");
        assert_eq!(store.dump().unwrap(), before);
    }
}

#[test]
fn a_store_that_another_holds_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::create(&dir.path().join("keys")).unwrap();
    let chain = Chain::create(&dir.path().join("l"), &keys, json!({})).unwrap();
    let path = dir.path().join(STORE);
    let (one, other) = (Store::open(&path).unwrap(), Store::open(&path).unwrap());
    one.open.execute_batch("BEGIN EXCLUSIVE").unwrap();
    other.open.busy_timeout(Duration::ZERO).unwrap();
    let error = other.follow(chain.entries()).unwrap_err();
    assert!(error.to_string().contains("held by another process"), "{error}");
}
