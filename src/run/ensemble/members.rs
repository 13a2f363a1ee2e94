//! The one place where the members of an ensemble are trained: one after another, each a training of its own.

use crate::engine::Engine;
use crate::error::Result;
use crate::run::config::Loaded;
use crate::run::evidence::Marks;
use crate::run::folder::RunFolder;
use crate::run::info::RunInfo;
use crate::run::train_run::{Event, TrainJob, TrainOptions};

/// Trains the members of the configuration `loaded` in the folder of an ensemble, but for those that are finished;
/// returns what each says of itself. The bytes of a member are those that it has alone.
///
/// # Errors
/// What a training refuses; an interruption, after which the members before it are finished.
pub fn train_members(
    engine: &mut Engine,
    loaded: &Loaded,
    (folder, count): (&RunFolder, usize),
    (options, marks): (TrainOptions, &Marks),
    watch: &mut dyn FnMut(usize, Event),
) -> Result<Vec<RunInfo>> {
    let mut all = Vec::new();
    for index in 0..count {
        let member = folder.member(index);
        let prepared = TrainJob::prepare(loaded.member(index), &member.path, options.resume)?;
        let info = match prepared {
            Some(mut job) => {
                job.marks = marks.clone();
                job.train(engine, options, &mut |event| watch(index, event))?
            }
            None => {
                member.tidy(options.keep_checkpoint);
                member.read_info()?
            }
        };
        all.push(info);
    }
    Ok(all)
}
