//! The steps that a training keeps for records that may have to be forgotten.

use crate::data::{Dataset, read_requests, resolve};
use crate::error::{Error, Result};
use crate::records::Session;
use crate::run::config::Config;
use crate::run::deltas::delta_bytes;
use crate::run::folder::RunFolder;
use crate::train::{Delta, Fit, Following, Term};

/// Follows a training, and writes its steps.
#[derive(Default)]
pub(super) struct Storing {
    following: Following,
    /// Each step with the records of its batch that it is kept for.
    steps: Vec<(u64, Vec<u32>)>,
    /// Of every record that steps are kept for; none where they are all, or nothing is kept.
    keys: Option<Vec<u64>>,
    /// Bytes of a step.
    each: u64,
}

impl Storing {
    /// What the configuration asks for, of a training that has taken `done` steps; refused where it would be more than
    /// it allows.
    ///
    /// # Errors
    /// A request that cannot be read; records that are not told apart; too many bytes.
    pub fn of(
        config: &Config,
        data: &Dataset,
        (session, fit, terms): (&Session, &Fit, &[Term]),
        done: u64,
    ) -> Result<Storing> {
        let Some(deltas) = &config.train.deltas else { return Ok(Storing::default()) };
        session.needs_alone(|| {
            "train.deltas keeps steps for the records of their batches, and on a graph a step reaches all nodes; leave \
             it out, and keep checkpoints (train.keep) for `rewind`"
                .to_owned()
        })?;
        if session.keys().is_empty() {
            return Err(Error::input(
                "train.deltas takes records that are told apart by what they are called or hold, and these are not",
            ));
        }
        let named = match &deltas.request {
            Some(path) => Some(resolve(&read_requests(path)?, data, config.seed)?.forget),
            None => None,
        };
        let steps = fit.steps_with(session, &terms[0], named.as_deref())?;
        let each = delta_bytes(session.model.layout.total());
        let (count, bytes) = (steps.len() as u64, steps.len() as u64 * each);
        if bytes > deltas.most_bytes {
            return Err(Error::input(format!(
                "train.deltas would keep {count} steps of {each} bytes, {bytes} in all, and train.deltas.most_bytes is \
                 {}; name fewer records in train.deltas.request, train with larger batches, or raise it",
                deltas.most_bytes
            )));
        }
        let keys = named.map(|records| {
            let mut keys: Vec<u64> = records.iter().map(|at| session.keys()[*at as usize]).collect();
            keys.sort_unstable();
            keys
        });
        let following = Following::of(steps.iter().map(|(step, _)| *step).collect(), done);
        Ok(Storing { following, steps, keys, each })
    }

    /// Steps that are kept, and the bytes of all of them.
    pub fn planned(&self) -> (u64, u64) {
        (self.steps.len() as u64, self.steps.len() as u64 * self.each)
    }

    /// Says whose steps are kept, before the first of them.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn begin(&self, folder: &RunFolder) -> Result<()> {
        if self.each > 0 { folder.list_deltas(self.keys.clone()) } else { Ok(()) }
    }

    /// After how many steps the parameters are wanted next.
    pub fn wanted(&self) -> Option<u64> {
        self.following.wanted()
    }

    /// Looks at the parameters where the fit stands, and writes the step that ended there, if it is one of them.
    ///
    /// # Errors
    /// A lost device; a file that cannot be written.
    pub fn look(&mut self, session: &mut Session, fit: &Fit, folder: &RunFolder) -> Result<()> {
        let Some((step, added)) = self.following.look(session, fit.steps_taken())? else { return Ok(()) };
        let at = self.steps.partition_point(|(known, _)| *known < step);
        let records = self.steps.get(at).map_or(&[][..], |(_, records)| &records[..]);
        let keys = records.iter().map(|record| session.keys()[*record as usize]).collect();
        folder.keep_delta(&Delta { step, keys, added })
    }
}
