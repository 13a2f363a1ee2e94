//! Settings are numbers of 64 bits, the engine computes with 32.

/// Whether a number stays one in 32 bits: 0 itself, or neither infinite nor so small that adapters take it for 0.
pub fn single(value: f64) -> bool {
    value == 0.0 || (value as f32).is_normal()
}

#[cfg(test)]
mod tests {
    use super::single;

    #[test]
    fn what_32_bits_cannot_hold_is_told() {
        assert!([0.0, -1.5, 1e-37, 3e38].into_iter().all(single));
        assert!(![1e-46, 1e-40, 1e39, f64::INFINITY, f64::NAN].into_iter().any(single));
    }
}
