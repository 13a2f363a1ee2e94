//! Bad Teacher: on the forgotten records the network learns the answers of one that knows nothing, on the others its
//! own.

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "bad_teacher",
    summary: "distils an untrained network's answers to the forgotten records and its own former ones to some others",
    citation: "Chundawat et al., AAAI 2023 (Can Bad Teaching Induce Forgetting?)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: &[RecordKind::Row],
    settings: &[
        &[
            real("share", "0.3", Range::PART, "Part of the retained records that are taught; the source's."),
            real("temperature", "1", Range::POSITIVE, "Of both teachers' answers; the source's."),
        ],
        &Sgd::settings(
            ("0.1", "Learning rate as a multiple of the recipe's; the source has Adam with 1e-4."),
            ("0.05", "Passes over the records that are taught as a part of the recipe's, at most; the source has 1."),
            "constant",
        ),
        &StopRule::OR_NEVER,
    ],
    build: |table| settings::build::<BadTeacher>(&ROW, table),
};

/// The mean over the taught retained records and the forgotten ones, as one set, of KL(teacher ‖ network): the sum over
/// classes, which the public code divides by their number. Both teachers answer in evaluation form, once. An untrained
/// network is less sure of a record than one that never saw it: what is over-forgotten can be told from that. Records
/// that stand alone: who is near a deletion on a graph is retained and forgotten at once, and would unlearn everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct BadTeacher {
    share: f64,
    temperature: f64,
    #[serde(flatten)]
    sgd: Sgd,
    #[serde(flatten)]
    rule: StopRule,
}

/// Keeps the draw of taught records apart from the seed's other uses.
const STREAM_TAUGHT: u32 = 0x7461_7567;
/// Is not the training's, lest the incompetent teacher be where the network began.
const OTHER_SEED: u64 = 0x6261_6474;

impl Method for BadTeacher {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(ROW.name, targets, "compares probabilities of classes")
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        session.needs_softmax(ROW.name)?;
        let taught = view.drawn(((self.share * view.retain.len() as f64).round() as usize).max(1), STREAM_TAUGHT);
        let view = &View { retain: &taught, ..*view };
        let temperature = self.temperature;
        let reads = [Read::RetainData, Read::ForgetData];
        learn(session, view, &self.sgd.recipe(view.train), &reads, |session| {
            let (retain, forget) = (Task::retained(view, 1.0), Task::forgotten(view, in_proportion(view)));
            let lesson = |answers| Lesson::Teacher { answers, temperature, own: 0.0, weight: 1.0 };
            let good = answers(session, "teacher.competent", retain.records, temperature)?;
            let theta = session.read_theta()?;
            let untrained = session.model.init(view.seed ^ OTHER_SEED);
            session.write_theta(&untrained)?;
            let bad = answers(session, "teacher.incompetent", forget.records, temperature)?;
            session.write_theta(&theta)?;
            let tasks = vec![retain.taught(lesson(good)), forget.taught(lesson(bad))];
            let until = self.rule.where_possible(session, view);
            Ok(Plan { tasks, notes: vec![("taught_records", taught.len().into())], until, ..Plan::default() })
        })
    }
}
