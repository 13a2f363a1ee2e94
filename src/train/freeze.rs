//! Parameters that training leaves as they are, by name.

use super::bounds::Bounds;
use super::fit::Fit;
use crate::base::did_you_mean;
use crate::error::{Error, Result};
use crate::nn::{ParamLayout, is_adapter};
use crate::records::Session;

/// Whether a pattern is a parameter's name, or what stands before a dot in it; `*` stands for any letters.
fn names(pattern: &str, parameter: &str) -> bool {
    let stems = parameter.match_indices('.').map(|(at, _)| &parameter[..at]);
    stems.chain([parameter]).any(|name| fits(pattern.as_bytes(), name.as_bytes()))
}

fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) if fits(rest, name) => true,
        (Some((b'*', _)), Some((_, name))) => fits(pattern, name),
        (Some((a, pattern)), Some((b, name))) => a == b && fits(pattern, name),
        _ => false,
    }
}

/// 1 for every parameter that may move, 0 for those that `freeze` names and between tensors.
///
/// # Errors
/// A pattern that names nothing; all parameters named.
fn mask(freeze: &[String], layout: &ParamLayout) -> Result<Vec<f32>> {
    if let Some(stray) = freeze.iter().find(|pattern| !layout.entries().iter().any(|e| names(pattern, &e.name))) {
        let known: Vec<&str> = layout.entries().iter().map(|e| e.name.as_str()).collect();
        let stems = known.iter().filter_map(|name| name.rsplit_once('.').map(|(stem, _)| stem));
        let near = did_you_mean(stray, known.iter().copied().chain(stems));
        return Err(Error::input(format!(
            "train.freeze: `{stray}` names no parameter{near}; the network has {}",
            known.join(", ")
        )));
    }
    let mut mask = vec![0.0; layout.total()];
    let adapts = has_adapters(layout);
    let moves = |name: &str| (!adapts || is_adapter(name)) && !freeze.iter().any(|pattern| names(pattern, name));
    layout.entries().iter().filter(|e| moves(&e.name)).for_each(|e| mask[e.offset..e.offset + e.len].fill(1.0));
    match mask.contains(&1.0) {
        true => Ok(mask),
        false => Err(Error::input("train.freeze names every parameter, and nothing is left to train")),
    }
}

/// Whether a network has adapters: then it is they that are trained.
fn has_adapters(layout: &ParamLayout) -> bool {
    layout.entries().iter().any(|e| is_adapter(&e.name))
}

impl Fit {
    /// Holds the parameters that the recipe freezes, and what has adapters beside it, at what the session has.
    ///
    /// # Errors
    /// Those of the names; no memory.
    pub(super) fn freeze(&mut self, session: &mut Session) -> Result<()> {
        if self.config.freeze.is_empty() && !has_adapters(&session.model.layout) {
            return Ok(());
        }
        let values = mask(&self.config.freeze, &session.model.layout)?;
        let (mask, origin) = (session.vector("frozen")?, session.vector("frozen at")?);
        session.write_each(mask, &values)?;
        let theta = session.theta;
        session.run(|rec| {
            rec.copy(theta, origin);
            Ok(())
        })?;
        self.frozen = Some(Bounds { mask, origin });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_names_stems_and_stars() {
        let of = |pattern: &str| {
            ["conv1.weight", "conv1.bias", "layer1.0.conv1.weight", "layer10.weight", "fc.weight"]
                .iter()
                .map(|name| u8::from(names(pattern, name)))
                .collect::<Vec<_>>()
        };
        assert_eq!(of("conv1"), [1, 1, 0, 0, 0]);
        assert_eq!(of("layer1"), [0, 0, 1, 0, 0]);
        assert_eq!(of("layer1.*"), [0, 0, 1, 0, 0]);
        assert_eq!(of("layer1*"), [0, 0, 1, 1, 0]);
        assert_eq!(of("*.bias"), [0, 1, 0, 0, 0]);
        assert_eq!(of("*conv1"), [1, 1, 1, 0, 0]);
        assert_eq!(of("fc.weight"), [0, 0, 0, 0, 1]);
        assert_eq!(of("weight"), [0; 5]);
        assert_eq!(of("*"), [1; 5]);
    }
}
