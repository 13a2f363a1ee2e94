//! Which rows of the registries a selection covers, and which it leaves out.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Kind, Selection, grad};
use crate::error::Result;
use crate::harness::nets::small_zoo;
use crate::kernels;
use crate::nn::LAYERS;

/// Rows of a registry and how many selected items are about each.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// `kernels`, or `layers and architectures`.
    pub of: &'static str,
    /// Cases by kernel.
    pub rows: BTreeMap<String, usize>,
    /// Rows that nothing is about.
    pub uncovered: Vec<String>,
    /// Kernels that no network records in its passes: those of losses, optimisers, edits and of data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernels_beside: Option<Vec<&'static str>>,
}

impl Coverage {
    /// Of a selection; nothing is run.
    ///
    /// # Errors
    /// An example of the registries is not a network.
    pub fn of(selection: &Selection) -> Result<Coverage> {
        let mut rows: BTreeMap<String, usize> = match selection.kind {
            Kind::Grad => {
                LAYERS.iter().map(|l| l.kind).chain(small_zoo().map(|z| z.name)).map(|n| (n.to_owned(), 0)).collect()
            }
            _ => kernels::kernels().iter().map(|k| (k.name.to_owned(), 0)).collect(),
        };
        selection.each(|item| {
            let about: BTreeSet<&str> = match selection.kind {
                Kind::Grad => item.name.split(|c: char| !c.is_alphanumeric() && c != '_').collect(),
                _ => item.kernels.iter().copied().collect(),
            };
            about.iter().for_each(|name| {
                rows.entry((*name).to_owned()).and_modify(|n| *n += 1);
            });
            Ok(())
        })?;
        let uncovered = rows.iter().filter(|(_, n)| **n == 0).map(|(name, _)| name.clone()).collect();
        let (of, kernels_beside) = match selection.kind {
            Kind::Grad => {
                let recorded = grad::kernels()?;
                let beside = kernels::kernels().iter().map(|k| k.name).filter(|n| !recorded.contains(n)).collect();
                ("layers and architectures", Some(beside))
            }
            _ => ("kernels", None),
        };
        Ok(Coverage { of, rows, uncovered, kernels_beside })
    }

    /// Covered rows, all rows.
    pub fn counts(&self) -> (usize, usize) {
        (self.rows.len() - self.uncovered.len(), self.rows.len())
    }
}
