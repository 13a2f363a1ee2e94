//! Whether an adapter's matrix units compute what they should: asked of each before products are recorded for them.

use super::{MATMUL, Mat, Product, precise, product_as};
use crate::engine::case::Gen;
use crate::engine::{Data, Engine, Kernel, Precision, Recording};
use crate::error::{Error, Result};

/// Rows, columns and terms: several tiles of either side, and none of them full.
const M: usize = 77;
const N: usize = 70;
const K: usize = 83;

/// What the sums themselves may be off by, relative to the sum of magnitudes: units may cut off what they add.
const SUMS: f64 = 1.0 / (1 << 20) as f64;

/// Trusts the matrix units that the engine was opened with, after a fixed product on them was compared with what its
/// operands' halves give and with the f32 form on the same adapter, and a NaN and an infinite number were seen to
/// arrive. Nothing to do for f32.
///
/// # Errors
/// [`Error::Unsupported`]: the units compute something else; what differs is named, and they are not trusted.
pub fn prove(engine: &mut Engine) -> Result<()> {
    let Some(units) = engine.units() else { return Ok(()) };
    engine.trust_units(false);
    let form = precise::form(units);
    let wrong = match compare(engine, form, units.precision)? {
        Some(wrong) => Some(wrong),
        None => odd(engine, form)?,
    };
    if let Some(wrong) = wrong {
        let adapter = engine.adapter().map(|a| a.describe()).unwrap_or_default();
        return Err(Error::Unsupported(format!(
            "--precision {}: the matrix units of {adapter} failed the self-test of `{}`: {wrong}; use --precision f32",
            units.precision.word(),
            form.name
        )));
    }
    engine.trust_units(true);
    Ok(())
}

/// Numbers whose magnitude changes from one group of terms or of rows to the next, beyond f16 on both sides.
fn operands() -> (Vec<f32>, Vec<f32>) {
    let mut g = Gen::new(20_220_307);
    // Sixteen terms have one magnitude, so that no tile holds numbers that the largest drowns.
    let of_term = |k: usize| [1.0, 3e6, 2e-9, 6e4, 1e-25, 1e12][k / 16 % 6];
    let of_row = |row: usize| if row < 64 { 1.0 } else { 1e-7 };
    let a = g.values(M * K);
    let b = g.values(K * N);
    let a = a.iter().enumerate().map(|(i, v)| v * of_term(i % K) * of_row(i / K)).collect();
    // Terms of very different size would hide all but the largest; B makes up for most of it.
    let b = b.iter().enumerate().map(|(i, v)| v / of_term(i / N) * [1.0, 8.0][i / N % 2]).collect();
    (a, b)
}

fn run(engine: &mut Engine, kernel: &'static Kernel, a: &[f32], b: &[f32]) -> Result<Vec<f32>> {
    let mut rec = Recording::new(engine.target());
    let (at_a, at_b) = (rec.temp("a", a.len()), rec.temp("b", b.len()));
    let y = rec.temp("y", M * N);
    rec.upload(at_a);
    rec.upload(at_b);
    let (left, right) = (Mat::new(at_a, M, K), Mat::new(at_b, K, N));
    product_as(&mut rec, kernel, left, right, at_b, y, Product::default());
    rec.readback(y);
    let program = engine.compile(rec)?;
    let out = engine.run(&program, &[Data::F32(a.to_vec()), Data::F32(b.to_vec())])?;
    Ok(out.into_iter().next().map(|d| bytemuck::pod_collect_to_vec(d.bytes())).unwrap_or_default())
}

/// Eleven significant bits of a number, to nearest, ties to even; as `halves.wgsl` does it.
fn halved(v: f32) -> f32 {
    let bits = v.to_bits();
    if !v.is_finite() { v } else { f32::from_bits((bits + 0xfff + (bits >> 13 & 1)) & !0x1fff) }
}

/// What becomes of an operand: its high part, and its low part where it has one.
pub(super) fn parts(v: f32, precision: Precision) -> (f64, f64) {
    match precision {
        Precision::F32 => (f64::from(v), 0.0),
        Precision::Mixed => (f64::from(halved(v)), 0.0),
        Precision::Split => {
            let high = halved(v);
            (f64::from(high), f64::from(halved((v - high) * 2048.0)) / 2048.0)
        }
    }
}

fn compare(engine: &mut Engine, form: &'static Kernel, precision: Precision) -> Result<Option<String>> {
    let (a, b) = operands();
    let (units, plain) = (run(engine, form, &a, &b)?, run(engine, &MATMUL, &a, &b)?);
    let halves = |all: &[f32]| all.iter().map(|v| parts(*v, precision)).collect::<Vec<_>>();
    let (x, w) = (halves(&a), halves(&b));
    for i in 0..M * N {
        let (row, col) = (i / N, i % N);
        let (mut sum, mut size) = (0.0, 0.0);
        for k in 0..K {
            let ((xh, xl), (wh, wl)) = (x[row * K + k], w[k * N + col]);
            sum += xh * wh + (xh * wl + xl * wh);
            size += f64::from(a[row * K + k]).abs() * f64::from(b[k * N + col]).abs();
        }
        let got = [units.get(i), plain.get(i)].map(|v| f64::from(v.copied().unwrap_or(f32::NAN)));
        // Written so that a NaN is wrong.
        let near = |other: f64, off: f64| (got[0] - other).abs() <= off * size;
        let at = format!("element ({row}, {col}) of a product of {M} x {K} and {K} x {N} is {}", got[0]);
        if !near(sum, SUMS) {
            return Ok(Some(format!("{at}, and what it is made of gives {sum}")));
        }
        if !near(got[1], precise::bound(precision) + SUMS) {
            return Ok(Some(format!("{at}, and in f32 it is {}", got[1])));
        }
    }
    Ok(None)
}

/// What a NaN and an infinite number in A reach: the rows that they stand in, and no other.
fn odd(engine: &mut Engine, form: &'static Kernel) -> Result<Option<String>> {
    let mut g = Gen::new(7);
    let (mut a, b) = (g.values(M * K), g.between(K * N, 0.5, 1.0));
    (a[3 * K + 5], a[40 * K + 71]) = (f32::NAN, f32::INFINITY);
    let y = run(engine, form, &a, &b)?;
    let right = |row: usize, v: f32| match row {
        3 => v.is_nan(),
        40 => v == f32::INFINITY,
        _ => v.is_finite(),
    };
    let wrong = y.iter().enumerate().find(|(i, v)| !right(i / N, **v));
    Ok(wrong.map(|(i, v)| format!("row {} holds {v}, with a NaN in row 3 of A and infinity in row 40", i / N)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_those_of_ieee_within_its_range() {
        // 1 + 2^-11 is a tie: to even. 2049 and 2051 are the ties above 2048.
        assert_eq!([1.0 + 1.0 / 2048.0, 2049.0, 2051.0, -2051.0].map(halved), [1.0, 2048.0, 2052.0, -2052.0]);
        assert_eq!([65_519.0, 1e30, 0.0].map(|v: f32| halved(v).to_bits() & 0x1fff), [0; 3]);
        assert!(halved(f32::NAN).is_nan() && halved(f32::NEG_INFINITY) == f32::NEG_INFINITY);
        let mut g = Gen::new(1);
        for v in g.values(1000) {
            let (high, low) = parts(v, Precision::Split);
            assert!((f64::from(v) - high).abs() <= f64::from(v).abs() / 2048.0);
            assert!((f64::from(v) - high - low).abs() <= f64::from(v).abs() / f64::from(1 << 22), "{v}");
        }
    }

    #[test]
    fn the_fixed_product_passes_what_f16_holds() {
        let (a, b) = operands();
        let most = |all: &[f32]| all.iter().fold(0f32, |m, v| m.max(v.abs()));
        assert!(most(&a) > 1e11 && most(&b) > 1e24 && a.iter().chain(&b).all(|v| v.is_finite() && *v != 0.0));
    }
}
