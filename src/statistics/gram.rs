//! Inner products of all pairs of records' gradients.

use super::per_sample::SLAB_BYTES;
use super::{batches, fill_slab, slab};
use crate::engine::{Buf, Recording};
use crate::error::Result;
use crate::nn::{Mode, Sink, add_products};
use crate::records::Use;
use crate::records::{Records, Session};

/// A symmetric matrix on the host that is filled block by block.
struct Gram {
    n: usize,
    values: Vec<f32>,
}

impl Gram {
    /// A block [rows, cols] whose first element belongs at (row, col), and its mirror image.
    fn put(&mut self, (row, col): (usize, usize), (rows, cols): (usize, usize), block: &[f32]) {
        for i in 0..rows {
            for j in 0..cols {
                let (a, b, value) = (row + i, col + j, block[i * cols + j]);
                self.values[a * self.n + b] = value;
                self.values[b * self.n + a] = value;
            }
        }
    }
}

/// Some records of the list, and where they begin in it.
struct Chunk {
    first: usize,
    records: Vec<u32>,
}

/// ⟨g_n, g_m⟩ over all parameters for every two records, [N, N] row by row in the records' order, dropout off.
/// Symmetric and, but for rounding, positive semidefinite. Records of a batch are compared with at most one tensor's
/// gradients stored; those of different batches by whole gradients, two slabs of them at a time, so that the work grows
/// with N².
///
/// # Errors
/// A record's gradient that is larger than a slab, where there is more than one batch.
pub fn gram(session: &mut Session, records: Records) -> Result<Vec<f32>> {
    session.check_records(records, true)?;
    let n = records.indices.len();
    let mut gram = Gram { n, values: vec![0.0; n * n] };
    let mut first = 0;
    let pieces = session.pieces(records, gram_records(session), Use::Each);
    let pieces: Vec<Chunk> = pieces
        .into_iter()
        .map(|records| {
            first += records.len();
            Chunk { first: first - records.len(), records }
        })
        .collect();
    for (i, piece) in pieces.iter().enumerate() {
        let size = piece.records.len();
        let block = gram_of_batch(session, Records { indices: &piece.records, ..records })?;
        gram.put((piece.first, piece.first), (size, size), &block);
        let later: Vec<u32> = pieces[i + 1..].iter().flat_map(|p| p.records.clone()).collect();
        if !later.is_empty() {
            gram_between(session, records, piece, &Chunk { first: piece.first + size, records: later }, &mut gram)?;
        }
    }
    Ok(gram.values)
}

/// Records of a batch, so that no tensor's gradients take more than a slab.
fn gram_records(session: &Session) -> usize {
    let largest = session.model.layout.entries().iter().map(|e| e.len).max().unwrap_or(0).max(1);
    let most = (SLAB_BYTES / 4).min(session.engine.max_binding());
    (most / largest).clamp(1, session.batch)
}

fn gram_of_batch(session: &mut Session, records: Records) -> Result<Vec<f32>> {
    let runs = batches(session, (records, records.indices.len(), Use::Each), Some("gram"), |s, rec, shape, _| {
        let scored = s.record_scored(rec, records.part, shape, Mode::Eval, None)?;
        let gram = rec.temp("gram", scored.n * scored.n);
        rec.clear(gram);
        s.model.backward(rec, s.theta, &scored.tape, scored.dlogits, None, Sink::Gram { gram })?;
        rec.readback(gram);
        Ok(())
    })?;
    Ok(runs[0][0].f32().to_vec())
}

/// The block of `left`'s records with `right`'s, half a slab of gradients of each at a time.
fn gram_between(session: &mut Session, of: Records, left: &Chunk, right: &Chunk, gram: &mut Gram) -> Result<()> {
    let (slab, total) = (slab(session)?, session.model.layout.total());
    let half = slab.len / total.max(1) / 2;
    if half == 0 {
        // A network without parameters has no gradients.
        return Ok(());
    }
    let (ours, theirs) = (slab.range(0..half * total), slab.range(half * total..2 * half * total));
    for a in chunks(session, of, left, half) {
        fill_slab(session, Records { indices: &a.records, ..of }, ours, Some("gram.left"), |_, _, _| Ok(()))?;
        for b in chunks(session, of, right, half) {
            // All of our half, so that one program serves every pair: rows of nobody are left out here.
            let product = |rec: &mut Recording, rows: Buf<f32>, n: usize| {
                let out = rec.temp("gram", half * n);
                add_products(rec, [ours, rows], [half, n], total, out, false);
                rec.readback(out);
                Ok(())
            };
            let block = fill_slab(session, Records { indices: &b.records, ..of }, theirs, Some("gram.right"), product)?;
            gram.put((a.first, b.first), (a.records.len(), b.records.len()), block[0][0].f32());
        }
    }
    Ok(())
}

/// A chunk cut into such as a half of the slab holds.
fn chunks(session: &Session, of: Records, chunk: &Chunk, most: usize) -> Vec<Chunk> {
    let pieces = session.pieces(Records { indices: &chunk.records, ..of }, most, Use::Each);
    let mut first = chunk.first;
    let place = |records: Vec<u32>| {
        first += records.len();
        Chunk { first: first - records.len(), records }
    };
    pieces.into_iter().map(place).collect()
}
