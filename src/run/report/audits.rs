//! Audits that lie beside runs: what each attack sees of the run, of the model before and of retrains, what decides.

use super::charts::{self, Axis, Ink, Line, ORIGINAL, PLAIN, key};
use super::html::{Figure, element, escape, folded, panel, table};
use crate::eval::Outcome;
use crate::run::audit::{AttackRow, Audit};

/// The lowest rate drawn.
const FLOOR: f64 = 1e-3;

/// Their section; empty without any.
pub(super) fn section(audits: &[Audit]) -> String {
    if audits.is_empty() {
        return String::new();
    }
    let each: String = audits.iter().map(one).collect();
    format!("<section id=\"audits\">\n<h2>Audits</h2>\n{}{each}</section>\n", element("p", READING))
}

const READING: &str = "Shadow models and retrains of the run's own recipe say what a model that never had the records \
    looks like. A check fails where no retrain lies; it decides nothing where the model before forgetting cannot be \
    told from retrains either.";

/// What came of one in a sentence that a newcomer understands.
pub(super) fn sentence(audit: &Audit) -> String {
    let failed = audit.verdict.checks.iter().filter(|check| check.outcome == Outcome::Fail).count();
    let all = audit.verdict.checks.len();
    let what = match audit.verdict.outcome {
        Outcome::Pass => "No attack tells this run from a training without the records.".to_owned(),
        Outcome::Fail => {
            format!("{failed} of {all} checks tell this run from every training without the records.")
        }
        _ => "Nothing is decided: too few checks see the records even where nothing was forgotten.".to_owned(),
    };
    format!("{what} {}", audit.verdict.summary)
}

/// The name that it goes by on the page.
pub(super) fn name(audit: &Audit) -> String {
    let folder = audit.run.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    format!("{folder}: {}", audit.method)
}

fn one(audit: &Audit) -> String {
    let outcome = audit.verdict.outcome.as_str();
    let mut out = format!(
        "<article class=\"card {outcome}\">\n<h3>{}: <span class=\"{outcome}\">{outcome}</span></h3>\n",
        escape(&name(audit))
    );
    out.push_str(&element("p", &sentence(audit)));
    if !audit.attacks.is_empty() {
        out.push_str(&attacks(audit));
    }
    out.push_str(&checks(audit));
    out.push_str(&folded("more", false, "What was trained, and what was not measured", &models(audit)));
    out.push_str("</article>\n");
    out
}

/// The columns of [`line`].
pub(super) const HEADER: [&str; 5] =
    ["attack", "AUC on the run", "on the model before", "on retrains", "TPR at 1 % FPR, % (95 %)"];

/// An attack's figures.
pub(super) fn line(row: &AttackRow) -> Vec<String> {
    let rate = row.run.rates.first().map_or("–".to_owned(), |rate| {
        let [low, high] = rate.bounds.map(|bound| 100.0 * bound);
        format!("{:.1} ({low:.1} to {high:.1})", 100.0 * rate.tpr)
    });
    let retrains = match (row.retrain_auc, row.retrain_sd) {
        (Some(mean), Some(sd)) => format!("{mean:.3} ± {sd:.3}"),
        (Some(mean), None) => format!("{mean:.3}"),
        _ => "–".to_owned(),
    };
    let run = format!("{:.3} ± {:.3}", row.run.auc, row.run.se);
    vec![row.attack.clone(), run, format!("{:.3}", row.original.auc), retrains, rate]
}

fn attacks(audit: &Audit) -> String {
    let (x, y) = (Axis::log("false-positive rate", (FLOOR, 1.0)), Axis::log("true-positive rate", (FLOOR, 1.0)));
    let guess = Line { ink: Ink { colour: PLAIN, dash: 2 }, points: vec![(FLOOR, FLOOR), (1.0, 1.0)] };
    let drawn = |row: &AttackRow| {
        let line = |roc: &[[f64; 2]], ink: Ink| Line { ink, points: roc.iter().map(|p| (p[0], p[1])).collect() };
        let lines = [guess.clone(), line(&row.original.roc, Ink::solid(ORIGINAL)), line(&row.run.roc, Ink::method(0))];
        panel(
            &row.attack,
            &charts::lines(&format!("{}, both axes logarithmic", row.attack), &x, &y, &lines, &[], false),
        )
    };
    Figure {
        title: "Attacks",
        caption: "Up: how many forgotten records an attack finds; right: how many others it takes for them, down to \
                  one in a thousand. A run that forgot lies on the line of guessing, as retrains do; the model before \
                  forgetting shows what there is to see.",
        body: audit.attacks.iter().map(drawn).collect(),
        key: key([("this run", Ink::method(0)), ("before forgetting", Ink::solid(ORIGINAL)), ("guessing", guess.ink)]),
        numbers: table("Attacks", &HEADER.map(str::to_owned), &audit.attacks.iter().map(line).collect::<Vec<_>>()),
    }
    .html()
}

fn checks(audit: &Audit) -> String {
    let mut out = String::from("<ul class=\"verdicts\">\n");
    for check in &audit.verdict.checks {
        let outcome = check.outcome.as_str();
        out.push_str(&format!(
            "<li class=\"{outcome}\"><b>{}</b> <span>{}: {} {}.</span></li>\n",
            escape(&check.name),
            outcome,
            escape(&check.reason),
            escape(&upper(&check.power))
        ));
    }
    out.push_str("</ul>\n");
    out
}

fn models(audit: &Audit) -> String {
    let (m, [passing, of]) = (&audit.models, audit.calibration);
    let mut out = element(
        "p",
        &format!(
            "{} shadow models, {} retrains, {} models that were made to forget; {passing} of {of} retrains fail no \
                check when each is judged as this run is.",
            m.shadows, m.retrains, m.unlearned
        ),
    );
    if let Some(quality) = &audit.forgetting_quality {
        let (quality, best) = (quality.quality, quality.best_possible);
        out.push_str(&element("p", &format!("Forgetting quality {quality:.3}; retrains reach {best:.3}.")));
    }
    if let Some(klom) = &audit.klom {
        let (found, best) = (klom.forgotten.p95, klom.forgotten.best_possible);
        let text = format!(
            "KLoM on the forgotten records, 95th percentile: {found:.2} nats; retrains among themselves {best:.2}."
        );
        out.push_str(&element("p", &text));
    }
    for what in &audit.not_measured {
        out.push_str(&element("p", &format!("Not measured: {what}.")));
    }
    out
}

/// A sentence's beginning.
fn upper(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or(String::new(), |first| first.to_uppercase().chain(rest).collect())
}
