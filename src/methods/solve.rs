//! Linear systems with a curvature matrix: conjugate gradients, and the largest eigenvalue.

use serde::Serialize;

use crate::engine::{Buf, Data, Program};
use crate::error::Result;
use crate::kernels::map::{self, Binary};
use crate::kernels::{edit, reduce};
use crate::train::{Product, Session};

/// How a solution came about.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Solved {
    pub iterations: usize,
    /// ‖b − (H + shift I) x‖ / ‖b‖, as the recurrence carries it.
    pub residual: f64,
    pub stopped_by: StoppedBy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoppedBy {
    Tolerance,
    MaxIterations,
    /// uᵀ (H + shift I) u ≤ 0, which a Gauss-Newton matrix has by rounding alone.
    Curvature,
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Until {
    pub iterations: usize,
    pub tolerance: f64,
}

/// Solves (H + shift I) x = b (Hestenes & Stiefel 1952). Vectors stay on the engine, two scalars an iteration cross the
/// bus.
pub(super) fn conjugate_gradients(
    session: &mut Session,
    h: &dyn Product,
    shift: f64,
    b: Buf<f32>,
    x: Buf<f32>,
    until: Until,
) -> Result<Solved> {
    let (steps, first) = Steps::start(session, h, shift, b, x)?;
    let mut now = first;
    let solved = |iterations, now: f64, stopped_by| {
        let residual = if first > 0.0 { (now / first).sqrt() } else { 0.0 };
        Ok(Solved { iterations, residual, stopped_by })
    };
    for i in 0..until.iterations {
        if now <= until.tolerance.powi(2) * first {
            return solved(i, now, StoppedBy::Tolerance);
        }
        h.apply(session)?;
        let along = f64::from(session.engine.run(&steps.curvature, &[])?[0].f32()[0]);
        if along.is_nan() || along <= 0.0 {
            return solved(i, now, StoppedBy::Curvature);
        }
        let next = session.engine.run(&steps.step, &[Data::F32(vec![(now / along) as f32])])?;
        let next = f64::from(next[0].f32()[0]);
        session.engine.run(&steps.turn, &[Data::F32(vec![(next / now) as f32])])?;
        now = next;
    }
    let by = if now <= until.tolerance.powi(2) * first { StoppedBy::Tolerance } else { StoppedBy::MaxIterations };
    solved(until.iterations, now, by)
}

/// What an iteration runs besides the product, on the direction p and H p.
struct Steps {
    /// H p += shift p; gives pᵀ of that.
    curvature: Program,
    /// x and the residual r move along p by the length given; gives ‖r‖².
    step: Program,
    /// p = r + β p for the β given.
    turn: Program,
}

impl Steps {
    /// Sets x = 0, r = p = b; returns ‖b‖² too.
    fn start(session: &mut Session, h: &dyn Product, shift: f64, b: Buf<f32>, x: Buf<f32>) -> Result<(Steps, f64)> {
        let (r, p, hp) = (session.vector("cg.r")?, h.u(), h.hu());
        let norm2 = session.run(|rec| {
            let norm2 = rec.temp("norm2", 1);
            rec.clear(x);
            rec.copy(b, r);
            rec.copy(b, p);
            reduce::total(rec, b, norm2, 1.0, true);
            rec.readback(norm2);
            Ok(())
        })?;
        let mut rec = session.recording();
        let (product, along) = (rec.temp("product", p.len), rec.temp("along", 1));
        map::axpby(&mut rec, shift as f32, p, 1.0, hp);
        map::binary(&mut rec, Binary::Mul, p, hp, product);
        reduce::total(&mut rec, product, along, 1.0, false);
        rec.readback(along);
        let curvature = session.compile(rec)?;
        let mut rec = session.recording();
        let (length, left) = (rec.temp("length", 1), rec.temp("norm2", 1));
        rec.upload(length);
        edit::step(&mut rec, x, p, length, 1.0);
        edit::step(&mut rec, r, hp, length, -1.0);
        reduce::total(&mut rec, r, left, 1.0, true);
        rec.readback(left);
        let step = session.compile(rec)?;
        let mut rec = session.recording();
        let (old, beta) = (rec.temp("old", p.len), rec.temp("beta", 1));
        rec.upload(beta);
        rec.copy(p, old);
        rec.copy(r, p);
        edit::step(&mut rec, p, old, beta, 1.0);
        let turn = session.compile(rec)?;
        Ok((Steps { curvature, step, turn }, f64::from(norm2[0].f32()[0])))
    }
}

/// The largest eigenvalue of H by `steps` power iterations from `start`: a lower bound that rises with each.
pub(super) fn largest_eigenvalue(session: &mut Session, h: &dyn Product, start: Buf<f32>, steps: usize) -> Result<f64> {
    let (u, hu) = (h.u(), h.hu());
    let mut norm = 0.0;
    let mut rec = session.recording();
    let (norm2, one) = (rec.temp("norm2", 1), rec.temp("one", 1));
    map::fill(&mut rec, one, 1.0);
    reduce::total(&mut rec, hu, norm2, 1.0, true);
    rec.copy(hu, u);
    edit::rescale(&mut rec, u, one, norm2);
    rec.readback(norm2);
    let next = session.compile(rec)?;
    session.run(|rec| {
        rec.copy(start, hu);
        Ok(())
    })?;
    // The first turn brings the start to length 1.
    for i in 0..=steps {
        if i > 0 {
            h.apply(session)?;
        }
        norm = f64::from(session.engine.run(&next, &[])?[0].f32()[0]).sqrt();
        if norm == 0.0 {
            break;
        }
    }
    Ok(norm)
}
