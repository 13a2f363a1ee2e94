//! A text that is to be preferred to a forgotten one.

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

    /// Its tokens, and the places of those that count.
    pub(super) fn window(&self) -> (&[u32], Option<&[u32]>) {
        (&self.tokens, Some(&self.counts))
    }

    /// Tokens.
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Tokens that count.
    pub fn count(&self) -> usize {
        self.counts.len()
    }
}
