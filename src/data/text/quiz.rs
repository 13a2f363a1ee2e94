//! Questions with an answer, and wrong answers to compare it with (TOFU: Maini et al., COLM 2024).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::data::{Dataset, Portion};
use crate::error::{Error, Result};

/// What a document asks and answers. Wrong answers are trained on by nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quiz {
    /// The beginning of the document.
    pub question: String,
    /// What stands behind it and a space.
    pub answer: String,
    /// Other answers of the same form.
    pub wrong: Vec<String>,
}

impl Quiz {
    /// The document, with an answer.
    pub fn with(&self, answer: &str) -> String {
        format!("{} {answer}", self.question)
    }

    /// That of a line of JSON, whose fields have these names.
    ///
    /// # Errors
    /// A field that is not there or is something else; no wrong answer. `place` is the line's.
    pub(super) fn read(
        object: &Map<String, Value>,
        place: &str,
        (question, answer, wrong): (&str, &str, &str),
    ) -> Result<Quiz> {
        let text = |name: &str| match object.get(name).and_then(Value::as_str) {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(Error::input(format!("{place}: the field `{name}` is no text; each line needs it"))),
        };
        let list = object.get(wrong).and_then(Value::as_array).filter(|all| !all.is_empty());
        let texts = |all: &Vec<Value>| -> Option<Vec<String>> {
            all.iter().map(|one| one.as_str().map(str::to_owned)).collect()
        };
        match list.and_then(texts) {
            Some(all) if all.iter().all(|one| !one.is_empty()) => {
                Ok(Quiz { question: text(question)?, answer: text(answer)?, wrong: all })
            }
            _ => Err(Error::input(format!(
                "{place}: the field `{wrong}` is no list of texts; expected wrong answers, one at least, as in \
                 [\"…\", \"…\"]"
            ))),
        }
    }
}

/// By part of the file and row.
pub(crate) type Quizzes = BTreeMap<(u8, u64), Quiz>;

impl Dataset {
    /// What a record asks; none where it is no question, or a window of a longer document.
    pub fn quiz(&self, portion: Portion, record: u32) -> Option<&Quiz> {
        let part = self.who.part(portion);
        let of = |at: u32| part.get(at as usize).map(|who| (who.source as u8, who.row));
        let own = of(record)?;
        let alone = of(record + 1) != Some(own) && record.checked_sub(1).is_none_or(|before| of(before) != Some(own));
        self.quizzes.get(&own).filter(|_| alone)
    }
}
