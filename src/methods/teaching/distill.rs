//! Distillation without the forgotten records: a new network learns the original's answers to the others.

use serde::{Deserialize, Serialize};

use crate::engine::Buf;
use crate::methods::prelude::*;
use crate::nn::Model;

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
        real(
            "width",
            ABSENT,
            Range::BELOW_WHOLE,
            "Of the student's hidden layers, as a part of the original's. Absent: a student of the original's size.",
        ),
    ]],
    build: |table| settings::build::<Distill>(&ROW, table),
};

/// Minimises (1 − beta) L_R + beta T² KL(original ‖ student) by the recipe, from parameters of the seed. The student
/// sees no forgotten record, but the answers are those of a network that did: not exact. With `width` the student is
/// smaller and has layers of its own, which the run then holds; how far its weights moved is counted from its start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Distill {
    beta: f64,
    temperature: f64,
    width: Option<f64>,
}

impl Distill {
    /// Trains the session's network, from parameters of the seed, on the answers at the places of the records.
    fn teach(&self, session: &mut Session, view: &View, made: Buf<f32>, fresh: &[f32]) -> Result<Account> {
        let Distill { beta, temperature, .. } = *self;
        learn(session, view, &whole_recipe(view.train), &reads_of(view, &[Read::RetainData]), |session| {
            session.write_theta(fresh)?;
            let lesson = Lesson::Teacher { answers: made, temperature, own: 1.0 - beta, weight: beta };
            Ok(Plan { tasks: vec![Task::retained(view, 1.0).taught(lesson)], ..Plan::default() })
        })
    }

    /// A smaller network that is taught by the session's.
    fn smaller(&self, session: &mut Session, view: &View, made: Buf<f32>, width: f64) -> Result<Account> {
        let config = session.model.narrowed(width).map_err(|e| Error::input(format!("method `distill`: {e}")))?;
        let model = Model::build(&config, &session.model.input, session.model.classes)?;
        let fresh = model.init(view.seed);
        let (mut account, theta, trail) = session.under(&model, &fresh, |student| {
            let account = self.teach(student, view, made, &fresh)?;
            Ok((account, student.read_theta()?, std::mem::take(&mut student.trail)))
        })?;
        session.trail.extend(trail);
        account.note("parameters", model.layout.count());
        account.student = Some(Box::new(Student { config, theta }));
        Ok(account)
    }
}

impl Method for Distill {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(ROW.name, targets, "compares probabilities of classes")
    }

    fn suits(&self, model: &Model) -> Result<()> {
        let Some(width) = self.width else { return Ok(()) };
        model.narrowed(width).map(|_| ()).map_err(|e| Error::input(format!("method `distill`: {e}")))
    }

    fn needs(&self) -> Needs {
        Needs::Recipe
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        session.needs_softmax(ROW.name)?;
        let mut clock = 0.0;
        let made =
            timed(&mut clock, || answers(session, "teacher.competent", Records::train(view.retain), self.temperature))?;
        let mut account = match self.width {
            Some(width) => self.smaller(session, view, made, width)?,
            None => {
                let fresh = view.past.start(session.model, view.seed);
                self.teach(session, view, made, &fresh)?
            }
        };
        account.method_s += clock;
        Ok(account)
    }
}
