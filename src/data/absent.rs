//! A source that has lost records since a run was trained on it: data are loaded as they were, but for those records.

use std::collections::{BTreeSet, HashSet};

use super::identities::row_of;
use super::{DataConfig, Dataset, FitOn, Origins, Portion, Who};

/// Records that a source had when a run was made and has no more.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Absent {
    /// Who they were.
    pub records: Vec<Who>,
    /// How many lines of the run's requests took them.
    pub lines: usize,
    /// The names of all classes while they were there, by number.
    pub class_names: Vec<String>,
    /// Records are known by the rows that they had then.
    pub by_row: bool,
}

impl Absent {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// What the data called them.
    pub fn ids(&self) -> HashSet<String> {
        self.records.iter().filter_map(|who| who.id.text()).collect()
    }

    /// Where they were, file by file, ascending; empty where records have names.
    fn rows(&self) -> Vec<(Portion, u64)> {
        let mut rows: Vec<(Portion, u64)> = match self.by_row {
            true => self.records.iter().filter_map(|who| row_of(&who.id)).collect(),
            false => Vec::new(),
        };
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// What to load: the first `limit` records are fewer now.
    pub(super) fn config(&self, config: &DataConfig) -> DataConfig {
        let trained = self.records.iter().filter(|who| who.split == Some(Portion::Train)).count();
        DataConfig { limit: config.limit.map(|limit| limit.saturating_sub(trained)), ..config.clone() }
    }

    /// Records by the rows that a loader finds them in now.
    pub fn now(&self, then: &Origins) -> Origins {
        let rows = self.rows();
        let before = |place: (Portion, u64)| rows.partition_point(|gone| *gone < place);
        let moved =
            |&(source, row): &(Portion, u64)| (source, row - (before((source, row)) - before((source, 0))) as u64);
        then.iter().map(moved).collect()
    }
}

/// All class names by number: `learned` stand at the places `numbers` among `classes`, and the rest are classes of
/// `gone` records, in the order in which loaders number them.
pub fn class_names(learned: &[String], numbers: &[u32], classes: usize, gone: &[Who]) -> Vec<String> {
    let names = gone.iter().filter_map(|who| who.class.as_ref());
    let rest: BTreeSet<&String> = names.filter(|name| !learned.contains(name)).collect();
    let mut rest: Vec<&String> = rest.into_iter().collect();
    if rest.iter().all(|name| name.parse::<i64>().is_ok()) {
        rest.sort_by_key(|name| name.parse::<i64>().unwrap_or_default());
    }
    let (mut learned, mut rest) = (learned.iter(), rest.into_iter());
    let mut next = |number: u32| match numbers.binary_search(&number) {
        Ok(_) => learned.next().cloned(),
        Err(_) => rest.next().cloned(),
    };
    (0..classes as u32).map(|number| next(number).unwrap_or_else(|| number.to_string())).collect()
}

impl Dataset {
    /// Numbers classes, and records without a name, as they were while the absent ones were there.
    pub(super) fn restore(&mut self, absent: &Absent, fit: FitOn) {
        if absent.is_empty() {
            return;
        }
        let outputs = fit.kept().map_or_else(|| self.fitted().class_names, |fitted| fitted.class_names.clone());
        let mut names = absent.class_names.clone();
        for name in self.class_names.iter().chain(&outputs) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let number = |name: &String| names.iter().position(|known| known == name).unwrap_or(0) as u32;
        let numbers: Vec<u32> = self.class_names.iter().map(number).collect();
        for part in [&mut self.train, &mut self.validation, &mut self.test] {
            part.y.iter_mut().for_each(|class| *class = numbers[*class as usize]);
        }
        self.learned = outputs.iter().map(number).collect();
        self.learned.sort_unstable();
        self.classes = names.len();
        self.class_names = names;
        self.who.restore(absent.rows());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Id;

    fn gone(id: Id, class: &str) -> Who {
        Who { id, row: None, class: Some(class.into()), split: Some(Portion::Train), span: None }
    }

    #[test]
    fn classes_of_the_gone_stand_where_they_stood() {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let missing = [gone(Id::Number(3), "b"), gone(Id::Number(4), "a"), gone(Id::Number(5), "c")];
        assert_eq!(class_names(&names(&["b", "d"]), &[1, 3], 4, &missing), names(&["a", "b", "c", "d"]));
        let numbers = [gone(Id::Number(3), "10"), gone(Id::Number(4), "9")];
        assert_eq!(class_names(&names(&["1"]), &[0], 3, &numbers), names(&["1", "9", "10"]));
    }

    #[test]
    fn rows_are_counted_as_they_were_and_found_as_they_are() {
        let records = vec![gone(Id::Number(2), "a"), gone(Id::Number(5), "a"), gone(Id::Name("test:0".into()), "a")];
        let absent = Absent { records, by_row: true, ..Absent::default() };
        let then = Origins::from([(Portion::Train, 1), (Portion::Train, 3), (Portion::Train, 6), (Portion::Test, 1)]);
        let now = Origins::from([(Portion::Train, 1), (Portion::Train, 2), (Portion::Train, 4), (Portion::Test, 0)]);
        assert_eq!(absent.now(&then), now);
        assert_eq!(Absent { by_row: false, ..absent.clone() }.now(&then), then);
        let config = DataConfig { limit: Some(10), ..DataConfig::new("csv") };
        assert_eq!(absent.config(&config).limit, Some(7));
    }
}
