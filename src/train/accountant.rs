//! What noisy training has spent of privacy: Rényi differential privacy of the sampled Gaussian mechanism, and its
//! conversion to (ε, δ).

/// What a number of noisy steps comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spent {
    /// ε at the asked δ.
    pub epsilon: f64,
    /// The order at which ε is least.
    pub order: f64,
}

/// The orders that Opacus 1.5 looks at: 1.1, 1.2 … 10.9, 12, 13 … 63.
fn orders() -> impl Iterator<Item = f64> {
    (1..100).map(|x| 1.0 + f64::from(x) / 10.0).chain((12..64).map(f64::from))
}

/// ε at `delta` after `steps` releases of a sum of records clipped to norm 1 with noise N(0, sigma²), each record
/// taking part in each with probability `rate`. Neighbours differ by one record that is there or not. The least over
/// the orders α of
///
/// steps · ρ(α) − (ln δ + ln α) / (α − 1) + ln((α − 1) / α)
///
/// (Balle, Barthe, Gaboardi, Hsu & Sato, AISTATS 2020, theorem 21), not below 0. Infinite where sigma is 0.
pub fn epsilon(rate: f64, sigma: f64, steps: u64, delta: f64) -> Spent {
    let at = |order: f64| {
        let converted = -(delta.ln() + order.ln()) / (order - 1.0) + ((order - 1.0) / order).ln();
        Spent { epsilon: steps as f64 * renyi(rate, sigma, order) + converted, order }
    };
    let least = orders().map(at).min_by(|a, b| a.epsilon.total_cmp(&b.epsilon));
    let least = least.unwrap_or(Spent { epsilon: f64::INFINITY, order: f64::NAN });
    Spent { epsilon: least.epsilon.max(0.0), ..least }
}

/// Points of the integral in the smaller of sigma and sigma².
const POINTS: f64 = 16.0;

/// Standard deviations beyond which the integrand is nothing.
const REACH: f64 = 12.0;

/// ρ(order) of one step: ln A / (order − 1) with
///
/// A = E[(1 − q + q e^u)^order], u = (2z − 1) / (2 sigma²), z ~ N(0, sigma²)
///
/// (Mironov, Talwar & Zhang 2019, arXiv 1908.10530, equation 5: this direction is the larger of the two, theorem 5).
/// One integral serves whole orders and fractions. Its branch points lie π sigma² off the real line, so that the
/// trapezoid rule with steps of sigma² / 16 errs by e^(−32 π²).
pub fn renyi(rate: f64, sigma: f64, order: f64) -> f64 {
    if rate == 0.0 {
        return 0.0;
    }
    if sigma == 0.0 {
        return f64::INFINITY;
    }
    if rate >= 1.0 {
        return order / (2.0 * sigma * sigma);
    }
    let step = sigma.min(sigma * sigma) / POINTS;
    // The integrand is largest between 0, where the density is, and `order`, to where the power moves it.
    let (from, to) = (-REACH * sigma, order + REACH * sigma);
    let points = ((to - from) / step).ceil() as u64;
    let zs = (0..=points).map(|i| from + i as f64 * step);
    let weight = (step / (sigma * std::f64::consts::TAU.sqrt())).ln();
    let terms = zs.map(|z| (order * log_ratio(rate, sigma, z), weight - z * z / (2.0 * sigma * sigma)));
    log_moment(terms) / (order - 1.0)
}

/// ln(1 − q + q e^u).
fn log_ratio(rate: f64, sigma: f64, z: f64) -> f64 {
    let u = (2.0 * z - 1.0) / (2.0 * sigma * sigma);
    if u > 0.0 { u + (rate + (1.0 - rate) * (-u).exp()).ln() } else { (rate * u.exp_m1()).ln_1p() }
}

/// ln Σ e^(value + weight), where the weights' own sum is 1. Near 0 it is summed as an excess over 1, which keeps its
/// digits.
fn log_moment(terms: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let top = terms.clone().map(|(value, weight)| value + weight).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = terms.clone().map(|(value, weight)| (value + weight - top).exp()).sum();
    let whole = top + sum.ln();
    match whole < 1e-2 {
        true => terms.map(excess).sum::<f64>().max(0.0).ln_1p(),
        false => whole,
    }
}

/// (e^value − 1) e^weight; the factors of a large value alone would overflow.
fn excess((value, weight): (f64, f64)) -> f64 {
    if value > 30.0 { (value + weight).exp() } else { value.exp_m1() * weight.exp() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 3.3 of the paper: for a whole order A = Σ_k C(order, k) (1 − q)^(order − k) q^k e^((k² − k) / (2
    /// sigma²)).
    #[test]
    fn whole_orders_are_the_papers_sum() {
        for (rate, sigma) in [(0.01, 1.0), (0.2, 0.7), (0.05, 4.0), (0.5, 2.0), (1e-4, 0.5), (5e-4, 2.0)] {
            for order in [2_u32, 3, 7, 12, 40, 61] {
                let mut binomial = 1.0;
                let mut sum = 0.0;
                for k in 0..=order {
                    let (k, rest) = (f64::from(k), f64::from(order - k));
                    sum += binomial
                        * (1.0_f64 - rate).powf(rest)
                        * rate.powf(k)
                        * ((k * k - k) / (2.0 * sigma * sigma)).exp();
                    binomial *= rest / (k + 1.0);
                }
                let (got, want) = (renyi(rate, sigma, f64::from(order)), sum.ln() / (f64::from(order) - 1.0));
                // The sum itself loses digits where it is 1 and a little.
                assert!(
                    (got - want).abs() <= 1e-9 * want + 2e-16 * f64::from(order),
                    "{rate} {sigma} {order}: {got} {want}"
                );
            }
        }
    }

    #[test]
    fn the_ends_are_known() {
        assert_eq!(renyi(0.0, 1.0, 2.5), 0.0);
        assert_eq!(renyi(1.0, 2.0, 3.0), 3.0 / 8.0);
        assert_eq!(epsilon(0.1, 0.0, 5, 1e-5).epsilon, f64::INFINITY);
        // More steps, more of the data in each, less noise: more is spent.
        let base = epsilon(0.02, 1.1, 500, 1e-5).epsilon;
        for more in [epsilon(0.02, 1.1, 600, 1e-5), epsilon(0.03, 1.1, 500, 1e-5), epsilon(0.02, 1.0, 500, 1e-5)] {
            assert!(more.epsilon > base);
        }
        // A rate of nearly 1 spends what 1 does.
        assert!((renyi(1.0 - 1e-9, 1.3, 4.5) / renyi(1.0, 1.3, 4.5) - 1.0).abs() < 1e-6);
    }
}
