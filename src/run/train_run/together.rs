//! Several trainings, ready to begin: those of one architecture and recipe as stacks, the others one by one. Either way
//! the files of each are those that it has alone.

use super::{Event, TrainJob, TrainOptions, stacked};
use crate::data::{Known, RecordKind};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::run::info::RunInfo;
use crate::train::stack;

/// Trains all of them and returns what each says of itself, in their order. `watch` is told whose training it is by
/// number; of a stack, by the first one's.
///
/// # Errors
/// As [`TrainJob::train`]; what is finished by then stays.
pub fn train_together(
    engine: &mut Engine,
    jobs: &[TrainJob],
    options: TrainOptions,
    watch: &mut dyn FnMut(usize, Event),
) -> Result<Vec<RunInfo>> {
    let mut infos: Vec<Option<RunInfo>> = vec![None; jobs.len()];
    for group in groups(jobs, options, &mut |number, why| {
        watch(number, Event::Told(&format!("trained by itself, for {why}")));
    }) {
        match group[..] {
            [one] => infos[one] = Some(jobs[one].train(engine, options, &mut |event| watch(one, event))?),
            _ => {
                let members: Vec<(usize, &TrainJob)> = group.iter().map(|number| (*number, &jobs[*number])).collect();
                for (number, info) in stacked::train(engine, &members, options, watch)? {
                    infos[number] = Some(info);
                }
            }
        }
    }
    infos.into_iter().map(|info| info.ok_or_else(|| Error::internal("a training without an end"))).collect()
}

/// Which trainings go into stacks together, each once; `alone` is told why one does not, where that is no matter of
/// what it is beside.
fn groups(jobs: &[TrainJob], options: TrainOptions, alone: &mut dyn FnMut(usize, &str)) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (number, job) in jobs.iter().enumerate() {
        let why = why_alone(job, options);
        if let (Some(why), true) = (&why, jobs.len() > 1) {
            alone(number, why);
        }
        let fits = |group: &&mut Vec<usize>| {
            let first = &jobs[group[0]];
            why_alone(first, options).is_none() && alike(first, job)
        };
        match groups.iter_mut().find(|group| why.is_none() && fits(group)) {
            Some(group) => group.push(number),
            None => groups.push(vec![number]),
        }
    }
    groups
}

/// Why a training is no part of a stack, whatever there is beside it.
fn why_alone(job: &TrainJob, options: TrainOptions) -> Option<String> {
    let train = &job.config.train;
    let scored = match job.data.training().known() {
        Known::Rows { validation, .. } => !validation.is_empty(),
        Known::Nodes(seen) | Known::Graphs(seen, _) => !seen.validation.is_empty(),
        Known::Links(..) => true,
    };
    let whys = [
        (options.ranks.is_some(), "several processes train it"),
        (job.longer.is_some(), "it goes on from a shorter training"),
        (train.checkpoint_steps > 0, "train.checkpoint_steps asks for checkpoints within epochs"),
        (train.ema > 0.0 && scored, "train.ema has its average scored after each epoch"),
        (job.data.kind() == RecordKind::Link, "its records are links, whose validation is of pairs"),
    ];
    let known = stack::unknown(train).map(|(key, _)| format!("a stack does not know {key}"));
    known.or_else(|| whys.iter().find(|(holds, _)| *holds).map(|(_, why)| (*why).to_owned()))
}

/// Whether two trainings have one network and recipe, and records that lie beside one another.
fn alike(a: &TrainJob, b: &TrainJob) -> bool {
    let same = a.data_sha256 == b.data_sha256;
    let rows = [a, b].iter().all(|job| job.data.kind() == RecordKind::Row);
    let targets = |job: &TrainJob| job.data.train.targets.as_ref().map(|table| (table.kind, table.width));
    let beside = rows && a.data.shape == b.data.shape && targets(a) == targets(b);
    (same || beside) && a.config.train == b.config.train && a.model.config() == b.model.config()
}
