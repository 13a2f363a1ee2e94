//! Deletion rates: how likely records are to be deleted, so that those that likely go share few shards (Bourtoule et
//! al., IEEE S&P 2021, sect. VII). A rate is of a record, or of a person, by name. What shards would be filled to by
//! packing depends on every record there is, and one deletion would move others; here a record's rate alone says which
//! shards it may be in, and its key which of them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::Dataset;
use super::identity::Portion;
use super::key::Key;
use crate::base::Digest;
use crate::error::{Error, Result};

/// Records by how likely they are to be deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct Levels {
    /// Level of each key above the lowest.
    of: HashMap<u64, usize>,
    /// First shard of each level, and how many it has.
    shards: Vec<(usize, usize)>,
}

impl Levels {
    /// Reads a CSV with the columns `id` and `rate`: names of records, or of persons where records are of some, and
    /// numbers from 0 to 1; whoever is not in it has the rate 0. A record is of as many levels above the lowest as
    /// there are numbers in `above` (ascending) that its rate is not below; `shards` has the shards of each level.
    ///
    /// # Errors
    /// A file that cannot be read; a line that is no name and rate; a name that is there twice.
    pub fn read(path: &Path, above: &[f64], shards: &[usize]) -> Result<Levels> {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let said = |e: csv::Error| Error::input(format!("{}: {e}; expected lines `id,rate`", path.display()));
        let header = reader.headers().map_err(said)?.clone();
        let column = |name: &str| {
            header.iter().position(|found| found == name).ok_or_else(|| {
                Error::input(format!("{} line 1: there is no column `{name}`; expected `id,rate`", path.display()))
            })
        };
        let (id, rate, mut rates) = (column("id")?, column("rate")?, BTreeMap::new());
        for record in reader.records() {
            let record = record.map_err(said)?;
            let line = record.position().map_or(0, csv::Position::line);
            let fail = |what: String| Err(Error::input(format!("{} line {line}: {what}", path.display())));
            let (name, given) = (&record[id], &record[rate]);
            let Some(number) = given.parse().ok().filter(|rate| (0.0..=1.0).contains(rate)) else {
                return fail(format!("the rate `{given}` is no number from 0 to 1"));
            };
            if rates.insert(name.to_owned(), number).is_some() {
                return fail(format!("`{name}` is there twice"));
            }
        }
        Ok(Levels::of(rates.iter().map(|(name, rate)| (name.as_str(), *rate)), above, shards))
    }

    /// The same from names with rates.
    pub fn of<'a>(rates: impl Iterator<Item = (&'a str, f64)>, above: &[f64], shards: &[usize]) -> Levels {
        let level = |rate: f64| above.iter().filter(|bound| rate >= **bound).count();
        let of = rates.map(|(name, rate)| (Key::of_text(name).number(), level(rate))).filter(|(_, level)| *level > 0);
        let firsts = shards.iter().scan(0, |next, count| {
            *next += count;
            Some((*next - count, *count))
        });
        Levels { of: of.collect(), shards: firsts.collect() }
    }

    /// The first of the shards that a record may be in, and how many they are.
    pub fn shards_of(&self, key: u64) -> (usize, usize) {
        let level = self.of.get(&key).copied().unwrap_or(0);
        self.shards.get(level).copied().unwrap_or((0, 1))
    }

    /// What the levels of these records are known by: another hash where a record is of another level.
    pub fn sha256(&self, keys: impl Iterator<Item = u64>) -> String {
        let mut known: Vec<(u64, usize)> = keys.filter_map(|key| Some((key, *self.of.get(&key)?))).collect();
        known.sort_unstable();
        known.dedup();
        let mut digest = Digest::new("unlearn.rates/1");
        for (key, level) in known {
            digest.field("key", &key.to_le_bytes()).field("level", &(level as u64).to_le_bytes());
        }
        digest.finish()
    }
}

impl Dataset {
    /// Refuses records that rates cannot be of: a row's number says nothing about it once another row is gone.
    ///
    /// # Errors
    /// Records without names.
    pub fn takes_rates(&self) -> Result<()> {
        match self.who.part(Portion::Train).iter().all(|record| Key::named(record).is_some()) {
            true => Ok(()),
            false => Err(Error::input(format!(
                "ensemble.rates are of records by name, and those of {} have none; give data.id or data.subject",
                self.name
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Shards;
    use super::*;

    fn named(count: usize) -> Vec<String> {
        (0..count).map(|row| format!("r{row}")).collect()
    }

    fn division(rates: &[(&str, f64)], seed: u64) -> Shards {
        let levels = Levels::of(rates.iter().copied(), &[0.05, 0.5], &[16, 3, 1]);
        Shards { shards: 20, seed, levels: Some(levels.into()) }
    }

    #[test]
    fn a_rate_says_which_shards_a_record_may_be_in() {
        let names = named(4000);
        let rate = |at: usize| [0.0, 0.05, 0.5, 0.04][at % 4];
        let rates: Vec<(&str, f64)> = names.iter().enumerate().map(|(at, name)| (name.as_str(), rate(at))).collect();
        let division = division(&rates, 3);
        let mut counts = [0usize; 20];
        for (at, name) in names.iter().enumerate() {
            let shard = division.of(Key::of_text(name).number());
            assert!([0..16, 16..19, 19..20, 0..16][at % 4].contains(&shard), "{name} in {shard}");
            counts[shard] += 1;
        }
        assert!(counts[..16].iter().all(|n| (80..170).contains(n)), "{counts:?}");
        // A name that is not in the file has the rate 0.
        assert!(division.of(Key::of_text("another").number()) < 16);
    }

    /// Whoever is deleted, from the data and from the file, the others stay where they were.
    #[test]
    fn nobody_is_moved_by_anothers_deletion() {
        let names = named(300);
        let all: Vec<(&str, f64)> =
            names.iter().enumerate().map(|(at, name)| (name.as_str(), at as f64 / 300.0)).collect();
        let whole = division(&all, 9);
        for gone in [0, 17, 150, 299] {
            let rest: Vec<(&str, f64)> = all.iter().copied().filter(|(name, _)| *name != names[gone]).collect();
            let without = division(&rest, 9);
            for (name, _) in &rest {
                let key = Key::of_text(name).number();
                assert_eq!(whole.of(key), without.of(key), "{name} without {}", names[gone]);
            }
            let keys = || rest.iter().map(|(name, _)| Key::of_text(name).number());
            assert_eq!(division(&all, 9).levels.unwrap().sha256(keys()), without.levels.unwrap().sha256(keys()));
        }
    }

    /// What requests by these rates hit: fewer shards than where records are drawn alike.
    #[test]
    fn likely_requests_hit_fewer_shards() {
        let names = named(2000);
        let rates: Vec<(&str, f64)> = names.iter().step_by(10).map(|name| (name.as_str(), 0.2)).collect();
        let (aware, alike) = (division(&rates, 1), Shards { shards: 20, seed: 1, levels: None });
        let hit = |division: &Shards| {
            let shards = rates.iter().step_by(5).map(|(name, _)| division.of(Key::of_text(name).number()));
            shards.collect::<std::collections::HashSet<_>>().len()
        };
        assert!(hit(&aware) <= 3 && hit(&alike) > 14, "{} and {}", hit(&aware), hit(&alike));
    }

    #[test]
    fn lines_that_are_no_rates_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rates.csv");
        for (text, words) in [
            ("id,rate\na,0.1\nb,2\n", "line 3: the rate `2`"),
            ("id,rate\na,0.1\na,0.2\n", "line 3: `a` is there twice"),
            ("id,rat\na,0.1\n", "no column `rate`"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Levels::read(&path, &[0.1], &[1, 1]).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        assert!(Levels::read(&folder.path().join("none.csv"), &[0.1], &[1, 1]).is_err());
    }
}
