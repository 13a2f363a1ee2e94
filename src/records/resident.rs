//! What every kind of records can do, once it lies on the engine.

use std::collections::HashMap;

use super::batch::{Load, Loaded, Shape, Use};
use super::drawn::Drawn;
use super::objective::Objective;
use super::part::{Part, Records};
use super::preferred::Preferred;
use super::resident_graph::MaskedEdges;
use crate::engine::{Engine, Recording};
use crate::error::{Error, Result};

/// Records of one kind, resident on the engine. A session knows no more of what a record is.
pub(crate) trait Resident {
    /// Ids of a part's records, ascending; none where there is no such part.
    fn ids(&self, part: Part) -> Vec<u32>;

    /// Number of records of a part.
    fn len(&self, part: Part) -> usize {
        self.ids(part).len()
    }

    /// # Errors
    /// A record that does not exist or, with `labelled`, one whose loss is not known here.
    fn check(&self, records: Records, labelled: bool) -> Result<()>;

    /// The class of each training record by id, `u32::MAX` where it is unknown here.
    ///
    /// # Errors
    /// Records without classes.
    fn labels(&self) -> Result<&[u32]>;

    /// What they are trained for, unless the recipe says.
    fn objective(&self) -> &'static Objective;

    /// Index lists of the batches that records are read in; `most` records a batch.
    fn pieces(&self, records: Records, most: usize, how: Use) -> Vec<Vec<u32>>;

    /// Rows of a batch that a record is.
    fn rows_of(&self, _part: Part, _record: u32) -> usize {
        1
    }

    /// Which rows of a record count in its loss.
    fn predicts(&self, part: Part, record: u32) -> Vec<bool> {
        vec![true; self.rows_of(part, record)]
    }

    /// Batches of as many records differ in size.
    fn ragged(&self) -> bool {
        false
    }

    /// The tokens of a record.
    ///
    /// # Errors
    /// The records are no texts.
    fn text_of(&self, _part: Part, _record: u32) -> Result<&[u32]> {
        Err(Error::input("the records are no texts, of which alone a model can write more"))
    }

    /// A batch of texts that are no records, each of its tokens, of which the last too is given.
    ///
    /// # Errors
    /// The records are no texts.
    fn load_texts(&self, _texts: &[&[u32]]) -> Result<Load> {
        Err(Error::input("the records are no texts; only a language model goes on with one"))
    }

    /// A batch of texts as they were before the request, each with the one that is preferred to it behind it.
    fn load_pairs(&self, indices: &[u32], _preferred: &HashMap<u32, Preferred>) -> Load {
        Load::listed(indices)
    }

    /// Most tokens that a text has besides the first.
    ///
    /// # Errors
    /// The records are no texts.
    fn longest(&self) -> Result<usize> {
        Err(Error::input("the records are no texts, which alone are as long as a context"))
    }

    /// A batch of one of the pieces.
    fn load(&self, part: Part, indices: &[u32], how: Use) -> Load;

    /// A batch of training, over neighbours that `draw(n)` < n samples where a `fanout` says how many.
    fn load_step(&self, part: Part, indices: &[u32], fanout: &[usize], draw: &mut dyn FnMut(usize) -> usize) -> Load;

    /// Records of a training step, given the recipe's number and fanout.
    ///
    /// # Errors
    /// A fanout that does not fit the records or the network.
    fn step_records(&self, batch_size: usize, fanout: &[usize]) -> Result<usize>;

    /// Records the batch of a shape, uploads included. `drawn` are classes in the place of the true ones.
    fn record(
        &self,
        engine: &mut Engine,
        rec: &mut Recording,
        part: Part,
        shape: &Shape,
        drawn: Option<&Drawn>,
    ) -> Result<Loaded>;

    /// True where nothing but a record's own features reaches its outputs.
    fn stand_alone(&self) -> bool {
        false
    }

    /// Length of a mask over a graph's edges, and those between different nodes after the deletion.
    ///
    /// # Errors
    /// The records are not of one graph.
    fn mask_edges(&self) -> Result<MaskedEdges> {
        Err(Error::internal("a mask over edges needs the nodes of a graph"))
    }
}

/// That a fanout has an entry for each of the hops over which records sample neighbours, 0 where they sample none.
pub(super) fn check_fanout(fanout: &[usize], hops: Option<usize>, of_network: usize) -> Result<()> {
    match fanout.len() {
        0 => Ok(()),
        n if hops == Some(n) => Ok(()),
        n => Err(Error::input(format!(
            "train.fanout has {n} entries; it needs one for each of the {of_network} hops of a network over the nodes \
                of a graph, and none elsewhere"
        ))),
    }
}
