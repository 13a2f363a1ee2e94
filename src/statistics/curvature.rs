//! Derivatives along a direction, and products with the Hessian and the Gauss-Newton matrix of the mean cross-entropy:
//! by Pearlmutter's R-operator (1994), exact, at the cost of a few gradients and of no memory beyond a gradient's.

use super::batches;
use super::product::Product;
use crate::engine::{Buf, Data, Program, Recording};
use crate::error::Result;
use crate::kernels::tangent::tangent;
use crate::nn::{Mode, Sink};
use crate::records::scored::Scored;
use crate::records::{Records, Session};
use crate::records::{Shape, Use};

/// H = (1/N) Σ_n J_nᵀ (diag(p_n) − p_n p_nᵀ) J_n over N records at the session's parameters, dropout off; J_n is the
/// derivative of record n's logits, p_n their softmax. A product follows the parameters: they are read when it is
/// applied.
///
/// J u by a forward pass with its derivatives, the Hessian of the loss in the logits, and Jᵀ of that by the ordinary
/// backward pass (Schraudolph, "Fast curvature matrix-vector products for second-order gradient descent", Neural
/// Computation 2002). For softmax and cross-entropy it is the Fisher information matrix (Martens, JMLR 2020, section
/// 9.2), and uᵀ H u is never negative.
pub struct GaussNewton(Pieces);

/// H = (1/N) Σ_n ∇² l_n over N records, l_n the cross-entropy of record n, likewise: the derivative along u of the
/// recording that computes the gradient. Not positive semidefinite in general.
pub struct Hessian(Pieces);

/// A product as a sum over pieces of the records.
struct Pieces {
    u: Buf<f32>,
    hu: Buf<f32>,
    /// Pieces of one shape share a program.
    programs: Vec<Program>,
    /// The first clears the product, each further one adds some records' part.
    runs: Vec<(usize, Vec<Data>)>,
}

impl Pieces {
    fn programs(&self) -> Vec<(&Program, &[Data])> {
        self.runs.iter().map(|(at, inputs)| (&self.programs[*at], inputs.as_slice())).collect()
    }
}

/// J_n u [N, classes] of each record, row after row: the derivative of its logits along `u`, dropout off.
pub fn jvp(session: &mut Session, records: Records, u: Buf<f32>) -> Result<Vec<f32>> {
    session.check_records(records, false)?;
    let (theta, batch, classes) = (session.theta, session.batch, session.model.classes);
    let runs = batches(session, (records, batch, Use::Together), None, |s, rec, shape, _| {
        let loaded = s.record_load(rec, records.part, shape)?;
        let tape = s.record_forward(rec, &loaded, Mode::Eval, None)?;
        let along = tangent(rec, &[(theta, u)])?.of(tape.logits);
        read_or_zero(rec, along, loaded.n * classes);
        rec.prune();
        Ok(())
    })?;
    Ok(runs.iter().flat_map(|r| r[0].f32().to_vec()).collect())
}

/// g_n · u of each record, g_n the gradient of its own loss: the derivative of the loss along `u`, by one forward pass
/// with its derivatives and without any g_n.
pub fn dots(session: &mut Session, records: Records, u: Buf<f32>) -> Result<Vec<f32>> {
    session.check_records(records, true)?;
    let (theta, batch) = (session.theta, session.batch);
    let runs = batches(session, (records, batch, Use::Together), None, |s, rec, shape, _| {
        let scored = s.record_scored(rec, records.part, shape, Mode::Eval, None)?;
        let along = tangent(rec, &[(theta, u)])?.of(scored.sums.range(0..scored.n));
        read_or_zero(rec, along, scored.n);
        rec.prune();
        Ok(())
    })?;
    Ok(runs.iter().flat_map(|r| r[0].f32().to_vec()).collect())
}

/// The Gauss-Newton matrix over `records`. One at a time: it lives in vectors of the session.
///
/// # Errors
/// A layer without directional derivatives.
pub fn gauss_newton(session: &mut Session, records: Records) -> Result<GaussNewton> {
    session.check_records(records, false)?;
    let (u, hu) = (session.vector("gauss_newton.u")?, session.vector("gauss_newton.hu")?);
    let theta = session.theta;
    let pieces = sum_over(session, records, [u, hu], |s, rec, shape, scale| {
        let loaded = s.record_load(rec, records.part, shape)?;
        let tape = s.record_forward(rec, &loaded, Mode::Eval, None)?;
        let Some(along) = tangent(rec, &[(theta, u)])?.of(tape.logits) else { return Ok(()) };
        let dlogits = rec.temp("curvature", tape.logits.len);
        s.record_curvature(rec, &loaded.targets, [tape.logits, along, dlogits])?;
        let sink = Sink::Mean { grad: hu, scale, accumulate: true };
        s.model.backward(rec, theta, &tape, dlogits, None, sink)
    })?;
    Ok(GaussNewton(pieces))
}

/// The Hessian of the mean loss over `records`, without weight decay. One at a time, as [`gauss_newton`].
///
/// # Errors
/// A layer without directional derivatives.
pub fn hessian(session: &mut Session, records: Records) -> Result<Hessian> {
    session.check_records(records, true)?;
    let (u, hu) = (session.vector("hessian.u")?, session.vector("hessian.hu")?);
    let theta = session.theta;
    let pieces = sum_over(session, records, [u, hu], |s, rec, shape, scale| {
        // Nobody reads it, so it is not computed; its derivative is the product.
        let grad = rec.temp("grad", theta.len);
        let Scored { tape, dlogits, .. } = s.record_scored(rec, records.part, shape, Mode::Eval, None)?;
        let sink = Sink::Mean { grad, scale, accumulate: true };
        s.model.backward(rec, theta, &tape, dlogits, None, sink)?;
        tangent(rec, &[(theta, u), (grad, hu)]).map(drop)
    })?;
    Ok(Hessian(pieces))
}

/// Compiles a sum over the records' pieces: `part` records what a piece of a shape adds, given 1 / N.
fn sum_over(
    session: &mut Session,
    records: Records,
    [u, hu]: [Buf<f32>; 2],
    mut part: impl FnMut(&mut Session, &mut Recording, &Shape, f32) -> Result<()>,
) -> Result<Pieces> {
    let mut clear = session.recording();
    clear.clear(hu);
    let mut sum = Pieces { u, hu, programs: vec![session.compile(clear)?], runs: vec![(0, Vec::new())] };
    let scale = (1.0 / records.indices.len().max(1) as f64) as f32;
    let mut shapes: Vec<Shape> = Vec::new();
    for indices in session.pieces(records, session.batch, Use::Together) {
        let load = session.load(records.part, &indices, Use::Together);
        let known = shapes.iter().position(|shape| *shape == load.shape);
        let at = match known {
            Some(at) => at,
            None => {
                let mut rec = session.recording();
                part(session, &mut rec, &load.shape, scale)?;
                // The gradient itself is not asked for where its derivative is, nor are the winners of the loss.
                rec.prune();
                sum.programs.push(session.compile(rec)?);
                shapes.push(load.shape);
                shapes.len() - 1
            }
        };
        sum.runs.push((at + 1, load.inputs));
    }
    Ok(sum)
}
/// Makes a derivative, or as many zeros, the next output.
fn read_or_zero(rec: &mut Recording, along: Option<Buf<f32>>, len: usize) {
    let along = along.unwrap_or_else(|| {
        let zero = rec.temp("zero", len);
        rec.clear(zero);
        zero
    });
    rec.readback(along);
}

impl Product for GaussNewton {
    fn u(&self) -> Buf<f32> {
        self.0.u
    }

    fn hu(&self) -> Buf<f32> {
        self.0.hu
    }

    fn programs(&self) -> Vec<(&Program, &[Data])> {
        self.0.programs()
    }
}

impl Product for Hessian {
    fn u(&self) -> Buf<f32> {
        self.0.u
    }

    fn hu(&self) -> Buf<f32> {
        self.0.hu
    }

    fn programs(&self) -> Vec<(&Program, &[Data])> {
        self.0.programs()
    }
}
