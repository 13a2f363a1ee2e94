//! Whether a chain is what was written: every line, every link, every signature.

use std::collections::BTreeMap;

use super::entry::{Entry, Head, NONE};
use super::keys::PublicKey;
use crate::base::{at_once, seconds_of};
use crate::error::Result;

/// Where a text begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the first entry of a chain.
    Whole,
    /// With any entry: a slice of a chain. Nothing is said about what came before.
    Slice,
    /// With the first entry, and this head, which somebody has kept, must be in it.
    Known(Head),
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Lines that are entries.
    pub entries: u64,
    /// The last of them.
    pub head: Option<Head>,
    /// The public key that the first entry names, in hexadecimal, where it names one.
    pub named: Option<String>,
    /// What cannot be in a chain that nobody changed, each a sentence that names the line.
    pub faults: Vec<String>,
    /// What is odd and allowed: a clock that went back, a last line that was never finished.
    pub notes: Vec<String>,
}

impl Verdict {
    /// Whether nothing was changed.
    pub fn holds(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Checks the text of a chain. Signatures are held against the trusted keys; without any, against the key that the
/// first entry names, which shows only that one hand wrote all of it, and a note says so.
pub fn check(text: &[u8], trusted: &[PublicKey], start: &Start) -> Verdict {
    let mut verdict = Verdict { entries: 0, head: None, named: None, faults: vec![], notes: vec![] };
    let mut lines: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').collect();
    if lines.last().is_some_and(|last| !last.ends_with(b"\n")) {
        let number = lines.len();
        verdict.notes.push(format!("line {number} was never finished; the next writer cuts it off"));
        lines.pop();
    }
    let mut entries = Vec::new();
    for (entry, faults) in by_pieces(&lines, |at, line| read(&line[..line.len() - 1], at + 1)) {
        entries.extend(entry);
        verdict.faults.extend(faults);
    }
    links(&entries, *start == Start::Slice, &mut verdict);
    let named = entries.first().and_then(|(_, first)| first.body["public_key"].as_str());
    verdict.named = named.map(str::to_owned);
    signatures(&entries, trusted, &mut verdict);
    if let Start::Known(head) = start {
        known(&entries, head, &mut verdict);
    }
    verdict.entries = entries.len() as u64;
    verdict.head = entries.last().map(|(_, last)| last.head());
    verdict
}

/// What each of many gives, in their order, on all cores.
fn by_pieces<T: Sync, R: Send>(all: &[T], of: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    const PIECE: usize = 256;
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get());
    let pieces: Vec<&[T]> = all.chunks(PIECE).collect();
    let one = |at: usize| pieces[at].iter().enumerate().map(|(within, item)| of(at * PIECE + within, item)).collect();
    let found: Result<Vec<Vec<R>>> = at_once(pieces.len(), workers, || Ok(()), |(), at| Ok(one(at)));
    match found {
        Ok(found) => found.into_iter().flatten().collect(),
        // A piece that is missing would be a line that nobody looked at.
        Err(_) => all.iter().enumerate().map(|(at, item)| of(at, item)).collect(),
    }
}

/// The entry of a line whose bytes are the only ones that it has, and what is wrong with it.
fn read(line: &[u8], number: usize) -> (Option<(usize, Entry)>, Vec<String>) {
    let entry: Entry = match serde_json::from_slice(line) {
        Ok(entry) => entry,
        Err(e) => return (None, vec![format!("line {number} is no entry: {e}")]),
    };
    let (seq, mut faults) = (entry.seq, Vec::new());
    if entry.line().map_or(true, |own| own != line) {
        faults.push(format!("line {number} (entry {seq}) is not in canonical form: it was written by something else"));
    }
    if entry.hash_of().map_or(true, |hash| hash != entry.hash) {
        faults.push(format!("line {number} (entry {seq}) was edited: its hash is not that of what it says"));
    }
    if seconds_of(&entry.at).is_none() {
        faults.push(format!("line {number} (entry {seq}) has no time: `{}`", entry.at));
    }
    (Some((number, entry)), faults)
}

/// Numbers, hashes and times, each against the line before.
fn links(entries: &[(usize, Entry)], slice: bool, verdict: &mut Verdict) {
    match entries.first() {
        None => verdict.faults.push("there is no entry".to_owned()),
        Some((line, first)) if !slice && (first.seq, first.prev.as_str()) != (1, NONE) => {
            let seq = first.seq;
            verdict
                .faults
                .push(format!("line {line} is entry {seq}, not the first of a chain: lines before it were removed"));
        }
        Some(_) => {}
    }
    for pair in entries.windows(2) {
        let ((_, before), (line, entry)) = (&pair[0], &pair[1]);
        let (seq, last) = (entry.seq, before.seq);
        if seq > last + 1 {
            verdict
                .faults
                .push(format!("line {line} is entry {seq} after entry {last}: {} removed", lines(seq - last - 1)));
        } else if seq <= last {
            verdict.faults.push(format!("line {line} is entry {seq} after entry {last}: lines were swapped or added"));
        } else if entry.prev != before.hash {
            verdict.faults.push(format!("line {line} (entry {seq}) does not follow entry {last}: that was replaced"));
        }
        // Texts of one form: their order is that of the times.
        if entry.at < before.at {
            let (at, then) = (&entry.at, &before.at);
            verdict.notes.push(format!("the clock went back before entry {seq}, to {at} after {then}"));
        }
    }
}

fn lines(count: u64) -> String {
    if count == 1 { "a line was".to_owned() } else { format!("{count} lines were") }
}

/// Signatures.
fn signatures(entries: &[(usize, Entry)], trusted: &[PublicKey], verdict: &mut Verdict) {
    let own = verdict.named.as_deref().and_then(|text| PublicKey::from_hex(text).ok());
    let keys: Vec<PublicKey> = if trusted.is_empty() { own.into_iter().collect() } else { trusted.to_vec() };
    if trusted.is_empty() {
        verdict.notes.push(match keys.first() {
            Some(key) => format!("checked with the key that the chain itself names, {}", &key.fingerprint()[..16]),
            None => "no key to check signatures with: give one that you trust".to_owned(),
        });
        if keys.is_empty() {
            verdict.faults.push("the first entry names no public key".to_owned());
            return;
        }
    }
    let signed = by_pieces(entries, |_, (_, entry)| entry.signed_by(&keys));
    for ((line, entry), _) in entries.iter().zip(signed).filter(|(_, signed)| !signed) {
        verdict.faults.push(format!("line {line} (entry {}) is not signed by a trusted key", entry.seq));
    }
}

/// Whether a head that somebody kept is in the chain.
fn known(entries: &[(usize, Entry)], head: &Head, verdict: &mut Verdict) {
    let by_seq: BTreeMap<u64, &str> = entries.iter().map(|(_, entry)| (entry.seq, entry.hash.as_str())).collect();
    let last = by_seq.keys().next_back().copied().unwrap_or(0);
    match by_seq.get(&head.seq) {
        Some(hash) if *hash == head.hash => {}
        Some(_) => verdict.faults.push(format!("entry {} is another than the one whose head was kept", head.seq)),
        None => verdict.faults.push(format!(
            "the chain ends at entry {last}, and a head of entry {} was kept: an older chain was put in its place",
            head.seq
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Chain, Keys};
    use serde_json::json;

    struct Made {
        text: String,
        key: PublicKey,
        head: Head,
    }

    fn made() -> Made {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::create(&dir.path().join("keys")).unwrap();
        let path = dir.path().join("ledger.jsonl");
        let mut chain = Chain::create(&path, &keys, json!({})).unwrap();
        for n in 0..5 {
            chain.append("request.received", json!({"n": n, "x": 0.5})).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        Made { text, key: keys.public(), head: chain.head().unwrap() }
    }

    fn faults(text: &str, made: &Made) -> Vec<String> {
        check(text.as_bytes(), &[made.key], &Start::Known(made.head.clone())).faults
    }

    #[test]
    fn what_nobody_changed_holds() {
        let made = made();
        assert_eq!(faults(&made.text, &made), Vec::<String>::new());
        let own = check(made.text.as_bytes(), &[], &Start::Whole);
        assert!(own.holds() && own.notes.iter().any(|note| note.contains("itself names")), "{own:?}");
        let slice: String = made.text.split_inclusive('\n').skip(2).take(2).collect();
        assert!(check(slice.as_bytes(), &[made.key], &Start::Slice).holds());
        assert!(!check(slice.as_bytes(), &[made.key], &Start::Whole).holds());
    }

    #[test]
    fn each_way_of_changing_it_is_named() {
        let made = made();
        let lines: Vec<&str> = made.text.split_inclusive('\n').collect();
        let text = |order: &[usize]| order.iter().map(|at| lines[*at]).collect::<String>();
        let one = |text: &str, word: &str| {
            let found = faults(text, &made);
            assert!(found.iter().any(|fault| fault.contains(word)), "{word}: {found:?}");
        };
        one(&text(&[0, 1, 3, 4, 5]), "line 3 is entry 4 after entry 2: a line was removed");
        one(&text(&[1, 2, 3, 4, 5]), "lines before it were removed");
        one(&text(&[0, 1, 3, 2, 4, 5]), "swapped or added");
        one(&text(&[0, 1, 1, 2, 3, 4, 5]), "swapped or added");
        one(&text(&[0, 1, 2]), "an older chain was put in its place");
        one(&made.text.replace("\"n\":3", "\"n\":7"), "line 5 (entry 5) was edited");
        one(&made.text.replace("\"n\":3", "\"n\": 3"), "canonical");
        one(&made.text.replace("\"x\":0.5", "\"x\":0.50"), "canonical");
        one("", "no entry");
        // Written anew from an entry on, by another key: whole in itself.
        let other = self::made();
        one(&other.text, "not signed by a trusted key");
        let kept = check(other.text.as_bytes(), &[], &Start::Known(made.head.clone())).faults;
        assert!(kept.iter().any(|fault| fault.contains("another than the one whose head was kept")), "{kept:?}");
    }

    #[test]
    fn a_clock_that_goes_back_is_noted_and_no_fault() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::create(dir.path()).unwrap();
        let at = |time: &str| format!("2026-11-29T{time}Z");
        let first = Entry::sign(&keys, None, at("10:00:00"), "a.b", json!({})).unwrap();
        let next = Entry::sign(&keys, Some(&first.head()), at("09:59:59"), "a.b", json!({})).unwrap();
        let text = [first.line().unwrap(), next.line().unwrap(), vec![]].join(&b'\n');
        let verdict = check(&text, &[keys.public()], &Start::Whole);
        assert_eq!((verdict.faults.len(), verdict.notes.len()), (0, 1), "{verdict:?}");
        assert!(verdict.notes[0].contains("the clock went back before entry 2"));
    }

    #[test]
    fn every_single_byte_counts() {
        let made = made();
        for at in 0..made.text.len() {
            let mut bytes = made.text.clone().into_bytes();
            bytes[at] ^= 1;
            let verdict = check(&bytes, &[made.key], &Start::Known(made.head.clone()));
            assert!(!verdict.holds(), "byte {at} of {:?}", made.text);
        }
    }
}
