//! Influence functions with Gauss-Newton curvature: one damped Newton step from the objective with the records to the
//! objective without them, on graphs with the change that the deletion makes in its neighbours.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::engine::Buf;
use crate::kernels::map;
use crate::kernels::map::Binary;
use crate::methods::prelude::*;
use crate::statistics::solve::{Until, conjugate_gradients, largest_eigenvalue};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "influence",
    summary: "one Newton step, Gauss-Newton curvature by damped conjugate gradients; on graphs GIF's difference of \
        gradients",
    citation: "Koh & Liang, ICML 2017; Wu et al., WWW 2023 (GIF), mean losses, with the regulariser and no guessed \
        scale",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[&[
        real("damping", "0.03", Range::POSITIVE, "In units of the mean loss; less was unstable on Cora and Citeseer."),
        count("iterations", "100", 1, "Most products with H; CEU's."),
        real("tolerance", "1e-4", Range::POSITIVE, "Of the residual, in parts of ‖v‖; CEU's."),
        count("curvature_records", "0", 0, "Retained records that H is taken over, drawn by the seed; 0 for all."),
    ]],
    build: |table| settings::build::<Influence>(&ROW, table),
};

/// theta += (H + (damping + w) I)⁻¹ v with w the recipe's weight decay, H the Gauss-Newton matrix of the mean loss over
/// the n retained records as they are after the request, and
///
/// v = (1/n) (Σ_gone ∇l_before + Σ_reached ∇l_before − Σ_reached ∇l_now + |gone| w theta):
///
/// `gone` are the records that leave the objective, `reached` the retained ones whose outputs the deletion changes
/// (none where records stand alone). It is the gradient of the old objective, in units of the new one, less the
/// gradient of the new: at an optimum of the old the step is Newton's towards the new, and elsewhere it does not go on
/// training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Influence {
    damping: f64,
    iterations: usize,
    tolerance: f64,
    curvature_records: usize,
}

/// Keeps this draw apart from the orders of epochs.
const STREAM_CURVATURE: u32 = 0x6375_7276;

/// Power iterations behind the reported scale.
const POWER_STEPS: usize = 20;

/// Puts v, the gradient of the old objective less that of the new, into the session's vector `influence.v`.
pub(in crate::methods) fn difference(session: &mut Session, view: &View, account: &mut Account) -> Result<Buf<f32>> {
    let gone: Vec<u32> = view.forget.iter().filter(|i| view.retain.binary_search(i).is_err()).copied().collect();
    let reached = view.graph.map_or(&[][..], |graph| graph.influenced_train);
    let mut before = [&gone, reached].concat();
    before.sort_unstable();
    account.note("gone", gone.len());
    account.note("reached", reached.len());
    let v = session.vector("influence.v")?;
    let each = (1.0 / view.retain.len().max(1) as f64) as f32;
    let (theta, grad) = (session.theta, session.grad);
    session.run(|rec| {
        rec.clear(grad);
        Ok(())
    })?;
    if !before.is_empty() {
        statistics::gradient(session, Records::before(&before), each, false)?;
    }
    if !reached.is_empty() {
        statistics::gradient(session, Records::train(reached), -each, true)?;
    }
    // A text that loses a part stays a record: what its loss loses are that part's tokens.
    let cut: Vec<u32> = match view.graph {
        None => view.forget.iter().filter(|i| !gone.contains(i)).copied().collect(),
        Some(_) => Vec::new(),
    };
    for record in &cut {
        let counts = session.predicts(Part::Before, *record);
        let part = counts.iter().filter(|counts| **counts).count() as f64 / counts.len().max(1) as f64;
        statistics::gradient(session, Records::before(&[*record]), (f64::from(each) * part) as f32, true)?;
    }
    if !cut.is_empty() {
        account.note("lose_a_part", cut.len());
    }
    let decay = (f64::from(each) * gone.len() as f64 * view.train.weight_decay) as f32;
    session.run(|rec| {
        rec.copy(grad, v);
        map::axpby(rec, decay, theta, 1.0, v);
        Ok(())
    })?;
    Ok(v)
}

impl Method for Influence {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let mut method_s = 0.0;
        let drawn = view.drawn(self.curvature_records, STREAM_CURVATURE);
        let shift = self.damping + view.train.weight_decay;
        let (scale, solved) = timed(&mut method_s, || {
            let v = difference(session, view, &mut account)?;
            let h = statistics::gauss_newton(session, Records::train(&drawn))?;
            let scale = largest_eigenvalue(session, &h, v, POWER_STEPS)?;
            let (x, theta) = (session.vector("influence.x")?, session.theta);
            let until = Until { iterations: self.iterations, tolerance: self.tolerance };
            let solved = conjugate_gradients(session, &h, shift, v, x, until)?;
            session.run(|rec| {
                let moved = rec.temp("moved", theta.len);
                map::binary(rec, Binary::Add, theta, x, moved);
                rec.copy(moved, theta);
                Ok(())
            })?;
            Ok((scale, solved))
        })?;
        account.method_s = method_s;
        account.note("curvature", "gauss_newton");
        account.note("curvature_records", drawn.len());
        account.note("largest_eigenvalue", scale);
        account.note("solver", json!(solved));
        account.close(session, &origin)
    }
}
