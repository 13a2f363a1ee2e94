//! Forgotten texts, each with one that is to be preferred to it.

use std::collections::HashMap;

use super::part::{Part, Records};
use super::preferred::Preferred;
use super::session::Session;
use crate::error::{Error, Result};

impl Session<'_> {
    /// Puts a text beside each record as it was before the request, for [`Part::Pairs`].
    ///
    /// # Errors
    /// A record that does not exist; records that are no texts; one longer than the context.
    pub fn pair(&mut self, preferred: HashMap<u32, Preferred>) -> Result<()> {
        let longest = self.resident.longest()?;
        let records: Vec<u32> = preferred.keys().copied().collect();
        self.check_records(Records::before(&records), true)?;
        match preferred.values().find(|text| text.len() > longest + 1) {
            Some(text) => Err(Error::internal(format!("a text of {} tokens in {longest}", text.len()))),
            None => {
                self.preferred = preferred;
                Ok(())
            }
        }
    }

    /// Most tokens that a text has besides the first.
    ///
    /// # Errors
    /// The records are no texts.
    pub fn longest(&self) -> Result<usize> {
        self.resident.longest()
    }

    /// # Errors
    /// A record without a text beside it.
    pub(super) fn check_paired(&self, records: Records) -> Result<()> {
        match records.part {
            Part::Pairs if records.indices.iter().any(|record| !self.preferred.contains_key(record)) => {
                Err(Error::internal("a pair without its second text"))
            }
            _ => Ok(()),
        }
    }
}
