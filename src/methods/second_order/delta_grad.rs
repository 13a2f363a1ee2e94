//! DeltaGrad: the training replayed without the forgotten records, most of its gradients not computed but corrected.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;
use crate::methods::second_order::trajectory::{Pairs, Trajectory};
use crate::nn::{Elementwise, Layer, Model};
use crate::train::Replay;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "delta_grad",
    summary: "replays the training without the forgotten records; most gradients are the original's, corrected by \
        L-BFGS",
    citation: "Wu, Dobriban & Davidson, ICML 2020 (DeltaGrad)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: &[RecordKind::Row],
    settings: &[&[
        count("every", "5", 1, "T₀, the source's on MNIST; 2 there is ten times closer and takes twice the time."),
        count("exact_first", ABSENT, 0, "j₀. Absent: a tenth of the steps; the source has 50 of some thousand."),
        real(
            "trust",
            "0.5",
            Range::POSITIVE,
            "Largest error of a correction in parts of what it corrects; beyond it steps are exact until one is \
                nearer.",
        ),
        bytes("max_bytes", "1073741824", 1, "What the original's path may take, eight bytes a parameter and step."),
    ]],
    build: |table| settings::build::<DeltaGrad>(&ROW, table),
};

/// With w_t and g_t = ∇J_t(w_t) of the original's step t over its batch of B records, k of which are forgotten, the
/// replay's gradient at w' is (B ∇J_t(w') − Σ_F ∇ℓ(w')) / (B − k). Σ_F is always computed. ∇J_t(w') is computed in the
/// first `exact_first` steps, in every `every`-th and wherever the correction is not to be trusted, else taken for
/// g_t + B_t (w' − w_t), B_t the L-BFGS matrix of the last two pairs (w' − w_j, ∇J_j(w') − g_j). Batches, their order,
/// learning rates, decay and momentum are the original's; a batch of which nothing is left is no step. Training repeats
/// itself to the bit here, so that the w_t and g_t need not have been kept: the original is trained again, which is
/// counted as precomputing. The batches of a network may be so small that the curvature of one says nothing of the
/// next: no correction is then trusted, and the replay is a retrain.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct DeltaGrad {
    every: usize,
    exact_first: Option<usize>,
    trust: f64,
    max_bytes: u64,
}

/// How the steps of a replay went.
#[derive(Clone, Copy, Debug, Default)]
struct Went {
    exact: usize,
    corrected: usize,
    /// Batches that were forgotten whole.
    skipped: usize,
    /// Gradients of single records, and those that a retrain with the same batches would have taken.
    gradients: u64,
    retrain_gradients: u64,
}

impl DeltaGrad {
    /// Trains the original again, and keeps where it was and went.
    fn precompute(&self, session: &mut Session, replay: &mut Replay, start: &[f32]) -> Result<Trajectory> {
        let steps = replay.steps();
        let bytes = Trajectory::bytes(session, steps);
        if bytes > self.max_bytes {
            return Err(Error::input(format!(
                "method `{}` keeps parameters and gradient of each of {steps} steps, {bytes} bytes, over max_bytes = \
                    {}; raise max_bytes if the adapter holds it, or use `influence`",
                ROW.name, self.max_bytes
            )));
        }
        let trained = session.read_theta()?;
        let mut kept = Trajectory::new(session, steps)?;
        session.write_theta(start)?;
        for t in 0..steps {
            let batch = replay.batch(t);
            replay.gradient(session, &batch, (1.0 / batch.len() as f64) as f32, false)?;
            kept.keep(session, replay, t)?;
            replay.update(session, t)?;
        }
        replay.rewind(session)?;
        let again = session.read_theta()?;
        let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
        let apart = norm(&mut again.iter().zip(&trained).map(|(a, b)| f64::from(*a) - f64::from(*b)));
        // The same adapter gives the same bits, another one nearly the same.
        match apart <= 1e-3 * norm(&mut trained.iter().map(|v| f64::from(*v))) {
            true => Ok(kept),
            false => Err(Error::input(format!(
                "method `{}`: the training was repeated and ended {apart:.3e} away from the run's parameters; it needs \
                    a run that was trained by its own configuration from fresh weights, and has forgotten nothing but \
                    by `retrain`",
                ROW.name
            ))),
        }
    }

    /// The replay without the forgotten records.
    fn replay(
        &self,
        session: &mut Session,
        replay: &mut Replay,
        kept: &Trajectory,
        view: &View,
        start: &[f32],
    ) -> Result<Went> {
        let gone: HashSet<u32> = view.forget.iter().copied().collect();
        let first = self.exact_first.unwrap_or(replay.steps() / 10);
        let mut pairs = Pairs::new(session, kept)?;
        session.write_theta(start)?;
        let mut went = Went::default();
        for t in 0..replay.steps() {
            let batch = replay.batch(t);
            let deleted: Vec<u32> = batch.iter().filter(|i| gone.contains(i)).copied().collect();
            let (all, left) = (batch.len(), batch.len() - deleted.len());
            went.retrain_gradients += left as u64;
            if left == 0 {
                went.skipped += 1;
                continue;
            }
            let exact = t < first || (t - first).is_multiple_of(self.every) || !pairs.serve();
            if exact {
                pairs.foresee(session, replay, t)?;
                replay.gradient(session, &batch, (1.0 / all as f64) as f32, false)?;
                pairs.learn(session, replay, t, self.trust)?;
                (went.exact, went.gradients) = (went.exact + 1, went.gradients + all as u64);
            } else {
                pairs.correct(session, replay, t)?;
                went.corrected += 1;
            }
            if !deleted.is_empty() {
                pairs.rescale(session, replay, (all, left))?;
                replay.gradient(session, &deleted, (-1.0 / left as f64) as f32, true)?;
                went.gradients += deleted.len() as u64;
            }
            replay.update(session, t)?;
        }
        replay.rewind(session)?;
        Ok(went)
    }
}

impl Method for DeltaGrad {
    fn suits(&self, model: &Model) -> Result<()> {
        if model.keeps_statistics() {
            return Err(Error::input(format!(
                "method `{}` corrects gradients of the original's steps, and batch_norm makes them those of a batch's \
                 own statistics; use group_norm or layer_norm",
                ROW.name
            )));
        }
        let drops = |layer: &&dyn Layer| matches!(layer.elementwise(), Some(Elementwise::Dropout(_)));
        match model.every_layer().iter().any(drops) {
            true => Err(Error::input(format!(
                "method `{}` corrects gradients of the original's steps, and dropout makes them those of masks that go \
                    by a record's place in its batch; use a network without",
                ROW.name
            ))),
            false => Ok(()),
        }
    }

    fn suits_recipe(&self, recipe: &TrainConfig) -> Result<()> {
        let lacks = [
            (
                recipe.optimizer != "sgd",
                "its correction is one of plain gradients, and the optimiser divides them by their history; train with \
                    sgd",
            ),
            (recipe.clip_norm > 0.0, "train.clip_norm bends gradients; leave it out"),
            (recipe.coupled.is_some(), "[train.coupled] adds noise to gradients; use `coupling`"),
            (recipe.dp.is_some(), "[train.dp] adds noise to gradients; leave it out"),
            (recipe.augment.is_some(), "it corrects gradients of records as they are; leave train.augment out"),
            (!recipe.freeze.is_empty(), "its replay moves every parameter; leave train.freeze out"),
            (
                recipe.class_weights.is_some(),
                "a weighted mean divides by other sums when records leave; leave train.class_weights out",
            ),
            (
                recipe.ema > 0.0,
                "it ends with the weights of the last step, and train.ema with an average; leave it out",
            ),
            (
                recipe.early_stopping.is_some(),
                "train.early_stopping ends with weights on the way, which a replay does not choose again; leave it out",
            ),
            (recipe.objective_noise > 0.0, "train.objective_noise tilts the objective; use `certified_removal`"),
        ];
        match lacks.iter().find(|(lack, _)| *lack) {
            Some((_, why)) => Err(Error::input(format!("method `{}`: {why}", ROW.name))),
            None => Ok(()),
        }
    }

    fn needs(&self) -> Needs {
        Needs::History
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        self.suits(session.model)?;
        self.suits_recipe(view.train)?;
        let replays = "replays steps over records that stand alone, and these are those of a graph";
        session.needs_alone(|| format!("method `{}` {replays}", ROW.name))?;
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let seed = view.past.seed.unwrap_or(view.seed);
        let start = view.past.start(session.model, seed);
        let mut everything = [view.retain, view.forget].concat();
        everything.sort_unstable();
        let (mut replay, kept) = timed(&mut account.precompute_s, || {
            let mut replay = Replay::new(session, view.train, seed, &everything)?;
            let kept = self.precompute(session, &mut replay, &start)?;
            Ok((replay, kept))
        })?;
        let went = timed(&mut account.method_s, || self.replay(session, &mut replay, &kept, view, &start))?;
        account.took(replay.steps() as u64);
        account.note("exact_steps", went.exact);
        account.note("corrected_steps", went.corrected);
        account.note("skipped_steps", went.skipped);
        account.note("record_gradients", went.gradients);
        account.note("retrain_record_gradients", went.retrain_gradients);
        account.note("kept_bytes", Trajectory::bytes(session, replay.steps()));
        account.close(session, &origin)
    }
}
