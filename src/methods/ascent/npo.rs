//! Negative preference optimisation: an ascent whose push fades where a record is forgotten already.

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "npo",
    summary: "minimises -(2/beta) log sigmoid(beta (loss - the original's loss)) on the forgotten records, beside the \
              others' loss",
    citation: "Zhang, Lin, Bai & Mei, COLM 2024 (NPO, with the retain term of NPO+RT)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[real("beta", "0.1", Range::POSITIVE, "How soon the push fades; the source's, 1 on its small task."), RETAIN],
        &Climbing::SETTINGS,
    ],
    build: |table| settings::build::<Npo>(&ROW, table),
};

pub(crate) static SIMPLE: MethodRow = MethodRow {
    name: "simnpo",
    summary: "minimises -(2/beta) log sigmoid(beta loss - gamma) on the forgotten records, beside the others' loss",
    citation: "Fan et al. 2024 (SimNPO, arXiv 2410.07163)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[
            real("beta", "2.5", Range::POSITIVE, "How soon the push fades; within the source's 1.5 to 3.5."),
            real("gamma", "0", Range::NOT_NEGATIVE, "What beta loss must come to before it fades; the source's."),
            RETAIN,
        ],
        &Climbing::SETTINGS,
    ],
    build: |table| settings::build::<SimNpo>(&SIMPLE, table),
};

const RETAIN: Setting = real("retain", "1", Range::NOT_NEGATIVE, "Weight of the retained records' loss.");

/// The loss ℓ is a record's negative log-likelihood, ℓ₀ that of the original, measured once in evaluation form. With
/// beta → 0 it is `grad_diff` with a constant; for ℓ far above ℓ₀ its gradient is 0, so that no ascent runs away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Npo {
    beta: f64,
    retain: f64,
    #[serde(flatten)]
    climbing: Climbing,
}

/// The same with gamma / beta in the place of ℓ₀: no original to compare with. A record's answer is one token long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SimNpo {
    beta: f64,
    gamma: f64,
    retain: f64,
    #[serde(flatten)]
    climbing: Climbing,
}

/// What is trained, with the losses `before` that the forgotten records are compared with.
fn tasks<'a>(session: &mut Session, view: &View<'a>, before: &[f32], beta: f64, retain: f64) -> Result<Vec<Task<'a>>> {
    let forget = Task::forgotten(view, 1.0);
    let before = session.table("npo.before", forget.records, 1, before)?;
    Ok(vec![Task::retained(view, retain), forget.taught(Lesson::Preference { before, beta })])
}

impl Method for Npo {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_likelihoods(ROW.name, targets)
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        self.climbing.run(session, view, |session| {
            session.set_aim(&view.train.into())?;
            let before = statistics::losses(session, Records::before(view.forget))?;
            tasks(session, view, &before, self.beta, self.retain)
        })
    }
}

impl Method for SimNpo {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_likelihoods(SIMPLE.name, targets)
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        self.climbing.run(session, view, |session| {
            let floor = vec![(self.gamma / self.beta) as f32; view.forget.len()];
            tasks(session, view, &floor, self.beta, self.retain)
        })
    }
}
