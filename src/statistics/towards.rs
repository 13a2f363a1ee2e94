//! Gradients of a distance between logits and given ones: what keeps or moves predictions without labels.

use crate::engine::{Buf, Data, Recording};
use crate::error::Result;
use crate::kernels::{loss, reduce};
use crate::nn::{Mode, Sink};
use crate::records::Use;
use crate::records::{Records, Session};

/// How far a record's logits z are from given numbers t.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// Σ (z − t)² / classes, t logits.
    Squares,
    /// KL(t ‖ softmax(z)), t probabilities.
    Divergence,
}

/// Records `grad = weight / N · Σ ∇ distance(z_n, t_n)` over a set (added to what is there if `accumulate`), dropout
/// off, for `targets` [N, classes] in the records' order, which stay on the engine. Labels are not looked at. Each run
/// takes the inputs that come back; the buffer that comes with them gets the mean distance.
pub fn record_towards(
    session: &mut Session,
    rec: &mut Recording,
    records: Records,
    targets: &[f32],
    distance: Distance,
    (weight, accumulate): (f64, bool),
) -> Result<(Vec<Data>, Buf<f32>)> {
    session.check_records(records, false)?;
    let (classes, count) = (session.model.classes, records.indices.len().max(1) as f64);
    let all = rec.temp("distances", records.indices.len());
    let mut inputs = Vec::new();
    let mut done = 0;
    for indices in session.pieces(records, session.batch, Use::Together) {
        let load = session.load(records.part, &indices, Use::Together);
        inputs.extend(load.inputs);
        let loaded = session.record_load(rec, records.part, &load.shape)?;
        let tape = session.record_forward(rec, &loaded, Mode::Eval, None)?;
        let t = session.engine.alloc("targets", loaded.n * classes)?;
        session.engine.write(t, &targets[done * classes..(done + loaded.n) * classes])?;
        let (each, dlogits) = (rec.temp("distance", loaded.n), rec.temp("dlogits", loaded.n * classes));
        match distance {
            Distance::Squares => loss::mse(rec, tape.logits, t, each, dlogits),
            Distance::Divergence => loss::soft_kl(rec, tape.logits, t, each, dlogits),
        }
        let scale = (weight / count) as f32;
        let sink = Sink::Mean { grad: session.grad, scale, accumulate: accumulate || done > 0 };
        session.model.backward(rec, session.theta, &tape, dlogits, None, sink)?;
        rec.copy(each, all.range(done..done + loaded.n));
        done += loaded.n;
    }
    let mean = rec.temp("mean distance", 1);
    reduce::total(rec, all, mean, (1.0 / count) as f32, false);
    Ok((inputs, mean))
}
