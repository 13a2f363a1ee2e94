//! What becomes of a request, in which order, and by when.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::error::{Error, Result};

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It is known, and its month runs.
    Received,
    /// What it names was found in the data.
    Validated,
    /// It is in a batch, and how that will be done is settled.
    Planned,
    /// Somebody agreed.
    Approved,
    /// The batch is being done.
    Running,
    /// The batch passed its gate.
    Verified,
    /// The model without it serves. An end.
    Published,
    /// It will not be done. An end.
    Refused,
    /// What was done did not pass its gate, and the model before it serves on; it waits to be planned again.
    RolledBack,
}

impl State {
    /// All of them, in the order of a request's life.
    pub const ALL: [State; 9] = [
        State::Received,
        State::Validated,
        State::Planned,
        State::Approved,
        State::Running,
        State::Verified,
        State::Published,
        State::Refused,
        State::RolledBack,
    ];

    /// The word of entries, tables and documents.
    pub fn word(self) -> &'static str {
        match self {
            State::Received => "received",
            State::Validated => "validated",
            State::Planned => "planned",
            State::Approved => "approved",
            State::Running => "running",
            State::Verified => "verified",
            State::Published => "published",
            State::Refused => "refused",
            State::RolledBack => "rolled-back",
        }
    }

    /// The state of a word; none for any other.
    pub fn of(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.word() == word)
    }

    /// The kind of the entry that a request comes into this state by.
    pub fn kind(self) -> String {
        format!("{REQUEST}{}", self.word())
    }

    /// Whether nothing comes after it.
    pub fn is_end(self) -> bool {
        matches!(self, State::Published | State::Refused)
    }

    /// Whether a request may come from this state into another.
    pub fn leads_to(self, next: State) -> bool {
        use State::*;
        match self {
            Received => matches!(next, Validated | Refused),
            Validated => matches!(next, Planned | Refused),
            // Validated again: the plan was given up for another.
            Planned => matches!(next, Approved | Running | Validated | Refused),
            Approved => matches!(next, Running | Validated | Refused),
            Running => matches!(next, Verified | RolledBack),
            Verified => matches!(next, Published | RolledBack),
            RolledBack => matches!(next, Planned | Refused),
            Published | Refused => false,
        }
    }
}

/// What the kinds of entries about a request begin with.
pub const REQUEST: &str = "request.";

/// Why a request is not done: a code, since free text would carry names.
pub const REFUSALS: &[(&str, &str)] = &[
    ("unknown-record", "no record of the person was found in the training data"),
    ("not-identified", "the person could not be identified (GDPR 11(2), 12(2), 12(6))"),
    ("unfounded", "the request is manifestly unfounded or excessive (GDPR 12(5))"),
    ("expression", "the data are needed for freedom of expression and information (GDPR 17(3)(a))"),
    ("legal-obligation", "the law obliges to keep the data, or a public task needs them (GDPR 17(3)(b))"),
    ("public-health", "the data are needed for reasons of public health (GDPR 17(3)(c))"),
    ("research", "erasure would seriously impair archiving, research or statistics (GDPR 17(3)(d))"),
    ("legal-claims", "the data are needed for legal claims (GDPR 17(3)(e))"),
    ("withdrawn", "the person withdrew the request"),
    ("duplicate", "another request asks for the same"),
];

/// Why a deadline was extended (GDPR 12(3)).
pub const EXTENSIONS: &[(&str, &str)] = &[("complex", "the request is complex"), ("numerous", "requests are numerous")];

/// The meaning of a code.
///
/// # Errors
/// It is none of these.
pub fn meaning(codes: &'static [(&str, &str)], code: &str) -> Result<&'static str> {
    codes.iter().find(|(known, _)| *known == code).map(|(_, meaning)| *meaning).ok_or_else(|| {
        let known: Vec<&str> = codes.iter().map(|(code, _)| *code).collect();
        Error::input(format!("reason `{code}` is unknown; expected one of {}", known.join(", ")))
    })
}

/// A time that somebody wrote, in UTC to the second: RFC 3339, or a date, which means its midnight.
///
/// # Errors
/// Any other text.
pub fn time(text: &str) -> Result<String> {
    let text = text.trim();
    // A time of day without an offset is nobody's.
    let date = || text.parse::<Date>().ok().filter(|_| text.len() == "2026-11-29".len());
    let midnight = || date()?.to_zoned_datetime(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let parsed = text.parse::<Timestamp>().ok().or_else(midnight);
    let parsed = parsed.and_then(|time| Timestamp::from_second(time.as_second()).ok());
    parsed.map(|time| time.to_string()).ok_or_else(|| {
        Error::input(format!("`{text}` is no time; expected 2026-11-29T14:25:25Z, with an offset, or 2026-11-29"))
    })
}

/// The same day so many months later, or the last of that month where it has no such day.
///
/// # Errors
/// A text that [`time`] did not write.
pub fn months_after(text: &str, months: u32) -> Result<String> {
    let at: Timestamp = text.parse().map_err(|e| Error::input(format!("`{text}` is no time: {e}")))?;
    let later = at.to_zoned_datetime(TimeZone::UTC).checked_add(Span::new().months(i64::from(months)));
    later
        .map(|zoned| zoned.timestamp().to_string())
        .map_err(|e| Error::input(format!("`{text}` and {months} months: {e}")))
}

/// Seconds of `7d`, `12h`, `2w`.
///
/// # Errors
/// Any other text.
pub fn within(text: &str) -> Result<i64> {
    let units = [('h', 3600), ('d', 86_400), ('w', 7 * 86_400)];
    let parsed = units
        .iter()
        .find_map(|(unit, size)| text.strip_suffix(*unit)?.parse::<u32>().ok().map(|n| i64::from(n) * size));
    parsed
        .ok_or_else(|| Error::input(format!("`{text}` is no span of time; expected hours, days or weeks, such as 7d")))
}

/// A time so many seconds later.
///
/// # Errors
/// A text that [`time`] did not write.
pub fn seconds_after(text: &str, seconds: i64) -> Result<String> {
    let at: Timestamp = text.parse().map_err(|e| Error::input(format!("`{text}` is no time: {e}")))?;
    let later = Timestamp::from_second(at.as_second().saturating_add(seconds));
    later.map(|time| time.to_string()).map_err(|e| Error::input(format!("{text} and {seconds} s: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_on_a_day_that_there_is() {
        for (from, months, to) in [
            ("2026-01-31T10:00:00Z", 1, "2026-02-28T10:00:00Z"),
            ("2028-01-31T10:00:00Z", 1, "2028-02-29T10:00:00Z"),
            ("2026-12-15T23:59:59Z", 1, "2027-01-15T23:59:59Z"),
            ("2026-11-30T00:00:00Z", 3, "2027-02-28T00:00:00Z"),
        ] {
            assert_eq!(months_after(from, months).unwrap(), to);
        }
        assert_eq!(seconds_after("2026-12-31T23:59:59Z", 1).unwrap(), "2027-01-01T00:00:00Z");
    }

    #[test]
    fn times_are_kept_in_utc() {
        assert_eq!(time("2026-11-29T01:25:25+02:00").unwrap(), "2026-11-28T23:25:25Z");
        assert_eq!(time("2026-11-29").unwrap(), "2026-11-29T00:00:00Z");
        assert_eq!(time("2026-11-29T01:25:25.9Z").unwrap(), "2026-11-29T01:25:25Z");
        for other in ["", "yesterday", "29.11.2026", "2026-13-01", "2026-11-29T01:25:25"] {
            assert!(time(other).is_err(), "{other}");
        }
        assert_eq!(
            (within("7d").unwrap(), within("12h").unwrap(), within("2w").unwrap()),
            (604_800, 43_200, 1_209_600)
        );
        assert!(["7", "d", "-1d", "1y"].into_iter().all(|other| within(other).is_err()));
    }

    #[test]
    fn every_state_is_reached_and_ends_are_ends() {
        for state in State::ALL {
            assert_eq!(State::of(state.word()), Some(state));
            assert_eq!(State::ALL.into_iter().any(|next| state.leads_to(next)), !state.is_end());
            assert!(state == State::Received || State::ALL.into_iter().any(|before| before.leads_to(state)));
        }
        assert!(meaning(REFUSALS, "withdrawn").is_ok() && meaning(REFUSALS, "no").is_err());
    }
}
