//! The product of a sparse matrix with a dense one: message passing, and its gradient through the transpose.

use super::{Csr, balanced, longest, quads, tangent, whole_rows};
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, Target, TwinCall};
use crate::params;

params! {
    /// y [rows, cols] and the weight of a row's own x.
    pub struct Product { rows: u32, cols: u32, own: f32 }
}

/// One thread per row and four columns.
pub static SPMM: Kernel = Kernel {
    name: "graph.spmm",
    source: include_str!("../../../shaders/graph/spmm.wgsl"),
    params: Product::FIELDS,
    twin: spmm_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::spmm),
    variant_of: None,
};

/// One thread per row of at most eight columns.
pub static SPMM_NARROW: Kernel = Kernel {
    name: "graph.spmm_narrow",
    source: include_str!("../../../shaders/graph/spmm_narrow.wgsl"),
    variant_of: Some(&SPMM),
    ..SPMM
};

/// One thread per row and up to four vec4s of its columns.
pub static SPMM_QUADS: Kernel = Kernel {
    name: "graph.spmm_quads",
    source: include_str!("../../../shaders/graph/spmm_quads.wgsl"),
    variant_of: Some(&SPMM),
    ..SPMM
};

/// A team of invocations to a row and four columns.
pub static SPMM_TEAM: Kernel = Kernel {
    name: "graph.spmm_team",
    source: include_str!("../../../shaders/graph/spmm_team.wgsl"),
    variant_of: Some(&SPMM),
    ..SPMM
};

/// What [`spmm`] adds to the sum over a row's entries.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spmm {
    /// Weight of the row's own x; 0 does not read it, so x may then have any number of rows.
    pub own: f32,
    /// Whether a bias is added, \[columns\].
    pub bias: bool,
}

/// The forms of a product. The last two sum a row's entries in orders of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// A thread per row and four columns.
    Plain,
    /// A thread per row, for at most [`NARROW`] columns.
    Narrow,
    /// A thread per row and so many vec4s of its columns, 1 to 4; the columns are a multiple of them.
    Quads(u8),
    /// A team of 16 threads per row and four columns.
    Team,
    /// A thread per chunk of entries and four columns.
    Balanced,
}

impl Form {
    /// Whether it does rows of so many columns.
    pub(super) fn fits(self, cols: usize) -> bool {
        match self {
            Form::Narrow => cols <= NARROW,
            Form::Quads(each) => (1..=4).contains(&each) && cols > 0 && cols.is_multiple_of(4 * usize::from(each)),
            Form::Plain | Form::Team | Form::Balanced => true,
        }
    }
}

/// Invocations of a team.
pub(super) const TEAM: u32 = 16;

/// Loop iterations of one of them.
pub(super) fn team_turns(a: &Csr) -> usize {
    a.longest().div_ceil(TEAM as usize) + TEAM as usize
}

/// Columns of the narrow form.
pub const NARROW: usize = 16;

/// The same where it must still leave a GPU enough threads.
const NARROW_GPU: usize = 8;

/// llvmpipe leaves all loops of an invocation after 65 535 iterations.
const MAX_TURNS: usize = 65_000;

/// Entries from which on a heavy matrix is worth a second kernel. With fewer, the few threads of a software adapter
/// share the rows anyway, and a team on a GPU walks any row in 2048 turns: one epoch of a GCN on Cora (13 264 entries,
/// longest row 169) takes four launches less.
const MANY: usize = 32_768;

/// Entries from which on the longest row of a heavy matrix is worth a team.
const TEAMWORK: usize = 4096;

/// Rows that fill a GPU with one thread each.
const FULL: usize = 32_768;

/// The form for an adapter and a matrix: balanced where one thread would walk far more entries than others, or more
/// than every adapter lets it, and a team's where the matrix is small; in vec4s where rows are made of them; narrow
/// where a row fits one thread and there are threads enough. A software adapter has few threads and is charged by the
/// load, so that one thread takes as much of a row as it can. The bounds for GPUs are rules of thumb until they are
/// measured.
pub fn choose(target: Target, rows: usize, entries: usize, heavy: bool, cols: usize) -> Form {
    if longest(rows, entries, heavy) > MAX_TURNS || (heavy && entries >= MANY) {
        return Form::Balanced;
    }
    if heavy && entries >= TEAMWORK && !target.software {
        return Form::Team;
    }
    let narrow = if target.software { cols <= NARROW } else { cols <= NARROW_GPU && rows >= FULL };
    if cols.is_multiple_of(4) && cols > 0 {
        let each = |most: u8| (1..=most).rev().find(|each| (cols / 4).is_multiple_of(usize::from(*each)));
        return Form::Quads(each(if target.software || narrow { 4 } else { 1 }).unwrap_or(1));
    }
    if narrow { Form::Narrow } else { Form::Plain }
}

/// Records `y[r,:] = own x[r,:] + Σ_k val[k] x[idx[k],:] (+ bias)` over the entries k of row r of `a`: the aggregation
/// of a graph layer (Kipf & Welling, ICLR 2017, eq. 2, with `val` the norm). `x` [sources, cols], `y` [a.rows(), cols].
/// `bias` \[cols\] is bound even when unused; `x` will do. The gradient to x is the same with the transpose.
#[expect(clippy::too_many_arguments, reason = "the operands of the product")]
pub fn spmm(
    rec: &mut Recording,
    a: &Csr,
    val: Buf<f32>,
    x: Buf<f32>,
    bias: Buf<f32>,
    y: Buf<f32>,
    cols: usize,
    how: Spmm,
) {
    let form = choose(rec.target(), a.rows(), a.entries(), a.heavy, cols);
    let form = measured(rec, form, a, cols);
    spmm_as(rec, form, a, val, x, bias, y, cols, how);
}

/// The form, or what was measured to be faster among those that add a row's entries one after another.
fn measured(rec: &mut Recording, form: Form, a: &Csr, cols: usize) -> Form {
    let quads = if let Form::Quads(_) = form { form } else { Form::Quads(1) };
    let all: [(Form, &'static Kernel); 3] = [(Form::Plain, &SPMM), (Form::Narrow, &SPMM_NARROW), (quads, &SPMM_QUADS)];
    let Some((_, rule)) = all.iter().find(|(known, _)| *known == form) else { return form };
    let fits = all.iter().filter(|(form, _)| form.fits(cols));
    let forms: Vec<_> = fits.map(|(_, kernel)| (*kernel, "entries")).collect();
    let found = rec.form(rule, &forms, &[a.rows(), a.entries(), cols]);
    all.iter().find(|(_, kernel)| std::ptr::eq(*kernel, found)).map_or(form, |(form, _)| *form)
}

/// [`spmm`] in a given form.
#[expect(clippy::too_many_arguments, reason = "the operands of the product")]
pub fn spmm_as(
    rec: &mut Recording,
    form: Form,
    a: &Csr,
    val: Buf<f32>,
    x: Buf<f32>,
    bias: Buf<f32>,
    y: Buf<f32>,
    cols: usize,
    how: Spmm,
) {
    let checks = whole_rows(a.fits(rec.arguments("graph.spmm"), "val", val), "x", x, cols);
    let own = if how.own == 0.0 { 0 } else { a.rows() };
    let checks = checks.at_least("x", x, &[own, cols]).optional("bias", how.bias.then_some(bias), &[cols]);
    let checks = checks.holds(form.fits(cols), || format!("{cols} columns do not fit the form {form:?}"));
    if checks.shape("y", y, &[a.rows(), cols]).wrong() {
        return;
    }
    if form == Form::Balanced {
        return balanced::spmm(rec, a, val, x, bias, y, cols, how);
    }
    let n = (a.entries() * cols) as u64;
    let pass = match form {
        Form::Narrow => rec.dispatch(&SPMM_NARROW).set("COLS", cols as u32),
        Form::Quads(each) => rec.dispatch(&SPMM_QUADS).set("QUADS", each),
        Form::Team => rec.dispatch(&SPMM_TEAM).set("TEAM", TEAM).set("VEC", u8::from(cols.is_multiple_of(4))),
        _ => rec.dispatch(&SPMM).set("VEC", u8::from(cols.is_multiple_of(4))),
    };
    pass.set("PERM", u8::from(a.perm.is_some()))
        .set("BIAS", u8::from(how.bias))
        .params(Product { rows: a.rows() as u32, cols: cols as u32, own: how.own })
        .read(a.ptr)
        .read(a.idx)
        .read(a.places())
        .read(val)
        .read(x)
        .read(bias)
        .write(y)
        .turns(if form == Form::Team { team_turns(a) } else { a.longest() + 4 })
        .work(2 * n, 4 * n + 8 * a.entries() as u64 + 4 * y.len as u64)
        .threads(match form {
            // No columns, no threads.
            Form::Narrow => a.rows() * cols.min(1),
            Form::Quads(each) => a.rows() * (cols / (4 * usize::from(each))),
            Form::Team => a.rows() * quads(cols) * TEAM as usize,
            _ => a.rows() * quads(cols),
        });
}

/// Bindings ptr idx perm val x bias y; see `spmm.wgsl`.
fn spmm_twin(call: &mut TwinCall) {
    let p: Product = call.params();
    let (permuted, has_bias) = (call.set("PERM") == 1, call.set("BIAS") == 1);
    let [ptr, idx, perm, val, x, bias, y] = call.bufs();
    let (ptr, idx, perm, val, x, bias) = (ptr.u(), idx.u(), perm.u(), val.f(), x.f(), bias.f());
    let (cols, y) = (p.cols as usize, y.f_mut());
    for (r, y) in y.chunks_mut(cols).enumerate() {
        for (c, y) in y.iter_mut().enumerate() {
            *y = if has_bias { bias[c] } else { 0.0 };
            if p.own != 0.0 {
                *y += f64::from(p.own) * x[r * cols + c];
            }
            for k in ptr[r] as usize..ptr[r + 1] as usize {
                let value = val[if permuted { perm[k] as usize } else { k }];
                *y += value * x[idx[k] as usize * cols + c];
            }
        }
    }
}
