//! What a forgetting costs beside training all again: records times epochs.

use crate::data::{Dataset, Portion, Shards};
use crate::run::config::Config;

/// How many records each slice of a member has, of those that stay.
pub(super) fn slices(config: &Config, data: &Dataset, stays: &dyn Fn(u32) -> bool) -> Vec<u64> {
    let slices = config.train.slices.map_or(1, |slices| slices.count);
    let mut counts = vec![0u64; slices];
    for (at, record) in (0..).zip(data.who.part(Portion::Train)) {
        if stays(at) {
            counts[Shards::slice(record.key, config.seed, slices)] += 1;
        }
    }
    counts
}

/// Records times epochs: of the stages that begin at step `from` or later, and of all.
pub(super) fn visits(config: &Config, counts: &[u64], from: u64) -> (u64, u64) {
    let (epochs, batch) = (config.train.stage_epochs() as u64, config.train.step_records() as u64);
    let least = counts.iter().position(|count| *count > 0).unwrap_or(0);
    let (mut step, mut again, mut all) = (0, 0, 0);
    for stage in 0..counts.len() {
        let learned = counts[..=stage.max(least)].iter().sum::<u64>();
        all += learned * epochs;
        again += if step >= from { learned * epochs } else { 0 };
        step += learned.div_ceil(batch) * epochs;
    }
    (again, all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[data]\nloader = \"synth\"\nsamples = 8000\n[model]\nlayers = [{type='linear'}]\n\
        [train]\nepochs = 12\nbatch_size = 16\n[ensemble]\nkind = \"sisa\"\nshards = 5\nslices = 5\n";

    /// N (2/3 + 1 / (3 R)) / S for one record, as the paper's analysis has it, counted over every record.
    #[test]
    fn one_deletion_costs_what_the_formula_says() {
        let config: Config = toml::from_str(TEXT).unwrap();
        let data = config.load().unwrap();
        let division = config.whole_ensemble().unwrap().division(config.seed).unwrap().unwrap();
        let mut spent = 0.0;
        for (at, record) in (0..).zip(data.who.part(Portion::Train)).step_by(7) {
            let shard = division.of(record.key);
            let member = config.member(shard);
            let of_shard = |other: u32| division.of(data.who.part(Portion::Train)[other as usize].key) == shard;
            let counts = slices(&member, &data, &|other| other != at && of_shard(other));
            let slice = Shards::slice(record.key, member.seed, 5);
            let start = |stage: usize| counts[..=stage].iter().sum::<u64>().div_ceil(16) * 4;
            spent += visits(&member, &counts, (0..slice).map(start).sum()).0 as f64;
        }
        let (n, asked) = (data.train.len() as f64, data.train.len().div_ceil(7) as f64);
        let formula = 12.0 * n * (2.0 / 3.0 + 1.0 / 15.0) / 5.0;
        assert!((spent / asked / formula - 1.0).abs() < 0.05, "{} beside {formula}", spent / asked);
    }

    /// N (1 − (1 − 1/S)^K) − K records are in the shards that K requests hit.
    #[test]
    fn a_batch_of_requests_hits_what_the_formula_says() {
        let config: Config = toml::from_str(&TEXT.replace("shards = 5", "shards = 20")).unwrap();
        let data = config.load().unwrap();
        let (keys, n) = (data.keys(), data.train.len());
        for (k, seeds) in [(1, 40), (10, 40), (40, 20)] {
            let mut counted = 0.0;
            for seed in 0..seeds {
                let division = Shards { shards: 20, seed, levels: None };
                let shards: Vec<usize> = keys.iter().map(|key| division.of(*key)).collect();
                let asked = (0..k).map(|i| (i * 577 + seed as usize * 131) % n);
                let hit: std::collections::HashSet<usize> = asked.map(|at| shards[at]).collect();
                counted += (shards.iter().filter(|shard| hit.contains(shard)).count() - k) as f64 / seeds as f64;
            }
            let formula = n as f64 * (1.0 - 0.95f64.powi(k as i32)) - k as f64;
            assert!((counted / formula - 1.0).abs() < 0.1, "{k} requests: {counted} beside {formula}");
        }
    }
}
