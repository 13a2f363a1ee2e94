//! The order of an epoch: a function of (seed, epoch) alone.

use serde::{Deserialize, Serialize};

use crate::base::philox::philox;

/// Stream numbers keep the uses of one seed apart.
const STREAM_ORDER: u32 = 0x6f72_6465;
const STREAM_KEYED: u32 = 0x6b65_7965;

/// How the records of an epoch are put in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Shuffled anew in each epoch: with a record more or less, all batches are others.
    #[default]
    Shuffled,
    /// By a random number that each record has of itself in each epoch: without a record, the others follow one another
    /// as before, so that batches before its own stay what they were. What `replay` saves anything with.
    Keyed,
}

/// `indices` in the order of numbers that depend on (seed, epoch, stream) and on each record's own key, `keys[index]`.
pub(crate) fn keyed(indices: &[u32], keys: &[u64], seed: u64, epoch: u64, stream: u32) -> Vec<u32> {
    let number = |index: u32| {
        let key = keys[index as usize];
        let at = [key as u32, (key >> 32) as u32, epoch as u32, STREAM_KEYED ^ stream];
        let words = philox(at, [seed as u32, (seed >> 32) as u32]);
        (u64::from(words[0]) << 32) | u64::from(words[1])
    };
    let mut numbered: Vec<(u64, u32)> = indices.iter().map(|index| (number(*index), *index)).collect();
    // Equal records stay in the order of their file.
    numbered.sort_by_key(|(number, _)| *number);
    numbered.into_iter().map(|(_, index)| index).collect()
}

/// `indices` shuffled by Fisher and Yates with Philox words keyed by (seed, epoch, stream).
pub fn shuffled(indices: &[u32], seed: u64, epoch: u64, stream: u32) -> Vec<u32> {
    let mut order = indices.to_vec();
    for i in (1..order.len()).rev() {
        let words = philox([i as u32, epoch as u32, STREAM_ORDER, stream], [seed as u32, (seed >> 32) as u32]);
        // 64 random bits against at most 2^32 places: the bias is below 2^-32.
        let wide = (u64::from(words[0]) << 32) | u64::from(words[1]);
        order.swap(i, (wide % (i as u64 + 1)) as usize);
    }
    order
}
