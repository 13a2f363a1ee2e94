//! Early stopping and the weights that a training ends with.

use super::fit::Fit;
use super::kept::{copy, copy_values};
use super::progress::{Best, EpochReport};
use crate::error::Result;
use crate::records::{Part, Records, Session};
use crate::statistics::{self, Score};

impl Fit {
    /// What validation said after the last epoch, where early stopping asked it.
    pub fn validation(&self) -> Option<Score> {
        self.kept.score
    }

    /// The score on these validation records with what the training would end with here; none without such records.
    ///
    /// # Errors
    /// A lost device.
    pub fn validate(&self, session: &mut Session, indices: &[u32]) -> Result<Option<Score>> {
        let records = Records { part: Part::Validation, indices };
        match (indices.is_empty(), self.validation()) {
            (true, _) => Ok(None),
            (false, Some(score)) => Ok(Some(score)),
            (false, None) => self.with_served(session, |session| statistics::score(session, records)).map(Some),
        }
    }

    /// The epoch, from 1, whose weights early stopping holds for the best.
    pub fn best_epoch(&self) -> Option<usize> {
        self.kept.mark.as_ref().map(|mark| mark.epoch)
    }

    /// Whether early stopping has ended the fit.
    pub fn stopped(&self) -> bool {
        let waited = |patience: usize| self.best_epoch().is_some_and(|best| self.state.epoch >= best + patience);
        self.config.early_stopping.is_some_and(|stopping| waited(stopping.patience))
    }

    /// Does something with the weights that a run would end with here: the average, where there is one.
    ///
    /// # Errors
    /// Those of `work`; a lost device.
    pub fn with_served<T>(&self, session: &mut Session, work: impl FnOnce(&mut Session) -> Result<T>) -> Result<T> {
        let Some(average) = self.kept.average else { return work(session) };
        let (theta, aside) = (session.theta, session.vector("weights aside")?);
        copy(session, theta, aside)?;
        copy(session, average, theta)?;
        let done = work(session);
        copy(session, aside, theta)?;
        done
    }

    /// Reads the validation part after an epoch, if early stopping wants it, and keeps the weights if they are the
    /// best.
    ///
    /// # Errors
    /// A lost device.
    pub(crate) fn judge(&mut self, session: &mut Session, report: &EpochReport) -> Result<()> {
        let (Some(stopping), Some(best)) = (self.config.early_stopping, self.kept.best) else { return Ok(()) };
        let validation = session.ids(Part::Validation);
        let records = Records { part: Part::Validation, indices: &validation };
        let better = |score: &Score, mark: &Option<Best>| {
            let value = stopping.value(score);
            mark.as_ref().is_none_or(|mark| value > mark.value + stopping.min_delta).then_some(value)
        };
        let (score, value) = self.with_served(session, |session| {
            let score = statistics::score(session, records)?;
            let value = better(&score, &self.kept.mark);
            if value.is_some() {
                copy_values(session, session.values(), best)?;
            }
            Ok((score, value))
        })?;
        self.kept.score = Some(score);
        if let Some(value) = value {
            self.kept.mark = Some(Best { epoch: report.epoch, value, theta: Vec::new() });
        }
        Ok(())
    }

    /// Puts the weights that the training ends with into the session: the best ones, else the average.
    ///
    /// # Errors
    /// A lost device.
    pub(crate) fn serve(&self, session: &mut Session) -> Result<()> {
        let best = self.kept.best.filter(|_| self.kept.mark.is_some());
        match (best, self.kept.average) {
            (Some(best), _) => copy_values(session, best, session.values()),
            (None, Some(average)) => copy(session, average, session.theta),
            (None, None) => Ok(()),
        }
    }
}
