//! Every loader and every document that the program reads, over damaged copies of good files: no panic, no internal
//! error, nothing that takes more than 20 seconds. `UNLEARN_FUZZ=100000 cargo test --test host fuzz::` runs so many
//! executions of each target (from `UNLEARN_FUZZ_SEED` on), with a look at the memory.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

mod mutate;
mod seeds;

use mutate::{Rng, mutate};

/// Executions of a target in the normal suite.
const FEW: u64 = 60;
/// Of one execution; a build that is not optimised takes three times as long.
const LONGEST: Duration = Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 20 });
/// Of the whole process, where the executions are many.
const MOST_MEMORY_KB: u64 = 2 << 20;

/// A file, and what makes the damaged content into a file again: a checksum mended, a layer of packing around it.
type File = (&'static str, Vec<u8>, fn(&[u8]) -> Vec<u8>);

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs `read` over damaged copies of `files`, one of which is damaged at a time.
fn fuzz(target: &str, files: &[File], read: impl Fn(&Path) -> unlearn::Result<()>) {
    let dir = TempDir::new().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    files.iter().for_each(|(name, bytes, pack)| write(name, &pack(bytes)));
    if let Err(error) = read(dir.path()) {
        panic!("{target}: the undamaged files are refused: {error}");
    }
    let (runs, first) = (number("UNLEARN_FUZZ", FEW), number("UNLEARN_FUZZ_SEED", 0));
    let alive = Arc::new(AtomicU64::new(0));
    watch(target, &alive);
    let _ended = Ended(alive.clone());
    let salt = target.bytes().fold(0u64, |salt, byte| salt.wrapping_mul(31).wrapping_add(u64::from(byte)));
    for run in first..first + runs {
        let mut rng = Rng(salt ^ run.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let (name, bytes, pack) = &files[rng.below(files.len())];
        let mut damaged = pack(&mutate(bytes, &mut rng));
        if rng.below(8) == 0 {
            damaged = mutate(&damaged, &mut rng);
        }
        write(name, &damaged);
        alive.store(run + 1, Ordering::Relaxed);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read(dir.path())));
        match outcome {
            Err(_) => panic!("{target}, run {run}: a panic on {name}"),
            Ok(Err(error)) => assert_eq!(error.exit_code(), 2, "{target}, run {run}: {error}"),
            Ok(Ok(())) => {}
        }
        write(name, &pack(bytes));
    }
    if runs > FEW {
        memory(target);
    }
}

/// Tells the watch, after a panic too, that nothing more will come.
struct Ended(Arc<AtomicU64>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.store(u64::MAX, Ordering::Relaxed);
    }
}

/// Ends the process when one execution takes too long.
fn watch(target: &str, alive: &Arc<AtomicU64>) {
    let (target, alive) = (target.to_owned(), alive.clone());
    std::thread::spawn(move || {
        let (mut last, mut since) = (0, Instant::now());
        while last != u64::MAX {
            std::thread::sleep(Duration::from_millis(200));
            let now = alive.load(Ordering::Relaxed);
            if now != last {
                (last, since) = (now, Instant::now());
            }
            if last != u64::MAX && since.elapsed() > LONGEST {
                // Past the capture of the tests' output, which ends with the process.
                let said = format!("{target}, run {}: takes more than {LONGEST:?}\n", last.saturating_sub(1));
                std::io::stderr().write_all(said.as_bytes()).ok();
                std::process::abort();
            }
        }
    });
}

/// The most that the process has held, where the system tells.
fn memory(target: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let most = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0);
    assert!(most < MOST_MEMORY_KB, "{target}: the process has held {most} kB");
}
