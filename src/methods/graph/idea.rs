//! IDEA: one influence step for any mixture of nodes, edges and features, and noise that hides what it leaves.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::base::gaussian_epsilon;
use crate::kernels::map;
use crate::methods::prelude::*;
use crate::methods::second_order::influence::difference;
use crate::methods::second_order::newton::objective_gradient;
use crate::statistics::solve::{Until as Within, conjugate_gradients};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "idea",
    summary: "one influence step for nodes, edges and features alike, then noise on every weight that hides what it \
        leaves (graphs only)",
    citation: "Dong et al., KDD 2024 (IDEA, A Flexible Framework of Certified Unlearning for Graph Neural Networks), \
        mean losses, Gauss-Newton curvature",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: &[RecordKind::Node],
    settings: &[&[
        real("damping", "0.03", Range::NOT_NEGATIVE, "In units of the mean loss, besides the weight decay."),
        count("iterations", "100", 1, "Most products with H; the source's on Cora."),
        real("tolerance", "1e-4", Range::POSITIVE, "Of the residual, in parts of ‖v‖."),
        real(
            "sigma",
            "0.01",
            Range::NONE_OR_MORE,
            "Standard deviation of the noise on every weight. The source has 0.005 to 0.6, by network.",
        ),
        real("delta", "1e-4", Range::INSIDE, "The δ at which ε is told."),
    ]],
    build: |table| settings::build::<Idea>(&ROW, table),
};

/// theta += (H + (damping + w) I)⁻¹ v + N(0, sigma² I), v as in [`crate::methods::second_order::influence`]: the
/// gradient of what goes and of whom it reaches as the graph was, less the gradient of the latter as it is. The source
/// sums a Neumann series that it scales by hand.
///
/// **What the noise proves.** The source bounds ‖θ_r − θ‖, θ_r the retrained optimum, by (m L + √(m² L² + 4 λ n t C)) /
/// (λ n) + ‖Δθ‖ for m nodes that go and t that are reached, where every loss has a slope of at most L, lies below C,
/// and the objective is λ-strongly convex; it sets these constants for networks that are not convex. Here ε is told
/// only where the objective is: of a network that is linear in its weights with the decay w, the new objective J is
/// w-strongly convex, so that ‖θ_r − θ‖ ≤ ‖∇J(θ)‖ / w (Boyd & Vandenberghe 2004, 9.1.2), of which the gradient is
/// measured. With the same noise on both, ε is that of a Gaussian mechanism of this sensitivity. Elsewhere the noise
/// proves nothing, and the account says so.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Idea {
    damping: f64,
    iterations: usize,
    tolerance: f64,
    sigma: f64,
    delta: f64,
}

/// What is missing for ε to hold.
fn lacks(session: &Session, view: &View) -> Option<&'static str> {
    let recipe = view.train;
    let all = [
        (!session.model.is_linear(), "the network is not linear in its weights, so that its objective is not convex"),
        (recipe.weight_decay <= 0.0, "train.weight_decay is 0, so that the objective is not strongly convex"),
        (!session.objective().softmax, "the objective is not cross-entropy over classes"),
        (recipe.optimizer == "adamw", "adamw decays outside the objective"),
        (recipe.objective_noise > 0.0, "train.objective_noise is a term of its own; use certified_sgc"),
        (recipe.label_smoothing > 0.0 || recipe.class_weights.is_some(), "the loss is not the plain cross-entropy"),
        (!recipe.freeze.is_empty(), "train.freeze holds parameters"),
        (recipe.dp.is_some() || recipe.coupled.is_some(), "training does not go to the objective's optimum"),
        (view.past.fitted, "the data were fitted with what is forgotten"),
    ];
    all.into_iter().find(|(lack, _)| *lack).map(|(_, why)| why)
}

impl Idea {
    /// ε of the noise, for parameters where the step has ended, or why there is none.
    fn guarantee(&self, session: &mut Session, view: &View) -> Result<std::result::Result<Guarantee, String>> {
        if let Some(why) = lacks(session, view) {
            return Ok(Err(why.to_owned()));
        }
        let gradient = session.vector("idea.gradient")?;
        let (norm, decay) = (objective_gradient(session, view, gradient)?, view.train.weight_decay);
        let apart = norm / decay;
        let conditions = vec![
            format!(
                "beside the optimum of the retained nodes' objective on the reduced graph with the same noise: at most \
                 {apart:.4e} apart, by a gradient of {norm:.4e} and the weight decay of {decay}"
            ),
            "to the rounding of 32-bit numbers, and of 24-bit uniform numbers under the noise".into(),
            "given that the settings were chosen without what is forgotten, and that the seed of the noise stays \
             unknown"
                .into(),
        ];
        let epsilon = gaussian_epsilon(self.delta, apart / self.sigma);
        Ok(Ok(Guarantee { epsilon, delta: self.delta, sigma: self.sigma, conditions }))
    }
}

impl Method for Idea {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(ROW.name, targets, "bounds the cross-entropy")
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        view.require_graph(ROW.name)?;
        let shift = self.damping + view.train.weight_decay;
        if shift <= 0.0 {
            return Err(Error::input(
                "method idea: damping = 0 needs train.weight_decay > 0, or the curvature has no inverse; give a \
                 positive damping",
            ));
        }
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let mut clock = 0.0;
        let (solved, proven) = timed(&mut clock, || {
            let v = difference(session, view, &mut account)?;
            let h = statistics::gauss_newton(session, Records::train(view.retain))?;
            let (x, theta) = (session.vector("idea.x")?, session.theta);
            let until = Within { iterations: self.iterations, tolerance: self.tolerance };
            let solved = conjugate_gradients(session, &h, shift, v, x, until)?;
            session.run(|rec| {
                map::axpby(rec, 1.0, x, 1.0, theta);
                Ok(())
            })?;
            let proven = match self.sigma > 0.0 {
                true => Some(self.guarantee(session, view)?),
                false => None,
            };
            if self.sigma > 0.0 {
                session.add_noise(self.sigma, view.seed)?;
            }
            Ok((solved, proven))
        })?;
        account.method_s += clock;
        account.took(1);
        account.note("solver", json!(solved));
        match proven {
            Some(Ok(guarantee)) => account.details.guarantee = Some(guarantee),
            Some(Err(why)) => account.note("not_proven", why),
            None => account.note("not_proven", "there is no noise"),
        }
        account.close(session, &origin)
    }
}
