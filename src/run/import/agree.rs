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

/// Compares the logits for `x` of the file or, without it, for the test records in order.
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
    let ours = match arrays.get("x") {
        Some(x) => logits_of(engine, (model, data, theta), x, file)?,
        None => {
            let reading = Reading { theta, model, data, forgot: false };
            reading::logits(engine, None, &reading, &[Portion::Test])?.concat()
        }
    };
    let (records, classes) = (ours.len() / data.classes, data.classes);
    if shape != [records, classes] {
        return Err(Error::input(format!(
            "--check {}: logits have shape {shape:?}, and the model gives {:?}",
            file.display(),
            [records, classes]
        )));
    }
    let largest = theirs.iter().fold(f64::MIN_POSITIVE, |most, value| most.max(f64::from(value.abs())));
    let apart = |(ours, theirs): (&f32, &f32)| (f64::from(*ours) - f64::from(*theirs)).abs() / largest;
    let worst = ours.iter().zip(theirs).map(apart).enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
    let (at, difference) = worst.ok_or_else(|| Error::input(format!("--check {}: no logits", file.display())))?;
    // What is not a number comes last in that order, and is no agreement.
    if difference.is_nan() || difference > tolerance {
        return Err(Error::CheckFailed(format!(
            "--check {}: the logit of class {} of record {} is {} here and {} there, {difference:.2e} of the largest, \
             and {tolerance:e} is let pass; are layers, strides and normalisation those of the model?",
            file.display(),
            at % classes,
            at / classes,
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
