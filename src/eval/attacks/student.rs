//! Student's t, whose tails say how rare a further retrain with such a value would be.

use super::bounds::incomplete_beta;

/// P(T > t) of so many degrees of freedom.
pub fn above(t: f64, freedom: f64) -> f64 {
    let tail = 0.5 * incomplete_beta(freedom / (freedom + t * t), 0.5 * freedom, 0.5);
    if t >= 0.0 { tail } else { 1.0 - tail }
}

/// The t that is exceeded with this chance, below one half.
pub(super) fn exceeded(chance: f64, freedom: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1e6);
    for _ in 0..200 {
        let middle: f64 = 0.5 * (low + high);
        match above(middle, freedom) > chance {
            true => low = middle,
            false => high = middle,
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_and_quantiles_are_those_of_the_tables() {
        assert!((above(2.776_445_105, 4.0) - 0.025).abs() < 1e-9 && (above(0.0, 7.0) - 0.5).abs() < 1e-12);
        assert!((above(-1.0, 1.0) - 0.75).abs() < 1e-12);
        assert!((exceeded(0.025, 4.0) - 2.776_445_105).abs() < 1e-7);
        assert!((exceeded(0.005, 19.0) - 2.860_934_606).abs() < 1e-7);
    }
}
