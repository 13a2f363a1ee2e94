//! By what a record is drawn.

use super::identity::Identity;
use crate::base::splitmix::SplitMix64;

/// A number made of words, by which records are drawn: it depends on the record alone, so that no other record's coming
/// or going moves it to another part.
#[derive(Clone, Copy)]
pub(crate) struct Key(u64);

impl Key {
    /// Of words (FNV-1a over 64-bit words, which [`Key::share`] stirs).
    pub fn of(words: impl IntoIterator<Item = u64>) -> Key {
        let step = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
        Key(words.into_iter().fold(0xcbf2_9ce4_8422_2325, step))
    }

    /// Of a name.
    pub fn of_text(text: &str) -> Key {
        Key::of(text.bytes().map(u64::from))
    }

    /// Of what it is called, if it is called something.
    pub fn named(record: &Identity) -> Option<Key> {
        record.subject.as_deref().or(record.name.as_deref()).map(Key::of_text)
    }

    /// The number itself.
    pub fn number(self) -> u64 {
        self.0
    }

    /// One that was kept as a number.
    pub fn kept(number: u64) -> Key {
        Key(number)
    }

    /// A number in [0, 1) for a seed: a record is drawn where it is below the fraction.
    pub fn share(self, seed: u64) -> f64 {
        let mut stirred = SplitMix64::new(seed);
        let seed = stirred.next();
        SplitMix64::new(self.0 ^ seed).uniform()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_even_and_differ_by_seed() {
        let below = |seed: u64| (0..10_000).filter(|row| Key::of([*row]).share(seed) < 0.25).count();
        assert!((2_350..2_650).contains(&below(0)) && below(0) != below(1), "{} {}", below(0), below(1));
        let both = (0..10_000).filter(|row| Key::of([*row]).share(0) < 0.5 && Key::of([*row]).share(1) < 0.5).count();
        assert!((2_300..2_700).contains(&both), "{both}");
    }
}
