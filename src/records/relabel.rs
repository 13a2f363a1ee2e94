//! Drawn classes in the place of the true ones, for records that are to be forgotten.

use std::collections::HashMap;

use super::drawn::Drawn;
use super::part::{Part, Records};
use super::session::Session;
use crate::base::philox::philox;
use crate::error::{Error, Result};

/// Keeps this draw apart from the seed's other uses.
const STREAM_LABELS: u32 = 0x6c61_6265;

impl Session<'_> {
    /// Gives each of `records` a class drawn evenly from the others (from all, with `or_own`), a function of the seed
    /// and the record's id. They hold wherever records are read as [`Part::Before`], until [`Session::restore_labels`];
    /// [`Part::Train`] keeps the true classes.
    ///
    /// # Errors
    /// Records of another part, or that do not exist; links, which have no classes.
    pub fn draw_labels(&mut self, records: Records, seed: u64, or_own: bool) -> Result<()> {
        let classes = self.model.classes as u32;
        self.relabel(records, |id, label| {
            let word = philox([id, 0, STREAM_LABELS, 0], [seed as u32, (seed >> 32) as u32])[0];
            match or_own || classes < 2 {
                true => word % classes,
                false => (label + 1 + word % (classes - 1)) % classes,
            }
        })
    }

    /// Whether some records have drawn or given classes.
    pub fn is_relabelled(&self) -> bool {
        self.drawn.is_some()
    }

    /// Gives each of `records` the class at its place in `labels`, as [`Session::draw_labels`] gives drawn ones.
    ///
    /// # Errors
    /// As of drawn ones; not a class of the network for each.
    pub fn give_labels(&mut self, records: Records, labels: &[u32]) -> Result<()> {
        if labels.len() != records.indices.len() || labels.iter().any(|label| *label as usize >= self.model.classes) {
            return Err(Error::internal("a class of the network for each record"));
        }
        let of: HashMap<u32, u32> = records.indices.iter().copied().zip(labels.iter().copied()).collect();
        self.relabel(records, |id, label| of.get(&id).copied().unwrap_or(label))
    }

    fn relabel(&mut self, records: Records, new: impl Fn(u32, u32) -> u32) -> Result<()> {
        if records.part != Part::Before {
            return Err(Error::internal("drawn classes are those of the records before the request"));
        }
        self.check_records(records, true)?;
        let mut host = self.resident.labels()?.to_vec();
        for id in records.indices {
            host[*id as usize] = new(*id, host[*id as usize]);
        }
        let table = self.engine.alloc("drawn labels", host.len())?;
        self.engine.write(table, &host)?;
        self.put_labels(Some(Drawn { host, table }));
        Ok(())
    }

    /// Gives every record its true class back.
    pub fn restore_labels(&mut self) {
        self.put_labels(None);
    }

    fn put_labels(&mut self, labels: Option<Drawn>) {
        self.drawn = labels;
        // Kept programs read the labels that they were recorded with.
        self.programs.retain(|(_, part, _), _| *part != Part::Before);
    }
}
