//! Texts that a language model goes on with a token at a time. Keys and values of the tokens so far stay on the
//! engine, so that a token costs one row of every layer, and of attention one row for each that there is room for.

use crate::engine::{ALIGN, Buf, Data, Program};
use crate::error::{Error, Result};
use crate::kernels::attention::Sequences;
use crate::nn::Continued;
use crate::records::{Load, Part, Session};

/// Texts under way, all of as many tokens.
pub struct Going {
    program: Program,
    texts: usize,
    /// Rows that a text has room for.
    room: usize,
    /// Tokens that each has.
    tokens: usize,
}

impl Going {
    /// Texts that begin, with room for so many tokens each; none where the network's layers look at more than what
    /// comes before a token, so that nothing can be kept. `part` says of which part's kind the texts are.
    ///
    /// # Errors
    /// No memory; records that are no texts; more tokens than the network has places for.
    pub fn begin(session: &mut Session, part: Part, texts: usize, tokens: usize) -> Result<Option<Going>> {
        let Some(each) = session.model.keeps().filter(|_| texts * tokens > 0) else { return Ok(None) };
        let room = tokens.next_multiple_of(ALIGN);
        let rows = texts * room;
        let kept = session.block("kept of tokens", each * rows)?;
        let [ptr, of] = [texts + 1, rows].map(|len| session.engine.alloc::<u32>("rows of texts", len));
        let (ptr, of): (Buf<u32>, Buf<u32>) = (ptr?, of?);
        session.engine.write(ptr, &(0..=texts as u32).map(|text| text * room as u32).collect::<Vec<_>>())?;
        session.engine.write(of, &(0..rows as u32).map(|row| row / room as u32).collect::<Vec<_>>())?;
        let all = Sequences { ptr, of, longest: tokens };
        let Load { shape, .. } = session.load_texts(&vec![&[0][..]; texts])?;
        let mut rec = session.recording();
        let loaded = session.record_load(&mut rec, part, &shape)?;
        let [rows, places] = ["new rows", "new places"].map(|name| rec.temp::<u32>(name, texts));
        for list in [rows, places] {
            rec.upload(list);
        }
        let continued = Continued { rows, places, all, kept, used: 0 };
        let logits = session.model.forward_continued(&mut rec, session.values(), &loaded.batch, continued)?;
        rec.readback(logits);
        Ok(Some(Going { program: session.compile(rec)?, texts, room, tokens: 0 }))
    }

    /// Adds a token to each text; returns the logits of what may follow, [texts, tokens of the vocabulary].
    ///
    /// # Errors
    /// Not a token for each text; no room; a lost device.
    pub fn push(&mut self, session: &mut Session, tokens: &[u32]) -> Result<Vec<f32>> {
        if tokens.len() != self.texts || self.tokens == self.room {
            return Err(Error::internal(format!("{} tokens for {} texts of {}", tokens.len(), self.texts, self.room)));
        }
        let each: Vec<&[u32]> = tokens.chunks(1).collect();
        let Load { mut inputs, .. } = session.load_texts(&each)?;
        let place = self.tokens as u32;
        inputs.push(Data::U32((0..self.texts).map(|text| (text * self.room) as u32 + place).collect()));
        inputs.push(Data::U32(vec![place; self.texts]));
        self.tokens += 1;
        Ok(session.engine.run(&self.program, &inputs)?[0].f32().to_vec())
    }
}

#[cfg(test)]
mod tests;
