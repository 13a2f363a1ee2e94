//! What was made is held against what the plan asks for: only what passes is published.

use std::path::Path;

use super::candidates::rank;
use super::document::{Gate, Outcome};
use super::how::How;
use crate::error::{Error, Result};
use crate::eval::Outcome as Verdict;
use crate::methods::{self, Role};
use crate::run::audit::{Audit, AuditJob, Options};
use crate::run::evaluate::EvalJob;
use crate::run::evidence::{Marks, hash_of};
use crate::run::folder::RunFolder;
use crate::run::retrains::{Retrains, Work};
use crate::run::verify::{self, VerifyJob};

/// Retrains of an audit: with fewer it decides nothing.
const AUDITED: usize = 20;

/// A result before the gate.
pub(super) struct Made<'a> {
    pub run: &'a Path,
    /// The run that served before.
    pub before: &'a Path,
    pub gate: &'a Gate,
    pub marks: &'a Marks,
}

impl Made<'_> {
    /// Asks everything that the gate asks for, and writes down the answers.
    ///
    /// # Errors
    /// What stops the asking and says nothing of the result: a full disk, a lost device.
    pub fn examine(&self, how: &How, outcome: &mut Outcome) -> Result<()> {
        let info = RunFolder::new(self.run).read_info()?;
        let forget = info.forget.ok_or_else(|| Error::internal("a batch's run forgot nothing"))?;
        outcome.run_sha256 = Some(hash_of(&RunFolder::new(self.run).info())?);
        outcome.model_sha256 = Some(info.model_sha256);
        outcome.tier = Some(forget.tier);
        outcome.seconds = Some(forget.method_s + forget.precompute_s);
        let mut fail = |code: &str, why: String| {
            outcome.failed.push(code.to_owned());
            outcome.reasons.push(why);
        };
        let role = methods::role(&forget.method).unwrap_or(Role::Method);
        if !forget.effect.counts(role) {
            let why = forget.effect.reason.clone().unwrap_or_default();
            fail(forget.effect.as_str(), format!("the network is {}: {why}", forget.effect.as_str()));
        }
        if let Some(least) = self.gate.tier.filter(|least| rank(forget.tier) > rank(*least)) {
            fail("tier", format!("the result is {}, and tier {} is required", forget.tier.as_str(), least.as_str()));
        }
        outcome.effect = Some(forget.effect);
        self.accuracy(how, outcome)?;
        // What failed already costs no retrains.
        if outcome.passed() && self.gate.references > 0 {
            self.verdict(how, outcome)?;
        }
        if outcome.passed() && self.gate.shadows > 0 {
            self.audit(how, outcome)?;
        }
        Ok(())
    }

    /// Test accuracy before and after.
    fn accuracy(&self, how: &How, outcome: &mut Outcome) -> Result<()> {
        let mut engine = (how.engine)(1)?;
        let mut of = |run: &Path| -> Result<Option<f64>> {
            let job = EvalJob { run, references: &[], original: None, request: None };
            Ok(job.read()?.measure(&mut engine)?.metrics.get("splits.test.accuracy"))
        };
        (outcome.accuracy_before, outcome.accuracy_after) = (of(self.before)?, of(self.run)?);
        let Some(most) = self.gate.max_drop else { return Ok(()) };
        match (outcome.accuracy_before, outcome.accuracy_after) {
            (Some(before), Some(after)) if 100.0 * (before - after) <= most => {}
            (Some(before), Some(after)) => {
                outcome.failed.push("drop".into());
                outcome.reasons.push(format!(
                    "test accuracy fell by {:.2} percentage points, from {:.2} % to {:.2} %, and {most} are allowed",
                    100.0 * (before - after),
                    100.0 * before,
                    100.0 * after
                ));
            }
            _ => {
                outcome.failed.push("drop-not-measured".into());
                outcome.reasons.push("there is no test accuracy to measure a drop of".into());
            }
        }
        Ok(())
    }

    /// The verdict beside retrains, which are made where they are not there.
    fn verdict(&self, how: &How, outcome: &mut Outcome) -> Result<()> {
        let retrains = Retrains::of(self.run, None, usize::from(self.gate.references))?;
        let told = |what: &str| (how.said)(what);
        let work = Work {
            engine: how.engine,
            jobs: None,
            memory: how.memory,
            marks: self.marks,
            one_by_one: false,
            watch: &|_| {},
            told: &told,
        };
        retrains.make(&work)?;
        let job = VerifyJob { run: self.run, references: &[], original: None };
        let judged = match job.verify(&mut || (how.engine)(1)) {
            Ok(stored) => (stored.verdict.outcome, stored.verdict.summary),
            Err(Error::Inconclusive(why)) => (Verdict::Inconclusive, why),
            Err(e) => return Err(e),
        };
        let file = verify::file(&RunFolder::new(self.run));
        outcome.verdict_sha256 = file.exists().then(|| hash_of(&file)).transpose()?;
        outcome.verdict = Some(judged.0);
        if judged.0 != Verdict::Pass {
            outcome.failed.push(format!("verdict-{}", judged.0.as_str()));
            outcome.reasons.push(judged.1);
        }
        Ok(())
    }

    /// The attacks.
    fn audit(&self, how: &How, outcome: &mut Outcome) -> Result<()> {
        let shadows = usize::from(self.gate.shadows).next_multiple_of(2);
        let options = Options { shadows, retrains: AUDITED, unlearned: 0, ..Options::default() };
        let job = AuditJob { run: self.run, original: None, references: &[], options };
        let judged = match job.audit(&mut || (how.engine)(1), &mut |line| (how.said)(line)) {
            Ok(audit) => {
                let file = Audit::beside(self.run);
                audit.write(&file)?;
                outcome.audit_sha256 = Some(hash_of(&file)?);
                (audit.verdict.outcome, audit.verdict.summary)
            }
            Err(e @ (Error::Inconclusive(_) | Error::Unsupported(_))) => (Verdict::Inconclusive, e.to_string()),
            Err(e) => return Err(e),
        };
        outcome.audit = Some(judged.0);
        if judged.0 != Verdict::Pass {
            outcome.failed.push(format!("audit-{}", judged.0.as_str()));
            outcome.reasons.push(judged.1);
        }
        Ok(())
    }
}
