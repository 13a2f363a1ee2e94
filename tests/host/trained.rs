//! A training on the reference engine, with which most tests of runs begin.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use unlearn::engine::Engine;
use unlearn::run::config::Loaded;
use unlearn::run::info::RunInfo;
use unlearn::run::train_run::{TrainJob, TrainOptions};

/// Trains what a configuration file says, to its end.
pub fn on_twins(config: &Path, out: &Path) -> unlearn::Result<RunInfo> {
    let job = TrainJob::prepare(Loaded::read(config, &[], None)?, out, false)?.expect("not finished");
    let interrupted = AtomicBool::new(false);
    let options = TrainOptions {
        resume: false,
        keep_checkpoint: false,
        check_finite: false,
        interrupted: &interrupted,
        ranks: None,
    };
    job.train(&mut Engine::reference(), options, &mut |_| {})
}
