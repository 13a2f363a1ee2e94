//! What is known to fail, where and why: `assets/expectations.toml`, or a file of the user's.

use std::sync::atomic::{AtomicBool, Ordering};

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::{AdapterResult, CaseResult, Kind, Planned, Selection, Status};
use crate::engine::AdapterReport;
use crate::error::{Error, Result};

/// The list that the binary carries.
pub const OWN: &str = include_str!("../../../assets/expectations.toml");

/// One known failure. Patterns are regular expressions that match anywhere; one left out matches everything.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Over the back end's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// Over the adapter's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
    /// Over the driver's name and version as `unlearn adapters` prints them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Over the names of the kernels that a case records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// Over the names that `unlearn check --list` prints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// `fail`, `crash`, `timeout`, or `skip` for what must not even be tried.
    pub status: String,
    /// Why it fails, in a sentence.
    pub reason: String,
    /// Where that is written up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The version of `unlearn` (`0.2.0`) or the day (`2027-01-31`) from which the entry counts no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    expect: Vec<Entry>,
}

struct Known {
    entry: Entry,
    /// Patterns over backend, adapter, driver, kernel, case.
    patterns: [Option<Regex>; 5],
    expired: bool,
    matched: AtomicBool,
}

/// Known failures, and which of them were met.
pub struct Expectations(Vec<Known>);

impl Expectations {
    /// Reads a list; `origin` is named in errors, `today` is `YYYY-MM-DD`.
    ///
    /// # Errors
    /// The text is no list of entries, a pattern is no regular expression, or a status or a date is unknown.
    pub fn parse(text: &str, origin: &str, today: &str) -> Result<Expectations> {
        let file: File = toml::from_str(text).map_err(|e| Error::input(format!("{origin}: {e}")))?;
        let one = |(i, entry): (usize, Entry)| {
            Known::new(entry, today).map_err(|what| Error::input(format!("{origin}: entry {}: {what}", i + 1)))
        };
        file.expect.into_iter().enumerate().map(one).collect::<Result<_>>().map(Expectations)
    }

    /// The list that the binary carries, as of today.
    ///
    /// # Errors
    /// As [`Expectations::parse`].
    pub fn own() -> Result<Expectations> {
        Expectations::parse(OWN, "assets/expectations.toml", &today())
    }

    /// Turns an expected failure into `xfail`, and a pass that was expected to fail into `xpass`.
    pub fn judge(&self, adapter: &AdapterReport, result: &mut CaseResult) {
        let ours = |k: &&Known| k.runs_on(adapter) && k.names(&result.case, &result.kernels);
        let all: Vec<&Known> = self.0.iter().filter(ours).collect();
        all.iter().for_each(|k| k.matched.store(true, Ordering::Relaxed));
        let mut live = all.iter().filter(|k| !k.expired && k.entry.status != "skip");
        match result.status {
            Status::Fail | Status::Crash | Status::Timeout => {
                if let Some(known) = live.find(|k| k.entry.status == result.status.word()) {
                    result.status = Status::Xfail;
                    result.expected = Some(known.why());
                }
            }
            Status::Pass => {
                if let Some(known) = live.next() {
                    result.status = Status::Xpass;
                    let what = format!("passes, but is expected to {}: remove the expectation", known.verb());
                    (result.message, result.expected) = (Some(what), Some(known.why()));
                }
            }
            _ => {}
        }
    }

    /// Why a case must not be tried on an adapter, if it must not.
    pub fn skip(&self, adapter: &AdapterReport, case: &str) -> Option<String> {
        let ours = |k: &&Known| k.entry.status == "skip" && k.runs_on(adapter) && k.names(case, &[""; 0]) && !k.expired;
        let known = self.0.iter().find(ours)?;
        known.matched.store(true, Ordering::Relaxed);
        Some(known.why())
    }

    /// Entries for the adapters that ran which match no case there is, and those that have run out.
    pub(super) fn stale(&self, adapters: &[AdapterResult], ran: &[Planned]) -> Result<Vec<String>> {
        let here = |k: &&Known| adapters.iter().any(|a| k.runs_on(&a.adapter));
        let mut stale: Vec<String> = self.0.iter().filter(here).filter(|k| k.expired).map(Known::expiry).collect();
        let unmet: Vec<&Known> =
            self.0.iter().filter(here).filter(|k| !k.matched.load(Ordering::Relaxed) && !k.expired).collect();
        if unmet.is_empty() {
            return Ok(stale);
        }
        // Filters and other kinds of runs hide cases; only an entry that none of them matches is stale.
        let mut known = ran.to_vec();
        for kind in Kind::ALL {
            known.extend(Selection::all(kind).plan()?);
        }
        let dead = unmet.into_iter().filter(|k| !known.iter().any(|p| k.names(&p.name, &p.kernels)));
        stale.extend(dead.map(|k| format!("{}: no case matches any more", k.title())));
        Ok(stale)
    }
}

impl Known {
    fn new(entry: Entry, today: &str) -> Result<Known, String> {
        if !["fail", "crash", "timeout", "skip"].contains(&entry.status.as_str()) {
            return Err(format!("the status `{}` is unknown; use fail, crash, timeout or skip", entry.status));
        }
        if entry.case.is_none() && (entry.kernel.is_none() || entry.status == "skip") {
            return Err("a pattern for `case` is missing".to_owned());
        }
        if entry.reason.trim().is_empty() {
            return Err("the reason is empty".to_owned());
        }
        let compiled = |text: &Option<String>| text.as_deref().map(Regex::new).transpose().map_err(|e| e.to_string());
        let Entry { backend, adapter, driver, kernel, case, .. } = &entry;
        let [b, a, d, k, c] = [backend, adapter, driver, kernel, case].map(compiled);
        let expired = entry.until.as_deref().map_or(Ok(false), |until| over(until, today))?;
        Ok(Known { patterns: [b?, a?, d?, k?, c?], entry, expired, matched: AtomicBool::new(false) })
    }

    fn runs_on(&self, a: &AdapterReport) -> bool {
        let driver = format!("{} {}", a.driver, a.driver_info);
        let on = |i: usize, text: &str| self.patterns[i].as_ref().is_none_or(|p| p.is_match(text));
        on(0, &a.backend) && on(1, &a.name) && on(2, driver.trim())
    }

    fn names(&self, case: &str, kernels: &[impl AsRef<str>]) -> bool {
        let by_case = self.patterns[4].as_ref().is_none_or(|p| p.is_match(case));
        by_case && self.patterns[3].as_ref().is_none_or(|p| kernels.iter().any(|k| p.is_match(k.as_ref())))
    }

    fn why(&self) -> String {
        match &self.entry.link {
            Some(link) => format!("{} ({link})", self.entry.reason),
            None => self.entry.reason.clone(),
        }
    }

    fn verb(&self) -> &str {
        if self.entry.status == "timeout" { "time out" } else { &self.entry.status }
    }

    fn title(&self) -> String {
        let Entry { backend, adapter, driver, kernel, case, .. } = &self.entry;
        let said: Vec<&str> =
            [kernel, case, backend, adapter, driver].into_iter().flatten().map(String::as_str).collect();
        said.join(" · ")
    }

    fn expiry(&self) -> String {
        format!("{}: ran out on {}", self.title(), self.entry.until.as_deref().unwrap_or_default())
    }
}

/// Whether a version or a day has come.
fn over(until: &str, today: &str) -> Result<bool, String> {
    let numbers = |text: &str, by: char| text.split(by).map(str::parse).collect::<Result<Vec<u32>, _>>().ok();
    match (numbers(until, '.'), numbers(until, '-')) {
        (Some(version), _) if version.len() == 3 => Ok(numbers(env!("CARGO_PKG_VERSION"), '.') >= Some(version)),
        (_, Some(day)) if day.len() == 3 => Ok(numbers(today, '-') >= Some(day)),
        _ => Err(format!("until = `{until}` is neither a version such as 0.2.0 nor a day such as 2027-01-31")),
    }
}

/// Today in UTC, `YYYY-MM-DD`.
pub fn today() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    day((since.as_secs() / 86_400) as i64)
}

/// The day that many days after 1970-01-01, in the Gregorian calendar (years of March to February, in eras of 400).
fn day(since: i64) -> String {
    let z = since + 719_468;
    let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let (d, m) = (of_year - (153 * march + 2) / 5 + 1, if march < 10 { march + 3 } else { march - 9 });
    format!("{:04}-{m:02}-{d:02}", year + era * 400 + i64::from(m <= 2))
}

/// The text of a list with an entry for each unexpected failure of a run behind it, and how many those are.
///
/// # Errors
/// An entry cannot be written as TOML.
pub fn blessed(text: &str, adapters: &[AdapterResult]) -> Result<(String, usize)> {
    let mut expect = Vec::new();
    for AdapterResult { adapter: a, cases, .. } in adapters {
        let exactly = |text: &str| Some(format!("^{}$", regex::escape(text)));
        let bad = cases.iter().filter(|c| matches!(c.status, Status::Fail | Status::Crash | Status::Timeout));
        expect.extend(bad.map(|c| Entry {
            backend: exactly(&a.backend),
            adapter: exactly(&a.name),
            driver: exactly(format!("{} {}", a.driver, a.driver_info).trim()),
            kernel: None,
            case: exactly(&c.case),
            status: c.status.word().to_owned(),
            reason: "not yet looked into".to_owned(),
            link: None,
            until: None,
        }));
    }
    let count = expect.len();
    if count == 0 {
        return Ok((text.to_owned(), 0));
    }
    let added = toml::to_string(&File { expect });
    let added = added.map_err(|e| Error::internal(format!("an expectation cannot be written as TOML: {e}")))?;
    let space = if text.is_empty() || text.ends_with("\n\n") { "" } else { "\n" };
    Ok((format!("{text}{space}{added}"), count))
}

#[cfg(test)]
mod tests;
