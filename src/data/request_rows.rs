//! Requests on records that stand alone, or are the graphs of a collection.

use std::collections::{HashMap, HashSet};

use super::request::{Kind, Request};
use super::request_id::Id;
use super::resolved::{Line, Split, checked, class, no_members};
use super::twins::Twins;
use super::{Dataset, Place, Portion, cut, request_spans};
use crate::base::did_you_mean;
use crate::base::splitmix::SplitMix64;
use crate::error::Result;

/// [`super::resolve()`] for these data.
pub(super) fn resolve(requests: &[Request], dataset: &Dataset, seed: u64) -> Result<Split> {
    let mut reader = Reader {
        dataset,
        subjects: dataset.who.subjects(),
        twins: dataset.twins(),
        taken: HashSet::new(),
        groups: HashSet::new(),
    };
    let mut rng = SplitMix64::new(seed);
    let (mut lines, mut tokens) = (Vec::new(), Vec::new());
    for request in requests {
        if request.kind == Kind::Span {
            let found = request_spans::resolve(request, dataset)?;
            tokens.extend(found.tokens);
            lines.push((found.line, vec![]));
        } else {
            lines.push(reader.line(request, &mut rng)?);
        }
    }
    let mut split = Split::default();
    for (id, place) in dataset.train_ids().into_iter().zip(dataset.places(Portion::Train)) {
        (if reader.taken.contains(&place) { &mut split.forget } else { &mut split.retain }).push(id);
    }
    for (mut line, places) in lines {
        line.twins = reader.stay(&places).into_iter().map(|place| dataset.describe(place)).collect();
        split.lines.push(line);
    }
    // A record that goes whole loses no part besides.
    let whole = |record: &u32| split.forget.binary_search(record).is_ok();
    split.cuts = cut::gathered(tokens.into_iter().filter(|(record, _)| !whole(record)));
    part(&mut split, dataset);
    split.unseen = reader.taken.into_iter().filter(|place| place.portion != Portion::Train).collect();
    split.unseen.sort_unstable();
    let names_something = !split.forget.is_empty() || !split.unseen.is_empty();
    checked(requests, split, names_something)
}

/// Puts records that lose a part among the forgotten, and what stays of their documents among the retained.
fn part(split: &mut Split, dataset: &Dataset) {
    if split.cuts.is_empty() {
        return;
    }
    let kept = dataset.without(&split.cuts).1;
    let changed: HashSet<u32> = split.cuts.iter().flat_map(|cut| dataset.windows(cut.record)).collect();
    split.retain.retain(|record| !changed.contains(record) || kept.binary_search(record).is_ok());
    split.forget.extend(split.cuts.iter().map(|cut| cut.record));
    split.forget.sort_unstable();
}

struct Reader<'a> {
    dataset: &'a Dataset,
    subjects: HashMap<&'a str, Vec<Place>>,
    twins: &'a Twins,
    /// Records that some line took.
    taken: HashSet<Place>,
    /// Classes and subjects that some line named.
    groups: HashSet<(Kind, String)>,
}

impl Reader<'_> {
    /// What a line means, and the places of what it took.
    fn line(&mut self, request: &Request, rng: &mut SplitMix64) -> Result<(Line, Vec<Place>)> {
        let mut line = Line::of(request);
        let mut own = vec![];
        for (group, places) in self.named(request, rng)? {
            if let Some(name) = group {
                if !self.groups.insert((request.kind, name.clone())) {
                    line.repeated += 1;
                    continue;
                }
                if request.kind == Kind::Class {
                    line.classes.push(name);
                }
                own.extend(places.into_iter().filter(|place| self.taken.insert(*place)));
                continue;
            }
            for place in places {
                match self.taken.insert(place) {
                    true => own.push(place),
                    false => line.repeated += 1,
                }
            }
        }
        if request.twins {
            let twins: Vec<Place> = own.iter().flat_map(|place| self.twins.among(*place)).copied().collect();
            own.extend(twins.into_iter().filter(|place| self.taken.insert(*place)));
        }
        line.records = own.iter().map(|place| self.dataset.describe(*place)).collect();
        Ok((line, own))
    }

    /// The records of each id, with the name of the group that it is where it is one.
    fn named(&self, request: &Request, rng: &mut SplitMix64) -> Result<Vec<(Option<String>, Vec<Place>)>> {
        if matches!(request.kind, Kind::Node | Kind::Edge | Kind::Feature) {
            return request.fail(format!(
                "a request of kind {} needs a graph of nodes, but the data set `{}` is not one; expected sample, \
                 subject or class",
                request.kind.name(),
                self.dataset.name
            ));
        }
        request.one_way_of_naming()?;
        match request.fraction {
            Some(_) if request.kind != Kind::Sample => request
                .fail(format!("fraction goes with kind = \"sample\"; a {} request needs ids", request.kind.name())),
            Some(fraction) => {
                let all = self.dataset.places(Portion::Train).collect();
                Ok(vec![(None, request.draw(fraction, all, "training records", rng)?)])
            }
            None if request.planted => self.planted(request),
            None if request.ids.is_empty() => request.fail("the request is empty; ids names nothing"),
            None => request.ids.iter().map(|id| self.one(request, id)).collect(),
        }
    }

    fn planted(&self, request: &Request) -> Result<Vec<(Option<String>, Vec<Place>)>> {
        let all = self.dataset.who.places().filter(|(_, who)| who.planted);
        let these: Vec<Place> = all.map(|(place, _)| place).collect();
        match these.is_empty() {
            true => request.fail("planted: no record was planted; set data.plant"),
            false => Ok(vec![(None, these)]),
        }
    }

    fn one(&self, request: &Request, id: &Id) -> Result<(Option<String>, Vec<Place>)> {
        match request.kind {
            Kind::Class => {
                let class = class(request, id, self.dataset)?;
                let members = self.dataset.places(Portion::Train).zip(&self.dataset.train.y);
                let members: Vec<Place> = members.filter(|(_, y)| **y == class).map(|(place, _)| place).collect();
                match members.is_empty() {
                    true => request.fail(no_members(class, self.dataset)),
                    false => Ok((Some(self.dataset.class_names[class as usize].clone()), members)),
                }
            }
            Kind::Subject => {
                let Some(column) = &self.dataset.who.subject else {
                    return request.fail(
                        "a request of kind subject needs data.subject, the column that says whose record a row is",
                    );
                };
                let text = id.text().unwrap_or_else(|| id.to_string());
                match self.subjects.get(text.as_str()) {
                    Some(places) => Ok((Some(text), places.clone())),
                    None => request.fail(format!("unknown subject {id}; no record has it in the column `{column}`")),
                }
            }
            _ => match self.dataset.find_all(id) {
                places if places.is_empty() => request.fail(self.unknown(id)),
                places => Ok((None, places)),
            },
        }
    }

    fn unknown(&self, id: &Id) -> String {
        let near = match id.text() {
            Some(text) => did_you_mean(&text, self.dataset.who.names().take(10_000)),
            None => String::new(),
        };
        let which = self.dataset.who.which_row(id);
        format!("unknown sample id {id}{near}; {}{which}", self.dataset.what_ids_are())
    }

    /// Twins of records that no line took, each once.
    fn stay(&self, places: &[Place]) -> Vec<Place> {
        let twins = places.iter().flat_map(|place| self.twins.among(*place)).copied();
        let mut stay: Vec<Place> = twins.filter(|twin| !self.taken.contains(twin)).collect();
        stay.sort_unstable();
        stay.dedup();
        stay
    }
}
