//! Byte pair encoding: the pair of neighbouring tokens that comes most often becomes a token, again and again.

use std::collections::{BTreeMap, HashMap};

/// What a text is cut into before tokens are merged, so that no word piece crosses the border of a word: runs of
/// letters, of digits, of other marks, each with the space before it, and what is left of white space.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let word = rest.strip_prefix(' ').filter(|behind| behind.chars().next().is_some_and(|c| !c.is_whitespace()));
        let from = rest.len() - word.unwrap_or(rest).len();
        let kind = kind(word.and_then(|word| word.chars().next()).unwrap_or(first));
        let len = rest[from..].find(|c| self::kind(c) != kind).map_or(rest.len(), |at| from + at);
        // Of white space before a word the last space is the word's.
        let cut = match kind == Kind::Space && rest[..len].ends_with(' ') && len < rest.len() && len > 1 {
            true => len - 1,
            false => len,
        };
        let (piece, behind) = rest.split_at(cut);
        rest = behind;
        Some(piece)
    })
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Kind {
    Letter,
    Digit,
    Space,
    Other,
}

fn kind(c: char) -> Kind {
    match c {
        _ if c.is_alphabetic() => Kind::Letter,
        _ if c.is_numeric() => Kind::Digit,
        _ if c.is_whitespace() => Kind::Space,
        _ => Kind::Other,
    }
}

/// The first `most` pairs to merge, of pairs that come twice at least; of equally many the one with the lowest tokens.
pub(super) fn learn<'a>(texts: impl Iterator<Item = &'a str>, most: usize) -> Vec<[u32; 2]> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    texts.flat_map(pieces).for_each(|piece| *counts.entry(piece).or_default() += 1);
    let bytes = |piece: &str| piece.bytes().map(u32::from).collect::<Vec<u32>>();
    let mut words: Vec<(Vec<u32>, u64)> = counts.iter().map(|(piece, count)| (bytes(piece), *count)).collect();
    // How often each pair comes, kept up to date: only words with the merged pair are counted anew.
    let mut pairs: HashMap<[u32; 2], u64> = HashMap::new();
    let mut within: HashMap<[u32; 2], Vec<u32>> = HashMap::new();
    for (at, (tokens, count)) in words.iter().enumerate() {
        for pair in neighbours(tokens) {
            *pairs.entry(pair).or_default() += count;
            within.entry(pair).or_default().push(at as u32);
        }
    }
    let mut merges = Vec::new();
    while merges.len() < most {
        let best = pairs
            .iter()
            .filter(|(_, count)| **count > 1)
            .max_by_key(|(pair, count)| (**count, std::cmp::Reverse(**pair)));
        let Some((&pair, _)) = best else { break };
        let token = 256 + merges.len() as u32;
        let mut places = within.remove(&pair).unwrap_or_default();
        places.dedup();
        for at in places {
            let (tokens, count) = &mut words[at as usize];
            if !neighbours(tokens).any(|other| other == pair) {
                continue;
            }
            for old in neighbours(tokens) {
                if let Some(known) = pairs.get_mut(&old) {
                    *known -= *count;
                }
            }
            merge(tokens, pair, token);
            for new in neighbours(tokens) {
                *pairs.entry(new).or_default() += *count;
                if new.contains(&token) {
                    within.entry(new).or_default().push(at);
                }
            }
        }
        pairs.remove(&pair);
        merges.push(pair);
    }
    merges
}

/// Tokens of a piece, given those of its bytes: of the pairs in it the one that was merged first is merged, until none
/// is left. `merges` has which merge each pair is, and the token that it makes.
pub(super) fn encode(mut tokens: Vec<u32>, merges: &HashMap<[u32; 2], (u32, u32)>) -> Vec<u32> {
    loop {
        let first = neighbours(&tokens).filter_map(|pair| Some((*merges.get(&pair)?, pair))).min();
        let Some(((_, token), pair)) = first else { return tokens };
        merge(&mut tokens, pair, token);
    }
}

fn neighbours(tokens: &[u32]) -> impl Iterator<Item = [u32; 2]> {
    tokens.windows(2).map(|pair| [pair[0], pair[1]])
}

/// Puts `token` in the place of each `pair`, from the left.
fn merge(tokens: &mut Vec<u32>, pair: [u32; 2], token: u32) {
    let mut to = 0;
    let mut at = 0;
    while at < tokens.len() {
        let whole = tokens[at..].starts_with(&pair);
        tokens[to] = if whole { token } else { tokens[at] };
        (to, at) = (to + 1, at + 1 + usize::from(whole));
    }
    tokens.truncate(to);
}
