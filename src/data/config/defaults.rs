//! A configuration with the defaults of its loader written out.

use super::DataConfig;
use crate::base::did_you_mean;
use crate::data::graph::{links, partition};
use crate::data::plant::Soil;
use crate::data::text;
use crate::data::{Loader, NodeSplit, Scaling, TargetKind, Task, find};
use crate::error::{Error, Result};

impl DataConfig {
    /// The same configuration with every default that the loader reads written out; resolving again changes nothing.
    ///
    /// # Errors
    /// [`Error::Input`] for an unknown loader, or a key that this loader does not read.
    pub fn resolved(&self) -> Result<DataConfig> {
        let row = find(&self.loader)?;
        if let Some(key) = self.set_keys().iter().find(|key| !row.keys.contains(&key.as_str())) {
            return Err(Error::input(format!(
                "data.{key}: the loader `{}` does not read this key{}; it reads {}",
                self.loader,
                did_you_mean(key, row.keys.iter().copied()),
                row.keys.join(", ")
            )));
        }
        self.normalize.as_ref().map_or(Ok(()), Scaling::check)?;
        self.check_targets()?;
        let mut out = self.clone();
        let (headed, kind) = (out.columns.is_none(), out.target_kind());
        links::check_keys(&out)?;
        let link = out.task == Some(Task::Link);
        let (mut split, mut test_fraction) = (NodeSplit::Random, 0.25);
        if let Loader::Graph { split: usual, test_fraction: part, .. } = row.load {
            split = out.split.unwrap_or(if row.keys.contains(&"split") { usual } else { split });
            test_fraction = part;
        }
        if link {
            (split, test_fraction) = (NodeSplit::Random, 0.1);
        }
        for &key in row.keys {
            match key {
                "normalize" => fill(&mut out.normalize, Scaling::Word(row.normalize)),
                "task" => fill(&mut out.task, Task::Node),
                "split" if !link => fill(&mut out.split, split),
                "fold" if out.folds.is_some() => fill(&mut out.fold, 0),
                "test_fraction" if split == NodeSplit::Random && out.folds.is_none() => {
                    fill(&mut out.test_fraction, test_fraction);
                }
                "validation_fraction" if split == NodeSplit::Random => {
                    fill(&mut out.validation_fraction, if link { 0.05 } else { 0.0 });
                }
                "split_seed" => fill(&mut out.split_seed, 0),
                "header" => fill(&mut out.header, headed),
                "node_header" => fill(&mut out.node_header, true),
                "decimal" => fill(&mut out.decimal, ".".to_owned()),
                "delimiter" => fill(&mut out.delimiter, ",".to_owned()),
                "missing" => fill(&mut out.missing, vec![String::new(), "?".to_owned()]),
                "missing_indicator" => fill(&mut out.missing_indicator, false),
                "skip_rows" => fill(&mut out.skip_rows, 0),
                "test_skip_rows" => fill(&mut out.test_skip_rows, 0),
                "label_strip" => fill(&mut out.label_strip, String::new()),
                "grayscale" => fill(&mut out.grayscale, false),
                "quotes" => fill(&mut out.quotes, true),
                "tokenizer" => fill(&mut out.tokenizer, "bytes".to_owned()),
                "vocabulary" if out.tokenizer.as_deref() == Some("bpe") => {
                    fill(&mut out.vocabulary, text::VOCABULARY);
                }
                "context" => fill(&mut out.context, text::CONTEXT),
                "directed" => fill(&mut out.directed, false),
                "plant" => {
                    let soil = match (&row.load, kind) {
                        (Loader::Graph { .. }, _) => Soil::Graph,
                        (Loader::Records(_), TargetKind::Text) => Soil::Text,
                        (Loader::Records(_), _) => Soil::Rows,
                    };
                    out.plant = out.plant.map(|plant| plant.resolved(soil)).transpose()?;
                }
                _ => synthetic(&mut out, key),
            }
        }
        partition::check_keys(&out)?;
        Ok(out)
    }

    /// The keys that are set, without `loader`.
    fn set_keys(&self) -> Vec<String> {
        let table = serde_json::to_value(self).unwrap_or_default();
        let keys = table.as_object().map(|table| table.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
        keys.into_iter().filter(|key| key != "loader").collect()
    }
}

/// Defaults of the loaders that make data up; paths and choices have none.
fn synthetic(out: &mut DataConfig, key: &str) {
    let (stripes, kind) = (out.pattern.as_deref() == Some("stripes"), out.target_kind());
    match key {
        "pattern" => fill(&mut out.pattern, if kind == TargetKind::Class { "blobs" } else { "waves" }.to_owned()),
        "samples" => fill(&mut out.samples, 400),
        "classes" => fill(
            &mut out.classes,
            match kind {
                TargetKind::Class => 4,
                TargetKind::Real => 1,
                TargetKind::MultiLabel => 3,
                // Texts have none.
                TargetKind::Text => 4,
            },
        ),
        "shape" => fill(&mut out.shape, if stripes { vec![1, 8, 8] } else { vec![8] }),
        "noise" if kind != TargetKind::Class => fill(&mut out.noise, 0.1),
        "noise" => fill(&mut out.noise, if stripes { 0.3 } else { 1.0 }),
        "nodes" => fill(&mut out.nodes, 400),
        "p_in" => fill(&mut out.p_in, 0.05),
        "p_out" => fill(&mut out.p_out, 0.005),
        "features" => fill(&mut out.features, 32),
        "seed" => fill(&mut out.seed, 0),
        _ => {}
    }
}

fn fill<T>(slot: &mut Option<T>, default: T) {
    slot.get_or_insert(default);
}
