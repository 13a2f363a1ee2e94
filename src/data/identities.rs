//! Who the records of a data set are, and which of them a request means.

use std::collections::HashMap;

use super::Id;
use super::identity::{Identity, Naming, Place, Portion};
use crate::error::{Error, Result};

/// Who the records of a data set are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identities {
    /// What ids are.
    pub naming: Naming,
    /// The column of [`Identity::subject`].
    pub subject: Option<String>,
    /// By part and position, ascending by source and row.
    parts: [Vec<Identity>; 3],
    /// Of records that have names.
    names: HashMap<Box<str>, Place>,
    /// Rows that their files have lost since, ascending: the rows of [`Identity::row`] are those of before.
    lost: Vec<(Portion, u64)>,
}

impl Identities {
    /// # Errors
    /// Two records of one name: both rows.
    pub(crate) fn new(
        naming: Naming,
        subject: Option<String>,
        parts: [Vec<Identity>; 3],
        origin: &str,
    ) -> Result<Identities> {
        let mut all = Identities { naming, subject, parts, names: HashMap::new(), lost: Vec::new() };
        let mut names = HashMap::new();
        for (place, record) in all.places() {
            let Some(name) = &record.name else { continue };
            let Some(other) = names.get(name).copied() else {
                names.insert(name.clone(), place);
                continue;
            };
            // Windows of one document are of one row.
            let of_one_row = |other: &Identity| (other.source, other.row) == (record.source, record.row);
            if !of_one_row(all.of(other)) {
                let (other, column) = (all.of(other), all.key());
                let rows = match other.source == record.source {
                    true => format!("rows {} and {}", other.row.min(record.row), other.row.max(record.row)),
                    // Each part has rows of its own.
                    false => {
                        let [a, b] = [other, record].map(|record| (record.source.name(), record.row));
                        format!("row {} of {} and row {} of {}", a.1, a.0, b.1, b.0)
                    }
                };
                return Err(Error::input(format!(
                    "{origin}: {rows} have the same {column}, `{name}`; each record needs one of its own (several \
                     records of one person are named by data.subject)"
                )));
            }
        }
        all.names = names;
        Ok(all)
    }

    /// What ids are, in words.
    pub fn key(&self) -> String {
        match &self.naming {
            Naming::Rows => "row of the source".to_owned(),
            Naming::Column(column) => format!("value of `{column}`"),
            Naming::Paths => "path".to_owned(),
        }
    }

    /// A record.
    pub fn of(&self, place: Place) -> &Identity {
        &self.parts[place.portion as usize][place.position as usize]
    }

    /// The records of a part, by position.
    pub fn part(&self, portion: Portion) -> &[Identity] {
        &self.parts[portion as usize]
    }

    /// Every record with its place.
    pub fn places(&self) -> impl Iterator<Item = (Place, &Identity)> {
        Portion::ALL.into_iter().flat_map(move |portion| {
            let place = move |position| Place { portion, position };
            (0..).map(place).zip(self.part(portion))
        })
    }

    /// The record of this id. Where a file has lost rows, a number means two records, what has this row now and what
    /// had it before: none is found then, and `now:5` and `then:5` say which.
    pub fn find(&self, id: &Id) -> Option<Place> {
        if self.lost.is_empty() {
            return self.find_then(id);
        }
        let text = id.text()?;
        if let Some(then) = text.strip_prefix("then:") {
            return self.find_then(&Id::Name(then.to_owned()));
        }
        let (source, row) = row_of(&Id::of_word(text.strip_prefix("now:").unwrap_or(&text)))?;
        let moved = self.moved(source, row);
        match text.starts_with("now:") || moved == row {
            true => self.at(source, moved),
            false => None,
        }
    }

    /// All records of this id: more than one where they are windows of one document.
    pub fn find_all(&self, id: &Id) -> Vec<Place> {
        let Some(found) = self.find(id) else { return Vec::new() };
        let (part, row) = (self.part(found.portion), |record: &Identity| (record.source, record.row));
        let own = row(self.of(found));
        let first = part.partition_point(|record| row(record) < own) as u32;
        let last = part.partition_point(|record| row(record) <= own) as u32;
        (first..last).map(|position| Place { position, ..found }).collect()
    }

    /// The row that a record had before its file lost rows.
    fn moved(&self, source: Portion, now: u64) -> u64 {
        let [from, to] =
            [false, true].map(|own| self.lost.partition_point(|(of, _)| *of < source || own && *of == source));
        let lost = &self.lost[from..to];
        // Those before it: the lost row at place i has i others before it, so it now lies before row - i.
        let (mut low, mut high) = (0, lost.len());
        while low < high {
            let mid = (low + high) / 2;
            match lost[mid].1 - mid as u64 <= now {
                true => low = mid + 1,
                false => high = mid,
            }
        }
        now + low as u64
    }

    /// The first row of the training file that means another record now than before.
    pub fn first_lost(&self) -> Option<u64> {
        self.lost.iter().find(|(source, _)| *source == Portion::Train).map(|(_, row)| *row)
    }

    /// What a number means where files have lost rows, in words; empty where they have not.
    pub fn which_row(&self, id: &Id) -> String {
        let left = |text: String| {
            let row = row_of(&Id::of_word(text.strip_prefix("then:")?))?;
            self.lost.binary_search(&row).is_ok().then(|| format!("; the record that had row {} then has left", row.1))
        };
        if let Some(left) = id.text().and_then(left) {
            return left;
        }
        let Some((source, row)) = row_of(id).filter(|_| !self.lost.is_empty()) else { return String::new() };
        let (then, now) = (self.at(source, row), self.moved(source, row));
        let was = if then.is_some() { "is there still" } else { "is there no more" };
        format!(
            "; the source has lost rows since the run was trained, so {id} means two records: the one that had this \
             row then (`then:{id}`, which {was}) and the one that has it now (`now:{id}`, then row {now}); write \
             which one as a text"
        )
    }

    /// Numbers records as before the files lost these rows, which ascend.
    pub(super) fn restore(&mut self, lost: Vec<(Portion, u64)>) {
        self.lost = lost;
        for at in 0..self.parts.len() {
            let mut part = std::mem::take(&mut self.parts[at]);
            part.iter_mut().for_each(|record| record.row = self.moved(record.source, record.row));
            self.parts[at] = part;
        }
    }

    /// The record that had this id when the run was trained.
    pub fn find_then(&self, id: &Id) -> Option<Place> {
        if self.naming != Naming::Rows {
            return self.names.get(id.text()?.as_str()).copied();
        }
        let (source, row) = row_of(id)?;
        self.at(source, row)
    }

    /// The record of a row of a source.
    pub fn at(&self, source: Portion, row: u64) -> Option<Place> {
        Portion::ALL.into_iter().find_map(|portion| {
            let found = self.part(portion).binary_search_by_key(&(source, row), |record| (record.source, record.row));
            found.ok().map(|position| Place { portion, position: position as u32 })
        })
    }

    /// One more than the last row of the source that was loaded.
    pub fn rows(&self) -> u64 {
        let all = self.parts.iter().flatten().filter(|record| record.source == Portion::Train);
        all.map(|record| record.row + 1).max().unwrap_or(0)
    }

    /// The names of records that have names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(AsRef::as_ref)
    }

    /// The records of each subject, in the order of the file.
    pub fn subjects(&self) -> HashMap<&str, Vec<Place>> {
        let mut all: HashMap<&str, Vec<Place>> = HashMap::new();
        for (place, record) in self.places() {
            if let Some(subject) = &record.subject {
                all.entry(subject).or_default().push(place);
            }
        }
        all
    }

    /// Leaves records of a part out, so that those behind them move up.
    pub(crate) fn keep(&mut self, portion: Portion, positions: &[u32]) {
        let part = &mut self.parts[portion as usize];
        *part = positions.iter().map(|position| part[*position as usize].clone()).collect();
        self.names.clear();
        for portion in Portion::ALL {
            for (position, record) in (0..).zip(&self.parts[portion as usize]) {
                let Some(name) = &record.name else { continue };
                self.names.entry(name.clone()).or_insert(Place { portion, position });
            }
        }
    }
}

/// The file and the row of a record that is known by its row.
pub(super) fn row_of(id: &Id) -> Option<(Portion, u64)> {
    match id {
        Id::Number(row) => Some((Portion::Train, *row)),
        Id::Name(text) => match text.split_once(':') {
            None => Some((Portion::Train, text.parse().ok()?)),
            Some((source, row)) => {
                Some((Portion::ALL.into_iter().find(|portion| portion.name() == source)?, row.parse().ok()?))
            }
        },
        Id::Edge(_) | Id::Pair(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(row: u64, name: &str) -> Identity {
        Identity { row, name: Some(name.into()), ..Identity::default() }
    }

    #[test]
    fn a_record_is_found_by_what_its_data_call_it() {
        let parts = [Identity::rows(Portion::Train, 3), vec![], Identity::rows(Portion::Test, 2)];
        let rows = Identities::new(Naming::Rows, None, parts, "here").unwrap();
        let place = |portion, position| Some(Place { portion, position });
        assert_eq!(rows.find(&Id::Number(2)), place(Portion::Train, 2));
        assert_eq!(rows.find(&Id::Name("2".into())), place(Portion::Train, 2));
        assert_eq!(rows.find(&Id::Name("test:1".into())), place(Portion::Test, 1));
        assert_eq!((rows.find(&Id::Number(3)), rows.find(&Id::Name("validation:0".into()))), (None, None));
        let parts = [vec![named(0, "7"), named(3, "b")], vec![], vec![named(1, "007")]];
        let by_name = Identities::new(Naming::Column("who".into()), None, parts.clone(), "here").unwrap();
        assert_eq!(by_name.find(&Id::Number(7)), place(Portion::Train, 0));
        assert_eq!(by_name.find(&Id::Name("007".into())), place(Portion::Test, 0));
        assert_eq!(by_name.of(by_name.find(&Id::Name("b".into())).unwrap()).row, 3);
        let twice = [vec![named(0, "7")], vec![], vec![named(4, "7")]];
        let error = Identities::new(Naming::Column("who".into()), None, twice, "here").unwrap_err().to_string();
        assert!(error.contains("rows 0 and 4") && error.contains("`7`") && error.contains("data.subject"), "{error}");
    }

    #[test]
    fn rows_that_moved_are_counted_as_before() {
        let parts = [Identity::rows(Portion::Train, 40), vec![], Identity::rows(Portion::Test, 5)];
        let mut rows = Identities::new(Naming::Rows, None, parts, "here").unwrap();
        let lost = [0, 1, 7, 8, 30].map(|row| (Portion::Train, row));
        rows.restore(lost.into_iter().chain([(Portion::Test, 2)]).collect());
        let then = |portion| rows.part(portion).iter().map(|record| record.row).collect::<Vec<_>>();
        let stay = (0..45).filter(|row| ![0, 1, 7, 8, 30].contains(row)).collect::<Vec<u64>>();
        assert_eq!((then(Portion::Train), then(Portion::Test)), (stay, vec![0, 1, 3, 4, 5]));
    }
}
