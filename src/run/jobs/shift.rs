//! One process at work on a plan: it takes what is free, does it, and publishes it.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::claims::{Claim, Claims, Seen};
use super::plan::Job;
use super::unit::{Bench, Done};
use super::{Jobs, Patience, Rank, Who};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::run::evidence::Marks;
use crate::run::folder::RunFolder;

/// Between two looks at jobs that others do.
const POLL: Duration = Duration::from_millis(500);

/// How a process works.
pub struct Shift<'a> {
    /// Its place among others.
    pub rank: Option<Rank>,
    /// These jobs alone, by the beginnings of their names; all if empty.
    pub only: &'a [String],
    /// Stay until every job is done, to take over what others leave.
    pub wait: bool,
    /// Try again what has failed.
    pub retry: bool,
    /// How long others live without a sign.
    pub patience: Patience,
    /// Opens an engine, when the first job is taken.
    pub engine: &'a dyn Fn() -> Result<Engine>,
    /// Who works, and why.
    pub marks: &'a Marks,
    /// Look for NaN and Inf after every dispatch.
    pub check_finite: bool,
    /// Set by Ctrl-C.
    pub interrupted: &'a AtomicBool,
}

/// What a process tells.
#[derive(Debug)]
pub enum Event<'a> {
    /// It has taken a job; `over` from a holder that is gone.
    Taken {
        /// The job.
        job: &'a Job,
        /// The holder that is gone, in words.
        over: Option<String>,
    },
    /// A job is done.
    Done(&'a Job, &'a Done),
    /// Another process has taken the job over, and done or not: what this one made is thrown away.
    Lost(&'a Job),
    /// A job did not come out.
    Failed(&'a Job, &'a Error),
}

/// What a process has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// By this process.
    pub done: usize,
    /// Jobs that have failed, here or elsewhere.
    pub failed: usize,
    /// Jobs that others are doing.
    pub elsewhere: usize,
}

/// What became of a look at all jobs.
#[derive(Default)]
struct Pass {
    taken: bool,
    blocked: bool,
    tally: Tally,
}

impl Jobs {
    /// Does jobs until none is left that this process could do.
    ///
    /// # Errors
    /// A plan whose inputs were changed; a folder that cannot be written to; an interruption. A job that fails is told
    /// and counted.
    pub fn work(&self, shift: &Shift, watch: &mut dyn FnMut(Event)) -> Result<Tally> {
        self.plan.check(&self.path)?;
        let chosen = self.chosen(shift)?;
        let claims = self.claims(Who::me(shift.rank.map(|rank| rank.rank)), shift.patience)?;
        let old = self.failures(&claims, shift, &chosen)?;
        let (mut engine, mut done) = (None, 0);
        loop {
            let mut pass = Pass::default();
            for job in &chosen {
                self.turn(job, &claims, shift, (&mut engine, &old), &mut pass, watch)?;
            }
            done += pass.tally.done;
            let others = pass.blocked || shift.wait && pass.tally.elsewhere > 0;
            if !pass.taken && !others {
                return Ok(Tally { done, ..pass.tally });
            }
            if !pass.taken {
                std::thread::sleep(POLL);
            }
        }
    }

    /// The jobs of this process, each rank's beginning elsewhere in the list.
    fn chosen(&self, shift: &Shift) -> Result<Vec<&Job>> {
        let all = &self.plan.jobs;
        for only in shift.only {
            let found = all.iter().filter(|job| job.id.starts_with(only.as_str())).count();
            if found != 1 || only.is_empty() {
                return Err(Error::input(format!("--only {only}: {found} jobs begin so; see `unlearn jobs status`")));
            }
        }
        let wanted = |job: &&Job| shift.only.is_empty() || shift.only.iter().any(|only| job.id.starts_with(only));
        let mut chosen: Vec<&Job> = all.iter().filter(wanted).collect();
        let begin = shift.rank.map_or(0, |rank| match rank.of {
            0 => rank.rank as usize,
            of => (rank.rank % of) as usize * chosen.len() / of as usize,
        });
        let at = begin % chosen.len().max(1);
        chosen.rotate_left(at);
        Ok(chosen)
    }

    /// What had failed before this process came, where it may try that again.
    fn failures(&self, claims: &Claims, shift: &Shift, chosen: &[&Job]) -> Result<HashSet<(String, u32)>> {
        let mut old = HashSet::new();
        for job in chosen.iter().filter(|_| shift.retry) {
            if let Seen::Failed(held, _) = claims.look(&job.id)? {
                old.insert((job.id.clone(), held.generation));
            }
        }
        Ok(old)
    }

    /// Looks at a job, and does it where it can be had.
    fn turn(
        &self,
        job: &Job,
        claims: &Claims,
        shift: &Shift,
        (engine, old): (&mut Option<Engine>, &HashSet<(String, u32)>),
        pass: &mut Pass,
        watch: &mut dyn FnMut(Event),
    ) -> Result<()> {
        if self.done(&job.id)?.is_some() {
            return Ok(());
        }
        if shift.interrupted.load(Ordering::Relaxed) {
            return Err(Error::Interrupted(format!(
                "interrupted; go on with `unlearn jobs run {}`",
                self.path.display()
            )));
        }
        for need in job.unit.needs() {
            if self.done(need)?.is_none() {
                if !shift.only.is_empty() && !shift.only.iter().any(|only| need.starts_with(only.as_str())) {
                    return Err(Error::input(format!("--only: job {} needs {need}, which is not done", job.id)));
                }
                // What it waits for may have failed: then it fails with it.
                let failed = matches!(claims.look(need)?, Seen::Failed(held, _)
                    if !old.contains(&(need.to_owned(), held.generation)));
                pass.blocked |= !failed;
                pass.tally.failed += usize::from(failed);
                return Ok(());
            }
        }
        let seen = claims.look(&job.id)?;
        match &seen {
            Seen::Failed(held, _) if !old.contains(&(job.id.clone(), held.generation)) => {
                pass.tally.failed += 1;
                return Ok(());
            }
            Seen::Busy(_) => {
                pass.tally.elsewhere += 1;
                return Ok(());
            }
            _ => {}
        }
        let Some(claim) = claims.take(&job.id, &seen)? else {
            pass.tally.elsewhere += 1;
            return Ok(());
        };
        pass.taken = true;
        // Done between the two looks.
        if self.done(&job.id)?.is_some() {
            claim.finish();
            return Ok(());
        }
        let over = if let Seen::Stale(held) = &seen { Some(held.who.text()) } else { None };
        watch(Event::Taken { job, over });
        let engine = match engine {
            Some(engine) => engine,
            none => none.insert((shift.engine)()?),
        };
        self.carry_out(job, claim, shift, engine, pass, watch)
    }

    /// Does a job that was taken, and publishes it if it is still this process's.
    fn carry_out(
        &self,
        job: &Job,
        claim: Claim,
        shift: &Shift,
        engine: &mut Engine,
        pass: &mut Pass,
        watch: &mut dyn FnMut(Event),
    ) -> Result<()> {
        let work = self.work_of(&claim)?;
        let bench =
            Bench { engine, marks: shift.marks, check_finite: shift.check_finite, interrupted: shift.interrupted };
        let (began, out) = (Instant::now(), work.join("run"));
        let made = job.unit.run(self, &out, bench);
        if !claim.is_mine() {
            // The folder is the new holder's.
            watch(Event::Lost(job));
            claim.finish();
            return Ok(());
        }
        let info = match made {
            Ok(info) => info,
            // Given up, for whoever comes next: a full disk is no fault of the job's.
            Err(error @ (Error::Interrupted(_) | Error::Io { .. })) => return Err(error),
            Err(error) => {
                watch(Event::Failed(job, &error));
                claim.fail(&error.to_string());
                // Counted in the look behind this one.
                return Ok(());
            }
        };
        let rank = shift.rank.map(|rank| rank.rank);
        let done = Done {
            id: job.id.clone(),
            model_sha256: info.model_sha256,
            adapter: info.adapter,
            by: Who::me(rank).text(),
            claims: claim.generation + 1,
            seconds: began.elapsed().as_secs_f64(),
        };
        RunFolder::new(&out).tidy(false);
        done.write(&work)?;
        match publish(&work, &self.finished(&job.id), &claim)? {
            true => {
                watch(Event::Done(job, &done));
                pass.tally.done += 1;
            }
            false => watch(Event::Lost(job)),
        }
        claim.finish();
        Ok(())
    }

    /// The folder of a holder: what the one before it began, where it is gone.
    fn work_of(&self, claim: &Claim) -> Result<std::path::PathBuf> {
        let own = self.desk(&claim.id, claim.generation);
        for before in (0..claim.generation).rev() {
            let left = self.desk(&claim.id, before);
            match fs::rename(&left, &own) {
                Ok(()) => return Ok(own),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(Error::io("take over", &left)(e)),
            }
        }
        fs::create_dir_all(&own).map_err(Error::io("create", &own))?;
        Ok(own)
    }
}

/// Moves a finished job to where finished jobs are; false where it is there already, or was taken over just now.
fn publish(work: &Path, to: &Path, claim: &Claim) -> Result<bool> {
    match fs::rename(work, to) {
        Ok(()) => Ok(true),
        Err(_) if !claim.is_mine() => Ok(false),
        Err(_) if to.join(super::unit::MARKER).exists() => {
            fs::remove_dir_all(work).unwrap_or_default();
            Ok(false)
        }
        Err(e) => Err(Error::io("rename", work)(e)),
    }
}
