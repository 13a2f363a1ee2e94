//! Erasure requests: which training records, classes, nodes, edges or features are to be forgotten.

use serde::{Deserialize, Serialize};

use super::request_id::{Id, request_id};
use crate::base::splitmix::SplitMix64;
use crate::error::{Error, Result};

/// What the ids of a request number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Records by what their data call them: see [`super::Naming`]. Numbers of graphs where the records are graphs.
    Sample,
    /// Values of the column `data.subject`: all records of a person.
    Subject,
    /// Class names, or positions where no class is named by that number: all training records of the class.
    Class,
    /// Node ids of a graph: a node with its features, its label and its edges.
    Node,
    /// Pairs `[u, v]` of node ids: both directions where the graph is undirected.
    Edge,
    /// Features of a graph's nodes: an id `c` is column c of all nodes, `[n, c]` column c of node n, and all the
    /// features of nodes are named by [`Request::nodes`] in place of ids.
    Feature,
    /// Parts of texts: characters of a document, what a pattern matches, or every occurrence of a text.
    Span,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 7] =
        [Kind::Sample, Kind::Subject, Kind::Class, Kind::Node, Kind::Edge, Kind::Feature, Kind::Span];

    /// As it is written in files.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Sample => "sample",
            Kind::Subject => "subject",
            Kind::Class => "class",
            Kind::Node => "node",
            Kind::Edge => "edge",
            Kind::Feature => "feature",
            Kind::Span => "span",
        }
    }
}

/// One request, or a part of one: a line of a request file, or the inline table `request` of a configuration, which may
/// give `fraction` (a seeded draw from the training records, training nodes or edges) instead of `ids`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The caller's name for it, a text or a number; files and messages repeat it.
    #[cfg_attr(feature = "cli", schemars(extend("type" = ["string", "integer"])))]
    #[serde(default = "inline_id", deserialize_with = "request_id")]
    pub request_id: String,
    /// What the ids are ids of.
    pub kind: Kind,
    /// What to forget; empty where `fraction` draws it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<Id>,
    /// `kind = "feature"`: nodes that lose all their features.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<Id>,
    /// `kind = "span"`: characters `[from, to]` of the one document that ids names, from 0, `to` not among them.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "characters")))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<[u64; 2]>,
    /// `kind = "span"`, in the place of spans: a regular expression. Taken is all that it matches (where it has groups,
    /// the first group) in the documents that ids names, or in every training document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// `kind = "span"`, in the place of spans: a text. Taken is every occurrence of it, as with a pattern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `kind = "sample"`, `"subject"` or `"node"`: take the identical twins of these records along, same input and same
    /// label; twins of a node have the same neighbours too, each other aside.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub twins: bool,
    /// Share of the candidates to draw in the place of ids, above 0 and below 1.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraction: Option<f64>,
    /// `kind = "sample"` or `"node"`: the records, or nodes, that `data.plant` made something else of.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub planted: bool,
    /// `kind = "edge"`: the edges that `data.poison` added.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub poisoned: bool,
    /// When it was received, for `unlearn requests`: RFC 3339 or a date; the time of `add` where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<String>,
    /// Where it was written, for messages: `file line 3`, or `forget.request`.
    #[serde(skip, default = "inline_origin")]
    pub origin: String,
}

/// Name of a request that has none of its own.
pub(super) const INLINE: &str = "inline";

fn inline_id() -> String {
    INLINE.to_owned()
}

fn inline_origin() -> String {
    "forget.request".to_owned()
}

impl Request {
    /// A request of these ids, `origin` standing in messages.
    pub fn new(kind: Kind, ids: Vec<Id>, origin: &str) -> Self {
        let origin = origin.to_owned();
        let (nodes, fraction) = (vec![], None);
        Request {
            request_id: inline_id(),
            kind,
            ids,
            nodes,
            fraction,
            spans: vec![],
            pattern: None,
            text: None,
            twins: false,
            planted: false,
            poisoned: false,
            received_at: None,
            origin,
        }
    }

    /// Takes in what another part of the same request names.
    pub fn extend(&mut self, part: &Request) {
        self.ids.extend(part.ids.iter().cloned());
        self.nodes.extend(part.nodes.iter().cloned());
        self.spans.extend(&part.spans);
        self.pattern = self.pattern.take().or_else(|| part.pattern.clone());
        self.text = self.text.take().or_else(|| part.text.clone());
        self.twins |= part.twins;
        self.planted |= part.planted;
        self.poisoned |= part.poisoned;
        self.received_at = self.received_at.take().or_else(|| part.received_at.clone());
    }

    pub(super) fn fail<T>(&self, why: impl std::fmt::Display) -> Result<T> {
        Err(Error::input(format!("{}: {why}", self.origin)))
    }

    /// Refuses keys that exclude each other or do not go with the kind.
    pub(super) fn one_way_of_naming(&self) -> Result<()> {
        let listed = !self.ids.is_empty() || !self.nodes.is_empty();
        let whole = matches!(self.kind, Kind::Sample | Kind::Subject | Kind::Node);
        let plants = matches!(self.kind, Kind::Sample | Kind::Node);
        let span = self.kind == Kind::Span;
        let keys = [self.kind == Kind::Feature, plants, self.kind == Kind::Edge, whole, span, span, span];
        let spans = [!self.spans.is_empty(), self.pattern.is_some(), self.text.is_some()];
        let used = [!self.nodes.is_empty(), self.planted, self.poisoned, self.twins, spans[0], spans[1], spans[2]];
        let names = [
            ("nodes", "feature"),
            ("planted", "node\" or \"sample"),
            ("poisoned", "edge"),
            ("twins", "sample"),
            ("spans", "span"),
            ("pattern", "span"),
            ("text", "span"),
        ];
        for ((fits, used), (key, kind)) in keys.into_iter().zip(used).zip(names) {
            if used && !fits {
                return self.fail(format!("{key} goes with kind = \"{kind}\", not with {}", self.kind.name()));
            }
        }
        match spans.iter().filter(|there| **there).count() {
            1 if span && self.fraction.is_some() => {
                return self
                    .fail("fraction draws records, and a request of kind span takes parts of texts; leave it out");
            }
            1 if self.text.as_deref() == Some("") => return self.fail("text is empty; give what is to be forgotten"),
            1 => {}
            count if span => {
                return self.fail(format!(
                    "a request of kind span has one of spans (with the id of a document), pattern and text, and this \
                     one has {count} of them; requests of spans are JSON Lines"
                ));
            }
            _ => {}
        }
        match (listed, self.fraction.is_some(), self.planted || self.poisoned) {
            (true, true, _) => self.fail("fraction and ids exclude each other; give one of them"),
            (true, _, true) | (_, true, true) => self.fail("planted and poisoned exclude ids and fraction; give one"),
            _ => Ok(()),
        }
    }

    /// A seeded draw of round(fraction · n) of `all`.
    pub(super) fn draw<T>(&self, fraction: f64, mut all: Vec<T>, what: &str, rng: &mut SplitMix64) -> Result<Vec<T>> {
        let n = all.len();
        let count = (fraction * n as f64).round();
        if !(fraction > 0.0 && fraction < 1.0 && count >= 1.0) {
            return self.fail(format!("fraction {fraction} of {n} {what} draws nothing; expected 0 < fraction < 1"));
        }
        rng.shuffle(&mut all);
        all.truncate(count as usize);
        Ok(all)
    }
}
