//! Selective retraining: the layers that matter more to the forgotten records than to the others are trained anew.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::base::quantile;
use crate::methods::prelude::*;
use crate::methods::shared::layers::{self, WeightLayer};
use crate::statistics::Set;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "selective",
    summary: "new parameters for the layers that a rule ranks first, trained on the retained records; all others held \
              to the bit",
    citation: "selection by gradient ratio; by Fisher ratio, as Foster et al., AAAI 2024; tail, Goel et al. 2022",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[
            choice(
                "rule",
                "tail",
                RULES,
                "What layers are ranked by; of small dense networks a retrain moves the last layer furthest, and \
                 `tail` alone puts that first each time.",
            ),
            count("layers", ABSENT, 1, "How many are trained. Absent: half of them, rounded up."),
            flag("reset", "true", "Whether they begin anew, as a retrain's do; else they go on from where they are."),
        ],
        &Sgd::settings(
            (
                "2",
                "Learning rate as a multiple of the recipe's; of a graph network, whose epoch is one step, 5 times \
                 that for half as many epochs again.",
            ),
            ("0.1", "Passes over the retained records as a part of the recipe's."),
            "cosine",
        ),
    ],
    build: |table| settings::build::<Selective>(&ROW, table),
};

const RULES: &[(&str, &str)] = &[
    ("gradient", "mean square of the forgotten records' mean gradient over that of the retained ones"),
    ("fisher", "median of the forgotten records' Fisher values over that of all records"),
    ("tail", "distance from the output"),
];

/// Scores in evaluation form at the parameters that are there; the layers with the largest are chosen.
///
/// What a good ranking follows is how far a retrain moves each layer. Of 15 networks of three small dense layers, each
/// asked to forget one class of three, that was the last layer 15 times; `gradient` and `fisher` put it first 6 times
/// each, about as often as chance would, and `tail` always does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Selective {
    rule: Rule,
    layers: Option<usize>,
    reset: bool,
    #[serde(flatten)]
    sgd: Sgd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rule {
    Gradient,
    Fisher,
    Tail,
}

/// The parameters of a layer among those of a flat vector.
fn of<'v>(layer: &WeightLayer, flat: &'v [f32]) -> impl Iterator<Item = f64> + use<'v> {
    let places: Vec<_> = layer.places.iter().filter(|place| place.end <= flat.len()).cloned().collect();
    places.into_iter().flat_map(|place| &flat[place]).map(|v| f64::from(*v))
}

fn mean_square(layer: &WeightLayer, gradient: &[f32]) -> f64 {
    let (sum, count) = of(layer, gradient).fold((0.0, 0.0), |(sum, count), g| (sum + g * g, count + 1.0));
    sum / f64::max(count, 1.0)
}

/// Lies under a mean square, so that a layer without gradients has a score.
const FLOOR: f64 = 1e-30;

impl Selective {
    /// A score for each layer; larger ones go first.
    fn scores(&self, session: &mut Session, view: &View, layers: &[WeightLayer]) -> Result<Vec<f64>> {
        match self.rule {
            Rule::Tail => Ok((0..layers.len()).map(|i| i as f64).collect()),
            Rule::Gradient => {
                let mut mean = |records: Records| {
                    let scale = (1.0 / records.indices.len().max(1) as f64) as f32;
                    statistics::gradient(session, records, scale, false)?;
                    session.engine.read(session.grad)
                };
                let (forget, retain) = (mean(Records::before(view.forget))?, mean(Records::train(view.retain))?);
                let ratio = |l: &WeightLayer| mean_square(l, &forget) / (mean_square(l, &retain) + FLOOR);
                Ok(layers.iter().map(ratio).collect())
            }
            Rule::Fisher => {
                let mut everything = [view.retain, view.forget].concat();
                everything.sort_unstable();
                everything.dedup();
                let mut fisher = |name, set, records: &[u32]| {
                    let made = Importance::measure(session, name, set, records, Estimator::PerSample, 1)?;
                    session.engine.read(made.values)
                };
                let forget = fisher("selective.forget", Set::Forget, view.forget)?;
                let all = fisher("selective.all", Set::All, &everything)?;
                let ratio = |l: &WeightLayer| {
                    let pairs = of(l, &forget).zip(of(l, &all)).filter(|(_, all)| *all > 0.0);
                    quantile(&pairs.map(|(forget, all)| forget / all).collect::<Vec<f64>>(), 0.5).unwrap_or(0.0)
                };
                Ok(layers.iter().map(ratio).collect())
            }
        }
    }

    /// The layers to train, in their order, with every layer's score.
    fn choose(&self, session: &mut Session, view: &View) -> Result<(Vec<WeightLayer>, Vec<f64>)> {
        let all = layers::weight_layers(&session.model.layout);
        let scores = self.scores(session, view, &all)?;
        let mut order: Vec<usize> = (0..all.len()).collect();
        // Of equals the one that is closer to the output.
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(b.cmp(a)));
        order.truncate(self.layers.unwrap_or(layers::half(&all)));
        order.sort_unstable();
        Ok((order.into_iter().map(|i| all[i].clone()).collect(), scores))
    }
}

impl Method for Selective {
    fn suits(&self, model: &crate::nn::Model) -> Result<()> {
        layers::last(ROW.name, model, self.layers).map(|_| ())
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        self.suits(session.model)?;
        let reads: &[Read] = match self.rule {
            Rule::Tail => &[Read::RetainData],
            Rule::Gradient | Rule::Fisher => &[Read::RetainData, Read::ForgetData],
        };
        let mut recipe = self.sgd.recipe(view.train);
        if view.graph.is_some() && self.sgd.lr.is_none() && self.sgd.epochs.is_none() {
            recipe = TrainConfig { lr: 5.0 * recipe.lr, epochs: recipe.epochs * 3 / 2, ..recipe };
        }
        learn(session, view, &recipe, reads, |session| {
            let (chosen, scores) = self.choose(session, view)?;
            if self.reset {
                layers::reset(session, view, &chosen)?;
            }
            let within = Some(layers::keep(session, &chosen)?);
            let mut notes = layers::describe(&chosen);
            notes.push(("scores", json!(scores)));
            Ok(Plan { tasks: vec![Task::retained(view, 1.0)], within, notes, ..Plan::default() })
        })
    }
}
