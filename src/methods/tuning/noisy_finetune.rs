//! Noisy fine-tuning: steps on the retained records, clipped and blurred until nobody can tell where they began.

pub mod bound;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::methods::prelude::*;
use bound::{Steps, model_sigma};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "noisy_finetune",
    summary: "clipped steps on the retained records with noise behind each, as much as (epsilon, delta) takes whatever \
        the network and its past, then some epochs without noise",
    citation: "Koloskova, Allouah, Jha, Guerraoui & Koyejo, ICML 2025 (Certified Unlearning for Neural Networks)",
    tier: Tier::Certified,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[
            choice("clip", "model", CLIPS, "What is clipped, and so which theorem is used."),
            real("epsilon", "1", Range::POSITIVE, "Of the guarantee; the source's."),
            real("delta", "1e-5", Range::INSIDE, "Of the guarantee; the source's."),
            real(
                "radius",
                "0.3",
                Range::POSITIVE,
                "Largest norm of the parameters: behind each step with `clip` model, at the start with gradient. The \
                    noise goes with it.",
            ),
            real("gradient", "0.01", Range::POSITIVE, "`clip` gradient: largest norm of a step's gradient."),
            real("noisy_lr", "0.05", Range::POSITIVE, "Learning rate of the noisy steps."),
            count(
                "noisy_steps",
                ABSENT,
                1,
                "Absent: 20 with `clip` model; with gradient radius / (noisy_lr gradient), which needs the least \
                    noise, at most 1e6.",
            ),
        ],
        &Sgd::settings(
            ("2", "Learning rate of the epochs without noise, as a multiple of the recipe's."),
            (
                "0.2",
                "Passes over the retained records without noise, as a part of the recipe's: they read nothing else, \
                 and give nothing away.",
            ),
            "cosine",
        ),
    ],
    build: |table| settings::build::<NoisyFinetune>(&ROW, table),
};

const CLIPS: &[(&str, &str)] = &[
    ("model", "the parameters behind each step; delta falls by a factor with each"),
    ("gradient", "the start once, and each step's gradient; privacy is amplified by iteration"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Clip {
    Model,
    Gradient,
}

/// What is proven, and how much noise that takes, is in [`bound`]. The parameters may come from anywhere, an earlier
/// request or another program: nothing is claimed of them, and each request is certified by itself, together with all
/// before it. What is fitted on records is fitted without the forgotten ones first. Running statistics of a
/// `batch_norm` are kept out: they begin anew behind the noise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct NoisyFinetune {
    clip: Clip,
    epsilon: f64,
    delta: f64,
    radius: f64,
    gradient: f64,
    noisy_lr: f64,
    noisy_steps: Option<u64>,
    #[serde(flatten)]
    sgd: Sgd,
}

/// Steps with model clipping, where none are asked for.
const MODEL_STEPS: u64 = 20;

impl NoisyFinetune {
    fn steps(&self, recipe: &TrainConfig) -> Steps {
        let best = match self.clip {
            Clip::Model => MODEL_STEPS,
            Clip::Gradient => Steps::best(self.radius, self.noisy_lr, self.gradient),
        };
        let decay = self.sgd.weight_decay.unwrap_or(recipe.weight_decay);
        let (count, lr) = (self.noisy_steps.unwrap_or(best), self.noisy_lr);
        Steps { count, lr, decay, radius: self.radius, clip: self.gradient }
    }

    fn sigma(&self, steps: &Steps) -> f64 {
        match self.clip {
            Clip::Model => model_sigma(steps.count, self.radius, self.epsilon, self.delta),
            Clip::Gradient => steps.sigma(self.epsilon, self.delta),
        }
    }

    /// The noisy steps.
    fn blur(&self, session: &mut Session, view: &View, steps: &Steps, sigma: f64) -> Result<()> {
        let clip_norm = match self.clip {
            Clip::Gradient => self.gradient,
            Clip::Model => view.train.clip_norm,
        };
        let config = TrainConfig {
            optimizer: "sgd".into(),
            lr: steps.lr,
            momentum: 0.0,
            nesterov: false,
            weight_decay: steps.decay,
            clip_norm,
            schedule: Schedule::Constant,
            // One step an epoch is the least; the last step asked for ends them.
            epochs: steps.count as usize,
            steps_per_submission: 1,
            ..view.train.without_course()
        };
        let radius = (self.clip == Clip::Model).then_some(self.radius);
        if radius.is_none() {
            session.into_ball(self.radius)?;
        }
        let mut fit = Fit::new(session, &config, view.seed)?;
        fit.blur(Noisy { radius, sigma });
        fit.pause_at(Some(steps.count));
        let terms = [Term { records: Records::train(view.retain), weight: 1.0 }];
        let taken = train_to_end(&mut fit, session, &terms, &mut Until(steps.count))?;
        match taken == steps.count {
            true => Ok(()),
            false => Err(Error::internal(format!("{taken} noisy steps in the place of {}", steps.count))),
        }
    }

    fn guarantee(&self, steps: &Steps, sigma: f64) -> Guarantee {
        let clipped = match self.clip {
            Clip::Model => format!("parameters clipped to norm {} behind each", self.radius),
            Clip::Gradient => {
                format!("the start clipped to norm {}, each gradient to {}", self.radius, self.gradient)
            }
        };
        let conditions = vec![
            format!("{} noisy steps, {clipped}, learning rate {}, decay {}", steps.count, steps.lr, steps.decay),
            "beside the same steps from any model that never saw the records; earlier requests are in it, and nothing \
             adds up from one to the next"
                .into(),
            "to the rounding of 32-bit numbers, and of 24-bit uniform numbers under the noise".into(),
            "given that the settings were chosen without the records, and that the seed of the noise stays unknown"
                .into(),
        ];
        Guarantee { epsilon: self.epsilon, delta: self.delta, sigma, conditions }
    }
}

impl Method for NoisyFinetune {
    fn suits_recipe(&self, recipe: &TrainConfig) -> Result<()> {
        let steps = self.steps(recipe);
        let lacks = [
            (!recipe.freeze.is_empty(), "train.freeze holds parameters that no noise reaches; leave it out"),
            (
                steps.lr * steps.decay >= 1.0,
                "noisy_lr times the weight decay is 1 or more, and a step no longer pulls towards 0; lower noisy_lr",
            ),
            (
                self.noisy_steps.unwrap_or(1) > 1_000_000,
                "noisy_steps is above 1000000, over which its sums are not taken; lower it",
            ),
        ];
        match lacks.iter().find(|(lack, _)| *lack) {
            Some((_, why)) => Err(Error::input(format!("method `{}`: {why}", ROW.name))),
            None => Ok(()),
        }
    }

    fn fits_anew(&self) -> bool {
        true
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        self.suits_recipe(view.train)?;
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData]);
        let steps = self.steps(view.train);
        let sigma = self.sigma(&steps);
        let config = self.sgd.recipe(view.train);
        let again = timed(&mut account.method_s, || {
            self.blur(session, view, &steps, sigma)?;
            if session.model.keeps_statistics() {
                // They followed the way to the noise, and not only its end.
                let (mut theta, total) = (session.read_theta()?, session.model.layout.total());
                theta[total..].copy_from_slice(&session.model.init(view.seed)[total..]);
                session.write_theta(&theta)?;
            }
            let terms = [Term { records: Records::train(view.retain), weight: 1.0 }];
            fit_to_end(session, &config, view.seed, &terms)
        })?;
        account.took(steps.count + again);
        account.details.guarantee = Some(self.guarantee(&steps, sigma));
        account.note("noisy_steps", steps.count);
        account.note("train", json!(config));
        account.close(session, &origin)
    }
}

#[cfg(test)]
mod tests;
