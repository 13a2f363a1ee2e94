//! Where in the file an error is, and which known key a wrong one is near to.

use crate::base::did_you_mean;
use crate::error::Error;

/// A file and its text.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub file: String,
    pub text: String,
}

impl Place {
    /// A TOML error with file and line.
    pub fn of(&self, error: &toml::de::Error) -> Error {
        let message = with_suggestion(error.message());
        match error.span() {
            Some(span) => {
                let line =
                    self.text.as_bytes()[..span.start.min(self.text.len())].iter().filter(|b| **b == b'\n').count();
                Error::input(format!("{} line {}: {message}", self.file, line + 1))
            }
            None => Error::input(format!("{}: {message}", self.file)),
        }
    }

    /// The file, the line of the key that the message is about where it can be told, and a suggestion.
    pub fn add(&self, error: Error) -> Error {
        let Error::Input(message) = error else { return error };
        let line = key_of(&message).and_then(|key| self.line_of(key)).map_or(String::new(), |n| format!(" line {n}"));
        Error::input(format!("{}{line}: {}", self.file, with_suggestion(&message)))
    }

    /// The first line that sets `key`.
    fn line_of(&self, key: &str) -> Option<usize> {
        let sets =
            |line: &str| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
        self.text.lines().position(sets).map(|at| at + 1)
    }
}

/// The key a message of ours or of serde complains about.
fn key_of(message: &str) -> Option<&str> {
    for phrase in ["unknown field `", "has no setting `"] {
        if let Some((_, rest)) = message.split_once(phrase) {
            return rest.split('`').next();
        }
    }
    let first = message.split([' ', ':']).next()?;
    first.contains('.').then(|| first.rsplit('.').next())?
}

/// Adds the near candidate to serde's "unknown field `x`, expected one of `a`, `b`"; other messages stay as they are.
pub(super) fn with_suggestion(message: &str) -> String {
    for kind in ["unknown field `", "unknown variant `"] {
        let Some((before, rest)) = message.split_once(kind) else { continue };
        let Some((word, after)) = rest.split_once('`') else { continue };
        let candidates = after.split('`').skip(1).step_by(2);
        return format!("{before}{kind}{word}`{}{after}", did_you_mean(word, candidates));
    }
    message.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_the_near_candidate_and_finds_the_line() {
        let serde = "layer `conv2d`: unknown field `kernl`, expected one of `name`, `out`, `kernel`";
        let place = Place { file: "a.toml".into(), text: "x = 1\n  kernl = 3\n".into() };
        let text = place.add(Error::input(serde)).to_string();
        assert_eq!(
            text,
            "a.toml line 2: layer `conv2d`: unknown field `kernl` (did you mean `kernel`?), expected one of `name`, \
                `out`, `kernel`"
        );
        assert_eq!(with_suggestion("something else"), "something else");
        assert_eq!(place.add(Error::input("train.x must be 1")).to_string(), "a.toml line 1: train.x must be 1");
        assert_eq!(place.add(Error::input("no key here")).to_string(), "a.toml: no key here");
    }
}
