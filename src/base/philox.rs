//! Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) on the host, word for word
//! what `shaders/shared/philox.wgsl` computes: a random number is a pure function of its counter and key.

/// Four random words of a counter under a key.
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let (mut c, mut k) = (counter, key);
    for _ in 0..10 {
        let p0 = 0xd251_1f53_u64 * u64::from(c[0]);
        let p1 = 0xcd9e_8d57_u64 * u64::from(c[2]);
        c = [(p1 >> 32) as u32 ^ c[1] ^ k[0], p1 as u32, (p0 >> 32) as u32 ^ c[3] ^ k[1], p0 as u32];
        k = [k[0].wrapping_add(0x9e37_79b9), k[1].wrapping_add(0xbb67_ae85)];
    }
    c
}

/// Uniform in [0, 1) from the top 24 bits: exact in f32, so host and device agree bit for bit.
pub fn unit(word: u32) -> f32 {
    (word >> 8) as f32 / 16_777_216.0
}

/// Four independent standard normal numbers (Box & Muller, "A note on the generation of random normal deviates", 1958):
/// words 0, 1 give two, words 2, 3 the others. Each word counts with its top 24 bits, so |z| < 5.8.
pub fn normal(words: [u32; 4]) -> [f64; 4] {
    let pair = |radius: u32, angle: u32| {
        let u = f64::from((radius >> 8) + 1) / 16_777_216.0;
        let turn = std::f64::consts::TAU * f64::from(angle >> 8) / 16_777_216.0;
        let r = (-2.0 * u.ln()).sqrt();
        [r * turn.cos(), r * turn.sin()]
    };
    let ([a, b], [c, d]) = (pair(words[0], words[1]), pair(words[2], words[3]));
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random123's `kat_vectors`, philox4x32 with 10 rounds.
    #[test]
    fn known_answers() {
        let ones = u32::MAX;
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([ones; 4], [ones; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn unit_stays_below_one() {
        assert_eq!(unit(0), 0.0);
        assert_eq!(unit(u32::MAX), 1.0 - 1.0 / 16_777_216.0);
    }

    #[test]
    fn normal_has_the_moments_of_a_normal() {
        let n = 40_000;
        let z: Vec<f64> = (0..n / 4).flat_map(|i| normal(philox([i, 0, 0, 0], [7, 9]))).collect();
        let moment = |k: i32| z.iter().map(|v| v.powi(k)).sum::<f64>() / f64::from(n);
        // Five standard errors of each sample moment.
        for (k, want, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
            let error = 5.0 * f64::sqrt(variance / f64::from(n));
            assert!((moment(k) - want).abs() < error, "moment {k} is {}", moment(k));
        }
        // Neighbours, which share a radius or follow in the stream, are uncorrelated.
        for lag in 1..5 {
            let r = z.iter().zip(&z[lag..]).map(|(a, b)| a * b).sum::<f64>() / f64::from(n);
            assert!(r.abs() < 5.0 / f64::from(n).sqrt(), "lag {lag}: {r}");
        }
    }
}
