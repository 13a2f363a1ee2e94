//! What cannot be stacked, said before anything runs.

use crate::engine::recording::{Command, Recording};
use crate::engine::span::{BufferId, Span};
use crate::engine::stack::{MOST_MODELS, PartsOf};
use crate::error::{Error, Mistake, Result};

fn other(function: &'static str, what: String) -> Error {
    Error::misuse(function, Mistake::Other(what))
}

/// # Errors
/// No model, or more than a table holds.
pub(super) fn count(models: usize) -> Result<()> {
    match (1..=MOST_MODELS).contains(&models) {
        true => Ok(()),
        false => Err(other("Engine::alloc_parts", format!("a stack has 1 to {MOST_MODELS} models, not {models}"))),
    }
}

/// # Errors
/// A program that is not stacked; a model that is not there, or there twice.
pub(super) fn models(of: Option<usize>, chosen: &[u32]) -> Result<()> {
    const NAME: &str = "Engine::submit_for";
    let Some(of) = of else { return Err(other(NAME, "the program is not one of a stack".to_owned())) };
    if let Some(model) = chosen.iter().find(|m| **m as usize >= of) {
        return Err(other(NAME, format!("model {model} of a stack of {of}")));
    }
    let mut seen = vec![false; of];
    match chosen.iter().find(|m| std::mem::replace(&mut seen[**m as usize], true)) {
        Some(twice) => Err(other(NAME, format!("model {twice} is there twice, and would be written twice"))),
        None => Ok(()),
    }
}

impl Recording {
    /// # Errors
    /// More models than a buffer has parts; a buffer that all models share is written.
    pub(in crate::engine) fn check_stack(&self, parts: &PartsOf) -> Result<()> {
        let Some(models) = self.models else { return Ok(()) };
        count(models)?;
        let fits = |function: &'static str, span: &Span, writes: bool| -> Result<()> {
            let BufferId::Kept(k) = span.id else { return Ok(()) };
            match parts.get(&k) {
                Some(p) if p.models < models => {
                    Err(other(function, format!("a buffer with parts for {} models in a stack of {models}", p.models)))
                }
                None if writes => Err(other(
                    function,
                    format!("it writes kept buffer {k}, which the {models} models of a stack share"),
                )),
                _ => Ok(()),
            }
        };
        self.commands.iter().try_for_each(|command| match command {
            Command::Upload { dst, .. } => fits("Recording::upload", dst, true),
            Command::Clear { dst } => fits("Recording::clear", dst, true),
            Command::Readback { src, .. } => fits("Recording::readback", src, false),
            Command::Copy { src, dst } => {
                fits("Recording::copy", src, false)?;
                fits("Recording::copy", dst, true)
            }
            Command::Dispatch(d) => {
                d.bindings.iter().try_for_each(|(span, access)| fits(d.kernel.name, span, access.writes()))
            }
        })
    }
}
