use std::path::PathBuf;

use super::output::{Table, emit, emit_json};
use super::{Context, Run};
use crate::error::{Error, Result};
use crate::eval::attacks::Klom;
use crate::run::audit::{Audit, AuditJob, Options};

/// Attack a run that forgot with models that know better: shadow models and retrains of its recipe
///
/// Trains shadow models on the retained records and half of the forgotten ones, and retrains without any, as stacks;
/// they are kept in the folder `audit` of the run that was trained. Writes audit.json beside the run, or to --out. The
/// exit code is 0 where no check tells the run from a retrain, 4 where one does, 3 where the evidence decides nothing.
#[derive(clap::Args, Debug)]
pub struct AuditRun {
    /// Folder of the run that forgot
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The run before forgetting, where it was moved
    #[arg(long, value_name = "RUN0")]
    original: Option<PathBuf>,
    /// A retrain of the same request, as a control besides those that `references` made; may be given several times
    #[arg(long, visible_alias = "references", value_name = "RUN3", num_args = 1..)]
    reference: Vec<PathBuf>,
    /// Shadow models to train, an even number
    #[arg(long, value_name = "N", default_value_t = Options::default().shadows as u16)]
    #[arg(value_parser = clap::value_parser!(u16).range(4..=1024))]
    shadows: u16,
    /// Retrains to train and compare with, one of them held out; with fewer than four nothing is decided
    #[arg(long, value_name = "N", default_value_t = Options::default().retrains as u16)]
    #[arg(value_parser = clap::value_parser!(u16).range(0..=1024))]
    retrains: u16,
    /// Models to train on all records and to make forget by the run's method, one after another, for U-LiRA
    #[arg(long, value_name = "N", default_value_t = Options::default().unlearned as u16)]
    #[arg(value_parser = clap::value_parser!(u16).range(0..=1024))]
    unlearned: u16,
    /// Chance of a retrain to fail any of the checks
    #[arg(long, value_name = "P", default_value_t = Options::default().alpha)]
    alpha: f64,
    /// File for the document, in place of audit.json beside the run
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with 0 whatever the outcome
    #[arg(long)]
    allow_fail: bool,
}

impl Run for AuditRun {
    fn run(self, cx: &Context) -> Result<()> {
        if !(self.alpha > 0.0 && self.alpha <= 0.5) {
            return Err(Error::input(format!("--alpha {}: expected a chance above 0 and at most 0.5", self.alpha)));
        }
        let runs = [&self.run].into_iter().chain(&self.reference).chain(&self.original);
        cx.outputs().reads_runs(runs).file("--out", self.out.as_deref()).check()?;
        let options = Options {
            shadows: usize::from(self.shadows).next_multiple_of(2),
            retrains: self.retrains.into(),
            unlearned: self.unlearned.into(),
            alpha: self.alpha,
            seed: cx.seed,
        };
        let (original, references) = (self.original.as_deref(), &self.reference[..]);
        let job = AuditJob { run: &self.run, original, references, options };
        let audit = job.audit(&mut || cx.engine(), &mut |line| cx.note(line))?;
        audit.write(&self.out.clone().unwrap_or_else(|| Audit::beside(&self.run)))?;
        match cx.json {
            true => emit_json(&audit)?,
            false => emit(&self.shown(&audit))?,
        }
        let verdict = &audit.verdict;
        let error = verdict.outcome.error(&format!("{}: {}", self.run.display(), verdict.summary));
        error.filter(|_| !self.allow_fail).map_or(Ok(()), Err)
    }
}

impl AuditRun {
    fn shown(&self, audit: &Audit) -> String {
        let mut attacks = Table::new(&["attack", "run", "original", "retrains", "TPR at 1 % FPR", "ε at least"]);
        let number = |of: Option<f64>| of.map_or("-".to_owned(), |v| format!("{v:.3}"));
        for row in &audit.attacks {
            let rate = row.run.rates.first();
            let rate = rate.map_or("-".to_owned(), |r| {
                format!("{:.1} % ({:.1} to {:.1})", 100.0 * r.tpr, 100.0 * r.bounds[0], 100.0 * r.bounds[1])
            });
            attacks.row([
                row.attack.clone(),
                format!("{:.3} ± {:.3}", row.run.auc, row.run.se),
                format!("{:.3}", row.original.auc),
                format!("{} ± {}", number(row.retrain_auc), number(row.retrain_sd)),
                rate,
                format!("{:.2}", row.run.epsilon_at_least),
            ]);
        }
        let mut checks = Table::new(&["check", "outcome", "reason", "power"]);
        for check in &audit.verdict.checks {
            checks.row([check.name.as_str(), check.outcome.as_str(), check.reason.as_str(), check.power.as_str()]);
        }
        let [passing, of] = audit.calibration;
        let (run, outcome) = (self.run.display(), audit.verdict.outcome.as_str());
        let quality = audit.forgetting_quality.as_ref().map_or(String::new(), |q| {
            let (quality, best, models) = (q.quality, q.best_possible, q.models);
            format!("forgetting quality {quality:.3} by {models} models, {best:.3} of retrains\n")
        });
        let klom = audit.klom.as_ref().map_or(String::new(), |k| {
            let one = |of: &Klom| format!("{:.2} ({:.2} among retrains)", of.p95, of.best_possible);
            let [forgotten, retained, test] = [&k.forgotten, &k.retained, &k.test].map(one);
            format!(
                "KLoM, 95th percentile: {forgotten} on the forgotten, {retained} on retained, {test} on test records\n"
            )
        });
        let weights = audit.weights.map_or(String::new(), |w| {
            format!(
                "weights moved by {:.2} of their norm, a retrain's by {:.2}; on the way accuracy falls by {:.3}, to a \
                    retrain by {:.3}\n",
                w.moved, w.retrains_moved, w.barrier, w.retrains_barrier
            )
        });
        let left_out: String = audit.not_measured.iter().map(|what| format!("not measured: {what}\n")).collect();
        format!(
            "{attacks}\n{checks}\n{quality}{klom}{weights}{left_out}{passing} of {of} retrains fail no check, each \
                against the others\n{run}: {outcome}. {}\n",
            audit.verdict.summary
        )
    }
}
