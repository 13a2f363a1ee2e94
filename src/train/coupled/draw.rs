//! The draws of coupled training and of its coupling: pure functions of seed, step and records (Philox), so that
//! nothing of a generator is stored.

use std::collections::HashSet;

use crate::base::philox::philox;

/// Keep the draws apart from the seed's other uses, and from each other.
const STREAM_BATCH: u32 = 0x636f_7562;
const STREAM_REPLACE: u32 = 0x636f_7572;
const STREAM_COIN: u32 = 0x636f_7563;
const STREAM_SEED: u32 = 0x636f_7573;

fn bits(seed: u64, step: u64, stream: u32, count: u32) -> u64 {
    let words = philox([count, step as u32, stream, (step >> 32) as u32], [seed as u32, (seed >> 32) as u32]);
    (u64::from(words[0]) << 32) | u64::from(words[1])
}

/// Uniform below `n`: 64 random bits times n, so that no value is likelier than another by more than n / 2⁶⁴.
fn below(bits: u64, n: usize) -> usize {
    ((u128::from(bits) * n as u128) >> 64) as usize
}

/// `count` distinct of `records`, every subset alike (Floyd's algorithm: Bentley & Floyd, "A sample of brilliance",
/// CACM 1987); all of them where there are no more.
pub fn batch(records: &[u32], count: usize, seed: u64, step: u64) -> Vec<u32> {
    let (n, count) = (records.len(), count.min(records.len()));
    let mut taken = HashSet::with_capacity(count);
    let mut drawn = Vec::with_capacity(count);
    for (i, top) in (n - count..n).enumerate() {
        let at = below(bits(seed, step, STREAM_BATCH, i as u32), top + 1);
        let at = if taken.insert(at) { at } else { top };
        taken.insert(at);
        drawn.push(records[at]);
    }
    drawn
}

/// `batch` with a record of `retained` in the place of each that `is_gone`, drawn uniformly from those that are not in
/// it. A uniform subset of all records so becomes a uniform subset of the retained ones. There must be as many retained
/// records as the batch has.
pub fn replaced(batch: &[u32], is_gone: impl Fn(u32) -> bool, retained: &[u32], seed: u64, step: u64) -> Vec<u32> {
    let mut there: HashSet<u32> = batch.iter().copied().filter(|record| !is_gone(*record)).collect();
    let mut count = 0;
    let mut other = || {
        loop {
            let record = retained[below(bits(seed, step, STREAM_REPLACE, count), retained.len())];
            count += 1;
            if there.insert(record) {
                return record;
            }
        }
    };
    batch.iter().map(|record| if is_gone(*record) { other() } else { *record }).collect()
}

/// Uniform in (0, 1): what step `step` is accepted or rejected by.
pub fn coin(seed: u64, step: u64) -> f64 {
    ((bits(seed, step, STREAM_COIN, 0) >> 11) as f64 + 0.5) / 2f64.powi(53)
}

/// The seed of request number `request` of a training: what it draws has no counter in common with what was drawn
/// before.
pub fn seed_of(seed: u64, request: u64) -> u64 {
    bits(seed, request, STREAM_SEED, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every subset of 3 of 6 is drawn as often as any other: χ² of 20 cells with 19 degrees of freedom, the 0.1 % and
    /// 99.9 % points.
    #[test]
    fn subsets_are_uniform_and_distinct() {
        let records = [3, 5, 8, 9, 11, 40];
        let gone = |record: u32| record == 8;
        let retained: Vec<u32> = records.into_iter().filter(|r| !gone(*r)).collect();
        let chi2 = |cells: usize, draw: &dyn Fn(u64) -> Vec<u32>| {
            let (runs, mut counts) = (20_000, std::collections::BTreeMap::new());
            for step in 0..runs {
                let mut drawn = draw(step);
                drawn.sort_unstable();
                assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]), "{drawn:?} has one twice");
                *counts.entry(drawn).or_insert(0.0) += 1.0;
            }
            assert_eq!(counts.len(), cells);
            let want = runs as f64 / cells as f64;
            counts.values().map(|c: &f64| (c - want).powi(2) / want).sum::<f64>()
        };
        let whole = chi2(20, &|step| batch(&records, 3, 7, step));
        assert!((5.4..43.8).contains(&whole), "χ² = {whole}");
        // 10 subsets of the five that stay: 9 degrees of freedom.
        let left = chi2(10, &|step| replaced(&batch(&records, 3, 7, step), gone, &retained, 9, step));
        assert!((1.15..27.9).contains(&left), "χ² = {left}");
        assert_eq!(batch(&records, 9, 7, 0).len(), 6);
        assert!((0..1000).map(|s| coin(1, s)).all(|u| u > 0.0 && u < 1.0));
    }
}
