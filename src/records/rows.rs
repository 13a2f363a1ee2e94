//! Records that stand alone: rows of numbers with a class each. Uploaded once, in chunks that fit one binding; batches
//! are index lists.

use std::collections::HashMap;

use super::batch::{Load, Loaded, Shape, Targets, Use};
use super::drawn::Drawn;
use super::objective::{CROSS_ENTROPY, Objective};
use super::part::{Part, Records};
use super::resident::{Resident, check_fanout};
use crate::data::Samples;
use crate::engine::{Buf, Engine, Recording};
use crate::error::{Error, Result};
use crate::kernels::map;
use crate::nn::Batch;

/// Rows of each part that has any.
pub(crate) struct Rows {
    parts: HashMap<Part, Table>,
}

/// The rows of one part.
struct Table {
    chunks: Vec<Chunk>,
    labels: Buf<u32>,
    /// The labels on the host.
    classes: Vec<u32>,
    width: usize,
    len: usize,
}

struct Chunk {
    rows: Buf<f32>,
    first: usize,
    count: usize,
}

impl Rows {
    /// Uploads rows of `width` values.
    ///
    /// # Errors
    /// No memory.
    pub fn upload(engine: &mut Engine, parts: &[(Part, &Samples)], width: usize) -> Result<Rows> {
        let mut made = HashMap::new();
        for (part, samples) in parts.iter().filter(|(_, samples)| !samples.is_empty()) {
            made.insert(*part, Table::upload(engine, &part.name().to_lowercase(), samples, width)?);
        }
        Ok(Rows { parts: made })
    }

    fn table(&self, part: Part) -> Option<&Table> {
        self.parts.get(&held(part))
    }
}

/// Records that stand alone are after a request what they were before it.
fn held(part: Part) -> Part {
    match part {
        Part::Before => Part::Train,
        Part::Read(read) => Part::Read(read.after()),
        other => other,
    }
}

impl Table {
    fn upload(engine: &mut Engine, name: &str, samples: &Samples, width: usize) -> Result<Table> {
        let len = samples.y.len();
        let per_chunk = (engine.max_binding() / width.max(1)).clamp(1, len.max(1));
        let mut chunks = Vec::new();
        for first in (0..len).step_by(per_chunk) {
            let count = per_chunk.min(len - first);
            let rows = engine.alloc(&format!("{name}.x[{first}..]"), count * width)?;
            engine.write(rows, &samples.x[first * width..(first + count) * width])?;
            chunks.push(Chunk { rows, first, count });
        }
        let labels = engine.alloc(&format!("{name}.y"), len)?;
        engine.write(labels, &samples.y)?;
        Ok(Table { chunks, labels, classes: samples.y.clone(), width, len })
    }

    /// Records the gathering of a batch: x [n, width] and its labels [n].
    fn gather(&self, rec: &mut Recording, idx: Buf<u32>) -> (Buf<f32>, Buf<u32>) {
        let x = rec.temp("x", idx.len * self.width);
        let y = rec.temp("labels", idx.len);
        for chunk in &self.chunks {
            map::gather_rows(rec, chunk.rows, chunk.first, chunk.count, self.width, idx, x);
        }
        map::gather_words(rec, self.labels, idx, y);
        (x, y)
    }
}

impl Resident for Rows {
    fn ids(&self, part: Part) -> Vec<u32> {
        (0..self.len(part) as u32).collect()
    }

    fn len(&self, part: Part) -> usize {
        self.table(part).map_or(0, |table| table.len)
    }

    fn check(&self, records: Records, _labelled: bool) -> Result<()> {
        check_places(records, self.len(records.part))
    }

    fn labels(&self) -> Result<&[u32]> {
        Ok(self.table(Part::Train).map_or(&[], |table| &table.classes))
    }

    fn objective(&self) -> &'static Objective {
        &CROSS_ENTROPY
    }

    fn pieces(&self, records: Records, most: usize, _how: Use) -> Vec<Vec<u32>> {
        records.indices.chunks(most).map(<[u32]>::to_vec).collect()
    }

    fn load(&self, _part: Part, indices: &[u32], _how: Use) -> Load {
        Load::listed(indices)
    }

    fn load_step(&self, _: Part, indices: &[u32], _: &[usize], _: &mut dyn FnMut(usize) -> usize) -> Load {
        Load::listed(indices)
    }

    fn step_records(&self, batch_size: usize, fanout: &[usize]) -> Result<usize> {
        check_fanout(fanout, None, 0).map(|()| batch_size)
    }

    fn record(
        &self,
        _engine: &mut Engine,
        rec: &mut Recording,
        part: Part,
        shape: &Shape,
        drawn: Option<&Drawn>,
    ) -> Result<Loaded> {
        let Shape::Listed(n) = *shape else { return Err(Error::internal("a batch of rows is a list of them")) };
        let table = self.table(part);
        let table = table.ok_or_else(|| Error::input(format!("the data set has no {} split", part.name())))?;
        rec.enter("batch");
        let ids = upload(rec, n);
        let (x, labels) = table.gather(rec, ids);
        let labels = drawn.map_or(labels, |drawn| drawn.gather(rec, ids));
        rec.leave();
        Ok(Loaded { n, batch: Batch::dense(x, n), targets: Targets::Classes { ids, labels } })
    }

    fn stand_alone(&self) -> bool {
        true
    }
}

/// Records an index list that comes with each run.
pub(super) fn upload(rec: &mut Recording, n: usize) -> Buf<u32> {
    let idx = rec.temp("idx", n);
    rec.upload(idx);
    idx
}

/// That positions in a part of `len` records are there.
pub(super) fn check_places(records: Records, len: usize) -> Result<()> {
    match records.indices.iter().find(|i| **i as usize >= len) {
        Some(i) => {
            Err(Error::input(format!("record {i} does not exist: the {} split has {len} records", records.part.name())))
        }
        None => Ok(()),
    }
}
