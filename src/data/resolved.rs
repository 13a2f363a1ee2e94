//! What requests are found to mean: the records of each line, and what is forgotten and retained in all.

use serde::{Deserialize, Serialize};

use super::request::{Kind, Request};
use super::request_id::Id;
use super::{Cut, Dataset, Deletion, Place, Portion};
use crate::base::did_you_mean;
use crate::error::{Error, Result};

/// The training part divided by a request: ids as in [`Dataset::train_ids`] (positions of records, node ids, numbers of
/// graphs), ascending, disjoint, complete. Only records that lose some of their tokens are on both sides: what stays of
/// them is retained; of those of which nothing stays, none is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Indices of the retained training records, ascending.
    pub retain: Vec<u32>,
    /// Empty for a request that takes edges or features alone, or records outside the training part alone.
    pub forget: Vec<u32>,
    /// Records of the validation and test part that leave the data: no parameter saw them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<Place>,
    /// What is taken from the graph, where the records are its nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Deletion>,
    /// What is taken of records of text that lose a part: ascending by record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<Cut>,
    /// What each line was found to mean, in the order of the lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
}

/// What a line of a request was found to mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The request that it is of.
    pub request_id: String,
    /// Where it was written.
    pub origin: String,
    /// What its ids are ids of: `sample`, `subject`, …
    pub kind: String,
    /// The names of the classes that it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Everything that it takes, each once, in the order of the ids.
    pub records: Vec<Who>,
    /// Ids that it, or a line before it, named already.
    #[serde(default)]
    pub repeated: usize,
    /// Records that the run had forgotten before.
    #[serde(default)]
    pub already: usize,
    /// Identical records, same input and same label, that are retained.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub twins: Vec<Who>,
    /// What is odd about it, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Line {
    pub(super) fn of(request: &Request) -> Line {
        let (request_id, origin) = (request.request_id.clone(), request.origin.clone());
        Line { request_id, origin, kind: request.kind.name().to_owned(), ..Line::default() }
    }
}

impl Line {
    /// What one of its records is known by among everything that requests take: columns and entries of features apart
    /// from whole records, and whole records, which have a class, apart from the rest.
    pub fn known_as(&self, who: &Who) -> (bool, bool, String) {
        (self.kind == Kind::Feature.name(), who.class.is_some(), who.name())
    }
}

/// A record, or another thing that a request names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Who {
    /// What the data call it.
    pub id: Id,
    /// Row of the file that it is from, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// The name of its class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The part that it is in; none of a node in no part, an edge or a feature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Portion>,
    /// The characters of it that are taken, `[from, to]`, `to` not among them; absent where all of it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<[u64; 2]>,
}

impl Who {
    /// Its id and, where a part of it is taken, which.
    pub fn name(&self) -> String {
        match self.span {
            Some([from, to]) => format!("{} characters {from} to {to}", self.id),
            None => self.id.to_string(),
        }
    }
}

/// Refuses a split that takes nothing or leaves nothing.
pub(super) fn checked(requests: &[Request], split: Split, names_something: bool) -> Result<Split> {
    let all = requests.last().map_or("forget.request", |request| &request.origin);
    match (names_something, split.retain.is_empty()) {
        (false, _) => Err(Error::input(format!("{all}: there is no request; at least one id is needed"))),
        (_, true) => Err(Error::input(format!(
            "{all}: the requests cover all {} training records, so nothing would be retained; ask for fewer",
            split.forget.len()
        ))),
        _ => Ok(split),
    }
}

/// The class that an id means. A number is first of all a name: labels 1, 2, 3 are classes at positions 0, 1, 2.
pub(super) fn class(request: &Request, id: &Id, dataset: &Dataset) -> Result<u32> {
    if let Err(why) = dataset.needs_classes("a request of kind class") {
        return request.fail(format!("{why}; name records by sample or subject"));
    }
    let names = &dataset.class_names;
    let Some(text) = id.text() else {
        return request.fail(format!("{id} is not a class; expected a name, or a number"));
    };
    let number = text.trim().parse::<f64>().ok();
    let same = |name: &String| *name == text || (number.is_some() && name.trim().parse().ok() == number);
    let exact = names.iter().position(|name| *name == text).or_else(|| names.iter().position(same));
    match (exact, id) {
        (Some(class), _) => Ok(class as u32),
        (None, Id::Number(at)) if *at < names.len() as u64 => match &names[*at as usize] {
            name if name.trim().parse::<f64>().is_ok() => request.fail(format!(
                "class {at}: no class is named {at}, and the class at position {at} is `{name}`; write its name; the \
                 classes are {}",
                names.join(", ")
            )),
            _ => Ok(*at as u32),
        },
        (None, _) => {
            let near = did_you_mean(&text, names.iter().map(String::as_str));
            request.fail(format!("there is no class {id}{near}; the classes are {}", names.join(", ")))
        }
    }
}

pub(super) fn no_members(class: u32, dataset: &Dataset) -> String {
    format!("class {class} (`{}`) has no members in the training part", dataset.class_names[class as usize])
}
