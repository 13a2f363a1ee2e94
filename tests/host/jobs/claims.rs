//! Who has a job: nobody twice, whoever is faster, and who is gone is known to be.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;
use std::sync::{Barrier, Mutex};
use std::time::{Duration, SystemTime};

use unlearn::run::jobs::{Claims, Patience, Seen, Who};

/// A process id that no process has: it is above what Linux gives.
const NOBODY: u32 = 4_194_305;

fn claims(folder: &Path) -> Claims {
    let patience = Patience { beat: Duration::from_millis(10), stale: Duration::from_secs(60) };
    Claims::new(folder, Who::me(None), patience).unwrap()
}

/// A claim as a process leaves it that is killed.
fn left(folder: &Path, name: &str, who: &Who) {
    fs::write(folder.join(name), serde_json::to_string(who).unwrap()).unwrap();
}

fn gone() -> Who {
    Who { pid: NOBODY, ..Who::me(Some(1)) }
}

fn far() -> Who {
    Who { host: "elsewhere".into(), ..Who::me(None) }
}

fn age(path: &Path, seconds: u64) {
    let then = SystemTime::now() - Duration::from_secs(seconds);
    File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
}

#[test]
fn a_job_is_never_had_twice() {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..60).map(|i| format!("{i:016x}")).collect();
    if cfg!(target_os = "linux") {
        names.iter().step_by(3).for_each(|name| left(dir.path(), &format!("{name}.0"), &gone()));
    }
    let (start, taken) = (Barrier::new(12), Mutex::new(HashMap::<&str, usize>::new()));
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                let (own, mut held) = (claims(dir.path()), Vec::new());
                for name in &names {
                    // All of them see it free, or left, before one takes it.
                    start.wait();
                    let seen = own.look(name).unwrap();
                    start.wait();
                    if let Some(claim) = own.take(name, &seen).unwrap() {
                        *taken.lock().unwrap().entry(name).or_default() += 1;
                        held.push(claim);
                    }
                }
                start.wait();
                held.into_iter().for_each(unlearn::run::jobs::Claim::finish);
            });
        }
    });
    let taken = taken.into_inner().unwrap();
    assert!(taken.len() == 60 && taken.values().all(|times| *times == 1), "{taken:?}");
}

#[test]
fn who_finds_it_left_too_late_does_not_get_it() {
    let dir = tempfile::tempdir().unwrap();
    left(dir.path(), "job.0", &far());
    age(&dir.path().join("job.0"), 100);
    let own = claims(dir.path());
    let seen = own.look("job").unwrap();
    assert!(matches!(&seen, Seen::Stale(held) if held.generation == 0), "{seen:?}");
    let first = own.take("job", &seen).unwrap().expect("it is free");
    assert_eq!(first.generation, 1);
    // What was seen before is old: the job is somebody's again, and even where that one has given it up by now.
    assert!(own.take("job", &seen).unwrap().is_none());
    assert!(first.is_mine());
    drop(first);
    assert!(own.take("job", &seen).unwrap().is_none());
    let now = own.look("job").unwrap();
    assert!(matches!(&now, Seen::Released(held) if held.generation == 1), "{now:?}");
    assert_eq!(own.take("job", &now).unwrap().expect("given up").generation, 2);
}

#[test]
fn a_holder_that_is_gone_is_known_to_be() {
    let dir = tempfile::tempdir().unwrap();
    let own = claims(dir.path());
    let look = |name: &str| own.look(name).unwrap();
    left(dir.path(), "alive.0", &Who::me(Some(2)));
    assert!(matches!(look("alive"), Seen::Busy(held) if held.who.rank == Some(2)));
    if cfg!(target_os = "linux") {
        left(dir.path(), "dead.0", &gone());
        assert!(matches!(look("dead"), Seen::Stale(_)), "a process of this machine that is not there, at once");
        let me = Who::me(None);
        let before = Who { started: me.started.replace(|c: char| c.is_ascii_digit(), "1"), ..me.clone() };
        left(dir.path(), "again.0", &Who { started: format!("{} 1", me.started.rsplit_once(' ').unwrap().0), ..me });
        assert!(matches!(look("again"), Seen::Stale(_)), "another process has the number now");
        // Numbers of another container say nothing here, however dead.
        left(dir.path(), "apart.0", &Who { pid: NOBODY, ..before });
        assert!(matches!(look("apart"), Seen::Busy(_)));
    }
    // Of another machine signs of life are all that is known.
    left(dir.path(), "far.0", &far());
    assert!(matches!(look("far"), Seen::Busy(_)));
    age(&dir.path().join("far.0"), 59);
    assert!(matches!(look("far"), Seen::Busy(_)));
    age(&dir.path().join("far.0"), 61);
    assert!(matches!(look("far"), Seen::Stale(_)));
    fs::write(dir.path().join("far.0.beat"), "7").unwrap();
    assert!(matches!(look("far"), Seen::Busy(_)), "a sign is later than the claim");
    // Killed between making the claim and writing it.
    fs::write(dir.path().join("empty.0"), "").unwrap();
    assert!(matches!(look("empty"), Seen::Busy(_)));
    age(&dir.path().join("empty.0"), 61);
    assert!(matches!(look("empty"), Seen::Stale(_)));
}

#[test]
fn a_claim_says_how_it_ended() {
    let dir = tempfile::tempdir().unwrap();
    let own = claims(dir.path());
    let take = |name: &str| own.take(name, &own.look(name).unwrap()).unwrap().expect("free");
    let claim = take("a");
    let sign = dir.path().join("a.0.beat");
    for _ in 0..500 {
        std::thread::sleep(Duration::from_millis(2));
        if sign.exists() {
            break;
        }
    }
    assert!(sign.exists(), "it gives signs of life");
    assert!(matches!(own.look("a").unwrap(), Seen::Busy(_)));
    claim.fail("it diverged");
    assert!(matches!(own.look("a").unwrap(), Seen::Failed(_, why) if why == "it diverged"));
    let count = fs::read(&sign).unwrap();
    std::thread::sleep(Duration::from_millis(40));
    assert_eq!(fs::read(&sign).unwrap(), count, "and none behind its end");
    drop(take("b"));
    assert!(matches!(own.look("b").unwrap(), Seen::Released(_)));
    let first = take("c");
    fs::write(dir.path().join("c.1"), "").unwrap();
    assert!(!first.is_mine(), "somebody has taken it over");
    let said = Claims::new(&dir.path().join("c.1/x"), Who::me(None), Patience::default()).err().unwrap().to_string();
    assert!(said.contains("cannot create"), "{said}");
}
