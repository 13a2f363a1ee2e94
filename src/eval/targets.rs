//! Scores of records that have targets in place of a class: numbers to predict, or which of several labels they have.

use super::accuracy::{accuracy, mean_loss};
use super::goals::{Goals, Sort, constant_loss, skill};
use super::subject::Subject;
use super::values::Metrics;
use super::{Outputs, divergence};
use crate::error::Result;

/// What an answer is worth, to be compared with [`super::Chance`]: accuracy, or [`skill`] where records have targets.
///
/// # Errors
/// Outputs that are not finite.
pub fn worth(outputs: &Outputs) -> Result<Option<f64>> {
    let beside = outputs.goals.as_ref().filter(|goals| !matches!(goals.sort, Sort::Tokens { .. }));
    let Some(goals) = beside else { return accuracy(outputs) };
    let loss = mean_loss(outputs)?;
    Ok(loss.and_then(|loss| skill(loss, constant_loss(&goals.sort, &goals.values, outputs.classes))))
}

/// Errors of one target, in the units of the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Errors {
    /// Root of the mean squared error.
    pub rmse: f64,
    /// Mean absolute error.
    pub mae: f64,
    /// 1 − squared error / squared distance from the records' mean; absent where all targets are equal.
    pub r2: Option<f64>,
}

/// Errors of each target; empty where there is none.
pub fn errors(outputs: &Outputs) -> Vec<Errors> {
    let real = |goals: &&Goals| matches!(goals.sort, Sort::Real { .. });
    let Some(goals) = outputs.goals.as_ref().filter(real) else { return Vec::new() };
    let (width, n) = (outputs.classes, outputs.len() as f64);
    let of = |c: usize| {
        let each = || outputs.logits.iter().zip(&goals.values).skip(c).step_by(width);
        let scale = goals.sort.scale(c);
        let off = || each().map(|(z, t)| scale * (f64::from(*z) - f64::from(*t)));
        let squares: f64 = off().map(|v| v * v).sum();
        let mean = each().map(|(_, t)| f64::from(*t)).sum::<f64>() / n;
        let spread: f64 = each().map(|(_, t)| (scale * (f64::from(*t) - mean)).powi(2)).sum();
        Errors {
            rmse: (squares / n).sqrt(),
            mae: off().map(f64::abs).sum::<f64>() / n,
            r2: (spread > 0.0).then(|| 1.0 - squares / spread),
        }
    };
    if outputs.is_empty() { Vec::new() } else { (0..width).map(of).collect() }
}

/// Scores of one label; absent where no record has or is given it, or every record has it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LabelScores {
    /// 2 TP / (2 TP + FP + FN) at a probability of 0.5.
    pub f1: Option<f64>,
    /// Σ (recall − recall before) · precision over falling logits, ties together.
    pub average_precision: Option<f64>,
    /// P(a record with the label has the larger logit) + ½ P(equal).
    pub auc: Option<f64>,
}

/// How often a label is right, given in vain, and missed.
type Counts = [f64; 3];

fn f1([tp, fp, fn_]: Counts) -> Option<f64> {
    let all = 2.0 * tp + fp + fn_;
    (all > 0.0).then(|| 2.0 * tp / all)
}

/// Logit and label of each record.
type Column = Vec<(f32, bool)>;

fn columns(outputs: &Outputs) -> Vec<Column> {
    let Some(goals) = outputs.goals.as_ref().filter(|goals| goals.sort == Sort::Labels) else { return Vec::new() };
    let width = outputs.classes;
    let each = |c| outputs.logits.iter().zip(&goals.values).skip(c).step_by(width).map(|(z, t)| (*z, *t > 0.5));
    (0..width).map(|c| each(c).collect()).collect()
}

fn counts(column: &Column) -> Counts {
    let count = |of: fn(bool, bool) -> bool| column.iter().filter(|(z, has)| of(*z > 0.0, *has)).count() as f64;
    [count(|said, has| said && has), count(|said, has| said && !has), count(|said, has| !said && has)]
}

fn scores(column: &Column) -> LabelScores {
    let mut falling = column.clone();
    falling.sort_by(|a, b| b.0.total_cmp(&a.0));
    let with = column.iter().filter(|(_, has)| *has).count() as f64;
    let without = column.len() as f64 - with;
    let (mut seen, mut hits, mut precision, mut below) = (0.0, 0.0, 0.0, 0.0);
    for tied in falling.chunk_by(|a, b| a.0 == b.0) {
        let right = tied.iter().filter(|(_, has)| *has).count() as f64;
        let wrong = tied.len() as f64 - right;
        // Of pairs with a record of the label, those that this chunk's records without it lie below, or beside.
        below += wrong * (hits + 0.5 * right);
        (seen, hits) = (seen + tied.len() as f64, hits + right);
        precision += right * hits / seen;
    }
    LabelScores {
        f1: f1(counts(column)),
        average_precision: (with > 0.0).then(|| precision / with),
        auc: (with > 0.0 && without > 0.0).then(|| below / (with * without)),
    }
}

/// Scores of each label; empty where records have none.
pub fn label_scores(outputs: &Outputs) -> Vec<LabelScores> {
    columns(outputs).iter().map(scores).collect()
}

/// Share of the records of which every label is right.
fn exact_match(outputs: &Outputs) -> Option<f64> {
    let columns = columns(outputs);
    let n = columns.first()?.len();
    let right = (0..n).filter(|i| columns.iter().all(|column| (column[*i].0 > 0.0) == column[*i].1)).count();
    (n > 0).then(|| right as f64 / n as f64)
}

fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let there: Vec<f64> = values.flatten().collect();
    (!there.is_empty()).then(|| there.iter().sum::<f64>() / there.len() as f64)
}

/// Registry entry: `splits.*.rmse`, `.mae`, `.r2`, means over the targets, and `splits.*.per_target.N.*` of several.
pub(super) fn measure_errors(subject: &Subject, into: &mut Metrics) -> Result<()> {
    for (split, outputs) in subject.now.iter() {
        let each = errors(outputs);
        into.put(format!("splits.{split}.rmse"), mean(each.iter().map(|e| Some(e.rmse))))?;
        into.put(format!("splits.{split}.mae"), mean(each.iter().map(|e| Some(e.mae))))?;
        into.put(format!("splits.{split}.r2"), mean(each.iter().map(|e| e.r2)))?;
        for (target, e) in each.iter().enumerate().filter(|_| each.len() > 1) {
            for (name, value) in [("rmse", Some(e.rmse)), ("mae", Some(e.mae)), ("r2", e.r2)] {
                into.put(format!("splits.{split}.per_target.{target}.{name}"), value)?;
            }
        }
    }
    Ok(())
}

/// Registry entry: `splits.*.micro_f1`, `.macro_f1`, `.exact_match`, `.mean_average_precision`, `.mean_auc`, and
/// `splits.*.per_label.N.*`.
pub(super) fn measure_labels(subject: &Subject, into: &mut Metrics) -> Result<()> {
    for (split, outputs) in subject.now.iter() {
        let (columns, each) = (columns(outputs), label_scores(outputs));
        let all = columns.iter().map(counts).fold([0.0; 3], |a, b| [a[0] + b[0], a[1] + b[1], a[2] + b[2]]);
        let summary = [
            ("micro_f1", f1(all)),
            ("macro_f1", mean(each.iter().map(|s| s.f1))),
            ("exact_match", exact_match(outputs)),
            ("mean_average_precision", mean(each.iter().map(|s| s.average_precision))),
            ("mean_auc", mean(each.iter().map(|s| s.auc))),
        ];
        for (name, value) in summary {
            into.put(format!("splits.{split}.{name}"), value)?;
        }
        for (label, s) in each.iter().enumerate() {
            for (name, value) in [("f1", s.f1), ("average_precision", s.average_precision), ("auc", s.auc)] {
                into.put(format!("splits.{split}.per_label.{label}.{name}"), value)?;
            }
        }
    }
    Ok(())
}

/// Root of the mean, over records and targets, of the squared difference of two models' predictions, each target on the
/// scale that `a` was trained on; of texts, over their tokens, of their log-probabilities. `None` where records have
/// neither.
pub fn distance(a: &Outputs, b: &Outputs) -> Result<Option<f64>> {
    let (Some(of_a), Some(of_b)) = (&a.goals, &b.goals) else { return Ok(None) };
    if of_a.sort == Sort::Labels || a.is_empty() {
        return Ok(None);
    }
    divergence::same_records(a, b)?;
    let width = a.classes;
    let apart = |(i, (p, q)): (usize, (&f32, &f32))| {
        let (p, q) = (of_a.sort.in_units(i % width, *p), of_b.sort.in_units(i % width, *q));
        ((p - q) / of_a.sort.scale(i % width)).powi(2)
    };
    let squares: f64 = a.logits.iter().zip(&b.logits).enumerate().map(apart).sum();
    // Behind the end of a text both have 0.
    let count = of_a.values.iter().filter(|t| of_a.is_there(**t)).count().max(1);
    Ok(Some((squares / count as f64).sqrt()))
}

/// Registry entry: `distance.forget`, `distance.test`.
pub(super) fn measure_distance(subject: &Subject, into: &mut Metrics) -> Result<()> {
    divergence::measure_distance("distance", distance, subject, into)
}

/// Registry entry: `distance.noise_floor_forget`, `distance.noise_floor_test`, over pairs of retrains.
pub(super) fn measure_noise_floor(subject: &Subject, into: &mut Metrics) -> Result<()> {
    for split in divergence::COMPARED {
        let all = divergence::on_split(subject.references, split);
        let pairs = all.iter().enumerate().flat_map(|(i, a)| all[i + 1..].iter().map(move |b| distance(a, b)));
        let pairs: Vec<Option<f64>> = pairs.collect::<Result<_>>()?;
        into.put(format!("distance.noise_floor_{split}"), mean(pairs.into_iter()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
