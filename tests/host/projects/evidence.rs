//! The evidence of a batch, gone on with from every state that a kill can leave.

use std::fs;

use unlearn::run::pack::{self, Anchors, zip_of};

use super::*;

/// A project whose first batch serves, and of whose evidence the ledger does not know yet; and its certificate's hash.
fn unproved(desk: &Desk) -> (Project<'static>, String) {
    let project = create(&desk.path("project"), &trained(desk, "original", ""));
    deliver(&project, &[line("a", "sample", &[id(1)]), line("b", "sample", &[id(2)])].concat()).unwrap();
    planned(&project, &Wish::default());
    let hash = finished(&project).remove(0).evidence.unwrap().certificate_sha256;
    back(&project);
    (project, hash)
}

/// Back to before the ledger was told of the evidence.
fn back(project: &Project) {
    let text = fs::read_to_string(project.ledger()).unwrap();
    let upto = text.lines().position(|line| line.contains("\"pack.issued\"")).unwrap();
    fs::write(project.ledger(), text.split_inclusive('\n').take(upto).collect::<String>()).unwrap();
    fs::remove_file(project.store()).unwrap();
    assert_eq!(state(project, "a"), "verified");
    assert!(serving(project).ends_with("batches/0001/run"), "the model serves before its evidence is there");
}

/// Goes on, to a pack that is whole and that the ledger knows: the hash of its certificate.
fn goes_on(project: &Project) -> String {
    let evidence = finished(project).remove(0).evidence.unwrap();
    for request in ["a", "b"] {
        let standing = project.view().unwrap().find(request).unwrap();
        assert_eq!(
            (standing.state.as_str(), standing.pack.as_ref()),
            ("published", Some(&evidence.certificate_sha256))
        );
    }
    let keys = Keys::open(&project.keys()).unwrap();
    let anchors = Anchors { key: Some(keys.public()), ledger: Some(project.ledger()), ..Anchors::default() };
    for pack in [&evidence.folder, &evidence.zip] {
        let checked = pack::check(pack, &anchors).unwrap();
        assert!(checked.whole, "{:?}", checked.findings);
        assert_eq!(checked.certificate_sha256, evidence.certificate_sha256);
        assert!(checked.notes.iter().any(|note| note.contains("tells of this pack")), "{:?}", checked.notes);
    }
    let names = crate::shared::binary::names(&project.batch("0001"));
    assert_eq!(names, ["evidence", "evidence.zip", "outcome.json", "plan.json", "run"]);
    whole(project);
    evidence.certificate_sha256
}

#[test]
fn evidence_that_was_half_written_is_written_anew_and_what_was_whole_is_taken() {
    let desk = Desk::new();
    let (project, first) = unproved(&desk);
    let folder = project.evidence("0001");
    // Killed before the ledger was told: it is told of what is there.
    assert_eq!(goes_on(&project), first);
    // The run knows of both copies of its weights, once.
    let noted = fs::read_to_string(project.batch("0001").join("run/exports.jsonl")).unwrap();
    assert_eq!(noted.matches("\"pack\"").count(), 2, "{noted}");
    let half = project.batch("0001").join(".evidence.new.4711");
    let gone =
        |path: &Path| if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() };
    let states: [&dyn Fn(); 6] = [
        &|| [folder.clone(), zip_of(&folder)].iter().for_each(|path| gone(path)),
        &|| gone(&folder),
        &|| fs::rename(&folder, &half).unwrap(),
        &|| fs::write(folder.join("certificate.json"), "{").unwrap(),
        &|| fs::write(folder.join("model.safetensors"), "other weights").unwrap(),
        &|| gone(&folder.join("replay.key")),
    ];
    for broken in states {
        back(&project);
        broken();
        goes_on(&project);
    }
}

#[test]
fn a_model_is_published_once_whatever_was_published_since() {
    let desk = Desk::new();
    let (project, _) = unproved(&desk);
    deliver(&project, &line("c", "sample", &[id(3)])).unwrap();
    assert_eq!(planned(&project, &Wish::default()).batch, "0002");
    let second = run(&project, Some("0002"), &how(), "officer").unwrap();
    assert!(second[0].outcome.passed());
    goes_on(&project);
    assert!(serving(&project).ends_with("batches/0002/run"), "what forgot less serves again");
    let entries = ledger::read(&project.ledger()).unwrap().entries;
    assert_eq!(entries.iter().filter(|entry| entry.kind == "model.published").count(), 3);
}

#[test]
fn evidence_that_cannot_be_written_is_told_and_waits() {
    let desk = Desk::new();
    let (project, _) = unproved(&desk);
    let folder = project.evidence("0001");
    fs::remove_dir_all(&folder).unwrap();
    // A run that says more than it did gets no pack.
    let info = project.batch("0001").join("run/forgotten.jsonl");
    let kept = fs::read(&info).unwrap();
    fs::write(&info, "").unwrap();
    run(&project, None, &how(), "officer").unwrap_err();
    assert!(SAID.lock().unwrap().contains("its evidence is still to be written"));
    assert_eq!(state(&project, "a"), "verified");
    // Without any.
    let none = run(&project, None, &How { pack: false, ..how() }, "officer").unwrap();
    assert!(none[0].evidence.is_none());
    assert_eq!(state(&project, "a"), "published");
    fs::write(&info, kept).unwrap();
    whole(&project);
}
