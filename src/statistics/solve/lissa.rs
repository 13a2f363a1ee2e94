//! The Neumann series of an inverse (LiSSA: Agarwal, Bullins & Hazan, JMLR 2017, section 3), deterministic: full
//! products in place of one record's.

use super::{Flying, LOOK, Solved, StoppedBy, Until, largest_eigenvalue, norm2, start_vector, true_residual};
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::{map, reduce};
use crate::records::Session;
use crate::statistics::Product;

/// How the series is summed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Series {
    /// s; none for 1.1 times the larger of λ_max and the shift.
    pub scale: Option<f64>,
    /// When to stop.
    pub until: Until,
}

/// Power iterations behind λ_max.
const POWER_STEPS: usize = 50;

/// Margin of the scale over a λ_max that is a lower bound.
const MARGIN: f64 = 1.1;

/// Solves (H + shift I) x = b by h₀ = b, h ← b + (1 − δ) h − H h / s with δ = shift / s, x = h / s; returns the scale s
/// too. Read the other way round, a series of scale s and damping δ has the limit (H + δ s I)⁻¹ b. The iterations that
/// it takes grow like (s + shift) / (λ_min + shift), where those of conjugate gradients grow like the root of that: the
/// shift must not be tiny. The change of h from one iteration to the next is the residual.
///
/// # Errors
/// A scale below λ_max or the shift, with both numbers: the series need not converge.
pub fn lissa(
    session: &mut Session,
    h: &dyn Product,
    shift: f64,
    b: Buf<f32>,
    x: Buf<f32>,
    series: Series,
) -> Result<(Solved, f64)> {
    let start = session.vector("lissa.start")?;
    start_vector(session, start, 0)?;
    let top = largest_eigenvalue(session, h, start, POWER_STEPS)?;
    let scale = match series.scale {
        Some(scale) if scale >= top.max(shift) => scale,
        Some(scale) if scale >= top => {
            return Err(Error::input(format!(
                "LiSSA with scale {scale}: the damping {shift} is larger; use a scale of at least {shift}, or \
                    conjugate gradients"
            )));
        }
        Some(scale) => {
            return Err(Error::input(format!(
                "LiSSA with scale {scale}: the curvature's largest eigenvalue is {top:.4}, and below it the series \
                    diverges; use at least {:.4}",
                MARGIN * top
            )));
        }
        None => MARGIN * top.max(shift).max(f64::MIN_POSITIVE),
    };
    let (iterations, flag) = sum(session, h, shift, b, x, scale, series.until)?;
    let r = session.vector("lissa.r")?;
    let (whole, left) = (norm2(session, b)?, true_residual(session, h, shift, b, x, r)?);
    let residual = if whole > 0.0 { (left / whole).sqrt() } else { 0.0 };
    let stopped_by = match flag {
        _ if residual <= series.until.tolerance => StoppedBy::Tolerance,
        true => StoppedBy::Rounding,
        false => StoppedBy::MaxIterations,
    };
    Ok((Solved { iterations, residual, stopped_by }, scale))
}

/// Sums the series; returns the iterations, and whether the last change was within the tolerance.
fn sum(
    session: &mut Session,
    h: &dyn Product,
    shift: f64,
    b: Buf<f32>,
    x: Buf<f32>,
    scale: f64,
    until: Until,
) -> Result<(usize, bool)> {
    let (u, hu, r) = (h.u(), h.hu(), session.vector("lissa.r")?);
    let left = session.scalar("lissa.left")?;
    let mut rec = session.recording();
    rec.copy(b, r);
    map::axpby(&mut rec, (-shift / scale) as f32, u, 1.0, r);
    map::axpby(&mut rec, (-1.0 / scale) as f32, hu, 1.0, r);
    map::axpby(&mut rec, 1.0, r, 1.0, u);
    let next = session.compile(rec)?;
    let mut rec = session.recording();
    reduce::total(&mut rec, r, left, 1.0, true);
    rec.readback(left);
    let look = session.compile(rec)?;
    let goal = until.tolerance.powi(2) * norm2(session, b)?;
    session.run(|rec| {
        rec.copy(b, u);
        Ok(())
    })?;
    let (mut done, mut small) = (0, false);
    while !small && done < until.iterations {
        let mut flying = Flying::default();
        for _ in 0..LOOK.min(until.iterations - done) {
            flying.product(session, h)?;
            flying.submit(session, &next, &[])?;
            done += 1;
        }
        small = f64::from(session.engine.run(&look, &[])?[0].f32()[0]) <= goal;
        flying.land(session)?;
    }
    session.run(|rec| {
        map::axpby(rec, (1.0 / scale) as f32, u, 0.0, x);
        Ok(())
    })?;
    Ok((done, small))
}
