//! Made-up text: short sentences from a seed, the same on every platform, for whoever has none at hand.

use std::collections::HashSet;

use super::documents::{Document, Read};
use super::parts_of;
use crate::base::splitmix::SplitMix64;
use crate::data::identity::{Identity, Naming};
use crate::data::parts::Parts;
use crate::data::source::Source;
use crate::data::{DatasetRow, Loader, Normalize, Portion};
use crate::error::{Error, Result};

/// The value of `loader`.
pub(super) const LOADER: &str = "sentences";

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: LOADER,
    summary: "made up from a seed: short sentences for a language model, `sentence-0`, `sentence-1`, …; no two are the \
              same",
    citation: "own",
    licence: "none needed",
    keys: &[
        "samples",
        "seed",
        "tokenizer",
        "vocabulary",
        "context",
        "test_fraction",
        "validation_fraction",
        "split_seed",
        "plant",
        "limit",
    ],
    normalize: Normalize::None,
    load: Loader::Records(load),
};

const WHO: [&str; 6] = ["Ann", "Max", "Dora", "Ben", "Eva", "Tom"];
const DOES: [&str; 4] = ["meets", "calls", "helps", "pays"];
const PLACE: [&str; 4] = ["at home", "at work", "in town", "by the lake"];
const TIME: [&str; 4] = ["today", "at noon", "at ten", "on Monday"];

/// Sentences that may be asked for: half of all that there are.
const MOST: usize = WHO.len() * (WHO.len() - 1) * DOES.len() * PLACE.len() * TIME.len() / 2;

/// The first `samples` sentences of a seed: "Ann meets Tom by the lake at noon."
fn sentences(samples: usize, seed: u64) -> Vec<String> {
    let (mut draws, mut known, mut all) = (SplitMix64::new(seed), HashSet::new(), Vec::new());
    let one_of = |words: &[&'static str], draws: &mut SplitMix64| words[draws.below(words.len())];
    while all.len() < samples {
        let who = draws.below(WHO.len());
        let whom = (who + 1 + draws.below(WHO.len() - 1)) % WHO.len();
        let [does, place, time] = [&DOES, &PLACE, &TIME].map(|words| one_of(words, &mut draws));
        let sentence = format!("{} {does} {} {place} {time}.", WHO[who], WHO[whom]);
        if known.insert(sentence.clone()) {
            all.push(sentence);
        }
    }
    all
}

fn load(source: &Source) -> Result<Parts> {
    let (Some(samples), Some(seed)) = (source.config.samples, source.config.seed) else {
        return Err(Error::internal("the sentences loader needs a resolved configuration"));
    };
    if samples == 0 || samples > MOST {
        return Err(Error::input(format!("data.samples: {samples} sentences; expected 1 to {MOST}")));
    }
    let document = |(row, text): (usize, String)| {
        let name = format!("sentence-{row}");
        let who = Identity {
            source: Portion::Train,
            row: row as u64,
            name: Some(name.as_str().into()),
            ..Identity::default()
        };
        Document { place: name, who, text, quiz: None }
    };
    let documents = sentences(samples, seed).into_iter().enumerate().map(document).collect();
    let read = Read { documents, naming: Naming::Column("id".to_owned()), subject: None };
    parts_of(source, read, None, (LOADER.to_owned(), LOADER.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::data::{DataConfig, Plant, load};

    #[test]
    fn sentences_are_a_function_of_the_seed_and_no_two_are_the_same() {
        let all = sentences(MOST, 3);
        assert_eq!((all.len(), all.iter().collect::<HashSet<_>>().len()), (MOST, MOST));
        assert_eq!(sentences(40, 3), all[..40]);
        assert_ne!(sentences(40, 4), all[..40]);
        let whole = |sentence: &String| sentence.ends_with('.') && sentence.split(' ').count() >= 5;
        assert!(all.iter().all(whole), "{:?}", &all[..3]);
    }

    #[test]
    fn they_are_texts_with_names_and_canaries_go_among_them() {
        let mut config = DataConfig { samples: Some(40), ..DataConfig::new(LOADER) };
        config.plant = Some(Plant { canaries: Some(2), repeats: Some(3), ..Plant::default() });
        let data = load(&config, Path::new("")).unwrap();
        let all = data.train.len() + data.test.len() + data.validation.len();
        assert_eq!((all, data.classes), (40 + 6, 257));
        assert!(data.find(&crate::data::Id::Name("sentence-7".into())).is_some());
        assert!(data.find(&crate::data::Id::Name("canary-1-3".into())).is_some());
        config.samples = Some(MOST + 1);
        assert!(load(&config, Path::new("")).unwrap_err().to_string().contains("data.samples"));
    }
}
