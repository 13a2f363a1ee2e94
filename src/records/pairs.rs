//! Forgotten texts, each with one that is to be preferred to it.

use std::collections::HashMap;

use super::part::{Part, Records};
use super::session::Session;
use super::tokens::Window;
use crate::error::{Error, Result};

/// A text that is preferred to a record: a beginning that both share, and what is to follow it.
#[derive(Clone, Debug, PartialEq)]
pub struct Preferred {
    tokens: Vec<u32>,
    /// Places of the tokens that count.
    counts: Vec<u32>,
}

impl Preferred {
    /// `answer` behind `prompt`; of a prompt that is too long for a context of so many tokens its end.
    ///
    /// # Errors
    /// No answer, or one that the context does not hold behind a token of the prompt.
    pub fn of(prompt: &[u32], answer: &[u32], context: usize) -> Result<Preferred> {
        if answer.is_empty() || answer.len() > context || prompt.is_empty() {
            return Err(Error::input(format!(
                "a refusal of {} tokens, the end of the text among them; expected 1 to {context}, which is what a \
                 context holds",
                answer.len()
            )));
        }
        let prompt = &prompt[prompt.len().saturating_sub(context + 1 - answer.len())..];
        let counts = (prompt.len() as u32..).take(answer.len()).collect();
        Ok(Preferred { tokens: [prompt, answer].concat(), counts })
    }

    pub(super) fn window(&self) -> Window<'_> {
        (&self.tokens, Some(&self.counts))
    }

    /// Tokens that count.
    pub fn count(&self) -> usize {
        self.counts.len()
    }
}

impl Session<'_> {
    /// Puts a text beside each record as it was before the request, for [`Part::Pairs`].
    ///
    /// # Errors
    /// A record that does not exist; records that are no texts; one longer than the context.
    pub fn pair(&mut self, preferred: HashMap<u32, Preferred>) -> Result<()> {
        let longest = self.resident.longest()?;
        let records: Vec<u32> = preferred.keys().copied().collect();
        self.check_records(Records::before(&records), true)?;
        match preferred.values().find(|text| text.tokens.len() > longest + 1) {
            Some(text) => Err(Error::internal(format!("a text of {} tokens in {longest}", text.tokens.len()))),
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
