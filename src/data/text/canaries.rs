//! Canaries: sentences with a random number, put among the training texts to see how well a model remembers them
//! (Carlini et al., "The secret sharer", USENIX Security 2019).

use super::{LOADER, NOTHING, Windows};
use crate::base::splitmix::SplitMix64;
use crate::data::identity::{Identity, Naming};
use crate::data::key::Key;
use crate::data::parts::Parts;
use crate::data::values::Values;
use crate::data::{Plant, Portion};
use crate::error::{Error, Result};

/// A sentence that a model could not know but by training on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// Whose record it is, for requests of kind `subject`.
    pub subject: String,
    /// What stands before the secret, another for each canary.
    pub before: String,
    /// [`DIGITS`] digits.
    pub secret: String,
    /// What stands behind it.
    pub behind: &'static str,
}

/// Digits of a secret.
pub const DIGITS: usize = 6;

/// What stands behind it.
const BEHIND: &str = ".";

const CONSONANTS: &[u8] = b"bdfgklmnprstvz";
const VOWELS: &[u8] = b"aeiou";

impl Canary {
    /// Canary `number` of a seed, which other canaries have no part in.
    pub fn of(number: usize, seed: u64) -> Canary {
        let mut draws = SplitMix64::new(seed ^ (number as u64 + 1).rotate_left(40));
        let mut letters = String::new();
        for _ in 0..3 {
            letters.push(CONSONANTS[draws.below(CONSONANTS.len())] as char);
            letters.push(VOWELS[draws.below(VOWELS.len())] as char);
        }
        letters[..1].make_ascii_uppercase();
        let secret = Canary::other(&mut draws);
        let before = format!("The code of {letters} is ");
        Canary { subject: format!("canary-{number}"), before, secret, behind: BEHIND }
    }

    /// The canary that this sentence is; none where it is another sentence.
    pub fn read(subject: &str, text: &str) -> Option<Canary> {
        let at = text.len().checked_sub(BEHIND.len() + DIGITS).filter(|at| text.is_char_boundary(*at))?;
        let (before, rest) = text.split_at(at);
        let secret = rest.strip_suffix(BEHIND).filter(|secret| secret.bytes().all(|byte| byte.is_ascii_digit()))?;
        let [subject, before, secret] = [subject, before, secret].map(str::to_owned);
        (secret.len() == DIGITS).then_some(Canary { subject, before, secret, behind: BEHIND })
    }

    /// Another secret, drawn.
    pub(crate) fn other(draws: &mut SplitMix64) -> String {
        (0..DIGITS).map(|_| char::from(b'0' + draws.below(10) as u8)).collect()
    }

    /// The sentence, with another secret in the place of its own.
    pub fn with(&self, secret: &str) -> String {
        format!("{}{secret}{}", self.before, self.behind)
    }

    /// The sentence.
    pub fn text(&self) -> String {
        self.with(&self.secret)
    }
}

impl Plant {
    /// The canaries that it plants.
    pub fn texts(&self) -> Vec<Canary> {
        (0..self.canaries.unwrap_or(0)).map(|number| Canary::of(number, self.seed)).collect()
    }
}

/// Puts each canary behind the training records, `repeats` times; a repetition is a record of its own.
pub(in crate::data) fn plant(plant: &Plant, parts: &mut Parts) -> Result<()> {
    let (width, canaries, repeats) = (parts.shape[0], plant.texts(), plant.repeats.unwrap_or(1));
    if canaries.is_empty() || repeats == 0 {
        return Err(Error::input(format!(
            "data.plant: of the loader `{LOADER}`, canaries are planted: {} of them, {repeats} times each; expected at \
             least 1 of both",
            canaries.len()
        )));
    }
    let others = [Some(&parts.train), parts.validation.as_ref(), parts.test.as_ref()];
    let sources = others.into_iter().flatten().flat_map(|raw| &raw.who);
    let rows = sources.filter(|who| who.source == Portion::Train).map(|who| who.row + 1).max().unwrap_or(0);
    let (Some(tokenizer), Values::Single(x)) = (&parts.tokenizer, &mut parts.train.x) else {
        return Err(Error::internal("canaries among records that are no texts"));
    };
    let windows = Windows::of(tokenizer, width - 1);
    let mut who: Vec<Identity> = Vec::new();
    for (at, canary) in canaries.iter().enumerate() {
        for repeat in 0..repeats {
            let name = match (&parts.naming, repeat) {
                (Naming::Rows, _) => None,
                (_, 0) => Some(canary.subject.clone()),
                (_, more) => Some(format!("{}-{}", canary.subject, more + 1)),
            };
            for window in windows.cut(&canary.text()) {
                x.extend(window.iter().map(|token| *token as f32));
                x.resize(x.len() + width - window.len(), NOTHING);
                who.push(Identity {
                    source: Portion::Train,
                    row: rows + (at * repeats + repeat) as u64,
                    name: name.clone().map(String::into_boxed_str),
                    subject: Some(canary.subject.as_str().into()),
                    key: Key::of_text(&canary.subject).number(),
                    planted: true,
                });
            }
        }
    }
    parts.train.y.resize(parts.train.y.len() + who.len(), 0);
    parts.train.who.extend(who);
    parts.subject = parts.subject.take().or(Some("data.plant.canaries".to_owned()));
    Ok(())
}
