//! The one place where the members of an ensemble are trained, each a training of its own.

use crate::data::free_memory;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::run::config::Loaded;
use crate::run::evidence::Marks;
use crate::run::folder::RunFolder;
use crate::run::info::RunInfo;
use crate::run::train_run::{Event, TrainJob, TrainOptions, train_together};

/// Trains the members of the configuration `loaded` in the folder of an ensemble, but for those that are finished;
/// returns what each says of itself. They are trained in stacks where their networks, recipes and records allow it,
/// unless they are to be trained `one_by_one`: the bytes of a member are those that it has alone.
///
/// # Errors
/// What a training refuses; an interruption, after which what is finished stays and the others go on.
pub fn train_members(
    engine: &mut Engine,
    loaded: &Loaded,
    (folder, count): (&RunFolder, usize),
    (options, marks, one_by_one): (TrainOptions, &Marks, bool),
    watch: &mut dyn FnMut(usize, Event),
) -> Result<Vec<RunInfo>> {
    let mut all: Vec<Option<RunInfo>> = vec![None; count];
    let mut next = 0;
    while next < count {
        let (mut jobs, mut numbers, mut room) = (Vec::new(), Vec::new(), free_memory() / 2);
        while next < count && room > 0 {
            let member = folder.member(next);
            match TrainJob::prepare(loaded.member(next), &member.path, options.resume)? {
                Some(mut job) => {
                    job.marks = marks.clone();
                    // Once as they were loaded, and once beside the others'.
                    room = if one_by_one { 0 } else { room.saturating_sub(2 * job.host_bytes()) };
                    jobs.push(job);
                    numbers.push(next);
                }
                None => {
                    member.tidy(options.keep_checkpoint);
                    all[next] = Some(member.read_info()?);
                }
            }
            next += 1;
        }
        if next < count && !one_by_one {
            let told = format!("the host's memory holds the records of {} members at once", jobs.len());
            numbers.first().iter().for_each(|first| watch(**first, Event::Told(&told)));
        }
        let made = train_together(engine, &jobs, options, &mut |at, event| watch(numbers[at], event))?;
        numbers.into_iter().zip(made).for_each(|(number, info)| all[number] = Some(info));
    }
    all.into_iter().map(|info| info.ok_or_else(|| Error::internal("a member without an end"))).collect()
}
