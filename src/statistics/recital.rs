//! What a language model writes greedily behind the beginnings of texts, and how likely it holds texts to be.

use super::next::next;
use super::pass::hold;
use crate::base::ngrams::Recital;
use crate::error::{Error, Result};
use crate::kernels::loss;
use crate::nn::Mode;
use crate::records::{Load, Part, Records, Session};

/// Rows of one forward pass at most, so that no pass is larger than those of training.
const ROWS: usize = 4096;

/// From how many places of a text a model is asked to go on, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Places at most, evenly over the text; its first token and its middle are among them.
    pub places: usize,
    /// Tokens written behind each at most.
    pub tokens: usize,
    /// No place has fewer tokens behind it, unless the text itself has.
    pub least: usize,
}

impl Default for Asked {
    fn default() -> Asked {
        Asked { places: 8, tokens: 24, least: 3 }
    }
}

/// The runs of tokens of a record that count in its loss: first and end, as places in the record.
pub fn runs(session: &Session, part: Part, record: u32) -> Vec<[usize; 2]> {
    let mut runs: Vec<[usize; 2]> = Vec::new();
    for (row, counts) in session.predicts(part, record).into_iter().enumerate() {
        match runs.last_mut() {
            Some([_, end]) if counts && *end == row + 1 => *end += 1,
            _ if counts => runs.push([row + 1, row + 2]),
            _ => {}
        }
    }
    runs
}

/// What the model writes where it is given a record up to places in each of these runs of its tokens. Dropout is off,
/// and of equally likely tokens the lowest is written.
///
/// # Errors
/// Records that are no texts; a lost device.
pub fn recite(session: &mut Session, part: Part, asked: &[(u32, [usize; 2])], how: Asked) -> Result<Vec<Recital>> {
    session.check_records(Records { part, indices: &[] }, false)?;
    let (mut recitals, mut prompts) = (Vec::new(), Vec::new());
    for (record, [from, to]) in asked {
        let text = session.text_of(part, *record)?;
        for place in places(to - from, how) {
            let count = (to - from - place).min(how.tokens);
            prompts.push(Prompt { of: recitals.len(), place, text: text[..from + place].to_vec(), count });
        }
        recitals.push(Recital { truth: text[*from..*to].to_vec(), written: Vec::new() });
    }
    let given: Vec<usize> = prompts.iter().map(|prompt| prompt.text.len()).collect();
    for step in 0..how.tokens {
        let mut going: Vec<&mut Prompt> = prompts.iter_mut().filter(|prompt| prompt.count > step).collect();
        if going.is_empty() {
            break;
        }
        while !going.is_empty() {
            let mut rows = 0;
            let fits = going.iter().take_while(|prompt| {
                rows += prompt.text.len();
                rows <= ROWS
            });
            let fits = fits.count().max(1);
            let now: Vec<&mut Prompt> = going.drain(..fits).collect();
            let texts: Vec<&[u32]> = now.iter().map(|prompt| prompt.text.as_slice()).collect();
            let logits = next(session, part, &texts)?;
            let width = logits.len() / texts.len().max(1);
            for (prompt, row) in now.into_iter().zip(logits.chunks_exact(width.max(1))) {
                prompt.text.push(likeliest(row));
            }
        }
    }
    for (prompt, given) in prompts.into_iter().zip(given) {
        recitals[prompt.of].written.push((prompt.place, prompt.text[given..].to_vec()));
    }
    Ok(recitals)
}

/// A beginning to go on from.
struct Prompt {
    /// The recital that it is of, and the place in its truth.
    of: usize,
    place: usize,
    text: Vec<u32>,
    /// Tokens to write.
    count: usize,
}

/// Places of a run of so many tokens, ascending.
fn places(len: usize, how: Asked) -> Vec<usize> {
    let last = len.saturating_sub(how.least);
    let most = how.places.max(2) - 1;
    let mut all: Vec<usize> = (0..most).map(|at| at * last / (most - 1).max(1)).collect();
    all.push((len / 2).min(last));
    all.sort_unstable();
    all.dedup();
    all
}

/// The likeliest token, the lowest of equal ones.
pub fn likeliest(logits: &[f32]) -> u32 {
    let best = logits.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (at, z)| match *z > best.1 {
        true => (at, *z),
        false => best,
    });
    best.0 as u32
}

/// EL_n of the forgotten tokens of records: the mean over their runs of what [`recite`] gives, 0 where no run has n
/// tokens.
///
/// # Errors
/// As [`recite`].
pub fn extraction_likelihood(session: &mut Session, records: Records, n: usize) -> Result<f64> {
    let of = |record: u32| runs(session, records.part, record).into_iter().map(move |run| (record, run));
    let asked: Vec<(u32, [usize; 2])> = records.indices.iter().copied().flat_map(of).collect();
    let said = recite(session, records.part, &asked, Asked { least: n, ..Asked::default() })?;
    let each: Vec<f64> = said.iter().filter_map(|said| said.likelihood(n)).collect();
    Ok(each.iter().sum::<f64>() / each.len().max(1) as f64)
}

/// The log-probability of each token of each text but its first, given those before it; dropout off. `part` says of
/// which part's kind they are; none of its records is read.
///
/// # Errors
/// Records that are no texts; a lost device.
pub fn likelihoods(session: &mut Session, part: Part, texts: &[Vec<u32>]) -> Result<Vec<Vec<f32>>> {
    session.check_records(Records { part, indices: &[] }, false)?;
    let mut all = Vec::with_capacity(texts.len());
    let mut left = texts;
    while !left.is_empty() {
        let mut rows = 0;
        let fits = left.iter().take_while(|text| {
            rows += text.len();
            rows <= ROWS
        });
        let (now, rest) = left.split_at(fits.count().max(1));
        left = rest;
        let given: Vec<&[u32]> = now.iter().map(Vec::as_slice).collect();
        let Load { shape, inputs, .. } = session.load_texts(&given)?;
        let key = ("likelihoods", part, shape);
        hold(session, &key, &mut |s, rec, shape| {
            let loaded = s.record_load(rec, part, shape)?;
            let labels = loaded.targets.tokens()?.0;
            let tape = s.record_forward(rec, &loaded, Mode::Eval, None)?;
            let [losses, right] = ["losses of tokens", "right tokens"].map(|name| rec.temp(name, labels.len));
            let unread = rec.temp("slopes of tokens", tape.logits.len);
            loss::softmax_xent(rec, tape.logits, labels, losses, unread, right, labels.len, s.model.classes);
            rec.readback(losses);
            Ok(())
        })?;
        let program = session.programs.get(&key).ok_or_else(|| Error::internal("a program vanished"))?;
        let out = session.engine.run(program, &inputs)?;
        let mut from = 0;
        for text in now {
            // The last row predicts what stands behind the text, which is nothing.
            all.push(out[0].f32()[from..from + text.len().saturating_sub(1)].iter().map(|loss| -loss).collect());
            from += text.len();
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lie_evenly_with_the_first_and_the_middle() {
        let how = Asked { places: 5, tokens: 9, least: 3 };
        assert_eq!((places(30, how), places(4, how), places(2, how)), (vec![0, 9, 15, 18, 27], vec![0, 1], vec![0]));
        assert_eq!(places(12, Asked { places: 2, ..how }), [0, 6]);
    }
}
