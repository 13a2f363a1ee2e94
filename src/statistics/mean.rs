//! Logits, losses and mean gradients over sets of records.

use super::{batches, batches_of_each, prepare};
use crate::engine::{Buf, Data, Recording};
use crate::error::Result;
use crate::kernels::map::{self, Unary};
use crate::nn::{Mode, Sink};
use crate::records::Use;
use crate::records::scored::record_totals;
use crate::records::{Part, Records, Session, Shape};

/// Mean loss and accuracy of a set.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Score {
    /// Mean loss of the objective; of classes and labels the cross-entropy in nats.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "nats")))]
    pub loss: f64,
    /// Share of the records classified as labelled, 0 to 1; none where records have targets in place of a class.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accuracy: Option<f64>,
    /// How much of the texts a model writes by itself (EL_n), 0 to 1; none where nobody asked for it.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub extraction: Option<f64>,
    /// Number of records.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub count: usize,
}

/// Logits of each record, row after row, dropout off.
pub fn logits(session: &mut Session, records: Records) -> Result<Vec<f32>> {
    Ok(logit_runs(session, records)?.iter().flat_map(|r| r[0].f32().to_vec()).collect())
}

/// [`logits`] of each model of a session that holds a stack, by one pass.
///
/// # Errors
/// As [`logits`].
pub fn logits_of_each(session: &mut Session, records: Records) -> Result<Vec<Vec<f32>>> {
    let models = session.models().unwrap_or(1);
    let mut all = vec![Vec::new(); models];
    for run in logit_runs(session, records)? {
        let rows = run[0].f32();
        all.iter_mut().zip(rows.chunks(rows.len() / models)).for_each(|(to, rows)| to.extend_from_slice(rows));
    }
    Ok(all)
}

fn logit_runs(session: &mut Session, records: Records) -> Result<Vec<Vec<Data>>> {
    session.check_records(records, false)?;
    batches(session, (records, session.batch, Use::Together), Some("logits"), |s, rec, shape, _| {
        let loaded = s.record_load(rec, records.part, shape)?;
        let tape = s.record_forward(rec, &loaded, Mode::Eval, None)?;
        rec.readback(tape.logits);
        Ok(())
    })
}

/// Name under which a session keeps its programs for [`score`].
const SCORE: &str = "score";

fn record_score(session: &mut Session, rec: &mut Recording, part: Part, shape: &Shape) -> Result<()> {
    let sums = session.record_pass(rec, (part, shape), Mode::Eval, None, None)?;
    record_totals(rec, sums);
    Ok(())
}

/// Compiles what [`score`] will run and holds its memory, without running it.
///
/// # Errors
/// Records that do not exist; a budget or an adapter that cannot hold it.
pub fn prepare_score(session: &mut Session, records: Records) -> Result<()> {
    session.check_records(records, true)?;
    prepare(session, (records, session.batch, Use::Together), SCORE, |s, rec, shape| {
        record_score(s, rec, records.part, shape)
    })
}

/// Mean loss and accuracy; two scalars a batch come back.
pub fn score(session: &mut Session, records: Records) -> Result<Score> {
    session.check_records(records, true)?;
    let runs = batches(session, (records, session.batch, Use::Together), Some(SCORE), |s, rec, shape, _| {
        record_score(s, rec, records.part, shape)
    })?;
    let sum = |i: usize| runs.iter().map(|r| f64::from(r[0].f32()[i])).sum::<f64>();
    let n = records.indices.len();
    let accuracy = session.objective().of.counts().then(|| sum(1) / n as f64);
    Ok(Score { loss: sum(0) / n as f64, accuracy, extraction: None, count: n })
}

/// [`score`] of some models of a session that holds a stack, by one pass: each by records of its own, as many as the
/// others'.
///
/// # Errors
/// Records that do not exist; a lost device.
pub fn score_of_each(session: &mut Session, part: Part, asked: &[(u32, &[u32])]) -> Result<Vec<Score>> {
    for (_, indices) in asked {
        session.check_records(Records { part, indices }, true)?;
    }
    let how = (session.batch, Use::Together);
    let runs = batches_of_each(session, (part, asked), how, SCORE, |s, rec, shape| record_score(s, rec, part, shape))?;
    let counts = session.objective().of.counts();
    let score = |(slot, (_, indices)): (usize, &(u32, &[u32]))| {
        let (n, each) = (indices.len(), |r: &Vec<Data>| r[0].bytes().len() / 4 / asked.len());
        let sum = |i: usize| runs.iter().map(|r| f64::from(r[0].f32()[slot * each(r) + i])).sum::<f64>();
        Score { loss: sum(0) / n as f64, accuracy: counts.then(|| sum(1) / n as f64), extraction: None, count: n }
    };
    Ok(asked.iter().enumerate().map(score).collect())
}

/// Each record's own loss, in their order, dropout off.
///
/// # Errors
/// Records that do not exist, or whose loss is not known here.
pub fn losses(session: &mut Session, records: Records) -> Result<Vec<f32>> {
    session.check_records(records, true)?;
    let runs = batches(session, (records, session.batch, Use::Together), None, |s, rec, shape, _| {
        let sums = s.record_pass(rec, (records.part, shape), Mode::Eval, None, None)?;
        rec.readback(sums.range(0..shape.records()));
        Ok(())
    })?;
    Ok(runs.iter().flat_map(|r| r[0].f32().to_vec()).collect())
}

/// `grad = scale · Σ g_n` over the records (added to what is there if `accumulate`), dropout off. Returns the mean
/// loss.
pub fn gradient(session: &mut Session, records: Records, scale: f32, accumulate: bool) -> Result<f64> {
    session.check_records(records, true)?;
    let grad = session.grad;
    let runs = batches(session, (records, session.batch, Use::Together), None, |s, rec, shape, first| {
        let sink = Sink::Mean { grad, scale, accumulate: accumulate || !first };
        let sums = s.record_pass(rec, (records.part, shape), Mode::Eval, None, Some((sink, None)))?;
        record_totals(rec, sums);
        Ok(())
    })?;
    let n = records.indices.len().max(1);
    Ok(runs.iter().map(|r| f64::from(r[0].f32()[0])).sum::<f64>() / n as f64)
}

/// The quantity that SSD's public code calls importance: the mean over batches of the squared batch-mean gradient.
/// It depends on the batch size and is not the Fisher diagonal. Clobbers `grad`.
pub fn batch_mean_squares(session: &mut Session, records: Records, batch: usize, out: Buf<f32>) -> Result<()> {
    session.check_records(records, true)?;
    let grad = session.grad;
    let count = session.pieces(records, batch, Use::Together).len().max(1);
    batches(session, (records, batch, Use::Together), None, |s, rec, shape, first| {
        let sink = Sink::Mean { grad, scale: 1.0 / shape.records() as f32, accumulate: false };
        s.record_pass(rec, (records.part, shape), Mode::Eval, None, Some((sink, None)))?;
        let squares = rec.temp("squares", grad.len);
        map::unary(rec, Unary::Square, grad, squares);
        map::axpby(rec, 1.0 / count as f32, squares, if first { 0.0 } else { 1.0 }, out);
        Ok(())
    })?;
    Ok(())
}
