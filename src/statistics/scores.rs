//! How much each training record matters to a loss: products of gradients along training, and influence on an optimum.
//! These change no parameter; what they are asked about comes as gradients, so that a session need not hold those
//! records.

use super::{Product, dots, norms, per_sample};
use std::cmp::Ordering;

use serde::Serialize;

use super::solve::{Solved, StoppedBy, Until, conjugate_gradients};
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::records::{Records, Session};

/// A row of a table of records by score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// From 1, the largest score first.
    pub rank: usize,
    /// Index of the training record, or id of the node.
    pub id: u32,
    /// Its score; what a larger one means is the score's own matter.
    pub score: f64,
}

/// The records by falling score, equal ones by id; a score that is no number comes last.
pub fn ranked(ids: &[u32], scores: &[f64]) -> Vec<Ranked> {
    let mut rows: Vec<(u32, f64)> = ids.iter().copied().zip(scores.iter().copied()).collect();
    rows.sort_by(|a, b| match (a.1.is_nan(), b.1.is_nan()) {
        (false, false) => b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)),
        (true, true) => a.0.cmp(&b.0),
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
    });
    rows.iter().enumerate().map(|(i, (id, score))| Ranked { rank: i + 1, id: *id, score: *score }).collect()
}

/// A model on the way of its training.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// Padded flat vector.
    pub theta: Vec<f32>,
    /// Learning rate there.
    pub lr: f64,
}

/// TracIn (Pruthi et al., NeurIPS 2020, eq. 1, over checkpoints): Σ over the moments of lr g_n · g, g_n the gradient of
/// record n's own loss and g the one that `targets` holds for the moment. Positive: training on n lowered the loss
/// behind g. One score a record, in their order; theta is as before afterwards.
///
/// # Errors
/// Records that do not exist; not one target a moment.
pub fn tracin(session: &mut Session, records: Records, moments: &[Moment], targets: &[Vec<f32>]) -> Result<Vec<f64>> {
    if targets.len() != moments.len() {
        return Err(Error::internal(format!("{} gradients for {} moments", targets.len(), moments.len())));
    }
    let target = session.vector("scores.target")?;
    let mut next = targets.iter();
    over_moments(session, records, moments, |session| {
        if let Some(gradient) = next.next() {
            session.engine.write(target, gradient)?;
        }
        dots_f64(session, records, target)
    })
}

/// TracIn of each record on its own loss: Σ over the moments of lr ‖g_n‖². Large where a record went on pulling the
/// model to what the others do not say, as wrong labels do.
///
/// # Errors
/// Records that do not exist.
pub fn tracin_self(session: &mut Session, records: Records, moments: &[Moment]) -> Result<Vec<f64>> {
    over_moments(session, records, moments, |session| {
        Ok(norms(session, records)?.iter().map(|norm| f64::from(*norm).powi(2)).collect())
    })
}

fn over_moments(
    session: &mut Session,
    records: Records,
    moments: &[Moment],
    mut each: impl FnMut(&mut Session) -> Result<Vec<f64>>,
) -> Result<Vec<f64>> {
    let before = session.read_theta()?;
    let mut sums = vec![0.0; records.indices.len()];
    for moment in moments {
        session.write_theta(&moment.theta)?;
        let scores = each(session)?;
        sums.iter_mut().zip(scores).for_each(|(sum, score)| *sum += moment.lr * score);
    }
    session.write_theta(&before)?;
    Ok(sums)
}

/// Influence on a loss (Koh & Liang, ICML 2017, eq. 2): −g_nᵀ (H + shift I)⁻¹ g with g the loss's gradient `target`, by
/// one solve. The change of that loss for each unit of weight that record n gets more in the mean: positive where n
/// does harm. Shift is damping and the objective's weight decay together.
///
/// # Errors
/// Records that do not exist; no memory.
pub fn influence(
    session: &mut Session,
    h: &dyn Product,
    shift: f64,
    until: Until,
    records: Records,
    target: &[f32],
) -> Result<(Vec<f64>, Solved)> {
    let (b, x) = (session.vector("scores.target")?, session.vector("scores.x")?);
    session.engine.write(b, target)?;
    let solved = conjugate_gradients(session, h, shift, b, x, until)?;
    let scores = dots_f64(session, records, x)?;
    Ok((scores.iter().map(|score| -score).collect(), solved))
}

/// Most gradients of single records that [`influence_self`] keeps on the host, in numbers.
const MOST_KEPT: usize = 1 << 28;

/// Influence of each record on its own loss, without the sign: g_nᵀ (H + shift I)⁻¹ g_n. One solve a record; the worst
/// solve comes with the scores.
///
/// # Errors
/// More records than their gradients fit the host.
pub fn influence_self(
    session: &mut Session,
    h: &dyn Product,
    shift: f64,
    until: Until,
    records: Records,
) -> Result<(Vec<f64>, Solved)> {
    let total = session.model.layout.total();
    if records.indices.len().saturating_mul(total) > MOST_KEPT {
        return Err(Error::input(format!(
            "self-influence by the curvature takes a solve a record: at most {} records of this model at once; use \
                fewer, or TracIn",
            MOST_KEPT / total.max(1)
        )));
    }
    let mut gradients = Vec::new();
    per_sample(session, records, |_, rows| {
        gradients.extend_from_slice(rows);
        Ok(())
    })?;
    let (b, x) = (session.vector("scores.target")?, session.vector("scores.x")?);
    let mut worst = Solved { iterations: 0, residual: 0.0, stopped_by: StoppedBy::Tolerance };
    let mut scores = Vec::new();
    for gradient in gradients.chunks_exact(total) {
        session.engine.write(b, gradient)?;
        let solved = conjugate_gradients(session, h, shift, b, x, until)?;
        scores.push(product(gradient, &session.engine.read(x)?));
        if solved.residual >= worst.residual {
            worst = solved;
        }
    }
    Ok((scores, worst))
}

/// g_n · u for each record.
fn dots_f64(session: &mut Session, records: Records, u: Buf<f32>) -> Result<Vec<f64>> {
    Ok(dots(session, records, u)?.into_iter().map(f64::from).collect())
}

fn product(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_score_comes_first_and_equal_ones_by_id() {
        let rows = ranked(&[9, 4, 7, 2, 5], &[0.5, f64::NAN, 2.0, 0.5, -1.0]);
        let ids: Vec<_> = rows.iter().map(|r| (r.rank, r.id)).collect();
        assert_eq!(ids, [(1, 7), (2, 2), (3, 9), (4, 5), (5, 4)]);
    }
}
