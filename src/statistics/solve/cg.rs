//! Conjugate gradients without a number crossing the bus between two looks.

use super::{Flying, LOOK, Solved, StoppedBy, Until, norm2, true_residual};
use crate::engine::{ALIGN, Buf, Program};
use crate::error::Result;
use crate::kernels::krylov::{Cg, flag};
use crate::records::Session;
use crate::statistics::Product;

/// Starts from the true residual after the recurrence said that it was done: at most so many.
const RESTARTS: usize = 4;

/// Solves (H + shift I) x = b from x = 0 (Hestenes & Stiefel 1952). Where rounding has carried the recurrence away from
/// the true residual, it starts again from that. x may be neither b nor one of H's vectors.
///
/// # Errors
/// A lost device; no memory.
pub fn conjugate_gradients(
    session: &mut Session,
    h: &dyn Product,
    shift: f64,
    b: Buf<f32>,
    x: Buf<f32>,
    until: Until,
) -> Result<Solved> {
    let mut steps = Steps::new(session, h, shift, b, x)?;
    let whole = norm2(session, b)?;
    let goal = until.tolerance.powi(2) * whole;
    let (mut left, mut iterations, mut restarts) = (until.iterations, 0, 0);
    let mut before = whole;
    loop {
        let (done, flag) = steps.run(session, h, before, goal, left)?;
        (iterations, left) = (iterations + done, left.saturating_sub(done));
        let now = if whole > 0.0 { true_residual(session, h, shift, b, x, steps.cg.r)? } else { 0.0 };
        let stopped_by = if now <= goal {
            StoppedBy::Tolerance
        } else if flag == flag::CURVATURE {
            StoppedBy::Curvature
        } else if left == 0 {
            StoppedBy::MaxIterations
        } else {
            StoppedBy::Rounding
        };
        // A restart that brought nothing is not followed by another.
        let hopeless = restarts == RESTARTS || (restarts > 0 && now > 0.25 * before);
        if stopped_by != StoppedBy::Rounding || hopeless {
            let residual = if whole > 0.0 { (now / whole).sqrt() } else { 0.0 };
            return Ok(Solved { iterations, residual, stopped_by });
        }
        (before, restarts) = (now, restarts + 1);
        let (r, d) = (steps.cg.r, steps.cg.d);
        session.run(|rec| {
            rec.copy(r, d);
            Ok(())
        })?;
    }
}

struct Steps {
    cg: Cg,
    /// What an iteration runs behind the product.
    iterate: Program,
    look: Program,
}

impl Steps {
    /// Sets x = 0, r = d = b.
    fn new(session: &mut Session, h: &dyn Product, shift: f64, b: Buf<f32>, x: Buf<f32>) -> Result<Steps> {
        let state = session.block("cg.state", ALIGN)?.range(0..4);
        let (alpha, beta) = (session.scalar("cg.alpha")?, session.scalar("cg.beta")?);
        let cg = Cg { x, r: session.vector("cg.r")?, d: h.u(), q: h.hu(), state, alpha, beta };
        session.run(|rec| {
            rec.clear(x);
            rec.copy(b, cg.r);
            rec.copy(b, cg.d);
            Ok(())
        })?;
        let mut rec = session.recording();
        cg.iterate(&mut rec, shift as f32);
        let iterate = session.compile(rec)?;
        let mut rec = session.recording();
        rec.readback(state);
        let look = session.compile(rec)?;
        Ok(Steps { cg, iterate, look })
    }

    /// At most `most` iterations from the residual and direction that are there, until ‖r‖² ≤ `goal`; returns how many
    /// there were, and the flag.
    fn run(
        &mut self,
        session: &mut Session,
        h: &dyn Product,
        rho: f64,
        goal: f64,
        most: usize,
    ) -> Result<(usize, f32)> {
        let flag = if rho <= goal { flag::GOAL } else { flag::RUNNING };
        let mut state = vec![rho as f32, goal as f32, flag, 0.0];
        session.engine.write(self.cg.state, &state)?;
        let mut submitted = 0;
        while state[2] == flag::RUNNING && submitted < most {
            let mut flying = Flying::default();
            for _ in 0..LOOK.min(most - submitted) {
                flying.product(session, h)?;
                flying.submit(session, &self.iterate, &[])?;
                submitted += 1;
            }
            state = session.engine.run(&self.look, &[])?[0].f32().to_vec();
            flying.land(session)?;
        }
        Ok((state[3] as usize, state[2]))
    }
}
