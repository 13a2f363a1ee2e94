//! Bad Teacher: on the forgotten records the network learns the answers of one that knows nothing, on the others its
//! own.

use serde::{Deserialize, Serialize};

use crate::methods::graph::marked::named;
use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "bad_teacher",
    summary: "distils an untrained network's answers to the forgotten records and its own former ones to some others",
    citation: "Chundawat et al., AAAI 2023 (Can Bad Teaching Induce Forgetting?)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
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
        &Harm::SETTINGS,
    ],
    build: |table| settings::build::<BadTeacher>(&ROW, table),
};

/// The mean over the taught retained records and the forgotten ones, as one set, of KL(teacher ‖ network): the sum over
/// classes, which the public code divides by their number. Both teachers answer in evaluation form, once. An untrained
/// network is less sure of a record than one that never saw it: what is over-forgotten can be told from that.
///
/// On a graph both teachers answer as the graph was, and what is kept is learned on the reduced one. Forgotten are the
/// training nodes that the request names, as they were: who is only near a deletion stays, and taught as forgotten it
/// would unlearn everything. What deletes a column names nobody, and the answers of some retained nodes are all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct BadTeacher {
    share: f64,
    temperature: f64,
    #[serde(flatten)]
    sgd: Sgd,
    #[serde(flatten)]
    rule: StopRule,
    #[serde(flatten)]
    harm: Harm,
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
        let forgotten = named(view);
        let view = &View { retain: &taught, forget: &forgotten, ..*view };
        let temperature = self.temperature;
        let reads = [Read::RetainData, Read::ForgetData];
        learn(session, view, &self.sgd.recipe(view.train), &reads, |session| {
            let lesson = |answers| Lesson::Teacher { answers, temperature, own: 0.0, weight: 1.0 };
            let good = answers(session, "teacher.competent", Records::before(view.retain), temperature)?;
            let mut tasks = vec![Task::retained(view, 1.0).taught(lesson(good))];
            if !view.forget.is_empty() {
                let theta = session.read_theta()?;
                let untrained = session.model.init(view.seed ^ OTHER_SEED);
                session.write_theta(&untrained)?;
                let bad = answers(session, "teacher.incompetent", Records::before(view.forget), temperature)?;
                session.write_theta(&theta)?;
                tasks.push(Task::forgotten(view, in_proportion(view)).taught(lesson(bad)));
            }
            // Nobody to watch where nobody is named.
            let until = self.rule.of_relabelled(session, view).filter(|_| !view.forget.is_empty());
            let notes = vec![("taught_records", taught.len().into())];
            Ok(Plan { tasks, notes, until, harm: Some(self.harm), ..Plan::default() })
        })
    }
}
