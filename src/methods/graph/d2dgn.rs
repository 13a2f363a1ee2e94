//! D2DGN: the network learns the answers of its former self to what stays, and those of one that knows nothing to what
//! goes.

use serde::{Deserialize, Serialize};

use crate::methods::graph::marked::named;
use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "d2dgn",
    summary: "distils the original's knowledge of the retained nodes and an untrained network's of what the request \
        names (graphs only)",
    citation: "Sinha, Mandal & Kankanhalli 2023, arXiv 2309.16173 (Distill to Delete, D2DGN)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: &[RecordKind::Node],
    settings: &[&[
        real(
            "alpha",
            "0.9",
            Range::UNIT,
            "Weight of what is preserved beside what is destroyed. The source's 0.5 costs four points on Cora.",
        ),
        choice("knowledge", "response", KNOWLEDGE, "What is distilled."),
        choice("start", "original", STARTS, "Where the student begins."),
        real("temperature", "1", Range::POSITIVE, "Of the answers; the source has none."),
        real("lr", "0.003", Range::POSITIVE, "Adam's."),
        epochs("epochs", "10", 1, "Passes over the retained nodes, each a step of the whole graph."),
    ]],
    build: |table| settings::build::<D2dgn>(&ROW, table),
};

const KNOWLEDGE: &[(&str, &str)] = &[
    ("response", "softened probabilities, by the Kullback-Leibler divergence"),
    ("feature", "the outputs before the softmax, by the mean squared difference"),
];

const STARTS: &[(&str, &str)] =
    &[("original", "at the weights as they are"), ("fresh", "at new ones, so that it takes the epochs of a retrain")];

/// alpha D_R + (1 − alpha) D_F: the mean distance of the retained nodes' outputs on the reduced graph to those that the
/// original had for them on the whole one, and of the named training nodes' outputs on the whole graph to those of an
/// untrained network. An edge's ends are so told from themselves: with the edge they answer as who knows nothing,
/// without it as before. What deletes a column names nobody, and what is preserved is all.
///
/// The source is of links, and matches the embeddings of every layer; of nodes with classes the outputs are the last
/// of these, and alone reached by a loss here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct D2dgn {
    alpha: f64,
    knowledge: Knowledge,
    start: Start,
    temperature: f64,
    lr: f64,
    epochs: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Knowledge {
    Response,
    Feature,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Start {
    Original,
    Fresh,
}

/// Keeps the untrained network's parameters apart from where a training began.
const OTHER_SEED: u64 = 0x6432_6467;

impl D2dgn {
    /// What a teacher, the network as it is, says of records, as a lesson.
    fn lesson(&self, session: &mut Session, name: &'static str, records: Records) -> Result<Lesson> {
        Ok(match self.knowledge {
            Knowledge::Response => {
                let (answers, temperature) = (answers(session, name, records, self.temperature)?, self.temperature);
                Lesson::Teacher { answers, temperature, own: 0.0, weight: 1.0 }
            }
            Knowledge::Feature => {
                let rows = statistics::logits(session, records)?;
                let outputs = session.table(name, records, session.model.classes, &rows)?;
                Lesson::Match { outputs, weight: 1.0 }
            }
        })
    }

    fn recipe(&self, train: &TrainConfig) -> TrainConfig {
        TrainConfig {
            optimizer: "adam".into(),
            lr: self.lr,
            epochs: self.epochs,
            schedule: Schedule::Constant,
            nesterov: false,
            ..train.without_course()
        }
    }
}

impl Method for D2dgn {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(ROW.name, targets, "compares probabilities of classes")
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        view.require_graph(ROW.name)?;
        session.needs_softmax(ROW.name)?;
        let marked = named(view);
        let view = &View { forget: &marked, ..*view };
        let reads = [Read::RetainData, Read::ForgetData];
        learn(session, view, &self.recipe(view.train), &reads, |session| {
            let kept = self.lesson(session, "d2dgn.preserver", Records::before(view.retain))?;
            let mut tasks = vec![Task::retained(view, self.alpha).taught(kept)];
            let theta = session.read_theta()?;
            if !view.forget.is_empty() {
                let untrained = session.model.init(view.seed ^ OTHER_SEED);
                session.write_theta(&untrained)?;
                let lost = self.lesson(session, "d2dgn.destroyer", Records::before(view.forget))?;
                tasks.push(Task::forgotten(view, 1.0 - self.alpha).taught(lost));
            }
            session.write_theta(&match self.start {
                Start::Original => theta,
                Start::Fresh => view.past.start(session.model, view.seed),
            })?;
            Ok(Plan { tasks, notes: vec![("named", marked.len().into())], ..Plan::default() })
        })
    }
}
