//! SCRUB: away from the original's answers to the forgotten records, and back to them on the others, in turns.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "scrub",
    summary: "epochs that leave the original's answers to the forgotten records, in turns with epochs that keep those \
              to the others",
    citation: "Kurmanji et al., NeurIPS 2023 (SCRUB)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: SETTINGS,
    build: |table| settings::build::<Scrub>(&ROW, table),
};

pub(crate) static REWINDING: MethodRow = MethodRow {
    name: "scrub_r",
    summary: "scrub, gone back to the epoch after which the forgotten records' error is that of held-out records",
    citation: "Kurmanji et al., NeurIPS 2023 (SCRUB+R)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: SETTINGS,
    build: |table| settings::build::<ScrubR>(&REWINDING, table),
};

const SETTINGS: &[&[Setting]] = &[
    &[
        real("gamma", "1", Range::NOT_NEGATIVE, "Weight of the retained records' own loss; the source's small scale."),
        real(
            "alpha",
            "0.5",
            Range::NOT_NEGATIVE,
            "Weight of their distance to the original; the source's small scale.",
        ),
        real(
            "temperature",
            "2",
            Range::POSITIVE,
            "Of the answers that are compared; the source's small scale, 4 else.",
        ),
        epochs(
            "max_epochs",
            ABSENT,
            1,
            "How many of the epochs leave the forgotten records' answers, 3 in the source. Absent: all but the last, \
             unless enough is forgotten before.",
        ),
        count("forget_batch", "32", 1, "Forgotten records of a step; the source's small scale, 512 else."),
    ],
    &Sgd::settings(
        ("1", "Learning rate as a multiple of the recipe's; the source has a hundredth for a ResNet."),
        ("0.1", "Passes over the retained records as a part of the recipe's; the source has 3 to 10."),
        "constant",
    ),
    &StopRule::OR_NEVER,
];

/// An epoch is a pass over the forgotten records that climbs T² KL(original ‖ network), in the first `max_epochs` and
/// while they are not forgotten, and one over the others that descends gamma L_R + alpha T² KL. One momentum for both,
/// as in the source.
///
/// At the original's parameters that KL and its gradient are 0: the first climb only moves what weight decay and
/// dropout move, and forgetting begins in the second epoch. Public code has the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Scrub {
    gamma: f64,
    alpha: f64,
    temperature: f64,
    max_epochs: Option<usize>,
    forget_batch: usize,
    #[serde(flatten)]
    sgd: Sgd,
    #[serde(flatten)]
    rule: StopRule,
}

/// The same, and the parameters after the epoch whose forget error is closest to that of the validation split at the
/// end; of a class of which nothing is retained, to 1: who never saw it never names it. No test record is read. Where a
/// request on a graph takes no node, those it reaches stay training nodes, and their error is to be that of the
/// retained ones at the end, on the reduced graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct ScrubR {
    #[serde(flatten)]
    scrub: Scrub,
}

impl Scrub {
    /// Takes the epochs, of which `each` sees the parameters; returns the steps.
    fn run(&self, session: &mut Session, view: &View, mut each: impl FnMut(&mut Session) -> Result<()>) -> Result<u64> {
        let (config, temperature) = (self.sgd.recipe(view.train), self.temperature);
        let (retain, forget) = (Task::retained(view, 1.0), Task::forgotten(view, -1.0));
        let lesson = |answers, own, weight| Lesson::Teacher { answers, temperature, own, weight };
        let kept = answers(session, "teacher.retained", retain.records, temperature)?;
        let left = answers(session, "teacher.forgotten", forget.records, temperature)?;
        let descent = retain.taught(lesson(kept, self.gamma, self.alpha));
        let mut descend = Turns::new(session, &config, view.seed, descent)?;
        let config = TrainConfig { batch_size: self.forget_batch, accumulate: 1, ..config };
        let mut climb = Turns::new(session, &config, view.seed, forget.taught(lesson(left, 0.0, 1.0)))?;
        let goal = self.rule.where_possible(session, view).map(|rule| rule.goal(session, view)).transpose()?;
        let epochs = self.sgd.epochs(view.train);
        let most = self.max_epochs.unwrap_or(epochs.saturating_sub(1).max(1));
        for epoch in 0..epochs {
            let enough = match &goal {
                Some((goal, _)) if epoch < most => goal.reached(&statistics::score(session, forget.records)?),
                _ => false,
            };
            if epoch < most && !enough {
                climb.take(session, climb.per_epoch())?;
            }
            descend.take(session, descend.per_epoch())?;
            each(session)?;
        }
        Ok(climb.taken() + descend.taken())
    }

    fn account(&self, session: &Session, view: &View) -> Result<Account> {
        session.needs_softmax(ROW.name)?;
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let compares = matches!(self.rule.stop, Stop::Auto | Stop::HoldoutLoss) && self.rule.target_loss.is_none();
        let by_class = self.rule.stop == Stop::Auto && !view.forgotten_classes.is_empty();
        if compares && !by_class && session.len(Part::Validation) > 0 {
            account.reads_too(Read::ValidationData);
        }
        account.note("train", json!(self.sgd.recipe(view.train)));
        Ok(account)
    }
}

impl Method for Scrub {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(ROW.name, targets, "compares probabilities of classes")
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let (origin, mut account) = (Origin::of(session)?, self.account(session, view)?);
        let steps = timed(&mut account.method_s, || self.run(session, view, |_| Ok(())))?;
        account.took(steps);
        account.close(session, &origin)
    }
}

fn error(session: &mut Session, records: Records) -> Result<f64> {
    Ok(1.0 - statistics::score(session, records)?.accuracy.unwrap_or(0.0))
}

impl Method for ScrubR {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(REWINDING.name, targets, "compares probabilities of classes")
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let (origin, mut account) = (Origin::of(session)?, self.scrub.account(session, view)?);
        let held_out = session.ids(Part::Validation);
        let whole_class = !view.forgotten_classes.is_empty();
        // Where a request on a graph deletes no node.
        let stay = view.forget.iter().all(|id| view.retain.binary_search(id).is_ok());
        if held_out.is_empty() && !whole_class && !stay {
            return Err(Error::input(
                "scrub_r goes back to the epoch whose forget error is that of records held out from training, and the \
                 data set has no validation split: set data.validation_fraction (0.1, say), or use scrub",
            ));
        }
        let (mut after, mut clock) = (Vec::new(), 0.0);
        let (steps, goal, best) = timed(&mut clock, || {
            let steps = self.scrub.run(session, view, |session| {
                after.push((error(session, Records::before(view.forget))?, session.read_theta()?));
                Ok(())
            })?;
            let goal = match (stay, whole_class) {
                (true, _) => error(session, Records::train(view.retain))?,
                (false, true) => 1.0,
                (false, false) => error(session, Records::validation(&held_out))?,
            };
            let apart = |at: &usize| (after[*at].0 - goal).abs();
            let nearer = |a: &usize, b: &usize| apart(a).total_cmp(&apart(b));
            // The first of equals: the least that was done; of a class, which is gone either way, the last, when the
            // others are repaired.
            let best = match whole_class {
                true => (0..after.len()).rev().min_by(nearer),
                false => (0..after.len()).min_by(nearer),
            };
            let best = best.unwrap_or(0);
            session.write_theta(&after[best].1)?;
            Ok((steps, goal, best))
        })?;
        account.method_s += clock;
        if !whole_class && !stay {
            account.reads_too(Read::ValidationData);
        }
        account.took(steps);
        account.note("reference_error", goal);
        account.note("forget_errors", json!(after.iter().map(|(error, _)| error).collect::<Vec<_>>()));
        account.note("rewound_to_epoch", best + 1);
        account.close(session, &origin)
    }
}
