//! Small seeded damage to bytes: what disks, editors and people with bad intentions do to files.

/// SplitMix64.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// Numbers at which counts and sizes turn over.
const WHOLE: [u64; 14] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

/// The same in texts, with what else stands where a number or a name should.
const WORDS: [&[u8]; 30] = [
    b"0",
    b"-1",
    b"1",
    b"255",
    b"65536",
    b"2147483648",
    b"4294967295",
    b"9223372036854775807",
    b"9223372036854775808",
    b"18446744073709551616",
    b"1e39",
    b"1e-46",
    b"1e999",
    b"nan",
    b"-inf",
    b"0.5",
    b"\"",
    b"'",
    b",",
    b"\n",
    b"\r\n",
    b"[",
    b"{",
    b"}",
    b"]",
    b"null",
    b"true",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    "\u{1f600}".as_bytes(),
];

/// `seed` with one to four wounds.
pub fn mutate(seed: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..1 + rng.below(4) {
        wound(&mut bytes, rng);
        bytes.truncate(1 << 20);
    }
    bytes
}

fn wound(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let at = rng.below(bytes.len() + 1);
    let end = (at + 1 + rng.below(16)).min(bytes.len());
    match rng.below(10) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at.min(end)..end)),
        2 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
        3 if at < bytes.len() => bytes[at] = rng.next() as u8,
        4 => {
            let again = bytes[at.min(end)..end].repeat(1 + rng.below(40));
            drop(bytes.splice(at..at, again));
        }
        5 => {
            let number = rng.pick(&WHOLE.each_ref()).wrapping_add(rng.below(3) as u64).to_le_bytes();
            put(bytes, at, &number[..[1, 2, 4, 8][rng.below(4)]]);
        }
        6 => {
            let number = rng.pick(&WHOLE.each_ref()).wrapping_sub(rng.below(3) as u64).to_be_bytes();
            put(bytes, at, &number[8 - [1, 2, 4, 8][rng.below(4)]..]);
        }
        7 => drop(bytes.splice(at..at, rng.pick(&WORDS).iter().copied())),
        8 => word(bytes, at, rng),
        _ => {
            let from = rng.below(bytes.len() + 1);
            let piece = bytes[from..(from + rng.below(64)).min(bytes.len())].to_vec();
            put(bytes, at, &piece);
        }
    }
}

/// Writes over what is there.
fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    for (old, new) in bytes.iter_mut().skip(at).zip(new) {
        *old = *new;
    }
}

/// Puts another word in the place of the one at `at`.
fn word(bytes: &mut Vec<u8>, at: usize, rng: &mut Rng) {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.+-".contains(byte);
    let start = bytes[..at].iter().rposition(|byte| !part(byte)).map_or(0, |before| before + 1);
    let length = bytes[start..].iter().take_while(|byte| part(byte)).count();
    bytes.splice(start..start + length, rng.pick(&WORDS).iter().copied());
}
