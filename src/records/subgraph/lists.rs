//! A part's index lists on their way to the engine.

use super::{Sparsity, SubGraph};
use crate::engine::{Buf, Data, Recording};
use crate::kernels::graph::Csr;
use crate::nn::structure::{Pattern, Segments};

/// Sizes of a part: those of a recording that takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Size {
    pub rows: usize,
    pub edges: usize,
    pub values: usize,
    pub seeds: usize,
    /// 0 where records are the seeds.
    pub records: usize,
    /// [`Csr::heavy`] of the edges, their transpose, the features and theirs.
    pub(super) heavy: [bool; 4],
}

impl Size {
    /// Rounded up in steps of about an eighth, so that few programs serve many batches.
    pub fn rounded(self) -> Size {
        let up = |n: usize| n.next_multiple_of((n / 8).next_power_of_two().max(64));
        // A row more, to which what was added can belong.
        Size { rows: up(self.rows + 1), edges: up(self.edges), values: up(self.values), ..self }
    }
}

/// A part's index lists in a recording.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartBufs {
    pub a: Csr,
    pub t: Csr,
    pub edge_of: Buf<u32>,
    pub pattern: Pattern,
    pub value_of: Buf<u32>,
    pub seeds: Option<Buf<u32>>,
    pub segments: Option<Segments>,
}

impl PartBufs {
    /// Records the uploads, in the order of [`inputs`].
    pub fn record(rec: &mut Recording, size: Size, width: usize) -> PartBufs {
        let mut put = |name: &str, len: usize| {
            let buf = rec.temp::<u32>(name, len);
            rec.upload(buf);
            buf
        };
        let (rows, edges, values) = (size.rows, size.edges, size.values);
        let a = Csr { ptr: put("ptr", rows + 1), idx: put("idx", edges), perm: None, heavy: size.heavy[0] };
        let (ptr, idx, perm) = (put("t_ptr", rows + 1), put("t_idx", edges), put("t_perm", edges));
        let t = Csr { ptr, idx, perm: Some(perm), heavy: size.heavy[1] };
        let edge_of = put("edge_of", edges);
        let x = Csr { ptr: put("x_ptr", rows + 1), idx: put("x_col", values), perm: None, heavy: size.heavy[2] };
        let (ptr, idx, perm) = (put("xt_ptr", width + 1), put("xt_row", values), put("xt_perm", values));
        let xt = Csr { ptr, idx, perm: Some(perm), heavy: size.heavy[3] };
        let value_of = put("value_of", values);
        let seeds = (size.seeds > 0).then(|| put("seeds", size.seeds));
        let segments = (size.records > 0).then(|| Segments {
            ptr: put("records", size.records + 1),
            of: put("record_of", rows),
            count: size.records,
            longest: rows,
        });
        PartBufs { a, t, edge_of, pattern: Pattern { x, xt }, value_of, seeds, segments }
    }
}

/// The words of a part, in the order in which [`PartBufs::record`] takes them; `size` is at least the part's.
pub(crate) fn inputs(part: SubGraph, size: Size, width: usize) -> Vec<Data> {
    let used = part.rows();
    let records = part.records.clone();
    let part = part.padded(size);
    // Of what was added, nothing is in a row's range, so the transposes leave it at the end.
    let transposed = |m: &Sparsity, cols: usize| {
        let used = Sparsity { ptr: m.ptr.clone(), idx: m.idx[..m.ptr[m.rows()] as usize].to_vec() };
        let (mut t, mut perm) = used.transposed(cols);
        t.idx.resize(m.idx.len(), 0);
        perm.resize(m.idx.len(), 0);
        (t, perm)
    };
    let (t, t_perm) = transposed(&part.edges, size.rows);
    let (xt, xt_perm) = transposed(&part.features, width);
    let mut all = vec![part.edges.ptr, part.edges.idx, t.ptr, t.idx, t_perm, part.edge_of];
    all.extend([part.features.ptr, part.features.idx, xt.ptr, xt.idx, xt_perm, part.value_of]);
    if size.seeds > 0 {
        all.push(part.seeds);
    }
    if size.records > 0 {
        let counts = records.windows(2).map(|w| (w[1] - w[0]) as usize);
        let mut of: Vec<u32> = counts.enumerate().flat_map(|(b, n)| std::iter::repeat_n(b as u32, n)).collect();
        debug_assert_eq!(of.len(), used);
        // Rows beyond the last record belong to none.
        of.resize(size.rows, u32::MAX);
        all.extend([records, of]);
    }
    all.into_iter().map(Data::U32).collect()
}
