//! What is timed: cases of the registry by their names, or operations at shapes asked for.

use regex::Regex;

use super::kernels::Kernels;
use crate::base::did_you_mean;
use crate::error::{Error, Result};
use crate::harness::bench::{Ask, Forms, PRESETS, Work, expand};
use crate::kernels;
use crate::kernels::asked::{Op, ops};

impl Kernels {
    /// Which forms are timed.
    pub(super) fn forms(&self) -> Forms {
        let chosen = self.variant.iter().any(|v| v == "chosen");
        let names = self.variant.iter().filter(|v| !["all", "chosen"].contains(&v.as_str())).cloned().collect();
        Forms { names, chosen }
    }

    /// What is timed, in order.
    ///
    /// # Errors
    /// Words that name nothing, shapes that an operation has not, or nothing that matches.
    pub(super) fn works(&self) -> Result<Vec<Work>> {
        let mut works = Vec::new();
        let ops = ops();
        for name in &self.preset {
            works.extend(listed(name, self.batch)?.into_iter().map(|(op, shape)| Work::Asked { op, shape }));
        }
        for name in &self.op {
            let of: Vec<&Op> = ops.iter().filter(|op| matches(op.name, name)).collect();
            if of.is_empty() {
                return Err(unknown("--op", name, ops.iter().map(|op| op.name)));
            }
            for op in of {
                works.extend(self.at_shapes(op)?);
            }
        }
        if !self.preset.is_empty() || !self.op.is_empty() {
            return Ok(works);
        }
        self.registered()
    }

    fn at_shapes(&self, op: &Op) -> Result<Vec<Work>> {
        let refused = |why: String| Error::input(format!("--op {}: {why}", op.name));
        if self.shape.is_empty() {
            return Ok(vec![Work::Asked { op: op.name, shape: op.shape(op.example).map_err(refused)? }]);
        }
        let mut all = Vec::new();
        for text in &self.shape {
            for numbers in expand(text).map_err(Error::input)? {
                all.push(Work::Asked { op: op.name, shape: op.shape(&numbers).map_err(refused)? });
            }
        }
        Ok(all)
    }

    fn registered(&self) -> Result<Vec<Work>> {
        let filter = self.filter.as_deref().map(Regex::new).transpose();
        let filter = filter.map_err(|e| Error::input(format!("FILTER: {e}")))?;
        let (mut cases, forms) = (kernels::cases(), self.forms());
        cases.retain(|c| {
            let mut words = c.name.split(' ').skip(1);
            c.bench
                && filter.as_ref().is_none_or(|f| f.is_match(&c.name))
                && (self.shape.is_empty() || words.any(|w| self.shape.iter().any(|s| s == w)))
                && forms.take(c, None)
        });
        match cases.is_empty() {
            true => Err(Error::input("no timed case matches the filter, --shape and --variant")),
            false => Ok(Work::grouped(cases)),
        }
    }
}

/// Operations and shapes of a preset.
///
/// # Errors
/// A word that names none.
pub(in crate::cli) fn listed(name: &str, batch: Option<u32>) -> Result<Vec<Ask>> {
    let preset = PRESETS.iter().find(|p| p.name == name);
    let preset = preset.ok_or_else(|| unknown("--preset", name, PRESETS.iter().map(|p| p.name)))?;
    Ok(preset.list(batch.map(|n| n as usize)))
}

/// A word names an operation, or the first part of the names of several: `matmul`, `conv2d`.
fn matches(op: &str, word: &str) -> bool {
    op == word || op.strip_prefix(word).is_some_and(|rest| rest.starts_with('_'))
}

fn unknown<'a>(flag: &str, word: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let known: Vec<&str> = known.collect();
    let hint = did_you_mean(word, known.iter().copied());
    Error::input(format!("{flag} `{word}` is unknown{hint}; there are {}", known.join(", ")))
}
