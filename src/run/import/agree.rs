//! Whether a network gives here the logits that it gave elsewhere.

use std::path::Path;

use crate::data::{Arrays, Dataset, Portion, Samples};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::nn::Model;
use crate::records::Reader;
use crate::run::evidence::hash_of;
use crate::run::info::Agreement;
use crate::run::reading::{self, Reading};
use crate::statistics;

/// Difference that is let pass, as a share of the largest logit.
pub const TOLERANCE: f64 = 1e-4;

/// Compares the logits for `x` of the file or, without it, for the test records in order. Of a language model `x` are
/// texts, a row of tokens each, and the logits [texts, tokens, vocabulary].
///
/// # Errors
/// [`Error::CheckFailed`] beyond the tolerance; shapes that do not fit.
pub(super) fn measure(
    engine: &mut Engine,
    (model, data, theta): (&Model, &Dataset, &[f32]),
    file: &Path,
    tolerance: f64,
) -> Result<Agreement> {
    let arrays = Arrays::read(file, &["x", "logits"])?;
    let (shape, theirs) = arrays.need("logits")?;
    let (mut rows, classes) = (Vec::new(), data.classes);
    let ours = match arrays.get("x") {
        Some((of, tokens)) if data.tokenizer.is_some() => {
            rows = of.to_vec();
            logits_of_texts(engine, (model, data, theta), (of, tokens), file)?
        }
        Some(x) => logits_of(engine, (model, data, theta), x, file)?,
        None if data.tokenizer.is_some() => {
            let what = "a language model is compared on `x`, texts as rows of token numbers, and there is none";
            return Err(Error::input(format!("--check {}: {what}", file.display())));
        }
        None => {
            let reading = Reading { theta, model, data, forgot: false };
            reading::logits(engine, None, &reading, &[Portion::Test])?.concat()
        }
    };
    let records = ours.len() / classes;
    if rows.is_empty() {
        rows.push(records);
    }
    rows.push(classes);
    if shape != rows {
        return Err(Error::input(format!(
            "--check {}: logits have shape {shape:?}, and the model gives {rows:?}",
            file.display()
        )));
    }
    let largest = theirs.iter().fold(f64::MIN_POSITIVE, |most, value| most.max(f64::from(value.abs())));
    let apart = |(ours, theirs): (&f32, &f32)| (f64::from(*ours) - f64::from(*theirs)).abs() / largest;
    let worst = ours.iter().zip(theirs).map(apart).enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
    let (at, difference) = worst.ok_or_else(|| Error::input(format!("--check {}: no logits", file.display())))?;
    // What is not a number comes last in that order, and is no agreement.
    if difference.is_nan() || difference > tolerance {
        let (class, record) = (at % classes, at / classes);
        let place = match rows[..] {
            [_, tokens, _] => format!("token {class} behind token {} of text {}", record % tokens, record / tokens),
            _ => format!("class {class} of record {record}"),
        };
        return Err(Error::CheckFailed(format!(
            "--check {}: the logit of {place} is {} here and {} there, {difference:.2e} of the largest, and \
             {tolerance:e} is let pass; are layers, strides and normalisation those of the model?",
            file.display(),
            ours[at],
            theirs[at]
        )));
    }
    let path = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    Ok(Agreement { path, sha256: hash_of(file)?, records, difference, tolerance })
}

fn logits_of(
    engine: &mut Engine,
    (model, data, theta): (&Model, &Dataset, &[f32]),
    (shape, x): (&[usize], &[f32]),
    file: &Path,
) -> Result<Vec<f32>> {
    if data.graph.is_some() {
        return Err(Error::input(format!(
            "--check {}: records of a graph cannot be given as x; leave it out, and the logits are the test records'",
            file.display()
        )));
    }
    let [records, record @ ..] = shape else {
        return Err(Error::input(format!("--check {}: x is a single number", file.display())));
    };
    if record != model.input {
        return Err(Error::input(format!(
            "--check {}: x has records of shape {record:?}, and the model takes {:?}",
            file.display(),
            model.input
        )));
    }
    let samples = Samples { x: x.to_vec(), y: vec![0; *records], ..Samples::default() };
    let mut reader = Reader::rows(engine, model, &samples, theta)?;
    let ids: Vec<u32> = (0..*records as u32).collect();
    let records = reader.records(&ids, true);
    let logits = statistics::logits(reader.session(), records)?;
    Ok(reading::over_all_classes(data, logits))
}

/// Logits of every token of some texts, [texts · tokens, vocabulary].
fn logits_of_texts(
    engine: &mut Engine,
    (model, data, theta): (&Model, &Dataset, &[f32]),
    (shape, x): (&[usize], &[f32]),
    file: &Path,
) -> Result<Vec<f32>> {
    let fail = |what: String| Err(Error::input(format!("--check {}: {what}", file.display())));
    let (&[_, length], context) = (shape, data.width() - 1) else {
        return fail(format!("x has shape {shape:?}; expected [texts, tokens]"));
    };
    if length == 0 || length > context {
        return fail(format!("x has texts of {length} tokens; expected 1 to data.context = {context}"));
    }
    let is_token = |v: &f32| *v >= 0.0 && v.fract() == 0.0 && (*v as usize) < data.classes;
    if let Some(stray) = x.iter().find(|v| !is_token(v)) {
        return fail(format!("x holds {stray}, and tokens are whole numbers below {}", data.classes));
    }
    let tokens: Vec<u32> = x.iter().map(|v| *v as u32).collect();
    let texts: Vec<&[u32]> = tokens.chunks(length).collect();
    let mut reader = Reader::rows(engine, model, &data.train, theta)?;
    let part = reader.records(&[], true).part;
    statistics::of_texts(reader.session(), part, &texts)
}
