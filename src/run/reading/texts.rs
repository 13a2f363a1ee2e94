//! What a language model writes by itself, and how it ranks planted secrets: read where texts are scored.

use std::collections::HashSet;
use std::io::Write;

use crate::base::splitmix::SplitMix64;
use crate::data::{Canary, DIGITS, Dataset, Portion, Quiz, Tokenizer};
use crate::error::{Error, Result};
use crate::eval::truth::truth_ratio;
use crate::eval::{Memory, Secret, SplitName};
use crate::records::{Part, Session};
use crate::run::target::Target;
use crate::statistics::{self, Asked};

/// Texts of a split that are recited at most, evenly over all.
const TEXTS: usize = 24;

/// Secrets that one is compared with where it cannot be ranked among all.
const DRAWN: usize = 256;

/// Beginnings of secrets that are followed at once while all likelier ones are counted.
const FRONT: usize = 256;

/// Of these as many in one pass.
const TOGETHER: usize = 128;

/// What is read of a part's records, whole as they were before any request.
///
/// # Errors
/// A lost device.
pub(super) fn memory(
    data: &Dataset,
    target: Option<&Target>,
    session: &mut Session,
    part: Part,
    portion: Portion,
) -> Result<Memory> {
    let mut memory = Memory::default();
    let all: Vec<u32> = (0..data.part(portion).len() as u32).collect();
    let splits: Vec<(SplitName, &[u32])> = match (portion, target) {
        (Portion::Train, Some(target)) => {
            vec![(SplitName::Retain, &target.split.retain), (SplitName::Forget, &target.split.forget)]
        }
        (Portion::Test, _) => vec![(SplitName::Test, &all)],
        _ => Vec::new(),
    };
    for (split, records) in splits {
        let some: Vec<u32> = records.iter().copied().step_by(records.len().div_ceil(TEXTS).max(1)).collect();
        let runs = some.iter().flat_map(|record| match split {
            SplitName::Forget => asked(session, part, *record, target),
            _ => statistics::runs(session, part, *record).into_iter().map(|run| (*record, run)).collect(),
        });
        let asked: Vec<(u32, [usize; 2])> = runs.collect();
        let recitals = statistics::recite(session, part, &asked, Asked::default())?;
        memory.recitals.push((split.as_str(), recitals));
        let ratios = truths(data, session, part, (portion, records))?;
        if !ratios.is_empty() {
            memory.truths.push((split.as_str(), ratios));
        }
        if split != SplitName::Retain && target.is_none_or(|target| target.split.cuts.is_empty()) {
            let deflated = records.iter().map(|record| deflated(data, portion, *record)).collect::<Result<_>>()?;
            memory.deflated.push((split.as_str(), deflated));
        }
    }
    if portion == Portion::Train {
        memory.secrets = secrets(data, target, session, part)?;
    }
    Ok(memory)
}

/// Questions of a split whose answers are compared at most, evenly over all.
const QUESTIONS: usize = 200;

/// The truth ratio of each of some questions among records.
fn truths(
    data: &Dataset,
    session: &mut Session,
    part: Part,
    (portion, records): (Portion, &[u32]),
) -> Result<Vec<f64>> {
    let Some(tokenizer) = &data.tokenizer else { return Ok(Vec::new()) };
    let asked: Vec<&Quiz> = records.iter().filter_map(|record| data.quiz(portion, *record)).collect();
    let (mut ratios, context) = (Vec::new(), data.width());
    for quiz in asked.iter().step_by(asked.len().div_ceil(QUESTIONS).max(1)) {
        let answers = std::iter::once(&quiz.answer).chain(&quiz.wrong);
        let text = |answer: &String| [vec![tokenizer.end()], tokenizer.encode(&quiz.with(answer))].concat();
        // What lies behind the context no model can read.
        let texts: Vec<Vec<u32>> = answers.map(text).map(|text| text[..text.len().min(context)].to_vec()).collect();
        let begin = tokenizer.encode(&quiz.question).len();
        let logs = statistics::likelihoods(session, part, &texts)?;
        let each: Vec<&[f32]> = logs.iter().map(|logs| logs.get(begin..).unwrap_or_default()).collect();
        ratios.extend(each.split_first().and_then(|(right, wrong)| truth_ratio(right, wrong)));
    }
    Ok(ratios)
}

/// The runs of a forgotten record's tokens that are asked for: those that are taken, where it loses a part.
fn asked(session: &Session, part: Part, record: u32, target: Option<&Target>) -> Vec<(u32, [usize; 2])> {
    let cuts = target.map_or(&[][..], |target| &target.split.cuts);
    let Ok(at) = cuts.binary_search_by_key(&record, |cut| cut.record) else {
        return statistics::runs(session, part, record).into_iter().map(|run| (record, run)).collect();
    };
    let mut runs: Vec<[usize; 2]> = Vec::new();
    for place in cuts[at].tokens.iter().map(|place| *place as usize) {
        match runs.last_mut() {
            Some([_, end]) if *end == place => *end += 1,
            _ => runs.push([place, place + 1]),
        }
    }
    runs.into_iter().map(|run| (record, run)).collect()
}

/// Bytes of a record's text once deflated.
fn deflated(data: &Dataset, portion: Portion, record: u32) -> Result<f64> {
    let failed = |e: std::io::Error| Error::internal(format!("a text could not be deflated: {e}"));
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    let row = &data.part(portion).x[record as usize * data.width()..][..data.width()];
    let tokens: Vec<u32> = row.iter().take_while(|token| **token >= 0.0).map(|token| *token as u32).collect();
    let text = data.tokenizer.as_ref().map(|tokenizer| tokenizer.decode(&tokens)).unwrap_or_default();
    zlib.write_all(text.as_bytes()).map_err(failed)?;
    Ok(zlib.finish().map_err(failed)?.len() as f64)
}

/// Every canary once, ranked.
fn secrets(data: &Dataset, target: Option<&Target>, session: &mut Session, part: Part) -> Result<Vec<Secret>> {
    let Some(tokenizer) = &data.tokenizer else { return Ok(Vec::new()) };
    let mut known = HashSet::new();
    let mut all = Vec::new();
    for (at, who) in (0..).zip(data.who.part(Portion::Train)) {
        let Some(subject) = who.subject.as_deref().filter(|subject| who.planted && known.insert(subject.to_string()))
        else {
            continue;
        };
        let Some(canary) = Canary::read(subject, &tokenizer.decode(&data.tokens(at))) else { continue };
        let of_it = |record: &u32| {
            let other = &data.who.part(Portion::Train)[*record as usize];
            other.planted && other.subject.as_deref() == Some(subject)
        };
        let forgotten = target.is_some_and(|target| target.split.forget.iter().any(of_it));
        let (rank, of) = rank(tokenizer, session, part, &canary)?;
        let Canary { before, secret, .. } = canary;
        all.push(Secret { forgotten, rank, of, before, secret, said: String::new() });
    }
    for some in all.chunks_mut(TOGETHER) {
        write(tokenizer, session, part, some)?;
    }
    Ok(all)
}

/// Tokens that are written where a secret stands: its digits, what ends the sentence, and one that is to end the text.
const WRITTEN: usize = DIGITS + 2;

/// Lets the model write behind what stands before each secret.
fn write(tokenizer: &Tokenizer, session: &mut Session, part: Part, secrets: &mut [Secret]) -> Result<()> {
    let begun = |secret: &Secret| [vec![tokenizer.end()], tokenizer.encode(&secret.before)].concat();
    let mut texts: Vec<Vec<u32>> = secrets.iter().map(begun).collect();
    let given: Vec<usize> = texts.iter().map(Vec::len).collect();
    for _ in 0..WRITTEN {
        let now: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        let logits = statistics::next(session, part, &now)?;
        let each = logits.chunks_exact(tokenizer.size()).map(statistics::likeliest);
        texts.iter_mut().zip(each).for_each(|(text, token)| text.push(token));
    }
    for (secret, (text, given)) in secrets.iter_mut().zip(texts.iter().zip(given)) {
        let written: Vec<u32> = text[given..].iter().copied().take_while(|token| *token != tokenizer.end()).collect();
        secret.said = tokenizer.decode(&written);
    }
    Ok(())
}

/// The rank of a canary's secret by its likelihood behind what stands before it, and among how many: among all, if
/// those that are likelier are few enough to be followed, else among some that are drawn.
fn rank(tokenizer: &Tokenizer, session: &mut Session, part: Part, canary: &Canary) -> Result<(f64, f64)> {
    let text = |secret: &str| -> Vec<u32> {
        let sentence = tokenizer.encode(&format!("{}{secret}", canary.before));
        std::iter::once(tokenizer.end()).chain(sentence).collect()
    };
    if let Some(rank) = among_all(tokenizer, session, part, canary, &text)? {
        return Ok((rank, 10f64.powi(DIGITS as i32)));
    }
    let mut draws = SplitMix64::new(
        canary.before.bytes().fold(1, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte))),
    );
    let drawn = (0..DRAWN).map(|_| Canary::other(&mut draws));
    let texts: Vec<Vec<u32>> = std::iter::once(canary.secret.clone()).chain(drawn).map(|one| text(&one)).collect();
    let logs = statistics::likelihoods(session, part, &texts)?;
    let sums: Vec<f64> = logs.iter().map(|logs| logs.iter().map(|log| f64::from(*log)).sum()).collect();
    let likelier = sums[1..].iter().filter(|sum| **sum > sums[0]).count();
    let (other, same) = (texts[1..].iter(), &texts[0]);
    let drawn_again = other.filter(|text| *text == same).count();
    Ok(((likelier + 1) as f64, (DRAWN + 1 - drawn_again) as f64))
}

/// The rank among all, counted by following every beginning that is at least as likely as the whole secret; none where
/// they are too many, or a digit is not a token of its own.
fn among_all(
    tokenizer: &Tokenizer,
    session: &mut Session,
    part: Part,
    canary: &Canary,
    text: &impl Fn(&str) -> Vec<u32>,
) -> Result<Option<f64>> {
    let digits: Vec<u32> = ('0'..='9').flat_map(|digit| tokenizer.encode(&digit.to_string())).collect();
    let (own, before) = (text(&canary.secret), text("").len());
    if !matches!(tokenizer, Tokenizer::Bytes) || own.len() != before + DIGITS {
        return Ok(None);
    }
    let logs = statistics::likelihoods(session, part, std::slice::from_ref(&own))?;
    let secret: f64 = logs[0][before - 1..].iter().map(|log| f64::from(*log)).sum();
    let mut front = vec![(0.0, text(""))];
    for _ in 0..DIGITS {
        let mut longer = Vec::new();
        for some in front.chunks(TOGETHER) {
            let texts: Vec<&[u32]> = some.iter().map(|(_, text)| text.as_slice()).collect();
            let logits = statistics::next(session, part, &texts)?;
            for ((sum, text), row) in some.iter().zip(logits.chunks_exact(tokenizer.size())) {
                let whole = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
                let whole = whole + row.iter().map(|z| (f64::from(*z) - whole).exp()).sum::<f64>().ln();
                for digit in &digits {
                    let next = (sum + f64::from(row[*digit as usize]) - whole, [&text[..], &[*digit]].concat());
                    // What is behind a beginning only makes it less likely; its own way is not lost to rounding.
                    if next.0 > secret || own.starts_with(&next.1) {
                        longer.push(next);
                    }
                }
            }
        }
        front = longer;
        if front.len() > FRONT {
            return Ok(None);
        }
    }
    Ok(Some(front.iter().filter(|(sum, text)| *sum > secret && *text != own).count() as f64 + 1.0))
}

#[cfg(test)]
mod tests;
