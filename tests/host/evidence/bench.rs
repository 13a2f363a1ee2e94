//! A small table, a run on it and requests, on the twins.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use unlearn::engine::Engine;
use unlearn::run::config::Loaded;
use unlearn::run::forget_run::ForgetJob;
use unlearn::run::info::RunInfo;
use unlearn::run::train_run::{Event, TrainJob, TrainOptions};

pub struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// Forty customers of two kinds, and two requests for a few of them.
    pub fn new() -> Bench {
        let bench = Bench { folder: tempfile::tempdir().unwrap() };
        let mut csv = "a,b,y\n".to_owned();
        for i in 0..40 {
            let (kind, turn) = (i % 2, f64::from(i) * 0.7);
            csv +=
                &format!("{:.3},{:.3},{}\n", f64::from(kind) * 3.0 + turn.sin(), turn.cos(), ["p", "q"][kind as usize]);
        }
        bench.put("data.csv", &csv);
        bench.put("one.jsonl", "{\"request_id\":\"r1\",\"kind\":\"sample\",\"ids\":[3,5]}\n");
        bench.put("two.jsonl", "{\"request_id\":\"r2\",\"kind\":\"sample\",\"ids\":[7]}\n");
        bench.put("c.toml", &config("0.3"));
        bench
    }

    /// With a run that was trained, in `run`.
    pub fn trained() -> Bench {
        let bench = Bench::new();
        bench.train("c.toml", "run").unwrap();
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn put(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    pub fn train(&self, config: &str, out: &str) -> unlearn::Result<RunInfo> {
        self.train_on(config, out, false, false)
    }

    /// `stopped`: asked to stop behind its first epoch, which leaves a checkpoint.
    pub fn train_on(&self, config: &str, out: &str, stopped: bool, resume: bool) -> unlearn::Result<RunInfo> {
        let loaded = Loaded::read(&self.path(config), &[], None)?;
        let job = TrainJob::prepare(loaded, &self.path(out), resume)?.expect("a run that is not finished");
        let interrupted = AtomicBool::new(false);
        let options = TrainOptions {
            resume,
            keep_checkpoint: false,
            check_finite: false,
            interrupted: &interrupted,
            ranks: None,
        };
        job.train(&mut Engine::reference(), options, &mut |event| {
            if stopped && matches!(event, Event::Epoch(_)) {
                interrupted.store(true, Ordering::Relaxed);
            }
        })
    }

    pub fn forget(&self, run: &str, request: &str, method: &str, settings: &str, out: &str) -> RunInfo {
        self.forget_with(run, request, (method, settings), out, None).unwrap()
    }

    pub fn forget_with(
        &self,
        run: &str,
        request: &str,
        (method, settings): (&str, &str),
        out: &str,
        seed: Option<u64>,
    ) -> unlearn::Result<RunInfo> {
        let settings = settings.parse().unwrap();
        let (run, request, out) = (self.path(run), self.path(request), self.path(out));
        ForgetJob::prepare(&run, &request, method, settings, &out)?.forget(&mut Engine::reference(), seed, false)
    }

    pub fn copy(&self, from: &str, to: &str) {
        copy(&self.path(from), &self.path(to));
    }
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

pub fn config(lr: &str) -> String {
    format!(
        "seed = 3\n[data]\nloader = \"csv\"\npath = \"data.csv\"\nlabel = \"y\"\nnormalize = \"none\"\n[model]\n\
         [[model.layers]]\ntype = \"linear\"\nname = \"fc\"\n[train]\nlr = {lr}\nepochs = 6\nbatch_size = 8\n"
    )
}

/// An error of exit code 2 that says all of this.
#[track_caller]
pub fn refused<T>(outcome: unlearn::Result<T>, says: &[&str]) -> String {
    let Err(error) = outcome else { panic!("this must be refused: {says:?}") };
    let said = error.to_string();
    assert_eq!(error.exit_code(), 2, "{said}");
    assert!(says.iter().all(|word| said.contains(word)), "{said}: expected {says:?}");
    said
}

/// Words of 64 hexadecimal digits.
pub fn hashes(said: &str) -> usize {
    let words = said.split(|c: char| !c.is_ascii_hexdigit());
    words.filter(|word| word.len() == 64).count()
}
