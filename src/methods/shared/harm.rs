//! What forgetting may cost records that nobody asked to forget: a look at held-out ones, and the way back.

use serde::{Deserialize, Serialize};

use super::range::Range;
use super::settings::{Setting, real};
use crate::error::Result;
use crate::methods::View;
use crate::records::{Part, Records, Session};
use crate::statistics;

/// The setting of what looks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Harm {
    /// Part of the held-out records.
    pub max_harm: f64,
}

/// Held-out records that a look reads at most, evenly over all.
const READ: usize = 256;

impl Harm {
    /// It.
    pub const SETTINGS: [Setting; 1] = [real(
        "max_harm",
        "0.03",
        Range::UNIT,
        "Where more of 256 held-out records than this part, and than two, are no longer told right, it ends with the \
         weights of the look before; 1: never. A class request doesn't ask: held-out records have the class too.",
    )];

    /// The guard; none where nothing is held out, where records have no class or token to tell right, and for what
    /// forgets a class.
    ///
    /// # Errors
    /// A lost device.
    pub fn guard(self, session: &mut Session, view: &View) -> Result<Option<Guard>> {
        let held_out = session.ids(Part::Validation);
        let asked = self.max_harm < 1.0 && view.forgotten_classes.is_empty() && session.objective().of.counts();
        if !asked || held_out.is_empty() {
            return Ok(None);
        }
        let records: Vec<u32> = held_out.iter().copied().step_by(held_out.len().div_ceil(READ)).collect();
        let kept = session.read_theta()?;
        // One record that is told wrong, of few, is chance.
        let allowed = self.max_harm.max(2.0 / records.len() as f64);
        let mut guard = Guard { records, least: 0.0, kept };
        guard.least = guard.told_right(session)? - allowed;
        Ok(Some(guard))
    }
}

/// Held-out records and what they may come to.
pub struct Guard {
    records: Vec<u32>,
    /// Part of them that is to be told right.
    least: f64,
    /// [layout.whole()] at the last look that was within it.
    kept: Vec<f32>,
}

impl Guard {
    /// The last parameters that were allowed, [layout.whole()].
    pub fn kept(&self) -> &[f32] {
        &self.kept
    }

    /// Part of the held-out records whose class or tokens the session's network tells right.
    fn told_right(&self, session: &mut Session) -> Result<f64> {
        Ok(statistics::score(session, Records::validation(&self.records))?.accuracy.unwrap_or(0.0))
    }

    /// Keeps the parameters where they are allowed, else puts the last ones that were in their place; true if it had
    /// to.
    ///
    /// # Errors
    /// A lost device.
    pub fn turned_back(&mut self, session: &mut Session) -> Result<bool> {
        if self.told_right(session)? >= self.least {
            self.kept = session.read_theta()?;
            return Ok(false);
        }
        session.write_theta(&self.kept)?;
        Ok(true)
    }
}
