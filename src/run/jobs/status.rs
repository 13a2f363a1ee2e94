//! What has become of each job.

use serde::Serialize;

use super::claims::{Claims, Held, Seen};
use super::{Jobs, Patience, Who};
use crate::error::Result;

/// What a job is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Its result is there.
    Done,
    /// A process does it.
    Running,
    /// The process that did it is gone, or gave it up: whoever comes next goes on with it.
    Left,
    /// Nobody has begun it.
    Ready,
    /// What it needs is not done.
    Waiting,
    /// It did not come out.
    Failed,
}

impl JobState {
    /// Every one.
    pub const ALL: [JobState; 6] =
        [JobState::Done, JobState::Running, JobState::Left, JobState::Ready, JobState::Waiting, JobState::Failed];

    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Done => "done",
            JobState::Running => "running",
            JobState::Left => "left",
            JobState::Ready => "ready",
            JobState::Waiting => "waiting",
            JobState::Failed => "failed",
        }
    }
}

/// One job.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct JobStatus {
    /// Its name.
    pub id: String,
    /// What it does, in a few words.
    pub label: String,
    /// What it is at.
    pub state: JobState,
    /// Who did it or does it, or why it failed.
    pub note: String,
    /// SHA-256 of its weights, where it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_sha256: Option<String>,
}

/// All jobs of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Status {
    /// Form of this document.
    pub schema: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// In the order of the plan.
    pub jobs: Vec<JobStatus>,
    /// Adapters and drivers that have computed them: with more than one, bytes depend on who did which job.
    pub adapters: Vec<String>,
}

impl Status {
    /// How many jobs are at it.
    pub fn count(&self, state: JobState) -> usize {
        self.jobs.iter().filter(|job| job.state == state).count()
    }

    /// `3 of 8 done, 1 running`.
    pub fn line(&self) -> String {
        let mut line = format!("{} of {} done", self.count(JobState::Done), self.jobs.len());
        for state in &JobState::ALL[1..] {
            match self.count(*state) {
                0 => {}
                count => line += &format!(", {count} {}", state.as_str()),
            }
        }
        line
    }
}

impl Jobs {
    /// Looks at every job.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn status(&self, patience: Patience) -> Result<Status> {
        let claims = self.claims(Who::me(None), patience)?;
        let (mut jobs, mut adapters) = (Vec::new(), Vec::new());
        for job in &self.plan.jobs {
            let (id, label) = (job.id.clone(), job.unit.label());
            if let Some(done) = self.done(&id)? {
                let adapter = format!("{} ({}, {})", done.adapter.name, done.adapter.backend, done.adapter.driver);
                if !adapters.contains(&adapter) {
                    adapters.push(adapter);
                }
                let note = format!("{}, {:.1} s", done.by, done.seconds);
                let model_sha256 = Some(done.model_sha256);
                jobs.push(JobStatus { id, label, state: JobState::Done, note, model_sha256 });
                continue;
            }
            let (state, note) = self.unfinished(job.unit.needs(), &claims, &id)?;
            jobs.push(JobStatus { id, label, state, note, model_sha256: None });
        }
        Ok(Status { schema: "unlearn.jobs-status/1", version: env!("CARGO_PKG_VERSION"), jobs, adapters })
    }

    fn unfinished(&self, needs: Vec<&str>, claims: &Claims, id: &str) -> Result<(JobState, String)> {
        let said = |held: Held, what: &str| format!("{}{what} since {}", held.who.text(), held.who.at);
        Ok(match claims.look(id)? {
            Seen::Busy(held) => (JobState::Running, said(held, "")),
            Seen::Stale(held) => (JobState::Left, said(held, ", gone, had it")),
            Seen::Released(held) => (JobState::Left, said(held, " gave it up, had it")),
            Seen::Failed(_, why) => (JobState::Failed, why),
            Seen::Free => {
                for need in needs {
                    if self.done(need)?.is_none() {
                        return Ok((JobState::Waiting, format!("needs {need}")));
                    }
                }
                (JobState::Ready, String::new())
            }
        })
    }
}
