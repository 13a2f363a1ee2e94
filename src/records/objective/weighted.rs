//! The cross-entropy with weights of classes and smoothed labels, as PyTorch's `CrossEntropyLoss` has them (Szegedy et
//! al., CVPR 2016). With weights w and smoothing ε a record of class y among C classes has the loss
//!
//! (1 − ε) w_y (−log p_y) + ε/C Σ_c w_c (−log p_c) = s_y (−log p_y) + d_y · z, s_y = (1 − ε) w_y + ε/C Σ_c w_c
//!
//! with logits z, p = softmax(z) and a row d_y for each class: s_y − (1 − ε) w_y at y, less ε/C w_c everywhere. So the
//! gradient is s_y (p − e_y) + d_y, the curvature s_y times that of the plain loss, and the plain kernel keeps its
//! digits.

use super::{Direction, Losses, Objective, Outputs, cross_entropy, labels, side_by_side};
use crate::engine::{ALIGN, Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::map::{self, Binary};
use crate::kernels::{loss, reduce};
use crate::records::batch::Targets;

/// Classes with weights; the registry has it as `cross_entropy`.
pub(in crate::records) static WEIGHTED: Objective =
    Objective { in_place: false, record: weighted, curvature: Some(curvature), ..cross_entropy::CROSS_ENTROPY };

/// Smoothed labels, of classes with weights or without.
pub(in crate::records) static SMOOTHED: Objective = Objective { record: smoothed, ..WEIGHTED };

/// The numbers of the formula on the engine.
pub(in crate::records) struct Table {
    /// s_y C times over, [C, C].
    rows: Buf<f32>,
    /// d_y, [C, C].
    shift: Buf<f32>,
    /// s_y, \[C\].
    each: Buf<f32>,
}

impl Table {
    /// The numbers for weights of classes and a smoothing.
    pub fn numbers(weights: &[f64], smoothing: f64) -> Vec<f32> {
        let classes = weights.len();
        let spread = smoothing / classes.max(1) as f64;
        let total: f64 = weights.iter().sum();
        let own = |y: usize| (1.0 - smoothing) * weights[y];
        let scale = |y: usize| own(y) + spread * total;
        let shift = |y: usize, c: usize| if c == y { spread * (total - weights[y]) } else { -spread * weights[c] };
        let square = classes * classes;
        let mut all = vec![0.0; 2 * square.next_multiple_of(ALIGN) + classes];
        let (rows, rest) = all.split_at_mut(square.next_multiple_of(ALIGN));
        let (shifts, each) = rest.split_at_mut(square.next_multiple_of(ALIGN));
        for y in 0..classes {
            each[y] = scale(y) as f32;
            for c in 0..classes {
                rows[y * classes + c] = scale(y) as f32;
                shifts[y * classes + c] = shift(y, c) as f32;
            }
        }
        all
    }

    fn of(kept: Option<Buf<f32>>, classes: usize) -> Result<Table> {
        let kept = kept.ok_or_else(|| Error::internal("no weights of classes on the engine"))?;
        let (square, apart) = (classes * classes, (classes * classes).next_multiple_of(ALIGN));
        let (rows, shift) = (kept.range(0..square), kept.range(apart..apart + square));
        Ok(Table { rows, shift, each: kept.range(2 * apart..2 * apart + classes) })
    }
}

/// Records the rows of a table [C, width] that the labels name, 0 for a label that is no class.
fn rows_of(rec: &mut Recording, table: Buf<f32>, classes: usize, labels: Buf<u32>) -> Buf<f32> {
    let width = table.len.checked_div(classes).unwrap_or(0);
    let rows = rec.temp("rows of classes", labels.len * width);
    rec.clear(rows);
    map::gather_rows(rec, table, 0, classes, width, labels, rows);
    rows
}

/// Records the plain cross-entropy times s_y.
fn scaled(rec: &mut Recording, out: &Outputs, labels: Buf<u32>, table: &Table) -> (Losses, Buf<f32>) {
    let (n, classes) = (out.n, out.classes);
    let (sums, losses, correct) = side_by_side(rec, n);
    let (plain, gradient) = (rec.temp("cross-entropy", n), rec.temp("its gradient", n * classes));
    loss::softmax_xent(rec, out.logits, labels, plain, gradient, correct, n, classes);
    let each = rows_of(rec, table.each, classes, labels);
    map::binary(rec, Binary::Mul, plain, each, losses);
    let rows = rows_of(rec, table.rows, classes, labels);
    let dlogits = rec.temp("dlogits", n * classes);
    map::binary(rec, Binary::Mul, gradient, rows, dlogits);
    (Losses { sums, dlogits }, losses)
}

fn weighted(rec: &mut Recording, out: &Outputs, targets: &Targets) -> Result<Losses> {
    let table = Table::of(out.kept, out.classes)?;
    Ok(scaled(rec, out, labels(targets)?, &table).0)
}

fn smoothed(rec: &mut Recording, out: &Outputs, targets: &Targets) -> Result<Losses> {
    let (table, labels) = (Table::of(out.kept, out.classes)?, labels(targets)?);
    let (made, losses) = scaled(rec, out, labels, &table);
    let shift = rows_of(rec, table.shift, out.classes, labels);
    map::axpby(rec, 1.0, shift, 1.0, made.dlogits);
    let (terms, more) = (rec.temp("terms", shift.len), rec.temp("shift", out.n));
    map::binary(rec, Binary::Mul, out.logits, shift, terms);
    reduce::rows(rec, terms, more);
    map::axpby(rec, 1.0, more, 1.0, losses);
    Ok(made)
}

/// s_y (p ∘ r − p (p · r)).
fn curvature(rec: &mut Recording, d: &Direction) -> Result<()> {
    let (table, labels) = (Table::of(d.kept, d.classes)?, labels(d.targets)?);
    let plain = rec.temp("curvature", d.out.len);
    loss::softmax_xent_tangent(rec, d.logits, labels, d.along, plain, false);
    let rows = rows_of(rec, table.rows, d.classes, labels);
    map::binary(rec, Binary::Mul, plain, rows, d.out);
    Ok(())
}

#[cfg(test)]
mod tests;
