//! What a language model gives each token behind some texts.

use super::pass::hold;
use crate::engine::{Data, Recording};
use crate::error::{Error, Result};
use crate::nn::Mode;
use crate::records::{Load, Part, Records, Session, Shape};

/// Logits of the token behind each of some texts, [texts, tokens of the vocabulary], dropout off. A text is its tokens,
/// one at least. `records` says of which part's kind they are; none of them is read.
///
/// # Errors
/// Records that are no texts; a lost device.
pub fn next(session: &mut Session, part: Part, texts: &[&[u32]]) -> Result<Vec<f32>> {
    let ends = texts.iter().scan(0, |end, text| {
        *end += text.len() as u32;
        Some(*end - 1)
    });
    let ends = Data::U32(ends.collect());
    run(session, (part, "next token"), texts, Some(ends), &mut |s, rec, shape| {
        let loaded = s.record_load(rec, part, shape)?;
        let last = rec.temp("last rows", loaded.n);
        rec.upload(last);
        let logits = s.record_logits_of(rec, &loaded, last)?;
        rec.readback(logits);
        Ok(())
    })
}

/// As [`next`] behind every token of the texts, one text behind the other: [tokens of all texts, tokens of the
/// vocabulary].
///
/// # Errors
/// Those of [`next`].
pub fn of_texts(session: &mut Session, part: Part, texts: &[&[u32]]) -> Result<Vec<f32>> {
    let mut all = run(session, (part, "logits of texts"), texts, None, &mut |s, rec, shape| {
        let loaded = s.record_load(rec, part, shape)?;
        let tape = s.record_forward(rec, &loaded, Mode::Eval, None)?;
        rec.readback(tape.logits);
        Ok(())
    })?;
    // Rows of nobody fill the batch up.
    all.truncate(texts.iter().map(|text| text.len()).sum::<usize>() * session.model.classes);
    Ok(all)
}

/// Runs a batch of texts, and what is uploaded behind it, through the program of this name.
fn run(
    session: &mut Session,
    (part, name): (Part, &'static str),
    texts: &[&[u32]],
    behind: Option<Data>,
    record: &mut impl FnMut(&mut Session, &mut Recording, &Shape) -> Result<()>,
) -> Result<Vec<f32>> {
    session.check_records(Records { part, indices: &[] }, false)?;
    let Load { shape, mut inputs, .. } = session.load_texts(texts)?;
    let key = (name, part, shape);
    hold(session, &key, record)?;
    inputs.extend(behind);
    let program = session.programs.get(&key).ok_or_else(|| Error::internal("a program vanished"))?;
    Ok(session.engine.run(program, &inputs)?[0].f32().to_vec())
}
