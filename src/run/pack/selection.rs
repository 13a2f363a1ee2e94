//! Whom the requests mean, without their names: each id is an HMAC under the key of the pack. With the data and that
//! key the ids are found again, so that a forgetting can be repeated; without the key nobody can even try guesses.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::base::unhex;
use crate::data::{Dataset, Id, Kind, Portion, RecordKind, Request};
use crate::error::{Error, Result};
use crate::ledger::mac;
use crate::run::evidence;

/// The file in a pack: JSON Lines, a line for each of `request.jsonl` of the run.
pub const SELECTION: &str = "selection.jsonl";

/// Most pairs of a node and a feature that are tried where no nonzero feature has an id.
const MOST_PAIRS: usize = 50_000_000;

/// A request whose ids are HMACs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Veiled {
    /// Of its name.
    pub request_id: String,
    /// What the ids are ids of.
    pub kind: Kind,
    /// Of its ids, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub ids: Vec<String>,
    /// Of the nodes that lose all features.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub nodes: Vec<String>,
    /// Identical records go too.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub twins: bool,
    /// The nodes that the data plant.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub planted: bool,
    /// The edges that the data add.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub poisoned: bool,
}

/// The key of one pack.
#[derive(Clone, PartialEq, Eq)]
pub struct Veil(Vec<u8>);

impl std::fmt::Debug for Veil {
    /// No secret reaches a message.
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("Veil(…)")
    }
}

impl Veil {
    /// From 64 hexadecimal digits.
    ///
    /// # Errors
    /// Any other text.
    pub fn of(text: &str) -> Result<Veil> {
        let bytes = unhex(text.trim()).filter(|bytes| bytes.len() == 32);
        bytes.map(Veil).ok_or_else(|| Error::input("the key of a pack is 64 hexadecimal digits, and this is none"))
    }

    /// HMAC-SHA-256 (RFC 2104) of a word of this kind, in hexadecimal.
    ///
    /// # Errors
    /// None that is known: a key may have any length.
    pub fn hide(&self, kind: &str, word: &str) -> Result<String> {
        mac(&self.0, format!("{kind}\0{word}").as_bytes())
    }

    /// Of a list of ids, in its order.
    ///
    /// # Errors
    /// As [`Veil::hide`].
    pub fn list(&self, ids: &[Id]) -> Result<String> {
        let text = serde_json::to_string(ids).map_err(|e| Error::internal(format!("ids: {e}")))?;
        self.hide("list", &text)
    }

    fn ids(&self, kind: Kind, ids: &[Id]) -> Result<Vec<String>> {
        ids.iter().map(|id| self.hide(kind.name(), &word(id))).collect()
    }
}

/// What an id is hashed as: a number and the text that spells it are one.
fn word(id: &Id) -> String {
    id.text().unwrap_or_else(|| id.to_string())
}

/// The requests without their names.
///
/// # Errors
/// One that drew its ids, which are nowhere written down.
pub fn veiled(requests: &[Request], veil: &Veil) -> Result<Vec<Veiled>> {
    let one = |request: &Request| {
        let Request { kind, twins, planted, poisoned, .. } = *request;
        if request.fraction.is_some() {
            return Err(Error::internal("a drawn request in a run"));
        }
        if kind == Kind::Span {
            return Err(Error::Unsupported(
                "a pack has no words yet for a request of kind span, whose text it would have to hide; pack a run that \
                 forgot whole records"
                    .into(),
            ));
        }
        let request_id = veil.hide("request", &request.request_id)?;
        let (ids, nodes) = (veil.ids(kind, &request.ids)?, veil.ids(Kind::Node, &request.nodes)?);
        Ok(Veiled { request_id, kind, ids, nodes, twins, planted, poisoned })
    };
    requests.iter().map(one).collect()
}

/// As the file has them.
///
/// # Errors
/// None that is known.
pub fn text(all: &[Veiled]) -> Result<String> {
    evidence::json_lines(all, SELECTION)
}

/// Reads [`text`] back.
///
/// # Errors
/// A line that is none.
pub fn read(text: &str) -> Result<Vec<Veiled>> {
    let line = |(at, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|e| Error::input(format!("{SELECTION} line {}: {e}", at + 1)))
    };
    text.lines().enumerate().map(line).collect()
}

/// The requests with their names, found among everything that these data could be asked about.
///
/// # Errors
/// Ids that these data do not have, and how many; another key.
pub fn unveiled(all: &[Veiled], veil: &Veil, data: &Dataset) -> Result<Vec<Request>> {
    let (mut known, mut missing, mut total) = (Known { veil, data, kinds: HashMap::new() }, 0, 0);
    let mut requests = Vec::new();
    for (at, one) in all.iter().enumerate() {
        let mut found = |kind: Kind, hidden: &[String]| -> Result<Vec<Id>> {
            let ids = known.find(kind, hidden)?;
            total += hidden.len();
            missing += ids.iter().filter(|id| id.is_none()).count();
            Ok(ids.into_iter().flatten().collect())
        };
        let ids = found(one.kind, &one.ids)?;
        let nodes = found(Kind::Node, &one.nodes)?;
        let Veiled { kind, twins, planted, poisoned, .. } = *one;
        let origin = format!("{SELECTION} line {}", at + 1);
        requests.push(Request {
            request_id: one.request_id.clone(),
            nodes,
            twins,
            planted,
            poisoned,
            ..Request::new(kind, ids, &origin)
        });
    }
    match missing {
        0 => Ok(requests),
        _ => Err(Error::input(format!(
            "{missing} of the {total} ids of the requests are not in these data: they are other data, they have lost \
             the records, or replay.key is of another pack"
        ))),
    }
}

/// What may be meant by an HMAC, by kind.
struct Known<'a> {
    veil: &'a Veil,
    data: &'a Dataset,
    kinds: HashMap<&'static str, HashMap<String, Id>>,
}

impl Known<'_> {
    fn find(&mut self, kind: Kind, hidden: &[String]) -> Result<Vec<Option<Id>>> {
        if hidden.is_empty() {
            return Ok(Vec::new());
        }
        if !self.kinds.contains_key(kind.name()) {
            let all = candidates(kind, self.data, false);
            self.kinds.insert(kind.name(), self.hidden(kind, all)?);
        }
        let among = |all: &HashMap<String, Id>| hidden.iter().map(|one| all.get(one).cloned()).collect::<Vec<_>>();
        let found = among(&self.kinds[kind.name()]);
        if kind != Kind::Feature || found.iter().all(Option::is_some) {
            return Ok(found);
        }
        let all = candidates(kind, self.data, true);
        self.kinds.insert(kind.name(), self.hidden(kind, all)?);
        Ok(among(&self.kinds[kind.name()]))
    }

    fn hidden(&self, kind: Kind, all: Vec<Id>) -> Result<HashMap<String, Id>> {
        all.into_iter().map(|id| Ok((self.veil.hide(kind.name(), &word(&id))?, id))).collect()
    }
}

/// Every id of this kind; `all_pairs`: features that are zero too.
fn candidates(kind: Kind, data: &Dataset, all_pairs: bool) -> Vec<Id> {
    let graph = data.graph.as_ref();
    let nodes = graph.map_or(0, |graph| graph.graph.nodes as u32);
    match kind {
        Kind::Sample if data.kind() == RecordKind::Graph => {
            Portion::ALL.into_iter().flat_map(|part| data.places(part)).map(|place| data.id(place)).collect()
        }
        Kind::Sample => data.who.places().flat_map(|(_, record)| spellings(record.id())).collect(),
        Kind::Subject => data.who.subjects().into_keys().map(|subject| Id::Name(subject.to_owned())).collect(),
        Kind::Class => {
            let names = data.class_names.iter().cloned().map(Id::Name);
            names.chain((0..data.class_names.len() as u64).map(Id::Number)).collect()
        }
        Kind::Node => (0..nodes).map(|node| data.node_id(node)).collect(),
        Kind::Edge => {
            let edges = graph.into_iter().flat_map(|graph| &graph.graph.edges);
            edges.flat_map(|&[u, v]| [data.pair_id([u, v]), data.pair_id([v, u])]).collect()
        }
        Kind::Span => Vec::new(),
        Kind::Feature => {
            let Some(graph) = graph else { return Vec::new() };
            let columns = graph.columns as u64;
            let pair = |node: u32, column: u64| match data.node_id(node) {
                Id::Name(name) => Id::Pair([name, column.to_string()]),
                _ => Id::Edge([u64::from(node), column]),
            };
            let pairs: Vec<Id> = match all_pairs && nodes as usize * graph.columns <= MOST_PAIRS {
                true => (0..nodes).flat_map(|node| (0..columns).map(move |c| pair(node, c))).collect(),
                false => (0..nodes)
                    .flat_map(|node| {
                        graph.graph.features.row(node as usize).0.iter().map(move |c| pair(node, u64::from(*c)))
                    })
                    .collect(),
            };
            (0..columns).map(Id::Number).chain(pairs).collect()
        }
    }
}

/// An id, and how else it may be spelt: a row of the training file may be `train:5`.
fn spellings(id: Id) -> impl Iterator<Item = Id> {
    let long = match &id {
        Id::Number(row) => Some(Id::Name(format!("{}:{row}", Portion::Train.name()))),
        _ => None,
    };
    std::iter::once(id).chain(long)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::config::Loaded;

    fn data() -> Dataset {
        let text = "[data]\nloader = \"synth\"\nsamples = 24\nclasses = 2\nshape = [3]\n[model]\nzoo = \"logistic\"\n";
        Loaded::parse(text, "a.toml", std::path::Path::new(""), &[], None).unwrap().config.load().unwrap()
    }

    #[test]
    fn ids_are_found_again_with_the_data_and_the_key_and_with_nothing_less() {
        let (veil, data) = (Veil::of(&"0a".repeat(32)).unwrap(), data());
        let asked = vec![
            Request { twins: true, ..Request::new(Kind::Sample, vec![Id::Number(3), Id::Name("train:5".into())], "x") },
            Request::new(Kind::Class, vec![Id::Number(1)], "x"),
        ];
        let hidden = veiled(&asked, &veil).unwrap();
        let file = text(&hidden).unwrap();
        assert!(!file.contains("train:5") && !file.contains("inline"), "{file}");
        let found = unveiled(&read(&file).unwrap(), &veil, &data).unwrap();
        let ids = |all: &[Request]| all.iter().map(|r| (r.kind, r.ids.clone(), r.twins)).collect::<Vec<_>>();
        assert_eq!(ids(&found), ids(&asked));
        // A number and its text are one id.
        let hidden_id = |id| veil.ids(Kind::Sample, &[id]).unwrap();
        assert_eq!(hidden_id(Id::Number(3)), hidden_id(Id::Name("3".into())));
        let other = Veil::of(&"0b".repeat(32)).unwrap();
        let said = unveiled(&hidden, &other, &data).unwrap_err().to_string();
        assert!(said.contains("3 of the 3 ids"), "{said}");
        assert!(read("{\"kind\":1}\n").unwrap_err().to_string().contains("selection.jsonl line 1"));
        assert!(Veil::of("12").is_err() && !format!("{veil:?}").contains("0a"));
    }

    /// Beside Python's `hmac`.
    #[test]
    fn the_hmac_is_the_standards_over_kind_and_word() {
        let veil = Veil::of(&"0b".repeat(32)).unwrap();
        // Python: hmac.new(bytes([11]*32), b"sample\0c-17", "sha256").hexdigest()
        let want = "16135a759d13224c88ffb71d27b03302a655a805992a0111fc6c4a3024fbdfe3";
        assert_eq!(veil.hide("sample", "c-17").unwrap(), want);
    }
}
