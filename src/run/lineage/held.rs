//! What is left of the records of a request in a run.

use std::collections::HashSet;

use super::Trace;
use crate::data::Line;
use crate::error::Result;
use crate::methods::Tier;
use crate::run::folder::RunFolder;
use crate::run::info::RunInfo;
use crate::run::whom;

/// The records that the run that was asked about forgot, as words.
pub(super) struct Forgotten(HashSet<String>);

impl Forgotten {
    pub fn of(folder: &RunFolder) -> Result<Forgotten> {
        Ok(Forgotten(words(&lines(folder)?)))
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// What a run has of them, and why.
    pub fn in_run(&self, folder: &RunFolder, info: &RunInfo) -> Result<(Trace, String)> {
        let Some(forget) = &info.forget else {
            return Ok(match self.0.is_empty() {
                true => (Trace::Unknown, "trained; nobody asked to forget anything of it".into()),
                false => (Trace::Holds, "trained on the records".into()),
            });
        };
        let gone = words(&lines(folder)?);
        let left = self.0.difference(&gone).count();
        let tier = forget.tier;
        Ok(match (self.0.is_empty(), left, tier) {
            (true, ..) => (Trace::Unknown, format!("forgot {} records ({})", gone.len(), tier.as_str())),
            (_, 0, Tier::Exact) => (Trace::Free, "nothing in it was computed from the records (exact)".into()),
            (_, 0, Tier::Distribution) => {
                (Trace::Free, "a draw of a training without them, except to whoever knows the seeds".into())
            }
            (_, 0, tier) => (Trace::Derived, format!("made to forget them ({})", tier.as_str())),
            (_, left, _) => {
                (Trace::Holds, format!("{left} of the {} records were not asked about when it was made", self.0.len()))
            }
        })
    }

    /// What something has that was made beside a run that was trained.
    pub fn beside(&self, of_run: Trace) -> Trace {
        match (self.0.is_empty(), of_run) {
            (true, _) => Trace::Unknown,
            (false, trace) => trace,
        }
    }
}

fn lines(folder: &RunFolder) -> Result<Vec<Line>> {
    match folder.forgotten().exists() {
        true => whom::read_lines(&folder.forgotten()),
        false => Ok(Vec::new()),
    }
}

/// Each record as a word; edges and features are other things than records of the same id.
fn words(lines: &[Line]) -> HashSet<String> {
    let sort = |line: &Line| match line.kind.as_str() {
        "edge" | "feature" => line.kind.clone(),
        _ => String::new(),
    };
    lines.iter().flat_map(|line| line.records.iter().map(move |who| format!("{} {}", sort(line), who.id))).collect()
}
