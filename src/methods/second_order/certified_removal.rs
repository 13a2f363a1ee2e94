//! Certified removal from a linear model: Newton steps towards the new optimum, a bound of what they leave, and a
//! budget that requests share.

use crate::statistics::{GaussNewton, Product};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::kernels::map;
use crate::kernels::reduce;
use crate::methods;
use crate::methods::prelude::*;
use crate::methods::second_order::certificate::{Certificate, newton_bound, softmax_lipschitz, spectral_bound};
use crate::nn::Model;
use crate::records::objective::{self, needs_softmax};
use crate::statistics::solve::{Until, conjugate_gradients};
use crate::train::objective_noise;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "certified_removal",
    summary: "Newton steps on a linear model trained with a noisy objective, their residual bounded and counted \
        against (epsilon, delta)",
    citation: "Guo et al., ICML 2020; Chaudhuri et al., JMLR 2011, with a bound for softmax",
    tier: Tier::Certified,
    role: Role::Method,
    takes: &[RecordKind::Row],
    settings: &[&[
        real("epsilon", "1", Range::POSITIVE, "Of the certificate; the source's."),
        real("delta", "1e-4", Range::INSIDE, "Of the certificate; the source's."),
        count("steps", "2", 1, "The source takes one; a second starts from what the first left."),
        count("iterations", "200", 1, "Of the linear system."),
        real("tolerance", "1e-5", Range::POSITIVE, "Of the linear system's residual, in parts of ‖∇J‖."),
    ]],
    build: |table| settings::build::<CertifiedRemoval>(&ROW, table),
};

/// theta −= (H + λ I)⁻¹ ∇J, J the mean objective of the retained records with its decay and its bᵀθ / n, H the exact
/// Hessian of their mean loss; as many times as `steps` says. What the last step can have left (see
/// [`super::certificate`]) is added to what was spent. Where that is beyond the budget, the model is retrained on the
/// retained records under another b. On digits (lambda 1e-2) the bound after removing a tenth of the records is 55 with
/// one step and 0.19 with two, of a budget of 0.23 sigma.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct CertifiedRemoval {
    epsilon: f64,
    delta: f64,
    steps: usize,
    iterations: usize,
    tolerance: f64,
}

/// Bound on the sum's gradient after a step.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Left {
    /// By the curvature's turn.
    newton: f64,
    /// By the linear system, measured.
    solver: f64,
    /// The gradient itself where the step ended, in f32; counts where rounding lifts it above the bound.
    measured: f64,
}

impl Left {
    fn spent(&self) -> f64 {
        (self.newton + self.solver).max(self.measured)
    }
}

impl CertifiedRemoval {
    /// The certificate that the run comes with, or the one that its training earns: the gradient that training left is
    /// counted, for a retrain would leave its like.
    fn before(&self, session: &mut Session, view: &View, seed: u64) -> Result<Certificate> {
        let (sigma, lambda) = (view.train.objective_noise, view.train.weight_decay);
        if let Some(known) = view.past.certificate {
            return match (known.epsilon, known.delta) == (self.epsilon, self.delta) {
                true => Ok(known.clone()),
                false => Err(Error::input(format!(
                    "method `{}`: the run is certified for epsilon {} and delta {:e}, and {} and {:e} were asked for; \
                        requests share one budget, so keep the run's",
                    ROW.name, known.epsilon, known.delta, self.epsilon, self.delta
                ))),
            };
        }
        if let Some(method) = view.past.method.filter(|method| methods::role(method) != Some(Role::Reference)) {
            return Err(Error::input(format!(
                "method `{}`: the run comes from `{method}`, which keeps no certificate; start from a trained or a \
                    retrained run",
                ROW.name
            )));
        }
        let mut trained = [view.retain, view.forget].concat();
        trained.sort_unstable();
        let residual = objective_gradient(session, view.train, &trained, seed)?;
        let certificate = Certificate::new(self.epsilon, self.delta, sigma, lambda, seed, residual);
        match certificate.spent <= certificate.budget {
            true => Ok(certificate),
            false => Err(Error::input(format!(
                "method `{}`: training left a gradient of {residual:.3e} (of the sum over records), more than the \
                    whole budget of {:.3e}; train longer, with a falling learning rate and larger batches, or with \
                    more train.objective_noise",
                ROW.name, certificate.budget
            ))),
        }
    }

    /// One step; returns what it can have left.
    fn step(&self, session: &mut Session, view: &View, seed: u64, spectral: f64) -> Result<Left> {
        let (lambda, n) = (view.train.weight_decay, view.retain.len() as f64);
        objective_gradient(session, view.train, view.retain, seed)?;
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
        let measured = objective_gradient(session, view.train, view.retain, seed)?;
        Ok(Left { newton, solver, measured })
    }

    /// Trains on the retained records under the next b.
    fn retrain(&self, session: &mut Session, view: &View, seed: u64) -> Result<Certificate> {
        let fresh = view.past.start(session.model, seed);
        session.write_theta(&fresh)?;
        fit_to_end(session, view.train, seed, &[Term { records: Records::train(view.retain), weight: 1.0 }])?;
        let residual = objective_gradient(session, view.train, view.retain, seed)?;
        let (sigma, lambda) = (view.train.objective_noise, view.train.weight_decay);
        Ok(Certificate::new(self.epsilon, self.delta, sigma, lambda, seed, residual))
    }
}

/// The length of the gradient of the sum's objective over `records`, which ends up in the session's scratch vector.
fn objective_gradient(session: &mut Session, train: &TrainConfig, records: &[u32], seed: u64) -> Result<f64> {
    let n = records.len().max(1) as f64;
    let b = objective_noise(&session.model.layout, seed, train.objective_noise);
    statistics::gradient(session, Records::before(records), (1.0 / n) as f32, false)?;
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
fn certifiable(recipe: &TrainConfig) -> Result<()> {
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
    if let Some(name) = &recipe.objective {
        needs_softmax(objective::find(name)?, &format!("method `{}`", ROW.name))?;
    }
    match lacks.iter().find(|(lack, _)| *lack) {
        Some((_, why)) => Err(Error::input(format!("method `{}`: {why}", ROW.name))),
        None => Ok(()),
    }
}

impl Method for CertifiedRemoval {
    fn suits(&self, model: &Model) -> Result<()> {
        let rows = model.layers().iter().map(|layer| layer.row()).filter(|row| !row.facts.reshape);
        let kinds: Vec<&str> = rows.map(|row| row.kind).collect();
        match kinds == ["linear"] {
            true => Ok(()),
            false => Err(Error::input(format!(
                "method `{}` is proven for one linear layer (zoo = \"logistic\"), and the network has {}; put such a \
                    head on fixed features, or use `influence`",
                ROW.name,
                kinds.join(", ")
            ))),
        }
    }

    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(ROW.name, targets, "is proven for softmax and cross-entropy")
    }

    fn suits_recipe(&self, recipe: &TrainConfig) -> Result<()> {
        certifiable(recipe)
    }

    fn needs(&self) -> Needs {
        Needs::History
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        self.suits(session.model)?;
        certifiable(view.train)?;
        let proven = "is proven for records that stand alone, and these are those of a graph";
        session.needs_alone(|| format!("method `{}` {proven}", ROW.name))?;
        let origin = Origin::of(session)?;
        let Past { seed: trained, .. } = view.past;
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let (left, certificate, refused) = timed(&mut account.method_s, || {
            let before = self.before(session, view, trained.unwrap_or(view.seed))?;
            let moments = statistics::moments(session, Records::train(view.retain))?;
            let spectral = spectral_bound(&moments, view.retain.len());
            let mut left = Left::default();
            for _ in 0..self.steps {
                left = self.step(session, view, before.noise_seed, spectral)?;
            }
            match before.spend(left.spent()) {
                Some(after) => Ok((left, after, None)),
                None => {
                    let after = self.retrain(session, view, before.noise_seed.wrapping_add(1))?;
                    Ok((left, after, Some(before)))
                }
            }
        })?;
        account.took(self.steps as u64);
        account.note("left", json!(left));
        account.note("lipschitz", softmax_lipschitz());
        account.details.certificate = Some(certificate);
        account.note("retrained", refused.is_some());
        if let Some(before) = refused {
            let why = format!(
                "the request may leave {:.3e}, of the budget of {:.3e} the run has {:.3e} left; the model was \
                    retrained on the retained records under new noise",
                left.spent(),
                before.budget,
                before.budget - before.spent
            );
            account.note("why_retrained", why);
        }
        account.close(session, &origin)
    }
}
