//! Ids as people write them: numbers, texts, pairs.

use std::fmt;

use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// One id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Id {
    /// A whole number of at least 0.
    Number(u64),
    /// An edge, or a node and one of its features.
    Edge([u64; 2]),
    /// A name, or a number that is not whole or below 0, as its text.
    Name(String),
    /// An edge between nodes that have names.
    Pair([String; 2]),
}

impl Id {
    /// The name it stands for where records have names; none for a pair.
    pub fn text(&self) -> Option<String> {
        match self {
            Id::Number(number) => Some(number.to_string()),
            Id::Name(name) => Some(name.clone()),
            Id::Edge(_) | Id::Pair(_) => None,
        }
    }

    /// What a word of a table means: a number where it is written as numbers are, else a name.
    pub(super) fn of_word(word: &str) -> Id {
        match word.parse::<u64>() {
            Ok(number) if number.to_string() == word => Id::Number(number),
            _ => Id::Name(word.to_owned()),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Number(id) => write!(f, "{id}"),
            Id::Edge([u, v]) => write!(f, "[{u},{v}]"),
            Id::Name(name) => write!(f, "`{name}`"),
            Id::Pair([u, v]) => write!(f, "[`{u}`,`{v}`]"),
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Id, D::Error> {
        from.deserialize_any(AnyId)
    }
}

struct AnyId;

impl<'de> Visitor<'de> for AnyId {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a number, a name, or a pair [u,v]")
    }

    fn visit_u64<E>(self, number: u64) -> Result<Id, E> {
        Ok(Id::Number(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Id, E> {
        Ok(u64::try_from(number).map_or_else(|_| Id::Name(number.to_string()), Id::Number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Id, E> {
        Ok(Id::Name(number.to_string()))
    }

    fn visit_str<E>(self, name: &str) -> Result<Id, E> {
        Ok(Id::Name(name.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Id, A::Error> {
        let mut next = || items.next_element::<Id>();
        let (Some(u), Some(v), None) = (next()?, next()?, next()?) else {
            return Err(A::Error::custom("a pair has two members, [u,v]"));
        };
        match (&u, &v, u.text(), v.text()) {
            (Id::Number(u), Id::Number(v), ..) => Ok(Id::Edge([*u, *v])),
            (_, _, Some(u), Some(v)) => Ok(Id::Pair([u, v])),
            _ => Err(A::Error::custom("the members of a pair are numbers or names")),
        }
    }
}

/// A request's own id: a text or a number.
pub(super) fn request_id<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    match Id::deserialize(from)? {
        Id::Number(number) => Ok(number.to_string()),
        Id::Name(name) if !name.trim().is_empty() => Ok(name),
        Id::Name(_) => Err(D::Error::custom("request_id is empty")),
        Id::Edge(_) | Id::Pair(_) => Err(D::Error::custom("request_id is a text or a number")),
    }
}
