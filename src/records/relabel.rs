//! Drawn classes in the place of the true ones, for records that are to be forgotten.

use super::session::{Part, Records, Session, Store};
use crate::base::philox::philox;
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::map;

/// Classes that stand in for those of [`Part::Before`].
pub(crate) struct Relabelled {
    /// Of each record.
    host: Vec<u32>,
    table: Buf<u32>,
}

/// Keeps this draw apart from the seed's other uses.
const STREAM_LABELS: u32 = 0x6c61_6265;

impl Session<'_> {
    /// Gives each of `records` a class drawn evenly from the others (from all, with `or_own`), a function of the seed and
    /// the record's id. They hold wherever records are read as [`Part::Before`], until [`Session::restore_labels`];
    /// [`Part::Train`] keeps the true classes.
    ///
    /// # Errors
    /// Records of another part, or that do not exist; links, which have no classes.
    pub fn draw_labels(&mut self, records: Records, seed: u64, or_own: bool) -> Result<()> {
        if records.part != Part::Before {
            return Err(Error::internal("drawn classes are those of the records before the request"));
        }
        self.check_records(records, true)?;
        let mut host = self.true_labels()?;
        let classes = self.model.classes as u32;
        for id in records.indices {
            let word = philox([*id, 0, STREAM_LABELS, 0], [seed as u32, (seed >> 32) as u32])[0];
            let label = &mut host[*id as usize];
            *label = match or_own || classes < 2 {
                true => word % classes,
                false => (*label + 1 + word % (classes - 1)) % classes,
            };
        }
        let table = self.engine.alloc("drawn labels", host.len())?;
        self.engine.write(table, &host)?;
        self.put_labels(Some(Relabelled { host, table }));
        Ok(())
    }

    /// Gives every record its true class back.
    pub fn restore_labels(&mut self) {
        self.put_labels(None);
    }

    fn put_labels(&mut self, labels: Option<Relabelled>) {
        self.relabelled = labels;
        // Kept programs read the labels that they were recorded with.
        self.programs.retain(|(_, part, _), _| *part != Part::Before);
    }

    fn true_labels(&mut self) -> Result<Vec<u32>> {
        match &self.store {
            Store::Graph(g) if g.links.is_some() => Err(Error::internal("links have no classes")),
            Store::Graph(g) => Ok(g.all_classes().to_vec()),
            Store::Rows(parts) => match parts.get(&Part::Train).map(|rows| rows.labels) {
                Some(labels) => self.engine.read(labels),
                None => Ok(Vec::new()),
            },
        }
    }

    /// Records the drawn classes of a part's records; none where the true ones hold.
    pub(crate) fn drawn_labels(&self, rec: &mut Recording, part: Part, idx: Buf<u32>) -> Option<Buf<u32>> {
        let drawn = self.relabelled.as_ref().filter(|_| part == Part::Before)?;
        let labels = rec.temp("labels", idx.len);
        map::gather_words(rec, drawn.table, idx, labels);
        Some(labels)
    }

    /// The drawn classes of a part's records, on the host.
    pub(crate) fn drawn_classes(&self, part: Part, ids: &[u32]) -> Option<Vec<u32>> {
        let drawn = self.relabelled.as_ref().filter(|_| part == Part::Before)?;
        Some(ids.iter().map(|i| drawn.host[*i as usize]).collect())
    }
}
