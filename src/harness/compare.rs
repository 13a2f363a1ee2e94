//! A comparison that NaN, poison and short slices cannot pass.

use serde::{Deserialize, Deserializer, Serialize};

use crate::engine::Data;
use crate::engine::case::{OnNan, POISON};

/// How far a buffer is from its reference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Distance {
    /// Largest |got − want|.
    pub max_abs: f64,
    /// Relative to the larger of |want| and the root mean square of all of want: a sum that cancels to nearly zero
    /// says nothing about the kernel.
    pub max_rel: f64,
    /// In units of the spacing of f32 numbers at that size.
    pub max_ulp: f64,
    /// Σ(got−want)² / Σwant².
    #[serde(deserialize_with = "null_is_nan")]
    pub nmse: f64,
    /// First element outside the tolerance.
    pub first_bad: Option<usize>,
    /// Elements outside the tolerance.
    pub bad: usize,
    /// The value there; JSON has no word for what is not finite and holds `null`.
    #[serde(deserialize_with = "null_is_nan")]
    pub got: f64,
    /// The twin's value at the first of them.
    #[serde(deserialize_with = "null_is_nan")]
    pub want: f64,
    /// Results that are not numbers, and infinite ones, right or wrong.
    pub nan: usize,
    /// Infinite results, right or wrong.
    pub inf: usize,
}

fn null_is_nan<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

impl Distance {
    /// Keeps the larger of each measure.
    pub fn widen(&mut self, other: &Distance) {
        self.max_abs = self.max_abs.max(other.max_abs);
        self.max_rel = self.max_rel.max(other.max_rel);
        self.max_ulp = self.max_ulp.max(other.max_ulp);
        self.nmse = self.nmse.max(other.nmse);
        self.nan += other.nan;
        self.inf += other.inf;
    }
}

/// Compares f32 results with an f64 reference: |got − want| ≤ atol + rtol·|want|, or both the same infinity.
pub fn floats(got: &[f32], want: &[f64], rtol: f64, atol: f64) -> Result<Distance, String> {
    odd_floats(got, want, rtol, atol, OnNan::Wrong)
}

/// A NaN that is not the poison of outputs and guard zones. Which bits it has beyond that is nobody's promise.
pub fn arithmetic_nan(x: f32) -> bool {
    x.is_nan() && x.to_bits() != POISON
}

/// [`floats`] for a case whose inputs may lead to NaN.
pub fn odd_floats(got: &[f32], want: &[f64], rtol: f64, atol: f64, on_nan: OnNan) -> Result<Distance, String> {
    let right = |got: f32| match on_nan {
        OnNan::Wrong => false,
        OnNan::Same => arithmetic_nan(got),
        OnNan::Anything => got.to_bits() != POISON,
    };
    if got.len() != want.len() {
        return Err(format!("{} elements, the reference has {}", got.len(), want.len()));
    }
    let mut d = Distance::default();
    let square_want: f64 = want.iter().filter(|w| w.is_finite()).map(|w| w * w).sum();
    let floor = (square_want / want.len().max(1) as f64).sqrt().max(f64::from(f32::MIN_POSITIVE));
    let mut square_error = 0.0;
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        let g64 = f64::from(*g);
        d.nan += usize::from(g.is_nan());
        d.inf += usize::from(g.is_infinite());
        let same = g64 == *w || (w.is_nan() && right(*g)) || (g64.is_infinite() && (*w as f32) == *g);
        let error = if same { 0.0 } else { (g64 - w).abs() };
        // Written so that a NaN on either side is bad, and so is anything but infinity where infinity is expected.
        let good = error == 0.0 || (w.is_finite() && error <= atol + rtol * w.abs());
        if !good {
            d.bad += 1;
            if d.first_bad.is_none() {
                (d.first_bad, d.got, d.want) = (Some(i), g64, *w);
            }
        }
        if error.is_finite() {
            d.max_abs = d.max_abs.max(error);
            let size = w.abs().max(floor);
            d.max_rel = d.max_rel.max(error / size);
            d.max_ulp = d.max_ulp.max(error / ulp(size as f32));
            square_error += error * error;
        }
    }
    d.nmse = if square_want > 0.0 { square_error / square_want } else { square_error };
    Ok(d)
}

/// Spacing of f32 numbers at `x`; nothing is finer than the smallest normal number, which an adapter may take for 0.
fn ulp(x: f32) -> f64 {
    let x = x.abs().max(f32::MIN_POSITIVE);
    (f64::from(f32::from_bits(x.to_bits() + 1)) - f64::from(x)).max(f64::from(f32::MIN_POSITIVE))
}

/// Integers must be equal.
pub fn words(got: &[u32], want: &[u32]) -> Result<Distance, String> {
    if got.len() != want.len() {
        return Err(format!("{} elements, the reference has {}", got.len(), want.len()));
    }
    let first_bad = got.iter().zip(want).position(|(g, w)| g != w);
    let bad = got.iter().zip(want).filter(|(g, w)| g != w).count();
    let at = |v: &[u32]| first_bad.map_or(0.0, |i| f64::from(v[i]));
    Ok(Distance { first_bad, bad, got: at(got), want: at(want), ..Default::default() })
}

/// True if two buffers hold the same bits.
pub fn same_bits(a: &Data, b: &Data) -> bool {
    a.bytes() == b.bytes()
}
