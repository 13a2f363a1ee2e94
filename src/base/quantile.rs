//! Quantiles of numbers.

/// Between the two nearest values, linearly, as NumPy and PyTorch have it: 0.5 is the median. None of no values.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = share * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (sorted.get(at.floor() as usize)?, sorted.get(at.ceil() as usize)?);
    Some(low + (high - low) * at.fract())
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn values_between_are_on_the_line() {
        let of = |share| quantile(&[3.0, 1.0, 2.0, 5.0], share);
        assert_eq!([of(0.0), of(0.5), of(0.75), of(1.0)], [Some(1.0), Some(2.5), Some(3.5), Some(5.0)]);
        assert_eq!((quantile(&[7.0], 0.3), quantile(&[], 0.5)), (Some(7.0), None));
    }
}
