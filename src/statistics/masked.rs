//! Gradients of a graph whose edges are scaled by a mask: to the parameters and to the mask.

use crate::engine::{Buf, Data, Recording};
use crate::error::{Error, Result};
use crate::kernels::map::{self, Binary};
use crate::nn::{Mode, Sink};
use crate::records::Use;
use crate::records::{Records, Session};

/// Records `grad = 1/N Σ ∇ loss_n` over nodes as training does it, dropout on, with the values Â of the symmetric norm
/// scaled by `mask`, and `dmask` = the gradient to the mask, through `graph_conv` and `sgc` layers. Deleted edges have
/// the value 0, and so no gradient. `step` holds the words of the step; the result gets the sum of losses and of right
/// answers.
pub fn record_edge_masked(
    session: &mut Session,
    rec: &mut Recording,
    records: Records,
    [mask, dmask]: [Buf<f32>; 2],
    step: Buf<u32>,
) -> Result<(Vec<Data>, Buf<f32>)> {
    session.check_records(records, true)?;
    let load = session.load(records.part, records.indices, Use::Together);
    let mut loaded = session.record_load(rec, records.part, &load.shape)?;
    let not_nodes = || Error::internal("a mask over edges needs the nodes of a graph");
    let structure = loaded.batch.structure.as_mut().ok_or_else(not_nodes)?;
    let sym = structure.sym;
    let (masked, slope) = (rec.temp("masked", sym.len), rec.temp("slope", sym.len));
    map::binary(rec, Binary::Mul, sym, mask, masked);
    map::fill(rec, slope, 0.0);
    (structure.sym, structure.slope) = (masked, Some(slope));
    let scored = session.record_losses(rec, &loaded, Mode::Train, Some(step))?;
    let scale = (1.0 / scored.n.max(1) as f64) as f32;
    let sink = Sink::Mean { grad: session.grad, scale, accumulate: false };
    session.model.backward(rec, session.theta, &scored.tape, scored.dlogits, Some(step), sink)?;
    // The loss's gradients are not divided by the number of records yet.
    let unscaled = rec.temp("unscaled", sym.len);
    map::binary(rec, Binary::Mul, slope, sym, unscaled);
    map::axpby(rec, scale, unscaled, 0.0, dmask);
    let sums = rec.temp("sums", 2);
    scored.record_sums(rec, sums);
    Ok((load.inputs, sums))
}
