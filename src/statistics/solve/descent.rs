//! Full-batch L-BFGS: the optimum of a convex objective, to the last digits that f32 gives.

use serde::Serialize;

use super::{Pairs, StoppedBy};
use crate::engine::{Buf, Data, Program};
use crate::error::Result;
use crate::kernels::map::{self, Binary};
use crate::kernels::{edit, krylov, reduce};
use crate::records::{Records, Session};

/// How a minimum was found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Converged {
    /// Iterations taken.
    pub iterations: usize,
    /// Gradients of the whole set.
    pub gradients: usize,
    /// ‖∇J‖ at the parameters that were kept.
    pub gradient_norm: f64,
    /// Why it ended.
    pub stopped_by: StoppedBy,
}

/// Pairs that are kept.
const PAIRS: usize = 10;

/// A step is long enough where the slope is above this part of the first, and short enough where it is below that part
/// of it with the other sign.
const LONG_ENOUGH: f64 = 0.9;
const SHORT_ENOUGH: f64 = 0.5;

/// Gradients of one line search.
const TRIES: usize = 25;

/// Iterations without a smaller gradient after which rounding is all that is left.
const PATIENCE: usize = 30;

/// Brings theta to the minimum of J(θ) = mean loss over `records` + (decay / 2) ‖θ‖², dropout off: until ‖∇J‖ ≤
/// `gradient`, or it no longer falls, or after so many `iterations`; theta is then where ‖∇J‖ was least. Steps are
/// chosen by slopes alone (the approximate Wolfe conditions of Hager & Zhang, SIAM J. Optim. 2005), because near the
/// optimum the losses of two steps are the same number in f32. That is sound for convex objectives, where a falling
/// slope is a falling loss.
///
/// # Errors
/// Records that do not exist; a lost device.
pub fn minimise(
    session: &mut Session,
    records: Records,
    decay: f64,
    iterations: usize,
    gradient: f64,
) -> Result<Converged> {
    let mut search = Search::new(session, records, decay)?;
    let mut pairs = Pairs::new(session, "descent.pairs", PAIRS)?;
    let mut norm = search.start(session)?;
    let (mut least, mut stale, mut done) = (f64::INFINITY, 0, 0);
    let stopped_by = loop {
        if norm < least {
            (least, stale) = (norm, 0);
            search.keep(session)?;
        } else {
            stale += 1;
        }
        if least <= gradient {
            break StoppedBy::Tolerance;
        }
        if done == iterations {
            break StoppedBy::MaxIterations;
        }
        if stale == PATIENCE {
            break StoppedBy::Rounding;
        }
        pairs.inverse(session, session.grad, search.d)?;
        let first = if pairs.is_empty() { 1.0_f64.min(1.0 / norm) } else { 1.0 };
        match search.along(session, first)? {
            Some(next) => norm = next,
            None => break StoppedBy::Rounding,
        }
        search.pair(session, &mut pairs)?;
        done += 1;
    };
    let (theta, best) = (session.theta, search.best);
    session.run(|rec| {
        rec.copy(best, theta);
        Ok(())
    })?;
    Ok(Converged { iterations: done, gradients: search.gradients, gradient_norm: least, stopped_by })
}

struct Search {
    /// Minus the direction: H⁻¹ ∇J.
    d: Buf<f32>,
    /// Parameters and gradient where the line search started, and the parameters with the least gradient.
    origin: Buf<f32>,
    before: Buf<f32>,
    best: Buf<f32>,
    /// Goes from `origin` to theta = origin − t d; gives ‖∇J‖² and ∇J · d there.
    look: Program,
    inputs: Vec<Data>,
    gradients: usize,
}

impl Search {
    fn new(session: &mut Session, records: Records, decay: f64) -> Result<Search> {
        let [d, origin, before, best] =
            ["descent.d", "descent.origin", "descent.before", "descent.best"].map(|name| session.vector(name));
        let (d, origin, before, best) = (d?, origin?, before?, best?);
        let mean = (1.0 / records.indices.len().max(1) as f64) as f32;
        let (theta, grad) = (session.theta, session.grad);
        let mut rec = session.recording();
        let length = rec.temp("length", 1);
        rec.upload(length);
        rec.copy(origin, theta);
        edit::step(&mut rec, theta, d, length, -1.0);
        rec.clear(grad);
        let (inputs, _) = session.record_set_gradient(&mut rec, records, mean, false)?;
        map::axpby(&mut rec, decay as f32, theta, 1.0, grad);
        let (norm2, slope) = (rec.temp("norm2", 1), rec.temp("slope", 1));
        reduce::total(&mut rec, grad, norm2, 1.0, true);
        krylov::dots(&mut rec, grad, d, slope);
        rec.readback(norm2);
        rec.readback(slope);
        let look = session.compile(rec)?;
        Ok(Search { d, origin, before, best, look, inputs, gradients: 0 })
    }

    /// ‖∇J‖ and ∇J · d at origin − t d.
    fn look(&mut self, session: &mut Session, t: f64) -> Result<(f64, f64)> {
        let mut inputs = vec![Data::F32(vec![t as f32])];
        inputs.extend(self.inputs.iter().cloned());
        let out = session.engine.run(&self.look, &inputs)?;
        self.gradients += 1;
        Ok((f64::from(out[0].f32()[0]).sqrt(), f64::from(out[1].f32()[0])))
    }

    /// ‖∇J‖ at theta.
    fn start(&mut self, session: &mut Session) -> Result<f64> {
        let (theta, origin, d) = (session.theta, self.origin, self.d);
        session.run(|rec| {
            rec.copy(theta, origin);
            rec.clear(d);
            Ok(())
        })?;
        Ok(self.look(session, 0.0)?.0)
    }

    fn keep(&self, session: &mut Session) -> Result<()> {
        let (theta, best) = (session.theta, self.best);
        session.run(|rec| {
            rec.copy(theta, best);
            Ok(())
        })?;
        Ok(())
    }

    /// Goes from theta along −d to where the slope has fallen; ‖∇J‖ there, or none where no step was found.
    fn along(&mut self, session: &mut Session, first: f64) -> Result<Option<f64>> {
        let (theta, grad) = (session.theta, session.grad);
        let (origin, before, d) = (self.origin, self.before, self.d);
        let out = session.run(|rec| {
            rec.copy(theta, origin);
            rec.copy(grad, before);
            let slope = rec.temp("slope", 1);
            krylov::dots(rec, grad, d, slope);
            rec.readback(slope);
            Ok(())
        })?;
        let slope = f64::from(out[0].f32()[0]);
        if slope.is_nan() || slope <= 0.0 {
            return Ok(None);
        }
        // Lengths that are too short and too long, with their slopes along −d.
        let (mut short, mut long) = ((0.0, -slope), None);
        let mut t = first;
        for _ in 0..TRIES {
            let (norm, up) = self.look(session, t)?;
            let now = -up;
            if now.is_nan() || now > SHORT_ENOUGH * slope {
                long = Some((t, if now.is_finite() { now } else { f64::MAX }));
            } else if now < -LONG_ENOUGH * slope {
                short = (t, now);
            } else {
                return Ok(Some(norm));
            }
            t = match long {
                None => 3.0 * t,
                Some((far, above)) => {
                    let (near, below) = short;
                    let share = -below / (above - below);
                    near + (far - near) * share.clamp(0.1, 0.9)
                }
            };
        }
        Ok(None)
    }

    /// Stores what the last step showed.
    fn pair(&self, session: &mut Session, pairs: &mut Pairs) -> Result<()> {
        let (s, y) = (session.vector("descent.s")?, session.vector("descent.y")?);
        let (theta, grad, origin, before) = (session.theta, session.grad, self.origin, self.before);
        session.run(|rec| {
            map::binary(rec, Binary::Sub, theta, origin, s);
            map::binary(rec, Binary::Sub, grad, before, y);
            Ok(())
        })?;
        pairs.push(session, s, y).map(drop)
    }
}
