//! RMU: what a hidden layer makes of the forgotten records is steered to one random direction, and kept of the others.

use serde::{Deserialize, Serialize};

use crate::base::philox::{philox, unit};
use crate::engine::Buf;
use crate::methods::prelude::*;
use crate::nn::Model;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "rmu",
    summary: "steers a hidden layer's activations of the forgotten records to a random direction and keeps those of \
              the others",
    citation: "Li et al., ICML 2024 (RMU, arXiv 2403.03218); the length by Dang et al., AAAI 2025 (adaptive RMU)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: ALONE,
    settings: &[
        &[
            count(
                "layer",
                ABSENT,
                1,
                "The last of the [[model.layers]] whose output is steered, from 1. Absent: that in the middle, which \
                 the source has at a quarter of a large model.",
            ),
            count("trained", "3", 1, "How many layers up to it are trained; the source's."),
            real("alpha", "1", Range::NOT_NEGATIVE, "Weight of what is kept; the source has 1200 and other lengths."),
            real(
                "times",
                "5",
                Range::POSITIVE,
                "Length of the direction as a multiple of the root mean square length of the forgotten records' \
                 activations; that of adaptive RMU.",
            ),
            real("coefficient", ABSENT, Range::POSITIVE, "The length itself, as in the source. Absent: by `times`."),
        ],
        &Sgd::settings(
            ("0.5", "Learning rate as a multiple of the recipe's; the source has 5e-5 for large models."),
            ("0.1", "Passes over the retained records as a part of the recipe's, at most."),
            "constant",
        ),
        &StopRule::OR_NEVER,
        &Harm::SETTINGS,
    ],
    build: |table| settings::build::<Rmu>(&ROW, table),
};

/// Minimises the mean over forgotten rows of ‖h − c u‖² / width + alpha times the mean over retained rows of
/// ‖h − h₀‖² / width, h what the first `layer` layers make of a row, h₀ the same of the original in evaluation form, u
/// a vector of numbers uniform in [0, 1) brought to length 1, c its length. A row is a record, or a token of a text; of
/// texts those count that predict a token which counts. Layers behind have no gradient and keep their bits, as do those
/// before the `trained`. Not on a graph, whose hidden rows are nodes: neighbours are among them that nobody asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Rmu {
    layer: Option<usize>,
    trained: usize,
    alpha: f64,
    times: f64,
    coefficient: Option<f64>,
    #[serde(flatten)]
    sgd: Sgd,
    #[serde(flatten)]
    rule: StopRule,
    #[serde(flatten)]
    harm: Harm,
}

/// Keeps the direction's numbers apart from the seed's other uses.
const STREAM_DIRECTION: u32 = 0x726d_7564;

impl Rmu {
    /// How many of the first layers are steered.
    fn layers(&self, model: &Model) -> Result<usize> {
        let all = model.layers().len();
        let has_weights = |count: usize| Ok::<_, Error>(!model.places_of(self.trained_of(count))?.is_empty());
        let count = match self.layer {
            Some(count) => count,
            // The middle or, where nothing there could be trained, what comes next.
            None => {
                let mut count = all.div_ceil(2);
                while count + 1 < all && !has_weights(count)? {
                    count += 1;
                }
                count
            }
        };
        if count >= all {
            return Err(Error::input(format!(
                "method rmu: layer = {count}, and the network has {all} layers, of which the last makes the outputs; \
                 steer an earlier one"
            )));
        }
        match has_weights(count)? {
            true => Ok(count),
            false => Err(Error::input(format!(
                "method rmu: none of the {} layers up to layer = {count} has weights to train; raise `trained` or \
                 `layer`",
                self.trained.min(count)
            ))),
        }
    }

    fn trained_of(&self, count: usize) -> std::ops::Range<usize> {
        count.saturating_sub(self.trained)..count
    }

    /// 1 for the parameters that are trained.
    fn within(&self, session: &mut Session, layers: usize) -> Result<Buf<f32>> {
        let mut mask = vec![0.0; session.model.layout.total()];
        for place in session.model.places_of(self.trained_of(layers))? {
            mask[place].fill(1.0);
        }
        let kept = session.vector("rmu.mask")?;
        session.engine.write(kept, &mask)?;
        Ok(kept)
    }

    /// c u, and c.
    fn direction(&self, session: &mut Session, view: &View, layers: usize) -> Result<(Buf<f32>, f64)> {
        let width = session.model.width_after(layers)?;
        let seed = [view.seed as u32, (view.seed >> 32) as u32];
        let words = (0..width.div_ceil(4) as u32).flat_map(|at| philox([at, 0, STREAM_DIRECTION, 0], seed));
        let u: Vec<f64> = words.take(width).map(|word| f64::from(unit(word))).collect();
        let long = u.iter().map(|v| v * v).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        let c = match self.coefficient {
            Some(c) => c,
            None => self.times * statistics::activation_length(session, Records::before(view.forget), layers)?,
        };
        let direction = session.block("rmu.direction", width)?;
        let numbers: Vec<f32> = u.iter().map(|v| (c * v / long) as f32).collect();
        session.engine.write(direction, &numbers)?;
        Ok((direction, c))
    }
}

impl Method for Rmu {
    fn suits(&self, model: &Model) -> Result<()> {
        self.layers(model).map(drop)
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        session.needs_alone(|| {
            "method `rmu` steers what a layer makes of single records, and on a graph the rows of a layer are nodes, \
             among them neighbours that nobody asked for; use grad_diff, npo or scrub"
                .into()
        })?;
        let layers = self.layers(session.model)?;
        let reads = [Read::RetainData, Read::ForgetData];
        learn(session, view, &self.sgd.recipe(view.train), &reads, |session| {
            let (direction, c) = self.direction(session, view, layers)?;
            let steer = |towards, weight| Lesson::Steered { layers, towards, weight };
            let kept = steer(Towards::Those(original(session)?), self.alpha);
            let tasks = vec![
                Task::retained(view, 1.0).taught(kept),
                Task::forgotten(view, 1.0).taught(steer(Towards::Direction(direction), 1.0)),
            ];
            let within = Some(self.within(session, layers)?);
            let notes = vec![("layer", layers.into()), ("coefficient", c.into())];
            let until = self.rule.where_possible(session, view);
            Ok(Plan { tasks, within, notes, until, harm: Some(self.harm), ..Plan::default() })
        })
    }
}
