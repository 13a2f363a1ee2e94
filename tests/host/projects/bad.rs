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

/// Nothing of a project is another than before, and what was said is one sentence.
#[track_caller]
fn unchanged(project: &Project, before: &[(PathBuf, Vec<u8>)], error: &unlearn::Error, says: &[&str]) {
    let text = error.to_string();
    assert!(says.iter().all(|word| text.contains(word)) && !text.contains('\n'), "{text}: expected {says:?}");
    assert_eq!(bytes(project), before, "{text}");
}

#[test]
fn a_store_that_is_newer_or_held_is_told_before_anything_is_written() {
    let desk = Desk::new();
    let project = project(&desk);
    deliver(&project, &line("a", "sample", &[id(1)])).unwrap();
    let held = rusqlite::Connection::open(project.store()).unwrap();
    // Who may still read it would find out only when the chain has gone on.
    held.execute_batch("BEGIN IMMEDIATE").unwrap();
    let before = bytes(&project);
    let error = deliver(&project, &line("b", "sample", &[id(2)])).unwrap_err();
    unchanged(&project, &before, &error, &["requests.db", "held by another process"]);
    held.execute_batch("ROLLBACK").unwrap();
    assert_eq!(deliver(&project, &line("b", "sample", &[id(2)])).unwrap().received, 1);
    held.execute_batch("PRAGMA user_version = 9").unwrap();
    let before = bytes(&project);
    let error = deliver(&project, &line("c", "sample", &[id(3)])).unwrap_err();
    unchanged(&project, &before, &error, &["requests.db", "newer version", "layout 9", "ledger rebuild"]);
}

#[test]
fn a_second_process_at_the_batches_is_refused() {
    let desk = Desk::new();
    let project = project(&desk);
    deliver(&project, &line("a", "sample", &[id(1)])).unwrap();
    planned(&project, &Wish::default());
    let hold = unlearn::run::hold::Hold::take(&project.folder.join("batches"), "requests run").unwrap();
    let before = bytes(&project);
    let error = run(&project, None, &how(), "officer").unwrap_err();
    unchanged(&project, &before, &error, &["requests run", &std::process::id().to_string()]);
    drop(hold);
    assert!(done(&project)[0].passed());
}

#[test]
fn a_delivery_of_a_million_requests_is_refused_as_a_whole() {
    let desk = Desk::new();
    let project = project(&desk);
    let before = bytes(&project);
    let million: String = (0..1_000_000).map(|n| line(&format!("r{n}"), "sample", &["x".to_owned()])).collect();
    let error = deliver(&project, &million).unwrap_err();
    unchanged(
        &project,
        &before,
        &error,
        &["delivery.jsonl has 1000000 requests", "divide it", "nothing of it was kept"],
    );
    let endless = std::io::repeat(b' ');
    let error = unlearn::run::requests::read_delivery(std::io::Read::take(endless, 1 << 31), Path::new("stdin"));
    unchanged(&project, &before, &error.unwrap_err(), &["stdin is longer than", "divide it"]);
}

/// As from a computer whose clock was ahead, and is right again.
#[test]
fn a_clock_that_went_back_is_noted_and_stops_nothing() {
    let desk = Desk::new();
    let project = project(&desk);
    let keys = Keys::open(&project.keys()).unwrap();
    let last = ledger::read(&project.ledger()).unwrap().entries.pop().unwrap();
    let mut entry = serde_json::json!({
        "seq": last.seq + 1, "at": "2199-01-01T00:00:00Z", "kind": "of.tomorrow", "body": {}, "prev": last.hash,
    });
    let hash = ledger::canonical::hash(&entry).unwrap();
    entry["signature"] = keys.sign(hash.as_bytes()).into();
    entry["hash"] = hash.into();
    let mut text = fs::read(project.ledger()).unwrap();
    text.extend(ledger::canonical::canonical(&entry).unwrap());
    text.push(b'\n');
    fs::write(project.ledger(), &text).unwrap();
    deliver(&project, &line("a", "sample", &[id(1)])).unwrap();
    assert!(done_with(&project, "a"));
    whole(&project);
    let verdict = check(&fs::read(project.ledger()).unwrap(), &[keys.public()], &Start::Whole);
    assert!(verdict.notes.iter().any(|note| note.contains("the clock went back")), "{:?}", verdict.notes);
}

fn done_with(project: &Project, request: &str) -> bool {
    planned(project, &Wish::default());
    done(project)[0].passed() && state(project, request) == "published"
}

/// A file system that takes nothing: mounted so in a namespace of its own, where the system allows that.
#[cfg(target_os = "linux")]
#[test]
fn a_read_only_file_system_is_told_and_can_be_read() {
    use std::process::Command;
    let desk = Desk::new();
    let project = project(&desk);
    deliver(&project, &line("a", "sample", &[id(1)])).unwrap();
    let folder = project.folder.display().to_string();
    let read_only = |words: &[&str]| {
        let mount = "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" || exit 77; exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", mount, &folder, env!("CARGO_BIN_EXE_unlearn")]).args(words);
        command.args(["--project", &folder]).output()
    };
    let file = desk.put("more.jsonl", line("b", "sample", &[id(2)]));
    let before = bytes(&project);
    match read_only(&["requests", "list"]) {
        Ok(list) if list.status.success() => assert!(String::from_utf8_lossy(&list.stdout).contains("validated")),
        other => return eprintln!("no file system can be mounted here: {other:?}"),
    }
    for words in [&["requests", "add", &file][..], &["requests", "plan"], &["requests", "run"], &["ledger", "rebuild"]]
    {
        let output = read_only(words).unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let sentences: Vec<&str> = text.lines().filter(|line| line.starts_with("error: ")).collect();
        assert!(!output.status.success() && sentences.len() == 1, "{words:?}: {text}");
        assert!(sentences[0].contains("Read-only file system"), "{words:?}: {text}");
        assert_eq!(bytes(&project), before, "{words:?}");
    }
}
