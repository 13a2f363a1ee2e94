//! `tokenizer.json` of Hugging Face's tokenizers: byte-level BPE as GPT-2 has it (Radford et al. 2019). Its merges and
//! its numbers of tokens are taken as they are; other kinds are refused by name.

use std::collections::HashMap;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

/// What a file holds, ready to be used.
#[derive(Debug)]
pub(super) struct Read {
    /// Tokens in the order of their numbers; empty where one was added.
    pub pieces: Vec<String>,
    /// Two tokens and what they make, in the order in which pairs are merged.
    pub merges: Vec<[u32; 3]>,
    /// The token that ends a text.
    pub end: u32,
    /// A text is given a space before it.
    pub space_first: bool,
}

#[derive(Deserialize)]
struct Document {
    model: Model,
    #[serde(default)]
    added_tokens: Vec<Added>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
}

#[derive(Deserialize)]
struct Model {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    vocab: Value,
    #[serde(default)]
    merges: Vec<Merge>,
    #[serde(flatten)]
    others: HashMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    /// `"a b"`.
    Words(String),
    /// `["a", "b"]`.
    Pair([String; 2]),
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
    #[serde(default)]
    special: bool,
}

/// Names of the token that ends a text, where several are special.
const ENDS: [&str; 4] = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>"];

/// What is a token of its own kind in a text: GPT-2's, whose last alternatives leave a space to the word behind it.
const PIECES: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+";

/// Reads a file's text, of `most` tokens at most.
///
/// # Errors
/// What of it is another kind, in words that follow its name.
pub(super) fn read(text: &str, most: usize) -> Result<Read, String> {
    let document: Document = serde_json::from_str(text)
        .map_err(|e| format!("not a tokenizer.json: {e}; expected `model` with its vocabulary"))?;
    check(&document)?;
    let Document { model, added_tokens, pre_tokenizer, .. } = document;
    let vocabulary: HashMap<String, u32> = serde_json::from_value(model.vocab)
        .map_err(|e| format!("its model's `vocab` is no table of tokens and their numbers: {e}"))?;
    let count = vocabulary.values().chain(added_tokens.iter().map(|added| &added.id)).max().map_or(0, |last| last + 1);
    let mut named: Vec<Option<&str>> = vec![None; (count as usize).min(most + 1)];
    let all = vocabulary.iter().map(|(name, id)| (name.as_str(), *id));
    for (name, id) in all.chain(added_tokens.iter().map(|added| (added.content.as_str(), added.id))) {
        match named.get_mut(id as usize).and_then(|place| place.replace(name)) {
            Some(other) if other != name => return Err(format!("`{other}` and `{name}` are both token {id}")),
            _ => {}
        }
    }
    if count as usize > most {
        return Err(format!("it has {count} tokens; expected at most {most}"));
    }
    if let Some(gap) = named.iter().position(Option::is_none) {
        return Err(format!("no token has the number {gap}; expected all of 0 to {}", count.saturating_sub(1)));
    }
    let mut pieces: Vec<String> = named.iter().map(|name| name.unwrap_or_default().to_owned()).collect();
    // What is added says nothing.
    added_tokens.iter().for_each(|added| pieces[added.id as usize].clear());
    let bytes = pieces.iter().map(|piece| bytes_of(piece)).collect::<Result<Vec<_>, _>>()?;
    if let Some(byte) = (0..=u8::MAX).find(|byte| !bytes.iter().any(|token| token[..] == [*byte])) {
        return Err(format!("no token is the byte 0x{byte:02x}; expected one for each of the 256"));
    }
    let merges = merges(&model.merges, &vocabulary)?;
    let end = end(&added_tokens, &vocabulary)?;
    let space_first = pre_tokenizer["add_prefix_space"].as_bool().unwrap_or(true);
    Ok(Read { pieces, merges, end, space_first })
}

/// Refuses what is not GPT-2's kind.
fn check(document: &Document) -> Result<(), String> {
    const READ: &str = "only byte-level BPE is read, GPT-2's kind";
    let kind = document.model.kind.as_deref().unwrap_or("of no type");
    if kind != "BPE" {
        return Err(format!("its model is `{kind}`; {READ}"));
    }
    if !document.normalizer.is_null() {
        let kind = document.normalizer["type"].as_str().unwrap_or("of no type");
        return Err(format!("its normalizer is `{kind}`; {READ}, without one"));
    }
    let before = &document.pre_tokenizer;
    let kind = before["type"].as_str().unwrap_or("none");
    if kind != "ByteLevel" || before["use_regex"].as_bool() == Some(false) {
        let own = if kind == "ByteLevel" { " with a pattern of its own" } else { "" };
        return Err(format!("its pre_tokenizer is `{kind}`{own}; {READ}, with `ByteLevel` and its pattern"));
    }
    let set = |value: &Value| !matches!(value, Value::Null | Value::Bool(false)) && value.as_str() != Some("");
    let strange = ["dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges"];
    match strange.into_iter().find(|key| document.model.others.get(*key).is_some_and(set)) {
        Some(key) => Err(format!("its model has `{key}` = {}; {READ}, without", document.model.others[key])),
        None => Ok(()),
    }
}

fn merges(all: &[Merge], vocabulary: &HashMap<String, u32>) -> Result<Vec<[u32; 3]>, String> {
    let one = |(at, merge): (usize, &Merge)| {
        let pair = match merge {
            Merge::Words(words) => words.split_once(' '),
            Merge::Pair([a, b]) => Some((a.as_str(), b.as_str())),
        };
        let known = |(a, b): (&str, &str)| {
            Some([*vocabulary.get(a)?, *vocabulary.get(b)?, *vocabulary.get(&format!("{a}{b}"))?])
        };
        pair.and_then(known).ok_or_else(|| {
            let shown = pair.map_or_else(String::new, |(a, b)| format!(" `{a} {b}`"));
            format!("merge {at}{shown} is no two tokens of the vocabulary that make a third")
        })
    };
    all.iter().enumerate().map(one).collect()
}

/// The special token that ends a text: the only one, or the one of a known name.
fn end(added: &[Added], vocabulary: &HashMap<String, u32>) -> Result<u32, String> {
    let special: Vec<&Added> = added.iter().filter(|added| added.special).collect();
    let by_name = ENDS.iter().find_map(|name| {
        let added = special.iter().find(|added| added.content == *name).map(|added| added.id);
        added.or_else(|| vocabulary.get(*name).copied())
    });
    match (by_name, &special[..]) {
        (Some(end), _) => Ok(end),
        (None, [only]) => Ok(only.id),
        _ => Err(format!("none of its special tokens ends a text; expected one of {}", ENDS.join(", "))),
    }
}

/// The bytes that GPT-2's printable characters stand for.
pub(super) fn bytes_of(name: &str) -> Result<Vec<u8>, String> {
    let byte = |c: char| match c {
        '!'..='~' | '¡'..='¬' | '®'..='ÿ' => u8::try_from(c).ok(),
        // Bytes that cannot be seen follow each other from 256 on.
        _ => (0..=u8::MAX).filter(|b| !is_seen(*b)).nth((c as usize).checked_sub(256)?),
    };
    let all: Option<Vec<u8>> = name.chars().map(byte).collect();
    all.ok_or_else(|| format!("its token `{name}` is not written in bytes; only byte-level BPE is read, GPT-2's kind"))
}

fn is_seen(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff)
}

/// What cuts texts into [`pieces`].
pub(super) fn pattern() -> Option<Regex> {
    // It is a regular expression: the tests cut by it.
    Regex::new(PIECES).ok()
}

/// What a text is cut into before its bytes are merged.
pub(super) fn pieces<'t>(pattern: &Regex, text: &'t str) -> Vec<&'t str> {
    let mut all = Vec::new();
    let mut from = 0;
    while let Some(found) = pattern.find_at(text, from) {
        let mut to = found.end();
        // Of white space before something the last character is left to it: `\s+(?!\S)`.
        let space = found.as_str().chars().all(char::is_whitespace);
        if space && to < text.len() && found.as_str().chars().nth(1).is_some() {
            to -= found.as_str().chars().next_back().map_or(0, char::len_utf8);
        }
        all.push(&text[from..to]);
        from = to;
    }
    all
}

#[cfg(test)]
mod tests;
