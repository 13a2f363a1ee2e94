//! Tilted reweighting: on a forgotten class the network learns the answers that a retrain is expected to give, its own
//! without the class, tilted towards the classes that are like it.

use serde::{Deserialize, Serialize};

use crate::methods::graph::marked::named;
use crate::methods::prelude::*;
use crate::methods::shared::softmax::softmax;
use crate::nn::{Model, ParamEntry};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "trew",
    summary: "teaches the forgotten records the original's answers without their class, tilted towards the classes \
        whose weights are like its own; for classes",
    citation: "Ebrahimpour-Boroojeny, Wang & Sundaram, ICML 2026 (TREW, Tilted REWeighting; arXiv 2506.20893)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[
            real("tilt", "1", Range::NOT_NEGATIVE, "Exponent on likeness; 0 shares out as the original does."),
            real("weight", ABSENT, Range::POSITIVE, "Of the forgotten records' term. Absent: n_F / n_R."),
        ],
        &Sgd::settings(
            ("0.2", "Learning rate as a multiple of the recipe's."),
            ("0.07", "Passes over the retained records as a part of the recipe's."),
            "constant",
        ),
    ],
    build: |table| settings::build::<Trew>(&ROW, table),
};

/// L_R + weight · mean over the forgotten records of KL(q ‖ network), q_c ∝ p_c exp(tilt · s_c) for every class c of
/// which something is retained and 0 for the others and for the record's own, p the original's answers and s_c the
/// cosine of the rows of the last weights that belong to c and to the record's class. A retrain names a class that it
/// never saw by what it is like; a network that only spreads what the class had can be told from one by its neighbours.
///
/// The source takes the exponent from a condition on the mean likeness, for classes alone. Of records whose class
/// stays, their own loses its probability too, which is more than a retrain would take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Trew {
    tilt: f64,
    weight: Option<f64>,
    #[serde(flatten)]
    sgd: Sgd,
}

/// The last weights with a row a class.
///
/// # Errors
/// There are none.
fn head(model: &Model) -> Result<&ParamEntry> {
    let rows = |e: &&ParamEntry| e.shape.len() == 2 && e.shape[0] == model.classes;
    model.layout.entries().iter().rev().find(rows).ok_or_else(|| {
        Error::input(
            "method `trew` compares the classes by the rows of the last layer's weights, and the network's last \
             weights have no row a class; use bad_teacher or random_label",
        )
    })
}

/// Cosines of rows with one another, [classes, classes].
fn likeness(rows: &[f32], classes: usize) -> Vec<f64> {
    let row = |c: usize| &rows[c * rows.len() / classes..(c + 1) * rows.len() / classes];
    let dot = |a: usize, b: usize| row(a).iter().zip(row(b)).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let cosine = |a: usize, b: usize| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(f64::MIN_POSITIVE);
    (0..classes * classes).map(|i| cosine(i / classes, i % classes)).collect()
}

impl Trew {
    /// q of one record: from its logits, its class and the classes that are gone.
    fn answer(&self, logits: &[f32], class: usize, gone: &[u32], alike: &[f64]) -> Vec<f32> {
        let classes = logits.len();
        let tilted = |c: usize| match c == class || gone.contains(&(c as u32)) {
            true => f64::NEG_INFINITY,
            false => f64::from(logits[c]) + self.tilt * alike[class * classes + c],
        };
        let z: Vec<f64> = (0..classes).map(tilted).collect();
        if z.iter().all(|z| z.is_infinite()) {
            return vec![1.0 / classes as f32; classes];
        }
        softmax(&z, 1.0).into_iter().map(|q| q as f32).collect()
    }
}

impl Method for Trew {
    fn suits(&self, model: &Model) -> Result<()> {
        head(model).map(|_| ())
    }

    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_classes(ROW.name, targets, "takes a class out of the answers")
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        session.needs_softmax(ROW.name)?;
        let entry = head(session.model)?.clone();
        let forgotten = named(view);
        let view = &View { forget: &forgotten, ..*view };
        let reads = [Read::RetainData, Read::ForgetData];
        learn(session, view, &self.sgd.recipe(view.train), &reads, |session| {
            let mut tasks = vec![Task::retained(view, 1.0)];
            if !view.forget.is_empty() {
                let classes = session.model.classes;
                let theta = session.read_theta()?;
                let alike = likeness(&theta[entry.offset..entry.offset + entry.len], classes);
                let (logits, own) =
                    (statistics::logits(session, Records::before(view.forget))?, session.classes(view.forget)?);
                let rows = logits.chunks_exact(classes).zip(own);
                let answers: Vec<f32> = rows
                    .flat_map(|(z, class)| self.answer(z, class as usize, view.forgotten_classes, &alike))
                    .collect();
                let answers = session.table("trew.answers", Records::before(view.forget), classes, &answers)?;
                let lesson = Lesson::Teacher { answers, temperature: 1.0, own: 0.0, weight: 1.0 };
                tasks.push(Task::forgotten(view, self.weight.unwrap_or(in_proportion(view))).taught(lesson));
            }
            Ok(Plan { tasks, notes: vec![("weights", entry.name.as_str().into())], ..Plan::default() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_shared_out_by_likeness() {
        let method = |tilt| Trew {
            tilt,
            weight: None,
            sgd: Sgd {
                lr: None,
                lr_of_recipe: 0.2,
                epochs: None,
                epochs_of_recipe: 0.1,
                schedule: Schedule::Constant,
                momentum: None,
                weight_decay: None,
            },
        };
        // Class 1 is like class 0, class 2 its opposite, class 3 neither.
        let alike = likeness(&[1.0, 0.0, 2.0, 0.0, -1.0, 0.0, 0.0, 3.0], 4);
        assert_eq!(alike[..4], [1.0, 1.0, -1.0, 0.0]);
        let even = method(0.0).answer(&[9.0, 1.0, 1.0, 1.0], 0, &[0], &alike);
        assert!(even[0] == 0.0 && even[1..].iter().all(|q| (q - 1.0 / 3.0).abs() < 1e-6), "{even:?}");
        let tilted = method(2f64.ln()).answer(&[9.0, 1.0, 1.0, 1.0], 0, &[0, 3], &alike);
        assert!((tilted[1] - 0.8).abs() < 1e-6 && (tilted[2] - 0.2).abs() < 1e-6 && tilted[3] == 0.0, "{tilted:?}");
        assert_eq!(method(1.0).answer(&[1.0, 2.0], 0, &[0, 1], &[1.0; 4]), [0.5, 0.5]);
    }
}
