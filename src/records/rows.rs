//! Data on the GPU: uploaded once, in chunks that fit one binding; batches are index lists.

use crate::data::Samples;
use crate::engine::{Buf, Engine, Recording};
use crate::error::Result;
use crate::kernels::map;

/// The records of one split, resident on the engine.
pub struct Resident {
    chunks: Vec<Chunk>,
    pub(crate) labels: Buf<u32>,
    /// Features of a record.
    pub width: usize,
    /// Number of records.
    pub len: usize,
}

struct Chunk {
    rows: Buf<f32>,
    first: usize,
    count: usize,
}

impl Resident {
    /// Uploads `samples`, rows of `width` values.
    pub fn upload(engine: &mut Engine, name: &str, samples: &Samples, width: usize) -> Result<Resident> {
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
        Ok(Resident { chunks, labels, width, len })
    }

    /// Records the gathering of a batch: x [n, width] and its labels [n].
    pub fn gather(&self, rec: &mut Recording, idx: Buf<u32>) -> (Buf<f32>, Buf<u32>) {
        let x = rec.temp("x", idx.len * self.width);
        let y = rec.temp("labels", idx.len);
        for chunk in &self.chunks {
            map::gather_rows(rec, chunk.rows, chunk.first, chunk.count, self.width, idx, x);
        }
        map::gather_words(rec, self.labels, idx, y);
        (x, y)
    }
}
