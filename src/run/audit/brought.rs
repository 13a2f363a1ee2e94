//! Models of a kind: brought from the store, or trained and kept there.

use super::many::{Pupil, Recipe};
use super::store::{Kept, Store};
use crate::base::splitmix::SplitMix64;
use crate::data::Deletion;
use crate::engine::Engine;
use crate::error::Result;

/// Models that are trained between two looks at the store.
const AT_ONCE: usize = 64;

/// A kind of models.
pub(super) struct Kind<'a> {
    pub name: &'static str,
    pub count: usize,
    /// The records of one.
    pub records: &'a dyn Fn(usize) -> Vec<u32>,
    /// Whether the weights are needed again.
    pub keeps: bool,
    pub seed: u64,
    /// What their training does not see of a graph.
    pub deletion: Option<&'a Deletion>,
}

impl Kind<'_> {
    /// What one is drawn by.
    pub fn seed_of(&self, i: usize) -> u64 {
        SplitMix64::new(self.seed.wrapping_add((i as u64) << 16)).next()
    }

    /// What the store calls them.
    pub fn names(&self) -> Vec<String> {
        (0..self.count).map(|i| format!("{}-{i:04}", self.name)).collect()
    }
}

/// What is being brought.
pub(super) struct Brought<'a> {
    pub recipe: Recipe<'a>,
    pub store: &'a Store,
    pub asked: &'a [u32],
    /// How many were there before.
    pub cached: usize,
}

impl Brought<'_> {
    /// All models of a kind, in order.
    ///
    /// # Errors
    /// A model that diverged; a store that was changed; a lost device.
    pub fn of(
        &mut self,
        engine: &mut Engine,
        kind: &Kind,
        (seconds, alone): (f64, Option<&str>),
        said: &mut dyn FnMut(&str),
    ) -> Result<Vec<Kept>> {
        let names = kind.names();
        let mut all: Vec<Option<Kept>> = names.iter().map(|name| self.store.load(name)).collect::<Result<_>>()?;
        let missing: Vec<usize> = (0..kind.count).filter(|i| all[*i].is_none()).collect();
        self.cached += kind.count - missing.len();
        if !missing.is_empty() {
            let how = match alone {
                None => format!("as stacks; the training took {seconds:.1} s alone"),
                Some(why) => format!("one after another, about {:.0} s: {why}", seconds * missing.len() as f64),
            };
            said(&format!("{} models to train ({}), {how}", missing.len(), kind.name));
        }
        for some in missing.chunks(AT_ONCE) {
            let pupil = |i: &usize| Pupil { records: (kind.records)(*i), seed: kind.seed_of(*i), start: None };
            let recipe = Recipe { deletion: kind.deletion, ..self.recipe };
            let thetas = recipe.train(engine, &some.iter().map(pupil).collect::<Vec<_>>())?;
            let each: Vec<&[f32]> = thetas.iter().map(Vec::as_slice).collect();
            let logits = self.recipe.read(engine, &each, self.asked)?;
            for ((i, theta), logits) in some.iter().zip(thetas).zip(logits) {
                let kept = Kept { logits, theta: if kind.keeps { theta } else { Vec::new() } };
                self.store.save(&names[*i], &kept)?;
                all[*i] = Some(kept);
            }
        }
        Ok(all.into_iter().flatten().collect())
    }
}
