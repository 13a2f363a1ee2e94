//! The classes that a model has an output for: those of the records that it is fitted on.

use std::collections::BTreeSet;

use super::fitted::FitOn;
use super::parts::Classes;
use super::{Id, Portion};
use crate::error::{Error, Result};

/// The classes of a data set, before it is one.
pub(crate) struct Named<'a> {
    /// Of every class that any record has, in the order of the labels.
    pub names: &'a [String],
    pub classes: Classes,
    /// File or folder, for messages.
    pub origin: &'a str,
}

impl Named<'_> {
    /// The classes that a model has an output for, ascending; `of_training` are those of the training records that
    /// something may be learned of.
    ///
    /// # Errors
    /// Fewer than two.
    pub fn learned(&self, of_training: impl Iterator<Item = u32>, fit: FitOn) -> Result<Vec<u32>> {
        let all = 0..self.names.len() as u32;
        let learned: Vec<u32> = match (fit.kept(), self.classes) {
            (Some(kept), _) => all.filter(|class| kept.class_names.contains(&self.names[*class as usize])).collect(),
            (None, Classes::Declared) => all.collect(),
            (None, found) => {
                let seen: BTreeSet<u32> = of_training.collect();
                let last = seen.range(all.clone()).next_back().copied().unwrap_or(0);
                let numbered = |class: u32| found == Classes::Numbered && class < last;
                all.filter(|class| seen.contains(class) || numbered(*class)).collect()
            }
        };
        match learned.len() {
            0 | 1 => Err(Error::input(format!(
                "{}: the training records are of {} class; a classifier needs at least two",
                self.origin,
                if learned.is_empty() { "no" } else { "one" }
            ))),
            _ => Ok(learned),
        }
    }

    /// Refuses records that are measured and of a class that no training record has; of no class is none.
    ///
    /// # Errors
    /// The first of them, by its id: `id` of its place in the part.
    pub fn all_learned(&self, learned: &[u32], portion: Portion, y: &[u32], id: impl Fn(usize) -> Id) -> Result<()> {
        let lost = |class: &u32| (*class as usize) < self.names.len() && learned.binary_search(class).is_err();
        match y.iter().position(lost) {
            None => Ok(()),
            Some(at) => Err(Error::input(format!(
                "{}: the class `{}` of record {} of the {} part has no training record; use another \
                 data.split_seed, or leave the record out",
                self.origin,
                self.names[y[at] as usize],
                id(at),
                portion.name()
            ))),
        }
    }
}
