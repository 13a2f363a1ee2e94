//! Processes that are killed while they add, plan, run and publish. UNLEARN_KILLS sets how often; a few by default.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use unlearn::run::pack::{self, Anchors};

use super::*;

const FOLDER: &str = "UNLEARN_TEST_PROJECT";
/// Requests of the delivery that is made again after each kill.
const MANY: usize = 6;

/// What the killed process does: everything, as far as it comes.
#[test]
#[ignore = "a process for the test below"]
fn victim() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let project = open(Path::new(&folder));
    let text: String = (0..MANY).map(|n| line(&format!("r{n}"), "sample", &[id(n)])).collect();
    deliver(&project, &text).unwrap();
    loop {
        // Whatever was planned before the kill is done first.
        match run(&project, None, &how(), "officer") {
            Ok(_) => {}
            Err(e) if e.to_string().contains("no batch is planned") || e.to_string().contains("plan it again") => {
                let wish = Wish::default();
                match plan(&project, &wish, "officer") {
                    Ok(_) => {}
                    Err(e) if e.to_string().contains("no request waits") => return,
                    Err(e) => panic!("{e}"),
                }
            }
            Err(e) => panic!("{e}"),
        }
    }
}

/// Goes on to the end: every request is published once, and nothing of what it said is left.
fn finished(project: &Project) -> Vec<unlearn::ledger::Standing> {
    let output = start(&project.folder).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    whole(project);
    let view = project.view().unwrap();
    let requests = view.store.requests().unwrap();
    assert_eq!(requests.len(), MANY);
    for request in &requests {
        assert_eq!(request.state, "published");
        let steps = view.store.history(&request.request).unwrap();
        let count = |state: &str| steps.iter().filter(|step| step.state == state).count();
        assert_eq!((count("received"), count("published")), (1, 1), "{steps:?}");
        // One pack of its batch, whole, and known to the ledger once.
        let (batch, hash) = (request.batch.as_deref().unwrap(), request.pack.as_deref().unwrap());
        let anchors = Anchors { ledger: Some(project.ledger()), ..Anchors::default() };
        let checked = pack::check(&project.evidence(batch), &anchors).unwrap();
        assert!(checked.whole && checked.certificate_sha256 == hash, "{:?}", checked.findings);
        let zip = pack::check(&pack::zip_of(&project.evidence(batch)), &anchors).unwrap();
        assert!(zip.whole && zip.certificate_sha256 == hash, "{:?}", zip.findings);
    }
    let issued = ledger::read(&project.ledger()).unwrap().entries.into_iter().filter(|one| one.kind == "pack.issued");
    let batches: BTreeSet<_> = requests.iter().filter_map(|request| request.batch.clone()).collect();
    assert_eq!(issued.count(), batches.len());
    let hidden = files(&project.folder).into_iter().filter(|path| path.display().to_string().contains(".evidence."));
    assert_eq!(hidden.collect::<Vec<_>>(), Vec::<PathBuf>::new(), "nothing half made is left");
    let left = files(&project.folder).into_iter().filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.contains("request.jsonl") || path.parent().is_some_and(|folder| folder.ends_with("inbox"))
    });
    assert_eq!(left.collect::<Vec<_>>(), Vec::<PathBuf>::new(), "what requests said is dropped");
    requests
}

/// Files may not grow beyond so many blocks of 512 bytes, as on a full disk.
#[cfg(unix)]
#[test]
fn a_disk_that_is_full_at_any_write_loses_nothing() {
    let desk = Desk::new();
    let original = trained(&desk, "original", "");
    let project = create(&desk.path("project"), &original);
    for blocks in [1, 2, 3, 5, 8, 12, 16, 24, 32, 48, 64, 80, 96, 112, 128] {
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""), "sh"]);
        limited.arg(std::env::current_exe().unwrap()).args(VICTIM).env(FOLDER, &project.folder);
        let output = limited.output().unwrap();
        let text = std::fs::read(project.ledger()).unwrap();
        let keys = Keys::open(&project.keys()).unwrap();
        let faults = check(&text, &[keys.public()], &Start::Whole).faults;
        assert!(faults.is_empty(), "{blocks} blocks: {faults:?}");
        let view = project.view().unwrap_or_else(|e| panic!("{blocks} blocks: {e}: {output:?}"));
        assert!(unlearn::run::folder::RunFolder::new(&project.current(&view.store).unwrap()).open().is_ok());
    }
    finished(&project);
}

/// The victim alone.
const VICTIM: [&str; 4] = ["projects::kills::victim", "--exact", "--ignored", "--nocapture"];

fn start(folder: &Path) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(VICTIM).env(FOLDER, folder);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn nothing_is_lost_or_done_twice_by_processes_that_are_killed() {
    let kills: u64 = std::env::var("UNLEARN_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    let desk = Desk::new();
    let original = trained(&desk, "original", "");
    // How long it takes when nobody kills it.
    let untouched = create(&desk.path("untouched"), &original);
    let begin = Instant::now();
    assert!(start(&untouched.folder).wait().unwrap().success());
    let (all, model) = (begin.elapsed(), serving(&untouched));
    let model = std::fs::read(model.join("model.safetensors")).unwrap();
    let (mut done, mut round, mut after) = (0, 0, BTreeMap::<String, u64>::new());
    while done < kills {
        round += 1;
        let project = create(&desk.path(&format!("project{round}")), &original);
        for attempt in 0..6u64 {
            let mut child = start(&project.folder);
            // Spread over the whole of it, denser at the beginning.
            let share = (done * 37 + round * 13 + attempt * 11) % 100;
            std::thread::sleep(Duration::from_micros(all.as_micros() as u64 * share / 100));
            child.kill().unwrap();
            // One that had ended by itself was not killed.
            if child.wait().unwrap().code().is_some() {
                continue;
            }
            done += 1;
            let found = project.view().unwrap().find("r0").map_or("nothing".to_owned(), |one| one.state);
            *after.entry(found).or_insert(0) += 1;
            // Whoever reads sees a chain that holds and a model that is whole.
            let view = project.view().unwrap();
            let run = project.current(&view.store).unwrap();
            assert!(unlearn::run::folder::RunFolder::new(&run).open().is_ok());
            if done >= kills {
                break;
            }
        }
        let requests = finished(&project);
        if requests.iter().all(|request| request.batch == requests[0].batch) {
            let own = std::fs::read(serving(&project).join("model.safetensors")).unwrap();
            assert!(own == model, "the same batch gives the same bytes");
        }
    }
    eprintln!("{done} of {done} killed, {round} projects, where a request stood: {after:?}");
}
