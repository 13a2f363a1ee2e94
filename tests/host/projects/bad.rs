//! Folders, files and clocks that are not as they should be: one sentence each, and nothing changed.

use std::fs;

use super::*;

fn project(desk: &Desk) -> Project<'static> {
    create(&desk.path("project"), &trained(desk, "original", ""))
}

/// The bytes of everything that counts.
fn bytes(project: &Project) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all: Vec<_> =
        files(&project.folder).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    all.sort();
    all
}

#[test]
fn what_is_no_request_changes_nothing() {
    let desk = Desk::new();
    let project = project(&desk);
    deliver(&project, &line("a", "sample", &[id(1)])).unwrap();
    let before = bytes(&project);
    let one = line("b", "sample", &[id(2)]);
    for (text, says) in [
        (format!("{one}{{\"request_id\":\"c\"}}\n"), "line 2"),
        (format!("{one}not json\n"), "line 2"),
        (one.replace("2026-11-03", "yesterday"), "is no time"),
        (one.replace("2026-11-03", "2999-01-01"), "is to come"),
        (one.replace("\"ids\":[\"", "\"fraction\":0.5,\"ids\":[\""), "belong to experiments"),
        (format!("{one}{one}"), "was used before"),
        (String::new(), "holds no request"),
    ] {
        let error = deliver(&project, &text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
        assert_eq!(bytes(&project), before, "{text}");
    }
    assert!(
        Project::create(&project.folder, &desk.path("original"), false, "x", &hear)
            .is_err_and(|e| e.to_string().contains("already"))
    );
    assert!(
        Project::open(desk.path("nowhere").as_path(), &hear).is_err_and(|e| e.to_string().contains("requests init"))
    );
}

#[test]
fn a_store_that_is_damaged_lost_or_behind_is_made_from_the_chain() {
    let desk = Desk::new();
    let project = project(&desk);
    deliver(&project, &line("a", "sample", &[id(1)])).unwrap();
    let behind = fs::read(project.store()).unwrap();
    deliver(&project, &line("b", "sample", &[id(2)])).unwrap();
    // Behind: a reader sees all of it, and the next writer takes it over.
    fs::write(project.store(), &behind).unwrap();
    assert_eq!(state(&project, "b"), "validated");
    deliver(&project, &line("c", "sample", &[id(3)])).unwrap();
    whole(&project);
    fs::remove_file(project.store()).unwrap();
    assert_eq!(state(&project, "b"), "validated");
    deliver(&project, &line("d", "sample", &[id(4)])).unwrap();
    whole(&project);
    fs::write(project.store(), "no database, but long enough to be looked at as if it were one").unwrap();
    let error = deliver(&project, &line("e", "sample", &[id(5)])).unwrap_err();
    assert!(error.to_string().contains("unlearn ledger rebuild"), "{error}");
}

#[test]
fn an_older_chain_in_the_place_of_a_newer_is_told() {
    let desk = Desk::new();
    let project = project(&desk);
    deliver(&project, &line("a", "sample", &[id(1)])).unwrap();
    let older = fs::read(project.ledger()).unwrap();
    deliver(&project, &line("b", "sample", &[id(2)])).unwrap();
    fs::write(project.ledger(), older).unwrap();
    let error = deliver(&project, &line("c", "sample", &[id(3)])).unwrap_err();
    assert!(error.to_string().contains("an older ledger may have been put"), "{error}");
}

#[test]
fn a_torn_line_is_cut_off_with_a_word() {
    let desk = Desk::new();
    let project = project(&desk);
    deliver(&project, &line("a", "sample", &[id(1)])).unwrap();
    let mut text = fs::read(project.ledger()).unwrap();
    text.extend(b"{\"at\":\"2026-");
    fs::write(project.ledger(), text).unwrap();
    deliver(&project, &line("b", "sample", &[id(2)])).unwrap();
    assert!(SAID.lock().unwrap().contains("was cut off"));
    whole(&project);
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_closed_to_writers_can_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let project = project(&desk);
    deliver(&project, &line("a", "sample", &[id(1)])).unwrap();
    let close = |mode| fs::set_permissions(&project.folder, fs::Permissions::from_mode(mode)).unwrap();
    close(0o500);
    // The superuser writes all the same.
    let writes = fs::write(project.folder.join("probe"), "").is_ok();
    let added = deliver(&project, &line("b", "sample", &[id(2)]));
    let seen = project.view().map(|view| view.store.requests().unwrap().len());
    close(0o700);
    assert!(writes || added.is_err());
    assert!(seen.unwrap() >= 1);
}

#[test]
fn two_writers_take_turns_and_nothing_is_lost() {
    let desk = Desk::new();
    let project = project(&desk);
    let folder = project.folder.clone();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let folder = &folder;
            scope.spawn(move || {
                let own = open(folder);
                for n in 0..5 {
                    deliver(&own, &line(&format!("w{writer}-{n}"), "sample", &[id(writer * 5 + n)])).unwrap();
                }
            });
        }
    });
    assert_eq!(project.view().unwrap().store.requests().unwrap().len(), 20);
    whole(&project);
}
