//! The networks of `assets/parity` against what PyTorch computed for them in float64 (`tools/parity/README.md`):
//! outputs, losses, gradients, per-sample gradients, the Fisher diagonal, and ten steps of each optimiser.

pub mod curvature;
mod files;
mod fixture;
pub mod graph_fixture;
pub mod language;
mod steps;

pub use files::Tensor;
pub use fixture::{Fixture, Optimizer, load};

use crate::engine::{Buf, Data, Engine, Program, Recording, Target};
use crate::error::{Error, Result};
use crate::kernels::{loss, map};
use crate::nn::{Batch, Mode, Sink, Tape, Values};

/// Largest relative error of a tensor that still agrees with PyTorch.
pub const TOLERANCE: f64 = 1e-4;

/// How far one tensor, or one record's row of it, is from PyTorch's.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Gap {
    /// Its name in the fixture.
    pub tensor: String,
    /// Record, for what is compared record by record.
    pub record: Option<usize>,
    /// The larger of ‖difference‖ / ‖theirs‖ and max |difference| / max |theirs|.
    pub error: f64,
}

/// Relative error of a tensor; infinite for values that are not finite, another length, or anything but 0 where PyTorch
/// has only zeros.
pub fn relative_error(got: &[f32], want: &[f64]) -> f64 {
    let finite = got.iter().all(|v| v.is_finite()) && want.iter().all(|v| v.is_finite());
    if got.len() != want.len() || got.is_empty() || !finite {
        return f64::INFINITY;
    }
    let difference: Vec<f64> = got.iter().zip(want).map(|(g, w)| f64::from(*g) - w).collect();
    let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let top = |v: &[f64]| v.iter().fold(0.0f64, |a, b| a.max(b.abs()));
    if top(&difference) == 0.0 {
        return 0.0;
    }
    (norm(&difference) / norm(want)).max(top(&difference) / top(want))
}

/// Quantities that need no optimiser.
const STATISTICS: &[(&str, Record)] = &[
    ("forward", forward),
    ("gradient", gradient),
    ("per_sample", per_sample),
    ("fisher", fisher),
    ("soft_kl", soft_kl),
    ("mse", mse),
];

/// Names of everything that [`measure`] compares for a fixture: the statistics, then its optimisers.
pub fn quantities(fixture: &Fixture) -> Vec<String> {
    let statistics = STATISTICS.iter().map(|(name, _)| (*name).to_owned());
    statistics.chain(fixture.optimizers.keys().cloned()).collect()
}

/// Compares one quantity of a fixture, computed by `engine` with the kernel variants for `target`, with PyTorch's.
///
/// # Errors
/// The device failed, or the fixture lacks a tensor.
pub fn measure(engine: &mut Engine, fixture: &Fixture, quantity: &str, target: Target) -> Result<Vec<Gap>> {
    let mark = engine.mark();
    let found = match STATISTICS.iter().find(|(name, _)| *name == quantity) {
        Some((_, record)) => statistic(engine, fixture, *record, target),
        None => steps::losses(engine, fixture, quantity, target),
    };
    engine.release(mark);
    found
}

/// A result and the tensor it is compared with.
struct Wanted {
    tensor: String,
    record: Option<usize>,
    at: Buf<f32>,
}

type Record = fn(&mut Recording, &Session) -> Result<Vec<Wanted>>;

fn statistic(engine: &mut Engine, fixture: &Fixture, record: Record, target: Target) -> Result<Vec<Gap>> {
    let session = Session::open(engine, fixture)?;
    let mut rec = Recording::new(target);
    let wanted = record(&mut rec, &session)?;
    for w in &wanted {
        rec.readback(w.at);
    }
    let program: Program = engine.compile(rec)?;
    let outputs = engine.run(&program, &[])?;
    wanted.iter().zip(&outputs).map(|(w, data)| compare(fixture, w, data)).collect()
}

fn compare(fixture: &Fixture, wanted: &Wanted, got: &Data) -> Result<Gap> {
    let want = fixture.tensor(&wanted.tensor)?;
    let error = match wanted.record {
        None => relative_error(got.f32(), &want.values),
        Some(i) => relative_error(got.f32(), want.row(i)),
    };
    Ok(Gap { tensor: wanted.tensor.clone(), record: wanted.record, error })
}

/// A fixture's batch and parameters on an engine.
struct Session<'a> {
    fixture: &'a Fixture,
    theta: Buf<f32>,
    /// Running statistics, where there are any.
    state: Option<Buf<f32>>,
    x: Buf<f32>,
    labels: Buf<u32>,
    kl_targets: Buf<f32>,
    mse_targets: Buf<f32>,
}

impl<'a> Session<'a> {
    fn open(engine: &mut Engine, fixture: &'a Fixture) -> Result<Session<'a>> {
        let mut upload = |name: &str, values: Vec<f32>| -> Result<Buf<f32>> {
            let buf = engine.alloc(name, values.len())?;
            engine.write(buf, &values)?;
            Ok(buf)
        };
        let mut numbers = fixture.theta()?;
        let state = numbers.split_off(fixture.model.layout.total());
        let theta = upload("theta", numbers)?;
        let state = if state.is_empty() { None } else { Some(upload("state", state)?) };
        let x = upload("x", fixture.tensor("x")?.f32())?;
        let kl_targets = upload("kl_targets", fixture.tensor("kl_targets")?.f32())?;
        let mse_targets = upload("mse_targets", fixture.tensor("mse_targets")?.f32())?;
        let y: Vec<u32> = fixture.tensor("y")?.values.iter().map(|v| *v as u32).collect();
        let labels = engine.alloc("y", y.len())?;
        engine.write(labels, &y)?;
        Ok(Session { fixture, theta, state, x, labels, kl_targets, mse_targets })
    }

    fn forward(&self, rec: &mut Recording, mode: Mode) -> Result<Tape> {
        let (batch, values) =
            (Batch::dense(self.x, self.fixture.batch), Values { theta: self.theta, state: self.state });
        self.fixture.model.forward(rec, values, &batch, mode, None)
    }

    /// Cross-entropy of each record and its gradient in the logits.
    fn loss(&self, rec: &mut Recording, logits: Buf<f32>) -> (Buf<f32>, Buf<f32>) {
        let (b, c) = (self.fixture.batch, self.fixture.model.classes);
        let (loss, correct) = (rec.temp("loss", b), rec.temp("correct", b));
        let dlogits = rec.temp("dlogits", b * c);
        loss::softmax_xent(rec, logits, self.labels, loss, dlogits, correct, b, c);
        (loss, dlogits)
    }

    /// Both passes of the batch into a sink; returns the losses.
    fn both(&self, rec: &mut Recording, sink: Sink, mode: Mode) -> Result<Buf<f32>> {
        let tape = self.forward(rec, mode)?;
        let (loss, dlogits) = self.loss(rec, tape.logits);
        self.fixture.model.backward(rec, self.theta, &tape, dlogits, None, sink)?;
        Ok(loss)
    }

    /// 1 / B.
    fn share(&self) -> f32 {
        1.0 / self.fixture.batch as f32
    }

    /// One comparison per parameter of a flat vector.
    fn each(&self, prefix: &str, flat: Buf<f32>) -> Vec<Wanted> {
        let entry = |e: &crate::nn::ParamEntry| {
            let tensor = format!("{prefix}.{}", e.name);
            Wanted { tensor, record: None, at: flat.range(e.offset..e.offset + e.len) }
        };
        self.fixture.model.layout.entries().iter().map(entry).collect()
    }
}

fn whole(tensor: &str, at: Buf<f32>) -> Wanted {
    Wanted { tensor: tensor.into(), record: None, at }
}

fn forward(rec: &mut Recording, s: &Session) -> Result<Vec<Wanted>> {
    let tape = s.forward(rec, Mode::Eval)?;
    let (loss, _) = s.loss(rec, tape.logits);
    Ok(vec![whole("logits", tape.logits), whole("loss", loss)])
}

fn gradient(rec: &mut Recording, s: &Session) -> Result<Vec<Wanted>> {
    let grad = rec.temp("grad", s.fixture.model.layout.total());
    s.both(rec, Sink::Mean { grad, scale: s.share(), accumulate: false }, Mode::Eval)?;
    Ok(s.each("grad", grad))
}

fn per_sample(rec: &mut Recording, s: &Session) -> Result<Vec<Wanted>> {
    let total = s.fixture.model.layout.total();
    let slab = rec.temp("slab", s.fixture.batch * total);
    s.both(rec, Sink::PerSample { slab }, Mode::Eval)?;
    let rows = (0..s.fixture.per_sample_records).flat_map(|i| {
        let row = s.each("per_sample", slab.range(i * total..(i + 1) * total));
        row.into_iter().map(move |w| Wanted { record: Some(i), ..w })
    });
    Ok(rows.collect())
}

fn fisher(rec: &mut Recording, s: &Session) -> Result<Vec<Wanted>> {
    let total = s.fixture.model.layout.total();
    let (squares, diagonal) = (rec.temp("squares", total), rec.temp("fisher", total));
    rec.clear(squares);
    s.both(rec, Sink::SquareSum { squares, accumulate: true }, Mode::Eval)?;
    map::axpby(rec, s.share(), squares, 0.0, diagonal);
    Ok(s.each("fisher", diagonal))
}

fn soft_kl(rec: &mut Recording, s: &Session) -> Result<Vec<Wanted>> {
    let logits = s.forward(rec, Mode::Eval)?.logits;
    let (value, dlogits) = (rec.temp("loss", s.fixture.batch), rec.temp("dlogits", logits.len));
    loss::soft_kl(rec, logits, s.kl_targets, value, dlogits);
    Ok(vec![whole("kl_loss", value), whole("kl_dlogits", dlogits)])
}

fn mse(rec: &mut Recording, s: &Session) -> Result<Vec<Wanted>> {
    let logits = s.forward(rec, Mode::Eval)?.logits;
    let (value, dlogits) = (rec.temp("loss", s.fixture.batch), rec.temp("dlogits", logits.len));
    loss::mse(rec, logits, s.mse_targets, value, dlogits);
    Ok(vec![whole("mse_loss", value), whole("mse_dlogits", dlogits)])
}

/// Judges what [`measure`] found.
///
/// # Errors
/// `CheckFailed` names every tensor outside [`TOLERANCE`]; nothing compared is a failure too.
pub fn judge(gaps: &[Gap]) -> Result<()> {
    let bad: Vec<String> = gaps
        .iter()
        .filter(|g| g.error > TOLERANCE || g.error.is_nan())
        .map(|g| {
            let record = g.record.map(|i| format!(" of record {i}")).unwrap_or_default();
            format!("`{}`{record} differs from PyTorch's by {:.2e}", g.tensor, g.error)
        })
        .collect();
    if bad.is_empty() && !gaps.is_empty() {
        return Ok(());
    }
    let what = if gaps.is_empty() { "nothing was compared".to_owned() } else { bad.join("; ") };
    Err(Error::CheckFailed(format!("{what} (allowed {TOLERANCE:e})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_slips_through_the_comparison() {
        assert!(relative_error(&[1.0, 2.0], &[1.0, 2.0]) == 0.0);
        assert!((relative_error(&[1.0, 2.02], &[1.0, 2.0]) - 0.01).abs() < 1e-6);
        // One bad element among many small ones shows in the norm, one among large ones in the maximum.
        assert!(relative_error(&[0.0, 3.0], &[0.0, 0.0]).is_infinite());
        for bad in [&[f32::NAN, 2.0][..], &[1.0, f32::INFINITY], &[1.0], &[]] {
            assert!(relative_error(bad, &[1.0, 2.0]).is_infinite(), "{bad:?}");
        }
        assert!(relative_error(&[1.0], &[f64::NAN]).is_infinite());
        let gap = |error| Gap { tensor: "logits".into(), record: Some(2), error };
        judge(&[gap(9e-5)]).expect("within the tolerance");
        judge(&[gap(9e-5), gap(2e-4)]).expect_err("outside the tolerance");
        judge(&[gap(f64::NAN)]).expect_err("NaN");
        judge(&[]).expect_err("nothing");
    }
}
