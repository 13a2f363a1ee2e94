//! The edges that the kernels of this family walk, and how long rows are dealt to several threads.

use super::rows::{Count, MERGE, Merge, PIECES, PLACES, Pieces};
use crate::engine::{Arguments, Buf, Recording};

/// Rows of edges: entry k of row r, ptr\[r\] <= k < ptr[r + 1], joins node r with node idx\[k\]. As it stands (no
/// `perm`) row r is the target, idx\[k\] the source, and k is the edge's place in buffers of values [edges, heads]. The
/// transpose has the source as row, the target in idx, and the place in `perm`.
#[derive(Clone, Copy, Debug)]
pub struct Edges {
    /// [rows + 1].
    pub ptr: Buf<u32>,
    /// \[edges\].
    pub idx: Buf<u32>,
    /// \[edges\], for a transpose.
    pub perm: Option<Buf<u32>>,
    /// Edges of the longest row: decides how rows are dealt, and is stated to adapters that limit loops.
    pub longest: usize,
    /// How rows are cut, if they are.
    pub split: Option<Split>,
}

/// Rows cut into pieces; see `pieces.wgsl`.
#[derive(Clone, Copy, Debug)]
pub struct Split {
    /// [slots, 3]: row, first edge, end.
    pub table: Buf<u32>,
    /// Pieces end at multiples of this many edges.
    pub chunk: usize,
}

/// Rows up to this length are one thread's work.
const LONGEST_ROW: usize = 256;

/// Edges of a piece of a longer row. With a vec4 of z a turn this leaves 255 turns an edge below the 65 535 that
/// llvmpipe makes.
const CHUNK: usize = 128;

/// How the rows of a structure are dealt, given the length of its longest: a thread per row (None), or threads per
/// piece of so many edges and a second stage that adds pieces up in their order. One long row would keep a device
/// waiting for one thread, and llvmpipe gives up after 65 535 turns.
pub fn choose(longest: usize) -> Option<usize> {
    (longest > LONGEST_ROW).then_some(CHUNK)
}

impl Edges {
    /// Rows dealt as [`choose`] says; records the table of pieces if there is one, so that every use of the structure
    /// in this recording shares it. `longest` is the length of the longest row, which the host knows.
    pub fn new(rec: &mut Recording, ptr: Buf<u32>, idx: Buf<u32>, perm: Option<Buf<u32>>, longest: usize) -> Edges {
        let whole = Edges { ptr, idx, perm, longest, split: None };
        match choose(longest) {
            Some(chunk) => whole.cut(rec, chunk),
            None => whole,
        }
    }

    /// The same rows cut at every multiple of `chunk` edges.
    pub fn cut(self, rec: &mut Recording, chunk: usize) -> Edges {
        let table = rec.temp("pieces", 3 * self.pieces(chunk));
        self.record_table(rec, table, chunk);
        Edges { split: Some(Split { table, chunk }), ..self }
    }

    /// The same rows, each edge with itself for a source: for buffers that have a row for every edge, [edges, ..], in
    /// the place of one for every source. Of edges by target.
    pub fn themselves(self, rec: &mut Recording) -> Edges {
        let places: Buf<u32> = rec.temp("places of edges", self.count());
        let pass = rec.dispatch(&PLACES).params(Count { edges: self.count() as u32 }).write(places);
        pass.work(0, 4 * places.len as u64).threads(places.len);
        Edges { idx: places, ..self }
    }

    /// Slots that hold the pieces of all rows.
    pub fn pieces(&self, chunk: usize) -> usize {
        if self.rows() == 0 { 0 } else { self.rows() + self.idx.len.div_ceil(chunk.max(1)) }
    }

    /// Records `table` [pieces(chunk), 3]: row, first edge and end of every piece.
    pub fn record_table(&self, rec: &mut Recording, table: Buf<u32>, chunk: usize) {
        let slots = self.pieces(chunk);
        let checks = rec.arguments("attention.record_table").at_least("ptr", self.ptr, &[1]);
        let checks = checks.holds(chunk > 0, || "pieces of 0 edges".to_owned());
        if checks.shape("table", table, &[slots, 3]).wrong() {
            return;
        }
        rec.dispatch(&PIECES)
            .params(Pieces { rows: self.rows() as u32, chunk: chunk as u32, slots: slots as u32 })
            .read(self.ptr)
            .write(table)
            .work(8 * slots as u64, 4 * (self.ptr.len + table.len) as u64)
            .turns(self.longest.div_ceil(chunk) + 2)
            .threads(self.rows());
    }

    /// Adds to a record function's checks that the edges' own buffers fit together.
    pub(super) fn fits<'r>(&self, checks: Arguments<'r>) -> Arguments<'r> {
        let checks = checks.at_least("ptr", self.ptr, &[1]).optional("perm", self.perm, &[self.count()]);
        let Some(Split { table, chunk }) = self.split else { return checks };
        let checks = checks.holds(chunk > 0, || "pieces of 0 edges".to_owned());
        checks.shape("split.table", table, &[self.pieces(chunk), 3])
    }

    /// The same, for edges whose rows are targets.
    pub(super) fn by_target<'r>(&self, checks: Arguments<'r>) -> Arguments<'r> {
        self.fits(checks).holds(self.perm.is_none(), || "`a` has the targets as rows, not their transpose".to_owned())
    }

    /// The same, for the transpose of so many edges.
    pub(super) fn transposed<'r>(&self, checks: Arguments<'r>, edges: usize) -> Arguments<'r> {
        let places = self.perm.is_some();
        self.fits(checks)
            .holds(places, || "`t` is a transpose and needs `perm`, the places of its edges".to_owned())
            .shape("t.idx", self.idx, &[edges])
    }

    /// Number of target nodes.
    pub fn rows(&self) -> usize {
        self.ptr.len.saturating_sub(1)
    }

    /// Number of edges.
    pub fn count(&self) -> usize {
        self.idx.len
    }

    /// What a thread's first coordinate counts: rows, or pieces.
    pub(super) fn slots(&self) -> usize {
        self.split.map_or(self.rows(), |s| self.pieces(s.chunk))
    }

    /// What the shaders bind as `ptr`, and their `SPLIT`.
    pub(super) fn walk(&self) -> (Buf<u32>, u8) {
        self.split.map_or((self.ptr, 0), |s| (s.table, 1))
    }

    /// Edges that one thread walks at most.
    pub(super) fn most(&self) -> usize {
        self.split.map_or(self.longest, |s| s.chunk.min(self.longest))
    }

    /// Where a kernel puts the sums of its slots, `cols` numbers each: the result itself, or a temporary for
    /// [`Self::merge`].
    pub(super) fn sums(&self, rec: &mut Recording, y: Buf<f32>, cols: usize) -> Buf<f32> {
        debug_assert_eq!(y.len, self.rows() * cols, "the record functions check it");
        if self.split.is_some() { rec.temp("sums of pieces", self.slots() * cols) } else { y }
    }

    /// Records `y` [rows, cols] from the sums of pieces, if rows are cut.
    pub(super) fn merge(&self, rec: &mut Recording, part: Buf<f32>, y: Buf<f32>, cols: usize) {
        let Some(Split { chunk, .. }) = self.split else { return };
        rec.dispatch(&MERGE)
            .set("WIDE", u8::from(cols.is_multiple_of(4)))
            .params(Merge { rows: self.rows() as u32, cols: cols as u32, chunk: chunk as u32 })
            .read(self.ptr)
            .read(part)
            .write(y)
            .work(part.len as u64, 4 * (part.len + y.len) as u64)
            .turns(4 * self.pieces_of_a_row())
            .threads(y.len.div_ceil(4));
    }

    /// Pieces that one row has at most.
    pub(super) fn pieces_of_a_row(&self) -> usize {
        self.split.map_or(1, |s| self.longest.div_ceil(s.chunk) + 1)
    }
}
