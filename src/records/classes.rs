//! Classes of the records of a graph, and which records are of which part.

use super::drawn::Drawn;
use super::part::{Part, Records};
use crate::data::Sight;
use crate::engine::{Buf, Engine, Recording};
use crate::error::{Error, Result};
use crate::kernels::map;

/// Records of a graph by id.
pub(crate) struct Classes {
    /// What one record is called.
    what: &'static str,
    /// Class of each record; `u32::MAX` where it is unknown here, as that of every test record of a session.
    labels: Vec<u32>,
    on_engine: Buf<u32>,
    train: Vec<u32>,
    validation: Vec<u32>,
}

impl Classes {
    /// # Errors
    /// No memory.
    pub fn upload(engine: &mut Engine, what: &'static str, seen: &Sight) -> Result<Classes> {
        let labels = seen.labels.clone();
        let on_engine = engine.alloc("graph.labels", labels.len())?;
        engine.write(on_engine, &labels)?;
        Ok(Classes { what, labels, on_engine, train: seen.train.to_vec(), validation: seen.validation.to_vec() })
    }

    pub fn ids(&self, part: Part) -> Vec<u32> {
        match part {
            Part::Train | Part::Before | Part::Pairs => self.train.clone(),
            Part::Validation => self.validation.clone(),
            Part::Read(_) => (0..self.labels.len() as u32).collect(),
        }
    }

    /// All classes.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// # Errors
    /// A record that does not exist or, where classes are needed, whose class is not known here.
    pub fn check(&self, records: Records, labelled: bool) -> Result<()> {
        let (what, len) = (self.what, self.labels.len());
        let label = |i: u32| self.labels.get(i as usize).copied();
        let wrong = |i: &&u32| label(**i).is_none_or(|label| labelled && label == u32::MAX);
        match records.indices.iter().find(wrong) {
            Some(i) if *i as usize >= len => Err(Error::input(format!("{what} {i} does not exist: there are {len}"))),
            Some(i) => Err(Error::input(format!("{what} {i} is not among the training and validation {what}s"))),
            None => Ok(()),
        }
    }

    /// Classes of records on the host, drawn ones in the place of the true.
    pub fn of(&self, records: &[u32], drawn: Option<&Drawn>) -> Vec<u32> {
        let from = drawn.map_or(&self.labels, |drawn| &drawn.host);
        records.iter().map(|i| from[*i as usize]).collect()
    }

    /// Records the classes [n] of the records `idx` [n], drawn ones in the place of the true.
    pub fn gather(&self, rec: &mut Recording, idx: Buf<u32>, drawn: Option<&Drawn>) -> Buf<u32> {
        let from = drawn.map_or(self.on_engine, |drawn| drawn.table);
        let labels = rec.temp("labels", idx.len);
        map::gather_words(rec, from, idx, labels);
        labels
    }
}
