//! Trains and reads many models of one recipe: as stacks where the recipe allows it, else one after another.

use super::Subjects;
use super::pool::Pool;
use super::roster::Roster;
use crate::data::{Deletion, Samples};
use crate::engine::Engine;
use crate::error::Result;
use crate::nn::Model;
use crate::records::{Records, Session, Source};
use crate::run::folder::Opened;
use crate::statistics;
use crate::train::stack::{Job, fit_many, unknown};
use crate::train::{Term, TrainConfig, fit_to_end};

/// What all of them have in common.
#[derive(Clone, Copy)]
pub(super) struct Recipe<'a> {
    pub model: &'a Model,
    /// What they may be trained on.
    pub pool: &'a Pool,
    pub validation: &'a Samples,
    /// What training does not see of a graph.
    pub deletion: Option<&'a Deletion>,
    /// What is not there where they are asked about: forgotten nodes can only be asked about where they are.
    pub hidden: Option<&'a Deletion>,
    pub config: &'a TrainConfig,
    /// What training begins with, where it is no fresh draw.
    pub base: Option<&'a [f32]>,
}

/// One of them.
pub(super) struct Pupil<'a> {
    /// Places in the pool.
    pub records: Vec<u32>,
    pub seed: u64,
    /// What it begins with in the place of the recipe's.
    pub start: Option<&'a [f32]>,
}

/// Models that are read at once at most.
const READ: usize = 32;

impl<'a> Recipe<'a> {
    /// That of the run before forgetting, for models that are given what they begin with.
    pub fn of(subjects: &'a Subjects, roster: &Roster, pool: &'a Pool) -> Recipe<'a> {
        let original = &subjects.original;
        Recipe {
            model: &original.model,
            pool,
            validation: &original.data.validation,
            deletion: None,
            hidden: roster.hidden(&subjects.target),
            config: &original.config.train,
            base: None,
        }
    }

    /// Why they cannot be trained as stacks; none where they can.
    pub fn alone(&self) -> Option<String> {
        unknown(self.config).map(|(key, mend)| format!("models in a stack do not take {key}: {mend}, or leave it out"))
    }

    /// The weights that each ends with.
    ///
    /// # Errors
    /// A loss that is not finite; a lost device.
    pub fn train(&self, engine: &mut Engine, pupils: &[Pupil]) -> Result<Vec<Vec<f32>>> {
        let start = |pupil: &Pupil| {
            let given = pupil.start.or(self.base).map(<[f32]>::to_vec);
            given.unwrap_or_else(|| self.model.init(pupil.seed))
        };
        let starts: Vec<Vec<f32>> = pupils.iter().map(start).collect();
        let training = || self.pool.training(self.validation);
        if self.alone().is_none() {
            let pairs = pupils.iter().zip(&starts);
            let jobs: Vec<Job> = pairs.map(|(pupil, start)| Job::new(&pupil.records, pupil.seed, start)).collect();
            let source = Source::new(training(), self.deletion);
            let trained = fit_many(engine, self.model, &source, self.config, &jobs, |_, _| Ok(()))?;
            return Ok(trained.into_iter().map(|one| one.theta).collect());
        }
        let one = |(pupil, start): (&Pupil, &Vec<f32>)| {
            let mut session =
                Session::of(engine, self.model, training(), self.deletion, start)?.trained_for(self.config)?;
            let terms = [Term { records: Records::train(&pupil.records), weight: 1.0 }];
            fit_to_end(&mut session, self.config, pupil.seed, &terms)?;
            session.read_theta()
        };
        pupils.iter().zip(&starts).map(one).collect()
    }

    /// The logits [asked, outputs] of each model.
    ///
    /// # Errors
    /// A lost device.
    pub fn read(&self, engine: &mut Engine, thetas: &[&[f32]], asked: &[u32]) -> Result<Vec<Vec<f32>>> {
        let mut all = Vec::new();
        for some in thetas.chunks(READ) {
            let data = || self.pool.training(self.validation);
            if let [theta] = some {
                let mut session = Session::of(engine, self.model, data(), self.hidden, theta)?;
                all.push(statistics::logits(&mut session, Records::train(asked))?);
                continue;
            }
            let source = Source::new(data(), self.hidden);
            let mut session = source.stack(engine, self.model, some)?;
            all.extend(statistics::logits_of_each(&mut session, Records::train(asked))?);
        }
        Ok(all)
    }
}

/// What a network [asked, outputs] with these weights makes of a run's own data.
///
/// # Errors
/// A lost device.
pub(super) fn read(
    engine: &mut Engine,
    (run, model): (&Opened, &Model),
    hidden: Option<&Deletion>,
    theta: &[f32],
    asked: &[u32],
) -> Result<Vec<f32>> {
    let pool = Pool::of(&run.data);
    let mut session = Session::of(engine, model, pool.training(&run.data.validation), hidden, theta)?;
    statistics::logits(&mut session, Records::train(asked))
}
