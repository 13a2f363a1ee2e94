//! Lists of training records: what `--indices` says.

use std::collections::HashSet;
use std::path::Path;

use super::{Dataset, Id, Portion, RecordKind};
use crate::base::did_you_mean;
use crate::error::{Error, Result};

impl Dataset {
    /// Training records by a half-open range `A..B` of source rows (of node ids or graph numbers where records are
    /// those), which names the training records among them, or by a file with one id a line or one JSON array: the ids
    /// of requests. Numbers as in [`Dataset::train_ids`]; the order of a file is kept.
    ///
    /// # Errors
    /// [`Error::Input`] naming the argument or the file's line: malformed, unknown, repeated, not a training record, or
    /// none at all.
    pub fn indices(&self, argument: &str) -> Result<Vec<u32>> {
        let range = argument.split_once("..").map(|(a, b)| (a.trim().parse(), b.trim().parse()));
        let found = match range {
            Some((Ok(from), Ok(to))) => self.range(argument, from, to)?,
            _ => self.listed_in(Path::new(argument))?,
        };
        match found.is_empty() {
            true => Err(Error::input(format!("{argument}: holds no id of a training record; {}", self.what_ids_are()))),
            false => Ok(found),
        }
    }

    /// Refuses training records of a class that a model of these data has no output for: it was made as if they had
    /// never been there, and they have no loss.
    ///
    /// # Errors
    /// The first such record, by its id.
    pub fn must_have_losses(&self, numbers: &[u32]) -> Result<()> {
        if self.learned.len() == self.classes {
            return Ok(());
        }
        let class = |number: &u32| match &self.graph {
            Some(graph) => graph.labels[*number as usize],
            None => self.train.y[*number as usize],
        };
        match numbers.iter().find(|number| self.output(class(number)).is_none()) {
            None => Ok(()),
            Some(number) => Err(Error::input(format!(
                "record {} is of class `{}`, which the model has no output for: it has forgotten all records of it",
                self.train_id(*number),
                self.class_names[class(number) as usize]
            ))),
        }
    }

    fn range(&self, argument: &str, from: u64, to: u64) -> Result<Vec<u32>> {
        let rows = self.kind() == RecordKind::Row;
        let end = if rows { self.who.rows() } else { self.train_ids().last().map_or(0, |id| u64::from(*id) + 1) };
        // Checked first: a range may name more ids than memory holds.
        if from >= to || (rows && to > end) {
            return Err(Error::input(format!(
                "--indices {argument}: expected A..B with A < B ≤ {end}, one more than the last row (B is not included)"
            )));
        }
        if let Some(lost) = self.who.first_lost().filter(|lost| rows && to > *lost) {
            return Err(Error::input(format!(
                "--indices {argument}: the source has lost row {lost} and perhaps others since the run was trained, so \
                 this range may mean the rows of then or of now; give a file of ids, `then:{lost}` or `now:{lost}` each"
            )));
        }
        if !rows {
            return Ok(self.train_ids().into_iter().filter(|id| (from..to).contains(&u64::from(*id))).collect());
        }
        let train = self.who.part(Portion::Train).iter().zip(0..);
        let inside = train.filter(|(record, _)| record.source == Portion::Train && (from..to).contains(&record.row));
        Ok(inside.map(|(_, position)| position).collect())
    }

    fn listed_in(&self, path: &Path) -> Result<Vec<u32>> {
        let mut seen = HashSet::new();
        let mut found = vec![];
        for (id, origin) in read(path)? {
            let number = self.training_record(&id, &origin)?;
            if !seen.insert(number) {
                return Err(Error::input(format!("{origin}: id {id} is repeated")));
            }
            found.push(number);
        }
        Ok(found)
    }

    fn training_record(&self, id: &Id, origin: &str) -> Result<u32> {
        let ids = self.train_ids();
        let node = |number: u64| u32::try_from(number).ok().filter(|number| ids.binary_search(number).is_ok());
        let found = match (self.kind(), &self.graph) {
            (RecordKind::Node, Some(graph)) => match (&graph.names, id) {
                (None, Id::Number(number)) => node(*number),
                (Some(names), _) => {
                    id.text().and_then(|text| node(names.iter().position(|name| *name == text)? as u64))
                }
                _ => None,
            },
            (RecordKind::Link, _) => match id {
                Id::Number(number) => node(*number),
                _ => None,
            },
            _ => match self.find(id) {
                Some(place) if place.portion == Portion::Train => Some(ids[place.position as usize]),
                Some(place) => {
                    return Err(Error::input(format!(
                        "{origin}: record {id} is in the {} part; expected training records",
                        place.portion.name()
                    )));
                }
                None => None,
            },
        };
        found.ok_or_else(|| {
            let near = id.text().map(|text| did_you_mean(&text, self.who.names().take(10_000))).unwrap_or_default();
            let which = self.who.which_row(id);
            Error::input(format!("{origin}: unknown id {id}{near}; {}{which}", self.what_ids_are()))
        })
    }
}

/// The ids of a file, each with its place.
fn read(path: &Path) -> Result<Vec<(Id, String)>> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let shown = path.display();
    if text.trim_start().starts_with('[') {
        let ids: Vec<Id> = serde_json::from_str(text).map_err(|e| {
            Error::input(format!("{shown} line {}: not an array of ids: {e}; expected e.g. [3, 5, 8]", e.line()))
        })?;
        return Ok(ids.into_iter().map(|id| (id, shown.to_string())).collect());
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    Ok(lines.map(|(at, line)| (Id::of_word(line.trim()), format!("{shown} line {}", at + 1))).collect())
}
