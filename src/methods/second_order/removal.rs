//! What certified removals from a linear model have in common: Newton steps towards the new optimum, a bound of what
//! they leave, and a budget that requests share.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::kernels::map;
use crate::kernels::reduce;
use crate::methods;
use crate::methods::prelude::*;
use crate::methods::second_order::certificate::{Certificate, newton_bound, softmax_lipschitz};
use crate::records::objective::{self, needs_softmax};
use crate::statistics::solve::{Until, conjugate_gradients};
use crate::statistics::{GaussNewton, Product};
use crate::train::objective_noise;

/// Settings of such methods, by these names.
pub(in crate::methods) const SETTINGS: [Setting; 5] = [
    real("epsilon", "1", Range::POSITIVE, "Of the certificate; the source's."),
    real("delta", "1e-4", Range::INSIDE, "Of the certificate; the source's."),
    count("steps", "2", 1, "The source takes one; a second starts from what the first left."),
    count("iterations", "200", 1, "Of the linear system."),
    real("tolerance", "1e-5", Range::POSITIVE, "Of the linear system's residual, in parts of ‖∇J‖."),
];

/// theta −= (H + λ I)⁻¹ ∇J, J the mean objective of the retained records with its decay and its bᵀθ / n, H the exact
/// Hessian of their mean loss; as many times as `steps` says. What the last step can have left (see
/// [`super::certificate`]) is added to what was spent. Where that is beyond the budget, the model is retrained on the
/// retained records under another b.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::methods) struct Removal {
    pub epsilon: f64,
    pub delta: f64,
    pub steps: usize,
    pub iterations: usize,
    pub tolerance: f64,
}

/// Bound on the sum's gradient after a step.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(in crate::methods) struct Left {
    /// By the curvature's turn.
    pub newton: f64,
    /// By the linear system, measured.
    pub solver: f64,
    /// The gradient itself where the step ended, in f32; counts where rounding lifts it above the bound.
    pub measured: f64,
}

impl Left {
    /// What a step may have left, by the data that it was taken on.
    pub fn spent(&self) -> f64 {
        (self.newton + self.solver).max(self.measured)
    }
}

/// The rows that steps are taken on.
pub(in crate::methods) struct Asked<'a> {
    /// Of the method that asks, for messages.
    pub name: &'static str,
    /// At least ‖X̃‖₂ of the retained records.
    pub spectral: f64,
    /// What is charged, by the certificate before and what each step left.
    pub charge: &'a dyn Fn(&Certificate, &[Left]) -> f64,
}

impl Removal {
    /// Takes the steps, or retrains; fills the account but for its clock.
    ///
    /// # Errors
    /// A run without a certificate that it could have earned; a lost device.
    pub fn remove(&self, session: &mut Session, view: &View, asked: Asked, account: &mut Account) -> Result<()> {
        let before = self.before(session, view, asked.name)?;
        let mut left = Vec::new();
        for _ in 0..self.steps {
            left.push(self.step(session, view, before.noise_seed, asked.spectral)?);
        }
        let charged = (asked.charge)(&before, &left);
        let kept = before.spend(charged);
        account.took(self.steps as u64);
        account.note("left", json!(left.last()));
        account.note("lipschitz", softmax_lipschitz());
        account.note("retrained", kept.is_none());
        account.details.certificate = Some(match kept {
            Some(after) => after,
            None => {
                let why = format!(
                    "the request may leave {charged:.3e}, of the budget of {:.3e} the run has {:.3e} left; the model \
                        was retrained on the retained records under new noise",
                    before.budget,
                    before.budget - before.spent
                );
                account.note("why_retrained", why);
                self.retrain(session, view, before.noise_seed.wrapping_add(1))?
            }
        });
        Ok(())
    }

    /// The certificate that the run comes with, or the one that its training earns: the gradient that training left is
    /// counted, for a retrain would leave its like.
    fn before(&self, session: &mut Session, view: &View, name: &str) -> Result<Certificate> {
        let (sigma, lambda) = (view.train.objective_noise, view.train.weight_decay);
        if let Some(known) = view.past.certificate {
            return match (known.epsilon, known.delta) == (self.epsilon, self.delta) {
                true => Ok(known.clone()),
                false => Err(Error::input(format!(
                    "method `{name}`: the run is certified for epsilon {} and delta {:e}, and {} and {:e} were asked \
                        for; requests share one budget, so keep the run's",
                    known.epsilon, known.delta, self.epsilon, self.delta
                ))),
            };
        }
        if let Some(method) = view.past.method.filter(|method| methods::role(method) != Some(Role::Reference)) {
            return Err(Error::input(format!(
                "method `{name}`: the run comes from `{method}`, which keeps no certificate; start from a trained or \
                    a retrained run"
            )));
        }
        let seed = view.past.seed.unwrap_or(view.seed);
        let mut trained = [view.retain, view.forget].concat();
        trained.sort_unstable();
        // A request on a graph may forget what retained nodes had.
        trained.dedup();
        let residual = objective_gradient(session, view.train, Records::before(&trained), seed)?;
        let certificate = Certificate::new(self.epsilon, self.delta, sigma, lambda, seed, residual);
        match certificate.spent <= certificate.budget {
            true => Ok(certificate),
            false => Err(Error::input(format!(
                "method `{name}`: training left a gradient of {residual:.3e} (of the sum over records), more than the \
                    whole budget of {:.3e}; train longer, with a falling learning rate and larger batches, or with \
                    more train.objective_noise",
                certificate.budget
            ))),
        }
    }

    /// One step; returns what it can have left.
    fn step(&self, session: &mut Session, view: &View, seed: u64, spectral: f64) -> Result<Left> {
        let (lambda, n) = (view.train.weight_decay, view.retain.len() as f64);
        objective_gradient(session, view.train, Records::train(view.retain), seed)?;
        let (theta, grad) = (session.theta, session.grad);
        let (v, x) = (session.vector("certified.v")?, session.vector("certified.x")?);
        session.run(|rec| {
            // The sum's gradient, for the mean's step.
            map::axpby(rec, (-1.0 / n) as f32, grad, 0.0, v);
            Ok(())
        })?;
        let h = statistics::gauss_newton(session, Records::train(view.retain))?;
        let until = Until { iterations: self.iterations, tolerance: self.tolerance };
        conjugate_gradients(session, &h, lambda, v, x, until)?;
        let solver = n * system_residual(session, &h, lambda)?;
        // The model is linear: under the step as its parameters it says by how much the logits change.
        let at = session.vector("certified.at")?;
        session.run(|rec| {
            rec.copy(theta, at);
            rec.copy(x, theta);
            Ok(())
        })?;
        let changes = statistics::logits(session, Records::train(view.retain))?;
        session.run(|rec| {
            rec.copy(at, theta);
            map::axpby(rec, 1.0, x, 1.0, theta);
            Ok(())
        })?;
        let newton = newton_bound(spectral, &changes, session.model.classes);
        let measured = objective_gradient(session, view.train, Records::train(view.retain), seed)?;
        Ok(Left { newton, solver, measured })
    }

    /// Trains on the retained records under the next b.
    fn retrain(&self, session: &mut Session, view: &View, seed: u64) -> Result<Certificate> {
        let fresh = view.past.start(session.model, seed);
        session.write_theta(&fresh)?;
        let retained = Records::train(view.retain);
        fit_to_end(session, view.train, seed, &[Term { records: retained, weight: 1.0 }])?;
        let residual = objective_gradient(session, view.train, retained, seed)?;
        let (sigma, lambda) = (view.train.objective_noise, view.train.weight_decay);
        Ok(Certificate::new(self.epsilon, self.delta, sigma, lambda, seed, residual))
    }
}

/// The length of the gradient of the sum's objective over `records`, which ends up in the session's scratch vector.
fn objective_gradient(session: &mut Session, train: &TrainConfig, records: Records, seed: u64) -> Result<f64> {
    let n = records.indices.len().max(1) as f64;
    let b = objective_noise(&session.model.layout, seed, train.objective_noise);
    statistics::gradient(session, records, (1.0 / n) as f32, false)?;
    statistics::objective_gradient(session, &b, train.weight_decay, n)
}

/// ‖v − (H + λ I) x‖ of the vectors that a step has left.
fn system_residual(session: &mut Session, h: &GaussNewton, lambda: f64) -> Result<f64> {
    let (v, x, u, hu) = (session.vector("certified.v")?, session.vector("certified.x")?, h.u(), h.hu());
    session.run(|rec| {
        rec.copy(x, u);
        Ok(())
    })?;
    h.apply(session)?;
    let out = session.run(|rec| {
        let norm2 = rec.temp("norm2", 1);
        map::axpby(rec, lambda as f32, x, 1.0, hu);
        map::axpby(rec, -1.0, v, 1.0, hu);
        reduce::total(rec, hu, norm2, 1.0, true);
        rec.readback(norm2);
        Ok(())
    })?;
    Ok(f64::from(out[0].f32()[0]).sqrt())
}

/// # Errors
/// What the recipe lacks for a certificate.
pub(in crate::methods) fn certifiable(name: &str, recipe: &TrainConfig) -> Result<()> {
    let lacks = [
        (
            recipe.weight_decay <= 0.0,
            "train.weight_decay is 0, and without it the objective need not have one optimum; set it (1e-3, say)",
        ),
        (
            recipe.objective_noise <= 0.0,
            "train.objective_noise is 0, so that nothing hides what a step leaves; train with it (1, say)",
        ),
        (
            recipe.optimizer == "adamw",
            "adamw decays outside the objective and does not go to its optimum; use sgd or adam",
        ),
        (
            recipe.label_smoothing > 0.0 || recipe.class_weights.is_some(),
            "its bound is that of the plain cross-entropy; leave train.label_smoothing and train.class_weights out",
        ),
        (recipe.augment.is_some(), "its objective is over the records as they are; leave train.augment out"),
        (!recipe.freeze.is_empty(), "its steps move every parameter to the optimum of all; leave train.freeze out"),
        (
            recipe.early_stopping.is_some(),
            "train.early_stopping chooses by the validation part; train to the optimum without it",
        ),
        (
            recipe.coupled.is_some(),
            "[train.coupled] adds noise to gradients, so that training does not go to the objective's optimum; use \
                `coupling`",
        ),
        (
            recipe.dp.is_some(),
            "[train.dp] clips gradients, so that training does not go to the objective's optimum; leave it out",
        ),
    ];
    if let Some(of) = &recipe.objective {
        needs_softmax(objective::find(of)?, &format!("method `{name}`"))?;
    }
    match lacks.iter().find(|(lack, _)| *lack) {
        Some((_, why)) => Err(Error::input(format!("method `{}`: {why}", name))),
        None => Ok(()),
    }
}
