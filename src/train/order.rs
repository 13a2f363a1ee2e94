//! The order of an epoch: a function of (seed, epoch) alone.

use crate::base::philox::philox;

/// Stream numbers keep the uses of one seed apart.
const STREAM_ORDER: u32 = 0x6f72_6465;

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
