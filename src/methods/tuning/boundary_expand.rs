//! Boundary expand: the forgotten records are learned as a class that there is not, and the class is cut off.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::methods::prelude::*;
use crate::methods::shared::descent::LOOKS;
use crate::methods::shared::harm::Guard;
use crate::methods::shared::softmax::{argmax, cross_entropy};
use crate::nn::Model;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "boundary_expand",
    summary: "some epochs that teach the forgotten records a further class, of which nothing is left when it is cut \
              off again",
    citation: "Chen et al., CVPR 2023 (Boundary Unlearning, boundary expanding)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: &[RecordKind::Row],
    settings: &[
        &Sgd::settings(
            (
                "0.05",
                "Learning rate as a multiple of the recipe's; public code has 1e-5, for networks with batch norm.",
            ),
            ("0.1", "Passes over the forgotten records as a part of the recipe's, at most; public code has 10."),
            "constant",
        ),
        &StopRule::OR_NEVER,
        &Harm::SETTINGS,
    ],
    build: |table| settings::build::<BoundaryExpand>(&ROW, table),
};

/// The head gets one row more, as a training of the seed would begin with it, and the forgotten records its number for
/// a class: the mean of −log softmax(z)_{C+1} over them falls, on all parameters, and the row is cut off. Only
/// forgotten records are trained on, no running statistic follows them, and classes have no weights. The rule looks at
/// the network with the row cut off, four times an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct BoundaryExpand {
    #[serde(flatten)]
    sgd: Sgd,
    #[serde(flatten)]
    rule: StopRule,
    #[serde(flatten)]
    harm: Harm,
}

fn widened(model: &Model) -> Result<Model> {
    model.widened(1).ok_or_else(|| {
        Error::input(
            "method `boundary_expand` adds a class to the last layer, and the network's has no row a class; use \
             boundary_shrink or random_label",
        )
    })
}

/// What the first `classes` outputs of a wider network say of records with these classes.
fn narrow(wider: &mut Session, records: Records, own: &[u32], classes: usize) -> Result<Score> {
    let logits = statistics::logits(wider, records)?;
    let (mut loss, mut right) = (0.0, 0);
    for (row, class) in logits.chunks_exact(wider.model.classes).zip(own) {
        let z: Vec<f64> = row[..classes].iter().map(|v| f64::from(*v)).collect();
        loss += cross_entropy(&z, *class as usize).0;
        right += usize::from(argmax(&z) == *class as usize);
    }
    let count = own.len();
    Ok(Score { loss: loss / count as f64, accuracy: Some(right as f64 / count as f64), extraction: None, count })
}

/// Parameters of `model` with those rows of the wider network's that it has.
fn cut(model: &Model, wider: &mut Session, mut theta: Vec<f32>) -> Result<Vec<f32>> {
    let made = wider.read_theta()?;
    model.take_rows(wider.model, &made, &mut theta).ok_or_else(lost)?;
    Ok(theta)
}

fn lost() -> Error {
    Error::internal("a head lost its rows")
}

/// What was made of a network.
struct Expanded {
    /// Its parameters, the row cut off.
    theta: Vec<f32>,
    steps: u64,
    /// What the forgotten records came to.
    last: Score,
    turned_back: bool,
}

impl BoundaryExpand {
    /// Trains the wider network, whose other rows are those of `model` with `theta`.
    fn expand(
        &self,
        wider: &mut Session,
        view: &View,
        (model, theta): (&Model, &[f32]),
        (goal, mut guard): (Option<Goal>, Option<Guard>),
    ) -> Result<Expanded> {
        let (own, classes) = (wider.classes(view.forget)?, model.classes);
        let config = TrainConfig { class_weights: None, label_smoothing: 0.0, ..self.sgd.recipe(view.train) };
        let forget = Task::forgotten(view, 1.0);
        wider.give_labels(forget.records, &vec![classes as u32; own.len()])?;
        let mut turns = Turns::new(wider, &config, view.seed, forget)?;
        let (all, every) = (turns.per_epoch() * config.epochs as u64, turns.per_epoch().div_ceil(LOOKS).max(1));
        let score = |wider: &mut Session| narrow(wider, Records::train(view.forget), &own, classes);
        let mut last = score(wider)?;
        while turns.taken() < all && !goal.is_some_and(|goal| goal.reached(&last)) {
            turns.take(wider, every.min(all - turns.taken()))?;
            last = score(wider)?;
            let Some(guard) = &mut guard else { continue };
            let now = cut(model, wider, theta.to_vec())?;
            if wider.under(model, &now, |narrow| guard.turned_back(narrow))? {
                return Ok(Expanded { theta: guard.kept().to_vec(), steps: turns.taken(), last, turned_back: true });
            }
        }
        Ok(Expanded { theta: cut(model, wider, theta.to_vec())?, steps: turns.taken(), last, turned_back: false })
    }
}

impl Method for BoundaryExpand {
    fn suits(&self, model: &Model) -> Result<()> {
        widened(model).map(|_| ())
    }

    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(ROW.name, targets, "gives the forgotten records a class of their own")
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        session.needs_softmax(ROW.name)?;
        let (wide, model) = (widened(session.model)?, session.model);
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::ForgetData]);
        let mut clock = 0.0;
        let made = timed(&mut clock, || {
            let goal = self.rule.of_relabelled(session, view).map(|rule| rule.goal(session, view)).transpose()?;
            let guard = self.harm.guard(session, view)?;
            if let Some((goal, rule)) = goal {
                goal.describe(rule, &mut account);
            }
            if guard.is_some() {
                account.reads_too(Read::ValidationData);
            }
            let (theta, mut start) = (session.read_theta()?, wide.init(view.seed));
            wide.take_rows(model, &theta, &mut start).ok_or_else(lost)?;
            let ends = (goal.map(|(goal, _)| goal), guard);
            let made = session.under(&wide, &start, |wider| self.expand(wider, view, (model, &theta), ends))?;
            session.write_theta(&made.theta)?;
            Ok(made)
        })?;
        account.method_s += clock;
        account.took(made.steps);
        account.note("train", json!(self.sgd.recipe(view.train)));
        account.note("last", json!(made.last));
        if made.turned_back {
            account.details.stopped_by = Some(StoppedBy::Harm);
        }
        account.close(session, &origin)
    }
}
