//! Directional derivatives of the `norm` family, and the kernels that they need.

use super::rows::{Elements, Planes, Rows};
use super::twin;
use crate::engine::{Access, Dispatch, Fields, Groups, Kernel, Params, Requires, Span, Tangent, Tangents, Twin};
use crate::error::Result;

const fn row(name: &'static str, source: &'static str, params: Fields, twin: Twin) -> Kernel {
    let (requires, tangent) = (Requires::Nothing, Tangent::Missing);
    Kernel { name, source, params, twin, requires, tangent, variant_of: None }
}

/// Derivative of [`STATS`](super::STATS).
pub static STATS_TANGENT: Kernel = row(
    "norm.stats_tangent",
    include_str!("../../../shaders/norm/stats_tangent.wgsl"),
    Rows::FIELDS,
    twin::stats_tangent,
);

/// Derivative of [`MERGE`](super::MERGE).
pub static MERGE_TANGENT: Kernel = row(
    "norm.merge_tangent",
    include_str!("../../../shaders/norm/merge_tangent.wgsl"),
    Rows::FIELDS,
    twin::merge_tangent,
);

/// Derivative of [`APPLY`](super::APPLY).
pub static APPLY_TANGENT: Kernel = row(
    "norm.apply_tangent",
    include_str!("../../../shaders/norm/apply_tangent.wgsl"),
    Elements::FIELDS,
    twin::apply_tangent,
);

/// Derivative of [`CHANNEL`](super::CHANNEL).
pub static CHANNEL_TANGENT: Kernel = row(
    "norm.channel_tangent",
    include_str!("../../../shaders/norm/channel_tangent.wgsl"),
    Planes::FIELDS,
    twin::channel_tangent,
);

/// What x and stats add to the derivative of [`DX`](super::DX).
pub static DX_TANGENT: Kernel =
    row("norm.dx_tangent", include_str!("../../../shaders/norm/dx_tangent.wgsl"), Elements::FIELDS, twin::dx_tangent);

/// Bindings x out.
pub fn stats(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let r = t.read_or_zero(d, 0).any();
    let out = t.write(d, 1)?.any();
    let [x, stats] = values(d, [0, 1]);
    beside(t, d, &STATS_TANGENT, &["FINAL", "CENTRED"], &[x, stats, r], &[(out, Access::Write)]);
    Ok(())
}

/// Bindings part stats.
pub fn merge(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let r = t.read_or_zero(d, 0).any();
    let out = t.write(d, 1)?.any();
    let [part, stats] = values(d, [0, 1]);
    beside(t, d, &MERGE_TANGENT, &[], &[part, stats, r], &[(out, Access::Write)]);
    Ok(())
}

/// Bindings x gamma beta stats y.
pub fn apply(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let [x, gamma, stats] = values(d, [0, 1, 3]);
    let [r, rgamma, rbeta, rstats] = [0, 1, 2, 3].map(|i| t.read_or_zero(d, i).any());
    let y = t.write(d, 4)?.any();
    let reads = [x, gamma, stats, r, rgamma, rbeta, rstats];
    beside(t, d, &APPLY_TANGENT, &["WHOLE"], &reads, &[(y, Access::Write)]);
    Ok(())
}

/// Bindings x stats dy dgamma dbeta.
pub fn channel(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let [x, stats, dy] = values(d, [0, 1, 2]);
    let [r, rstats, rdy] = [0, 1, 2].map(|i| t.read_or_zero(d, i).any());
    let outs = [(t.write(d, 3)?.any(), Access::Write), (t.write(d, 4)?.any(), Access::Write)];
    beside(t, d, &CHANNEL_TANGENT, &[], &[x, stats, dy, r, rstats, rdy], &outs);
    Ok(())
}

/// Bindings x gamma stats m dy dx. In m and dy together the kernel is linear; in gamma it is once m is 0; x and stats
/// have a kernel of their own.
pub fn dx(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let mut terms = vec![d.clone()];
    terms[0].exchange(3, t.read_or_zero(d, 3));
    terms[0].exchange(4, t.read_or_zero(d, 4));
    if let Some(rgamma) = t.read(d, 1) {
        let mut again = d.clone();
        again.exchange(1, rgamma);
        again.exchange(3, t.zero(d.bindings[3].0.len));
        terms.push(again);
    }
    t.terms(d, terms)?;
    if t.read(d, 0).is_none() && t.read(d, 2).is_none() {
        return Ok(());
    }
    let [x, gamma, stats, m, dy] = values(d, [0, 1, 2, 3, 4]);
    let [r, rstats] = [0, 2].map(|i| t.read_or_zero(d, i).any());
    let out = t.write(d, 5)?.any();
    beside(t, d, &DX_TANGENT, &["WHOLE"], &[x, gamma, stats, m, dy, r, rstats], &[(out, Access::Update)]);
    Ok(())
}

/// Bindings part out; MODE 1 sums squares.
pub fn fold(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    if d.constant("MODE")? == 1.0 {
        return d.refuse("sums of squares");
    }
    t.linear(d, &[&[0]])
}

fn values<const N: usize>(d: &Dispatch, places: [usize; N]) -> [Span; N] {
    places.map(|i| d.bindings[i].0)
}

/// Records a kernel with the parameters, the launch size and the named overrides of `d`.
fn beside(
    t: &mut Tangents,
    d: &Dispatch,
    kernel: &'static Kernel,
    overrides: &[&'static str],
    reads: &[Span],
    writes: &[(Span, Access)],
) {
    let mut again = d.clone();
    again.kernel = kernel;
    again.consts.retain(|(name, _)| overrides.contains(name) || *name == "WG");
    again.bindings = reads.iter().map(|span| (*span, Access::Read)).chain(writes.iter().copied()).collect();
    (again.flops, again.bytes) = (3 * d.flops, 3 * d.bytes);
    debug_assert!(matches!(again.groups, Groups::Threads(_)));
    t.replay(again);
}
