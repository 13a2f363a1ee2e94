//! Cognac: neighbours of what is to be forgotten are turned away from it and towards their other neighbours, in turns
//! with ascent on the one and descent on the others.

mod contrast;

use serde::{Deserialize, Serialize};
use serde_json::json;

use self::contrast::Contrast;
use crate::methods::graph::marked::{Marked, named};
use crate::methods::prelude::*;
use crate::methods::shared::softmax::cross_entropy;
use crate::methods::shared::steps::{ADAM, Steps};
use crate::statistics::Steered;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "cognac",
    summary: "turns the neighbours that a request moves most away from what it names, in turns with ascent on that and \
        descent on the retained nodes (graphs only)",
    citation: "Kolipaka et al., ICML 2025 (A Cognac Shot To Forget Bad Memories: Corrective Unlearning for GNNs)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: &[RecordKind::Node],
    settings: &[&[
        count("rounds", "10", 1, "The source's."),
        count("contrast_steps", "5", 0, "Steps of a round that turn neighbours away."),
        count("repair_steps", "5", 0, "Pairs of a step up and a step down in a round."),
        real("contrast_lr", "1e-4", Range::POSITIVE, "Of its Adam."),
        real("ascent_lr", "1e-4", Range::POSITIVE, "Of its Adam, on what is forgotten."),
        real("descent_lr", "1e-4", Range::POSITIVE, "Of its Adam, on what is retained."),
        real("share", "0.1", Range::PART, "Of the neighbours, those that the request moves most; the source's."),
        count("hops", "2", 1, "How far neighbours are looked for; the source's."),
    ]],
    build: |table| settings::build::<Cognac>(&ROW, table),
};

/// Three Adams of their own take turns: `contrast_steps` times one on [`Contrast`]'s loss, then `repair_steps` times
/// one that climbs the cross-entropy of the named training nodes and one that descends that of the retained ones.
/// Contrast and ascent look at the graph as it was, descent at the reduced one.
///
/// Neighbours are measured by what the deletion does to their probabilities; the source inverts the features of the
/// named nodes instead, which sparse features cannot be. A request for edges takes the ends of the deleted edges for
/// neighbours, each turned away from those that it loses. Dropout is off, and all rounds are taken: the source goes
/// back to the round that was best on records held out. What deletes a column names nobody, and descent alone is left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Cognac {
    rounds: usize,
    contrast_steps: usize,
    repair_steps: usize,
    contrast_lr: f64,
    ascent_lr: f64,
    descent_lr: f64,
    share: f64,
    hops: usize,
}

/// Training nodes with their classes, and what reads and moves their outputs.
struct Labelled {
    steered: Steered,
    classes: Vec<u32>,
    sign: f64,
}

impl Labelled {
    fn of(session: &mut Session, records: Records, sign: f64) -> Result<Option<Labelled>> {
        if records.indices.is_empty() {
            return Ok(None);
        }
        let classes = session.classes(records.indices)?;
        Ok(Some(Labelled { steered: Steered::new(session, &[records])?, classes, sign }))
    }

    /// Puts the gradient of the mean cross-entropy into the session; returns the mean.
    fn pull(&self, session: &mut Session) -> Result<f64> {
        let out = self.steered.outputs(session)?.concat();
        let (width, mean) = (session.model.classes, 1.0 / self.classes.len() as f64);
        let (mut slopes, mut total) = (Vec::new(), 0.0);
        for (z, class) in out.chunks_exact(width).zip(&self.classes) {
            let (loss, slope) = cross_entropy(z, *class as usize);
            total += mean * loss;
            slopes.extend(slope.iter().map(|v| v * mean * self.sign));
        }
        self.steered.pull(session, &[slopes])?;
        Ok(total)
    }
}

impl Cognac {
    /// Takes the rounds; returns the steps, and the contrast before the first and the last of its own.
    fn learn(&self, session: &mut Session, view: &View, contrast: &Contrast) -> Result<(u64, Vec<f64>)> {
        let forget = named(view);
        let climbed = Labelled::of(session, Records::before(&forget), -1.0)?;
        let descended = Labelled::of(session, Records::train(view.retain), 1.0)?;
        let pairs = match contrast.is_empty() {
            true => None,
            false => Some(Steered::new(session, &[Records::before(&contrast.nodes)])?),
        };
        let mut turn = Steps::new(session, ["cognac.m", "cognac.v"], ADAM, self.contrast_lr)?;
        let mut climb = Steps::new(session, ["cognac.up.m", "cognac.up.v"], ADAM, self.ascent_lr)?;
        let mut descend = Steps::new(session, ["cognac.down.m", "cognac.down.v"], ADAM, self.descent_lr)?;
        let mut seen = Vec::new();
        for _ in 0..self.rounds {
            for _ in 0..self.contrast_steps {
                let Some(pairs) = &pairs else { break };
                let (loss, slopes) = contrast.loss(&pairs.outputs(session)?.concat(), session.model.classes);
                pairs.pull(session, &[slopes])?;
                turn.take(session)?;
                seen.push(loss);
            }
            for _ in 0..self.repair_steps {
                for (records, steps) in [(&climbed, &mut climb), (&descended, &mut descend)] {
                    if let Some(records) = records {
                        records.pull(session)?;
                        steps.take(session)?;
                    }
                }
            }
        }
        Ok((turn.taken() + climb.taken() + descend.taken(), seen))
    }
}

impl Method for Cognac {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(ROW.name, targets, "compares probabilities of classes")
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let graph = view.require_graph(ROW.name)?;
        session.needs_softmax(ROW.name)?;
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let (contrast, steps, seen) = timed(&mut account.method_s, || {
            let contrast = Contrast::of(session, &graph, &Marked::of(&graph), (self.share, self.hops))?;
            let (steps, seen) = self.learn(session, view, &contrast)?;
            Ok((contrast, steps, seen))
        })?;
        account.took(steps);
        account.note("anchors", contrast.anchors.len());
        account.note("contrast", json!([seen.first(), seen.last()]));
        account.close(session, &origin)
    }
}
