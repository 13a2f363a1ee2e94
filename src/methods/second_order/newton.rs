//! Newton removal: steps from where the model is towards the optimum of the objective of the retained records.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::engine::Buf;
use crate::kernels::{map, reduce};
use crate::methods::prelude::*;
use crate::methods::second_order::curvature::{CURVATURES, Curvature};
use crate::statistics::solve::{Solved, Solver, Until};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "newton",
    summary: "Newton steps on the objective of the retained records, weight decay included",
    citation: "Guo et al., ICML 2020, eq. 2; Golatkar et al., CVPR 2020; with the gradient and the curvature of the \
        new objective",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[&[
        count("steps", "1", 1, "1 is enough for records at random in a convex model, a class needs 2 or 3."),
        real(
            "damping",
            ABSENT,
            Range::NOT_NEGATIVE,
            "In units of the mean loss, besides the weight decay. Absent: 0 where the model is linear in its \
                parameters and \
             the recipe has weight decay, so that the step is Newton's; else 0.03.",
        ),
        choice("curvature", "gauss_newton", CURVATURES, "The matrix H."),
        choice("solver", "cg", SOLVERS, "Of the linear system."),
        count("iterations", "500", 1, "Most products with H a step."),
        real("tolerance", "1e-4", Range::POSITIVE, "Of the residual, in parts of the gradient's norm."),
        count("curvature_records", "0", 0, "Retained records that H is taken over, drawn by the seed; 0 for all."),
    ]],
    build: |table| settings::build::<Newton>(&ROW, table),
};

/// theta ← theta − (H + (damping + w) I)⁻¹ (∇L(theta) + w theta), `steps` times: L the mean loss over the retained
/// records as they are after the request, H its Gauss-Newton matrix or its Hessian where theta is, w the recipe's
/// weight decay. It is Newton's method on what a retrain minimises, so for a convex objective it ends where a retrain
/// to the optimum ends; a model that is not at an optimum of its own goes on training too, for which
/// [`super::influence`] has the difference form.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Newton {
    steps: usize,
    damping: Option<f64>,
    curvature: Curvature,
    solver: Solver,
    iterations: usize,
    tolerance: f64,
    curvature_records: usize,
}

const SOLVERS: &[(&str, &str)] = &[("cg", "conjugate gradients"), ("lissa", "a damped Neumann series, LiSSA")];

/// Keeps this draw apart from the orders of epochs.
const STREAM_CURVATURE: u32 = 0x6e65_7774;

/// Damping of a model whose Gauss-Newton matrix may be singular.
const DAMPING: f64 = 0.03;

impl Newton {
    /// # Errors
    /// Neither damping nor weight decay: the matrix of a softmax is singular.
    fn damping(&self, session: &Session, view: &View) -> Result<f64> {
        let decay = view.train.weight_decay;
        let convex = session.model.is_linear() && decay > 0.0;
        match self.damping {
            Some(damping) if damping + decay > 0.0 => Ok(damping),
            Some(_) => Err(Error::input(
                "method newton: damping = 0 needs train.weight_decay > 0, or the curvature has no inverse; give a \
                    positive damping",
            )),
            None => Ok(if convex { 0.0 } else { DAMPING }),
        }
    }
}

/// What one step reports.
#[derive(Serialize)]
struct Step {
    /// ‖∇J‖ before it.
    gradient_norm: f64,
    #[serde(flatten)]
    solved: Solved,
}

impl Method for Newton {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        if view.retain.is_empty() {
            return Err(Error::input(
                "method newton: no record is retained, so there is no objective left; use retrain",
            ));
        }
        if view.train.objective_noise > 0.0 {
            return Err(Error::input(
                "method newton: the run was trained with train.objective_noise, a term that its objective does not \
                    have; use certified_removal",
            ));
        }
        let damping = self.damping(session, view)?;
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData]);
        let mut method_s = 0.0;
        let drawn = view.drawn(self.curvature_records, STREAM_CURVATURE);
        let until = Until { iterations: self.iterations, tolerance: self.tolerance };
        let (mut steps, shift) = (Vec::new(), damping + view.train.weight_decay);
        let left = timed(&mut method_s, || {
            let (b, x) = (session.vector("newton.b")?, session.vector("newton.x")?);
            let h = self.curvature.of(session, Records::train(&drawn))?;
            for _ in 0..self.steps {
                let gradient_norm = objective_gradient(session, view, b)?;
                let solved = self.solver.solve(session, h.as_ref(), shift, b, x, until)?;
                let theta = session.theta;
                session.run(|rec| {
                    map::axpby(rec, -1.0, x, 1.0, theta);
                    Ok(())
                })?;
                steps.push(Step { gradient_norm, solved });
            }
            objective_gradient(session, view, b)
        })?;
        account.method_s = method_s;
        account.note("curvature", json!(self.curvature));
        account.note("curvature_records", drawn.len());
        account.note("damping", damping);
        account.note("newton_steps", json!(steps));
        account.note("gradient_norm_left", left);
        account.close(session, &origin)
    }
}

/// Sets `out` = ∇L + w theta over the retained records and returns its norm.
pub(in crate::methods) fn objective_gradient(session: &mut Session, view: &View, out: Buf<f32>) -> Result<f64> {
    let mean = (1.0 / view.retain.len() as f64) as f32;
    statistics::gradient(session, Records::train(view.retain), mean, false)?;
    let (theta, grad, decay) = (session.theta, session.grad, view.train.weight_decay as f32);
    let norm2 = session.run(|rec| {
        let norm2 = rec.temp("norm2", 1);
        rec.copy(grad, out);
        map::axpby(rec, decay, theta, 1.0, out);
        reduce::total(rec, out, norm2, 1.0, true);
        rec.readback(norm2);
        Ok(())
    })?;
    Ok(f64::from(norm2[0].f32()[0]).sqrt())
}
