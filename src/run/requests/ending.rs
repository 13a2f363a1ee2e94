//! How a batch ends: what passed is published, its evidence is written, and its requests have an end; what did not is
//! rolled back. A kill between any two of these leaves a state that the next call goes on from.

use std::fs;

use serde_json::{Value, json};

use super::desk::Desk;
use super::document::Outcome;
use super::evidence::{Evidence, Finished};
use super::work::Job;
use crate::base::sha256;
use crate::error::{Error, Result};
use crate::ledger::State;
use crate::run::pack::{self, Issued};

impl Job<'_> {
    /// Publishes what passed, and rolls back what did not.
    pub(super) fn end(&self, outcome: Outcome) -> Result<Finished> {
        let (project, batch) = (self.project, self.plan.batch.as_str());
        if !outcome.passed() {
            project.write(|desk| self.roll_back(desk, &outcome))?;
            return Ok(Finished { outcome, evidence: None });
        }
        let known = project.write(|desk| {
            self.publish(desk, &outcome)?;
            project.issued(&desk.store, batch)
        })?;
        let evidence = match (known, &outcome.run_sha256) {
            (Some(known), _) => Some(known),
            (None, Some(_)) if self.how.pack => Some(self.prove()?),
            _ => None,
        };
        project.write(|desk| {
            let verified = self.of(desk, &[State::Verified])?;
            desk.bring(&verified, State::Published, self.actor, self.said(json!({})))?;
            project.tidy(desk)
        })?;
        Ok(Finished { outcome, evidence })
    }

    /// What the ledger has of the outcome.
    fn bound(&self) -> Result<String> {
        Ok(sha256(&fs::read(self.outcome_file()).map_err(Error::io("read", &self.outcome_file()))?))
    }

    fn roll_back(&self, desk: &mut Desk, outcome: &Outcome) -> Result<()> {
        let open = self.of(desk, &[State::Running, State::Verified])?;
        let more = json!({"outcome_sha256": self.bound()?, "reason": outcome.failed.join(",")});
        desk.bring(&open, State::RolledBack, self.actor, self.said(more))?;
        self.project.tidy(desk)
    }

    /// Lets the model serve. Each entry is there before what follows from it.
    fn publish(&self, desk: &mut Desk, outcome: &Outcome) -> Result<()> {
        let running = self.of(desk, &[State::Running])?;
        desk.bring(&running, State::Verified, self.actor, self.said(json!({"outcome_sha256": self.bound()?})))?;
        // Once and no more: another batch may have been published since.
        let before = desk.store.was_published(&self.plan.batch)?;
        if let (Some(run), Some(model), false) = (&outcome.run_sha256, &outcome.model_sha256, before) {
            let more = json!({
                "actor": self.actor, "run_sha256": run, "model_sha256": model, "method": self.plan.method,
                "tier": outcome.tier,
            });
            desk.record([("model.published".to_owned(), self.said(more))])?;
        }
        self.project.settle(desk)
    }

    /// Writes the pack, then says so. Others may write to the ledger while it is written.
    fn prove(&self) -> Result<Evidence> {
        let batch = self.plan.batch.as_str();
        let pack = self.project.pack(batch).inspect_err(|_| {
            (self.how.said)(&format!(
                "batch {batch}: its model serves, and its evidence is still to be written; `unlearn requests run` goes \
                 on, with --no-pack without any"
            ));
        })?;
        let (kind, body) = entry(self, &pack);
        self.project.write(|desk| desk.record([(kind, body)]))?;
        Ok(self.project.evidence_of(batch, &pack.sha256))
    }
}

fn entry(job: &Job, pack: &Issued) -> (String, Value) {
    let (kind, body) = pack::issued(pack);
    let mut said = job.said(json!({"actor": job.actor}));
    if let (Some(said), Value::Object(body)) = (said.as_object_mut(), body) {
        said.extend(body);
    }
    (kind.to_owned(), said)
}
