//! Distillation without the forgotten records: a new network learns the original's answers to the others.

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "distill",
    summary: "new parameters, trained by the whole recipe on the original's softened answers to the retained records",
    citation: "Hinton, Vinyals & Dean 2015 (arXiv 1503.02531), on the retained records alone",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[&[
        real("beta", "0.7", Range::UNIT, "Weight of the answers beside that of the labels; sources have 0.5 to 0.9."),
        real("temperature", "2", Range::POSITIVE, "Of the answers; sources have 2 to 4."),
    ]],
    build: |table| settings::build::<Distill>(&ROW, table),
};

/// Minimises (1 − beta) L_R + beta T² KL(original ‖ student) by the recipe, from parameters of the seed. The student
/// sees no forgotten record, but the answers are those of a network that did: not exact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Distill {
    beta: f64,
    temperature: f64,
}

impl Method for Distill {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(ROW.name, targets, "compares probabilities of classes")
    }

    fn needs(&self) -> Needs {
        Needs::Recipe
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        session.needs_softmax(ROW.name)?;
        let Distill { beta, temperature } = *self;
        learn(session, view, &whole_recipe(view.train), &reads_of(view, &[Read::RetainData]), |session| {
            let retain = Task::retained(view, 1.0);
            let answers = answers(session, "teacher.competent", retain.records, temperature)?;
            let fresh = view.past.start(session.model, view.seed);
            session.write_theta(&fresh)?;
            let lesson = Lesson::Teacher { answers, temperature, own: 1.0 - beta, weight: beta };
            Ok(Plan { tasks: vec![retain.taught(lesson)], ..Plan::default() })
        })
    }
}
