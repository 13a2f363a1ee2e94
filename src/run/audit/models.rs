//! The models that an audit compares with: brought from the store, or trained.

use std::path::PathBuf;

use super::brought::{Brought, Kind};
use super::many::Recipe;
use super::pool::Pool;
use super::roster::{Roster, Said};
use super::store::{Kept, Store};
use super::unlearned::{self, Unlearned};
use super::{Options, Subjects};
use crate::engine::Engine;
use crate::error::Result;
use crate::run::reading::over_all_classes;
use crate::run::refit::base;

/// What they are and what they said.
pub(super) struct Trained {
    /// Of the shadow models.
    pub shadows: Vec<Said>,
    /// Of the retrains.
    pub retrains: Vec<Said>,
    /// Models that forgot by the run's method, or why there are none.
    pub unlearned: Result<Unlearned, String>,
    /// Weights of the retrains.
    pub thetas: Vec<Vec<f32>>,
    /// What all were trained on.
    pub pool: Pool,
    /// How many were there before.
    pub cached: usize,
    /// Why they were not trained as stacks.
    pub one_by_one: Option<String>,
    pub folder: PathBuf,
}

impl Trained {
    /// Brings them. Where all records stay there is nothing to draw shadow models by.
    ///
    /// # Errors
    /// A model that diverged; a store that was changed; a lost device.
    pub fn bring(
        engine: &mut Engine,
        subjects: &Subjects,
        roster: &Roster,
        options: &Options,
        (key, seed): (String, u64),
        said: &mut dyn FnMut(&str),
    ) -> Result<Trained> {
        let original = &subjects.original;
        let base = base(&original.config, &original.model)?;
        let pool = Pool::of(&original.data);
        let recipe = Recipe { base: base.as_deref(), ..Recipe::of(subjects, roster, &pool) };
        let store = Store::open(&original.folder, key)?;
        let (shadow, retained) = (|i: usize| roster.shadow(i), |_: usize| roster.retained.clone());
        let gone = subjects.target.deletion();
        let kinds = [
            Kind {
                name: "shadow",
                count: if roster.leaves() { options.shadows } else { 0 },
                records: &shadow,
                keeps: false,
                seed: seed ^ 0x5ad0,
                deletion: None,
            },
            Kind {
                name: "retrain",
                count: options.retrains,
                records: &retained,
                keeps: true,
                seed: seed ^ 0x4e74,
                deletion: gone,
            },
        ];
        let one_by_one = recipe.alone();
        let mut brought = Brought { recipe, store: &store, asked: &roster.asked, cached: 0 };
        let took = (original.info.seconds, one_by_one.as_deref());
        let mut all = Vec::new();
        for kind in &kinds {
            all.push(brought.of(engine, kind, took, said)?);
        }
        let mut names: Vec<String> = kinds.iter().flat_map(Kind::names).collect();
        let everybody = |_: usize| original.data.train_ids();
        let count = options.unlearned;
        let whole =
            Kind { name: "original", count, records: &everybody, keeps: true, seed: seed ^ 0x0419, deletion: None };
        let unlearned = match unlearned::suits(subjects, count) {
            Some(why) => Err(why),
            None => {
                let (before, after, forgot) =
                    unlearned::bring(engine, subjects, roster, &mut brought, (&whole, took), said)?;
                names.extend(whole.names().into_iter().chain(forgot));
                Ok(Unlearned::of(subjects, roster, &before, &after)?)
            }
        };
        let cached = brought.cached;
        let folder = store.folder.clone();
        store.finish(&names)?;
        let read = |kept: &Kept| roster.said(&original.data, &over_all_classes(&original.data, kept.logits.clone()));
        let shadows = all[0].iter().map(read).collect::<Result<_>>()?;
        let retrains = all[1].iter().map(read).collect::<Result<_>>()?;
        let thetas = all.swap_remove(1).into_iter().map(|kept| kept.theta).collect();
        Ok(Trained { shadows, retrains, unlearned, thetas, pool, cached, one_by_one, folder })
    }
}
