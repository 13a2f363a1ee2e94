//! Exact bounds on a rate that was counted, by the incomplete beta function.

/// ln Γ(x) for x > 0 (Lanczos, g = 7, nine terms), to about fifteen digits.
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let t = x + 7.5;
    let sum = TERMS[1..].iter().zip(1..).fold(TERMS[0], |sum, (term, i)| sum + term / (x + f64::from(i)));
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// The regularised incomplete beta function I_x(a, b), by its continued fraction (Lentz).
pub(super) fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    // The fraction converges fast on this side of the mean alone.
    match x < (a + 1.0) / (a + b + 2.0) {
        true => front * fraction(x, a, b) / a,
        false => 1.0 - front * fraction(1.0 - x, b, a) / b,
    }
}

fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |v: f64| if v.abs() < TINY { TINY } else { v };
    let (mut c, mut d) = (1.0, 1.0 / away(1.0 - (a + b) * x / (a + 1.0)));
    let mut h = d;
    for m in 1..500 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut step = 1.0;
        for term in [even, odd] {
            d = 1.0 / away(1.0 + term * d);
            c = away(1.0 + term / c);
            step = c * d;
            h *= step;
        }
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    h
}

/// Where an increasing function of [0, 1] reaches `wanted`, by halving.
fn reaches(wanted: f64, of: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        match of(middle) < wanted {
            true => low = middle,
            false => high = middle,
        }
    }
    0.5 * (low + high)
}

/// Clopper and Pearson's bounds on a rate of which `hits` of `all` were counted, at this confidence (both sides
/// together): exact, never too narrow. `[0, 1]` of no count.
pub fn clopper_pearson(hits: usize, all: usize, confidence: f64) -> [f64; 2] {
    let (k, n, tail) = (hits as f64, all as f64, 0.5 * (1.0 - confidence));
    let low = if hits == 0 { 0.0 } else { reaches(tail, |p| incomplete_beta(p, k, n - k + 1.0)) };
    let high = if hits >= all { 1.0 } else { reaches(1.0 - tail, |p| incomplete_beta(p, k + 1.0, n - k)) };
    [low, high]
}

/// P(at least `hits` of `all`) where each has the chance `rate`.
pub fn at_least(hits: usize, all: usize, rate: f64) -> f64 {
    match hits {
        0 => 1.0,
        _ if hits > all => 0.0,
        _ => incomplete_beta(rate, hits as f64, (all - hits + 1) as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_tables() {
        // scipy.stats.beta.ppf: 0 of 10, 3 of 20, 20 of 20 at 95 %.
        let close = |got: [f64; 2], want: [f64; 2]| {
            assert!((got[0] - want[0]).abs() < 1e-7 && (got[1] - want[1]).abs() < 1e-7, "{got:?} is not {want:?}");
        };
        close(clopper_pearson(0, 10, 0.95), [0.0, 0.308_497_1]);
        close(clopper_pearson(3, 20, 0.95), [0.032_070_9, 0.378_926_8]);
        close(clopper_pearson(20, 20, 0.95), [0.831_566_5, 1.0]);
        assert_eq!(clopper_pearson(0, 0, 0.95), [0.0, 1.0]);
    }

    #[test]
    fn a_tail_of_the_binomial_is_summed() {
        // P(at least 2 of 3 at ¼) = 3·(1/16)·(3/4) + 1/64.
        assert!((at_least(2, 3, 0.25) - (9.0 / 64.0 + 1.0 / 64.0)).abs() < 1e-12);
        assert_eq!((at_least(0, 3, 0.25), at_least(4, 3, 0.25)), (1.0, 0.0));
    }
}
