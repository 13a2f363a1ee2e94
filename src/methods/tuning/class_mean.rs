//! Class means for a head: the last layer is made anew of what the retained records' features are on average, and the
//! others learn to agree with it.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::methods::prelude::*;
use crate::nn::{Model, ParamEntry};

mod head;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "class_mean",
    summary: "a head of the retained records' class means, held while the other layers train some epochs on them; for \
              classes",
    citation: "Gao, Unal, Rangamani & Zhu 2026 (arXiv 2604.08271) propose class-mean classifiers for unlearning; in \
               the plain form of Mensink et al., TPAMI 2013 (nearest class mean)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: &[RecordKind::Row],
    settings: &[
        &[real(
            "scale",
            ABSENT,
            Range::POSITIVE,
            "On squared distances to class means. Absent: where the retained records' loss is the original's.",
        )],
        &Sgd::settings(
            ("2", "Learning rate as a multiple of the recipe's."),
            ("0.1", "Passes over the retained records as a part of the recipe's."),
            "cosine",
        ),
    ],
    build: |table| settings::build::<ClassMean>(&ROW, table),
};

/// With h the features that the last layer reads, μ_c their mean over the retained records of class c and π_c = (1 +
/// n_c) / (n + C), the head becomes z_c = scale (μ_c·h − ‖μ_c‖²/2) + ln π_c: the nearest class mean, and the posterior
/// of Gaussians around them. A class of which nothing is retained gets the mean of the others' rows, so that its output
/// is never the largest. The head is made before each epoch and after the last; an epoch trains every other layer on
/// the retained records and holds the head to the bit, so that features and head agree, and no row is left that knew
/// the forgotten. Dropout is off where features are read, and running statistics follow the retained records alone.
///
/// The source's training of its classifier could not be had: what is here is the plain form that its name says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct ClassMean {
    scale: Option<f64>,
    #[serde(flatten)]
    sgd: Sgd,
}

/// A network without its last layer, and that layer's weights [classes, features] and biases [classes].
struct Parts<'a> {
    trunk: Model,
    weight: &'a ParamEntry,
    bias: &'a ParamEntry,
}

impl Parts<'_> {
    /// # Errors
    /// The last layer is not linear with a bias, or is the only one.
    fn of(model: &Model) -> Result<Parts<'_>> {
        let linear = model.layers().last().is_some_and(|layer| layer.row().kind == "linear");
        let found = model.trunk().filter(|_| linear).and_then(|trunk| {
            let own: Vec<&ParamEntry> =
                model.layout.entries().iter().filter(|e| trunk.layout.get(&e.name).is_err()).collect();
            let [weight, bias] = own[..] else { return None };
            let fits = weight.shape == [model.classes, trunk.classes] && bias.shape == [model.classes];
            fits.then_some(Parts { trunk, weight, bias })
        });
        found.ok_or_else(|| {
            Error::input(
                "method `class_mean` makes the weights of a linear last layer with a bias behind other layers, and the \
                 network has none; use selective or trew",
            )
        })
    }

    /// Puts the class means of the records' features in the place of the head; returns the scale. `held` keeps them
    /// where a fit that is restricted finds them.
    fn place(&self, session: &mut Session, records: &[u32], scale: Option<f64>, loss: f64) -> Result<(f64, Vec<f32>)> {
        let mut theta = session.read_theta()?;
        let own = self.trunk.taken_from(session.model, &theta);
        let own = own.ok_or_else(|| Error::internal("a trunk is not of its network"))?;
        let (classes, width) = (session.classes(records)?, self.trunk.classes);
        let features = session.under(&self.trunk, &own, |trunk| statistics::logits(trunk, Records::train(records)))?;
        let means = head::Means::of(&features, &classes, (session.model.classes, width));
        let scale = scale.unwrap_or_else(|| means.scale(&features, &classes, loss));
        let (weight, bias) = means.head(scale);
        theta[self.weight.offset..self.weight.offset + self.weight.len].copy_from_slice(&weight);
        theta[self.bias.offset..self.bias.offset + self.bias.len].copy_from_slice(&bias);
        session.write_theta(&theta)?;
        Ok((scale, theta))
    }

    /// 1 for all parameters but the head's.
    fn free(&self, model: &Model) -> Vec<f32> {
        let mut free = vec![0.0; model.layout.total()];
        for e in model.layout.entries().iter().filter(|e| ![self.weight, self.bias].contains(e)) {
            free[e.offset..e.offset + e.len].fill(1.0);
        }
        free
    }
}

impl Method for ClassMean {
    fn suits(&self, model: &Model) -> Result<()> {
        Parts::of(model).map(|_| ())
    }

    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(ROW.name, targets, "takes the means of classes")
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        session.needs_softmax(ROW.name)?;
        let (origin, parts, config) = (Origin::of(session)?, Parts::of(session.model)?, self.sgd.recipe(view.train));
        let mut account = Account::reading(&[Read::RetainData]);
        let mut clock = 0.0;
        let (steps, scale) = timed(&mut clock, || {
            let loss = statistics::score(session, Records::train(view.retain))?.loss;
            let (mut scale, mut theta) = parts.place(session, view.retain, self.scale, loss)?;
            let [free, held] = [session.vector("class_mean.free")?, session.vector("class_mean.held")?];
            session.engine.write(free, &parts.free(session.model))?;
            let mut turns = Turns::new(session, &config, view.seed, Task::retained(view, 1.0))?;
            turns.fit().restrict(free, held);
            for epoch in 0..config.epochs {
                session.engine.write(held, &theta[..held.len])?;
                turns.take(session, turns.per_epoch())?;
                // Between epochs the scale stays: it takes many looks at all records to find.
                let asked = self.scale.or((epoch + 1 < config.epochs).then_some(scale));
                (scale, theta) = parts.place(session, view.retain, asked, loss)?;
            }
            Ok((turns.taken(), scale))
        })?;
        account.method_s += clock;
        account.took(steps);
        account.note("train", json!(config));
        account.note("scale", scale);
        account.close(session, &origin)
    }
}
