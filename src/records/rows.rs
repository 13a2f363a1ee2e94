//! Records that stand alone: rows of numbers with a class or targets each. Uploaded once, in chunks that fit one
//! binding; batches are index lists.

use std::collections::HashMap;

use super::batch::{Load, Loaded, Shape, Targets, Use};
use super::drawn::Drawn;
use super::objective::{self, Objective};
use super::part::{Part, Records};
use super::resident::{Resident, check_fanout};
use crate::data::{Samples, TargetKind};
use crate::engine::{Buf, Engine, Recording};
use crate::error::{Error, Result};
use crate::kernels::map;
use crate::nn::Batch;

/// Rows of each part that has any.
pub(crate) struct Rows {
    parts: HashMap<Part, Table>,
    kind: TargetKind,
}

/// The rows of one part.
struct Table {
    chunks: Vec<Chunk>,
    labels: Buf<u32>,
    /// The labels on the host.
    classes: Vec<u32>,
    /// Numbers to be predicted in place of classes, and how many a record has.
    targets: Option<(Buf<f32>, usize)>,
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
        let kind = parts.iter().find_map(|(_, samples)| samples.targets.as_ref()).map(|targets| targets.kind);
        Ok(Rows { parts: made, kind: kind.unwrap_or_default() })
    }

    fn table(&self, part: Part) -> Option<&Table> {
        self.parts.get(&held(part))
    }
}

/// Records that stand alone are after a request what they were before it.
pub(super) fn held(part: Part) -> Part {
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
        let targets = match &samples.targets {
            None => None,
            Some(table) => {
                let all = engine.alloc(&format!("{name}.targets"), table.values.len())?;
                engine.write(all, &table.values)?;
                Some((all, table.width))
            }
        };
        Ok(Table { chunks, labels, classes: samples.y.clone(), targets, width, len })
    }

    /// Records the gathering of a batch: x [n, width].
    fn gather(&self, rec: &mut Recording, idx: Buf<u32>) -> Buf<f32> {
        let x = rec.temp("x", idx.len * self.width);
        for chunk in &self.chunks {
            map::gather_rows(rec, chunk.rows, chunk.first, chunk.count, self.width, idx, x);
        }
        x
    }

    /// Records what is to be predicted of a batch: labels [n], drawn ones in the place of the true, or targets
    /// [n, outputs].
    fn gather_targets(&self, rec: &mut Recording, ids: Buf<u32>, drawn: Option<&Drawn>) -> Targets {
        if let Some((all, width)) = self.targets {
            let values = rec.temp("targets", ids.len * width);
            map::gather_rows(rec, all, 0, self.len, width, ids, values);
            return Targets::Numbers { ids, values };
        }
        let labels = match drawn {
            Some(drawn) => drawn.gather(rec, ids),
            None => {
                let labels = rec.temp("labels", ids.len);
                map::gather_words(rec, self.labels, ids, labels);
                labels
            }
        };
        Targets::Classes { ids, labels }
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
        match self.kind {
            TargetKind::Class => Ok(self.table(Part::Train).map_or(&[], |table| &table.classes)),
            kind => Err(Error::input(format!("the records have no classes: they are {}", kind.records()))),
        }
    }

    fn objective(&self) -> &'static Objective {
        objective::of(self.kind)
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
        let x = table.gather(rec, ids);
        let targets = table.gather_targets(rec, ids, drawn);
        rec.leave();
        Ok(Loaded { n, batch: Batch::dense(x, n), targets })
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
