//! What a language model gives each token behind some texts.

use super::pass::hold;
use crate::engine::Data;
use crate::error::{Error, Result};
use crate::kernels::map;
use crate::nn::Mode;
use crate::records::{Load, Part, Records, Session};

/// Logits of the token behind each of some texts, [texts, tokens of the vocabulary], dropout off. A text is its tokens,
/// one at least. `records` says of which part's kind they are; none of them is read.
///
/// # Errors
/// Records that are no texts; a lost device.
pub fn next(session: &mut Session, part: Part, texts: &[&[u32]]) -> Result<Vec<f32>> {
    session.check_records(Records { part, indices: &[] }, false)?;
    let Load { shape, mut inputs, .. } = session.load_texts(texts)?;
    let key = ("next token", part, shape);
    hold(session, &key, &mut |s, rec, shape| {
        let loaded = s.record_load(rec, part, shape)?;
        let tape = s.record_forward(rec, &loaded, Mode::Eval, None)?;
        let (last, classes) = (rec.temp("last rows", loaded.n), s.model.classes);
        rec.upload(last);
        let logits = rec.temp("logits of the last", loaded.n * classes);
        map::gather_rows(rec, tape.logits, 0, loaded.batch.n, classes, last, logits);
        rec.readback(logits);
        Ok(())
    })?;
    let ends = texts.iter().scan(0, |end, text| {
        *end += text.len() as u32;
        Some(*end - 1)
    });
    inputs.push(Data::U32(ends.collect()));
    let program = session.programs.get(&key).ok_or_else(|| Error::internal("a program vanished"))?;
    Ok(session.engine.run(program, &inputs)?[0].f32().to_vec())
}
