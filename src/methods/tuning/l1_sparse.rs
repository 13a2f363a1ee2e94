//! ℓ1-sparse fine-tuning: some epochs on the retained records under a penalty that empties weights, and lets go at the
//! end.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "l1_sparse",
    summary: "some epochs on the retained records with an l1 penalty whose weight falls to zero over them",
    citation: "Jia et al., NeurIPS 2023 (Model Sparsity Can Simplify Machine Unlearning), l1-sparse unlearning",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[real(
            "gamma",
            "2e-4",
            Range::NOT_NEGATIVE,
            "Weight of the penalty in the first epoch; the source searches 1e-5 to 1e-3. 0 is `finetune`.",
        )],
        &Sgd::settings(
            ("4", "Learning rate as a multiple of the recipe's."),
            ("0.15", "Passes over the retained records as a part of the recipe's; the source has 10 of 182."),
            "cosine",
        ),
    ],
    build: |table| settings::build::<L1Sparse>(&ROW, table),
};

/// Minimises L_R + gamma (1 − e / epochs) ‖theta‖₁ in epoch e = 0, 1, …, by SGD. The penalty is on all parameters,
/// biases among them, as in the public code; its gradient is gamma (1 − e / epochs) sign(theta), 0 at 0. Batch size,
/// clipping and, unless set, weight decay are the recipe's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct L1Sparse {
    gamma: f64,
    #[serde(flatten)]
    sgd: Sgd,
}

impl L1Sparse {
    /// The penalty's weight in each of the epochs.
    fn weights(&self, epochs: usize) -> Vec<f64> {
        (0..epochs).map(|epoch| self.gamma * (1.0 - epoch as f64 / epochs as f64)).collect()
    }
}

impl Method for L1Sparse {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let origin = Origin::of(session)?;
        let config = self.sgd.recipe(view.train);
        let mut account = Account::reading(&[Read::RetainData]);
        let terms = [Term { records: Records::train(view.retain), weight: 1.0 }];
        let steps = timed(&mut account.method_s, || {
            let mut fit = Fit::new(session, &config, view.seed)?;
            fit.penalize(self.weights(config.epochs));
            train_to_end(&mut fit, session, &terms, &mut ())
        })?;
        account.took(steps);
        account.note("train", json!(config));
        account.close(session, &origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Samples;
    use crate::engine::Engine;
    use crate::nn::{Model, ModelConfig};

    const X: [[f64; 2]; 5] = [[1.0, -0.5], [0.25, 2.0], [-1.5, 0.75], [0.5, 0.5], [-0.25, -1.0]];
    const Y: [u32; 5] = [0, 1, 0, 1, 0];

    /// A new session of a linear model with two classes, made to forget the last record by `method`.
    fn run(method: &str, settings: &str) -> [Vec<f32>; 2] {
        let x = X.iter().flatten().map(|v| *v as f32).collect();
        let data = Samples { x, y: Y.to_vec(), ..Samples::default() };
        let net = ModelConfig { zoo: Some("logistic".into()), ..Default::default() };
        let model = Model::build(&net, &[2], 2).unwrap();
        let theta = model.init(3);
        let mut engine = Engine::reference();
        let mut session = Session::new(&mut engine, &model, &data, &Samples::default(), &theta).unwrap();
        let recipe = TrainConfig { batch_size: 4, weight_decay: 0.01, ..TrainConfig::default() };
        let (retain, forget) = ([0, 1, 2, 3], [4]);
        let view = View::new(&recipe, &retain, &forget).seed(9);
        let built = (crate::methods::find(method).unwrap().build)(settings.parse().unwrap()).unwrap();
        built.forget(&mut session, &view).unwrap();
        let layout = &model.layout;
        let pick = |theta: &[f32]| {
            let part = |name: &str| layout.get(name).map(|e| theta[e.offset..e.offset + e.len].to_vec()).unwrap();
            [part("fc.weight"), part("fc.bias")].concat()
        };
        [pick(&theta), pick(&session.read_theta().unwrap())]
    }

    /// Gradient of the mean loss and the decay over the retained records; theta = [W 2×2, b].
    fn gradient(theta: &[f64]) -> Vec<f64> {
        let mut g: Vec<f64> = theta.iter().map(|t| 0.01 * t).collect();
        for (x, y) in X.iter().zip(Y).take(4) {
            let z = [0, 1].map(|c| theta[2 * c] * x[0] + theta[2 * c + 1] * x[1] + theta[4 + c]);
            let sum = z[0].exp() + z[1].exp();
            for c in 0..2 {
                let d = (z[c].exp() / sum - f64::from(u8::from(y as usize == c))) / 4.0;
                g[2 * c] += d * x[0];
                g[2 * c + 1] += d * x[1];
                g[4 + c] += d;
            }
        }
        g
    }

    #[test]
    fn steps_are_those_worked_out_on_the_host() {
        let [from, to] = run("l1_sparse", "gamma = 0.3\nlr = 0.1\nepochs = 3\nmomentum = 0.5\nschedule = \"constant\"");
        let mut theta: Vec<f64> = from.iter().map(|v| f64::from(*v)).collect();
        assert!(theta[4..].iter().all(|bias| *bias == 0.0), "the first step's sign(0) is not looked at");
        let mut velocity = vec![0.0; theta.len()];
        for weight in [0.3, 0.2, 0.1] {
            let g = gradient(&theta);
            for i in 0..theta.len() {
                let sign = if theta[i] == 0.0 { 0.0 } else { theta[i].signum() };
                velocity[i] = 0.5 * velocity[i] + g[i] + weight * sign;
                theta[i] -= 0.1 * velocity[i];
            }
        }
        let apart = to.iter().zip(&theta).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        assert!(apart < 1e-6, "{apart}: {to:?} instead of {theta:?}");
    }

    #[test]
    fn without_a_penalty_it_is_fine_tuning() {
        let settings = "lr = 0.1\nepochs = 3\nschedule = \"linear\"";
        let tuned = run("finetune", settings);
        assert_eq!(run("l1_sparse", &format!("gamma = 0\n{settings}")), tuned);
        assert_ne!(run("l1_sparse", &format!("gamma = 0.01\n{settings}")), tuned);
    }
}
