//! What a session says of the records that it holds.

use super::batch::{Load, Loaded, Shape, Use};
use super::part::{Part, Records};
use super::resident_graph::MaskedEdges;
use super::session::Session;
use crate::engine::Recording;
use crate::error::{Error, Result};

impl Session<'_> {
    /// Number of records of a part; 0 where there is none.
    pub fn len(&self, part: Part) -> usize {
        self.resident.len(part)
    }

    /// The records of a part: positions in it, or ids of a graph's nodes or graphs.
    pub fn ids(&self, part: Part) -> Vec<u32> {
        self.resident.ids(part)
    }

    /// Classes of training records, and of a graph's validation records.
    ///
    /// # Errors
    /// Another record; links, which have no classes.
    pub fn classes(&self, records: &[u32]) -> Result<Vec<u32>> {
        self.check_records(Records::train(records), true)?;
        let labels = self.resident.labels()?;
        Ok(records.iter().map(|id| labels[*id as usize]).collect())
    }

    /// The same of a part: before the request, those that a method has drawn.
    ///
    /// # Errors
    /// As [`Session::classes`].
    pub(crate) fn classes_in(&self, part: Part, records: &[u32]) -> Result<Vec<u32>> {
        match self.drawn.as_ref().filter(|_| part == Part::Before) {
            Some(drawn) => Ok(records.iter().map(|id| drawn.host[*id as usize]).collect()),
            None => self.classes(records),
        }
    }

    /// True where nothing but a record's own features reaches its outputs: no record is a node of a graph, or a graph.
    pub fn stand_alone(&self) -> bool {
        self.resident.stand_alone()
    }

    /// True where batches of as many records differ in size, so that hardly two steps in a row have the shapes of two
    /// others: parts of a graph, and texts.
    pub fn ragged(&self) -> bool {
        self.resident.ragged() || !self.stand_alone()
    }

    /// # Errors
    /// What `why` says, where records do not stand alone.
    pub fn needs_alone(&self, why: impl FnOnce() -> String) -> Result<()> {
        if self.stand_alone() { Ok(()) } else { Err(Error::input(why())) }
    }

    /// What a mask over the edges of the present graph has.
    ///
    /// # Errors
    /// The data are not the nodes of a graph.
    pub fn mask_edges(&self) -> Result<MaskedEdges> {
        self.resident.mask_edges()
    }

    /// Records of a training step: the recipe's number, or all where a step takes the whole graph.
    ///
    /// # Errors
    /// A fanout that does not fit the records or the network.
    pub fn step_records(&self, batch_size: usize, fanout: &[usize]) -> Result<usize> {
        self.resident.step_records(batch_size, fanout)
    }

    /// True if there is nothing to train on.
    pub fn is_empty(&self) -> bool {
        self.len(Part::Train) == 0
    }

    /// # Errors
    /// The records are a reader's.
    pub(crate) fn check_trainable(&self) -> Result<()> {
        match self.read_only {
            true => Err(Error::internal("records that are read, test records among them, cannot be trained on")),
            false => Ok(()),
        }
    }

    /// # Errors
    /// A record that does not exist or, with `labelled`, one whose loss is not known here.
    pub(crate) fn check_records(&self, records: Records, labelled: bool) -> Result<()> {
        self.check_paired(records)?;
        self.resident.check(records, labelled)
    }

    /// Which rows of a record count in its loss: not all where a request takes a part of a text.
    pub(crate) fn predicts(&self, part: Part, record: u32) -> Vec<bool> {
        self.resident.predicts(part, record)
    }

    /// Whether a request takes a part of a training record and leaves the rest.
    pub(crate) fn loses_a_part(&self, record: u32) -> bool {
        self.predicts(Part::Before, record).contains(&false)
    }

    /// The tokens of a record of text.
    ///
    /// # Errors
    /// The records are no texts.
    pub(crate) fn text_of(&self, part: Part, record: u32) -> Result<Vec<u32>> {
        self.resident.text_of(part, record).map(<[u32]>::to_vec)
    }

    /// A batch of texts that are no records, each of its tokens.
    ///
    /// # Errors
    /// The records are no texts.
    pub(crate) fn load_texts(&self, texts: &[&[u32]]) -> Result<Load> {
        self.resident.load_texts(texts)
    }

    /// Index lists of the batches that the records are read in.
    pub(crate) fn pieces(&self, records: Records, batch: usize, how: Use) -> Vec<Vec<u32>> {
        self.resident.pieces(records, batch, how)
    }

    /// A batch of one of the [`Session::pieces`].
    pub(crate) fn load(&self, part: Part, indices: &[u32], how: Use) -> Load {
        match part {
            Part::Pairs => self.resident.load_pairs(indices, &self.preferred),
            _ => self.resident.load(part, indices, how),
        }
    }

    /// A batch of training: lists of whole graphs' nodes are fixed, sampled or collected parts are rounded up so that
    /// programs serve many batches.
    pub(crate) fn load_step(
        &self,
        part: Part,
        indices: &[u32],
        fanout: &[usize],
        mut draw: impl FnMut(usize) -> usize,
    ) -> Load {
        match part {
            Part::Pairs => self.resident.load_pairs(indices, &self.preferred),
            _ => self.resident.load_step(part, indices, fanout, &mut draw),
        }
    }

    /// Records the batch of a shape, uploads included.
    pub(crate) fn record_load(&mut self, rec: &mut Recording, part: Part, shape: &Shape) -> Result<Loaded> {
        let drawn = self.drawn.as_ref().filter(|_| part == Part::Before);
        self.resident.record(self.engine, rec, part, shape, drawn)
    }
}
