//! Linear systems and eigenvalues of a curvature matrix that is known by its products alone. Vectors and scalars stay
//! on the engine; the host looks in every few iterations. Every solver gives the same bytes from the same start.

mod cg;
mod descent;
mod lanczos;
mod lbfgs;
mod lissa;
mod power;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

pub use cg::conjugate_gradients;
pub use descent::{Converged, minimise};
pub use lanczos::{Spectrum, lanczos, tridiagonal};
pub use lbfgs::Pairs;
pub use lissa::{Series, lissa};
pub use power::{largest_eigenvalue, start_vector};

use super::Product;
use crate::engine::{Buf, Data, Program, Ticket};
use crate::error::Result;
use crate::kernels::{map, reduce};
use crate::records::Session;

/// How a solution came about.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Solved {
    /// Products with H that moved the solution.
    pub iterations: usize,
    /// ‖b − (H + shift I) x‖ / ‖b‖ of the solution that was handed back, computed anew.
    pub residual: f64,
    /// Why it ended.
    pub stopped_by: StoppedBy,
}

/// Why an iteration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StoppedBy {
    /// The residual fell to the tolerance.
    Tolerance,
    /// It ran out of iterations.
    MaxIterations,
    /// uᵀ (H + shift I) u ≤ 0 along the direction u, which a Gauss-Newton matrix has by rounding alone; the solution is
    /// the one before that direction.
    Curvature,
    /// The recurrence fell to the tolerance and the true residual did not, from the start again either: the last digits
    /// are beyond f32.
    Rounding,
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Until {
    /// At most so many iterations.
    pub iterations: usize,
    /// Of the residual, in parts of ‖b‖.
    pub tolerance: f64,
}

/// Which solver of (H + shift I) x = b.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Solver {
    /// Conjugate gradients (Hestenes and Stiefel 1952).
    #[default]
    Cg,
    /// Truncated Neumann series (Agarwal et al. 2017).
    Lissa,
}

impl Solver {
    /// Solves with this solver; LiSSA takes its scale from power iteration.
    pub fn solve(
        self,
        session: &mut Session,
        h: &dyn Product,
        shift: f64,
        b: Buf<f32>,
        x: Buf<f32>,
        until: Until,
    ) -> Result<Solved> {
        match self {
            Solver::Cg => conjugate_gradients(session, h, shift, b, x, until),
            Solver::Lissa => lissa(session, h, shift, b, x, Series { scale: None, until }).map(|(solved, _)| solved),
        }
    }
}

/// Iterations between two looks of the host.
const LOOK: usize = 10;

/// Runs under way that nobody reads anything from.
#[derive(Default)]
struct Flying(VecDeque<Ticket>);

impl Flying {
    /// Submits the programs of a product.
    fn product(&mut self, session: &mut Session, h: &dyn Product) -> Result<()> {
        h.programs().iter().try_for_each(|(program, inputs)| self.submit(session, program, inputs))
    }

    fn submit(&mut self, session: &mut Session, program: &Program, inputs: &[Data]) -> Result<()> {
        self.0.push_back(session.engine.submit(program, inputs)?);
        Ok(())
    }

    /// Waits for all of them.
    fn land(&mut self, session: &mut Session) -> Result<()> {
        self.0.drain(..).try_for_each(|ticket| session.engine.wait(ticket).map(drop))
    }
}

/// ‖v‖².
fn norm2(session: &mut Session, v: Buf<f32>) -> Result<f64> {
    let out = session.run(|rec| {
        let norm2 = rec.temp("norm2", 1);
        reduce::total(rec, v, norm2, 1.0, true);
        rec.readback(norm2);
        Ok(())
    })?;
    Ok(f64::from(out[0].f32()[0]))
}

/// Sets r = b − (H + shift I) x and returns ‖r‖². Leaves x in H's vector.
fn true_residual(
    session: &mut Session,
    h: &dyn Product,
    shift: f64,
    b: Buf<f32>,
    x: Buf<f32>,
    r: Buf<f32>,
) -> Result<f64> {
    let (u, hu) = (h.u(), h.hu());
    session.run(|rec| {
        rec.copy(x, u);
        Ok(())
    })?;
    h.apply(session)?;
    session.run(|rec| {
        rec.copy(b, r);
        map::axpby(rec, -1.0, hu, 1.0, r);
        map::axpby(rec, -shift as f32, x, 1.0, r);
        Ok(())
    })?;
    norm2(session, r)
}
