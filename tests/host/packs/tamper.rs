//! Each way of changing a pack is caught and named.

use std::fs;

use unlearn::ledger::{Head, Keys};
use unlearn::run::pack::{Anchors, Checked, check};

use super::made::{Files, Project, files, judge, put};
use super::table::{BY_INSIDERS, BY_STRANGERS};
use crate::evidence::bench::Bench;

pub struct Stage {
    pub project: Project,
    /// Of another request, by the same key.
    pub other: Files,
    /// Keys of somebody else.
    pub stranger: Keys,
    clean: Files,
    /// The ledger before the pack was made.
    young: Vec<u8>,
}

fn stage() -> Stage {
    let bench = Bench::trained();
    bench.forget("run", "one.jsonl", "finetune", "epochs = 1", "forgot");
    bench.forget("run", "two.jsonl", "retrain", "", "other");
    judge(&bench, "forgot");
    let project = Project::new(bench);
    project.pack("other", "other-pack");
    let young = fs::read(project.ledger()).unwrap();
    project.pack("forgot", "pack");
    let (clean, other) = (files(&project.bench.path("pack")), files(&project.bench.path("other-pack")));
    let stranger = Keys::create(&project.bench.path("stranger")).unwrap();
    Stage { project, other, stranger, clean, young }
}

impl Stage {
    fn check(&self, files: &Files, anchors: &Anchors) -> unlearn::Result<Checked> {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), files);
        check(folder.path(), anchors)
    }

    fn anchors(&self) -> Anchors {
        let entries = self.project.entries();
        let heads = vec![entries[2].head(), entries[4].head()];
        Anchors { key: Some(self.project.keys.public()), heads, ledger: Some(self.project.ledger()) }
    }
}

#[track_caller]
fn named(stage: &Stage, what: &str, changed: &Files, anchors: &Anchors, says: &str) {
    let said = match stage.check(changed, anchors) {
        Err(e) => {
            assert_eq!(e.exit_code(), 2, "{what}: {e}");
            vec![e.to_string()]
        }
        Ok(checked) => {
            assert_eq!(checked.whole, checked.findings.is_empty());
            checked.findings.iter().map(|finding| format!("{}: {}", finding.what, finding.says)).collect()
        }
    };
    assert!(said.iter().any(|line| line.contains(says)), "{what}: expected `{says}` in {said:#?}");
}

#[test]
fn whatever_is_changed_in_a_pack_is_caught_and_named_and_a_clean_one_passes() {
    let stage = stage();
    for anchors in [Anchors::default(), stage.anchors()] {
        let checked = stage.check(&stage.clean, &anchors).unwrap();
        assert_eq!(checked.findings, [], "{:#?}", checked.notes);
        assert!(stage.check(&stage.other, &anchors).unwrap().whole);
        let zip = check(&stage.project.bench.path("pack.zip"), &anchors).unwrap();
        assert!(zip.whole && zip.certificate == checked.certificate, "{:#?}", zip.findings);
    }
    let notes = stage.check(&stage.clean, &stage.anchors()).unwrap().notes.join("\n");
    for note in [
        "signed by the key that was given",
        "tells of this pack",
        "that this model was published",
        "the head 3 is in it",
    ] {
        assert!(notes.contains(note), "{note}: {notes}");
    }
    assert!(BY_STRANGERS.len() + BY_INSIDERS.len() >= 60);
    for (what, edit, says) in BY_STRANGERS.iter().chain(BY_INSIDERS) {
        let mut changed = stage.clean.clone();
        edit(&mut changed, &stage);
        assert_ne!(changed, stage.clean, "{what} changes nothing");
        named(&stage, what, &changed, &Anchors::default(), says);
    }
}

#[test]
fn what_was_kept_elsewhere_tells_of_a_history_that_was_written_anew() {
    let stage = stage();
    let anchors = |key, heads, ledger| Anchors { key, heads, ledger };
    let stranger = anchors(Some(stage.stranger.public()), vec![], None);
    named(&stage, "another key than the known one", &stage.clean, &stranger, "--key is");
    let head = Head { seq: stage.project.entries()[3].seq, hash: "0".repeat(64) };
    let other = anchors(None, vec![head], None);
    named(&stage, "another entry than the kept one", &stage.clean, &other, "another than the one whose head was kept");
    // The ledger was put back to what it was before the pack.
    let old = stage.project.bench.path("old.jsonl");
    fs::write(&old, &stage.young).unwrap();
    named(
        &stage,
        "an older ledger",
        &stage.clean,
        &anchors(None, vec![], Some(old)),
        "an older chain was put in its place",
    );
    // Somebody with the key wrote everything anew, from the first entry on: only what was kept elsewhere can tell.
    let fresh = Project::new(Bench::trained());
    fresh.bench.forget("run", "one.jsonl", "finetune", "epochs = 1", "forgot");
    fresh.pack("forgot", "pack");
    let anew = files(&fresh.bench.path("pack"));
    assert!(stage.check(&anew, &Anchors::default()).unwrap().whole);
    named(&stage, "a history written anew", &anew, &stage.anchors(), "--key is");
}

/// Every byte of every file counts.
#[test]
fn no_byte_of_a_pack_can_be_changed() {
    let stage = stage();
    for (name, bytes) in &stage.clean {
        for at in (0..bytes.len()).step_by(1 + bytes.len() / 23) {
            let mut changed = stage.clean.clone();
            changed.get_mut(name).unwrap()[at] ^= 1 << (at % 7);
            let whole = stage.check(&changed, &Anchors::default()).is_ok_and(|checked| checked.whole);
            assert!(!whole, "byte {at} of {name}");
        }
    }
}
