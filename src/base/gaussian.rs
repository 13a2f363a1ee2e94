//! The normal law: its distribution function, and how far two shifted ones are apart.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// erf by its series without alternating signs, 2/√π e^(−x²) Σ 2^k x^(2k+1) / (2k+1)!! (Abramowitz & Stegun 7.1.6).
fn erf_series(x: f64) -> f64 {
    let (mut term, mut sum, mut k) = (x, x, 1.0);
    while term.abs() > 1e-17 * sum.abs() {
        term *= 2.0 * x * x / (2.0 * k + 1.0);
        sum += term;
        k += 1.0;
    }
    2.0 / PI.sqrt() * (-x * x).exp() * sum
}

/// erfc for x > 2 by its continued fraction (Abramowitz & Stegun 7.1.14), from the tail up.
fn erfc_tail(x: f64) -> f64 {
    let fraction = (1..100).rev().fold(x, |below, k| x + f64::from(k) / 2.0 / below);
    (-x * x).exp() / (PI.sqrt() * fraction)
}

/// The error function.
pub fn erf(x: f64) -> f64 {
    match x {
        x if x < -2.0 => erfc_tail(-x) - 1.0,
        x if x > 2.0 => 1.0 - erfc_tail(x),
        x => erf_series(x),
    }
}

/// Standard normal distribution function, with full relative precision in both tails.
pub fn normal_cdf(x: f64) -> f64 {
    let a = x * FRAC_1_SQRT_2;
    match a {
        a if a < -2.0 => 0.5 * erfc_tail(-a),
        a if a > 2.0 => 1.0 - 0.5 * erfc_tail(a),
        a => 0.5 + 0.5 * erf_series(a),
    }
}

/// ln Φ(−x) for x ≥ 0.
fn log_tail(x: f64) -> f64 {
    match x < 30.0 {
        true => normal_cdf(-x).ln(),
        false => -0.5 * x * x - (x * (2.0 * PI).sqrt()).ln() + (-1.0 / (x * x)).ln_1p(),
    }
}

/// The least δ with P(A) ≤ e^ε Q(A) + δ for every A, P and Q normal laws of one covariance σ² I whose means are
/// `shift` σ apart, in either order:
///
/// δ(ε) = Φ(s/2 − ε/s) − e^ε Φ(−s/2 − ε/s)
///
/// (Balle & Wang, ICML 2018, theorem 8). It rises with s and falls with ε.
pub fn gaussian_delta(epsilon: f64, shift: f64) -> f64 {
    match shift {
        0.0 => 0.0,
        s if s.is_finite() => {
            let far = s / 2.0 + epsilon / s;
            (normal_cdf(s / 2.0 - epsilon / s) - (epsilon + log_tail(far)).exp()).max(0.0)
        }
        _ => 1.0,
    }
}

/// The least ε at which [`gaussian_delta`] of this shift is at most `delta`, 0 < δ < 1, from above.
pub fn gaussian_epsilon(delta: f64, shift: f64) -> f64 {
    let fits = |epsilon: f64| gaussian_delta(epsilon, shift) <= delta;
    if fits(0.0) {
        return 0.0;
    }
    // Both of Φ's arguments are then so low that δ(ε) is below any delta.
    let high = shift * (shift / 2.0 + (2.0 * (1.0 / delta).ln()).sqrt());
    if high.is_finite() { crossing(0.0, high, fits) } else { f64::INFINITY }
}

/// The largest shift whose [`gaussian_delta`] is at most `delta`, 0 < δ < 1, from below.
pub fn gaussian_shift(epsilon: f64, delta: f64) -> f64 {
    let beyond = |shift: f64| gaussian_delta(epsilon, shift) > delta;
    let mut high = 1.0;
    while !beyond(high) {
        high *= 2.0;
    }
    // The last that is not beyond.
    let at = crossing(0.0, high, beyond);
    at * (1.0 - 1e-12)
}

/// Where `holds`, false at `low` and true at `high`, becomes true; it holds there.
fn crossing(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        match holds(middle) {
            true => high = middle,
            false => low = middle,
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erf_has_its_table_values() {
        // Abramowitz & Stegun, table 7.1, and DLMF 7.2 for the tail.
        for (x, want) in [
            (0.0, 0.0),
            (0.5, 0.520_499_877_813_046_5),
            (1.0, 0.842_700_792_949_714_9),
            (2.0, 0.995_322_265_018_952_7),
            (3.0, 0.999_977_909_503_001_4),
        ] {
            assert!((erf(x) - want).abs() < 1e-12 && (erf(-x) + want).abs() < 1e-12, "erf({x}) = {}", erf(x));
        }
    }

    /// Values of Φ to 16 digits from mpmath.
    #[test]
    fn normal_cdf_matches_tables() {
        let table = [
            (0.0, 0.5),
            (0.1, 0.539_827_837_277_029),
            (1.0, 0.841_344_746_068_543),
            (-2.5, 6.209_665_325_776_135e-3),
            (-3.0, 1.349_898_031_630_094_5e-3),
            (3.5, 0.999_767_370_920_964_5),
            (-6.0, 9.865_876_450_376_98e-10),
            (-12.0, 1.776_482_112_077_679e-33),
        ];
        for (x, want) in table {
            assert!((normal_cdf(x) / want - 1.0).abs() < 1e-13, "Phi({x}) = {:e}", normal_cdf(x));
        }
    }

    #[test]
    fn two_shifted_normal_laws_are_apart_by_the_integral_of_their_difference() {
        for (epsilon, shift) in [(0.0, 1.0), (0.5, 0.7), (1.0, 2.0), (3.0, 1.5)] {
            let density = |x: f64| (-x * x / 2.0f64).exp() / (2.0 * PI).sqrt();
            let over = |x: f64| (density(x - shift) - f64::exp(epsilon) * density(x)).max(0.0);
            let integral: f64 = (-100_000..200_000).map(|i| 1e-4 * over(1e-4 * (f64::from(i) + 0.5))).sum();
            let said = gaussian_delta(epsilon, shift);
            assert!((said - integral).abs() < 1e-7, "{epsilon}, {shift}: {said} and {integral}");
            assert!((gaussian_epsilon(said, shift) - epsilon).abs() < 1e-6);
            assert!((gaussian_shift(epsilon, said) - shift).abs() < 1e-6);
            assert!(gaussian_delta(epsilon, gaussian_shift(epsilon, 1e-5)) <= 1e-5);
            assert!(gaussian_delta(gaussian_epsilon(1e-9, shift), shift) <= 1e-9);
        }
        // e^ε is beyond any number.
        assert!((gaussian_delta(1e12, 2e12f64.sqrt()) - 0.5).abs() < 1e-2);
        assert_eq!((gaussian_delta(1.0, 0.0), gaussian_epsilon(1e-5, 0.0)), (0.0, 0.0));
        assert_eq!((gaussian_delta(1.0, f64::INFINITY), gaussian_epsilon(0.1, f64::INFINITY)), (1.0, f64::INFINITY));
    }
}
